/* SPDX-License-Identifier: MIT */
/*
 * store.h - the memory behind ublk-mem, and what ublk-file --cow writes to
 *
 * One anonymous mapping, sparse: pages come when they are first written and go
 * when they are discarded. A map with a bit per page says which are there, so
 * that reading a hole touches nothing, and counts them, so that a writer gets
 * ENOSPC long before anybody is killed for want of memory. No locks: all of it
 * may be called from every queue at once. A shared one outlives the process
 * that serves it, for it is in memory files: whoever forks such processes opens
 * it, and they have it in common.
 */
#ifndef APPLETS_MEM_STORE_H
#define APPLETS_MEM_STORE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "applets/mem/budget.h"
#include "core/backend.h"

enum huge { HUGE_NONE, HUGE_2M, HUGE_1G, HUGE_THP };

/* What is counted for others, all in bytes. */
enum { STORE_SIZE, STORE_USED, STORE_PEAK, STORE_LIMIT, STORE_HOLES, STORE_FREED, STORE_NUMBERS };

struct stats;

struct store_tally {
	_Atomic uint64_t used;		/* bytes of pages that are there */
	_Atomic uint64_t granted;	/* up to here nobody need ask the budget */
};

struct store {
	char *base;
	uint64_t size;			/* bytes, whole pages */
	uint64_t page_size;		/* bytes: what comes and goes at a time */
	unsigned int page_shift;
	enum huge huge;
	uint64_t limit;			/* most bytes of pages */
	const struct budget *budget;	/* NULL: do not ask */
	bool shared;
	int fd, map_fd;			/* if it is: the pages, the count and the map; else -1 */
	struct store_tally *tally;	/* and the map behind it */
	_Atomic uint64_t *map;
	uint64_t map_size;		/* bytes, with the count */
	_Atomic uint64_t *numbers;	/* STORE_NUMBERS, told to others and never asked; NULL: nobody counts */
};

struct store_plan {
	uint64_t size;			/* bytes, rounded up to whole pages */
	enum huge huge;
	int node;			/* NUMA node that pages come from, -1 for any */
	uint64_t limit;			/* bytes */
	const struct budget *budget;
	_Atomic uint64_t *numbers;	/* of store_count(), or NULL */
	bool shared;
	int fd, map_fd;			/* of a shared one that was there before, of this very size; else -1 */
};

/* Room for what a store counts. */
_Atomic uint64_t *store_count(const struct stats *stats);

/* 0, or -errno after saying why. */
int store_open(struct store *store, const struct store_plan *plan);
void store_close(struct store *store);	/* of a zeroed or half-open one, too */

/* Whoever was about to take pages may have died before it had them. Nobody else may use the store now. */
void store_recount(struct store *store);

/* Count in @numbers from now on. */
void store_counted(struct store *store, _Atomic uint64_t *numbers);

/* Make it larger, before anybody uses it; the base may move. Not a shared one. 0 or -errno, said. */
int store_grow(struct store *store, uint64_t size);

/* Take all pages now. 0, or -errno after saying why. */
int store_populate(struct store *store);

/* The pages of a range that is about to be written. 0 or -ENOSPC, silent. */
int store_take(struct store *store, uint64_t offset, uint32_t length);

/* What is not in use others may take meanwhile: the budget is looked at before there is much more of it. */
void store_ungrant(struct store *store);

/* The whole pages of a range hold nothing any more. False: there were none. */
bool store_give(struct store *store, uint64_t offset, uint32_t length);

/* Discard or zero: whole pages go back to the system, and nothing is left to do; a part of one is cleared by core. */
struct place store_drop(struct store *store, const struct span *span);

/* Is any page of the range there? */
bool store_has(const struct store *store, uint64_t offset, uint32_t length);

#endif
