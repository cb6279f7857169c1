/* SPDX-License-Identifier: MIT */
/* test_pool.c - buffers out of 64 slots: never two in one, none lost, and memory only for what is in use */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "core/pool.h"
#include "core/util.h"
#include "tests/check.h"

#define LARGEST (1U << 20)
#define SLOT (LARGEST / POOL_SLOTS_MAX)

static struct pool pool;

static void open_pool(void)
{
	CHECK_EQ(pool_open(&pool, LARGEST), 0);
	CHECK_EQ(pool.slot_size, SLOT);
}

static void close_pool(void)
{
	CHECK_EQ(pool.taken, 0);
	pool_close(&pool);
	CHECK(!pool.base);
}

/* In which slot a buffer begins; -1: there was none. */
static int slot_of(const char *at)
{
	if (!at)
		return -1;
	CHECK_EQ((at - pool.base) % pool.slot_size, 0);
	return (int)((at - pool.base) / pool.slot_size);
}

static int get(uint32_t length) { return slot_of(pool_get(&pool, length)); }
static void put(int slot, uint32_t length) { pool_put(&pool, pool.base + (ptrdiff_t)slot * pool.slot_size, length); }

/* What ends the process says so. */
static void quiet(void)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	dup2(null, STDERR_FILENO);
	close(null);
}

/* Whole pages, and sixteen slots hold the largest, whatever it is. */
static void sizes_of_slots(void)
{
	static const uint32_t table[] = {
		512, 4096, 65536, 65536 + 1, 65536 + 4096, 128 << 10, 1 << 20, (1 << 20) + 4096, 32 << 20,
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		CHECK_EQ(pool_open(&pool, table[i]), 0);
		CHECK(pool.slot_size && pool.slot_size % page_size() == 0);
		CHECK((uint64_t)pool.slot_size * POOL_SLOTS_MAX >= table[i]);
		CHECK((uint64_t)(pool.slot_size - page_size()) * POOL_SLOTS_MAX < table[i]);	/* and no more than that */
		CHECK_EQ(get(table[i]), 0);
		memset(pool.base, 'x', table[i]);
		put(0, table[i]);
		close_pool();
	}
}

static void runs_of_slots(void)
{
	open_pool();
	CHECK_EQ(get(1), 0);
	CHECK_EQ(get(SLOT), 1);
	CHECK_EQ(get(SLOT + 1), 2);
	CHECK_EQ(get(512), 4);
	CHECK_EQ(get(LARGEST), 5);
	CHECK_EQ(get(5 * SLOT - 1), 21);
	CHECK_EQ(pool.taken, (1ULL << 26) - 1);
	put(2, SLOT + 1);
	CHECK_EQ(get(3 * SLOT), 26);			/* the hole of two is too small */
	CHECK_EQ(get(2 * SLOT), 2);			/* and just right */
	put(2, 2 * SLOT);
	CHECK_EQ(get(SLOT), 2);
	CHECK_EQ(get(SLOT), 3);
	put(0, 1);
	put(1, SLOT);
	put(2, SLOT);
	put(3, SLOT);
	put(4, 512);
	put(5, LARGEST);
	put(21, 5 * SLOT - 1);
	put(26, 3 * SLOT);
	close_pool();
}

static void exhausted(void)
{
	open_pool();
	for (int i = 0; i < POOL_SLOTS; i++)
		CHECK_EQ(get(SLOT), i);
	CHECK_EQ(get(1), -1);
	CHECK_EQ(get(LARGEST), -1);
	put(63, SLOT);
	CHECK_EQ(get(SLOT + 1), -1);			/* there is nothing behind the last one */
	CHECK_EQ(get(1), 63);
	for (int i = 0; i < POOL_SLOTS; i++)
		put(i, SLOT);
	for (int i = 0; i < POOL_SLOTS / POOL_SLOTS_MAX; i++)
		CHECK_EQ(get(LARGEST), i * POOL_SLOTS_MAX);
	CHECK_EQ(pool.taken, UINT64_MAX);
	CHECK_EQ(get(1), -1);
	for (int i = 0; i < POOL_SLOTS / POOL_SLOTS_MAX; i++)
		put(i * POOL_SLOTS_MAX, LARGEST);
	close_pool();
}

