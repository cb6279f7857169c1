/* SPDX-License-Identifier: MIT */
/* pool.c - 64 slots, and a bit for each */
#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

#include "core/pool.h"
#include "core/resident.h"
#include "core/util.h"

static size_t arena_size(const struct pool *pool)
{
	return (size_t)pool->slot_size * POOL_SLOTS;
}

int pool_open(struct pool *pool, uint32_t largest)
{
	uint32_t slot = (uint32_t)round_up((largest + POOL_SLOTS_MAX - 1) / POOL_SLOTS_MAX, page_size());
	void *at;

	*pool = (struct pool){ .slot_size = slot };
	at = mmap(NULL, arena_size(pool), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at == MAP_FAILED)
		return -ENOMEM;
	madvise(at, arena_size(pool), MADV_NOHUGEPAGE);	/* small requests are to take little */
	pool->base = at;
	return 0;
}

/* #syscalls munmap */
void pool_close(struct pool *pool)
{
	if (pool->base)
		munmap(pool->base, arena_size(pool));
	pool->base = NULL;
}

static unsigned int slots_of(const struct pool *pool, uint32_t length)
{
	return (length + pool->slot_size - 1) / pool->slot_size;
}

static uint64_t bits(unsigned int count)
{
	return (1ULL << count) - 1;
}

char *pool_get(struct pool *pool, uint32_t length)
{
	unsigned int count = slots_of(pool, length), first;
	uint64_t starts = ~pool->taken;		/* bit n: a run of count free slots begins there */

	must(count && count <= POOL_SLOTS_MAX);
	for (unsigned int i = 1; i < count; i++)
		starts &= starts >> 1;
	if (!starts)
		return NULL;
	first = (unsigned int)__builtin_ctzll(starts);
	pool->taken |= bits(count) << first;
	pool->touched = pool->used = true;
	return pool->base + (size_t)first * pool->slot_size;
}

void pool_put(struct pool *pool, const char *at, uint32_t length)
{
	size_t first = ((uintptr_t)at - (uintptr_t)pool->base) / pool->slot_size;
	unsigned int count = slots_of(pool, length);
	uint64_t mine;

	must(count && count <= POOL_SLOTS_MAX && first <= POOL_SLOTS - count);
	mine = bits(count) << first;
	must((pool->taken & mine) == mine);
	pool->taken &= ~mine;
}

bool pool_trim(struct pool *pool)
{
	if (!pool->used && !pool->taken && pool->touched) {
		resident_drop(pool->base, arena_size(pool), false);
		pool->touched = false;
	}
	pool->used = false;
	return !pool->touched;
}
