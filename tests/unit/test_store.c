/* SPDX-License-Identifier: MIT */
/* test_store.c - sparse memory, counted: against a model that cannot be wrong */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "applets/mem/store.h"
#include "core/util.h"
#include "tests/check.h"
#include "tests/unit/said.h"

#define PAGES 1000

static bool there[PAGES];		/* the model: is the page there? */

static uint64_t model_used(uint64_t page)
{
	uint64_t used = 0;

	for (int i = 0; i < PAGES; i++)
		used += there[i] ? page : 0;
	return used;
}

static struct store store_of(uint64_t pages, uint64_t limit, const struct budget *budget)
{
	struct store store;
	struct store_plan plan = {
		.size = pages * page_size(), .huge = HUGE_NONE, .node = -1, .limit = limit, .budget = budget,
	};

	memset(&store, 0xee, sizeof(store));
	memset(there, 0, sizeof(there));
	said_nothing();
	CHECK_EQ(store_open(&store, &plan), 0);
	return store;
}

static uint64_t model_missing(uint64_t first, uint64_t last)
{
	uint64_t missing = 0;

	for (uint64_t i = first; i < last; i++)
		missing += !there[i];
	return missing;
}

/* One random operation on both. */
static void step(struct store *store, uint64_t *state)
{
	uint64_t page = store->page_size, size = PAGES * page;
	uint64_t offset = (check_random(state) % size) & ~511ULL;
	uint64_t most = min_u64(size - offset, check_random(state) % 4 ? 8 * page : size);
	uint32_t length = (uint32_t)(((check_random(state) % most) & ~511ULL) + 512);
	uint64_t first = offset / page, last = (offset + length + page - 1) / page;
	uint64_t inner_first = (offset + page - 1) / page, inner_last = (offset + length) / page;
	bool some = false;

	if (offset + length > size)
		return;
	switch (check_random(state) % 5) {
	case 0:
	case 1:
		if (model_used(page) + model_missing(first, last) * page > store->limit) {
			CHECK_EQ(store_take(store, offset, length), -ENOSPC);
			break;
		}
		CHECK_EQ(store_take(store, offset, length), 0);
		for (uint64_t i = first; i < last; i++)
			there[i] = true;
		break;
	case 2:
		for (uint64_t i = inner_first; i < inner_last; i++) {
			some |= there[i];
			there[i] = false;
		}
		CHECK_EQ(store_give(store, offset, length), some);
		break;
	default:
		CHECK_EQ(store_has(store, offset, length), model_missing(first, last) < last - first);
	}
	CHECK_EQ(store->tally->used, model_used(page));
}

static void like_the_model(void)
{
	uint64_t state = check_seed();
	static const uint64_t limits[] = { PAGES, 300, 17, 0 };

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		struct store store = store_of(PAGES, limits[i] * page_size(), NULL);

		for (int n = 0; n < 20000; n++)
			step(&store, &state);
		store_close(&store);
		store_close(&store);
	}
}

/* A budget that says what a file of ours says. */
static struct budget budget_of(const char *meminfo)
{
	struct budget budget = { .meminfo = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) };

	CHECK(write(budget.meminfo, meminfo, strlen(meminfo)) > 0);
	return budget;
}

static void budgets(void)
{
	struct budget budget = budget_of("MemTotal:  999 kB\nMemFree: 5 kB\nMemAvailable:   49152 kB\nBuffers: 1 kB\n");
	struct store store = store_of(PAGES * 100, UINT64_MAX, &budget);

	CHECK_EQ(budget_left(&budget), 16U << 20);		/* 48M less the margin */
	CHECK_EQ(store_take(&store, 0, 16U << 20), 0);
	CHECK_EQ(store_take(&store, 16U << 20, 8U << 20), 0);	/* granted ahead */
	CHECK_EQ(store_take(&store, 24U << 20, 20U << 20), -ENOSPC);
	CHECK_EQ(store.tally->used, 24U << 20);
	CHECK(!store_has(&store, 24U << 20, 20U << 20));
	store_close(&store);
	budget_close(&budget);
}

static void given_back_is_not_granted(void)
{
	struct budget budget = budget_of("a\nb\nMemAvailable:   65536 kB\n");
	struct store store = store_of(PAGES * 100, UINT64_MAX, &budget);

	CHECK_EQ(store_take(&store, 0, 32U << 20), 0);
	CHECK(store_give(&store, 0, 32U << 20));
	CHECK_EQ(store.tally->used, 0);
	CHECK_EQ(ftruncate(budget.meminfo, 0), 0);
	CHECK(pwrite(budget.meminfo, "a\nb\nMemAvailable: 0 kB\n", 23, 0) > 0);	/* others took it */
	CHECK_EQ(store_take(&store, 0, 8U << 20), 0);
	CHECK_EQ(store_take(&store, 8U << 20, 1U << 20), -ENOSPC);
	store_close(&store);
	budget_close(&budget);
}

