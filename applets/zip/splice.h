/* SPDX-License-Identifier: MIT */
/*
 * splice.h - begin to unpack in the middle of a deflated stream
 *
 * Libraries begin at the start of a stream and at no other place. So they get
 * one that starts as we like: what came before as a stored block; empty blocks
 * until the bits fall as they do in the member; the header of the block that
 * we are in the middle of; and then the member's own bytes from there.
 */
#ifndef APPLETS_ZIP_SPLICE_H
#define APPLETS_ZIP_SPLICE_H

#include <libdeflate.h>
#include <stdint.h>

#include "applets/zip/inflate.h"
#include "applets/zip/window.h"

enum where {
	AT_BLOCK,		/* a block begins here */
	IN_CODES,		/* between two codes of a block that has a header to be repeated */
	IN_STORED,		/* bytes of a stored block are left */
	IN_LAST_STORED,		/* and it is the last block */
};

/* Where unpacking can begin. */
struct place {
	uint64_t out;		/* bytes that came out before it */
	uint64_t bit;		/* of the member's packed bytes, the lowest of a byte first */
	uint64_t header_bit;	/* in a block: where its header begins */
	uint16_t header_bits;	/* and how long it is */
	uint16_t stored;	/* bytes left, if in a stored block */
	uint8_t where;		/* enum where */
};

#define HEADER_BITS_MAX 4498	/* 3 + 14, 19 lengths of 3, 286 + 30 codes of 7 with up to 7 more */
#define PROLOGUE_MAX 600	/* bytes of empty blocks and a header */

/*
 * Fill @to, which has @room of more than PROLOGUE_MAX, with what it takes to
 * begin at @place and with the member's bytes from there on, before @end at
 * most. Returns how many bytes that are, or -errno; *prologue is how many of
 * them come before the byte that @place is in.
 */
int64_t splice_begin(const struct source *source, const struct member *member, const struct place *place, uint64_t end,
		     unsigned char *to, uint32_t room, uint32_t *prologue);

/* What a thread needs to unpack. */
struct decoder {
	struct libdeflate_decompressor *library;
	unsigned char *scratch;		/* grows as needed */
	uint64_t room;
};

int decoder_open(struct decoder *decoder);	/* 0 or -ENOMEM */
void decoder_close(struct decoder *decoder);

/* All of these: 0; -EBADMSG if the data is damaged; or another -errno, and the next time may be better. */

/* All of a member, and its checksum is right. */
int decode_member(struct decoder *decoder, const struct source *source, const struct member *member, char *to);

struct span {
	struct place begin, end;
	const struct window *window;	/* what is before it; NULL: nothing */
	uint64_t packed_end;		/* behind its last packed byte */
	uint32_t crc;
};

/* The bytes of @span, to where there is room for WINDOW before, too. */
int decode_span(struct decoder *decoder, const struct source *source, const struct member *member, const struct span *span,
		char *to);
/* @packed bytes at @offset that refer to nothing before them. */
int decode_chunk(struct decoder *decoder, const struct source *source, const struct member *member, uint64_t offset,
		 uint32_t packed, uint32_t length, char *to);

#endif