/* Enough slots are free, but nowhere side by side. */
static void fragmented(void)
{
	open_pool();
	for (int i = 0; i < POOL_SLOTS; i++)
		get(SLOT);
	for (int i = 0; i < POOL_SLOTS; i += 2)
		put(i, SLOT);
	CHECK_EQ(get(2 * SLOT), -1);
	for (int i = 33; i < 33 + 14; i += 2)
		put(i, SLOT);				/* 32 to 46 are free now: fifteen */
	CHECK_EQ(get(LARGEST), -1);
	CHECK_EQ(get(LARGEST - SLOT), 32);
	put(32, LARGEST - SLOT);
	put(47, SLOT);
	CHECK_EQ(get(LARGEST), 32);
	put(32, LARGEST);
	pool.taken = 0;
	close_pool();
}

/* Whatever is asked for in whatever order, no byte belongs to two, and all of it comes back. */
static void random_runs(void)
{
	struct { char *at; uint32_t length; char fill; } held[POOL_SLOTS] = { 0 };
	uint64_t random = check_seed();
	unsigned int refused = 0;

	CHECK_EQ(pool_open(&pool, 16 * (uint32_t)page_size()), 0);
	for (unsigned int turn = 0; turn < 20000 && !check_failures; turn++) {
		unsigned int i = check_random(&random) % POOL_SLOTS;

		if (held[i].at) {
			CHECK(held[i].at[0] == held[i].fill && held[i].at[held[i].length - 1] == held[i].fill);
			for (uint32_t n = 0; n < held[i].length; n += 512)
				CHECK_EQ(held[i].at[n], held[i].fill);
			pool_put(&pool, held[i].at, held[i].length);
			held[i].at = NULL;
			continue;
		}
		held[i].length = 1 + check_random(&random) % (check_random(&random) % 4 ? 8192 : 16 * (uint32_t)page_size());
		held[i].at = pool_get(&pool, held[i].length);
		held[i].fill = (char)turn;
		refused += !held[i].at;
		if (held[i].at) {
			CHECK(held[i].at >= pool.base && held[i].at + held[i].length <= pool.base + (size_t)POOL_SLOTS * pool.slot_size);
			memset(held[i].at, held[i].fill, held[i].length);
		}
	}
	CHECK(refused > 100 && refused < 10000);
	for (unsigned int i = 0; i < POOL_SLOTS; i++)
		if (held[i].at)
			pool_put(&pool, held[i].at, held[i].length);
	close_pool();
}

static void wrong_ones_end_the_process(void)
{
	open_pool();
	CHECK_DIES(quiet(); put(0, SLOT));			/* it is not out */
	CHECK_EQ(get(3 * SLOT), 0);
	CHECK_DIES(quiet(); put(0, 3 * SLOT + 1));		/* longer than it was */
	CHECK_DIES(quiet(); put(1, 3 * SLOT));			/* begins elsewhere */
	CHECK_DIES(quiet(); put(0, 3 * SLOT); put(0, 3 * SLOT));	/* twice */
	CHECK_DIES(quiet(); pool_put(&pool, NULL, SLOT));		/* not one of ours, even if slots like these are out */
	CHECK_DIES(quiet(); put(POOL_SLOTS, SLOT));
	CHECK_DIES(quiet(); put(-1, SLOT));
	CHECK_DIES(quiet(); put(0, 0));
	CHECK_EQ(get(LARGEST), 3);
	CHECK_DIES(quiet(); put(0, LARGEST + SLOT));
	put(3, LARGEST);
	CHECK_DIES(quiet(); pool_get(&pool, 0));
	CHECK_DIES(quiet(); pool_get(&pool, LARGEST + 1));
	put(0, 3 * SLOT);
	close_pool();
}

static void no_room(void)
{
	struct rlimit before, none;

#ifdef __SANITIZE_ADDRESS__
	return;			/* has terabytes of its own */
#endif
	CHECK_EQ(getrlimit(RLIMIT_AS, &before), 0);
	none = before;
	none.rlim_cur = 1U << 20;
	CHECK_EQ(setrlimit(RLIMIT_AS, &none), 0);
	CHECK_EQ(pool_open(&pool, 32U << 20), -ENOMEM);
	CHECK_EQ(setrlimit(RLIMIT_AS, &before), 0);
	CHECK(!pool.base);
	pool_close(&pool);		/* as for one that was never opened */
}

/* --- memory --- */

/* Pages of the arena that there is memory behind. */
static size_t resident(void)
{
	static unsigned char there[POOL_SLOTS * LARGEST / POOL_SLOTS_MAX / 4096];
	size_t count = 0, pages = (size_t)POOL_SLOTS * pool.slot_size / page_size();

	CHECK_EQ(mincore(pool.base, (size_t)POOL_SLOTS * pool.slot_size, there), 0);
	for (size_t i = 0; i < pages; i++)
		count += there[i] & 1;
	return count;
}