/* Who was shot while taking pages had counted them, and not marked them. */
static void recounted(void)
{
	struct store store = store_of(PAGES, UINT64_MAX, NULL);

	CHECK_EQ(store_take(&store, 0, 512), 0);
	CHECK_EQ(store_take(&store, 70 * page_size(), (uint32_t)page_size()), 0);
	store.tally->used += 5 * page_size();
	store_recount(&store);
	CHECK_EQ(store.tally->used, 2 * page_size());
	store_close(&store);
}

static void budget_of_cgroups(void)
{
	struct budget budget = budget_of("a\nb\nMemAvailable: 1048576 kB\n");
	struct budget max = budget_of("104857600\n"), current = budget_of("20971520\n"), none = budget_of("max\n");

	budget.max[0] = none.meminfo;
	budget.current[0] = current.meminfo;
	budget.levels = 1;
	CHECK_EQ(budget_left(&budget), (1024U - 32) << 20);
	budget.max[1] = max.meminfo;
	budget.current[1] = dup(current.meminfo);
	budget.levels = 2;
	CHECK_EQ(budget_left(&budget), (80U - 32) << 20);
	CHECK(pwrite(current.meminfo, "104857601\n", 10, 0) > 0);
	CHECK_EQ(budget_left(&budget), 0);
	budget_close(&budget);
	CHECK(budget.meminfo == -1 && !budget.levels);
	budget_close(&budget);
	budget_open(&budget);
	CHECK(budget_left(&budget) > 0);
	budget_close(&budget);
}

#define THREADS 4
#if defined(__SANITIZE_THREAD__) || defined(BRIEFLY)
#define TURNS 100000		/* that one is slow */
#else
#define TURNS 1000000
#endif

struct worker {
	pthread_t thread;
	struct store *store;
	pthread_barrier_t *start;
	unsigned int number;
};

/* Every fourth page is ours alone; they all stand in the same word of the map. */
static void *take_and_give(void *arg)
{
	struct worker *w = arg;
	uint64_t page = w->store->page_size, state = w->number;

	pthread_barrier_wait(w->start);
	for (int i = 0; i < TURNS && !check_failures; i++) {
		uint64_t number = check_random(&state) % (64 / THREADS) * THREADS + w->number, offset = number * page;
		bool take = check_random(&state) % 2;

		CHECK_EQ(store_has(w->store, offset, 512), there[number]);
		if (take)
			CHECK_EQ(store_take(w->store, offset, (uint32_t)page), 0);
		else
			CHECK_EQ(store_give(w->store, offset, (uint32_t)page), there[number]);
		there[number] = take;
	}
	return NULL;
}

static void many_threads(void)
{
	struct store store = store_of(PAGES, PAGES * page_size(), NULL);
	struct worker workers[THREADS];
	pthread_barrier_t start;

	pthread_barrier_init(&start, NULL, THREADS);
	for (unsigned int i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ .store = &store, .start = &start, .number = i };
		pthread_create(&workers[i].thread, NULL, take_and_give, &workers[i]);
	}
	for (unsigned int i = 0; i < THREADS; i++)
		pthread_join(workers[i].thread, NULL);
	CHECK_EQ(store.tally->used, model_used(store.page_size));
	pthread_barrier_destroy(&start);
	store_close(&store);
}

static void holes_are_zero_and_free(void)
{
	struct store store = store_of(PAGES, UINT64_MAX, NULL);
	unsigned char in_core[PAGES];
	unsigned int resident = 0;

	CHECK_EQ(store_take(&store, 0, 4096), 0);
	store.base[0] = 'x';
	for (size_t at = 1; at < store.size; at += 4096)
		CHECK_EQ(store.base[at], 0);
	CHECK_EQ(mincore(store.base, store.size, in_core), 0);
	for (int i = 0; i < PAGES; i++)
		resident += in_core[i] & 1;
	CHECK(resident >= 1);
	CHECK_EQ(store.tally->used, page_size());
	store_close(&store);
}

static void growing_keeps_contents(void)
{
	struct store store = store_of(3, UINT64_MAX, NULL);

	CHECK_EQ(store_take(&store, page_size(), 512), 0);
	memset(store.base + page_size(), 'g', 512);
	CHECK_EQ(store_grow(&store, (64U << 20) + 1), 0);
	CHECK(store.size > 64U << 20 && store.size % page_size() == 0);
	CHECK_EQ(store.base[page_size() + 511], 'g');
	CHECK(store_has(&store, page_size(), 512) && !store_has(&store, 2 * page_size(), 60U << 20));
	CHECK_EQ(store_take(&store, 64U << 20, 1), 0);
	CHECK_EQ(store.tally->used, 2 * page_size());
	store.base[64U << 20] = 1;
	store_close(&store);
}

