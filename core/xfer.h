/* SPDX-License-Identifier: MIT */
/*
 * xfer.h - how bytes move between a request and the place where they live
 *
 * One table: transfer mode by kind of place. A new mode is a new column; no
 * backend knows of it. The rows IN_FILE and NEEDS are fileio.c's, which only
 * backends with such places bring along.
 *
 *              copy                    get-data                  user-copy              zero-copy, auto-buf
 *   IN_MEMORY  memcpy with the tag's   READ: the driver copies   one system call        as user-copy
 *              buffer                  from the memory itself;   copies between
 *                                      WRITE: was copied there   request and memory
 *                                      before (request_accept)
 *   IN_FILE    io_uring, with the      the same, with a buffer   the same, with a       io_uring, with the
 *              buffer                  of the pool               buffer of the pool     request's own pages
 *   NOWHERE    clear the buffer        READ: the driver copies   READ: one system call  as user-copy
 *                                      from zeroes               copies zeroes
 *   NEEDS      io_uring, into the      the same                  the same               the same
 *              backend
 *
 * batch moves bytes as user-copy does, or as copy where there are no rights
 * for that; what differs is how requests are taken and given back (batch.h).
 * Flush, discard and zero have no bytes to move and are alike in all: fsync,
 * fallocate and madvise on what the place names, and where a device refuses
 * that, its own command for discard.
 *
 * A request from memory that its client shares with us (--shared-memory) is
 * served as with copy, whatever the mode, and that memory is its buffer. Only
 * where a file is read into its pages anyway, that is what happens.
 *
 * A file whose bytes are in memory is read and written by plain system calls,
 * at once: the asynchronous way would hand each to a thread of the kernel. If
 * the backend has it mapped, get-data and user-copy treat it as memory.
 */
#ifndef CORE_XFER_H
#define CORE_XFER_H

#include <errno.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/pool.h"
#include "core/request.h"
#include "core/ring.h"
#include "core/spec.h"

/* What an SQE was for, in its user_data; the tag stands in the low bits. */
enum xfer_kind { XFER_TAG, XFER_TAGS, XFER_COMMIT, XFER_MOVE, XFER_WAKE, XFER_TRIM, XFER_FIX, XFER_KINDS };

#define XFER_TAG_BITS 16

static inline uint64_t xfer_pack(enum xfer_kind kind, uint16_t tag)
{
	return (uint64_t)kind << XFER_TAG_BITS | tag;
}

static inline enum xfer_kind xfer_kind(uint64_t user_data)
{
	return (enum xfer_kind)(user_data >> XFER_TAG_BITS);
}

static inline uint16_t xfer_tag(uint64_t user_data)
{
	return (uint16_t)user_data;
}

static_assert(UBLK_MAX_QUEUE_DEPTH <= 1 << XFER_TAG_BITS, "a tag fits");

/* A ring's registered files. */
enum xfer_file { XFER_CHAR_FILE, XFER_BACKEND_FILE, XFER_WAKE_FILE, XFER_FILES };

struct xfer {
	struct serving serving;		/* first: request.c hands it back to us */
	enum io_mode mode;
	bool at_once;			/* files are in memory: no asynchronous I/O */
	bool driver_copies;		/* to and from an address that every command names */
	struct ring ring;
	uint16_t queue;
	int char_fd;			/* -1 if the mode has no use for it */
	int file;			/* of the backend, -1 if there is none; XFER_BACKEND_FILE */
	uint32_t max_io;		/* bytes */
	uint32_t drop_size;		/* memory is given back in multiples of this many bytes */
	bool shared;			/* memory of the backend is mapped MAP_SHARED */
	char *zeroes;			/* max_io of them, read-only, little memory behind them; of all queues together */
	char *sink;			/* max_io bytes that nobody reads */
	char *buffers;			/* copy: depth * max_io, one for each tag; else NULL */
	struct pool pool;		/* the other modes, where they need one */
	struct request *waiting, **last;	/* for a buffer of the pool, oldest first */
	struct request *spent;		/* answered, but the driver has yet to copy from their buffers */
};

/* Set mode, max_io, queue, char_fd and serving first. Fills in the rest but the ring. 0 or -errno. */
int xfer_open(struct xfer *xfer, unsigned int depth);
void xfer_close(struct xfer *xfer, unsigned int depth);

/* Those of struct serving that are about bytes. The first is for IN_MEMORY and NOWHERE; for all places: fileio.h. */
int64_t xfer_move(struct serving *serving, struct request *request, const struct place *place);
int xfer_settle(struct serving *serving, struct request *request, int moved);
bool xfer_buffer(struct serving *serving, struct request *request);

/* The request is being answered, its command not yet submitted: what it held can go, now or in xfer_submitted(). */
void xfer_release(struct xfer *xfer, struct request *request);
/* All SQEs so far have been taken in: buffers that waited for that are free, and go to who waits for one. */
void xfer_submitted(struct xfer *xfer);
/* Nobody may sleep now: somebody waits for a buffer that is free once SQEs are taken in. */
static inline bool xfer_is_pressed(const struct xfer *xfer) { return xfer->waiting && xfer->spent; }

/* --- what xfer.c and fileio.c share ------------------------------------------------ */

typedef int64_t xfer_fn(struct xfer *xfer, struct request *request, const struct place *place);

/* Between @memory and the request's bytes from @start on. Bytes moved, or a negative errno. */
int64_t xfer_copy_bytes(const struct xfer *xfer, const struct request *request, char *memory, uint32_t start,
			uint32_t length);
/* Is all of a READ there at once, and stays? Then the driver can copy from there, and we need not. */
bool xfer_can_point_at(const struct xfer *xfer, const struct request *request, const struct place *place);
/* @op: that puts the request's pages into the ring's table of buffers, or takes them out. 0 or -errno. */
int xfer_fix(struct xfer *xfer, struct request *request, uint32_t op);

static inline int64_t xfer_result(ssize_t n)
{
	return n < 0 ? -errno : n ? n : -EIO;	/* 0: the file ends where the disk does not */
}

static inline uint32_t xfer_done(const struct request *request)
{
	return request->length - request->rest.length;
}

static inline bool xfer_has_bytes(const struct request *request)
{
	return request->rest.op == OP_READ || request->rest.op == OP_WRITE;
}

static inline char *xfer_buffer_at(const struct request *request, uint32_t offset)
{
	return (request->shared ? request->shared : request->buffer) + offset;
}

/* Only reads and writes have bytes to keep. */
static inline bool xfer_has_buffer(struct xfer *xfer, struct request *request)
{
	return !xfer_has_bytes(request) || xfer_buffer(&xfer->serving, request);
}

#endif
