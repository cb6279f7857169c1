/* SPDX-License-Identifier: MIT */
/*
 * fuzz_index.c - any bytes as an index of a member: a file of ours with its checksum right, or one that came in the archive
 *
 * fuzz: -max_len=1500
 * brief: 400000
 */
#include <stdint.h>
#include <unistd.h>

#include "applets/zip/crc32.h"
#include "applets/zip/engine.h"
#include "tests/fuzz/names_clean.h"

static const uint8_t *file_at;
static size_t file_left;

static ssize_t fake_read(void *to, size_t limit)
{
	size_t n = file_left < limit ? file_left : limit;

	memcpy(to, file_at, n);
	file_at += n;
	file_left -= n;
	return (ssize_t)n;
}

#define read(fd, to, limit) fake_read(to, limit)
#include "applets/zip/sidecar.c"
#undef read
#define head sozip_head
#include "applets/zip/sozip.c"
#undef head

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What others take for granted of an index that was accepted. */
static void is_sound(const struct index *index, uint64_t size)
{
	uint64_t at = 0;

	HOLDS(index->complete && index_reach(index) == size);
	for (uint32_t i = 0; i < index->count; i++) {
		struct span span = index_span(index, i);

		HOLDS(span.begin.out == at && span.begin.bit <= span.end.bit && index_length(index, i) > 0);
		HOLDS(index_find(index, at) == i && span.packed_end <= index->member.packed);
		at += index_length(index, i);
	}
	HOLDS(at == size);
}

static void is_in_chunks(const struct index *index, uint64_t size)
{
	uint64_t count = (size - 1) / index->chunk + 1;

	HOLDS(index->complete && index_reach(index) == size);
	for (uint64_t i = 0; i < count; i++)
		HOLDS(index->chunks[i] < index->chunks[i + 1] && index_find(index, i * index->chunk) == i);
	HOLDS(index->chunks[0] == 0 && index->chunks[count] == index->member.packed);
}

static void load_ours(const uint8_t *data, size_t size)
{
	struct member member = { .id = 1, .data = 30, .packed = 1 + data[0] * 64U, .size = 1 + data[1] * 997U, .crc = 7 };
	struct head head = make_head(&member, 5, 10 + data[2] % 8, 1 + data[3] % 16);
	struct stream *stream = calloc(1, sizeof(*stream));
	size_t length = sizeof(head) + size + sizeof(uint32_t);
	uint8_t *file = malloc(length);
	struct index index;
	uint32_t crc;

	memcpy(file, &head, sizeof(head));
	memcpy(file + sizeof(head), data, size);
	crc = crc32_add(0, file, length - sizeof(crc));
	memcpy(file + length - sizeof(crc), &crc, sizeof(crc));
	file_at = file;
	file_left = length;
	index_init(&index, &member, SCAN_SPAN_MIN, PIECE_MAX);
	if (!load(stream, &index, 5, 1 << 20))
		is_sound(&index, member.size);
	index_clear(&index);
	free(file);
	free(stream);
}

static int read_bytes(const struct source *source, uint64_t offset, void *into, uint32_t length)
{
	HOLDS(offset <= source->size && length <= source->size - offset);
	memcpy(into, source->bytes + offset, length);
	return 0;
}

static void load_theirs(const uint8_t *data, size_t size)
{
	struct source source = { .read = read_bytes, .bytes = data, .size = size };
	struct member member = { .id = 1, .packed = 1 + data[0] * 64U, .size = 1 + data[1] * 997U };
	struct index index;

	if (size >= 32) {		/* two fields that must be right, or nothing is */
		member.size = number(data + 16, 8);
		member.packed = number(data + 24, 8);
	}
	if (!member.size)
		return;
	index_init(&index, &member, SCAN_SPAN_MIN, PIECE_MAX);
	if (!read_index(&source, &index, 0, size, 1 << 20))
		is_in_chunks(&index, member.size);
	index_clear(&index);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 8)
		return 0;
	if (data[0] & 1)
		load_ours(data + 1, size - 1);
	else
		load_theirs(data + 1, size - 1);
	return 0;
}
