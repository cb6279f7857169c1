/* SPDX-License-Identifier: MIT */
/* store.c - sparse memory, counted */
#include <errno.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "applets/mem/store.h"
#include "core/log.h"
#include "core/resident.h"
#include "core/size.h"
#include "core/stats.h"
#include "core/util.h"

#define GRANT (8ULL << 20)	/* bytes that may be taken before the budget is looked at again */
#define MPOL_BIND 2
#define NODES_MAX 1024
#define BITS 64			/* in a word of the map */

#ifndef MAP_HUGE_SHIFT
#define MAP_HUGE_SHIFT 26
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* --- the map ------------------------------------------------------------------- */

/* The bits of pages [@first, @last) that stand in word @word. */
static uint64_t word_mask(uint64_t word, uint64_t first, uint64_t last)
{
	uint64_t low = max_u64(first, word * BITS) - word * BITS;
	uint64_t high = min_u64(last, (word + 1) * BITS) - word * BITS;
	uint64_t mask = high == BITS ? UINT64_MAX : (1ULL << high) - 1;

	return mask & ~((1ULL << low) - 1);
}

/* A run of them at a time, for mostly there is one; no processor is taken for granted that counts by itself. */
static uint64_t bits_in(uint64_t word)
{
	uint64_t count = 0;

	while (word && ~word) {
		uint64_t run;

		word >>= __builtin_ctzll(word);
		run = (uint64_t)__builtin_ctzll(~word);
		word >>= run;
		count += run;
	}
	return word ? BITS : count;
}

static uint64_t count_set(const struct store *store, uint64_t first, uint64_t last)
{
	uint64_t count = 0;

	for (uint64_t word = first / BITS; word * BITS < last; word++)
		count += bits_in(atomic_load_explicit(&store->map[word], memory_order_relaxed) & word_mask(word, first, last));
	return count;
}

/* Sets them; returns how many were not. */
static uint64_t set_bits(struct store *store, uint64_t first, uint64_t last)
{
	uint64_t count = 0;

	for (uint64_t word = first / BITS; word * BITS < last; word++) {
		uint64_t mask = word_mask(word, first, last);

		count += bits_in(mask & ~atomic_fetch_or(&store->map[word], mask));
	}
	return count;
}

static uint64_t clear_bits(struct store *store, uint64_t first, uint64_t last)
{
	uint64_t count = 0;

	for (uint64_t word = first / BITS; word * BITS < last; word++) {
		uint64_t mask = word_mask(word, first, last);

		if (!(atomic_load_explicit(&store->map[word], memory_order_relaxed) & mask))
			continue;	/* most of a large discard hits nothing: leave the map's own memory alone */
		count += bits_in(mask & atomic_fetch_and(&store->map[word], ~mask));
	}
	return count;
}

/* --- for others to look at ----------------------------------------------------------- */

_Atomic uint64_t *store_count(const struct stats *stats)
{
	static const struct stats_name names[STORE_NUMBERS] = {
		[STORE_SIZE] = { "mem_size_bytes", STATS_GAUGE },
		[STORE_USED] = { "mem_used_bytes", STATS_GAUGE },
		[STORE_PEAK] = { "mem_peak_bytes", STATS_MAX },
		[STORE_LIMIT] = { "mem_limit_bytes", STATS_GAUGE },
		[STORE_HOLES] = { "mem_hole_bytes", STATS_GAUGE },
		[STORE_FREED] = { "mem_freed_bytes", STATS_COUNTER },
	};

	return stats_add(stats, names, STORE_NUMBERS, 1);
}

static void note_size(const struct store *store)
{
	if (!store->numbers)
		return;
	store->numbers[STORE_SIZE] = store->size;
	store->numbers[STORE_LIMIT] = min_u64(store->limit, store->size);
	store->numbers[STORE_USED] = store->tally->used;
	store->numbers[STORE_HOLES] = store->size - store->tally->used;
}

/* From any queue: the numbers are added to, as the store's own is, so that all of it fits in the end. */
static void note_taken(const struct store *store, uint64_t bytes)
{
	_Atomic uint64_t *numbers = store->numbers;
	uint64_t used, peak;

	if (!numbers)
		return;
	atomic_fetch_sub(&numbers[STORE_HOLES], bytes);
	used = atomic_fetch_add(&numbers[STORE_USED], bytes) + bytes;
	peak = numbers[STORE_PEAK];
	while (peak < used && !atomic_compare_exchange_weak(&numbers[STORE_PEAK], &peak, used))
		continue;
}

