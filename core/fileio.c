/* SPDX-License-Identifier: MIT */
/* fileio.c - what flush, discard, zero, reads and writes are for a file */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/fileio.h"
#include "core/util.h"
#include "core/xfer.h"

#define DISCARD_COMMAND _IO(0x12, 0)	/* BLOCK_URING_CMD_DISCARD of <linux/blkdev.h>, Linux 6.12 */

/* --- files, by io_uring ----------------------------------------------------- */

static struct io_uring_sqe *move_sqe(struct xfer *xfer, const struct request *request, uint8_t opcode, int fd)
{
	struct io_uring_sqe *sqe = ring_sqe(&xfer->ring);

	if (!sqe)
		return NULL;
	sqe->opcode = opcode;
	sqe->fd = fd == xfer->file ? XFER_BACKEND_FILE : fd;
	sqe->flags = fd == xfer->file ? IOSQE_FIXED_FILE : 0;
	sqe->user_data = xfer_pack(XFER_MOVE, request->tag);
	return sqe;
}

/* @at: of memory, or of the request's pages if the opcode is one of the fixed ones. */
static int64_t start_io(struct xfer *xfer, struct request *request, const struct place *place, uint8_t opcode,
			uint64_t at)
{
	struct io_uring_sqe *sqe = move_sqe(xfer, request, opcode, place->fd);

	if (!sqe)
		return -EIO;
	sqe->flags |= request->may_block ? IOSQE_ASYNC : 0;
	sqe->addr = at;
	sqe->len = place->length;
	sqe->off = place->offset;
	sqe->rw_flags = request->rest.fua && place->kind == IN_FILE ? RWF_DSYNC : 0;
	if (opcode == IORING_OP_READ_FIXED || opcode == IORING_OP_WRITE_FIXED)
		sqe->buf_index = request->tag;
	return MOVE_STARTED;
}

static int64_t start_fsync(struct xfer *xfer, struct request *request, const struct place *place)
{
	struct io_uring_sqe *sqe = move_sqe(xfer, request, IORING_OP_FSYNC, place->fd);

	if (!sqe)
		return -EIO;
	sqe->fsync_flags = IORING_FSYNC_DATASYNC;
	return MOVE_STARTED;
}

static int64_t start_fallocate(struct xfer *xfer, struct request *request, const struct place *place, uint32_t mode)
{
	struct io_uring_sqe *sqe = move_sqe(xfer, request, IORING_OP_FALLOCATE, place->fd);

	if (!sqe)
		return -EIO;
	sqe->off = place->offset;
	sqe->addr = place->length;	/* FALLOCATE keeps its length there and the mode in len */
	sqe->len = mode;
	return MOVE_STARTED;
}

/* --- files, at once ---------------------------------------------------------- */

/* #syscalls:file,zip pread64 */
static int64_t read_now(int fd, char *memory, uint32_t length, uint64_t offset)
{
	return xfer_result(RETRY(pread(fd, memory, length, (off_t)offset)));
}

/* An archive is not written to. #syscalls:file pwritev pwritev2 */
static int64_t write_now(int fd, const char *memory, uint32_t length, uint64_t offset, bool fua)
{
	struct iovec all = { .iov_base = (void *)(uintptr_t)memory, .iov_len = length };

	return xfer_result(RETRY(pwritev2(fd, &all, 1, (off_t)offset, fua ? RWF_DSYNC : 0)));
}

/* #syscalls:file fdatasync */
static int64_t flush_now(int fd)
{
	return RETRY(fdatasync(fd)) < 0 ? -errno : 0;
}

/* #syscalls:file fallocate */
static int64_t fallocate_now(const struct place *place, int mode)
{
	return RETRY(fallocate(place->fd, mode, (off_t)place->offset, place->length)) < 0 ? -errno : (int64_t)place->length;
}

/* --- files: what is alike in all modes ----------------------------------------- */

static int64_t flush_file(struct xfer *xfer, struct request *request, const struct place *place)
{
	return xfer->at_once ? flush_now(place->fd) : start_fsync(xfer, request, place);
}

static int64_t allocate(struct xfer *xfer, struct request *request, const struct place *place, int mode)
{
	mode |= FALLOC_FL_KEEP_SIZE;
	return xfer->at_once ? fallocate_now(place, mode) : start_fallocate(xfer, request, place, (uint32_t)mode);
}

static int64_t write_zeroes(struct xfer *xfer, struct request *request, const struct place *place)
{
	struct place part = *place;

	part.length = (uint32_t)min_u64(place->length, xfer->max_io);
	if (xfer->at_once)
		return write_now(part.fd, xfer->zeroes, part.length, part.offset, request->rest.fua);
	return start_io(xfer, request, &part, IORING_OP_WRITE, ptr_to_u64(xfer->zeroes));
}

static int64_t zero_file(struct xfer *xfer, struct request *request, const struct place *place)
{
	switch (request->attempt) {
	case ZERO_BY_HOLE:
		return allocate(xfer, request, place, FALLOC_FL_PUNCH_HOLE);
	case ZERO_BY_RANGE:
		return allocate(xfer, request, place, FALLOC_FL_ZERO_RANGE);
	}
	return write_zeroes(xfer, request, place);
}

