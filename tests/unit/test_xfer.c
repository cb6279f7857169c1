/* SPDX-License-Identifier: MIT */
/*
 * test_xfer.c - how bytes move: who waits for a buffer, what each SQE says, what is done at once
 *
 * SQEs go into a list. Most are completed by hand; finish() does to a real file
 * what they say. The driver is here as well: it has the bytes of requests, and
 * copies them as the mode wants it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#include "core/fileio.h"
#include "core/region.h"
#include "core/util.h"
#include "core/xfer.h"
#include "tests/check.h"

#define REQUESTS 4096
#define MAX_IO (256U << 10)
#define SLOT (MAX_IO / POOL_SLOTS_MAX)
#define LARGE (POOL_SLOTS / POOL_SLOTS_MAX)	/* requests of MAX_IO that the pool has room for */
#define TAGS 8					/* that have bytes */
#define QUEUE 3
#define CHAR_FD 12345

/* --- the ring, and the driver ------------------------------------------------ */

static struct io_uring_sqe sqes[REQUESTS + 8];
static unsigned int sent, finished;
static unsigned int sqes_left;
static char bytes[TAGS][MAX_IO];		/* of the requests */
static unsigned int copies;			/* by user-copy */
static ssize_t copy_limit;			/* bytes of each, or its error; 0: all */

int ring_submit(struct ring *ring) { (void)ring; return 0; }

struct io_uring_sqe *ring_sqe(struct ring *ring)
{
	(void)ring;
	if (!sqes_left || sent == ARRAY_SIZE(sqes))
		return NULL;
	sqes_left--;
	memset(&sqes[sent], 0, sizeof(sqes[sent]));
	return &sqes[sent++];
}

ssize_t ring_user_copy(int char_fd, uint16_t queue, uint16_t tag, uint32_t start, char *memory, uint32_t length, bool fill)
{
	CHECK(char_fd == CHAR_FD && queue == QUEUE && tag < TAGS && length && start + length <= MAX_IO);
	copies++;
	if (copy_limit < 0) {
		errno = (int)-copy_limit;
		return -1;
	}
	if (copy_limit && length > (uint32_t)copy_limit)
		length = (uint32_t)copy_limit;
	memcpy(fill ? bytes[tag] + start : memory, fill ? memory : bytes[tag] + start, length);
	return length;
}

/* --- system calls, as they are, and remembered --------------------------------- */

static unsigned int durable, written, flushed;
static int allocated[8];			/* modes of fallocate() */
static unsigned int allocations;
static bool no_holes, nothing_dropped;		/* the file, the memory cannot */
static bool interrupting, interrupted;		/* every second of these calls */
static void (*inside)(void);			/* called where zeroes are mapped, or go */
static int no_file;				/* error of making one in memory */

static bool is_interrupted(void)
{
	interrupted = interrupting && !interrupted;
	errno = EINTR;
	return interrupted;
}

ssize_t pread(int fd, void *to, size_t length, off_t offset)
{
	return is_interrupted() ? -1 : syscall(SYS_pread64, fd, to, length, offset);
}

int madvise(void *at, size_t length, int advice)
{
	errno = EINVAL;
	return nothing_dropped ? -1 : (int)syscall(SYS_madvise, at, length, advice);
}

int memfd_create(const char *name, unsigned int flags)
{
	if (inside)
		inside();
	errno = no_file;
	return no_file ? -1 : (int)syscall(SYS_memfd_create, name, flags);
}

int munmap(void *at, size_t length)
{
	if (inside)
		inside();
	return (int)syscall(SYS_munmap, at, length);
}

ssize_t pwritev2(int fd, const struct iovec *vector, int count, off_t offset, int flags)
{
	CHECK_EQ(count, 1);
	CHECK(flags == 0 || flags == RWF_DSYNC);
	if (is_interrupted())
		return -1;
	written++;
	durable += flags == RWF_DSYNC;
	return pwrite(fd, vector->iov_base, vector->iov_len, offset);
}

int fdatasync(int fd)
{
	if (is_interrupted())
		return -1;
	flushed++;
	return (int)syscall(SYS_fdatasync, fd);
}

int fallocate(int fd, int mode, off_t offset, off_t length)
{
	if (is_interrupted())
		return -1;
	errno = EOPNOTSUPP;
	if (no_holes)
		return -1;
	if (allocations < ARRAY_SIZE(allocated))
		allocated[allocations++] = mode;
	return (int)syscall(SYS_fallocate, fd, mode, offset, length);
}

/* --- requests, and a backend that says what the test says ------------------------ */

static struct xfer xfer;
static struct request requests[REQUESTS];
static unsigned int answers;
static int results[REQUESTS];
static uint16_t answered[2 * REQUESTS];		/* tags, in the order of their answers */
static struct place (*says)(const struct span *span);
static unsigned int questions;
static int file;

static struct place where(void *self, const struct span *span)
{
	(void)self;
	if (questions++ > 1000000) {
		printf("# a request is asked about for ever\n");
		abort();
	}
	return says(span);
}

static struct place says_file(const struct span *span) { return in_file(file, span->offset, span->length); }
static struct place says_nowhere(const struct span *span) { return nowhere(span->length); }
static struct place says_failed(const struct span *span) { (void)span; return failed(-EBADMSG); }

static char memory[MAX_IO];

static struct place says_memory(const struct span *span) { return in_memory(memory + span->offset, span->length); }

/* In pieces: memory, file, nowhere, file. */
static struct place says_mixed(const struct span *span)
{
	uint32_t length = (uint32_t)min_u64(span->length, 1024 - span->offset % 1024);

	switch (span->offset / 1024 % 4) {
	case 0:
		return in_memory(memory + span->offset, length);
	case 2:
		return nowhere(length);
	}
	return in_file(file, span->offset, length);
}

/* As queue.c does; and the driver takes the bytes of a READ. */
static void answer(struct serving *serving, struct request *request, int result)
{
	const char *source = request->source ? request->source : request->buffer ? request->buffer : xfer.zeroes;

	(void)serving;
	if (xfer.driver_copies && request->rest.op == OP_READ && result > 0 && request->tag < TAGS)
		memcpy(bytes[request->tag], source, (size_t)result);
	answered[answers++] = request->tag;
	results[request->tag] = result;
	request->asked = 0;
	xfer_release(&xfer, request);
}

static void fetch(struct serving *serving, struct request *request, char *into)
{
	if (request->tag < TAGS)
		memcpy(into ? into : xfer.sink, bytes[request->tag], request->length);
	request_accepted(serving, request, request->length);
}

static struct backend backend = { .where = where };

static void open_xfer(enum io_mode mode, bool at_once)
{
	backend.mostly = IN_FILE;
	xfer = (struct xfer){ .mode = mode, .max_io = MAX_IO, .queue = QUEUE, .char_fd = CHAR_FD, .at_once = at_once };
	xfer.serving = (struct serving){
		.backend = &backend, .move = fileio_move, .settle = xfer_settle, .answer = answer, .fetch = fetch,
		.buffer = xfer_buffer,
	};
	CHECK_EQ(xfer_open(&xfer, TAGS), 0);
	memset(requests, 0, sizeof(requests));
	for (uint16_t i = 0; i < REQUESTS; i++)
		requests[i].tag = i;
	for (unsigned int i = 0; i < TAGS; i++)
		requests[i].buffer = mode == IO_COPY ? xfer.buffers + (size_t)i * MAX_IO : NULL;
	questions = sent = finished = answers = copies = durable = written = flushed = allocations = 0;
	sqes_left = UINT32_MAX;
	copy_limit = 0;
	says = says_file;
	file = 3;
}

