/* SPDX-License-Identifier: MIT */
/*
 * stats.h - what a server counts, in memory that others may look at
 *
 * One page or a few, made by the keeper and shared with the worker, behind a
 * descriptor whose link in /proc ends in STATS_LINK: who may look into the
 * keeper can map it, at any time, without the server knowing. Each number has
 * one writer. Numbers of one name are parts of one sum.
 */
#ifndef CORE_STATS_H
#define CORE_STATS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define STATS_NAME_MAX 24		/* bytes, with NUL */
#define STATS_NAME "ublk-stats"
#define STATS_LINK "/memfd:" STATS_NAME " (deleted)"

struct stats_page;

struct stats {
	struct stats_page *page;	/* NULL: none */
	uint64_t size;			/* bytes */
	int fd;				/* -1: nobody can look at it */
};

#define STATS_NONE { .fd = -1 }

/* Room for so many numbers, all 0. Close it in any case. 0 or -errno. */
int stats_open(struct stats *stats, uint32_t room);
void stats_close(struct stats *stats);

/*
 * As many numbers as @names has, one after the other, to be written until the
 * page is closed. From one thread at a time. There must be room.
 */
_Atomic uint64_t *stats_add(const struct stats *stats, const char *const *names, uint32_t count);

/* What every queue counts: requests that were answered well, by enum op; bytes read and written; errors. */
#define STATS_BYTES 5
#define STATS_ERRORS 7
#define STATS_QUEUE 8
extern const char *const stats_queue[STATS_QUEUE];

/* For a number's only writer. */
static inline void stats_count(_Atomic uint64_t *number, uint64_t more)
{
	atomic_store_explicit(number, atomic_load_explicit(number, memory_order_relaxed) + more, memory_order_relaxed);
}

/* Each name once, with its sum, from the page behind @fd, which may be anybody's. 0, or -EINVAL if it is no such page. */
int stats_read(int fd, void (*each)(void *context, const char *name, uint64_t value), void *context);

#endif
