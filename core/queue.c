/* SPDX-License-Identifier: MIT */
/*
 * queue.c - fetch, serve, commit
 *
 * The state of a tag, in turns:
 *
 *   fetched --- a request arrives ------> ours --- COMMIT_AND_FETCH --> fetched
 *      |    \                            ^    \
 *      |     `- NEED_GET_DATA --> asked -'     `-- moving bytes, parked
 *      `- ABORT --> gone                GET_DATA
 *
 * A tag in "asked" takes nothing but GET_DATA: a WRITE cannot be refused before
 * its bytes were copied somewhere.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/batch.h"
#include "core/log.h"
#include "core/queue.h"
#include "core/stats.h"
#include "core/text.h"
#include "core/turn.h"
#include "core/util.h"

#define BATCH 64		/* completions taken at a time */
#define TRIM_S 1		/* how long nobody may have used a buffer before its memory goes back */

/* Everything a serving thread touches, in memory that it allocated itself. */
struct server {
	struct xfer xfer;		/* first: struct serving is its first member */
	const struct queue_plan *plan;
	const volatile struct ublksrv_io_desc *descriptors;
	struct batch batch;		/* if the plan says so */
	uint32_t commit_op, data_op;	/* as this kernel wants them encoded */
	struct turn turn;
	uint16_t id;
	unsigned int gone;		/* tags that the driver took back */
	unsigned int taken;		/* requests that are not answered */
	int wake_fd;			/* -1 if nobody says "later" */
	bool wake_armed, trim_armed;
	uint64_t wake_count;
	uint64_t sectors;		/* of the disk */
	uint64_t sector_mask;		/* of one logical block, in sectors, less one */
	struct request requests[];
};

static uint32_t encode(const struct queue_plan *plan, enum ublk_io_cmd command)
{
	return plan->legacy ? (uint32_t)command : (uint32_t)_IOWR('u', command, struct ublksrv_io_cmd);
}

/*
 * Without this queue the device would hang, so the process ends, and the
 * keeper takes the device away. #syscalls exit_group
 */
__attribute__((noreturn, format(printf, 2, 3))) static void die(int error, const char *format, ...)
{
	char why[160];
	va_list args;

	va_start(args, format);
	text_vformat(why, sizeof(why), format, args);
	va_end(args);
	fail(error, "%s", why);
	_exit(1);
}

/* --- commands to the driver -------------------------------------------------- */

static void send_command(struct server *server, uint32_t op, uint16_t tag, int32_t result, const void *addr)
{
	struct ublksrv_io_cmd command = {
		.q_id = server->id,
		.tag = tag,
		.result = result,
		.addr = server->xfer.driver_copies ? ptr_to_u64(addr) : 0,	/* refused if there is no use for it */
	};
	struct io_uring_sqe *sqe = ring_sqe(&server->xfer.ring);

	if (!sqe)
		die(-EIO, "send a command for queue %u", server->id);
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = XFER_CHAR_FILE;
	sqe->flags = IOSQE_FIXED_FILE;
	sqe->cmd_op = op;
	if (server->xfer.mode == IO_AUTO_BUF)
		sqe->addr = ublk_auto_buf_reg(tag, UBLK_AUTO_BUF_REG_FALLBACK);
	sqe->user_data = xfer_pack(XFER_TAG, tag);
	memcpy(sqe->cmd, &command, sizeof(command));
}

/* Where the driver finds a READ's bytes. Never NULL, which it refuses even for a failed READ. */
static const void *answer_source(const struct server *server, const struct request *request)
{
	if (request->source)
		return request->source;
	return request->buffer ? request->buffer : server->xfer.zeroes;
}

static void send_answer(struct serving *serving, struct request *request, int result)
{
	struct server *server = (struct server *)serving;

	turn_answer(&server->turn, request, result);
	trace("queue %u tag %u: answer %d", server->id, request->tag, result);
	request->asked = 0;
	server->taken--;
	xfer_release(&server->xfer, request);
	if (server->plan->batch)
		batch_answer(&server->batch, request->tag, result, answer_source(server, request));
	else
		send_command(server, server->commit_op, request->tag, result, answer_source(server, request));
}

