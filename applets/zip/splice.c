/* SPDX-License-Identifier: MIT */
/* splice.c - streams that begin in the middle, and libdeflate to unpack them */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "applets/zip/crc32.h"
#include "applets/zip/splice.h"
#include "core/util.h"

/* --- bits --- */

struct bits {
	unsigned char *bytes;	/* zeroed ahead */
	uint64_t count;
};

static void put_bits(struct bits *bits, uint64_t value, unsigned int count)
{
	for (; count; count--, value >>= 1, bits->count++)
		bits->bytes[bits->count / 8] |= (unsigned char)((value & 1) << (bits->count % 8));
}

static void put_empty_fixed(struct bits *bits)
{
	put_bits(bits, 1 << 1, 10);	/* fixed codes, and the end, which is seven zeros */
}

/*
 * 91 bits, an odd number: dynamic codes, of which the end of the block has one
 * bit, and two distances that nobody uses make that code complete.
 */
static void put_empty_dynamic(struct bits *bits)
{
	put_bits(bits, 2 << 1, 3);
	put_bits(bits, 0, 5);			/* 257 lengths of literals */
	put_bits(bits, 1, 5);			/* 2 of distances */
	put_bits(bits, 18 - 4, 4);		/* 18 lengths of codes for lengths: */
	for (int i = 0; i < 18; i++)
		put_bits(bits, i == 2 || i == 17, 3);	/* "11 or more zeros" is bit 1, "length 1" is bit 0 */
	put_bits(bits, 1 | (138 - 11) << 1, 8);
	put_bits(bits, 1 | (118 - 11) << 1, 8);
	put_bits(bits, 0, 3);			/* the end of the block and both distances */
	put_bits(bits, 0, 1);			/* the end */
}

/* Empty blocks whose bits are as many as @wanted, modulo 8. */
static void put_filler(struct bits *bits, unsigned int wanted)
{
	if (wanted % 2) {
		put_empty_dynamic(bits);
		wanted = (wanted - 91 % 8) & 7;
	}
	for (; wanted; wanted -= 2)
		put_empty_fixed(bits);
}

static void put_stored_header(struct bits *bits, bool last, uint32_t length)
{
	put_bits(bits, last, 8);
	put_bits(bits, length, 16);
	put_bits(bits, ~length, 16);
}

static int put_header(struct bits *bits, const struct source *source, const struct member *member,
		      const struct place *place)
{
	unsigned char bytes[HEADER_BITS_MAX / 8 + 2];
	uint64_t first = place->header_bit / 8;
	unsigned int skip = place->header_bit % 8, end = skip + place->header_bits;
	int err = source->read(source, member->data + first, bytes, (end + 7) / 8);

	if (err)
		return err;
	for (unsigned int i = skip; i < end; i++)
		put_bits(bits, bytes[i / 8] >> i % 8 & 1, 1);
	return 0;
}

static bool in_stored(const struct place *place)
{
	return place->where == IN_STORED || place->where == IN_LAST_STORED;
}

int64_t splice_begin(const struct source *source, const struct member *member, const struct place *place, uint64_t end,
		     unsigned char *to, uint32_t room, uint32_t *prologue)
{
	struct bits bits = { to, 0 };
	uint64_t first = place->bit / 8;
	unsigned char shared;
	uint32_t length;
	int err = 0;

	memset(to, 0, PROLOGUE_MAX);
	if (in_stored(place))
		put_stored_header(&bits, place->where == IN_LAST_STORED, place->stored);
	else
		put_filler(&bits, (place->bit - place->header_bits) & 7);
	if (place->where == IN_CODES)
		err = put_header(&bits, source, member, place);
	if (err)
		return err;
	*prologue = (uint32_t)(bits.count / 8);
	shared = to[*prologue];		/* bits of ours in the byte where the member's begin */
	length = (uint32_t)min_u64(end - first, room - *prologue);
	err = source->read(source, member->data + first, to + *prologue, length);
	if (err)
		return err;
	if (bits.count % 8)
		to[*prologue] = (unsigned char)((to[*prologue] >> bits.count % 8 << bits.count % 8) | shared);
	return *prologue + length;
}

/* --- libdeflate --- */

int decoder_open(struct decoder *decoder)
{
	*decoder = (struct decoder){ .library = libdeflate_alloc_decompressor() };
	return decoder->library ? 0 : -ENOMEM;
}

void decoder_close(struct decoder *decoder)
{
	libdeflate_free_decompressor(decoder->library);
	free(decoder->scratch);
}

