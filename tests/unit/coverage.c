/* SPDX-License-Identifier: MIT */
/*
 * coverage.c - all processes of a test count in the same memory
 *
 * So it does not matter how a process ends, and servers are killed all the time. The first one writes down what all have
 * gone through, when it ends. The memory is the file $COUNTED, also for the same program executed once more. Nobody else
 * writes it down: what stands in the file already is added to the memory first, which doubles all of it each time.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

extern char counted_start[], counted_end[];	/* coverage.ld */

static pid_t first;

static void leave(int status, void *unused)
{
	(void)unused;
	if (getpid() == first)
		return;
	fflush(NULL);
	_exit(status);
}

__attribute__((constructor(101))) static void count_together(void)
{
	const char *path = getenv("COUNTED");
	size_t size = (size_t)((uintptr_t)counted_end - (uintptr_t)counted_start);
	int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;

	struct stat before = { 0 };

	if (!path || (fstat(fd, &before) == 0 && !before.st_size))
		first = getpid();
	on_exit(leave, NULL);
	if ((path && (fd < 0 || ftruncate(fd, (off_t)size) < 0)) ||
	    mmap(counted_start, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | (path ? 0 : MAP_ANONYMOUS), fd, 0) ==
	    MAP_FAILED)
		abort();
	close(fd);
}