static void note_given(const struct store *store, uint64_t bytes)
{
	_Atomic uint64_t *numbers = store->numbers;

	if (!numbers)
		return;
	atomic_fetch_add(&numbers[STORE_HOLES], bytes);
	atomic_fetch_sub(&numbers[STORE_USED], bytes);
	atomic_fetch_add(&numbers[STORE_FREED], bytes);
}

/* --- counting --------------------------------------------------------------------- */

/* @used bytes are about to be in use. May they? */
static bool within_budget(struct store *store, uint64_t used)
{
	uint64_t taken = used - atomic_load(&store->tally->granted);	/* since it was last looked at */

	if (used > store->limit)
		return false;
	if (!store->budget || (int64_t)taken <= 0)
		return true;
	if (budget_left(store->budget) < taken)
		return false;
	atomic_store(&store->tally->granted, used + GRANT);
	return true;
}

int store_take(struct store *store, uint64_t offset, uint32_t length)
{
	uint64_t first = offset >> store->page_shift;
	uint64_t last = (offset + length + store->page_size - 1) >> store->page_shift;
	uint64_t missing = (last - first) - count_set(store, first, last);
	uint64_t bytes = missing << store->page_shift, late;

	if (!missing)
		return 0;
	if (!within_budget(store, atomic_fetch_add(&store->tally->used, bytes) + bytes)) {
		atomic_fetch_sub(&store->tally->used, bytes);
		return -ENOSPC;
	}
	late = missing - set_bits(store, first, last);	/* somebody else took them in between */
	if (late)
		atomic_fetch_sub(&store->tally->used, late << store->page_shift);
	note_taken(store, bytes - (late << store->page_shift));
	return 0;
}

void store_ungrant(struct store *store)
{
	uint64_t most = atomic_load(&store->tally->used) + GRANT;

	if (atomic_load(&store->tally->granted) > most)
		atomic_store(&store->tally->granted, most);
}

bool store_give(struct store *store, uint64_t offset, uint32_t length)
{
	uint64_t first = (offset + store->page_size - 1) >> store->page_shift;
	uint64_t last = (offset + length) >> store->page_shift;
	uint64_t given = first < last ? clear_bits(store, first, last) << store->page_shift : 0;

	if (!given)
		return false;
	atomic_fetch_sub(&store->tally->used, given);
	store_ungrant(store);
	note_given(store, given);
	return true;
}

/*
 * The memory goes before the bits: a server may be killed in between, and what
 * the map does not have must be zeroes, for a part of it may be written next.
 */
static struct place drop_pages(struct store *store, uint64_t offset, uint32_t length)
{
	if (!store_has(store, offset, length))
		return nowhere(length);
	if (resident_drop(store->base + offset, length, store->shared) < 0)
		return in_memory(store->base + offset, length);		/* stays, and can be cleared */
	store_give(store, offset, length);
	return nowhere(length);
}

struct place store_drop(struct store *store, const struct span *span)
{
	uint64_t into = span->offset & (store->page_size - 1);
	uint32_t whole = (uint32_t)round_down(span->length, store->page_size);
	uint32_t part = (uint32_t)min_u64(span->length, store->page_size - into);

	if (!into && whole)
		return drop_pages(store, span->offset, whole);
	return store_has(store, span->offset, part) ? in_memory(store->base + span->offset, part) : nowhere(part);
}

bool store_has(const struct store *store, uint64_t offset, uint32_t length)
{
	uint64_t first = offset >> store->page_shift;
	uint64_t last = (offset + length + store->page_size - 1) >> store->page_shift;

	for (uint64_t word = first / BITS; word * BITS < last; word++)
		if (atomic_load_explicit(&store->map[word], memory_order_relaxed) & word_mask(word, first, last))
			return true;
	return false;
}

/* --- the mapping --------------------------------------------------------------------- */

