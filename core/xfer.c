/* SPDX-License-Identifier: MIT */
/* xfer.c - the table of transfer modes */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/region.h"
#include "core/resident.h"
#include "core/util.h"
#include "core/xfer.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23	/* Linux 5.14 */
#endif

#define DISCARD_COMMAND _IO(0x12, 0)	/* BLOCK_URING_CMD_DISCARD of <linux/blkdev.h>, Linux 6.12 */

static uint32_t done(const struct request *request)
{
	return request->length - request->rest.length;
}

#define ZEROES_FILE (128U << 10)	/* bytes of real memory behind all zeroes */

/* --- memory given back ---------------------------------------------------- */

/*
 * Whole pages go back to the system and read as zeroes from then on. What is
 * left at the two ends keeps its memory; zero clears it, discard need not.
 */
static void drop_memory(const struct xfer *xfer, enum op op, char *at, uint32_t length)
{
	uintptr_t start = (uintptr_t)at, end = start + length;
	uintptr_t first = round_up(start, xfer->drop_size), last = round_down(end, xfer->drop_size);

	if (first >= last || resident_drop((void *)first, last - first, xfer->shared) < 0)
		first = last = end;	/* nothing dropped: all of it is "the end" */
	if (op != OP_ZERO)
		return;
	memset(at, 0, first - start);
	memset((void *)last, 0, end - last);
}

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

static int64_t result(ssize_t n)
{
	return n < 0 ? -errno : n ? n : -EIO;	/* 0: the file ends where the disk does not */
}

/* #syscalls:file,zip pread64 */
static int64_t read_now(int fd, char *memory, uint32_t length, uint64_t offset)
{
	return result(RETRY(pread(fd, memory, length, (off_t)offset)));
}

/* An archive is not written to. #syscalls:file pwritev pwritev2 */
static int64_t write_now(int fd, const char *memory, uint32_t length, uint64_t offset, bool fua)
{
	struct iovec all = { .iov_base = (void *)(uintptr_t)memory, .iov_len = length };

	return result(RETRY(pwritev2(fd, &all, 1, (off_t)offset, fua ? RWF_DSYNC : 0)));
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
	if (request->rest.op == OP_FLUSH)
		return flush_file(xfer, request, place);
	return request->rest.op == OP_DISCARD ? discard_file(xfer, request, place) : zero_file(xfer, request, place);
}

static bool has_bytes(const struct request *request)
{
	return request->rest.op == OP_READ || request->rest.op == OP_WRITE;
}

/* --- copy: there is a buffer, or memory that the client shares with us -------- */

static char *buffer_at(const struct request *request, uint32_t offset)
{
	return (request->shared ? request->shared : request->buffer) + offset;
}

/* One of the two is of the request. */
static int copy(const struct request *request, char *to, const char *from, uint32_t length)
{
	if (request->shared)
		return region_copy(to, from, length) ? -EIO : 0;
	memcpy(to, from, length);
	return 0;
}

static int64_t copy_memory(struct xfer *xfer, struct request *request, const struct place *place)
{
	enum op op = request->rest.op;
	int err = 0;

	if (op == OP_READ)
		err = copy(request, buffer_at(request, done(request)), place->memory, place->length);
	else if (op == OP_WRITE)
		err = copy(request, place->memory, buffer_at(request, done(request)), place->length);
	else if (op != OP_FLUSH)
		drop_memory(xfer, op, place->memory, place->length);
	return err ? err : (int64_t)place->length;
}

static int64_t copy_file(struct xfer *xfer, struct request *request, const struct place *place)
{
	char *at = buffer_at(request, done(request));
	bool reading = request->rest.op == OP_READ;

	if (!has_bytes(request))
		return change_file(xfer, request, place);
	if (!xfer->at_once)
		return start_io(xfer, request, place, reading ? IORING_OP_READ : IORING_OP_WRITE, ptr_to_u64(at));
	return reading ? read_now(place->fd, at, place->length, place->offset)
		       : write_now(place->fd, at, place->length, place->offset, request->rest.fua);
}

static int64_t copy_nowhere(struct xfer *xfer, struct request *request, const struct place *place)
{
	if (request->rest.op != OP_READ)
		return place->length;
	if (request->shared)
		return region_copy(request->shared + done(request), xfer->zeroes, place->length) ? -EIO : (int64_t)place->length;
	memset(request->buffer + done(request), 0, place->length);	/* it may hold what an earlier request left there */
	return place->length;
}

