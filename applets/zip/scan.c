/* SPDX-License-Identifier: MIT */
/*
 * scan.c - zlib, stopping where we want
 *
 * With Z_TREES it returns before and after each block's header, too. Bits are
 * counted from the member's first one. A stream that begins in the middle has
 * a prologue (splice.h): as if the member had been longer at the front, so
 * that bits before the place where it begins have lower or negative numbers.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "applets/zip/crc32.h"
#include "applets/zip/scan.h"
#include "core/util.h"

#define INPUT 32768
#define CODE_MAX 258		/* bytes that one code can give */

struct scan {
	z_stream zlib;
	uint64_t out;			/* bytes given out, carried ones included */
	int64_t next;			/* which byte of the member zlib gets next */
	int64_t began;			/* in which bit of the member */
	uint64_t block;			/* in which bit the block began; its header is being read */
	uint64_t header_bit;		/* the header of the block that we are in */
	uint16_t header_bits;
	bool in_header;
	uint16_t carried;
	unsigned char carry[CODE_MAX];
	unsigned char window[WINDOW];	/* what was before; its end counts */
	unsigned char input[PROLOGUE_MAX + INPUT];
};

/* zlib refers to it, for the checksum of the zlib format, which members of archives do not have. */
uLong adler32(uLong adler, const Bytef *bytes, uInt length)
{
	(void)bytes;
	(void)length;
	return adler;
}

/* An empty block of fixed codes. */
static const unsigned char fixed_block[] = { 0x03, 0x00 };

int scan_prepare(void)
{
	z_stream zlib = { .next_in = (Bytef *)(uintptr_t)fixed_block, .avail_in = sizeof(fixed_block) };
	unsigned char out;
	int result = inflateInit2(&zlib, -MAX_WBITS);

	if (result != Z_OK)
		return -ENOMEM;
	zlib.next_out = &out;
	zlib.avail_out = sizeof(out);
	result = inflate(&zlib, Z_FINISH);
	inflateEnd(&zlib);
	return result == Z_STREAM_END ? 0 : -ENOMEM;
}

struct scan *scan_new(void)
{
	struct scan *scan = calloc(1, sizeof(*scan));

	if (!scan || inflateInit2(&scan->zlib, -MAX_WBITS) == Z_OK)
		return scan;
	free(scan);
	return NULL;
}

void scan_free(struct scan *scan)
{
	if (scan)
		inflateEnd(&scan->zlib);
	free(scan);
}

int scan_begin(struct scan *scan, const struct source *source, const struct member *member, const struct place *place,
	       const struct window *window)
{
	uint32_t before = window ? window->size : 0, prologue;
	unsigned char *from = scan->window + WINDOW - before;
	int64_t got;

	inflateReset(&scan->zlib);
	if (before && (!window_unpack(window, from) || inflateSetDictionary(&scan->zlib, from, before) != Z_OK))
		return -EBADMSG;
	got = splice_begin(source, member, place, member->packed, scan->input, sizeof(scan->input), &prologue);
	if (got < 0)
		return (int)got;
	scan->zlib.next_in = scan->input;
	scan->zlib.avail_in = (uInt)got;
	scan->out = place->out;
	scan->carried = 0;
	scan->next = (int64_t)(place->bit / 8) - prologue;
	scan->began = (int64_t)place->bit;
	scan->block = place->bit;
	scan->zlib.data_type = 0;
	scan->in_header = place->where == AT_BLOCK;
	scan->header_bit = place->header_bit;
	scan->header_bits = place->header_bits;
	return 0;
}

/* The bit that zlib has not looked at yet. */
static int64_t position(const struct scan *scan)
{
	return scan->next * 8 - (scan->zlib.data_type & 63);
}

/* More packed bytes, but none from @limit on. False with 0 in *err: there are none. */
static bool refill(struct scan *scan, const struct source *source, const struct member *member, uint64_t limit, int *err)
{
	uint64_t at = (uint64_t)scan->next;
	uint32_t length = (uint32_t)min_u64(limit > at ? limit - at : 0, INPUT);

	*err = length ? source->read(source, member->data + at, scan->input, length) : 0;
	if (*err || !length)
		return false;
	scan->zlib.next_in = scan->input;
	scan->zlib.avail_in = length;
	return true;
}

/* Keep in mind where blocks and their headers begin. Those of the prologue are none of the member's. */
static void note_stop(struct scan *scan)
{
	int64_t at = position(scan);

	if (at < scan->began)
		return;
	if (scan->zlib.data_type & 128) {
		scan->block = (uint64_t)at;
		scan->in_header = true;
	} else if (scan->zlib.data_type & 256) {
		if (scan->in_header) {
			scan->header_bit = scan->block;
			scan->header_bits = (uint16_t)((uint64_t)at - scan->block);
		}
		scan->in_header = false;
	}
}

static int step(struct scan *scan)
{
	const unsigned char *from = scan->zlib.next_in;
	unsigned int room = scan->zlib.avail_out;
	int result = inflate(&scan->zlib, Z_TREES);

	scan->next += scan->zlib.next_in - from;
	scan->out += room - scan->zlib.avail_out;
	note_stop(scan);
	return result;
}

