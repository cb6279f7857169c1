/* SPDX-License-Identifier: MIT */
/* test_region.c - memory shared with others, who may take it away */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>

#include "core/region.h"
#include "core/util.h"
#include "tests/check.h"
#include "tests/unit/said.h"

static char path[40];

static int file_of(off_t size)
{
	int fd = memfd_create("region", MFD_CLOEXEC);

	CHECK_EQ(ftruncate(fd, size), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return fd;
}

static void opened_and_closed(void)
{
	int fd = file_of((off_t)(3 * page_size()));
	struct region region = { 0 };
	char byte = 0;

	CHECK_EQ(region_open(&region, path), 0);
	CHECK_EQ(region.size, 3 * page_size());
	CHECK_EQ(region_fill(&region, path), 0);
	CHECK_EQ(region_copy(region.at + page_size(), "x", 1), 0);
	CHECK_EQ(pread(fd, &byte, 1, (off_t)page_size()), 1);
	CHECK_EQ(byte, 'x');
	region_close(&region);
	CHECK(!region.at);
	region_close(&region);
	close(fd);
	CHECK_EQ(said_nothing(), 0);
}

static void refused(const char *name, int error, const char *words)
{
	struct region region = { 0 };

	CHECK_EQ(region_open(&region, name), error);
	CHECK(!region.at);
	CHECK(said(words));
	CHECK_EQ(said_nothing(), 1);
}

static void what_is_no_memory(void)
{
	static const off_t sizes[] = { 0, 1, 4097, (1LL << 32) + 4096 };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		int fd = file_of(sizes[i]);

		refused(path, -EINVAL, "it must be whole pages, up to 4 GiB");
		close(fd);
	}
	refused("/nowhere/at/all", -ENOENT, "open /nowhere/at/all");
	refused("/dev/null", -EINVAL, "/dev/null is no memory");
	refused("/proc/self/mem", -EINVAL, "is no memory");
}

/* Cut short by somebody else: in every thread an error and not the end. */
static void *copy_from_what_is_gone(void *at)
{
	static char bytes[3 * 4096];

	CHECK_EQ(region_copy(bytes, at, sizeof(bytes)), -EFAULT);
	CHECK_EQ(region_copy(at, bytes, sizeof(bytes)), -EFAULT);
	CHECK_EQ(region_copy(at, bytes, page_size()), 0);
	return NULL;
}

static void cut_short(void)
{
	int fd = file_of((off_t)(4 * page_size()));
	struct region region = { 0 };
	pthread_t thread;

	CHECK_EQ(region_open(&region, path), 0);
	CHECK_EQ(region_guard(), 0);
	CHECK_EQ(ftruncate(fd, (off_t)page_size()), 0);
	pthread_create(&thread, NULL, copy_from_what_is_gone, region.at);
	copy_from_what_is_gone(region.at);
	pthread_join(thread, NULL);
	kill(getpid(), SIGBUS);			/* of no meaning, as every other signal */
	CHECK_DIES(*(volatile char *)(region.at + page_size()));
	region_close(&region);
	close(fd);
}

TESTS(
	{ "a file is mapped and filled, and what goes there is in it", opened_and_closed },
	{ "what cannot be shared is refused", what_is_no_memory },
	{ "what is cut short is an error for each thread, and the end only where nobody expects it", cut_short },
)