/* Nothing is left behind. */
static void close_xfer(void)
{
	xfer_submitted(&xfer);
	CHECK(!xfer.pool.taken && !xfer.spent && !xfer.waiting && xfer.last == &xfer.waiting);
	for (unsigned int i = 0; i < REQUESTS; i++)
		CHECK(!requests[i].owed && requests[i].fixed == BUFFER_UNREGISTERED && (xfer.mode == IO_COPY || !requests[i].buffer));
	xfer_close(&xfer, TAGS);
}

static void begin(unsigned int tag, enum op op, uint64_t offset, uint32_t length)
{
	CHECK(xfer.mode == IO_COPY || !requests[tag].buffer);	/* no tag comes again before its answer was submitted */
	request_begin(&xfer.serving, &requests[tag], &(struct span){ .op = op, .offset = offset, .length = length });
}

/* As the mode has it: bytes that are still with the driver come first. */
static void begin_span(unsigned int tag, struct span span)
{
	if (xfer.mode == IO_GET_DATA && span.op == OP_WRITE) {
		request_accept(&xfer.serving, &requests[tag], &span);
		return;
	}
	if (xfer.mode == IO_COPY && span.op == OP_WRITE)
		memcpy(requests[tag].buffer, bytes[tag], span.length);
	request_begin(&xfer.serving, &requests[tag], &span);
}

static void end(unsigned int tag, int result)
{
	request_resume(&xfer.serving, &requests[tag], result);
}

static int make_file(void);
static bool file_is_right(void);

/* --- who waits for a buffer -------------------------------------------------------- */

#define EVERY_MODE(mode) (enum io_mode mode = IO_COPY; mode <= IO_AUTO_BUF; mode++)
#define EVERY_MODE_OF_A_POOL(mode) (enum io_mode mode = IO_GET_DATA; mode <= IO_USER_COPY; mode++)

/* Tags of the SQEs from @first on. */
static void sent_for(unsigned int first, const uint16_t *tags, unsigned int count)
{
	CHECK_EQ(sent - first, count);
	for (unsigned int i = 0; i < count && first + i < sent; i++)
		CHECK_EQ(xfer_tag(sqes[first + i].user_data), tags[i]);
}

#define SENT_FOR(first, ...) \
	sent_for(first, (const uint16_t[]){ __VA_ARGS__ }, sizeof((const uint16_t[]){ __VA_ARGS__ }) / sizeof(uint16_t))

/* A small one that would fit does not go before a large one that came earlier. */
static void first_come(void)
{
	for EVERY_MODE_OF_A_POOL(mode) {
		open_xfer(mode, false);
		for (unsigned int tag = 0; tag < LARGE - 1; tag++)
			begin(tag, OP_READ, 0, MAX_IO);
		begin(3, OP_READ, 0, 512);
		begin(4, OP_READ, 0, MAX_IO);		/* one slot too few for it */
		begin(5, OP_READ, 0, 512);
		begin(6, OP_READ, 0, MAX_IO);
		begin(7, OP_READ, 0, 512);
		SENT_FOR(0, 0, 1, 2, 3);
		end(3, -EIO);
		xfer_submitted(&xfer);
		SENT_FOR(4, 4);
		end(1, -EIO);
		xfer_submitted(&xfer);
		SENT_FOR(5, 5);				/* and now 6 needs all that is left, and one */
		end(0, -EIO);
		end(5, -EIO);
		xfer_submitted(&xfer);
		SENT_FOR(6, 6, 7);
		for (unsigned int i = 0; i < 4; i++)
			end((const uint16_t[]){ 2, 4, 6, 7 }[i], -EIO);
		CHECK_EQ(answers, 8);
		close_xfer();
	}
}

/* The driver copies from it when it takes the command in, and not before. */
static void kept_until_submitted(void)
{
	for EVERY_MODE_OF_A_POOL(mode) {
		char *buffer;

		open_xfer(mode, false);
		begin(0, OP_READ, 0, MAX_IO);
		buffer = requests[0].buffer;
		CHECK(buffer && !xfer_is_pressed(&xfer));
		end(0, -EIO);
		CHECK_EQ(answers, 1);
		CHECK(requests[0].buffer == buffer && xfer.pool.taken == 0xffff && xfer.spent == &requests[0]);
		CHECK(!xfer_is_pressed(&xfer));			/* nobody waits for it */
		begin(1, OP_READ, 0, 512);
		CHECK(requests[1].buffer && requests[1].buffer != buffer);
		xfer_submitted(&xfer);
		CHECK(!requests[0].buffer && xfer.pool.taken == 0x10000 && !xfer.spent);
		end(1, -EIO);
		close_xfer();
	}
}

static void pressed(void)
{
	for EVERY_MODE_OF_A_POOL(mode) {
		open_xfer(mode, false);
		for (unsigned int tag = 0; tag < LARGE; tag++)
			begin(tag, OP_READ, 0, MAX_IO);
		CHECK(!xfer_is_pressed(&xfer));
		begin(4, OP_READ, 0, 512);
		CHECK(!xfer_is_pressed(&xfer));			/* it waits for a file */
		xfer_submitted(&xfer);
		CHECK(!xfer_is_pressed(&xfer) && !requests[4].buffer);
		end(0, -EIO);
		CHECK(xfer_is_pressed(&xfer));			/* and now for us */
		xfer_submitted(&xfer);
		CHECK(!xfer_is_pressed(&xfer) && requests[4].buffer);
		for (unsigned int tag = 1; tag <= 4; tag++)
			end(tag, -EIO);
		CHECK(!xfer_is_pressed(&xfer));
		close_xfer();
	}
}

/* Requests of all sizes, many times what there is room for: served in their order, none forgotten. */
static void mixed_sizes(void)
{
	for EVERY_MODE_OF_A_POOL(mode) {
		uint64_t random = check_seed();
		unsigned int ended = 0, begun = 0;

		open_xfer(mode, false);
		for (unsigned int tag = TAGS; tag < REQUESTS; tag++, begun++)
			begin(tag, OP_READ, 0, check_random(&random) % 3 ? 512 + check_random(&random) % 8192
									  : 1 + check_random(&random) % MAX_IO);
		while (ended < sent) {
			unsigned int i = ended + check_random(&random) % (sent - ended);	/* not in their order */
			struct io_uring_sqe sqe = sqes[i];

			sqes[i] = sqes[ended];
			sqes[ended++] = sqe;
			CHECK_EQ(requests[xfer_tag(sqe.user_data)].length, sqe.len);
			end(xfer_tag(sqe.user_data), -EIO);
			if (check_random(&random) % 2 || xfer_is_pressed(&xfer))
				xfer_submitted(&xfer);
			for (unsigned int n = ended; n < sent; n++)
				CHECK(xfer_tag(sqes[n].user_data) < TAGS + sent);	/* nobody overtook */
		}
		CHECK_EQ(answers, begun);
		close_xfer();
	}
}