/* Where it is; a code that did not fit begins there. */
static void here(const struct scan *scan, struct place *place)
{
	long mark = inflateMark((z_streamp)&scan->zlib);
	uint32_t partly = (uint32_t)mark & 0xffff;

	*place = (struct place){ .out = scan->out, .bit = scan->block, .where = AT_BLOCK };
	if (scan->in_header)
		return;
	place->bit = (uint64_t)position(scan);
	place->header_bit = scan->header_bit;
	place->header_bits = scan->header_bits;
	if (mark < 0) {
		place->where = scan->zlib.data_type & 64 ? IN_LAST_STORED : IN_STORED;
		place->stored = (uint16_t)partly;
		return;
	}
	place->where = IN_CODES;
	place->bit -= (uint64_t)mark >> 16;
	place->out -= partly;
}

/*
 * Behind a header it is not known yet what kind of block this is, and behind
 * the last block the end has not been noticed: one step more needs no input.
 */
static bool between(const struct scan *scan)
{
	return scan->zlib.data_type & 256 || (scan->zlib.data_type & 192) == 192;
}

/* Why unpacking cannot go on after a step, or NULL if it can. */
static const char *damage(const struct scan *scan, const struct member *member, int result)
{
	bool boundary = scan->zlib.data_type & 128;

	if (result != Z_OK && result != Z_BUF_ERROR)
		return "its data is damaged";
	if (!boundary && (scan->zlib.avail_in ? scan->out == member->size : scan->next >= (int64_t)member->packed))
		return "it does not end where it should";
	return NULL;
}

/* Go on until the room is full, the member has ended (1), or @limit is reached. */
static int run(struct scan *scan, const struct source *source, const struct member *member, uint64_t limit, const char **why)
{
	int err, result;

	for (;;) {
		if (!scan->zlib.avail_in && !refill(scan, source, member, min_u64(limit, member->packed), &err) &&
		    (err || ((uint64_t)scan->next < member->packed && !between(scan))))
			return err;
		result = step(scan);
		if (result == Z_STREAM_END)
			return 1;
		if (result == Z_MEM_ERROR)
			return -ENOMEM;
		if ((result == Z_OK || result == Z_BUF_ERROR) && between(scan))
			continue;
		if (!scan->zlib.avail_out && scan->out < member->size && result != Z_DATA_ERROR)
			return 0;
		*why = damage(scan, member, result);
		if (*why)
			return -EBADMSG;
	}
}

/* The same, with what is in the buffer behind @limit hidden. */
static int run_limited(struct scan *scan, const struct source *source, const struct member *member, uint64_t limit,
		       const char **why)
{
	uint64_t buffered = (uint64_t)(scan->next + scan->zlib.avail_in);
	unsigned int hidden = buffered > limit ? (unsigned int)(buffered - limit) : 0;
	int result;

	scan->zlib.avail_in -= hidden;
	result = run(scan, source, member, limit, why);
	scan->zlib.avail_in += hidden;
	return result;
}

int scan_span(struct scan *scan, const struct source *source, const struct member *member, uint32_t span, char *to,
	      struct place *end, const char **why)
{
	uint64_t start = scan->out - scan->carried;
	uint32_t wanted = (uint32_t)min_u64(span, member->size - start), given;
	int result;

	memcpy(to - WINDOW, scan->window, WINDOW);
	memcpy(to, scan->carry, scan->carried);
	scan->zlib.next_out = (unsigned char *)to + scan->carried;
	scan->zlib.avail_out = wanted - scan->carried;
	result = run_limited(scan, source, member, (uint64_t)(scan->next > 0 ? scan->next : 0) + packed_limit(span), why);
	if (result < 0)
		return result;
	if (result && scan->out != member->size) {
		*why = "it ends before it should";
		return -EBADMSG;
	}
	here(scan, end);
	if (result)
		*end = (struct place){ .out = member->size, .bit = member->packed * 8, .where = AT_BLOCK };
	given = (uint32_t)(end->out - start);
	scan->carried = (uint16_t)(scan->out - end->out);
	memcpy(scan->carry, to + given, scan->carried);
	memcpy(scan->window, to + given - WINDOW, WINDOW);
	return result;
}

/* --- a part of a span --- */

#define STEP (256U << 10)	/* bytes at once */

/* Of the bytes of the member from @at on, what is in [from, from + length). */
static void keep(char *to, uint64_t from, uint32_t length, const char *bytes, uint64_t at, uint64_t count)
{
	uint64_t first = max_u64(at, from), end = min_u64(at + count, from + length);

	if (first < end)
		memcpy(to + (first - from), bytes + (first - at), end - first);
}

static int run_part(struct scan *scan, const struct source *source, const struct member *member, const struct span *span,
		    uint64_t from, uint32_t length, char *to, char *step)
{
	struct place at = span->begin;
	const char *why;
	uint32_t crc = 0;
	int result = scan_begin(scan, source, member, &at, span->window);

	while (!result && at.out < span->end.out) {
		uint64_t start = at.out, count;

		result = scan_span(scan, source, member, STEP, step, &at, &why);
		if (result < 0)
			break;
		count = min_u64(at.out, span->end.out) - start;
		crc = crc32_add(crc, step, count);
		keep(to, from, length, step, start, count);
	}
	return result < 0 ? result : at.out >= span->end.out && crc == span->crc ? 0 : -EBADMSG;
}

int scan_part(const struct source *source, const struct member *member, const struct span *span, uint64_t from,
	      uint32_t length, char *to)
{
	struct scan *scan = scan_new();
	char *buffer = malloc(WINDOW + STEP);
	int err = -ENOMEM;

	if (scan && buffer)
		err = run_part(scan, source, member, span, from, length, to, buffer + WINDOW);
	scan_free(scan);
	free(buffer);
	return err;
}
