/* SPDX-License-Identifier: MIT */
/*
 * coverage.c - all processes of a test count in the same memory
 *
 * So it does not matter how a process ends, and servers are killed all the time. The first one writes down what all have
 * gone through, when it ends. The memory is the file $COUNTED, also for the same program executed once more.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

extern char counted_start[], counted_end[];	/* coverage.ld */

__attribute__((constructor(101))) static void count_together(void)
{
	const char *path = getenv("COUNTED");
	size_t size = (size_t)((uintptr_t)counted_end - (uintptr_t)counted_start);
	int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;

	if ((path && (fd < 0 || ftruncate(fd, (off_t)size) < 0)) ||
	    mmap(counted_start, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | (path ? 0 : MAP_ANONYMOUS), fd, 0) ==
	    MAP_FAILED)
		abort();
	close(fd);
}
