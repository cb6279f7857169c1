/* SPDX-License-Identifier: MIT */
/* xfer.c - the table of transfer modes, for what is in memory and nowhere */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/region.h"
#include "core/resident.h"
#include "core/util.h"
#include "core/xfer.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23	/* Linux 5.14 */
#endif

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

/* --- copy: there is a buffer, or memory that the client shares with us -------- */

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
	int err = 0;

	switch (request->rest.op) {
	case OP_READ:
		err = copy(request, xfer_buffer_at(request, xfer_done(request)), place->memory, place->length);
		break;
	case OP_WRITE:
		err = copy(request, place->memory, xfer_buffer_at(request, xfer_done(request)), place->length);
		break;
	case OP_DISCARD:
	case OP_ZERO:
		drop_memory(xfer, request->rest.op, place->memory, place->length);
		break;
	case OP_FLUSH:
		break;
	}
	return err ? err : (int64_t)place->length;
}

static int64_t copy_nowhere(struct xfer *xfer, struct request *request, const struct place *place)
{
	if (request->rest.op != OP_READ)
		return place->length;
	if (request->shared)
		return region_copy(request->shared + xfer_done(request), xfer->zeroes, place->length) ? -EIO : (int64_t)place->length;
	memset(request->buffer + xfer_done(request), 0, place->length);	/* it may hold what an earlier request left there */
	return place->length;
}

/* --- get-data: a buffer only where it cannot be helped --------------------- */

static bool whole_read(const struct request *request, const struct place *place)
{
	return request->rest.op == OP_READ && place->length == request->length;
}

bool xfer_can_point_at(const struct xfer *xfer, const struct request *request, const struct place *place)
{
	return whole_read(request, place) && place_stays(xfer->serving.backend, place);
}

static int64_t direct_memory(struct xfer *xfer, struct request *request, const struct place *place)
{
	if (xfer_can_point_at(xfer, request, place)) {
		request->source = place->memory;
		return place->length;
	}
	return xfer_has_buffer(xfer, request) ? copy_memory(xfer, request, place) : MOVE_PARKED;
}

static int64_t direct_nowhere(struct xfer *xfer, struct request *request, const struct place *place)
{
	if (whole_read(request, place)) {
		request->source = xfer->zeroes;
		return place->length;
	}
	return xfer_has_buffer(xfer, request) ? copy_nowhere(xfer, request, place) : MOVE_PARKED;
}

/* --- user-copy: we copy, by reading and writing ublkcN ------------------------ */

int64_t xfer_copy_bytes(const struct xfer *xfer, const struct request *request, char *memory, uint32_t start,
			uint32_t length)
{
	bool fill = request->rest.op == OP_READ;

	return xfer_result(ring_user_copy(xfer->char_fd, xfer->queue, request->tag, start, memory, length, fill));
}

static int64_t user_memory(struct xfer *xfer, struct request *request, const struct place *place)
{
	if (!xfer_has_bytes(request))
		return copy_memory(xfer, request, place);
	return xfer_copy_bytes(xfer, request, place->memory, xfer_done(request), place->length);
}

static int64_t user_nowhere(struct xfer *xfer, struct request *request, const struct place *place)
{
	if (request->rest.op != OP_READ)
		return place->length;
	/* As many as there is memory for: a few more calls, but no more memory that counts as ours. */
	return xfer_copy_bytes(xfer, request, xfer->zeroes, xfer_done(request),
			       (uint32_t)min_u64(place->length, ZEROES_FILE));
}

/* What was read from a file is in the buffer and must reach the request: all of it, or it would be read again from its middle. */
int xfer_settle(struct serving *serving, struct request *request, int moved)
{
	struct xfer *xfer = (struct xfer *)serving;
	uint32_t start = xfer_done(request);
	int copied = 0;

	if (xfer->driver_copies || request->rest.op != OP_READ || !request->buffer)
		return moved;
	while (copied < moved) {
		uint32_t at = start + (uint32_t)copied;
		int64_t n = xfer_copy_bytes(xfer, request, request->buffer + at, at, (uint32_t)(moved - copied));

		if (n < 0)
			return (int)n;
		copied += (int)n;
	}
	return moved;
}

/* --- zero-copy ---------------------------------------------------------------- */

/* The pages in the ring's table of buffers, at the index that is the tag. The driver does it by itself with auto-buf. */
int xfer_fix(struct xfer *xfer, struct request *request, uint32_t op)
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

/* --- the table -------------------------------------------------------------- */

static xfer_fn *const moves[IO_MODES][NOWHERE + 1] = {
	[IO_COPY] = { [IN_MEMORY] = copy_memory, [NOWHERE] = copy_nowhere },
	[IO_GET_DATA] = { [IN_MEMORY] = direct_memory, [NOWHERE] = direct_nowhere },
	[IO_USER_COPY] = { [IN_MEMORY] = user_memory, [NOWHERE] = user_nowhere },
	[IO_ZERO_COPY] = { [IN_MEMORY] = user_memory, [NOWHERE] = user_nowhere },
	[IO_AUTO_BUF] = { [IN_MEMORY] = user_memory, [NOWHERE] = user_nowhere },
};

int64_t xfer_move(struct serving *serving, struct request *request, const struct place *place)
{
	struct xfer *xfer = (struct xfer *)serving;

	must(place->kind <= NOWHERE);	/* a backend with files says so, and has them moved by fileio.c */
	return moves[request->shared ? IO_COPY : xfer->mode][place->kind](xfer, request, place);
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
		xfer_fix(xfer, request, UBLK_U_IO_UNREGISTER_IO_BUF);
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