static void send_fetch_data(struct serving *serving, struct request *request, char *into)
{
	struct server *server = (struct server *)serving;

	send_command(server, server->data_op, request->tag, 0, into ? into : server->xfer.sink);
}

/* --- requests from the driver -------------------------------------------------- */

/* What the driver wrote, read once: it is shared memory. */
struct arrival {
	uint8_t op;
	uint32_t flags;
	uint32_t sectors;
	uint64_t start;
	uint64_t addr;
};

static struct arrival read_descriptor(const struct server *server, uint16_t tag)
{
	const volatile struct ublksrv_io_desc *at = &server->descriptors[tag];
	uint32_t op_flags = at->op_flags;

	return (struct arrival){ .op = (uint8_t)op_flags, .flags = op_flags, .sectors = at->nr_sectors, .start = at->start_sector,
				 .addr = at->addr };
}

static bool fits(const struct server *server, const struct arrival *in)
{
	return in->start <= server->sectors && in->sectors <= server->sectors - in->start;
}

/* A disk may have grown since. It has not become nothing if its size cannot be told: FUSE tells only some users. */
static bool inside(struct server *server, const struct arrival *in)
{
	const struct serving *serving = &server->xfer.serving;

	if (!fits(server, in) && serving->backend->size)
		server->sectors = max_u64(server->sectors, serving->backend->size(serving->self) >> UBLK_SECTOR_SHIFT);
	return fits(server, in);
}

/* The one place where a request is checked; everybody after it may trust the span. */
static int check_arrival(struct server *server, const struct arrival *in, enum op *op)
{
	static const struct { bool known; enum op op; } ops[] = {
		[UBLK_IO_OP_READ]	  = { true, OP_READ },
		[UBLK_IO_OP_WRITE]	  = { true, OP_WRITE },
		[UBLK_IO_OP_FLUSH]	  = { true, OP_FLUSH },
		[UBLK_IO_OP_DISCARD]	  = { true, OP_DISCARD },
		[UBLK_IO_OP_WRITE_ZEROES] = { true, OP_ZERO },
	};

	if (in->op >= ARRAY_SIZE(ops) || !ops[in->op].known)
		return -EOPNOTSUPP;
	*op = ops[in->op].op;
	if (*op == OP_FLUSH)
		return 0;
	if (!inside(server, in) || !in->sectors || ((in->start | in->sectors) & server->sector_mask))
		return -EIO;
	if ((*op == OP_READ || *op == OP_WRITE) && in->sectors > server->xfer.max_io >> UBLK_SECTOR_SHIFT)
		return -EIO;
	if (in->sectors > UINT32_MAX >> UBLK_SECTOR_SHIFT)
		return -EIO;
	return 0;
}

/* Where its bytes are, if the driver leaves them there. */
static int find_shared(const struct server *server, struct request *request, const struct arrival *in)
{
	const struct region *region = &server->plan->region;
	uint64_t offset = ublk_shmem_offset(in->addr);

	request->shared = NULL;
	if (!(in->flags & UBLK_IO_F_SHMEM_ZC))
		return 0;
	if (ublk_shmem_index(in->addr) || offset + ((uint64_t)in->sectors << UBLK_SECTOR_SHIFT) > region->size)
		return -EIO;		/* of somebody else's */
	request->shared = region->at + offset;
	return 0;
}