static struct place says_memory_to_most(const struct span *span)
{
	return span->slot < LARGE ? says_file(span) : in_memory(memory, span->length);
}

/* One release lets in as many as the pool holds, and none from inside another. */
static void *serve_many(void *unused)
{
	unsigned int turns = 0;

	open_xfer(IO_GET_DATA, false);
	says = says_memory_to_most;
	for (unsigned int tag = 0; tag < LARGE; tag++)
		begin(tag, OP_READ, 0, MAX_IO);
	for (unsigned int tag = LARGE; tag < REQUESTS; tag++)
		begin(tag, OP_READ, 0, 512);
	CHECK_EQ(answers, 0);			/* four have it all, all others wait */
	for (unsigned int tag = 0; tag < LARGE; tag++)
		end(tag, MAX_IO);
	CHECK_EQ(answers, LARGE);
	while (xfer_is_pressed(&xfer) && turns++ < REQUESTS)
		xfer_submitted(&xfer);
	CHECK_EQ(answers, REQUESTS);
	CHECK_EQ(turns, (REQUESTS - LARGE + POOL_SLOTS - 1) / POOL_SLOTS);
	for (unsigned int i = LARGE; i < REQUESTS; i++)
		CHECK_EQ(answered[i], i);
	close_xfer();
	return unused;
}

#ifdef __SANITIZE_ADDRESS__
#define STACK (512 << 10)
#else
#define STACK (128 << 10)	/* what musl gives a thread */
#endif

static void many_waiters(void)
{
	pthread_attr_t small;
	pthread_t thread;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, STACK);
	CHECK_EQ(pthread_create(&thread, &small, serve_many, NULL), 0);
	pthread_join(thread, NULL);
	pthread_attr_destroy(&small);
}

/* The disk has changed while they waited. */
static void waiters_that_need_none(void)
{
	for EVERY_MODE_OF_A_POOL(mode) {
		open_xfer(mode, false);
		for (unsigned int tag = 0; tag < 20; tag++)
			begin(tag, OP_READ, 0, MAX_IO);
		says = says_failed;
		for (unsigned int tag = 0; tag < LARGE; tag++)
			end(tag, MAX_IO / 2);
		while (xfer_is_pressed(&xfer))
			xfer_submitted(&xfer);
		CHECK_EQ(answers, 20);
		for (unsigned int tag = 0; tag < 20; tag++)
			CHECK_EQ(results[tag], -EBADMSG);
		close_xfer();
	}
}

/* A WRITE that waits has not been copied anywhere; when it may, the driver is told where to. */
static void writes_that_wait(void)
{
	for EVERY_MODE_OF_A_POOL(mode) {
		open_xfer(mode, false);
		for (unsigned int tag = 0; tag < LARGE; tag++)
			begin(tag, OP_READ, 0, MAX_IO);
		begin_span(4, (struct span){ .op = OP_WRITE, .length = 1024 });
		memset(bytes[4], 'w', 1024);			/* late, and yet in time */
		CHECK_EQ(sent, LARGE);
		end(0, -EIO);
		xfer_submitted(&xfer);
		CHECK_EQ(sent, LARGE + 1);
		CHECK_EQ(sqes[LARGE].opcode, IORING_OP_WRITE);
		CHECK_EQ(((char *)(uintptr_t)sqes[LARGE].addr)[1023], 'w');
		for (unsigned int tag = 1; tag <= LARGE; tag++)
			end(tag, tag == 4 ? 1024 : -EIO);
		CHECK_EQ(results[4], 1024);
		close_xfer();
	}
}

static void no_sqe(void)
{
	for EVERY_MODE(mode)
		for (enum op op = OP_READ; op <= OP_ZERO; op++) {
			open_xfer(mode, false);
			sqes_left = 0;
			begin(0, op, 0, op == OP_FLUSH ? 0 : 4096);
			CHECK(answers == 1 && results[0] == -EIO);
			close_xfer();
		}
}

/* --- what each SQE says --------------------------------------------------------------- */

static void file_operations(void)
{
	static const struct { enum op op; uint8_t opcode, fixed; } table[] = {
		{ OP_READ, IORING_OP_READ, IORING_OP_READ_FIXED }, { OP_WRITE, IORING_OP_WRITE, IORING_OP_WRITE_FIXED },
		{ OP_FLUSH, IORING_OP_FSYNC, IORING_OP_FSYNC }, { OP_DISCARD, IORING_OP_FALLOCATE, IORING_OP_FALLOCATE },
		{ OP_ZERO, IORING_OP_FALLOCATE, IORING_OP_FALLOCATE },
	};

	for EVERY_MODE(mode)
		for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
			struct request request = {
				.tag = 7, .buffer = memory, .length = 4096, .filled = 4096, .fixed = BUFFER_AUTO,
				.rest = { .op = table[i].op, .length = 1024 },
			};
			struct place place = in_file(5, 77777, 1000);
			bool fixed = mode >= IO_ZERO_COPY;

			open_xfer(mode, false);
			CHECK_EQ(fileio_move(&xfer.serving, &request, &place), MOVE_STARTED);
			CHECK_EQ(sent, 1);
			CHECK_EQ(sqes[0].opcode, fixed ? table[i].fixed : table[i].opcode);
			CHECK_EQ(sqes[0].fd, 5);
			CHECK_EQ(sqes[0].flags, 0);
			CHECK_EQ(xfer_kind(sqes[0].user_data), XFER_MOVE);
			CHECK_EQ(xfer_tag(sqes[0].user_data), 7);
			if (table[i].op != OP_FLUSH)
				CHECK_EQ(sqes[0].off, 77777);
			else
				CHECK_EQ(sqes[0].fsync_flags, IORING_FSYNC_DATASYNC);
			if (table[i].op <= OP_WRITE) {
				CHECK_EQ(sqes[0].addr, fixed ? 3072 : ptr_to_u64(memory + 3072));	/* behind what is done */
				CHECK_EQ(sqes[0].len, 1000);
				CHECK_EQ(sqes[0].buf_index, fixed ? 7 : 0);
			}
			if (table[i].op >= OP_DISCARD) {
				CHECK_EQ(sqes[0].addr, 1000);
				CHECK_EQ(sqes[0].len, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
			}
			close_xfer();
		}
}

static void operations_that_may_block(void)
{
	for EVERY_MODE(mode)
		for (enum op op = OP_READ; op <= OP_WRITE; op++) {
			struct request request = {
				.tag = 7, .buffer = memory, .length = 4096, .filled = 4096, .fixed = BUFFER_AUTO, .may_block = true,
				.rest = { .op = op, .length = 1024 },
			};
			struct place place = in_file(5, 77777, 1000);

			open_xfer(mode, false);
			CHECK_EQ(fileio_move(&xfer.serving, &request, &place), MOVE_STARTED);
			CHECK_EQ(sqes[0].flags, IOSQE_ASYNC);
			close_xfer();
		}
}

