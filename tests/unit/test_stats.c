/* SPDX-License-Identifier: MIT */
/* test_stats.c - numbers that others may look at */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/stats.h"
#include "tests/check.h"

static _Atomic uint64_t *add_queues(const struct stats *stats, uint32_t queues)
{
	return stats_add(stats, stats_queue, STATS_QUEUE_NAMES, queues);
}

static const struct stats_name two[] = { { "one", STATS_GAUGE }, { "a_name_as_long_as_it_is", STATS_COUNTER } };

static uint64_t value(const struct stats *stats, const char *name)
{
	const struct stats_field *field = stats_find(stats, name);

	CHECK(field);
	return field ? stats_value(stats, field) : UINT64_MAX;
}

static void merged(void)
{
	struct stats stats, taken;
	struct histogram h;
	_Atomic uint64_t *queue, *more;

	CHECK_EQ(stats_open(&stats, 2 * STATS_QUEUE + 2), 0);
	queue = add_queues(&stats, 2);
	more = stats_add(&stats, two, 2, 1);
	CHECK_EQ((uintptr_t)queue % 64, 0);
	stats_count(&queue[STATS_REQUESTS + OP_READ], 3);
	stats_count(&queue[STATS_QUEUE + STATS_REQUESTS + OP_READ], 4);
	stats_count(&queue[STATS_QUEUE + STATS_ERRORS + OP_WRITE], 1);
	stats_count(&queue[STATS_IN_FLIGHT], 7);
	stats_count(&queue[STATS_QUEUE + STATS_IN_FLIGHT], 5);
	stats_time(&queue[STATS_LATENCIES + OP_WRITE * STATS_LATENCY_ROOM], 1000, 2);
	stats_time(&queue[STATS_QUEUE + STATS_LATENCIES + OP_WRITE * STATS_LATENCY_ROOM], 2000, 1);
	stats_count(&more[1], UINT64_MAX);
	CHECK_EQ(stats_take(&taken, stats.fd), 0);
	stats_count(&queue[STATS_REQUESTS + OP_READ], 100);	/* not in the copy any more */
	CHECK_EQ(value(&taken, "reads"), 7);
	CHECK_EQ(value(&taken, "write_errors"), 1);
	CHECK_EQ(value(&taken, "in_flight_max"), 7);
	CHECK_EQ(stats_copy_value(&taken, stats_find(&taken, "in_flight_max"), 1), 5);
	CHECK_EQ(value(&taken, "a_name_as_long_as_it_is"), UINT64_MAX);
	stats_histogram(&taken, stats_find(&taken, "write_latency"), &h);
	CHECK_EQ(h.sum, 4000);
	CHECK_EQ(h.buckets[histogram_bucket(1000)], 2);
	CHECK_EQ(h.buckets[histogram_bucket(2000)], 1);
	CHECK_EQ(histogram_count(&h), 3);
	CHECK_TEXT(stats_field(&taken, 0)->name, "reads");
	CHECK(!stats_field(&taken, STATS_QUEUE_NAMES - 1 + 2));		/* flushes have no bytes */
	CHECK(!stats_find(&taken, "rea"));
	CHECK_EQ(stats_value(&taken, NULL), 0);
	stats_close(&taken);
	CHECK_DIES(close(2); stats_add(&stats, two, 2, 1));		/* there is no more room */
	stats_close(&stats);
	stats_close(&stats);
}

static void too_long_a_name(void)
{
	static const struct stats_name long_name = { "a_name_of_twenty_four_by", STATS_GAUGE };
	struct stats stats;

	CHECK_EQ(stats_open(&stats, 1), 0);
	CHECK_DIES(close(2); stats_add(&stats, &long_name, 1, 1));
	stats_close(&stats);
}

static void in_a_line(void)
{
	struct stats stats;
	_Atomic uint64_t *queue;
	char line[512];

	CHECK_EQ(stats_open(&stats, STATS_QUEUE), 0);
	CHECK_EQ(stats_line(stats.fd, line, sizeof(line)), 0);		/* nobody has said what is in it */
	queue = add_queues(&stats, 1);
	stats_count(&queue[STATS_REQUESTS + OP_READ], 12);
	stats_count(&queue[STATS_BYTES + OP_READ], 49152);
	stats_count(&queue[STATS_REQUESTS + OP_FLUSH], 2);
	stats_count(&queue[STATS_ERRORS + OP_WRITE], 1);
	stats_count(&queue[STATS_ERRORS + OP_ZERO], 1);
	stats_count(&queue[STATS_IN_FLIGHT], 9);
	stats_time(&queue[STATS_LATENCIES], 10000, 12);
	CHECK_EQ(stats_line(stats.fd, line, sizeof(line)), 0);
	CHECK_TEXT(line, "12 reads (48K), 99% within 10us, 99.9% within 10us; 0 writes (0B), 99% within 0ns, 99.9% within 0ns; "
		   "2 flushes, 0 discards, 0 zeroes, 2 errors; at most 9 in flight in a queue");
	CHECK_EQ(stats_line(-1, line, sizeof(line)), -EINVAL);
	stats_close(&stats);
}