static void begin(struct server *server, struct request *request, bool data_asked)
{
	struct arrival in = read_descriptor(server, request->tag);
	enum op op = OP_READ;
	int unshared = find_shared(server, request, &in);
	int err = check_arrival(server, &in, &op);
	struct span span = {
		.op = op,
		.offset = in.start << UBLK_SECTOR_SHIFT,
		.length = op == OP_FLUSH ? 0 : in.sectors << UBLK_SECTOR_SHIFT,
		.fua = op == OP_WRITE && in.flags & UBLK_IO_F_FUA,
		.keep = in.flags & UBLK_IO_F_NOUNMAP,
	};

	trace("queue %u tag %u: op %u, %" PRIu32 " bytes at %" PRIu64 "%s", server->id, request->tag, in.op, span.length,
	      span.offset, request->shared ? ", in shared memory" : data_asked ? ", bytes to come" : "");
	if (!err)
		err = unshared;
	if (!request->owed) {		/* else it is asked about a second time */
		turn_arrival(&server->turn, request);
		server->taken++;
	}
	if (server->xfer.mode == IO_AUTO_BUF && !(in.flags & UBLK_IO_F_NEED_REG_BUF))
		request->fixed = BUFFER_AUTO;
	if (err)
		request->rest.op = op;		/* for who counts */
	if (err && data_asked) {
		request->owed = true;
		request->error = err;
		send_fetch_data(&server->xfer.serving, request, NULL);
	} else if (err) {
		request->source = NULL;
		send_answer(&server->xfer.serving, request, err);
	} else if (data_asked) {
		request_accept(&server->xfer.serving, request, &span);
	} else {
		request_begin(&server->xfer.serving, request, &span);
	}
}

/* The bytes of a WRITE have come. How many is read again: the driver cuts it when memory ran out. */
static void begin_accepted(struct server *server, struct request *request)
{
	struct arrival in = read_descriptor(server, request->tag);

	request_accepted(&server->xfer.serving, request, in.sectors << UBLK_SECTOR_SHIFT);
}

static void tag_done(struct server *server, uint16_t tag, int result)
{
	struct request *request = &server->requests[tag];

	switch (result) {
	case UBLK_IO_RES_OK:
		if (request->owed)
			begin_accepted(server, request);
		else
			begin(server, request, false);
		return;
	case UBLK_IO_RES_NEED_GET_DATA:
		begin(server, request, true);
		return;
	case UBLK_IO_RES_ABORT:
		server->gone++;
		return;
	}
	die(result, "go on: the driver refused a command of queue %u, tag %u", server->id, tag);
}

static void tags_done(struct server *server, const struct ring_done *done)
{
	const uint16_t *tags;
	unsigned int count;

	if (done->result >= 0) {
		tags = batch_tags(&server->batch, done, &count);
		for (unsigned int i = 0; i < count; i++)
			tag_done(server, tags[i], UBLK_IO_RES_OK);
		batch_return(&server->batch, done);
	} else if (done->result == UBLK_IO_RES_ABORT) {
		server->gone = server->plan->depth;
		return;
	} else if (done->result != -ENOBUFS) {
		die(done->result, "go on: the driver delivers no more requests of queue %u", server->id);
	}
	if (!done->more && batch_fetch(&server->batch, xfer_pack(XFER_TAGS, 0)))
		die(-EIO, "ask for requests of queue %u", server->id);
}

static void commit(struct server *server)
{
	if (server->plan->batch && batch_commit(&server->batch, xfer_pack(XFER_COMMIT, 0)))
		die(-EIO, "answer requests of queue %u", server->id);
}

static void committed(struct server *server, int result)
{
	int err = batch_committed(&server->batch, result);

	if (err)
		die(err, "answer requests of queue %u", server->id);
}

static void arm_wake(struct server *server)
{
	struct io_uring_sqe *sqe;

	if (server->wake_armed || !server->xfer.serving.later)
		return;
	sqe = ring_sqe(&server->xfer.ring);
	if (!sqe)
		die(-EIO, "wait for the backend of queue %u", server->id);
	sqe->opcode = IORING_OP_READ;
	sqe->fd = XFER_WAKE_FILE;
	sqe->flags = IOSQE_FIXED_FILE;
	sqe->addr = ptr_to_u64(&server->wake_count);
	sqe->len = sizeof(server->wake_count);
	sqe->user_data = xfer_pack(XFER_WAKE, 0);
	server->wake_armed = true;
}