static int64_t copy_needs(struct xfer *xfer, struct request *request, const struct place *place)
{
	return start_io(xfer, request, place, IORING_OP_READ, ptr_to_u64(place->memory));
}

/* --- get-data: a buffer only where it cannot be helped --------------------- */

/* All of a READ at once: then the driver can copy from there, and we need not. */
static bool whole_read(const struct request *request, const struct place *place)
{
	return request->rest.op == OP_READ && place->length == request->length;
}

static bool can_point_at(const struct xfer *xfer, const struct request *request, const struct place *place)
{
	return whole_read(request, place) && place_stays(xfer->serving.backend, place);
}

/* Only reads and writes have bytes to keep. */
static bool has_buffer(struct xfer *xfer, struct request *request)
{
	return !has_bytes(request) || xfer_buffer(&xfer->serving, request);
}

static int64_t direct_memory(struct xfer *xfer, struct request *request, const struct place *place)
{
	if (can_point_at(xfer, request, place)) {
		request->source = place->memory;
		return place->length;
	}
	return has_buffer(xfer, request) ? copy_memory(xfer, request, place) : MOVE_PARKED;
}

static int64_t direct_file(struct xfer *xfer, struct request *request, const struct place *place)
{
	if (can_point_at(xfer, request, place) && !request->again) {
		request->source = place->memory;
		request->pointed = true;
		return place->length;
	}
	return has_buffer(xfer, request) ? copy_file(xfer, request, place) : MOVE_PARKED;
}

static int64_t direct_nowhere(struct xfer *xfer, struct request *request, const struct place *place)
{
	if (whole_read(request, place)) {
		request->source = xfer->zeroes;
		return place->length;
	}
	return has_buffer(xfer, request) ? copy_nowhere(xfer, request, place) : MOVE_PARKED;
}

/* --- user-copy: we copy, by reading and writing ublkcN ------------------------ */

/* Between @memory and the request's bytes from @start on. Bytes moved, or a negative errno. */
static int64_t copy_bytes(const struct xfer *xfer, const struct request *request, char *memory, uint32_t start,
			  uint32_t length)
{
	bool fill = request->rest.op == OP_READ;

	return result(ring_user_copy(xfer->char_fd, xfer->queue, request->tag, start, memory, length, fill));
}

static int64_t user_memory(struct xfer *xfer, struct request *request, const struct place *place)
{
	if (!has_bytes(request))
		return copy_memory(xfer, request, place);
	return copy_bytes(xfer, request, place->memory, done(request), place->length);
}

static int64_t user_nowhere(struct xfer *xfer, struct request *request, const struct place *place)
{
	if (request->rest.op != OP_READ)
		return place->length;
	/* As many as there is memory for: a few more calls, but no more memory that counts as ours. */
	return copy_bytes(xfer, request, xfer->zeroes, done(request), (uint32_t)min_u64(place->length, ZEROES_FILE));
}