#define SPARE_MAX (4U << 20)	/* bytes that are kept for the next time, which hardly is as long */

static int make_room(struct decoder *decoder, uint64_t bytes)
{
	if (bytes <= decoder->room && decoder->room - bytes <= SPARE_MAX)
		return 0;
	free(decoder->scratch);
	decoder->room = round_up(bytes, 65536);
	decoder->scratch = malloc(decoder->room);
	if (!decoder->scratch)
		decoder->room = 0;
	return decoder->room ? 0 : -ENOMEM;
}

int decode_member(struct decoder *decoder, const struct source *source, const struct member *member, char *to)
{
	int err = make_room(decoder, member->packed);
	size_t used;

	if (!err)
		err = source->read(source, member->data, decoder->scratch, (uint32_t)member->packed);
	if (err)
		return err;
	if (libdeflate_deflate_decompress_ex(decoder->library, decoder->scratch, member->packed, to, member->size, &used,
					     NULL) != LIBDEFLATE_SUCCESS)
		return -EBADMSG;
	return crc32_add(0, to, member->size) == member->crc ? 0 : -EBADMSG;
}

/*
 * The library does not take the first part of a stored block. So if the span
 * ends in one, its header says that it ends there: the one that the block
 * begins with, or the one that was made because the span begins in it, too.
 * @first is the byte that is at @packed.
 */
static void cut_stored(const struct span *span, unsigned char *packed, uint64_t first, uint64_t length)
{
	uint64_t at = (span->end.header_bit + span->end.header_bits) / 8 - 4;
	unsigned char *header;
	uint32_t size;

	if (!in_stored(&span->end))
		return;
	if (in_stored(&span->begin) && span->end.header_bit < span->begin.bit)
		header = packed - 4;
	else if (at >= first && at - first + 4 <= length)
		header = packed + (at - first);
	else
		return;
	size = (header[0] | (uint32_t)header[1] << 8) - span->end.stored;
	header[0] = (unsigned char)size;
	header[1] = (unsigned char)(size >> 8);
	header[2] = (unsigned char)~size;
	header[3] = (unsigned char)(~size >> 8);
}

/* A stored block with what is before the span. Returns its length, or -EBADMSG. */
static int64_t put_window(unsigned char *to, const struct window *window)
{
	struct bits bits = { to, 0 };

	if (!window)
		return 0;
	memset(to, 0, 5);
	put_stored_header(&bits, false, window->size);
	return window_unpack(window, to + 5) ? (int64_t)window->size + 5 : -EBADMSG;
}

/*
 * What the library makes of the end of a span does not matter: it finds the
 * end of the stream, or of the room, or of the input, all behind the last byte
 * that is wanted. The checksum says whether these are right.
 */
int decode_span(struct decoder *decoder, const struct source *source, const struct member *member, const struct span *span,
		char *to)
{
	uint64_t first = span->begin.bit / 8, length = span->end.out - span->begin.out;
	uint32_t before = span->window ? span->window->size : 0, prologue = 0;
	int64_t front = make_room(decoder, 5 + WINDOW + PROLOGUE_MAX + span->packed_end - first), got;

	if (!front)
		front = put_window(decoder->scratch, span->window);
	if (front < 0)
		return (int)front;
	got = splice_begin(source, member, &span->begin, span->packed_end, decoder->scratch + front,
			   (uint32_t)(decoder->room - (uint64_t)front), &prologue);
	if (got < 0)
		return (int)got;
	cut_stored(span, decoder->scratch + front + prologue, first, (uint64_t)got - prologue);
	libdeflate_deflate_decompress(decoder->library, decoder->scratch, (size_t)(front + got), to - before, before + length,
				      &(size_t){ 0 });
	return crc32_add(0, to, length) == span->crc ? 0 : -EBADMSG;
}

int decode_chunk(struct decoder *decoder, const struct source *source, const struct member *member, uint64_t offset,
		 uint32_t packed, uint32_t length, char *to)
{
	static const unsigned char last[2] = { 3, 0 };	/* an empty block, and the last one, which only the last chunk has */
	int err = make_room(decoder, packed + sizeof(last));

	if (!err)
		err = source->read(source, member->data + offset, decoder->scratch, packed);
	if (err)
		return err;
	memcpy(decoder->scratch + packed, last, sizeof(last));
	return libdeflate_deflate_decompress(decoder->library, decoder->scratch, packed + sizeof(last), to, length, NULL) ==
		LIBDEFLATE_SUCCESS ? 0 : -EBADMSG;
}