/* Buffers that load once needed are not kept when it is gone. */
static void arm_trim(struct server *server)
{
	static const struct __kernel_timespec after = { .tv_sec = TRIM_S };
	struct io_uring_sqe *sqe;

	if (server->trim_armed || !server->xfer.pool.touched)
		return;
	sqe = ring_sqe(&server->xfer.ring);
	if (!sqe)
		die(-EIO, "set a timer for queue %u", server->id);
	sqe->opcode = IORING_OP_TIMEOUT;
	sqe->flags = IOSQE_FIXED_FILE;		/* it has no file, but all must say so */
	sqe->addr = ptr_to_u64(&after);
	sqe->len = 1;
	sqe->user_data = xfer_pack(XFER_TRIM, 0);
	server->trim_armed = true;
}

static void dispatch(struct server *server, const struct ring_done *done)
{
	switch (xfer_kind(done->user_data)) {
	case XFER_TAG:
		tag_done(server, xfer_tag(done->user_data), done->result);
		break;
	case XFER_TAGS:
		tags_done(server, done);
		break;
	case XFER_COMMIT:
		committed(server, done->result);
		break;
	case XFER_MOVE:
		request_resume(&server->xfer.serving, &server->requests[xfer_tag(done->user_data)], done->result);
		break;
	case XFER_WAKE:
		server->wake_armed = false;
		request_wake(&server->xfer.serving);
		break;
	case XFER_TRIM:
		server->trim_armed = false;
		pool_trim(&server->xfer.pool);
		break;
	case XFER_FIX:	/* the transfer that followed has failed as well, and tells */
	case XFER_KINDS:
		break;
	}
}

static int submit(struct server *server)
{
	if (xfer_is_pressed(&server->xfer))
		return ring_submit(&server->xfer.ring);
	if (server->plan->poll_us)
		return ring_submit_and_spin(&server->xfer.ring, server->plan->poll_us);
	return ring_submit_and_wait(&server->xfer.ring);
}

/*
 * A disk that is quiesced has its idle tags taken back; those of requests are
 * fetched again with the answer, and then nothing ever comes of them.
 */
static bool is_over(const struct server *server)
{
	return server->plan->quiesces ? server->gone && !server->taken : server->gone == server->plan->depth;
}

static void serve(struct server *server)
{
	struct ring_done done[BATCH];

	while (!is_over(server)) {
		unsigned int n;
		int err;

		arm_wake(server);
		arm_trim(server);
		commit(server);
		turn_end(&server->turn);
		err = submit(server);
		if (err)
			die(err, "wait for requests of queue %u", server->id);
		xfer_submitted(&server->xfer);
		while ((n = ring_reap(&server->xfer.ring, done, BATCH)))
			for (unsigned int i = 0; i < n; i++)
				dispatch(server, &done[i]);
	}
	if (server->gone < server->plan->depth)		/* the last answers */
		ring_submit(&server->xfer.ring);
}

/* --- starting ---------------------------------------------------------------- */

static size_t server_size(const struct queue_plan *plan)
{
	return sizeof(struct server) + plan->depth * sizeof(struct request);
}

static struct server *server_new(const struct queue_plan *plan, uint16_t id)
{
	struct server *server = pages_get(server_size(plan));

	if (!server)
		return NULL;
	server->plan = plan;
	server->id = id;
	server->wake_fd = -1;
	server->turn.numbers = plan->numbers ? plan->numbers + (size_t)id * STATS_QUEUE : NULL;
	server->commit_op = encode(plan, UBLK_IO_COMMIT_AND_FETCH_REQ);
	server->data_op = encode(plan, UBLK_IO_NEED_GET_DATA);
	server->batch = (struct batch){
		.ring = &server->xfer.ring, .queue = id, .depth = plan->depth, .addressed = plan->mode == IO_COPY,
	};
	server->xfer.mode = plan->mode;
	server->xfer.at_once = plan->at_once;
	server->xfer.file = plan->backend->file ? plan->backend->file(plan->self) : -1;
	server->xfer.queue = id;
	server->xfer.max_io = plan->max_io;
	server->xfer.serving = (struct serving){
		.backend = plan->backend,
		.self = plan->self,
		.read_only = plan->read_only,
		.move = plan->backend->move ? plan->backend->move : xfer_move,
		.settle = xfer_settle,
		.answer = send_answer,
		.fetch = send_fetch_data,
		.buffer = xfer_buffer,
	};
	for (uint16_t tag = 0; tag < plan->depth; tag++)
		server->requests[tag].tag = tag;
	return server;
}