/* A device that discards, but cannot promise that zeroes are read from then on, makes no holes. It has a command. */
static int64_t discard_file(struct xfer *xfer, struct request *request, const struct place *place)
{
	struct io_uring_sqe *sqe;

	if (request->attempt == DISCARD_BY_HOLE)
		return allocate(xfer, request, place, FALLOC_FL_PUNCH_HOLE);
	if (xfer->at_once)	/* no device */
		return -EOPNOTSUPP;
	sqe = move_sqe(xfer, request, IORING_OP_URING_CMD, place->fd);
	if (!sqe)
		return -EIO;
	sqe->cmd_op = DISCARD_COMMAND;
	sqe->addr = place->offset;
	sqe->addr3 = place->length;
	return MOVE_STARTED;
}

/* Flush, discard and zero; reads and writes are the mode's. */
static int64_t change_file(struct xfer *xfer, struct request *request, const struct place *place)
{
	switch (request->rest.op) {
	case OP_FLUSH:
		return flush_file(xfer, request, place);
	case OP_DISCARD:
		return discard_file(xfer, request, place);
	case OP_ZERO:
		return zero_file(xfer, request, place);
	case OP_READ:
	case OP_WRITE:
		break;
	}
	return -EOPNOTSUPP;
}

/* --- each mode's way ----------------------------------------------------------- */

static int64_t copy_file(struct xfer *xfer, struct request *request, const struct place *place)
{
	char *at = xfer_buffer_at(request, xfer_done(request));
	bool reading = request->rest.op == OP_READ;

	if (!xfer_has_bytes(request))
		return change_file(xfer, request, place);
	if (!xfer->at_once)
		return start_io(xfer, request, place, reading ? IORING_OP_READ : IORING_OP_WRITE, ptr_to_u64(at));
	return reading ? read_now(place->fd, at, place->length, place->offset)
		       : write_now(place->fd, at, place->length, place->offset, request->rest.fua);
}

static int64_t direct_file(struct xfer *xfer, struct request *request, const struct place *place)
{
	if (xfer_can_point_at(xfer, request, place) && !request->again) {
		request->source = place->memory;
		request->pointed = true;
		return place->length;
	}
	return xfer_has_buffer(xfer, request) ? copy_file(xfer, request, place) : MOVE_PARKED;
}

/* All that is still to be written is in the buffer. */
static int fill_buffer(struct xfer *xfer, struct request *request)
{
	while (request->rest.op == OP_WRITE && request->filled < request->length) {
		int64_t n = xfer_copy_bytes(xfer, request, request->buffer + request->filled, request->filled,
					    request->length - request->filled);

		if (n < 0)
			return (int)n;
		request->filled += (uint32_t)n;
	}
	return 0;
}

static int64_t user_file(struct xfer *xfer, struct request *request, const struct place *place)
{
	int64_t moved;
	int err;

	if (!xfer_has_bytes(request))
		return change_file(xfer, request, place);
	if (place->memory)
		return xfer_copy_bytes(xfer, request, place->memory, xfer_done(request), place->length);
	if (!xfer_buffer(&xfer->serving, request))
		return MOVE_PARKED;
	err = fill_buffer(xfer, request);
	if (err)
		return err;
	moved = copy_file(xfer, request, place);
	return moved > 0 ? xfer_settle(&xfer->serving, request, (int)moved) : moved;
}

/* A file is read into and written from the request's own pages. */
static int64_t fixed_file(struct xfer *xfer, struct request *request, const struct place *place)
{
	bool reading = request->rest.op == OP_READ;

	if (!xfer_has_bytes(request))
		return change_file(xfer, request, place);
	if (request->fixed == BUFFER_UNREGISTERED) {
		int err = xfer_fix(xfer, request, UBLK_U_IO_REGISTER_IO_BUF);

		if (err)
			return err;
		request->fixed = BUFFER_REGISTERED;
	}
	return start_io(xfer, request, place, reading ? IORING_OP_READ_FIXED : IORING_OP_WRITE_FIXED, xfer_done(request));
}

/* Into the backend, which then is asked again. */
static int64_t fetch_needed(struct xfer *xfer, struct request *request, const struct place *place)
{
	return start_io(xfer, request, place, IORING_OP_READ, ptr_to_u64(place->memory));
}

/* --- the table -------------------------------------------------------------- */

static xfer_fn *const ways[IO_MODES] = {
	[IO_COPY] = copy_file, [IO_GET_DATA] = direct_file, [IO_USER_COPY] = user_file,
	[IO_ZERO_COPY] = fixed_file, [IO_AUTO_BUF] = fixed_file,
};

int64_t fileio_move(struct serving *serving, struct request *request, const struct place *place)
{
	struct xfer *xfer = (struct xfer *)serving;
	xfer_fn *move = ways[xfer->mode];

	if (place->kind == NEEDS)
		return fetch_needed(xfer, request, place);
	if (place->kind != IN_FILE)
		return xfer_move(serving, request, place);
	if (request->shared && move != fixed_file)	/* with which nothing is copied anyway */
		move = copy_file;
	return move(xfer, request, place);
}