static uint64_t page_size_of(enum huge huge)
{
	switch (huge) {
	case HUGE_2M:
		return 2ULL << 20;
	case HUGE_THP:		/* what a table maps that fills a page: 2 MiB, 32 or 512 where pages have 16 or 64 KiB */
		return page_size() * page_size() / sizeof(uint64_t);
	case HUGE_1G:
		return 1ULL << 30;
	case HUGE_NONE:
		break;
	}
	return page_size();
}

static bool is_of_pool(enum huge huge)
{
	return huge == HUGE_2M || huge == HUGE_1G;
}

/* Of the pool's kinds, as mmap() and memfd_create() have it. */
static int size_bits(enum huge huge)
{
	return (huge == HUGE_2M ? 21 : 30) << MAP_HUGE_SHIFT;
}

/* What is shared is in a file of its own, which another program can be given. #syscalls:opening mmap */
static void *map(void *at, uint64_t size, int flags, int fd)
{
	flags |= fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
	return mmap(at, size, PROT_READ | PROT_WRITE, flags, fd, 0);
}

/* Transparent huge pages want their alignment, which the pool's have by nature. */
static void *map_aligned(uint64_t size, uint64_t align, int fd)
{
	char *at = mmap(NULL, size + align, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0), *start;

	if (at == MAP_FAILED)
		return at;
	start = (char *)round_up((uintptr_t)at, align);
	if (start != at)
		munmap(at, (size_t)(start - at));
	munmap(start + size, (size_t)(at + align - start));
	return map(start, size, MAP_FIXED | MAP_NORESERVE, fd);
}

static void *map_pages(const struct store *store)
{
	if (store->huge == HUGE_THP)
		return map_aligned(store->size, store->page_size, store->fd);
	/* Huge pages of the pool are reserved here and now; the others come one by one. */
	return map(NULL, store->size, is_of_pool(store->huge) ? MAP_HUGETLB | size_bits(store->huge) : MAP_NORESERVE, store->fd);
}

/* 0 or -errno; nothing to do for what is there already. */
static int make_file(int *fd, uint64_t size, unsigned int flags)
{
	struct stat st;

	if (*fd >= 0)	/* a mapping beyond its end would be a trap */
		return fstat(*fd, &st) < 0 || (uint64_t)st.st_size < size ? -EPROTO : 0;
	*fd = memfd_create("ublk-mem", MFD_CLOEXEC | flags);
	return *fd < 0 || RETRY(ftruncate(*fd, (off_t)size)) < 0 ? -errno : 0;
}

static int explain_map(uint64_t size, enum huge huge, int err)
{
	char text[SIZE_TEXT_MAX];

	fail(err, "map %s of %smemory", size_text(size, text), is_of_pool(huge) ? "huge " : "");
	if (is_of_pool(huge))
		remedy("the pool has too few pages; as root: echo %" PRIu64
		       " > /sys/kernel/mm/hugepages/hugepages-%ukB/nr_hugepages",
		       size / page_size_of(huge), huge == HUGE_2M ? 2048U : 1048576U);
	else
		remedy("that is more than the address space or vm.overcommit_memory=2 allows");
	return err;
}

/* #syscalls:opening mbind */
static int bind_to_node(const struct store *store, int node)
{
	unsigned long mask[NODES_MAX / (8 * sizeof(unsigned long))] = { 0 };
	const unsigned int bits = 8 * sizeof(unsigned long);

	if (node < 0)
		return 0;
	mask[(unsigned int)node / bits] = 1UL << (unsigned int)node % bits;
	if (syscall(SYS_mbind, store->base, store->size, MPOL_BIND, mask, NODES_MAX, 0) == 0)
		return 0;
	if (errno == EINVAL)
		return fail_plain(-EINVAL, "this machine has no NUMA node %d", node);
	return fail(-errno, "take memory from NUMA node %d", node);
}

static uint64_t map_bytes(const struct store *store)
{
	return round_up(sizeof(struct store_tally) + (store->size >> store->page_shift) / 8 + sizeof(uint64_t), page_size());
}

static void set_map(struct store *store, void *at)
{
	store->tally = at;
	store->map = (_Atomic uint64_t *)(store->tally + 1);
}