/*
 * As many as there can be between two submissions, so that nothing is submitted
 * half-way through a batch of completions: one per tag, or two where the pages
 * of requests come and go; and the wake-up and the timer.
 */
static unsigned int ring_entries(const struct queue_plan *plan)
{
	return (plan->mode == IO_ZERO_COPY || plan->mode == IO_AUTO_BUF ? 2U : 1U) * plan->depth + 2;
}

static int open_ring(struct server *server)
{
	const struct queue_plan *plan = server->plan;
	unsigned int entries = ring_entries(plan);
	int err = ring_open(&server->xfer.ring, entries, plan->poll_us ? RING_SPINNING : RING_DATA);

	if (err)
		return fail(err, "make an io_uring of %u entries for queue %u", entries, server->id);
	if (plan->mode == IO_ZERO_COPY || plan->mode == IO_AUTO_BUF) {
		err = ring_register_buffers(&server->xfer.ring, plan->depth);
		if (err)
			return fail(err, "make a table of %u buffers for queue %u", plan->depth, server->id);
	}
	if (!server->id)
		info("io_uring: %s", server->xfer.ring.flavour);
	return 0;
}

/* Operations with which such a disk is served. */
static unsigned int operations(const struct server *server, uint8_t ops[RING_OPS_MAX])
{
	const struct xfer *xfer = &server->xfer;
	unsigned int n = 0;

	ops[n++] = IORING_OP_URING_CMD;
	if (xfer->mode != IO_COPY)		/* there is a pool, and its timer */
		ops[n++] = IORING_OP_TIMEOUT;
	if (xfer->file >= 0 || server->wake_fd >= 0)
		ops[n++] = IORING_OP_READ;
	if (xfer->file < 0)
		return n;
	ops[n++] = IORING_OP_WRITE;
	ops[n++] = IORING_OP_FSYNC;
	ops[n++] = IORING_OP_FALLOCATE;
	if (xfer->mode == IO_ZERO_COPY || xfer->mode == IO_AUTO_BUF) {
		ops[n++] = IORING_OP_READ_FIXED;
		ops[n++] = IORING_OP_WRITE_FIXED;
	}
	return n;
}

static int enable_ring(struct server *server)
{
	const struct queue_plan *plan = server->plan;
	uint8_t ops[RING_OPS_MAX];
	int err;

	if (plan->sandbox->on) {
		err = ring_restrict(&server->xfer.ring, ops, operations(server, ops),
				    IOSQE_ASYNC | IOSQE_CQE_SKIP_SUCCESS | (plan->batch ? IOSQE_BUFFER_SELECT : 0));
		if (err)
			sandbox_without(plan->sandbox, SANDBOX_RINGS, err);
	}
	err = ring_enable(&server->xfer.ring);
	return err ? fail(err, "enable the io_uring of queue %u", server->id) : 0;
}

static int attach(struct server *server)
{
	const struct queue_plan *plan = server->plan;
	int files[XFER_FILES] = {
		[XFER_CHAR_FILE] = plan->char_fd, [XFER_BACKEND_FILE] = server->xfer.file, [XFER_WAKE_FILE] = server->wake_fd,
	};
	int err;

	server->xfer.char_fd = plan->char_fd;
	/*
	 * A registered file is released only when the ring is idle, so that
	 * nobody can take the device over while a request of this server is
	 * still on its way to a disk below.
	 */
	err = ring_register_files(&server->xfer.ring, files, XFER_FILES);
	if (err)
		return fail(err, "register the device's node with the io_uring of queue %u", server->id);
	err = enable_ring(server);
	if (err)
		return err;
	server->descriptors = ring_map_descriptors(plan->char_fd, server->id, plan->depth);
	if (!server->descriptors)
		return fail(-errno, "map the request descriptors of queue %u", server->id);
	return 0;
}