/* JSON and Prometheus want each name once. */
static void a_name_twice(void)
{
	struct stats stats, taken;

	CHECK_EQ(stats_open(&stats, 4), 0);
	stats_add(&stats, two, 2, 1);
	CHECK_EQ(stats_take(&taken, stats.fd), 0);
	stats_close(&taken);
	stats_add(&stats, two, 1, 1);
	CHECK_EQ(stats_take(&taken, stats.fd), -EINVAL);
	stats_close(&stats);
}

/* All in one place: to merge them would take for ever. */
static void too_many_copies(void)
{
	struct stats stats, taken;
	struct stats_field *field;

	CHECK_EQ(stats_open(&stats, 4), 0);
	stats_add(&stats, two, 2, 1);
	field = (struct stats_field *)(uintptr_t)stats_field(&stats, 0);
	field->stride = 0;
	field->copies = UINT32_MAX;
	CHECK_EQ(stats_take(&taken, stats.fd), -EINVAL);
	stats_close(&taken);
	field->copies = 4096;
	CHECK_EQ(stats_take(&taken, stats.fd), 0);
	stats_close(&taken);
	stats_close(&stats);
}

/* All that anybody may ask of a page. */
static uint64_t look_at_all(const struct stats *stats)
{
	const struct stats_field *field;
	struct histogram h;
	uint64_t seen = stats_age(stats);

	for (uint32_t i = 0; (field = stats_field(stats, i)); i++) {
		CHECK(strlen(field->name) < STATS_NAME_MAX && stats_find(stats, field->name) == field);
		CHECK(!strpbrk(field->name, "\"\\ {}\n"));
		seen += stats_value(stats, field) + stats_copy_value(stats, field, field->copies - 1);
		if (field->kind == STATS_LATENCY) {
			stats_histogram(stats, field, &h);
			seen += histogram_quantile(&h, 999);
		}
	}
	return seen;
}

/* As a page that somebody made has it at that place. */
static bool takes(int fd, size_t size, unsigned char *page, size_t at, unsigned char byte)
{
	unsigned char was = page[at];
	struct stats taken;
	int err;

	page[at] = byte;
	CHECK_EQ(pwrite(fd, page, size, 0), size);
	err = stats_take(&taken, fd);
	CHECK(err == 0 || err == -EINVAL);
	if (!err)
		look_at_all(&taken);
	stats_close(&taken);
	page[at] = was;
	return !err;
}

/* Any page may be anybody's: what is no page is told, and what is one is read without harm. */
static void pages_of_others(void)
{
	struct stats stats, taken;
	uint64_t state = check_seed();
	static unsigned char page[32768];
	int fd = memfd_create("page", MFD_CLOEXEC);
	unsigned int taken_so = 0, refused = 0;
	size_t size;

	CHECK_EQ(stats_take(&taken, fd), -EINVAL);
	CHECK_EQ(ftruncate(fd, 8192), 0);
	CHECK_EQ(stats_take(&taken, fd), -EINVAL);
	CHECK_EQ(stats_open(&stats, 2 * STATS_QUEUE + 2), 0);
	add_queues(&stats, 2);
	stats_add(&stats, two, 2, 1);
	size = stats.size;
	CHECK(size <= sizeof(page) && pread(stats.fd, page, sizeof(page), 0) == (ssize_t)size);
	CHECK_EQ(ftruncate(fd, (off_t)size), 0);
	for (size_t i = 0; i < 1500 && !check_failures; i++) {	/* the head and the table of fields */
		taken_so += takes(fd, size, page, i, (unsigned char)check_random(&state));
		taken_so += takes(fd, size, page, i, 0xff);
		refused += !takes(fd, size, page, i, '"');
	}
	CHECK(taken_so > 100 && refused > 500);
	memset(page + 32, 0xff, sizeof(page) - 32);		/* as much as there may be of everything */
	CHECK(!takes(fd, size, page, 0, page[0]));
	CHECK_EQ(ftruncate(fd, 1 << 30), 0);
	CHECK_EQ(stats_take(&taken, fd), -EINVAL);
	CHECK_EQ(stats_take(&taken, -1), -EINVAL);
	close(fd);
	stats_close(&stats);
}

/* Whoever serves has it, too, and who has mapped it would get a SIGBUS. */
static void stays_as_long(void)
{
	struct stats stats;

	CHECK_EQ(stats_open(&stats, 4), 0);
	CHECK_EQ(ftruncate(stats.fd, 0), -1);
	CHECK_EQ(errno, EPERM);
	stats_close(&stats);
}

TESTS(
	{ "what queues count is merged as its kind wants it; there is no more room than was asked for", merged },
	{ "a name that does not fit is a mistake of ours", too_long_a_name },
	{ "a page with one name twice is refused", a_name_twice },
	{ "a page with more copies of a number than there are queues is refused", too_many_copies },
	{ "all that matters fits in a line", in_a_line },
	{ "a page may be anybody's, and does no harm", pages_of_others },
	{ "nobody can take the memory of a page away", stays_as_long }
)
