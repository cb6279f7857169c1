/* SPDX-License-Identifier: MIT */
/*
 * ring.h - the only door to the kernel's side of ublk
 *
 * An io_uring, the commands put into it, and the shared request descriptors.
 * ring.c is the real thing on liburing; tests/unit/model.c stands in for it
 * with a small model of the driver, so that everything above this line also
 * runs natively under the sanitizers. SQEs are filled in queue.c, batch.c,
 * xfer.c and ctrl.c and nowhere else.
 *
 * A ring belongs to the thread that opened it.
 */
#ifndef CORE_RING_H
#define CORE_RING_H

#include <stdbool.h>
#include <stdint.h>

#include <liburing.h>

#include "core/uapi.h"

struct ring {
	struct io_uring uring;
	struct io_uring_buf_ring *buffers;	/* of RING_BUFFER_GROUP */
	unsigned int buffer_count;
	const char *flavour;	/* which set-up flags the kernel took, for -v */
};

enum ring_kind {
	RING_DATA,		/* one thread submits; work is done when it enters */
	RING_SPINNING,		/* the same, and ring_submit_and_spin() works */
	RING_CONTROL,		/* 128-byte SQEs: the driver refuses control commands in smaller ones */
};

struct ring_done {
	uint64_t user_data;
	int32_t result;
	uint16_t buffer;	/* the number of the one that it filled, if it was to choose one */
	bool more;		/* the command goes on, and this was not its last completion */
};

/* 0 or -errno. A kernel too old for a set-up flag gets the ring without it. */
int ring_open(struct ring *ring, unsigned int entries, enum ring_kind kind);
void ring_close(struct ring *ring);
/* The same, for a thread that is about to end: the rest goes with the process. */
void ring_leave(struct ring *ring);

/* From now on IOSQE_FIXED_FILE index i means fds[i]. The ring holds its own references. */
int ring_register_files(struct ring *ring, const int *fds, unsigned int count);

#define RING_OPS_MAX 8

/*
 * A ring of requests does nothing before it is enabled, by the thread whose it
 * is; what is to be registered is registered before that. A restricted one
 * then takes these operations alone, on registered files, with no flags but
 * these, and registers nothing more. Both: 0 or -errno.
 */
int ring_restrict(struct ring *ring, const uint8_t *ops, unsigned int count, uint8_t flags);
int ring_enable(struct ring *ring);

/* A cleared SQE. Submits what is waiting if the queue is full; NULL only if even that failed. */
struct io_uring_sqe *ring_sqe(struct ring *ring);
/* Both: 0 or -errno, with -EINTR already handled. */
int ring_submit(struct ring *ring);
int ring_submit_and_wait(struct ring *ring);
/* The same, but look for completions for @us microseconds before sleeping. */
int ring_submit_and_spin(struct ring *ring, uint32_t us);
/* Take up to @limit completions. Returns how many. */
unsigned int ring_reap(struct ring *ring, struct ring_done *done, unsigned int limit);
/* Readable when completions wait. Only for rings of kind RING_CONTROL. */
int ring_poll_fd(const struct ring *ring);

#define RING_BUFFER_GROUP 0

#ifndef IORING_URING_CMD_MULTISHOT
#define IORING_URING_CMD_MULTISHOT (1U << 1)	/* Linux 6.16; liburing 2.9 does not know it yet */
#endif

/* Buffers for a command to choose from: @count of them, a power of two, of @size bytes each, side by side. 0 or -errno. */
int ring_give_buffers(struct ring *ring, void *memory, unsigned int count, unsigned int size);
/* One of them has been dealt with. */
void ring_return_buffer(struct ring *ring, void *at, unsigned int size, uint16_t number);

/* A table of @count buffers, all empty, for the pages of requests. 0 or -errno. */
int ring_register_buffers(struct ring *ring, unsigned int count);

/*
 * Copy between @memory and the bytes of the request in @tag from @start on;
 * @fill: into the request, which is a READ. As pread() and pwrite() return.
 */
ssize_t ring_user_copy(int char_fd, uint16_t queue, uint16_t tag, uint32_t start, char *memory, uint32_t length, bool fill);

/*
 * The descriptors of queue @queue, @depth of them, shared with the driver and
 * read-only here. One is valid from its tag's completion to its commit.
 * NULL with errno set on failure.
 */
const volatile struct ublksrv_io_desc *ring_map_descriptors(int char_fd, unsigned int queue, unsigned int depth);
void ring_unmap_descriptors(const volatile struct ublksrv_io_desc *descriptors, unsigned int depth);

#endif
