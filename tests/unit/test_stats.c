/* SPDX-License-Identifier: MIT */
/* test_stats.c - numbers that others may look at */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/backend.h"
#include "core/stats.h"
#include "tests/check.h"

struct seen {
	unsigned int count;
	char names[64][64];
	uint64_t values[64];
};

static void see(void *context, const char *name, uint64_t value)
{
	struct seen *seen = context;

	if (seen->count < 64) {
		snprintf(seen->names[seen->count], sizeof(seen->names[0]), "%s", name);
		seen->values[seen->count] = value;
	}
	seen->count++;
}

static void sums_of_queues(void)
{
	struct stats stats;
	struct seen seen = { 0 };
	_Atomic uint64_t *queues[2], *more;

	CHECK_EQ(stats_open(&stats, 2 * STATS_QUEUE + 2), 0);
	for (int i = 0; i < 2; i++)
		queues[i] = stats_add(&stats, stats_queue, STATS_QUEUE);
	CHECK(queues[1] == queues[0] + STATS_QUEUE);
	more = stats_add(&stats, (const char *const[]){ "one", "a_name_as_long_as_it_is" }, 2);
	stats_count(&queues[0][OP_READ], 3);
	stats_count(&queues[1][OP_READ], 4);
	stats_count(&queues[1][STATS_ERRORS], 1);
	stats_count(&more[1], UINT64_MAX);
	CHECK_EQ(stats_read(stats.fd, see, &seen), 0);
	CHECK_EQ(seen.count, STATS_QUEUE + 2);
	CHECK_TEXT(seen.names[OP_READ], "reads");
	CHECK_EQ(seen.values[OP_READ], 7);
	CHECK_TEXT(seen.names[STATS_BYTES + OP_WRITE], "written_bytes");
	CHECK_EQ(seen.values[STATS_ERRORS], 1);
	CHECK_TEXT(seen.names[STATS_QUEUE + 1], "a_name_as_long_as_it_is");
	CHECK_EQ(seen.values[STATS_QUEUE + 1], UINT64_MAX);
	CHECK_DIES(close(2); stats_add(&stats, stats_queue, 1));		/* there is no more room */
	stats_close(&stats);
	stats_close(&stats);
}

static void too_long_a_name(void)
{
	struct stats stats;

	CHECK_EQ(stats_open(&stats, 1), 0);
	CHECK_DIES(close(2); stats_add(&stats, (const char *const[]){ "a_name_of_twenty_four_by" }, 1));
	stats_close(&stats);
}

/* Any page may be anybody's: what is no page is told, and what is one is read without harm. */
static void pages_of_others(void)
{
	struct stats stats;
	struct seen seen = { 0 };
	uint64_t state = check_seed();
	unsigned char page[4096];
	int fd = memfd_create("page", MFD_CLOEXEC);

	CHECK_EQ(stats_read(fd, see, &seen), -EINVAL);
	CHECK_EQ(ftruncate(fd, 4096), 0);
	CHECK_EQ(stats_read(fd, see, &seen), -EINVAL);
	CHECK_EQ(seen.count, 0);
	CHECK_EQ(stats_open(&stats, 64), 0);
	stats_add(&stats, stats_queue, STATS_QUEUE);
	CHECK_EQ(pread(stats.fd, page, sizeof(page), 0), sizeof(page));
	for (unsigned int i = 0; i < sizeof(page) && !check_failures; i++) {
		unsigned char was = page[i];
		int err;

		page[i] = (unsigned char)check_random(&state);
		CHECK_EQ(pwrite(fd, page, sizeof(page), 0), sizeof(page));
		seen.count = 0;
		err = stats_read(fd, see, &seen);
		CHECK(err == 0 || err == -EINVAL);
		CHECK(seen.count <= 64);
		page[i] = was;
	}
	memset(page + 12, 0xff, sizeof(page) - 12);	/* as many names as there may be, none of which ends */
	CHECK_EQ(pwrite(fd, page, sizeof(page), 0), sizeof(page));
	seen.count = 0;
	CHECK_EQ(stats_read(fd, see, &seen), 0);
	CHECK_EQ(seen.count, 1);
	CHECK_EQ(strlen(seen.names[0]), STATS_NAME_MAX - 1);
	CHECK_EQ(ftruncate(fd, 1 << 30), 0);
	CHECK_EQ(stats_read(fd, see, &seen), -EINVAL);
	CHECK_EQ(stats_read(-1, see, &seen), -EINVAL);
	close(fd);
	stats_close(&stats);
}

TESTS(
	{ "numbers of one name are one sum, in the order in which they came; there is no more room than was asked for", sums_of_queues },
	{ "a name that does not fit is a mistake of ours", too_long_a_name },
	{ "a page may be anybody's, and does no harm", pages_of_others }
)
