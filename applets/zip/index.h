/* SPDX-License-Identifier: MIT */
/*
 * index.h - the checkpoints of one member, and what is known of it
 *
 * Nothing here locks: the engine does.
 */
#ifndef APPLETS_ZIP_INDEX_H
#define APPLETS_ZIP_INDEX_H

#include "applets/zip/scan.h"

/* A longer span would take more than a tenth of a second to unpack, and its memory: it is unpacked in pieces. */
#define PIECE_MAX (64U << 20)

struct checkpoint {
	struct place at;
	uint32_t crc;			/* of the span that begins here */
	struct window *window;		/* NULL: there is nothing before it */
};

struct index {
	struct member member;
	struct checkpoint *points;	/* one for each span that was gone through: index_point() */
	uint32_t count, room;
	uint32_t thinned, gap;		/* spans that were joined lately, and how many places are empty behind them */
	struct checkpoint frontier;	/* where the next one begins, or the end */
	uint64_t span;			/* bytes of one, at most */
	uint32_t piece;			/* bytes that are unpacked at once, of a longer span as well */
	uint32_t crc;			/* of all spans so far */
	uint64_t memory;		/* of windows and points */
	bool complete;			/* gone through to the end, and the checksum is right */
	uint64_t *chunks;		/* instead of points, if others made them (sozip.h): where each begins, and the end */
	uint32_t chunk;			/* bytes of one */
};

void index_init(struct index *index, const struct member *member, uint64_t span, uint32_t piece);
/* Forget all checkpoints. */
void index_clear(struct index *index);

/* How far it goes, in unpacked bytes. */
static inline uint64_t index_reach(const struct index *index) { return index->frontier.at.out; }

static inline struct checkpoint *index_point(const struct index *index, uint32_t i)
{
	return &index->points[i < index->thinned ? i : i + index->gap];
}

static inline uint64_t index_start(const struct index *index, uint32_t i)
{
	return index->chunks ? (uint64_t)i * index->chunk : index_point(index, i)->at.out;
}

/* The span that @offset is in, which is below index_reach(). */
uint32_t index_find(const struct index *index, uint64_t offset);
uint64_t index_length(const struct index *index, uint32_t i);
/* All it takes to decode span @i; its window stays the index's. */
struct span index_span(const struct index *index, uint32_t i);

/*
 * The span from the frontier to @end has checksum @crc, and @window is what is
 * before @end; it belongs to the index from now on, and is put if this fails.
 * Without a byte in it the frontier just moves. 0 or -ENOMEM.
 */
int index_add(struct index *index, const struct place *end, uint32_t crc, struct window *window);

/*
 * Join spans to twice their length, looking at @most of them, and going on
 * there next time; when all were, to twice that. There is memory for a few of
 * any length, so this ends. False if there is but one.
 */
bool index_thin(struct index *index, uint32_t most);

/* Is everything in it as the scan could have made it, all to the member's end and checksum? */
bool index_valid(const struct index *index);

#endif
