/* SPDX-License-Identifier: MIT */
/* cow.c - a store, and a map of who has which sector */
#include <errno.h>
#include <sys/mman.h>

#include "applets/file/cow.h"
#include "core/log.h"
#include "core/util.h"

#define SECTOR_SHIFT 9
#define BITS 64			/* in a word of the map */

int cow_open(struct cow *cow, uint64_t size, uint64_t limit, const struct budget *budget, _Atomic uint64_t *numbers)
{
	uint64_t left = budget_left(budget);
	struct store_plan plan = {
		.size = size, .huge = HUGE_NONE, .node = -1, .limit = min_u64(limit, left), .budget = budget, .numbers = numbers,
	};
	int err = store_open(&cow->store, &plan);
	void *at;

	if (err)
		return err;
	cow->map_size = round_up((size >> SECTOR_SHIFT) / 8 + 8, page_size());
	at = mmap(NULL, cow->map_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at == MAP_FAILED)
		return fail(-errno, "map what is written to the disk");
	cow->written = at;
	return 0;
}

/* #syscalls munmap */
void cow_close(struct cow *cow)
{
	if (cow->written)
		munmap((void *)cow->written, cow->map_size);
	cow->written = NULL;
	store_close(&cow->store);
}

static bool is_written(const struct cow *cow, uint64_t sector)
{
	return atomic_load_explicit(&cow->written[sector / BITS], memory_order_acquire) >> sector % BITS & 1;
}

/* Bytes from the beginning of the span on that are all in the same place. */
static uint32_t run(const struct cow *cow, const struct span *span, bool written)
{
	uint64_t sector = span->offset >> SECTOR_SHIFT, end = (span->offset + span->length) >> SECTOR_SHIFT;

	while (sector < end && is_written(cow, sector) == written)
		sector++;
	return (uint32_t)((sector << SECTOR_SHIFT) - span->offset);
}

struct place cow_read(const struct cow *cow, const struct span *span, int fd, uint64_t start)
{
	bool written = is_written(cow, span->offset >> SECTOR_SHIFT);
	uint32_t length = run(cow, span, written);

	if (!written)
		return in_file(fd, start + span->offset, length);
	if (!store_has(&cow->store, span->offset, length))
		return nowhere(length);		/* discarded, all of it */
	return in_memory(cow->store.base + span->offset, length);
}

struct place cow_change(struct cow *cow, const struct span *span)
{
	int err;

	if (span->op != OP_WRITE)
		return store_drop(&cow->store, span);
	err = store_take(&cow->store, span->offset, span->length);
	return err ? failed(err) : in_memory(cow->store.base + span->offset, span->length);
}

void cow_changed(struct cow *cow, uint64_t offset, uint32_t length)
{
	uint64_t sector = offset >> SECTOR_SHIFT, end = (offset + length) >> SECTOR_SHIFT;

	while (sector < end) {
		uint64_t from = sector % BITS, count = min_u64(BITS - from, end - sector);
		uint64_t mask = (count == BITS ? UINT64_MAX : (1ULL << count) - 1) << from;

		atomic_fetch_or_explicit(&cow->written[sector / BITS], mask, memory_order_release);
		sector += count;
	}
}