static int open_buffers(struct server *server)
{
	const struct queue_plan *plan = server->plan;
	int err = xfer_open(&server->xfer, plan->depth);

	if (err) {
		fail(err, "get buffers for queue %u", server->id);
		if (err == -ENOMEM)
			remedy("use a smaller --depth or --max-io, or fewer --queues");
		return err;
	}
	if (plan->batch) {
		err = batch_open(&server->batch);
		if (err)
			return fail(err, "prepare queue %u for requests in batches", server->id);
	}
	for (uint16_t tag = 0; tag < plan->depth; tag++)
		if (plan->mode == IO_COPY)
			server->requests[tag].buffer = server->xfer.buffers + (size_t)tag * plan->max_io;
	return 0;
}

static const void *buffer_of(void *self, uint16_t tag)
{
	const struct server *server = self;

	return server->requests[tag].buffer;
}

static int fetch_batch(struct server *server)
{
	int err = batch_fetch_all(&server->batch, buffer_of, server, xfer_pack(XFER_TAGS, 0));

	return err ? fail(err, "fetch the requests of queue %u", server->id) : 0;
}

/* Every tag, or START_DEV waits for ever. */
static int fetch_all(struct server *server)
{
	uint32_t op = encode(server->plan, UBLK_IO_FETCH_REQ);
	struct ring_done done;
	int err;

	for (uint16_t tag = 0; tag < server->plan->depth; tag++)	/* addr: needed without get-data, welcome with it */
		send_command(server, op, tag, 0, server->requests[tag].buffer ? server->requests[tag].buffer
									       : server->xfer.zeroes);
	err = ring_submit(&server->xfer.ring);
	if (!err && ring_reap(&server->xfer.ring, &done, 1))	/* nothing completes before START_DEV but a refusal */
		err = done.result < 0 ? done.result : -EIO;
	return err ? fail(err, "fetch the requests of queue %u", server->id) : 0;
}

static void pin(uint16_t id, const cpu_set_t *cpus)
{
	char name[16];

	text_format(name, sizeof(name), "ublk-q%u", id);
	prctl(PR_SET_NAME, name, 0, 0, 0);
	if (cpus && sched_setaffinity(0, sizeof(*cpus), cpus) < 0)
		warn("queue %u is not pinned: %s", id, strerror(errno));
}

static int drop_rights(const struct server *server)
{
	int err = sandbox_thread(server->plan->sandbox);

	return err ? fail(err, "give up the rights of queue %u", server->id) : 0;
}

static int prepare(struct server *server)
{
	int err = open_ring(server);

	if (!err && server->plan->backend->queue_open) {
		server->wake_fd = eventfd(0, EFD_CLOEXEC);
		if (server->wake_fd < 0)
			err = fail(-errno, "make an eventfd for queue %u", server->id);
	}
	return err ? err : open_buffers(server);
}

static int fetch(struct server *server)
{
	bool early = server->plan->drop_early;
	int err = attach(server);

	if (!err && early)
		err = drop_rights(server);
	if (!err)
		err = server->plan->batch ? fetch_batch(server) : fetch_all(server);
	if (!err && !early)
		err = drop_rights(server);
	return err;
}

/* The disk is known now. */
static int open_backend(struct server *server)
{
	const struct queue_plan *plan = server->plan;

	server->sectors = plan->disk->size >> UBLK_SECTOR_SHIFT;
	server->sector_mask = (plan->sector_size >> UBLK_SECTOR_SHIFT) - 1;
	server->xfer.serving.read_only = plan->read_only || plan->disk->read_only;
	server->xfer.drop_size = (uint32_t)max_u64(server->xfer.drop_size, plan->disk->discard_size);
	server->xfer.shared = plan->disk->shared;
	if (!plan->backend->queue_open)
		return 0;
	server->xfer.serving.self = plan->backend->queue_open(plan->self, server->wake_fd);
	return server->xfer.serving.self ? 0 : fail(-ENOMEM, "open the backend for queue %u", server->id);
}

