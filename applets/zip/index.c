/* SPDX-License-Identifier: MIT */
/* index.c - checkpoints: found, added, and joined when they are too many */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "applets/zip/checksum.h"
#include "applets/zip/index.h"
#include "core/util.h"

void index_init(struct index *index, const struct member *member, uint64_t span, uint32_t piece)
{
	*index = (struct index){ .member = *member, .span = span, .piece = piece };
}

void index_clear(struct index *index)
{
	for (uint32_t i = 0; i < index->count; i++)
		window_put(index_point(index, i)->window);
	window_put(index->frontier.window);
	free(index->points);
	free(index->chunks);
	index_init(index, &index->member, index->span, index->piece);
}

uint32_t index_find(const struct index *index, uint64_t offset)
{
	uint32_t low = 0, high = index->count;

	if (index->chunks)
		return (uint32_t)(offset / index->chunk);
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (index_point(index, middle)->at.out <= offset)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static const struct checkpoint *behind(const struct index *index, uint32_t i)
{
	return i + 1 < index->count ? index_point(index, i + 1) : &index->frontier;
}

/* The place behind span @i. */
static const struct place *index_end(const struct index *index, uint32_t i)
{
	return &behind(index, i)->at;
}

uint64_t index_length(const struct index *index, uint32_t i)
{
	uint64_t start = index_start(index, i);

	return index->chunks ? min_u64(index->chunk, index->member.size - start) : index_end(index, i)->out - start;
}

struct span index_span(const struct index *index, uint32_t i)
{
	const struct checkpoint *point = index_point(index, i);
	struct span span = { .begin = point->at, .end = *index_end(index, i), .window = point->window, .crc = point->crc };
	uint64_t most = point->at.bit / 8 + packed_limit(index->span) + PACKED_SLACK;

	/* empty blocks behind a span, which may be many, count to it; they need not be read */
	span.packed_end = min_u64(min_u64((span.end.bit + 7) / 8, most), index->member.packed);
	return span;
}

/* All that was joined lately is as good as all that was not yet. */
static void close_gap(struct index *index)
{
	memmove(index->points + index->thinned, index->points + index->thinned + index->gap,
		(index->count - index->thinned) * sizeof(*index->points));
	index->gap = 0;
}

static int make_room(struct index *index)
{
	uint32_t room = index->room ? index->room * 2 : 8;
	struct checkpoint *points;

	if (index->count + index->gap < index->room)
		return 0;
	if (index->gap > index->room / 8) {
		close_gap(index);
		return 0;
	}
	points = realloc(index->points, room * sizeof(*points));
	if (!points)
		return -ENOMEM;
	index->memory += (room - index->room) * sizeof(*points);
	index->points = points;
	index->room = room;
	return 0;
}

static void replace_window(struct index *index, struct window **window, struct window *with)
{
	index->memory += window_memory(with) - window_memory(*window);
	window_put(*window);
	*window = with;
}

/* Can the span that begins at @first go on to @end? */
static bool joinable(const struct index *index, const struct checkpoint *first, const struct place *end)
{
	return end->out - first->at.out <= index->span && (end->bit - first->at.bit) / 8 <= packed_limit(index->span);
}

/* The last span goes on: longer ones are gone through in several steps. */
static bool grows(const struct index *index, const struct place *end)
{
	return index->count && index->span > index->piece && joinable(index, index_point(index, index->count - 1), end);
}

static void join(struct checkpoint *to, uint32_t crc, uint64_t length)
{
	to->crc = checksum_join(to->crc, crc, length);
}

int index_add(struct index *index, const struct place *end, uint32_t crc, struct window *window)
{
	uint64_t length = end->out - index_reach(index);
	bool same = grows(index, end);
	int err = length && !same ? make_room(index) : 0;

	if (err) {
		window_put(window);
		return err;
	}
	if (!length) {
		index->frontier.at = *end;
		window_put(window);		/* the same as before */
		return 0;
	}
	index->crc = checksum_join(index->crc, crc, length);
	if (same) {
		join(index_point(index, index->count - 1), crc, length);
		replace_window(index, &index->frontier.window, NULL);
	} else {
		index->frontier.crc = crc;
		index->points[index->count + index->gap] = index->frontier;
		index->count++;
	}
	index->frontier = (struct checkpoint){ .at = *end };
	replace_window(index, &index->frontier.window, window);
	return 0;
}

static void thin_next(struct index *index)
{
	struct checkpoint *last = index_point(index, index->thinned - 1), *next = index_point(index, index->thinned);

	if (joinable(index, last, index_end(index, index->thinned))) {
		join(last, next->crc, index_length(index, index->thinned));
		replace_window(index, &next->window, NULL);
		index->gap++;
		index->count--;
	} else {
		index->points[index->thinned++] = *next;
	}
}

bool index_thin(struct index *index, uint32_t most)
{
	if (index->count < 2)
		return false;
	if (!index->thinned) {
		index->thinned = 1;
		index->span *= 2;
	}
	for (; most && index->thinned < index->count; most--)
		thin_next(index);
	if (index->thinned == index->count)
		index->thinned = index->gap = 0;
	return true;
}

static bool header_valid(const struct place *place, uint32_t most)
{
	return place->header_bits && place->header_bits <= most && place->header_bit < place->bit &&
		place->header_bits <= place->bit - place->header_bit;
}

static bool place_valid(const struct place *place)
{
	switch (place->where) {
	case AT_BLOCK:
		return !place->header_bits && !place->stored;
	case IN_CODES:
		return !place->stored && header_valid(place, HEADER_BITS_MAX);
	case IN_STORED:
	case IN_LAST_STORED:
		return place->stored && place->bit % 8 == 0 && header_valid(place, 3 + 7 + 32) &&
			place->header_bits >= 3 + 32 && (place->header_bit + place->header_bits) % 8 == 0;
	default:
		return false;
	}
}

static bool span_valid(const struct index *index, uint32_t i)
{
	const struct place *at = &index_point(index, i)->at, *end = index_end(index, i);
	const struct window *window = index_point(index, i)->window;
	uint64_t before = min_u64(at->out, WINDOW);

	return place_valid(at) && end->out > at->out && end->out - at->out <= index->span && end->bit > at->bit &&
		end->bit <= index->member.packed * 8 &&
		(before ? window && window->size == before : !window);
}

bool index_valid(const struct index *index)
{
	uint32_t crc = 0;

	if (!index->count || index_start(index, 0) || index_reach(index) != index->member.size)
		return false;
	for (uint32_t i = 0; i < index->count; i++) {
		if (!span_valid(index, i))
			return false;
		crc = checksum_join(crc, index_point(index, i)->crc, index_length(index, i));
	}
	return crc == index->member.crc && crc == index->crc;
}
