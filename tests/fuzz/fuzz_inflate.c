/* SPDX-License-Identifier: MIT */
/*
 * fuzz_inflate.c - any bytes as a deflated stream: span by span it is what zlib makes of all of it at once
 *
 * The first four bytes are parameters; the rest is the stream.
 *
 * fuzz: -max_len=2000
 * brief: 12000
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "applets/zip/index.h"

#define OUT_MAX (1U << 16)	/* twice a window */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hold(bool condition, const char *what)
{
	if (!condition) {
		__builtin_printf("does not hold: %s\n", what);
		abort();
	}
}

static int read_memory(const struct source *source, uint64_t offset, void *into, uint32_t length)
{
	hold(offset <= source->size && length <= source->size - offset, "reads stay inside");
	memcpy(into, source->bytes + offset, length);
	return 0;
}

/* What zlib makes of it. -1: nothing. */
static int64_t whole(const uint8_t *data, size_t size, unsigned char *out)
{
	z_stream zlib = { .next_in = (uint8_t *)data, .avail_in = (uInt)size, .next_out = out, .avail_out = OUT_MAX };
	int result;

	hold(inflateInit2(&zlib, -15) == Z_OK, "there is memory");
	result = inflate(&zlib, Z_FINISH);
	inflateEnd(&zlib);
	return result == Z_STREAM_END ? (int64_t)zlib.total_out : -1;
}

static unsigned char expected[OUT_MAX], room[WINDOW + OUT_MAX];

/* As in the engine, they serve one stream after the other. */
static struct scan *scan;
static struct decoder decoder;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	scan = scan_new();
	hold(scan && !decoder_open(&decoder), "there is memory");
	return 0;
}

/* Through the member from @place, at most @spans of them. The result of the last. */
static int go_through(const struct source *source, struct index *index, const struct checkpoint *from, uint32_t spans,
		      bool add, bool right)
{
	struct place end = from->at;
	const char *why;
	int result = scan_begin(scan, source, &index->member, &from->at, from->window);

	while (!result && spans--) {
		uint64_t start = end.out;
		char *to = (char *)room + WINDOW;

		result = scan_span(scan, source, &index->member, index->span, to, &end, &why);
		if (result < 0)
			break;
		hold(end.out >= start && end.out - start <= index->span && end.out <= index->member.size, "a span is as long as it may be");
		if (right)
			hold(!memcmp(to, expected + start, end.out - start), "what comes out is right");
		if (add) {
			uint32_t before = (uint32_t)(end.out < WINDOW ? end.out : WINDOW);
			uint32_t length = (uint32_t)(end.out - start);

			index_add(index, &end, libdeflate_crc32(0, to, length),
				  before && !result ? window_pack((unsigned char *)to + length - before, before) : NULL);
		}
	}
	return result;
}

/* Some of them, from @first on: each unpacks a window, and that is what takes the time. */
static void decode_some(const struct source *source, const struct index *index, uint8_t first)
{
	uint32_t step = 1 + index->count / 8;

	for (uint32_t i = first % step; i < index->count; i += step) {
		struct span span = index_span(index, i);
		uint64_t part;
		int result;

		memset(room + WINDOW, 0xa5, index->span);
		result = decode_span(&decoder, source, &index->member, &span, (char *)room + WINDOW);
		hold(!result, "every span decodes");
		hold(!memcmp(room + WINDOW, expected + span.begin.out, index_length(index, i)), "to the right bytes");
		part = index_length(index, i) / 3;
		result = scan_part(source, &index->member, &span, span.begin.out + part, (uint32_t)part + 1, (char *)room);
		hold(!result && !memcmp(room, expected + span.begin.out + part, part + 1), "so does a part of it");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct source source;
	struct member member;
	struct index index;
	int64_t length;
	int result;

	if (size < 5)
		return 0;
	source = (struct source){ .read = read_memory, .bytes = data, .size = size };
	length = whole(data + 4, size - 4, expected);
	member = (struct member){ .data = 4, .packed = size - 4, .size = (uint64_t)length };
	if (length <= 0)
		member.size = 1 + (data[1] | (uint64_t)data[2] << 8);	/* whatever is said, it fails */
	else if (data[3] & 1)
		member.size += data[1] & 1 ? 1 + (uint64_t)data[2] : -(1 + (uint64_t)data[2]) % member.size;
	if (member.size == 0 || member.size > OUT_MAX)
		return 0;
	index_init(&index, &member, SCAN_SPAN_MIN << data[0] % 4, PIECE_MAX);
	result = go_through(&source, &index, &index.frontier, UINT32_MAX, true, length > 0 && member.size <= (uint64_t)length);
	hold((result == 1) == (length > 0 && (uint64_t)length == member.size), "both say the same of it");
	if (result == 1) {
		index.member.crc = libdeflate_crc32(0, expected, member.size);
		hold(index_valid(&index), "it is valid, and its checksum right");
		decode_some(&source, &index, data[2]);
		go_through(&source, &index, &index.points[data[1] % index.count], 3, false, true);
		while (index.count > 2 && index.span < OUT_MAX / 2 && index_thin(&index, UINT32_MAX)) {
			hold(index_valid(&index), "it is still valid");
			decode_some(&source, &index, data[2]);
		}
	}
	index_clear(&index);
	return 0;
}
