/* SPDX-License-Identifier: MIT */
/* util.c - the few of them that are no one-liners */
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <time.h>

#include "core/log.h"
#include "core/util.h"

void must_failed(const char *condition, const char *file, int line)
{
	fail_plain(0, "this should never happen, please report it: !(%s), %s:%d", condition, file, line);
	__builtin_trap();
}

uint64_t page_size(void)
{
	return getauxval(AT_PAGESZ);
}

/* #syscalls:opening mmap */
void *pages_get(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

/* #syscalls munmap */
void pages_free(void *pages, size_t bytes)
{
	if (pages)
		munmap(pages, bytes);
}

/* #syscalls clock_gettime */
int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}
