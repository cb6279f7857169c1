/* SPDX-License-Identifier: MIT */
/* test_inflate.c - any byte of a deflated member, whoever asks in whatever order */
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>

#include "applets/zip/inflate.h"
#include "core/util.h"
#include "tests/check.h"
#include "tests/unit/deflater.h"
#include "tests/unit/said.h"

/* --- an archive in memory --- */

static struct deflater stream;

static int read_memory(const struct source *source, uint64_t offset, void *into, uint32_t length)
{
	CHECK(offset <= source->size && length <= source->size - offset);
	memcpy(into, source->bytes + offset, length);
	return 0;
}

static struct source memory;
static struct member member;

static void publish(uint32_t id)
{
	memory = (struct source){ .read = read_memory, .size = stream.packed_size, .bytes = stream.packed, .fd = -1 };
	member = (struct member){
		.id = id, .crc = plain_crc(stream.plain, stream.size), .packed = stream.packed_size, .size = stream.size,
	};
}

/* --- the engine --- */

static struct inflate *engine;
static struct inflate_queue *queue;
static int wake_fd;

static const struct inflate_limits usual = { .index_memory = 64 << 20, .cache_memory = 1 << 20, .span = 1024, .workers = 2 };

static void start(const struct inflate_limits *limits)
{
	CHECK_EQ(inflate_open(&engine, &memory, limits), 0);
	wake_fd = eventfd(0, EFD_CLOEXEC);
	queue = inflate_queue_open(engine, wake_fd, 8);
	CHECK(queue);
}

static void finish(void)
{
	inflate_queue_close(queue);
	inflate_close(engine);
	close(wake_fd);
	deflater_close(&stream);
}

static bool woken(void)
{
	struct pollfd poll_fd = { .fd = wake_fd, .events = POLLIN };
	uint64_t count;

	if (poll(&poll_fd, 1, 10000) != 1)
		return CHECK(!"woken");
	return read(wake_fd, &count, sizeof(count)) == sizeof(count);
}

static int64_t ask_until(uint64_t offset, uint32_t length, const char **at)
{
	int64_t got = inflate_ask(queue, 0, &member, offset, length, at);

	while (!got && woken())
		got = inflate_ask(queue, 0, &member, offset, length, at);
	return got;
}

/* All of these bytes are as they should be. */
static bool read_back(uint64_t offset, uint32_t length)
{
	const char *at;

	while (length) {
		int64_t got = ask_until(offset, length, &at);

		if (got <= 0 || got > length)
			return CHECK(!"an answer");
		if (memcmp(at, stream.plain + offset, (size_t)got))
			return CHECK(!"the right bytes");
		offset += (uint64_t)got;
		length -= (uint32_t)got;
	}
	return true;
}

static void random_reads(unsigned int count)
{
	uint64_t random = check_seed();

	for (unsigned int i = 0; i < count && !check_failures; i++) {
		uint64_t offset = check_random(&random) % member.size;
		uint32_t length = 1 + check_random(&random) % (uint32_t)min_u64(member.size - offset, 20000);

		read_back(offset, length);
	}
}

/* --- claims --- */

static void whatever_the_stream(void)
{
	for (uint64_t seed = 1; seed <= 40 && !check_failures; seed++) {
		deflater_open(&stream, seed);
		deflater_random(&stream, 1 + seed * 6000);
		publish(7);
		start(&usual);
		if (seed % 2)
			random_reads(100);
		read_back(0, (uint32_t)member.size);
		random_reads(100);
		finish();
		if (check_failures)
			printf("# seed %llu\n", (unsigned long long)seed);
	}
}

TESTS(
	{ "every byte of any stream, before and after it was indexed", whatever_the_stream },
)
