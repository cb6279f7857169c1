/* SPDX-License-Identifier: MIT */
/*
 * stats.h - what a server counts, in memory that others may look at
 *
 * A few pages, made by the keeper and shared with the worker, behind a
 * descriptor whose link in /proc ends in STATS_LINK: who may look into the
 * keeper can read it, at any time, without the server knowing. A table of
 * fields says what the numbers are; a field that several queues count has a
 * copy for each, on cache lines of its own, and its kind says how copies are
 * merged. Each number of a queue has one writer.
 *
 * Counting takes 0.5 to 0.7 % of all the instructions of a request of 4 KiB
 * (tests/bench/README.md).
 */
#ifndef CORE_STATS_H
#define CORE_STATS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/backend.h"
#include "core/histogram.h"

#define STATS_NAME_MAX 24		/* bytes, with NUL; of a-z, 0-9 and _ */
#define STATS_FIELDS 64
#define STATS_NAME "ublk-stats"
#define STATS_LINK "/memfd:" STATS_NAME " (deleted)"

struct stats_page;

struct stats {
	struct stats_page *page;	/* NULL: none */
	uint64_t size;			/* bytes */
	int fd;				/* -1: nobody can look at it */
};

#define STATS_NONE { .fd = -1 }

enum stats_kind {
	STATS_COUNTER,			/* grows; copies are added */
	STATS_GAUGE,			/* how it is now; copies are added */
	STATS_MAX,			/* the most it has ever been; the largest copy counts */
	STATS_LATENCY,			/* a struct histogram; copies are added, bucket by bucket */
	STATS_KINDS
};

/* --- counting ---------------------------------------------------------------------------- */

struct stats_name {
	const char *name;		/* NULL: room for a number, and nobody is told */
	enum stats_kind kind;
};

/* Room for so many numbers, all 0. Close it in any case. 0 or -errno. */
int stats_open(struct stats *stats, uint32_t room);
void stats_close(struct stats *stats);
/* Its descriptor is there: count on in it. False if it is not as stats_open() makes it. stats_restart() is to follow. */
bool stats_resume(struct stats *stats, uint32_t room);

/*
 * Numbers as @names has them, one after the other, a histogram being
 * STATS_LATENCY_ROOM; and all that @copies times, each copy beginning
 * STATS_ROOM(numbers in it) after the other. From one thread at a time. There
 * must be room.
 */
_Atomic uint64_t *stats_add(const struct stats *stats, const struct stats_name *names, uint32_t count, uint32_t copies);

#define STATS_LATENCY_ROOM (sizeof(struct histogram) / sizeof(uint64_t))
#define STATS_ROOM(numbers) (((numbers) + 7) & ~7U)	/* whole cache lines */

/* Another process adds the same names again, and counts on from where the last one, which ended, got to. */
void stats_restart(const struct stats *stats);

/* What every queue counts. Those with OPS are one for each enum op, in that order. */
#define OPS 5
enum {
	STATS_REQUESTS	= 0,			/* OPS: that were answered well */
	STATS_ERRORS	= STATS_REQUESTS + OPS,	/* OPS: and that were not */
	STATS_BYTES	= STATS_ERRORS + OPS,	/* OPS: of the former */
	STATS_DIRECT	= STATS_BYTES + OPS,	/* bytes read and written that took no way round a buffer of ours */
	STATS_IN_FLIGHT,			/* requests that had arrived and had no answer */
	STATS_LATENCIES,			/* OPS: from when we saw the former to when we answered */
	STATS_QUEUE_NUMBERS = STATS_LATENCIES + OPS * STATS_LATENCY_ROOM,
	STATS_QUEUE	= STATS_ROOM(STATS_QUEUE_NUMBERS),
};
#define STATS_QUEUE_NAMES (STATS_LATENCIES + OPS)
extern const struct stats_name stats_queue[STATS_QUEUE_NAMES];

/* For a number's only writer. Three instructions, which -Os would put behind a call. */
__attribute__((always_inline)) static inline void stats_count(_Atomic uint64_t *number, uint64_t more)
{
	atomic_store_explicit(number, atomic_load_explicit(number, memory_order_relaxed) + more, memory_order_relaxed);
}

/* @times it took @ns. @latency: the first number of a histogram. */
static inline void stats_time(_Atomic uint64_t *latency, uint64_t ns, uint64_t times)
{
	stats_count(&latency[0], ns * times);
	stats_count(&latency[1 + histogram_bucket(ns)], times);
}

/* For the clock that times are taken with: ns. */
uint64_t stats_now(void);

/* --- looking ----------------------------------------------------------------------------- */

struct stats_field {
	char name[STATS_NAME_MAX];
	uint32_t kind;			/* enum stats_kind */
	uint32_t first;			/* number */
	uint32_t copies, stride;	/* how many there are, in numbers from one to the next */
};

/*
 * What stands on the page behind @fd, which may be anybody's, now: a copy that
 * was checked and does not change, to be closed. 0; -EINVAL if it is no such
 * page, or -ENOMEM.
 */
int stats_take(struct stats *copy, int fd);

/* The following want what stats_take() gave. Fields by number: NULL ends them. */
const struct stats_field *stats_field(const struct stats *stats, uint32_t number);
const struct stats_field *stats_find(const struct stats *stats, const char *name);
/* Of all copies; what is no histogram. 0 for no field. */
uint64_t stats_value(const struct stats *stats, const struct stats_field *field);
/* Of one copy. */
uint64_t stats_copy_value(const struct stats *stats, const struct stats_field *field, uint32_t copy);
/* Of all copies of a histogram. */
void stats_histogram(const struct stats *stats, const struct stats_field *field, struct histogram *sum);
/* Nanoseconds since the page was made. */
uint64_t stats_age(const struct stats *stats);

/* All that matters in a line. 0, or as stats_take(). */
int stats_line(int fd, char *text, size_t limit);

#endif
