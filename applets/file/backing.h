/* SPDX-License-Identifier: MIT */
/* backing.h - the file or block device behind ublk-file: opening it, and what it is like */
#ifndef APPLETS_FILE_BACKING_H
#define APPLETS_FILE_BACKING_H

#include <stdbool.h>
#include <stdint.h>

enum direct { DIRECT_AUTO, DIRECT_ON, DIRECT_OFF };

/* What is asked for. */
struct backing_plan {
	const char *path;		/* for messages, if @from_fd is not -1 */
	int from_fd;			/* an open descriptor to use instead of the path, -1 for none */
	bool read_only;
	bool share;			/* take no lock */
	uint64_t create;		/* bytes of a new file, 0: it must exist */
	uint64_t offset, limit;		/* bytes of the disk's start in it, and most bytes of the disk (0: all) */
	enum direct direct;
	uint32_t sector_size;		/* bytes, 0: what suits */
};

/* What came of it. Sizes are in bytes; 0 means unknown, or the usual. */
struct backing {
	int fd;				/* -1: closed */
	bool device;			/* not a regular file */
	bool read_only;
	bool in_memory;			/* on tmpfs or ramfs */
	bool direct;			/* O_DIRECT is on */
	bool fallback;			/* it was wanted, but cannot be */
	bool created;			/* by us, just now */
	bool rotational;
	uint64_t offset, limit;
	uint64_t size;			/* of the disk */
	uint32_t sector_size;		/* smallest that can be written, 512 if 0 */
	uint32_t physical_size, optimal_size, dma_size;
	uint32_t discard_size;		/* 0: it cannot */
};

/* For the tables of state.h: what of @member, a backing in @struct_, another program needs to go on with it. */
#define BACKING_CARRIED(struct_, member) \
	STATE_FIELD(struct_, member.fd, STATE_FILE), \
	STATE_FIELD(struct_, member.device, STATE_BOOL), \
	STATE_FIELD(struct_, member.read_only, STATE_BOOL), \
	STATE_FIELD(struct_, member.in_memory, STATE_BOOL), \
	STATE_FIELD(struct_, member.direct, STATE_BOOL), \
	STATE_FIELD(struct_, member.fallback, STATE_BOOL), \
	STATE_FIELD(struct_, member.rotational, STATE_BOOL), \
	STATE_FIELD(struct_, member.offset, STATE_NUMBER), \
	STATE_FIELD(struct_, member.limit, STATE_NUMBER), \
	STATE_FIELD(struct_, member.size, STATE_NUMBER), \
	STATE_FIELD(struct_, member.sector_size, STATE_NUMBER), \
	STATE_FIELD(struct_, member.physical_size, STATE_NUMBER), \
	STATE_FIELD(struct_, member.optimal_size, STATE_NUMBER), \
	STATE_FIELD(struct_, member.dma_size, STATE_NUMBER), \
	STATE_FIELD(struct_, member.discard_size, STATE_NUMBER)

/* 0, or -errno after saying why. Close it in either case. */
int backing_open(struct backing *backing, const struct backing_plan *plan);
void backing_close(struct backing *backing);

/* How many bytes the disk could have now: the file may have grown or shrunk. */
uint64_t backing_size(const struct backing *backing);

#endif