/* All that is still to be written is in the buffer. */
static int fill_buffer(struct xfer *xfer, struct request *request)
{
	while (request->rest.op == OP_WRITE && request->filled < request->length) {
		int64_t n = copy_bytes(xfer, request, request->buffer + request->filled, request->filled,
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

	if (!has_bytes(request))
		return change_file(xfer, request, place);
	if (place->memory)
		return copy_bytes(xfer, request, place->memory, done(request), place->length);
	if (!xfer_buffer(&xfer->serving, request))
		return MOVE_PARKED;
	err = fill_buffer(xfer, request);
	if (err)
		return err;
	moved = copy_file(xfer, request, place);
	return moved > 0 ? xfer_settle(&xfer->serving, request, (int)moved) : moved;
}

/* What was read from a file is in the buffer and must reach the request: all of it, or it would be read again from its middle. */
int xfer_settle(struct serving *serving, struct request *request, int moved)
{
	struct xfer *xfer = (struct xfer *)serving;
	uint32_t start = done(request);
	int copied = 0;

	if (xfer->driver_copies || request->rest.op != OP_READ || !request->buffer)
		return moved;
	while (copied < moved) {
		uint32_t at = start + (uint32_t)copied;
		int64_t n = copy_bytes(xfer, request, request->buffer + at, at, (uint32_t)(moved - copied));

		if (n < 0)
			return (int)n;
		copied += (int)n;
	}
	return moved;
}

/* --- zero-copy: a file is read into and written from the request's own pages ----- */

/* The pages in the ring's table of buffers, at the index that is the tag. The driver does it by itself with auto-buf. */
static int fix(struct xfer *xfer, struct request *request, uint32_t op)
{
	struct ublksrv_io_cmd command = { .q_id = xfer->queue, .tag = request->tag, .addr = request->tag };
	struct io_uring_sqe *sqe = ring_sqe(&xfer->ring);

	if (!sqe)
		return -EIO;
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = XFER_CHAR_FILE;
	/* Success is silent. After a failure the transfer that follows finds no buffer, and fails. */
	sqe->flags = IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
	sqe->cmd_op = op;
	sqe->user_data = xfer_pack(XFER_FIX, request->tag);
	memcpy(sqe->cmd, &command, sizeof(command));
	return 0;
}

static int64_t fixed_file(struct xfer *xfer, struct request *request, const struct place *place)
{
	bool reading = request->rest.op == OP_READ;

	if (!has_bytes(request))
		return change_file(xfer, request, place);
	if (request->fixed == BUFFER_UNREGISTERED) {
		int err = fix(xfer, request, UBLK_U_IO_REGISTER_IO_BUF);

		if (err)
			return err;
		request->fixed = BUFFER_REGISTERED;
	}
	return start_io(xfer, request, place, reading ? IORING_OP_READ_FIXED : IORING_OP_WRITE_FIXED, done(request));
}

/* --- the table -------------------------------------------------------------- */

typedef int64_t move_fn(struct xfer *xfer, struct request *request, const struct place *place);

static move_fn *const moves[IO_MODES][PLACE_KINDS] = {
	[IO_COPY] = {
		[IN_MEMORY] = copy_memory, [IN_FILE] = copy_file, [NOWHERE] = copy_nowhere, [NEEDS] = copy_needs,
	},
	[IO_GET_DATA] = {
		[IN_MEMORY] = direct_memory, [IN_FILE] = direct_file, [NOWHERE] = direct_nowhere, [NEEDS] = copy_needs,
	},
	[IO_USER_COPY] = {
		[IN_MEMORY] = user_memory, [IN_FILE] = user_file, [NOWHERE] = user_nowhere, [NEEDS] = copy_needs,
	},
	[IO_ZERO_COPY] = {
		[IN_MEMORY] = user_memory, [IN_FILE] = fixed_file, [NOWHERE] = user_nowhere, [NEEDS] = copy_needs,
	},
	[IO_AUTO_BUF] = {
		[IN_MEMORY] = user_memory, [IN_FILE] = fixed_file, [NOWHERE] = user_nowhere, [NEEDS] = copy_needs,
	},
};

int64_t xfer_move(struct serving *serving, struct request *request, const struct place *place)
{
	struct xfer *xfer = (struct xfer *)serving;
	move_fn *move = moves[xfer->mode][place->kind];

	if (request->shared && move != fixed_file)	/* with which nothing is copied anyway */
		move = moves[IO_COPY][place->kind];
	return move(xfer, request, place);
}

/* --- buffers ------------------------------------------------------------------ */

bool xfer_buffer(struct serving *serving, struct request *request)
{
	struct xfer *xfer = (struct xfer *)serving;

	if (request->buffer)
		return true;
	if (!xfer->waiting)	/* first come, first served */
		request->buffer = pool_get(&xfer->pool, request->length);
	if (request->buffer)
		return true;
	request->next = NULL;
	*xfer->last = request;
	xfer->last = &request->next;
	return false;
}

static void free_buffer(struct xfer *xfer, struct request *request)
{
	pool_put(&xfer->pool, request->buffer, request->length);
	request->buffer = NULL;
}

void xfer_release(struct xfer *xfer, struct request *request)
{
	if (request->fixed == BUFFER_REGISTERED)
		fix(xfer, request, UBLK_U_IO_UNREGISTER_IO_BUF);
	request->fixed = BUFFER_UNREGISTERED;
	if (xfer->buffers || !request->buffer)
		return;
	request->next = xfer->spent;
	xfer->spent = request;
}

/* Who waits, oldest first, until one must go on waiting: there is no sense in a later one being served before it. */
static void serve_waiting(struct xfer *xfer)
{
	while (xfer->waiting) {
		struct request *request = xfer->waiting;
		char *buffer = pool_get(&xfer->pool, request->length);

		if (!buffer)
			return;
		xfer->waiting = request->next;
		if (!xfer->waiting)
			xfer->last = &xfer->waiting;
		request->buffer = buffer;
		request_run(&xfer->serving, request);
	}
}

void xfer_submitted(struct xfer *xfer)
{
	while (xfer->spent) {
		struct request *request = xfer->spent;

		xfer->spent = request->next;
		free_buffer(xfer, request);
	}
	serve_waiting(xfer);
}

/* --- memory ----------------------------------------------------------------- */

static char *map(size_t length)
{
	char *at = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

/*
 * Anonymous memory that is only read is the kernel's one page of zeroes, which
 * a driver that copies from it looks up the slow way, page by page (500
 * instructions each on 6.12). So the first of them are a file in memory, of
 * real pages. The others are not: they would count as ours.
 */
static int map_zeroes(size_t length, char **zeroes)
{
	int fd = memfd_create("ublk-zeroes", MFD_CLOEXEC), err = 0;
	char *at = map(length);

	if (fd < 0 || ftruncate(fd, ZEROES_FILE) < 0)
		err = -errno;
	else if (!at)
		err = -ENOMEM;
	else if (mmap(at, min_u64(ZEROES_FILE, length), PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED ||
		 mprotect(at, length, PROT_READ) < 0)
		err = -errno;
	if (fd >= 0)
		close(fd);
	if (err && at)
		munmap(at, length);
	*zeroes = at;
	return err;
}

/* One map for all queues, whose requests are of the same size. The lock is held while threads start and end. */
static struct {
	atomic_flag lock;
	char *at;
	size_t length;
	unsigned int users;
} shared = { .lock = ATOMIC_FLAG_INIT };

static int take_zeroes(struct xfer *xfer)
{
	int err = 0;

	while (atomic_flag_test_and_set(&shared.lock))
		continue;
	must(!shared.users || shared.length == xfer->max_io);
	if (!shared.users)
		err = map_zeroes(xfer->max_io, &shared.at);
	if (!err) {
		shared.users++;
		shared.length = xfer->max_io;
		xfer->zeroes = shared.at;
	}
	atomic_flag_clear(&shared.lock);
	return err;
}

static void leave_zeroes(struct xfer *xfer)
{
	if (!xfer->zeroes)
		return;
	while (atomic_flag_test_and_set(&shared.lock))
		continue;
	if (!--shared.users)
		munmap(shared.at, shared.length);
	atomic_flag_clear(&shared.lock);
	xfer->zeroes = NULL;
}

/*
 * A tag's buffer that cannot be faulted in while the driver copies a WRITE
 * makes Linux 7.3 acknowledge bytes that it dropped, so they are all there
 * before the first request. (Before Linux 5.14 there is no ublk at all.)
 */
static int open_buffers(struct xfer *xfer, size_t size)
{
	xfer->buffers = map(size);
	if (!xfer->buffers)
		return -ENOMEM;
	madvise(xfer->buffers, size, MADV_NOHUGEPAGE);	/* a backend may hand out huge pages: no reason to have buffers of them */
	return madvise(xfer->buffers, size, MADV_POPULATE_WRITE) < 0 ? -errno : 0;
}

int xfer_open(struct xfer *xfer, unsigned int depth)
{
	int err;

	xfer->drop_size = (uint32_t)page_size();
	xfer->last = &xfer->waiting;
	xfer->driver_copies = xfer->mode == IO_COPY || xfer->mode == IO_GET_DATA;
	err = take_zeroes(xfer);
	if (err)
		return err;
	xfer->sink = map(xfer->max_io);
	if (!xfer->sink)
		return -ENOMEM;
	madvise(xfer->sink, xfer->max_io, MADV_NOHUGEPAGE);
	if (xfer->mode == IO_COPY)
		return open_buffers(xfer, (size_t)depth * xfer->max_io);
	return pool_open(&xfer->pool, xfer->max_io);
}

/* #syscalls munmap */
void xfer_close(struct xfer *xfer, unsigned int depth)
{
	leave_zeroes(xfer);
	if (xfer->sink)
		munmap(xfer->sink, xfer->max_io);
	if (xfer->buffers)
		munmap(xfer->buffers, (size_t)depth * xfer->max_io);
	pool_close(&xfer->pool);
}