/* What the kernel was told of the arena, in two letters; "nh" is "no huge pages". */
static bool has_flag(const char *flag)
{
	FILE *maps = fopen("/proc/self/smaps", "r");
	char line[512], wanted[8], *rest;
	bool mine = false, found = false;

	snprintf(wanted, sizeof(wanted), " %s ", flag);
	while (fgets(line, sizeof(line), maps)) {
		unsigned long start = strtoul(line, &rest, 16);

		if (rest > line && *rest == '-')
			mine = start <= (uintptr_t)pool.base && (uintptr_t)pool.base < strtoul(rest + 1, NULL, 16);
		found |= mine && !strncmp(line, "VmFlags:", 8) && strstr(line, wanted);
	}
	fclose(maps);
	return found;
}

static void only_what_is_touched(void)
{
	char *at;

	open_pool();
	CHECK_EQ(resident(), 0);
	at = pool_get(&pool, LARGEST);
	CHECK_EQ(resident(), 0);
	memset(at, 'x', 3 * page_size());
	CHECK_EQ(resident(), 3);
	if (!access("/sys/kernel/mm/transparent_hugepage", F_OK))
		CHECK(has_flag("nh"));			/* nor ever a huge page of it */
	pool_put(&pool, at, LARGEST);
	CHECK_EQ(resident(), 3);			/* it may be wanted again at once */
	close_pool();
}

static void given_back_when_idle(void)
{
	char *at;

	open_pool();
	CHECK(!pool.touched);
	CHECK(pool_trim(&pool));			/* nothing was ever used */
	at = pool_get(&pool, LARGEST);
	memset(at, 'x', LARGEST);
	pool_put(&pool, at, LARGEST);
	CHECK(pool.touched);
	CHECK(!pool_trim(&pool));			/* used since the last time: another chance */
	CHECK_EQ(resident(), LARGEST / page_size());
	CHECK(pool.touched);
	CHECK(pool_trim(&pool));
	CHECK_EQ(resident(), 0);
	CHECK(!pool.touched);
	CHECK(pool_trim(&pool));
	at = pool_get(&pool, 1);			/* and it is fine to begin again */
	CHECK(pool.touched);
	CHECK_EQ(*at, 0);
	*at = 'x';
	pool_put(&pool, at, 1);
	CHECK_EQ(resident(), 1);
	CHECK(!pool_trim(&pool));
	CHECK(pool_trim(&pool));
	CHECK_EQ(resident(), 0);
	close_pool();
}

/* Used again and again between two looks: stays. */
static void kept_under_load(void)
{
	open_pool();
	for (int i = 0; i < 5; i++) {
		char *at = pool_get(&pool, SLOT);

		*at = 'x';
		pool_put(&pool, at, SLOT);
		CHECK(!pool_trim(&pool));
		CHECK_EQ(resident(), 1);
	}
	CHECK(pool_trim(&pool));
	close_pool();
}

/* However long it takes: somebody reads from or writes to it. */
static void kept_while_taken(void)
{
	char *at;

	open_pool();
	at = pool_get(&pool, SLOT);
	*at = 'x';
	for (int i = 0; i < 5; i++)
		CHECK(!pool_trim(&pool));
	CHECK_EQ(*at, 'x');
	CHECK_EQ(resident(), 1);
	pool_put(&pool, at, SLOT);
	CHECK(pool_trim(&pool));
	CHECK_EQ(resident(), 0);
	close_pool();
}

TESTS(
	{ "slots are whole pages, and sixteen hold the largest buffer", sizes_of_slots },
	{ "a buffer is the first run of slots that it fits into", runs_of_slots },
	{ "64 small ones or four of the largest, and then none", exhausted },
	{ "slots that do not lie side by side make no buffer", fragmented },
	{ "no byte belongs to two buffers, and none is lost", random_runs },
	{ "a buffer put back wrongly, or of no possible length, ends the process", wrong_ones_end_the_process },
	{ "without memory there is no pool", no_room },
	{ "only what was touched takes memory", only_what_is_touched },
	{ "a pool that nobody used since the last look gives its memory back", given_back_when_idle },
	{ "a pool in use between two looks keeps its memory", kept_under_load },
	{ "a buffer that is out keeps the memory", kept_while_taken },
)
