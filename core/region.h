/* SPDX-License-Identifier: MIT */
/*
 * region.h - memory that we share with the programs that use the disk
 *
 * A file that is nothing but memory (tmpfs, hugetlbfs, a memfd), mapped here
 * and by them. The driver knows its pages, and a request whose bytes lie in
 * them it does not copy: it tells where they are (UBLK_F_SHMEM_ZC).
 *
 * The file is theirs as well, and who cuts it short makes our mapping a trap.
 * So nobody touches it but region_copy(), which survives that, and the kernel,
 * which reports it.
 */
#ifndef CORE_REGION_H
#define CORE_REGION_H

#include <stddef.h>
#include <stdint.h>

struct region {
	char *at;		/* NULL: there is none */
	uint64_t size;		/* bytes, whole pages */
	int fd;			/* of the file, for another program that goes on; -1: none */
};

/* Both: 0, or -errno after saying why. */
int region_open(struct region *region, const char *path);
/* Its descriptor is there. */
int region_resume(struct region *region, const char *path);
/* The driver is about to pin all of it: have it all there. */
int region_fill(const struct region *region, const char *path);
void region_close(struct region *region);

/* From now on region_copy() may fail instead of ending the process. Before the threads that call it are made. 0 or -errno. */
int region_guard(void);
/* Into or out of a region. 0, or -EFAULT if part of it is not there any more. */
int region_copy(char *to, const char *from, size_t length);

#endif