static void populated(void)
{
	struct store store = store_of(PAGES, PAGES * page_size(), NULL);

	CHECK_EQ(store_populate(&store), 0);
	CHECK_EQ(store.tally->used, store.size);
	store_close(&store);
	store = store_of(PAGES, (PAGES - 1) * page_size(), NULL);
	CHECK_EQ(store_populate(&store), -ENOSPC);
	CHECK(said("--populate"));
	store_close(&store);
}

static void impossible_sizes(void)
{
	struct store store;
	struct store_plan plan = { .size = 1ULL << 62, .node = -1 };

	said_nothing();
	CHECK_EQ(store_open(&store, &plan), -ENOMEM);
	CHECK(said("map 4E of memory"));
	store_close(&store);
	plan = (struct store_plan){ .size = 1U << 20, .node = 1000, .limit = UINT64_MAX };
	CHECK(store_open(&store, &plan) < 0);
	CHECK(said_nothing() > 0);
	store_close(&store);
}

/* What is there, and how much, is what another process finds that was forked before. */
static void shared_with_a_child(void)
{
	struct store_plan plan = { .size = PAGES * page_size(), .node = -1, .limit = UINT64_MAX, .shared = true,
				   .fd = -1, .map_fd = -1 };
	struct store store;
	uint32_t page = (uint32_t)page_size();
	pid_t child;
	int status = -1;

	CHECK_EQ(store_open(&store, &plan), 0);
	CHECK_EQ(store_take(&store, 0, page), 0);
	child = fork();
	if (!child) {
		bool fine = store_take(&store, 7 * page, 2 * page) == 0 && store_give(&store, 0, page);

		memset(store.base + 7 * page, 'x', 2 * page);
		_exit(fine ? 0 : 1);
	}
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	CHECK_EQ(store.tally->used, 2 * page);
	CHECK(!store_has(&store, 0, page) && store_has(&store, 8 * page, page));
	CHECK_EQ(store.base[9 * page - 1], 'x');
	said_nothing();
	CHECK_EQ(store_grow(&store, 2 * PAGES * page_size()), -EINVAL);
	CHECK(said("needs a --size that holds it"));
	store_close(&store);
}

/* And what another program finds that has nothing but the descriptors. */
static void handed_on(enum huge huge)
{
	struct store_plan plan = { .size = 4U << 20, .huge = huge, .node = -1, .limit = UINT64_MAX, .shared = true,
				   .fd = -1, .map_fd = -1 };
	struct store store, other;

	CHECK_EQ(store_open(&store, &plan), 0);
	CHECK_EQ(store_take(&store, 0, 1), 0);
	store.base[0] = 'x';
	plan.fd = dup(store.fd);
	plan.map_fd = dup(store.map_fd);
	CHECK_EQ(store_open(&other, &plan), 0);
	CHECK_EQ((uintptr_t)other.base % other.page_size, 0);
	CHECK_EQ(other.base[0], 'x');
	CHECK(store_has(&other, 0, 1) && !store_has(&other, 2U << 20, 1));
	CHECK_EQ(other.tally->used, other.page_size);
	store_close(&other);
	plan.fd = dup(store.fd);
	plan.map_fd = dup(store.map_fd);
	plan.size *= 2;
	said_nothing();
	CHECK(store_open(&other, &plan) < 0);
	CHECK(said_nothing() > 0);
	store_close(&other);
	store_close(&store);
}

static void handed_on_pages(void) { handed_on(HUGE_NONE); }
static void handed_on_large_pages(void) { handed_on(HUGE_THP); }

TESTS(
	{ "take, give and has are what a naive model says, and so is the count", like_the_model },
	{ "threads that take and give side by side lose nothing", many_threads },
	{ "over the budget there is ENOSPC, and nothing is taken", budgets },
	{ "what was given back must be asked for again", given_back_is_not_granted },
	{ "what was counted and never taken is forgotten", recounted },
	{ "the tightest cgroup decides", budget_of_cgroups },
	{ "holes read as zeroes and count as nothing", holes_are_zero_and_free },
	{ "a store that grows keeps what it holds", growing_keeps_contents },
	{ "populating takes all pages or says why not", populated },
	{ "what cannot be mapped is told", impossible_sizes },
	{ "a shared store is the same in another process", shared_with_a_child },
	{ "a shared store is found again by its descriptors, if they have all of it", handed_on_pages },
	{ "and by pages as large as they were", handed_on_large_pages },
)