static int map_bitmap(struct store *store)
{
	void *at = MAP_FAILED;

	store->map_size = map_bytes(store);
	if (!store->shared || !make_file(&store->map_fd, store->map_size, 0))
		at = map(NULL, store->map_size, MAP_NORESERVE, store->map_fd);
	if (at != MAP_FAILED) {
		set_map(store, at);
		return 0;
	}
	return fail(-errno, "map %" PRIu64 " KiB to keep count of pages", store->map_size >> 10);
}

void store_recount(struct store *store)
{
	store->tally->used = count_set(store, 0, store->size >> store->page_shift) << store->page_shift;
}

void store_counted(struct store *store, _Atomic uint64_t *numbers)
{
	store->numbers = numbers;
	note_size(store);
}

/* #syscalls:opening madvise */
int store_open(struct store *store, const struct store_plan *plan)
{
	uint64_t page = page_size_of(plan->huge);
	unsigned int pool = is_of_pool(plan->huge) ? MFD_HUGETLB | (unsigned int)size_bits(plan->huge) : 0;
	void *at = MAP_FAILED;
	int err;

	*store = (struct store){
		.size = round_up(plan->size, page),
		.page_size = page,
		.page_shift = log2_u64(page),
		.huge = plan->huge,
		.limit = plan->limit,
		.budget = plan->budget,
		.shared = plan->shared,
		.fd = plan->shared ? plan->fd : -1,
		.map_fd = plan->shared ? plan->map_fd : -1,
	};
	if (!store->shared || !make_file(&store->fd, store->size, pool))
		at = map_pages(store);
	if (at == MAP_FAILED)
		return explain_map(store->size, plan->huge, -errno);
	store->base = at;
	/* A page is what was written, not the huge page around it; and no core dump or child shall have it. */
	if (plan->huge == HUGE_NONE || plan->huge == HUGE_THP)
		madvise(store->base, store->size, plan->huge == HUGE_THP ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	madvise(store->base, store->size, MADV_DONTDUMP);
	if (!store->shared)
		madvise(store->base, store->size, MADV_DONTFORK);
	err = bind_to_node(store, plan->node);
	if (!err)
		err = map_bitmap(store);
	if (!err)
		store_counted(store, plan->numbers);
	return err;
}

/* #syscalls:mem,file munmap close */
void store_close(struct store *store)
{
	if (store->base)
		munmap(store->base, store->size);
	if (store->tally)
		munmap(store->tally, store->map_size);
	if (store->shared && store->fd >= 0)
		close(store->fd);
	if (store->shared && store->map_fd >= 0)
		close(store->map_fd);
	store->shared = false;
	store->base = NULL;
	store->tally = NULL;
}

/* #syscalls:opening mremap */
int store_grow(struct store *store, uint64_t size)
{
	uint64_t old = store->size, old_map = store->map_size;
	void *at;

	if (store->shared)
		return fail_plain(-EINVAL, "with --recovery an image from a pipe needs a --size that holds it");
	if (store->huge != HUGE_NONE)	/* the pool's cannot be moved, and transparent ones lose their alignment */
		return fail_plain(-EINVAL, "with --huge an image from a pipe needs a --size that holds it");
	store->size = round_up(size, store->page_size);
	at = mremap(store->base, old, store->size, MREMAP_MAYMOVE);
	if (at == MAP_FAILED) {
		int err = -errno;

		store->size = old;
		return explain_map(size, store->huge, err);
	}
	store->base = at;
	store->map_size = map_bytes(store);
	at = mremap(store->tally, old_map, store->map_size, MREMAP_MAYMOVE);
	if (at == MAP_FAILED) {
		store->map_size = old_map;
		return fail(-errno, "keep count of more pages");
	}
	set_map(store, at);
	note_size(store);
	return 0;
}

int store_populate(struct store *store)
{
	char text[SIZE_TEXT_MAX];

	if (store->size > store->limit)
		return fail_plain(-ENOSPC, "--populate: the disk is larger than the limit of %s",
				  size_text(store->limit, text));
	for (uint64_t at = 0; at < store->size; at += GRANT) {
		uint32_t length = (uint32_t)min_u64(GRANT, store->size - at);

		if (store_take(store, at, length))
			return fail_plain(-ENOSPC, "--populate: memory is left for %s only", size_text(at, text));
		if (madvise(store->base + at, length, MADV_POPULATE_WRITE) < 0)
			return fail(-errno, "populate the disk beyond %s", size_text(at, text));
	}
	return 0;
}
