/* SPDX-License-Identifier: MIT */
/*
 * pool.h - the few buffers that all requests of a queue share
 *
 * For requests whose bytes must rest somewhere between the driver and a file.
 * One arena of 64 slots: a small request takes one slot, the largest sixteen,
 * so that neither many small ones nor a few large ones wait for each other,
 * and only what was touched takes memory. It belongs to one thread.
 */
#ifndef CORE_POOL_H
#define CORE_POOL_H

#include <stdbool.h>
#include <stdint.h>

#define POOL_SLOTS 64
#define POOL_SLOTS_MAX 16	/* of one buffer */

struct pool {
	char *base;		/* NULL: not open */
	uint32_t slot_size;	/* bytes, a multiple of the page size */
	uint64_t taken;		/* bit n: slot n */
	bool touched;		/* it may hold memory */
	bool used;		/* since pool_trim() was last called */
};

/* For buffers of up to @largest bytes. 0 or -ENOMEM. */
int pool_open(struct pool *pool, uint32_t largest);
void pool_close(struct pool *pool);

/* @length bytes that lie side by side; NULL if there are none now. */
char *pool_get(struct pool *pool, uint32_t length);
void pool_put(struct pool *pool, const char *at, uint32_t length);

/* If nobody used it since the last call its memory goes back to the system. True: there is none left to give back. */
bool pool_trim(struct pool *pool);

#endif