/* A hole, and else the command that devices have; nothing more for a file in memory. */
static void ways_to_discard(void)
{
	for EVERY_MODE(mode) {
		open_xfer(mode, false);
		requests[0].fixed = BUFFER_AUTO;
		begin(0, OP_DISCARD, 8192, 3 * MAX_IO);
		CHECK_EQ(sqes[0].opcode, IORING_OP_FALLOCATE);
		CHECK_EQ(sqes[0].len, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
		end(0, -EOPNOTSUPP);
		CHECK_EQ(sqes[1].opcode, IORING_OP_URING_CMD);
		CHECK_EQ(sqes[1].cmd_op, 0x1200);
		CHECK(sqes[1].fd == 3 && sqes[1].addr == 8192 && sqes[1].addr3 == 3 * MAX_IO);
		CHECK(!sqes[1].len && !sqes[1].rw_flags && !sqes[1].ioprio && !sqes[1].file_index && !sqes[1].flags);
		CHECK_EQ(sqes[1].user_data, xfer_pack(XFER_MOVE, 0));
		end(0, 0);
		CHECK(sent == 2 && answers == 1 && results[0] == 3 * MAX_IO);
		close_xfer();

		open_xfer(mode, true);
		requests[0].fixed = BUFFER_AUTO;
		file = -1;
		begin(0, OP_DISCARD, 0, 4096);		/* EBADF here */
		CHECK_EQ(results[0], -EBADF);
		file = make_file();
		no_holes = true;			/* then it stays as it is, which is allowed */
		begin(0, OP_DISCARD, 0, 4096);
		CHECK_EQ(results[0], 4096);
		CHECK(!sent && file_is_right());
		no_holes = false;
		close(file);
		close_xfer();

		open_xfer(mode, false);
		requests[0].fixed = BUFFER_AUTO;
		sqes_left = 1;				/* none for the command */
		begin(0, OP_DISCARD, 0, 4096);
		end(0, -EOPNOTSUPP);
		CHECK(answers == 1 && results[0] == -EIO);
		close_xfer();
	}
}

static void ways_to_zero(void)
{
	for EVERY_MODE(mode) {
		open_xfer(mode, false);
		requests[0].fixed = BUFFER_AUTO;
		begin(0, OP_ZERO, 8192, 3 * MAX_IO);
		CHECK_EQ(sqes[0].len, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
		end(0, -EOPNOTSUPP);
		CHECK_EQ(sqes[1].opcode, IORING_OP_FALLOCATE);
		CHECK_EQ(sqes[1].len, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE);
		CHECK(sqes[1].off == 8192 && sqes[1].addr == 3 * MAX_IO);
		end(0, -EOPNOTSUPP);
		for (unsigned int i = 2; i < 5; i++) {
			CHECK_EQ(sqes[i].opcode, IORING_OP_WRITE);
			CHECK_EQ(sqes[i].addr, ptr_to_u64(xfer.zeroes));
			CHECK_EQ(sqes[i].len, MAX_IO);			/* there are not more of them */
			CHECK_EQ(sqes[i].off, 8192 + (i - 2) * MAX_IO);
			CHECK_EQ(sqes[i].rw_flags, 0);
			end(0, MAX_IO);
		}
		CHECK(sent == 5 && answers == 1 && results[0] == 3 * MAX_IO);
		close_xfer();
	}
}

static void durable_writes(void)
{
	for EVERY_MODE(mode)
		for (int fua = 0; fua < 2; fua++) {
			unsigned int last;

			open_xfer(mode, false);
			begin_span(0, (struct span){ .op = OP_WRITE, .length = 4096, .fua = fua });
			last = sent - 1;
			CHECK_EQ(sqes[last].opcode, mode >= IO_ZERO_COPY ? IORING_OP_WRITE_FIXED : IORING_OP_WRITE);
			CHECK_EQ(sqes[last].rw_flags, fua ? RWF_DSYNC : 0);
			end(0, 1000);					/* and the rest of it as well */
			CHECK_EQ(sent, last + 2);
			CHECK_EQ(sqes[last + 1].rw_flags, fua ? RWF_DSYNC : 0);
			end(0, 3096);
			CHECK_EQ(results[0], 4096);
			xfer_submitted(&xfer);
			begin(0, OP_READ, 0, 4096);
			CHECK_EQ(sqes[sent - 1].rw_flags, 0);
			end(0, 4096);
			close_xfer();
		}
}

/* A durable write may have to read first, which cannot be durable. */
static struct place says_needs(const struct span *span)
{
	return span->fetched ? in_file(file, span->offset, span->length) : needs(file, 65536, 512, memory);
}

/* As if a discard needed anything: its file ends where the disk does not. */
static void needs_that_are_not_there(void)
{
	open_xfer(IO_COPY, false);
	says = says_needs;
	begin(0, OP_DISCARD, 0, 4096);
	CHECK_EQ(sent, 1);
	end(0, 0);
	CHECK(answers == 1 && results[0] == -EIO);
	close_xfer();
}

static void reads_before_durable_writes(void)
{
	for EVERY_MODE(mode) {
		unsigned int last;

		open_xfer(mode, true);
		says = says_needs;
		file = 5;
		begin_span(0, (struct span){ .op = OP_WRITE, .length = 4096, .fua = true });
		CHECK_EQ(sent, 1);				/* asynchronous even where files are in memory */
		CHECK(sqes[0].opcode == IORING_OP_READ && sqes[0].rw_flags == 0);
		CHECK(sqes[0].fd == 5 && sqes[0].off == 65536 && sqes[0].len == 512 && sqes[0].addr == ptr_to_u64(memory));
		xfer.at_once = false;
		end(0, 512);
		last = sent - 1;
		CHECK(last && sqes[last].rw_flags == RWF_DSYNC);
		end(0, 4096);
		CHECK_EQ(results[0], 4096);
		close_xfer();
	}
}

/* The command to put pages into the table, or take them out. */
static void is_fix(const struct io_uring_sqe *sqe, uint32_t op, uint16_t tag)
{
	struct ublksrv_io_cmd command;

	memcpy(&command, sqe->cmd, sizeof(command));
	CHECK_EQ(sqe->opcode, IORING_OP_URING_CMD);
	CHECK_EQ(sqe->cmd_op, op);
	CHECK_EQ(sqe->fd, XFER_CHAR_FILE);
	CHECK_EQ(sqe->flags, IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS);
	CHECK_EQ(sqe->user_data, xfer_pack(XFER_FIX, tag));
	CHECK(command.q_id == QUEUE && command.tag == tag && command.addr == tag && command.result == 0);
}

/* Known to the ring before the first transfer, for as long as the request takes, and no longer. */
static void fixed_buffers(void)
{
	for (enum io_mode mode = IO_ZERO_COPY; mode <= IO_AUTO_BUF; mode++)
		for (enum op op = OP_READ; op <= OP_WRITE; op++)
			for (int by_driver = 0; by_driver < 1 + (mode == IO_AUTO_BUF); by_driver++) {
				unsigned int first = by_driver ? 0 : 1;

				open_xfer(mode, false);
				requests[6].fixed = by_driver ? BUFFER_AUTO : BUFFER_UNREGISTERED;
				begin(6, op, 1 << 20, 8192);
				CHECK_EQ(sent, first + 1);
				if (!by_driver)
					is_fix(&sqes[0], UBLK_U_IO_REGISTER_IO_BUF, 6);
				CHECK_EQ(sqes[first].opcode, op == OP_READ ? IORING_OP_READ_FIXED : IORING_OP_WRITE_FIXED);
				CHECK(sqes[first].addr == 0 && sqes[first].len == 8192 && sqes[first].off == 1 << 20);
				CHECK_EQ(sqes[first].buf_index, 6);
				end(6, 3000);
				end(6, -EINTR);
				CHECK_EQ(sent, first + 3);		/* they stay known */
				CHECK(sqes[first + 2].addr == 3000 && sqes[first + 2].len == 5192);
				CHECK_EQ(sqes[first + 2].off, (1 << 20) + 3000);
				CHECK_EQ(sqes[first + 2].buf_index, 6);
				end(6, 5192);
				CHECK_EQ(sent, first + 3 + !by_driver);
				if (!by_driver)
					is_fix(&sqes[first + 3], UBLK_U_IO_UNREGISTER_IO_BUF, 6);
				CHECK(answers == 1 && results[6] == 8192);
				close_xfer();
			}
}

/* Only what moves between file and request needs its pages, and they go after an error too. */
static void fixed_when_needed(void)
{
	for (enum io_mode mode = IO_ZERO_COPY; mode <= IO_AUTO_BUF; mode++) {
		open_xfer(mode, false);
		says = says_memory;
		begin(0, OP_READ, 0, 4096);
		begin(1, OP_WRITE, 0, 4096);
		says = says_nowhere;
		begin(2, OP_READ, 0, 4096);
		CHECK(answers == 3 && !sent);
		says = says_file;
		begin(3, OP_FLUSH, 0, 0);
		begin(4, OP_DISCARD, 0, 4096);
		begin(5, OP_ZERO, 0, 4096);
		for (unsigned int i = 0; i < 3; i++) {
			CHECK(sqes[i].opcode != IORING_OP_URING_CMD);
			end(3 + i, 0);
		}
		CHECK(answers == 6 && sent == 3);
		begin(0, OP_READ, 0, 4096);
		end(0, -EFAULT);				/* as when it could not be registered */
		CHECK_EQ(sent, 6);
		is_fix(&sqes[3], UBLK_U_IO_REGISTER_IO_BUF, 0);
		is_fix(&sqes[5], UBLK_U_IO_UNREGISTER_IO_BUF, 0);
		begin(0, OP_READ, 0, 4096);			/* and the next on this tag begins anew */
		is_fix(&sqes[6], UBLK_U_IO_REGISTER_IO_BUF, 0);
		sqes_left = 0;
		end(0, 100);
		CHECK_EQ(results[0], -EIO);
		sqes_left = 1;					/* room for the command alone */
		begin(1, OP_READ, 0, 4096);
		is_fix(&sqes[8], UBLK_U_IO_REGISTER_IO_BUF, 1);
		CHECK_EQ(results[1], -EIO);
		close_xfer();
	}
}

/* --- user-copy -------------------------------------------------------------------------- */

static void copies_of_memory(void)
{
	for (enum io_mode mode = IO_USER_COPY; mode <= IO_AUTO_BUF; mode++) {
		open_xfer(mode, false);
		says = says_memory;
		copy_limit = 3000;				/* as many as it takes */
		memset(memory, 'm', 8192);
		memset(bytes[0], 0, 8192);
		begin(0, OP_READ, 0, 8192);
		CHECK(copies == 3 && results[0] == 8192 && bytes[0][0] == 'm' && bytes[0][8191] == 'm');
		memset(bytes[0], 'r', 8192);
		begin(0, OP_WRITE, 0, 8192);
		CHECK(copies == 6 && results[0] == 8192 && memory[0] == 'r' && memory[8191] == 'r');
		says = says_nowhere;
		begin(0, OP_READ, 0, 8192);
		CHECK(copies == 9 && results[0] == 8192 && bytes[0][0] == 0 && bytes[0][8191] == 0);
		begin(0, OP_WRITE, 0, 8192);
		CHECK(copies == 9 && results[0] == 8192);	/* nobody needs to see them */
		copy_limit = -EFAULT;
		begin(0, OP_READ, 0, 8192);
		CHECK_EQ(results[0], -EFAULT);
		says = says_memory;
		begin(0, OP_WRITE, 0, 8192);
		CHECK_EQ(results[0], -EFAULT);
		CHECK(!sent && !xfer.pool.touched);
		close_xfer();
	}
}

/* The buffer is filled before the first transfer, once, whole, and emptied after each. */
static void copies_of_files(void)
{
	open_xfer(IO_USER_COPY, false);
	copy_limit = 3000;
	memset(bytes[0], 'w', 8192);
	begin(0, OP_WRITE, 0, 8192);
	CHECK(copies == 3 && sent == 1 && sqes[0].len == 8192);
	CHECK_EQ(((char *)(uintptr_t)sqes[0].addr)[8191], 'w');
	end(0, 1000);
	end(0, 7192);
	CHECK(copies == 3 && sent == 2 && results[0] == 8192);
	xfer_submitted(&xfer);

	begin(0, OP_READ, 0, 8192);
	memset((char *)(uintptr_t)sqes[2].addr, 'f', 8192);
	end(0, 3192);					/* all that was read reaches the request, in as many copies as it takes */
	CHECK(copies == 5 && sent == 4);
	CHECK(sqes[3].off == 3192 && sqes[3].len == 5000 && sqes[3].addr == sqes[2].addr + 3192);
	end(0, 5000);
	CHECK(copies == 7 && results[0] == 8192 && bytes[0][0] == 'f' && bytes[0][8191] == 'f');
	xfer_submitted(&xfer);

	copy_limit = -EFAULT;
	begin(0, OP_WRITE, 0, 8192);
	CHECK_EQ(results[0], -EFAULT);
	CHECK_EQ(sent, 4);				/* nothing was written */
	xfer_submitted(&xfer);
	begin(0, OP_READ, 0, 8192);
	end(0, 8192);
	CHECK_EQ(results[0], -EFAULT);
	close_xfer();
}

/* --- files, really -------------------------------------------------------------------------- */

#define FILE_SIZE (1U << 20)

static char model[FILE_SIZE];			/* what the file must hold */

static int make_file(void)
{
	int fd = memfd_create("xfer", MFD_CLOEXEC);

	for (size_t i = 0; i < FILE_SIZE; i++)
		model[i] = (char)(1 + i % 251);
	CHECK_EQ(write(fd, model, FILE_SIZE), FILE_SIZE);
	return fd;
}

static bool file_is_right(void)
{
	static char found[FILE_SIZE];

	return pread(file, found, FILE_SIZE, 0) == FILE_SIZE && !memcmp(found, model, FILE_SIZE);
}

static int do_sqe(const struct io_uring_sqe *sqe)
{
	char *at = (char *)(uintptr_t)sqe->addr;
	ssize_t n = -1;

	if (sqe->opcode == IORING_OP_READ_FIXED || sqe->opcode == IORING_OP_WRITE_FIXED)
		at = bytes[sqe->buf_index] + sqe->addr;
	switch (sqe->opcode) {
	case IORING_OP_READ:
	case IORING_OP_READ_FIXED:
		n = pread(sqe->fd, at, sqe->len, (off_t)sqe->off);
		break;
	case IORING_OP_WRITE:
	case IORING_OP_WRITE_FIXED:
		durable += sqe->rw_flags == RWF_DSYNC;
		written++;
		n = pwrite(sqe->fd, at, sqe->len, (off_t)sqe->off);
		break;
	case IORING_OP_FSYNC:
		n = fdatasync(sqe->fd);
		break;
	case IORING_OP_FALLOCATE:
		n = fallocate(sqe->fd, (int)sqe->len, (off_t)sqe->off, (off_t)sqe->addr);
		break;
	default:
		CHECK(!"an operation that is known");
	}
	return n < 0 ? -errno : (int)n;
}

static void finish(void)
{
	while (finished < sent) {
		const struct io_uring_sqe *sqe = &sqes[finished++];

		if (sqe->opcode != IORING_OP_URING_CMD)
			end(xfer_tag(sqe->user_data), do_sqe(sqe));
	}
	xfer_submitted(&xfer);
}

static int all_of(struct span span)
{
	interrupting = xfer.at_once;
	begin_span(0, span);
	interrupting = false;
	if (xfer.at_once && xfer.mode < IO_ZERO_COPY)
		CHECK(!sent && answers);		/* done, without the ring */
	finish();
	CHECK_EQ(answers, 1);
	answers = 0;
	return results[0];
}

#define ALL_OF(...) all_of((struct span){ __VA_ARGS__ })

static void fill(char with)
{
	memset(bytes[0], with, MAX_IO);
}

static void reads_and_writes(void)
{
	requests[0].may_block = true;		/* the last one did */
	fill('?');
	CHECK_EQ(ALL_OF(.op = OP_READ, .offset = 5 * 512, .length = MAX_IO), MAX_IO);
	CHECK(!memcmp(bytes[0], model + 5 * 512, MAX_IO) && !requests[0].may_block);
	fill('w');
	CHECK_EQ(ALL_OF(.op = OP_WRITE, .offset = 4096, .length = 12345), 12345);
	memset(model + 4096, 'w', 12345);
	CHECK_EQ(durable, 0);
	fill('v');
	CHECK_EQ(ALL_OF(.op = OP_WRITE, .offset = 8192, .length = 512, .fua = true), 512);
	memset(model + 8192, 'v', 512);
	CHECK(durable == 1 && written == 2);
	CHECK(file_is_right());
	CHECK_EQ(ALL_OF(.op = OP_FLUSH), 0);
	CHECK_EQ(flushed, 1);
}

/* What memory holds of the file, in units of 512 bytes. */
static long blocks(void)
{
	struct stat stat;

	CHECK_EQ(fstat(file, &stat), 0);
	CHECK_EQ(stat.st_size, FILE_SIZE);
	return stat.st_blocks;
}

static void holes_and_zeroes(void)
{
	const int hole = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, range = FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE;
	long before = blocks();

	CHECK_EQ(ALL_OF(.op = OP_DISCARD, .offset = 65536, .length = 65536), 65536);
	CHECK_EQ(ALL_OF(.op = OP_ZERO, .offset = 65536 - 512, .length = 512 + 65536 + 4096), 512 + 65536 + 4096);
	memset(model + 65536 - 512, 0, 512 + 65536 + 4096);
	CHECK_EQ(blocks(), before - (65536 + 4096) / 512);
	CHECK(file_is_right() && allocations == 2 && allocated[0] == hole && allocated[1] == hole);
	written = 0;
	CHECK_EQ(ALL_OF(.op = OP_ZERO, .offset = 300 << 10, .length = 2 * MAX_IO + 512, .keep = true), 2 * MAX_IO + 512);
	memset(model + (300 << 10), 0, 2 * MAX_IO + 512);
	CHECK_EQ(blocks(), before - (65536 + 4096) / 512);
	CHECK_EQ(written, 3);					/* a file in memory knows no ranges */
	CHECK(file_is_right() && allocations == 3 && allocated[2] == range);
}

/* Where the file can be pointed at no buffer is needed: get-data lets the driver copy, user-copy does it. */
static char *mapping;

static struct place says_mapped(const struct span *span)
{
	uint32_t length = (uint32_t)min_u64(span->length, 65536 - span->offset % 65536);

	return in_mapped_file(file, span->offset, length, mapping + span->offset);
}

static void mapped_files(void)
{
	bool direct = xfer.mode == IO_GET_DATA || xfer.mode == IO_USER_COPY;

	mapping = mmap(NULL, FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	says = says_mapped;
	fill('?');
	CHECK_EQ(ALL_OF(.op = OP_READ, .offset = 512, .length = 8192), 8192);
	CHECK(!memcmp(bytes[0], model + 512, 8192));
	CHECK_EQ(requests[0].source == mapping + 512, xfer.mode == IO_GET_DATA);
	CHECK_EQ(copies > 0, xfer.mode == IO_USER_COPY);
	CHECK_EQ(ALL_OF(.op = OP_READ, .offset = 512, .length = 8192), 8192);	/* the very same: it could not be copied */
	CHECK(!memcmp(bytes[0], model + 512, 8192) && requests[0].source != mapping + 512);
	CHECK_EQ(ALL_OF(.op = OP_READ, .offset = 512, .length = 8192), 8192);
	CHECK_EQ(requests[0].source == mapping + 512, xfer.mode == IO_GET_DATA);
	CHECK_EQ(ALL_OF(.op = OP_READ, .offset = 512, .length = 4096), 4096);	/* less than that */
	CHECK_EQ(requests[0].source == mapping + 512, xfer.mode == IO_GET_DATA);
	CHECK_EQ(ALL_OF(.op = OP_READ, .offset = 1024, .length = 4096), 4096);	/* or from elsewhere */
	CHECK_EQ(requests[0].source == mapping + 1024, xfer.mode == IO_GET_DATA);
	while (!pool_trim(&xfer.pool))
		;
	fill('w');
	CHECK_EQ(ALL_OF(.op = OP_WRITE, .offset = 65536 - 8192, .length = 8192), 8192);
	memset(model + 65536 - 8192, 'w', 8192);
	CHECK_EQ(written, direct ? 0 : 1);
	CHECK(!direct || !xfer.pool.touched);
	CHECK_EQ(ALL_OF(.op = OP_WRITE, .offset = 65536 - 512, .length = 1024), 1024);		/* in two parts */
	memset(model + 65536 - 512, 'w', 1024);
	fill('?');
	CHECK_EQ(ALL_OF(.op = OP_READ, .offset = 65536 - 512, .length = 1024), 1024);
	CHECK(bytes[0][0] == 'w' && bytes[0][1023] == 'w');
	CHECK_EQ(ALL_OF(.op = OP_ZERO, .offset = 4096, .length = 4096), 4096);
	memset(model + 4096, 0, 4096);
	CHECK_EQ(ALL_OF(.op = OP_FLUSH), 0);
	CHECK(flushed == 1 && file_is_right());
	munmap(mapping, FILE_SIZE);
	says = says_file;
}

/* The file is shorter than the disk: never a count, and never for ever. */
static void short_files(void)
{
	CHECK_EQ(ALL_OF(.op = OP_READ, .offset = FILE_SIZE - 512, .length = 4096), -EIO);
	CHECK_EQ(ALL_OF(.op = OP_READ, .offset = FILE_SIZE + 4096, .length = 4096), -EIO);
	CHECK(file_is_right());
}

static void bad_files(void)
{
	static const struct { enum op op; uint32_t length; } all[] = {
		{ OP_READ, 512 }, { OP_WRITE, 512 }, { OP_FLUSH, 0 }, { OP_DISCARD, 512 }, { OP_ZERO, 512 },
	};
	int good = file;

	file = -1;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		CHECK_EQ(ALL_OF(.op = all[i].op, .length = all[i].length), -EBADF);
	file = good;
}

static void in_pieces(void)
{
	says = says_mixed;
	for (unsigned int i = 0; i < 8192; i++)
		memory[i] = (char)(1 + i % 7);
	fill('?');
	CHECK_EQ(ALL_OF(.op = OP_READ, .offset = 512, .length = 8192 - 512), 8192 - 512);
	for (unsigned int i = 512; i < 8192; i++) {
		char wanted = i / 1024 % 4 == 0 ? memory[i] : i / 1024 % 4 == 2 ? 0 : model[i];

		if (bytes[0][i - 512] != wanted && !CHECK(!"a piece is right"))
			break;
	}
	for (unsigned int i = 0; i < 8192; i++)
		bytes[0][i] = (char)(1 + i % 9);
	CHECK_EQ(ALL_OF(.op = OP_WRITE, .offset = 512, .length = 8192 - 512), 8192 - 512);
	for (unsigned int i = 512; i < 8192; i++)
		if (i / 1024 % 2)
			model[i] = bytes[0][i - 512];
		else if (i / 1024 % 4 == 0 && memory[i] != bytes[0][i - 512] && !CHECK(!"a piece is right"))
			break;
	CHECK(file_is_right());
	says = says_file;
}

static void real_files(bool at_once)
{
	static void (*const parts[])(void) = { reads_and_writes, holes_and_zeroes, short_files, bad_files, mapped_files, in_pieces };

	for EVERY_MODE(mode)
		for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
			for (ssize_t limit = 0; limit <= 1000; limit += 1000) {
				open_xfer(mode, at_once);
				file = make_file();
				copy_limit = limit;
				parts[i]();
				close(file);
				close_xfer();
			}
}

static void files_by_the_ring(void) { real_files(false); }
static void files_at_once(void) { real_files(true); }

static struct place says_half_nowhere(const struct span *span) { return nowhere((uint32_t)min_u64(span->length, 4096)); }

/* What is nowhere in part has to be put together in a buffer, and there is none. */
static void zeroes_that_wait(void)
{
	open_xfer(IO_GET_DATA, false);
	for (unsigned int tag = 0; tag < LARGE; tag++)
		begin(tag, OP_READ, 0, MAX_IO);
	says = says_half_nowhere;
	memset(bytes[LARGE], '?', 8192);
	begin(LARGE, OP_READ, 0, 8192);
	CHECK_EQ(answers, 0);
	end(0, -EIO);
	xfer_submitted(&xfer);
	CHECK(answers == 2 && results[LARGE] == 8192 && !bytes[LARGE][0] && !bytes[LARGE][8191]);
	for (unsigned int tag = 1; tag < LARGE; tag++)
		end(tag, -EIO);
	close_xfer();
}

/* What clients share with us they may take away at any time. */
static void shared_memory_that_is_gone(void)
{
	int fd = memfd_create("shared", MFD_CLOEXEC);
	char *at;

	CHECK_EQ(ftruncate(fd, 8192), 0);
	at = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK_EQ(region_guard(), 0);
	for EVERY_MODE(mode) {
		open_xfer(mode, false);
		for (int gone = 0; gone < 2; gone++) {
			CHECK_EQ(ftruncate(fd, gone ? 0 : 8192), 0);
			for (unsigned int i = 0; i < 3; i++) {
				answers = 0;
				requests[0].shared = at;
				says = i < 2 ? says_memory : says_half_nowhere;
				begin(0, i == 1 ? OP_WRITE : OP_READ, 0, 8192);
				CHECK(answers == 1 && results[0] == (gone ? -EIO : 8192));
			}
		}
		requests[0].shared = NULL;
		close_xfer();
	}
	munmap(at, 8192);
	close(fd);
}

/* Each takes a buffer and gives it back only with its command, so even these may have to wait. */
static void waiters_at_once(void)
{
	for EVERY_MODE_OF_A_POOL(mode) {
		unsigned int turns = 0;

		open_xfer(mode, true);
		file = make_file();
		for (unsigned int tag = 0; tag < TAGS; tag++)
			begin_span(tag, (struct span){ .op = tag % 2 ? OP_WRITE : OP_READ, .length = MAX_IO });
		CHECK_EQ(answers, LARGE);
		while (xfer_is_pressed(&xfer) && turns++ < TAGS)
			xfer_submitted(&xfer);
		CHECK_EQ(answers, TAGS);
		for (unsigned int tag = 0; tag < TAGS; tag++)
			CHECK(answered[tag] == tag && results[tag] == MAX_IO);
		CHECK(!sent);
		close(file);
		close_xfer();
	}
}

/* --- memory ----------------------------------------------------------------------------------- */

/* Whole pages are dropped and read as zero; zero clears the ends, discard leaves them. */
static void memory_given_back(void)
{
	const uint32_t page = (uint32_t)page_size();
	char *at = pages_get(8 * page);

	for EVERY_MODE(mode) {
		open_xfer(mode, false);
		for (enum op op = OP_DISCARD; op <= OP_ZERO; op++)
			for (uint32_t start = page - 3; start < page + 4; start += 3)
				for (uint32_t end = start + 10; end < 6 * page; end += page / 2 + 7) {
					struct request request = { .rest = { .op = op } };
					struct place place = in_memory(at + start, end - start);
					uint64_t first = round_up(start, page), last = round_down(end, page);

					memset(at, 'x', 8 * page);
					CHECK_EQ(fileio_move(&xfer.serving, &request, &place), end - start);
					for (uint32_t i = 0; i < 8 * page; i++) {
						bool dropped = i >= first && i < last;
						bool cleared = op == OP_ZERO && i >= start && i < end;

						if (at[i] != (dropped || cleared ? 0 : 'x') && !CHECK(false))
							break;
					}
				}
		CHECK(!copies && !sent);
		nothing_dropped = true;			/* then it is cleared, or stays */
		for (enum op op = OP_DISCARD; op <= OP_ZERO; op++) {
			struct request request = { .rest = { .op = op } };
			struct place place = in_memory(at, 4 * page);

			memset(at, 'x', 8 * page);
			CHECK_EQ(fileio_move(&xfer.serving, &request, &place), 4 * page);
			CHECK_EQ(at[0], op == OP_ZERO ? 0 : 'x');
			CHECK_EQ(at[2 * page], op == OP_ZERO ? 0 : 'x');
			CHECK_EQ(at[4 * page], 'x');
		}
		nothing_dropped = false;
		CHECK_EQ(fileio_move(&xfer.serving, &(struct request){ .rest = { .op = OP_FLUSH } }, &(struct place){ .kind = IN_MEMORY }), 0);
		close_xfer();
	}
	pages_free(at, 8 * page);
}

/* Kilobytes of [at, at + length) that count as ours. */
static unsigned long counted(const char *at, size_t length)
{
	FILE *maps = fopen("/proc/self/smaps", "r");
	unsigned long start = 0, end = 0, sum = 0;
	char line[512], *rest;

	while (fgets(line, sizeof(line), maps)) {
		unsigned long first = strtoul(line, &rest, 16);

		if (rest > line && *rest == '-') {		/* "START-END ..." of a mapping, or "NAME: NUMBER kB" of it */
			start = first;
			end = strtoul(rest + 1, NULL, 16);
		} else if (!strncmp(line, "Rss:", 4) && start >= (uintptr_t)at && end <= (uintptr_t)at + length) {
			sum += strtoul(line + 4, NULL, 10);
		}
	}
	fclose(maps);
	return sum;
}

/* However many of them a request has, no more than 128 KiB count as ours. */
static void memory_of_zeroes(void)
{
	for EVERY_MODE(mode) {
		open_xfer(mode, false);
		says = says_nowhere;
		fill('?');
		begin(0, OP_READ, 0, 4096);
		begin(0, OP_READ, 0, MAX_IO);
		for (uint32_t i = 0; i < MAX_IO; i++)
			if (bytes[0][i] && !CHECK(!bytes[0][i]))
				break;
		CHECK(counted(xfer.zeroes, MAX_IO) <= 128);
		CHECK(!xfer.zeroes[0] && !xfer.zeroes[MAX_IO - 1]);
		close_xfer();
	}
}

/* All queues have the same ones, as long as one of them is there. */
static void zeroes_are_shared(void)
{
	struct xfer other = { .mode = IO_USER_COPY, .max_io = MAX_IO };
	unsigned char there[MAX_IO / 4096];
	char *zeroes;

	open_xfer(IO_GET_DATA, false);
	zeroes = xfer.zeroes;
	CHECK_EQ(xfer_open(&other, TAGS), 0);
	CHECK(other.zeroes == zeroes && other.sink != xfer.sink);
	close_xfer();
	CHECK(!other.zeroes[0] && !other.zeroes[MAX_IO - 1]);
	xfer_close(&other, TAGS);
	CHECK(mincore(zeroes, MAX_IO, there) == -1 && errno == ENOMEM);		/* nothing is mapped there */
	open_xfer(IO_GET_DATA, false);						/* and they come again */
	CHECK(!xfer.zeroes[0] && !xfer.zeroes[MAX_IO - 1]);
	CHECK_DIES(xfer.zeroes[0] = 1);
	close_xfer();
}

static void *open_and_close(void *unused)
{
	struct xfer other = { .mode = IO_USER_COPY, .max_io = MAX_IO };

	(void)unused;
	CHECK_EQ(xfer_open(&other, TAGS), 0);
	xfer_close(&other, TAGS);
	return NULL;
}

static pthread_t second;

/* Another thread wants in, and is let in later: it works for nothing meanwhile. */
static void let_another_wait(void)
{
	struct timespec spent = { 0 };
	clockid_t clock;

	inside = NULL;
	CHECK_EQ(pthread_create(&second, NULL, open_and_close, NULL), 0);
	CHECK_EQ(pthread_getcpuclockid(second, &clock), 0);
	while (!spent.tv_sec && spent.tv_nsec < 20000000)
		clock_gettime(clock, &spent);
}

static void zeroes_are_made_once(void)
{
	struct xfer first = { .mode = IO_USER_COPY, .max_io = MAX_IO };

	inside = let_another_wait;			/* while they are mapped */
	CHECK_EQ(xfer_open(&first, TAGS), 0);
	CHECK(!inside && !pthread_join(second, NULL));
	CHECK(!first.zeroes[0]);
	inside = let_another_wait;			/* while they go */
	xfer_close(&first, TAGS);
	CHECK(!inside && !pthread_join(second, NULL));
	no_file = EMFILE;
	CHECK_EQ(xfer_open(&first, TAGS), -EMFILE);
	no_file = 0;
	xfer_close(&first, TAGS);
}

static void memory_of_the_pool(void)
{
	for EVERY_MODE(mode) {
		bool pooled = mode == IO_GET_DATA || mode == IO_USER_COPY;

		open_xfer(mode, true);
		file = make_file();
		begin(0, OP_READ, 0, MAX_IO);
		finish();
		CHECK_EQ(xfer.pool.touched, pooled);
		pool_trim(&xfer.pool);
		CHECK_EQ(xfer.pool.touched, pooled);		/* it was used since the last time */
		pool_trim(&xfer.pool);
		CHECK(!xfer.pool.touched);
		close(file);
		close_xfer();
	}
}

/* Better no server than one that takes a file for memory. */
static void files_that_nobody_moves(void)
{
	for EVERY_MODE(mode)
		for (enum place_kind kind = IN_FILE; kind <= NEEDS; kind++) {
			struct request request = { .buffer = memory, .length = 512, .rest = { .op = OP_READ, .length = 512 } };
			struct place place = { .kind = kind, .length = 512, .fd = 5, .memory = memory + 512 };

			open_xfer(mode, false);
			CHECK_DIES(xfer_move(&xfer.serving, &request, &place));
			close_xfer();
		}
}

TESTS(
	{ "who comes first has the first buffer, whatever its size", first_come },
	{ "a buffer is free when the answer has been submitted, not before", kept_until_submitted },
	{ "there is no sleep while an answer keeps a buffer that somebody waits for", pressed },
	{ "requests of all sizes share the pool, in their order", mixed_sizes },
	{ "thousands may wait, and are served without recursion", many_waiters },
	{ "who waited and then needs no buffer does not keep the next one waiting", waiters_that_need_none },
	{ "the bytes of a WRITE that waits come when it has a buffer", writes_that_wait },
	{ "without a free SQE the request fails and keeps nothing", no_sqe },
	{ "each operation on a file is the right SQE", file_operations },
	{ "who may not be asked without waiting is asked to wait", operations_that_may_block },
	{ "what cannot be a hole is discarded by the command that devices have", ways_to_discard },
	{ "a file is zeroed by a hole, a range, or writes of no more than there is", ways_to_zero },
	{ "a durable write says so, and no other", durable_writes },
	{ "what a durable write needs to read first is read like anything else", reads_before_durable_writes },
	{ "what is needed first and is not there is an error", needs_that_are_not_there },
	{ "pages are registered unless the driver did, and unregistered before the answer", fixed_buffers },
	{ "pages are registered for transfers of files alone, and never stay", fixed_when_needed },
	{ "user-copy copies straight between request and memory", copies_of_memory },
	{ "user-copy fills a buffer before it is written, and empties it when it was read", copies_of_files },
	{ "files are read, written, flushed and zeroed, in every mode", files_by_the_ring },
	{ "files are read, written, flushed and zeroed at once, in every mode", files_at_once },
	{ "what is done at once waits for buffers as well", waiters_at_once },
	{ "zeroes that are put together wait for a buffer", zeroes_that_wait },
	{ "what clients share and take away is an error", shared_memory_that_is_gone },
	{ "dropped memory reads as zeroes, and what is beside it stays", memory_given_back },
	{ "zeroes take little memory", memory_of_zeroes },
	{ "queues share their zeroes, which nobody can write to and the last takes along", zeroes_are_shared },
	{ "zeroes are made once, however many threads want them", zeroes_are_made_once },
	{ "a backend that did not say that it has files has none moved", files_that_nobody_moves },
	{ "the pool's memory goes when it was not used for a while", memory_of_the_pool },
)