/* #syscalls close */
static void close_all(struct server *server)
{
	const struct queue_plan *plan = server->plan;

	if (plan->backend->queue_close)
		plan->backend->queue_close(server->xfer.serving.self);
	if (server->wake_fd >= 0)
		close(server->wake_fd);
	ring_unmap_descriptors(server->descriptors, plan->depth);
	ring_leave(&server->xfer.ring);
	if (plan->batch)
		batch_close(&server->batch);
	xfer_close(&server->xfer, plan->depth);
	pages_free(server, server_size(plan));
}

/* --- the thread, and who waits for it ---------------------------------------- */

/* Two steps on the way up are waited for, and nothing ever after: a futex is all it takes. #syscalls futex */
static void set_and_wake(_Atomic uint32_t *value, uint32_t to)
{
	atomic_store(value, to);
	syscall(SYS_futex, value, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

static uint32_t wait_until(_Atomic uint32_t *value, uint32_t least)
{
	uint32_t now;

	while ((now = atomic_load(value)) < least)
		syscall(SYS_futex, value, FUTEX_WAIT_PRIVATE, now, NULL, NULL, 0);
	return now;
}

static void *broken(struct queue *queue, int error)
{
	queue->error = error;
	set_and_wake(&queue->stage, QUEUE_BROKEN);
	return NULL;
}

/* Until the thread has got to @stage, or nowhere. */
static int wait_for_stage(struct queue *queue, enum queue_stage stage)
{
	return wait_until(&queue->stage, stage) == QUEUE_BROKEN ? queue->error : 0;
}

/* Its end is libc's. #syscalls write exit rt_sigprocmask */
static void *run(void *arg)
{
	static const uint64_t one = 1;
	struct queue *queue = arg;
	struct server *server;
	int err = -ENOMEM;

	pin(queue->id, queue->cpus);	/* before anything is allocated: memory comes from the node we run on */
	server = server_new(queue->plan, queue->id);
	if (!server)
		fail(err, "get memory for queue %u", queue->id);
	else
		err = prepare(server);
	if (err)
		return broken(queue, err);
	set_and_wake(&queue->stage, QUEUE_PREPARED);
	wait_until(&queue->go, QUEUE_FETCHED);
	err = fetch(server);
	if (err)
		return broken(queue, err);
	set_and_wake(&queue->stage, QUEUE_FETCHED);
	wait_until(&queue->go, QUEUE_OPENED);
	err = open_backend(server);
	if (err)
		return broken(queue, err);
	set_and_wake(&queue->stage, QUEUE_OPENED);
	serve(server);
	close_all(server);
	if (RETRY(write(queue->plan->ended_fd, &one, sizeof(one))) < 0)
		die(-errno, "report the end of queue %u", queue->id);
	return NULL;
}

int queue_start(struct queue *queue, const struct queue_plan *plan, uint16_t id, const cpu_set_t *cpus)
{
	int err;

	*queue = (struct queue){ .plan = plan, .id = id, .cpus = cpus };
	err = -pthread_create(&queue->thread, NULL, run, queue);
	if (err) {
		fail(err, "start the thread of queue %u", id);
		remedy("use fewer --queues, or raise the limit of processes (ulimit -u, or the cgroup's pids.max)");
		return err;
	}
	return wait_for_stage(queue, QUEUE_PREPARED);
}

static int go_for(struct queue *queue, enum queue_stage stage)
{
	set_and_wake(&queue->go, stage);
	return wait_for_stage(queue, stage);
}

int queue_fetch(struct queue *queue) { return go_for(queue, QUEUE_FETCHED); }
int queue_go(struct queue *queue) { return go_for(queue, QUEUE_OPENED); }
