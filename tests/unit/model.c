/* SPDX-License-Identifier: MIT */
/*
 * model.c - the kernel's side of a ublk device, in miniature
 *
 * The life of a tag:
 *
 *   NEW -- FETCH --> IDLE -- a request --> OURS ("the server's") -- COMMIT --> IDLE
 *                     |  \                  ^
 *                     |   `-- a WRITE --> ASKED -- GET_DATA --'   (get-data)
 *                     `-- STOP --> GONE
 *
 * In batches many tags go each way with one command, but each lives as above.
 * The bytes of a request that is OURS are copied by the driver, to and from an
 * address that commands name; or by the server (user-copy); or its pages lie
 * in the ring's table of buffers, put there by the server or by the driver.
 *
 * What a queue's thread and the block layer share is under the queue's lock;
 * tags, SQEs and completions belong to the thread alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <poll.h>
#include <signal.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/ring.h"
#include "core/util.h"
#include "core/xfer.h"
#include "tests/check.h"
#include "tests/unit/model_inside.h"
#include "tests/unit/outlive.h"

struct model_device *device;

void model_violated(const char *condition, const char *file, int line)
{
	printf("# %s:%d: the server must see to it that %s\n", file, line, condition);
	fflush(stdout);
	snprintf(device->violated, sizeof(device->violated), "%s:%d: %s", file, line, condition);
	abort();
}

/* Whoever had it may have died of a violation, and then the test has failed anyway. */
void model_lock(pthread_mutex_t *lock)
{
	if (pthread_mutex_lock(lock) == EOWNERDEAD)
		pthread_mutex_consistent(lock);
}

void model_lock_all(void)
{
	for (unsigned int i = 0; i < QUEUES_MAX; i++)
		model_lock(&device->queues[i].lock);
}

void model_unlock_all(void)
{
	for (unsigned int i = QUEUES_MAX; i--;)
		pthread_mutex_unlock(&device->queues[i].lock);
}

static bool granted(uint64_t flags)
{
	return device->plan.granted & flags;
}

/* The driver copies, to and from an address in every command. Else that must be 0. */
static bool driver_copies(void)
{
	return !granted(UBLK_F_USER_COPY | UBLK_F_SUPPORT_ZERO_COPY | UBLK_F_AUTO_BUF_REG);
}

static bool in_batches(void)
{
	return granted(UBLK_F_BATCH_IO);
}

/* --- the block layer's side ------------------------------------------------------- */

/* Of all processes, and the programs that they become, whose own descriptors begin at 3. */
int model_event(void)
{
	int low = eventfd(0, EFD_NONBLOCK), fd = fcntl(low, F_DUPFD, 900);

	INSIST(fd >= 900);
	close(low);
	return fd;
}

static void open_queue(struct model_queue *queue, unsigned int id, const pthread_mutexattr_t *mutex,
		       const pthread_condattr_t *cond)
{
	queue->id = id;
	pthread_mutex_init(&queue->lock, mutex);
	pthread_cond_init(&queue->finished, cond);
	queue->tail = &queue->incoming;
	queue->kick = model_event();
}

void model_go_on(void)
{
	device = outlive_get("model", sizeof(*device));
}

int model_open(const struct model_plan *plan)
{
	int fd = open(plan->node ? plan->node : "/dev/null", O_RDWR | O_CLOEXEC);
	pthread_mutexattr_t mutex;
	pthread_condattr_t cond;

	model_go_on();
	memset(device, 0, sizeof(*device));
	device->plan = *plan;
	device->live = !plan->node;
	INSIST(plan->queues <= QUEUES_MAX && plan->depth <= DEPTH_MAX && fstat(fd, &device->node) == 0);
	pthread_mutexattr_init(&mutex);
	pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&mutex, PTHREAD_MUTEX_ROBUST);
	pthread_condattr_init(&cond);
	pthread_condattr_setpshared(&cond, PTHREAD_PROCESS_SHARED);
	for (unsigned int i = 0; i < QUEUES_MAX; i++)
		open_queue(&device->queues[i], i, &mutex, &cond);
	pthread_mutexattr_destroy(&mutex);
	pthread_condattr_destroy(&cond);
	if (plan->node)
		model_ctrl_open();
	return fd;
}

void model_fault(enum model_fault fault)
{
	device->fault = fault;
}

void model_close(void)
{
	INSIST(device->driven || (!device->rings && !device->mapped));
	for (unsigned int i = 0; i < QUEUES_MAX; i++) {
		struct model_queue *queue = &device->queues[i];

		INSIST(device->driven || !queue->incoming);
		close(queue->kick);
		pthread_mutex_destroy(&queue->lock);
		pthread_cond_destroy(&queue->finished);
	}
}

void model_kick(struct model_queue *queue)
{
	static const uint64_t one = 1;

	INSIST(write(queue->kick, &one, sizeof(one)) == sizeof(one));
}

void model_enqueue(struct model_queue *queue, struct model_io *io, bool first)
{
	io->next = first ? queue->incoming : NULL;
	if (first) {
		if (!queue->incoming)
			queue->tail = &io->next;
		queue->incoming = io;
	} else {
		*queue->tail = io;
		queue->tail = &io->next;
	}
}

void model_submit(unsigned int id, struct model_io *io)
{
	struct model_queue *queue = &device->queues[id];

	io->done = io->cut = io->generated = false;
	io->moved = 0;
	model_lock(&queue->lock);
	if (device->driven && (device->state == UBLK_S_DEV_FAIL_IO || (device->stopping && !device->server)))
		model_finish(queue, io, -EIO);
	else
		model_enqueue(queue, io, false);
	pthread_mutex_unlock(&queue->lock);
	model_kick(queue);
}

void model_wait(unsigned int id, struct model_io *io)
{
	struct model_queue *queue = &device->queues[id];

	model_lock(&queue->lock);
	while (!io->done)
		pthread_cond_wait(&queue->finished, &queue->lock);
	pthread_mutex_unlock(&queue->lock);
}

void model_stop(void)
{
	device->stopping = true;
	for (unsigned int i = 0; i < device->plan.queues; i++)
		model_kick(&device->queues[i]);
}

void model_complete_with(unsigned int id, int result)
{
	struct model_queue *queue = &device->queues[id];

	model_lock(&queue->lock);
	queue->complete_with = result;
	pthread_mutex_unlock(&queue->lock);
}

bool model_expire(unsigned int id)
{
	struct model_queue *queue = &device->queues[id];
	bool was_set;

	model_lock(&queue->lock);
	queue->alarm = ALARM;
	model_kick(queue);
	while (queue->alarm == ALARM)
		pthread_cond_wait(&queue->finished, &queue->lock);
	was_set = queue->alarm == ALARM_RANG;
	queue->alarm = NO_ALARM;
	pthread_mutex_unlock(&queue->lock);
	return was_set;
}

unsigned int model_gone(void)
{
	unsigned int gone = 0;

	for (unsigned int i = 0; i < device->plan.queues; i++) {
		model_lock(&device->queues[i].lock);
		gone += device->queues[i].gone;
		pthread_mutex_unlock(&device->queues[i].lock);
	}
	return gone;
}

int model_sandboxed(void)
{
	if (!device->sandboxed++)
		device->fetched_before = device->fetched;
	return device->fault == MODEL_NO_SANDBOX ? -EPERM : 0;
}

unsigned int model_sandboxed_count(void) { return device->sandboxed; }
unsigned int model_sandboxed_fetched(void) { return device->fetched_before; }

struct model_count model_counted(void)	/* when all queues have ended */
{
	struct model_count sum = { 0 };

	for (unsigned int i = 0; i < device->plan.queues; i++) {
		const struct model_count *c = &device->queues[i].count;

		sum.requests += c->requests;
		sum.in_place += c->in_place;
		sum.short_io += c->short_io;
		sum.interrupted += c->interrupted;
		sum.retries += c->retries;
		sum.cuts += c->cuts;
		sum.waits += c->waits;
		sum.expired += c->expired;
		sum.moves += c->moves;
		sum.fixed += c->fixed;
		sum.copies += c->copies;
		sum.shared += c->shared;
		sum.registered += c->registered;
		sum.automatic += c->automatic;
		sum.durable += c->durable;
		sum.holes += c->holes;
		sum.ranges += c->ranges;
		sum.zeroed += c->zeroed;
		sum.unsupported += c->unsupported;
		sum.batches += c->batches;
		sum.batched += c->batched;
		sum.starved += c->starved;
		sum.partial += c->partial;
		sum.spins += c->spins;
	}
	return sum;
}

void model_finish(struct model_queue *queue, struct model_io *io, int result)
{
	io->result = result;
	io->done = true;
	if (io->generated)
		device->plan.load->finished(device->plan.load, queue->id, io);
	else
		pthread_cond_broadcast(&queue->finished);
	if (io == &device->scan)
		model_look();
}

/* --- the ring ------------------------------------------------------------------------- */

/* The one of this thread, if it is a queue's. */
static __thread struct model_ring *mine;

static struct model_ring *of(const struct ring *ring)
{
	struct model_ring *r = ring->uring.sq.ring_ptr;

	INSIST(pthread_equal(r->owner, pthread_self()));
	return r;
}

static bool chance(struct model_ring *r, unsigned int in)
{
	return device->plan.rough && check_random(&r->random) % in == 0;
}

static void complete_as(struct model_ring *r, struct ring_done done)
{
	INSIST(r->completed < 2 * r->entries);		/* the completion queue holds twice the entries */
	r->ready[r->completed++] = done;
}

static void complete(struct model_ring *r, uint64_t user_data, int result)
{
	complete_as(r, (struct ring_done){ .user_data = user_data, .result = result });
}

int ring_open(struct ring *ring, unsigned int entries, enum ring_kind kind)
{
	struct model_ring *r;

	INSIST(kind != RING_CONTROL || device->driven);
	if (device->fault == MODEL_NO_RING)
		return -EPERM;
	INSIST(entries <= (kind == RING_CONTROL ? SQES_MAX / 2 : SQES_MAX));
	r = calloc(1, sizeof(*r));
	r->owner = pthread_self();
	r->char_fd = -1;
	r->control = kind == RING_CONTROL;
	r->spinning = kind == RING_SPINNING;
	r->entries = entries;
	r->random = device->plan.seed + device->seeds++;
	device->rings += !r->control;
	mine = r->control ? mine : r;
	ring->uring.sq.ring_ptr = r;
	ring->flavour = "a model";
	return 0;
}

void ring_leave(struct ring *ring)
{
	struct model_ring *r = of(ring);

	/* The kernel may still write to where these point. */
	INSIST(!r->moving && !r->wake.opcode && (!r->queued || r->control));
	device->rings -= !r->control;
	free(r);
	ring->uring.sq.ring_ptr = NULL;
}

void ring_close(struct ring *ring)
{
	ring_leave(ring);
}

static bool is_node(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_ino == device->node.st_ino && st.st_dev == device->node.st_dev;
}

int ring_register_files(struct ring *ring, const int *fds, unsigned int count)
{
	struct model_ring *r = of(ring);

	if (device->fault == MODEL_NO_FILES)
		return -EMFILE;
	INSIST(count >= 1 && count <= XFER_FILES && is_node(fds[0]) && r->char_fd < 0 && !r->enabled);
	r->char_fd = fds[0];
	memcpy(r->files, fds, count * sizeof(*fds));
	model_opened();
	return 0;
}

int ring_restrict(struct ring *ring, const uint8_t *ops, unsigned int count, uint8_t flags)
{
	struct model_ring *r = of(ring);

	INSIST(!r->enabled);
	for (unsigned int i = 0; i < count; i++)
		r->allowed |= 1ULL << ops[i];
	r->allowed_flags = flags | IOSQE_FIXED_FILE;
	if (device->fault != MODEL_NO_RESTRICTION)
		return 0;
	r->allowed = 0;
	return -EINVAL;
}

int ring_enable(struct ring *ring)
{
	struct model_ring *r = of(ring);

	INSIST(r->char_fd >= 0 && !r->enabled);
	r->enabled = device->fault != MODEL_NO_ENABLE;
	return r->enabled ? 0 : -EPERM;
}

static int file_of(const struct model_ring *r, const struct io_uring_sqe *sqe)
{
	return sqe->flags & IOSQE_FIXED_FILE ? r->files[sqe->fd] : sqe->fd;
}

int ring_register_buffers(struct ring *ring, unsigned int count)
{
	struct model_ring *r = of(ring);

	if (device->fault == MODEL_NO_TABLE)
		return -ENOMEM;
	INSIST(granted(UBLK_F_SUPPORT_ZERO_COPY) && count <= DEPTH_MAX && !r->table_size && !r->queue);
	r->table_size = count;
	return 0;
}

int ring_give_buffers(struct ring *ring, void *memory, unsigned int count, unsigned int size)
{
	struct model_ring *r = of(ring);

	if (device->fault == MODEL_NO_BUFFERS)
		return -ENOMEM;
	INSIST(in_batches() && !r->group.memory && is_power_of_two(count) && count <= BUFFERS_MAX && size >= sizeof(uint16_t));
	r->group = (struct group){ .memory = memory, .count = count, .size = size };
	return 0;
}

/* From now on the kernel may write to it at any time. */
void ring_return_buffer(struct ring *ring, void *at, unsigned int size, uint16_t number)
{
	struct model_ring *r = of(ring);

	INSIST(number < r->group.count && size == r->group.size && r->group.taken[number]);
	INSIST((char *)at == r->group.memory + (size_t)number * size);
	memset(at, 0xee, size);
	r->group.taken[number] = false;
}

/* Were it full, the SQEs of half a batch would be submitted before those of the other half. */
struct io_uring_sqe *ring_sqe(struct ring *ring)
{
	struct model_ring *r = of(ring);

	INSIST(r->queued < r->entries);
	if (device->fault == MODEL_NO_ROOM || (device->fault == MODEL_NO_ROOM_TO_FETCH && r->group.asked_in_vain))
		return NULL;
	if (r->control) {		/* of twice the size */
		memset(&r->sqes[2 * r->queued], 0, 2 * sizeof(r->sqes[0]));
		return &r->sqes[2 * r->queued++];
	}
	memset(&r->sqes[r->queued], 0, sizeof(r->sqes[0]));
	return &r->sqes[r->queued++];
}

int ring_poll_fd(const struct ring *ring)
{
	INSIST(of(ring)->control);
	return device->ctrl_event;
}

const volatile struct ublksrv_io_desc *ring_map_descriptors(int char_fd, unsigned int queue, unsigned int depth)
{
	if (device->fault == MODEL_NO_DESCRIPTORS) {
		errno = ENOMEM;
		return NULL;
	}
	INSIST(is_node(char_fd) && queue < device->plan.queues && depth == device->plan.depth);
	INSIST(!device->queues[queue].descriptors && mine && !mine->queue);
	device->mapped++;
	device->queues[queue].descriptors = calloc(depth, sizeof(struct ublksrv_io_desc));
	mine->queue = &device->queues[queue];
	mine->queue->ring = mine;
	return device->queues[queue].descriptors;
}

void ring_unmap_descriptors(const volatile struct ublksrv_io_desc *descriptors, unsigned int depth)
{
	INSIST(depth == device->plan.depth);
	if (!descriptors)
		return;
	free((void *)(uintptr_t)descriptors);
	mine->queue->descriptors = NULL;
	device->mapped--;
}

/* --- commands to the driver ---------------------------------------------------------------- */

/* What xfer_pack() must yield. */
static uint64_t data_of(enum xfer_kind kind, unsigned int tag)
{
	return (uint64_t)kind << 16 | tag;
}

static uint64_t tag_data(unsigned int tag)
{
	return data_of(XFER_TAG, tag);
}

/* Of what has not been answered yet; where a kernel sends the rest again, that becomes less. */
static uint32_t length_of(const struct model_io *io)
{
	return io->op == UBLK_IO_OP_FLUSH ? 0 : (io->sectors << 9) - io->moved;
}

static char *bytes_of(const struct model_io *io)
{
	return io->data + io->moved;
}

static bool has_bytes(const struct model_io *io)
{
	return io->op == UBLK_IO_OP_READ || io->op == UBLK_IO_OP_WRITE;
}

static bool is_shared(const struct model_io *io)
{
	return has_bytes(io) && io->data >= device->plan.shared && io->data + length_of(io) <= device->plan.shared + device->plan.shared_size;
}

static void give_back(struct model_ring *r, unsigned int tag)
{
	r->queue->tags[tag].state = GONE;
	complete(r, tag_data(tag), UBLK_IO_RES_ABORT);
	r->queue->gone++;
	model_look();
}

/* Where the driver is to put the next pages of the tag. It refuses what it does not know. */
static void take_auto_buf(struct model_ring *r, struct tag *tag, uint64_t where)
{
	tag->auto_buf = where;
	if (!granted(UBLK_F_AUTO_BUF_REG))
		INSIST(!where);
	else
		INSIST(where >> 16 == UBLK_AUTO_BUF_REG_FALLBACK && (uint16_t)where < r->table_size);
}

static void do_fetch(struct model_ring *r, const struct ublksrv_io_cmd *command, uint64_t auto_buf)
{
	struct tag *tag = &r->queue->tags[command->tag];

	INSIST(tag->state == NEW);
	if (driver_copies())
		INSIST(command->addr || granted(UBLK_F_NEED_GET_DATA));
	else
		INSIST(!command->addr);
	take_auto_buf(r, tag, auto_buf);
	tag->state = IDLE;
	tag->address = (char *)(uintptr_t)command->addr;
	r->queue->fetched++;
	device->fetched++;
	if (r->queue->fetched == device->plan.depth)
		model_look();
	if ((device->fault == MODEL_NO_FETCH || device->fault == MODEL_EARLY_FETCH) && command->tag == 1 && !in_batches())
		complete(r, tag_data(command->tag), device->fault == MODEL_NO_FETCH ? -EINVAL : 0);
}

/* What the driver put into the table it takes out; what the server put there is for the server to take out. */
static void forget_pages(struct model_ring *r, unsigned int tag)
{
	for (unsigned int i = 0; i < r->table_size; i++) {
		if (!r->table[i].io || r->table[i].tag != tag)
			continue;
		INSIST(r->table[i].automatic);
		r->table[i].io = NULL;
	}
}

static void take_answer(struct tag *tag, const struct ublksrv_io_cmd *command)
{
	struct model_io *io = tag->io;

	if (!driver_copies())
		INSIST(!command->addr);
	else if (io->op == UBLK_IO_OP_READ || !granted(UBLK_F_NEED_GET_DATA))
		INSIST(command->addr);		/* even if it failed */
	tag->address = (char *)(uintptr_t)command->addr;
	if (driver_copies() && io->op == UBLK_IO_OP_READ && command->result > 0 && !is_shared(io))
		memcpy(bytes_of(io), tag->address, (size_t)command->result);
}

/* 6.12 to 7.2 send the rest of what was answered short once more; 7.3 does so for a READ that it copied itself, only. */
static void answered(struct model_queue *queue, struct model_io *io, int result)
{
	const struct model_kernel *kernel = device->plan.kernel;
	bool again = has_bytes(io) && result > 0 && (uint32_t)result < length_of(io) &&
		     !(kernel && kernel->takes_short && (io->op == UBLK_IO_OP_WRITE || !driver_copies()));

	if (again) {
		io->moved += (uint32_t)result;
		model_enqueue(queue, io, true);
		return;
	}
	model_finish(queue, io, result < 0 || io->op == UBLK_IO_OP_FLUSH ? result : (int)(io->sectors << 9));
}

static void do_commit(struct model_ring *r, const struct ublksrv_io_cmd *command, uint64_t auto_buf)
{
	struct tag *tag = &r->queue->tags[command->tag];
	struct model_io *io = tag->io;

	INSIST(tag->state == OURS);		/* fetched, not asked, answered once, not gone */
	INSIST(io && !tag->moves);
	/* 7.3 takes a short WRITE for a complete one, so only these two will do. */
	INSIST(device->plan.tolerant || command->result < 0 || (uint32_t)command->result == length_of(io));
	INSIST(!io->cut || command->result < 0);
	forget_pages(r, command->tag);
	take_answer(tag, command);
	take_auto_buf(r, tag, auto_buf);
	tag->state = IDLE;
	tag->io = NULL;
	answered(r->queue, io, command->result);
	if (device->stopping && !in_batches())
		give_back(r, command->tag);
}

static void ask(struct model_ring *r, unsigned int tag)
{
	r->queue->tags[tag].state = ASKED;
	complete(r, tag_data(tag), UBLK_IO_RES_NEED_GET_DATA);
}

/* No memory there: nothing is copied, and the driver asks again; or some is, and the request becomes shorter. */
static void do_get_data(struct model_ring *r, const struct ublksrv_io_cmd *command)
{
	struct tag *tag = &r->queue->tags[command->tag];
	struct ublksrv_io_desc *descriptor = &r->queue->descriptors[command->tag];
	uint32_t length = length_of(tag->io);

	INSIST(granted(UBLK_F_NEED_GET_DATA) && tag->state == ASKED);
	INSIST(command->addr);
	tag->address = (char *)(uintptr_t)command->addr;
	descriptor->addr = command->addr;	/* whatever stood there */
	if (is_shared(tag->io)) {
		tag->state = OURS;
		complete(r, tag_data(command->tag), UBLK_IO_RES_OK);
		return;
	}
	if (!tag->asks++ && chance(r, 50)) {
		r->queue->count.retries++;
		tag->io->asked_again = true;
		ask(r, command->tag);
		return;
	}
	if (length > 512 && chance(r, 50)) {
		descriptor->nr_sectors /= 2;
		length = descriptor->nr_sectors << 9;
		tag->io->cut = true;
		r->queue->count.cuts++;
	}
	memcpy(tag->address, bytes_of(tag->io), min_u64(length, device->plan.max_io));
	r->queue->count.in_place++;
	tag->state = OURS;
	complete(r, tag_data(command->tag), UBLK_IO_RES_OK);
}

static bool register_pages(struct model_ring *r, uint64_t index, unsigned int tag, bool automatic)
{
	struct model_io *io = r->queue->tags[tag].io;

	INSIST(index < r->table_size && !r->table[index].io);
	INSIST(io && has_bytes(io));
	if (device->fault == MODEL_NO_PAGES)
		return false;
	r->table[index] = (struct pages){ .io = io, .tag = tag, .automatic = automatic };
	return true;
}

/* Success is silent. */
static void do_fix(struct model_ring *r, const struct ublksrv_io_cmd *command, uint32_t op)
{
	struct pages *pages = &r->table[command->addr];
	const struct tag *tag = &r->queue->tags[command->tag];

	INSIST(granted(UBLK_F_SUPPORT_ZERO_COPY) && tag->state == OURS && !tag->moves);
	INSIST(command->addr < r->table_size);
	if (op == UBLK_U_IO_REGISTER_IO_BUF) {
		r->queue->count.registered++;
		if (!register_pages(r, command->addr, command->tag, false))
			complete(r, data_of(XFER_FIX, command->tag), -ENOMEM);
	} else if (pages->io) {
		INSIST(pages->tag == command->tag && !pages->automatic);
		pages->io = NULL;
	} else {
		complete(r, data_of(XFER_FIX, command->tag), -EINVAL);
	}
}

/* How each command must be sent; the younger ones were never known by a bare number. */
static void check_command(const struct io_uring_sqe *sqe, const struct ublksrv_io_cmd *command, bool fix)
{
	uint32_t number = sqe->cmd_op & 0xff;
	bool bare = device->plan.legacy && !fix;

	INSIST(sqe->cmd_op == (bare ? number : _IOWR('u', number, struct ublksrv_io_cmd)));
	INSIST(sqe->fd == 0 && sqe->flags == (IOSQE_FIXED_FILE | (fix ? IOSQE_CQE_SKIP_SUCCESS : 0)));
	INSIST(command->q_id < device->plan.queues && command->tag < device->plan.depth);
	INSIST(sqe->user_data == data_of(fix ? XFER_FIX : XFER_TAG, command->tag));
}

/* A queue has one thread. */
static void is_from(struct model_ring *r, unsigned int id)
{
	INSIST(r->char_fd >= 0 && r->queue && r->queue->id == id);
}

static void do_command(struct model_ring *r, const struct io_uring_sqe *sqe)
{
	bool fix = sqe->cmd_op == UBLK_U_IO_REGISTER_IO_BUF || sqe->cmd_op == UBLK_U_IO_UNREGISTER_IO_BUF;
	struct ublksrv_io_cmd command;

	memcpy(&command, sqe->cmd, sizeof(command));
	check_command(sqe, &command, fix);
	is_from(r, command.q_id);
	if (fix) {
		do_fix(r, &command, sqe->cmd_op);
		return;
	}
	switch (sqe->cmd_op & 0xff) {
	case UBLK_IO_FETCH_REQ:
		do_fetch(r, &command, sqe->addr);
		return;
	case UBLK_IO_COMMIT_AND_FETCH_REQ:
		do_commit(r, &command, sqe->addr);
		return;
	case UBLK_IO_NEED_GET_DATA:
		do_get_data(r, &command);
		return;
	}
	INSIST(!"an unknown command");
}

/* --- commands about many requests ------------------------------------------------------------- */

static struct ublksrv_io_cmd element(const struct io_uring_sqe *sqe, const struct ublk_batch_io *batch, unsigned int index)
{
	const char *at = (const char *)(uintptr_t)sqe->addr + (size_t)index * batch->elem_bytes;
	struct ublksrv_io_cmd command = { .q_id = batch->q_id };
	struct ublk_elem_header header;

	memcpy(&header, at, sizeof(header));
	if (batch->flags & UBLK_BATCH_F_HAS_BUF_ADDR)
		memcpy(&command.addr, at + sizeof(header), sizeof(command.addr));
	INSIST(header.tag < device->plan.depth && !header.buf_index);
	command.tag = header.tag;
	command.result = header.result;
	return command;
}

/* All of them, or none. */
static void do_prepare(struct model_ring *r, const struct io_uring_sqe *sqe, const struct ublk_batch_io *batch)
{
	for (unsigned int i = 0; i < batch->nr_elem; i++) {
		struct ublksrv_io_cmd command = element(sqe, batch, i);

		INSIST(!command.result);
		do_fetch(r, &command, 0);
	}
	complete(r, sqe->user_data, device->fault == MODEL_NO_FETCH ? -EINVAL : 0);
}

/* As many as the driver likes: the result tells. */
static void do_commits(struct model_ring *r, const struct io_uring_sqe *sqe, const struct ublk_batch_io *batch)
{
	unsigned int count = batch->nr_elem;

	INSIST(count);
	if (count > 1 && chance(r, 8)) {
		count = 1 + check_random(&r->random) % (count - 1);
		r->queue->count.partial++;
	}
	for (unsigned int i = 0; i < count; i++) {
		struct ublksrv_io_cmd command = element(sqe, batch, i);

		do_commit(r, &command, 0);
	}
	complete(r, sqe->user_data, device->fault == MODEL_NO_COMMIT ? -EBUSY : (int)(count * batch->elem_bytes));
}

static void start_fetch(struct model_ring *r, const struct io_uring_sqe *sqe, const struct ublk_batch_io *batch)
{
	INSIST(r->queue->fetched == device->plan.depth && !r->fetch.opcode);
	INSIST(sqe->uring_cmd_flags == IORING_URING_CMD_MULTISHOT && sqe->buf_group == RING_BUFFER_GROUP);
	INSIST(r->group.memory && batch->elem_bytes == sizeof(uint16_t) && !batch->flags);
	r->fetch = *sqe;
}

static void end_fetch(struct model_ring *r, int result)
{
	complete(r, r->fetch.user_data, result);
	r->fetch.opcode = 0;
}

/* Which buffer; -1: none is left, or the command ends for some other reason. */
static int choose_buffer(struct model_ring *r)
{
	for (unsigned int i = 0; i < r->group.count && !chance(r, 64) && device->fault != MODEL_NO_ROOM_TO_FETCH; i++)
		if (!r->group.taken[i])
			return (int)i;
	return -1;
}

/* Tags in a buffer, after each other, as many at a time as the driver likes. */
static void deliver(struct model_ring *r)
{
	struct model_queue *queue = r->queue;

	while (queue->arrivals && r->fetch.opcode) {
		unsigned int n = (unsigned int)min_u64(queue->arrivals, r->group.size / sizeof(uint16_t));
		int buffer = choose_buffer(r);

		if (buffer < 0) {
			queue->count.starved++;
			INSIST(r->group.asked_in_vain++ < 1000);	/* but give some back */
			end_fetch(r, -ENOBUFS);
			return;
		}
		if (chance(r, 4))
			n = 1 + check_random(&r->random) % n;
		r->group.asked_in_vain = 0;
		r->group.taken[buffer] = true;
		memcpy(r->group.memory + (size_t)buffer * r->group.size, queue->arrived, n * sizeof(uint16_t));
		queue->arrivals -= n;
		memmove(queue->arrived, queue->arrived + n, queue->arrivals * sizeof(uint16_t));
		queue->count.batches++;
		queue->count.batched += n;
		complete_as(r, (struct ring_done){
			.user_data = r->fetch.user_data, .result = (int)(n * sizeof(uint16_t)), .buffer = (uint16_t)buffer, .more = true,
		});
	}
}

static void do_batch_command(struct model_ring *r, const struct io_uring_sqe *sqe)
{
	uint32_t number = sqe->cmd_op & 0xff;
	struct ublk_batch_io batch;
	bool fetch = sqe->cmd_op == UBLK_U_IO_FETCH_IO_CMDS;

	memcpy(&batch, sqe->cmd, sizeof(batch));
	is_from(r, batch.q_id);
	INSIST(sqe->cmd_op == _IOWR('u', number, struct ublk_batch_io) && !device->plan.legacy);
	INSIST(sqe->fd == 0 && sqe->flags == (IOSQE_FIXED_FILE | (fetch ? IOSQE_BUFFER_SELECT : 0)));
	INSIST(!batch.reserved && !batch.reserved2);
	if (fetch) {
		start_fetch(r, sqe, &batch);
		return;
	}
	INSIST(batch.nr_elem <= device->plan.depth && !sqe->uring_cmd_flags);
	INSIST(batch.flags == (driver_copies() ? UBLK_BATCH_F_HAS_BUF_ADDR : 0));
	INSIST(batch.elem_bytes == sizeof(struct ublk_elem_header) + (driver_copies() ? sizeof(uint64_t) : 0));
	switch (sqe->cmd_op) {
	case UBLK_U_IO_PREP_IO_CMDS:
		do_prepare(r, sqe, &batch);
		return;
	case UBLK_U_IO_COMMIT_IO_CMDS:
		do_commits(r, sqe, &batch);
		return;
	}
	INSIST(!"a command that batches know");
}

/* --- user-copy -------------------------------------------------------------------------------- */

/* A request has two directions: a READ is filled, a WRITE is taken from. */
ssize_t ring_user_copy(int char_fd, uint16_t id, uint16_t number, uint32_t start, char *memory, uint32_t length, bool fill)
{
	struct model_queue *queue = &device->queues[id];
	struct model_ring *r = queue->ring;
	struct tag *tag = &queue->tags[number];

	INSIST(granted(UBLK_F_USER_COPY) && char_fd == r->char_fd && id < device->plan.queues);
	INSIST(pthread_equal(r->owner, pthread_self()));
	INSIST(number < device->plan.depth && tag->state == OURS && !tag->moves);
	INSIST(tag->io->op == (fill ? UBLK_IO_OP_READ : UBLK_IO_OP_WRITE));
	INSIST(length && start < length_of(tag->io) && length <= length_of(tag->io) - start);
	queue->count.copies++;
	if (length > 1 && chance(r, 8)) {
		length = 1 + check_random(&r->random) % (length - 1);
		queue->count.short_io++;
	}
	if (fill)
		memcpy(bytes_of(tag->io) + start, memory, length);
	else
		memcpy(memory, bytes_of(tag->io) + start, length);
	return length;
}

/* --- ordinary I/O ---------------------------------------------------------------------------- */

/* tmpfs cannot, others can. */
static int zero_range(const struct model_ring *r, const struct io_uring_sqe *sqe)
{
	static const char zeroes[1 << 16];

	for (uint64_t done = 0; done < sqe->addr;) {
		ssize_t n = pwrite(file_of(r, sqe), zeroes, min_u64(sizeof(zeroes), sqe->addr - done), (off_t)(sqe->off + done));

		if (n < 0)
			return -errno;
		done += (uint64_t)n;
	}
	return 0;
}

static int do_fallocate(struct model_ring *r, const struct io_uring_sqe *sqe, const struct model_io *io)
{
	struct model_count *count = &r->queue->count;
	bool zero = io->op == UBLK_IO_OP_WRITE_ZEROES;

	INSIST(zero || io->op == UBLK_IO_OP_DISCARD);
	INSIST(sqe->len == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE) ||
	       (zero && sqe->len == (FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE)));
	if (zero && chance(r, 4)) {
		count->unsupported++;
		return -EOPNOTSUPP;
	}
	if (sqe->len & FALLOC_FL_ZERO_RANGE) {
		count->ranges++;
		return zero_range(r, sqe);
	}
	INSIST(!zero || !io->keep);		/* what was promised to stay */
	count->holes += zero;
	return fallocate(file_of(r, sqe), (int)sqe->len, (off_t)sqe->off, (off_t)sqe->addr) < 0 ? -errno : 0;
}

static bool is_fixed(const struct io_uring_sqe *sqe)
{
	return sqe->opcode == IORING_OP_READ_FIXED || sqe->opcode == IORING_OP_WRITE_FIXED;
}

static bool is_transfer(const struct io_uring_sqe *sqe)
{
	return sqe->opcode == IORING_OP_READ || sqe->opcode == IORING_OP_WRITE || is_fixed(sqe);
}

/* What is durable must be so before it is answered; what need not be shall not cost that. */
static void check_write(struct model_ring *r, const struct io_uring_sqe *sqe, const struct model_io *io)
{
	INSIST(io->op == UBLK_IO_OP_WRITE || (io->op == UBLK_IO_OP_WRITE_ZEROES && !is_fixed(sqe)));
	INSIST(sqe->rw_flags == (io->fua ? RWF_DSYNC : 0));
	r->queue->count.durable += io->fua;
	r->queue->count.zeroed += io->op == UBLK_IO_OP_WRITE_ZEROES;
}

/* Where the bytes are: in memory, or in the pages of the request. NULL: its pages are not in the table. */
static char *bytes_at(struct model_ring *r, const struct io_uring_sqe *sqe, const struct model_io *io)
{
	const struct pages *pages = &r->table[sqe->buf_index];

	if (!is_fixed(sqe))
		return (char *)(uintptr_t)sqe->addr;
	INSIST(sqe->buf_index < r->table_size);
	if (!pages->io)
		return NULL;
	INSIST(pages->io == io && pages->tag == (uint16_t)sqe->user_data);
	INSIST(sqe->opcode == (io->op == UBLK_IO_OP_READ ? IORING_OP_READ_FIXED : IORING_OP_WRITE_FIXED));
	INSIST(sqe->len && sqe->addr + sqe->len <= length_of(io));
	return bytes_of(io) + sqe->addr;
}

/* Any number of bytes, or whole blocks where a disk below cannot do else. */
static size_t shorter(struct model_ring *r, const struct io_uring_sqe *sqe, size_t length)
{
	size_t n = 1 + check_random(&r->random) % (length - 1);

	if (!(fcntl(file_of(r, sqe), F_GETFL) & O_DIRECT))
		return n;
	n = round_down(n, 4096);
	return n ? n : length;
}

static int do_transfer(struct model_ring *r, const struct io_uring_sqe *sqe, const struct model_io *io)
{
	char *at = bytes_at(r, sqe, io);
	size_t length = sqe->len;
	ssize_t n;

	if (!at)
		return -EFAULT;
	if (length > 1 && chance(r, 8)) {
		length = shorter(r, sqe, length);
		r->queue->count.short_io++;
	}
	r->queue->count.fixed += is_fixed(sqe);
	if (sqe->opcode == IORING_OP_READ || sqe->opcode == IORING_OP_READ_FIXED) {
		n = pread(file_of(r, sqe), at, length, (off_t)sqe->off);
	} else {
		check_write(r, sqe, io);
		n = pwrite(file_of(r, sqe), at, length, (off_t)sqe->off);
	}
	return n < 0 ? -errno : (int)n;
}

static int do_io(struct model_ring *r, const struct io_uring_sqe *sqe)
{
	const struct model_io *io = r->queue->tags[(uint16_t)sqe->user_data].io;

	r->queue->count.moves++;
	if (chance(r, 16)) {
		r->queue->count.interrupted++;
		return check_random(&r->random) % 2 ? -EINTR : -EAGAIN;
	}
	if (is_transfer(sqe))
		return do_transfer(r, sqe, io);
	switch (sqe->opcode) {
	case IORING_OP_FSYNC:
		INSIST(io->op == UBLK_IO_OP_FLUSH);
		return fdatasync(file_of(r, sqe)) < 0 ? -errno : 0;
	case IORING_OP_FALLOCATE:
		return do_fallocate(r, sqe, io);
	}
	INSIST(!"an operation that nobody knows");
	return -EINVAL;
}

/* A request does one thing at a time, and its pages are looked for when that begins. */
static void start_move(struct model_ring *r, const struct io_uring_sqe *sqe)
{
	unsigned int number = (uint16_t)sqe->user_data;
	struct tag *tag = &r->queue->tags[number];

	INSIST(sqe->user_data == data_of(XFER_MOVE, number) && number < device->plan.depth);
	INSIST(tag->state == OURS && !tag->moves && !(sqe->flags & ~(IOSQE_ASYNC | IOSQE_FIXED_FILE)));
	if (is_fixed(sqe))
		bytes_at(r, sqe, tag->io);
	else
		INSIST(!sqe->buf_index);
	tag->moves++;
	INSIST(r->moving < SQES_MAX);
	r->moves[r->moving++] = *sqe;
}

static void start_timer(struct model_ring *r, const struct io_uring_sqe *sqe)
{
	const struct __kernel_timespec *after = (const void *)(uintptr_t)sqe->addr;

	INSIST(!r->timer.opcode && sqe->user_data == data_of(XFER_TRIM, 0));
	INSIST(sqe->len == 1 && !sqe->off && !sqe->timeout_flags && sqe->flags == IOSQE_FIXED_FILE);
	INSIST((after->tv_sec || after->tv_nsec) && after->tv_nsec < 1000000000);
	r->timer = *sqe;
}

static void submit_one(struct model_ring *r, const struct io_uring_sqe *sqe)
{
	INSIST(r->enabled || r->control);
	INSIST(!r->allowed || (r->allowed >> sqe->opcode & 1 && sqe->flags & IOSQE_FIXED_FILE &&
			       !(sqe->flags & ~r->allowed_flags)));
	if (sqe->opcode == IORING_OP_URING_CMD && in_batches()) {
		do_batch_command(r, sqe);
	} else if (sqe->opcode == IORING_OP_URING_CMD) {
		do_command(r, sqe);
	} else if (sqe->opcode == IORING_OP_TIMEOUT) {
		start_timer(r, sqe);
	} else if (sqe->opcode == IORING_OP_READ && sqe->user_data == data_of(XFER_WAKE, 0)) {
		INSIST(!r->wake.opcode && sqe->len == sizeof(uint64_t));
		r->wake = *sqe;
	} else {
		start_move(r, sqe);
	}
}

/* Some of what is under way ends; one at least if @one. */
static void end_moves(struct model_ring *r, bool one)
{
	while (r->moving && (one || !device->plan.rough || check_random(&r->random) % 3)) {
		unsigned int i = device->plan.rough ? check_random(&r->random) % r->moving : 0;
		struct io_uring_sqe sqe = r->moves[i];

		if (device->plan.rough)
			r->moves[i] = r->moves[r->moving - 1];
		else
			memmove(&r->moves[0], &r->moves[1], (r->moving - 1) * sizeof(r->moves[0]));
		r->moving--;
		r->queue->tags[(uint16_t)sqe.user_data].moves--;
		complete(r, sqe.user_data, do_io(r, &sqe));
		one = false;
	}
}

static void end_wake(struct model_ring *r)
{
	struct pollfd ready = { .fd = file_of(r, &r->wake), .events = POLLIN };

	if (!r->wake.opcode || poll(&ready, 1, 0) != 1)
		return;
	INSIST(read(file_of(r, &r->wake), (void *)(uintptr_t)r->wake.addr, sizeof(uint64_t)) == sizeof(uint64_t));
	r->wake.opcode = 0;
	complete(r, r->wake.user_data, sizeof(uint64_t));
	r->queue->count.waits++;
}

static bool ring_alarm(struct model_queue *queue, bool set)
{
	bool rings = queue->alarm == ALARM;

	if (rings) {
		queue->alarm = set ? ALARM_RANG : ALARM_WAS_NOT_SET;
		pthread_cond_broadcast(&queue->finished);
	}
	return rings;
}

static void end_timer(struct model_ring *r)
{
	bool set = r->timer.opcode;

	if ((!ring_alarm(r->queue, set) && !chance(r, 32)) || !set)
		return;
	r->timer.opcode = 0;
	r->queue->count.expired++;
	complete(r, r->timer.user_data, -ETIME);
}

/* The driver makes the pages known by itself, or says that it could not. */
static uint32_t announce_pages(struct model_ring *r, unsigned int number)
{
	struct tag *tag = &r->queue->tags[number];

	if (!granted(UBLK_F_AUTO_BUF_REG) || !has_bytes(tag->io))
		return 0;
	if (chance(r, 4) || !register_pages(r, (uint16_t)tag->auto_buf, number, true))
		return UBLK_IO_F_NEED_REG_BUF;
	r->queue->count.automatic++;
	return 0;
}

static void arrive(struct model_ring *r, unsigned int number)
{
	if (in_batches())
		r->queue->arrived[r->queue->arrivals++] = (uint16_t)number;
	else
		complete(r, tag_data(number), UBLK_IO_RES_OK);
}

/* A request gets a tag. */
static void dispatch(struct model_ring *r, unsigned int number, struct model_io *io)
{
	struct model_queue *queue = r->queue;
	struct tag *tag = &queue->tags[number];

	queue->count.requests++;
	tag->io = io;
	tag->asks = 0;
	tag->state = OURS;
	queue->descriptors[number] = (struct ublksrv_io_desc){
		.op_flags = io->op | (io->fua ? UBLK_IO_F_FUA : 0) | (io->keep ? UBLK_IO_F_NOUNMAP : 0) | announce_pages(r, number),
		.nr_sectors = io->sectors - (io->moved >> 9),
		.start_sector = io->start + (io->moved >> 9),
		.addr = ptr_to_u64(tag->address),
	};
	if (is_shared(io)) {
		queue->descriptors[number].op_flags |= UBLK_IO_F_SHMEM_ZC;
		queue->descriptors[number].addr = (uint64_t)device->plan.shared_number << 32 |
						    (uint64_t)(io->data - device->plan.shared);
		queue->count.shared++;
	}
	if (queue->complete_with && in_batches()) {
		end_fetch(r, queue->complete_with);
	} else if (queue->complete_with) {
		complete(r, tag_data(number), queue->complete_with);
	} else if (io->op == UBLK_IO_OP_WRITE && granted(UBLK_F_NEED_GET_DATA)) {
		ask(r, number);
	} else {
		if (io->op == UBLK_IO_OP_WRITE && driver_copies() && !is_shared(io))
			memcpy(tag->address, bytes_of(io), min_u64(length_of(io), device->plan.max_io));
		arrive(r, number);
	}
}

static struct model_io *next_incoming(struct model_queue *queue)
{
	struct model_io *io = queue->incoming;

	if (io) {
		queue->incoming = io->next;
		if (!queue->incoming)
			queue->tail = &queue->incoming;
	} else if (device->plan.load && !device->stopping) {
		io = device->plan.load->next(device->plan.load, queue->id);
		if (io) {
			io->generated = true;
			io->done = io->cut = false;
			io->moved = 0;
		}
	}
	return io;
}

static void dispatch_all(struct model_ring *r)
{
	unsigned int first = check_random(&r->random) % device->plan.depth;

	for (unsigned int i = 0; i < device->plan.depth; i++) {
		unsigned int number = (first + i) % device->plan.depth;
		struct model_io *io;

		if (r->queue->tags[number].state != IDLE)
			continue;
		if ((device->stopping && in_batches()) || (!device->stopping && !device->live))
			return;
		if (device->stopping || r->queue->tags[number].cancelled)
			give_back(r, number);
		if (device->stopping || device->quiescing)
			continue;
		io = next_incoming(r->queue);
		if (!io)
			return;
		dispatch(r, number, io);
	}
}

/* Requests that have arrived and not been answered. */
static unsigned int in_service(const struct model_queue *queue)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < device->plan.depth; i++)
		count += queue->tags[i].state == OURS || queue->tags[i].state == ASKED;
	return count;
}

/* When all is answered, who asks for more is told that there is none. */
static void take_all_back(struct model_ring *r)
{
	struct model_queue *queue = r->queue;

	if (!device->stopping || !in_batches() || !r->fetch.opcode || in_service(queue))
		return;
	for (unsigned int i = 0; i < device->plan.depth; i++)
		queue->tags[i].state = GONE;
	end_fetch(r, UBLK_IO_RES_ABORT);
	queue->gone += device->plan.depth;
	model_look();
}

static void refuse_incoming(struct model_queue *queue)
{
	struct model_io *io;

	while ((io = next_incoming(queue)))
		model_finish(queue, io, -EIO);
}

/*
 * It is killed here, now and then, and what is on its way to a disk arrives there, or not: the driver gives the device to
 * no other before that. The queue is locked.
 */
static void meet_fate(struct model_ring *r)
{
	struct model_plan *plan = &device->plan;
	sigset_t all;
	bool half = device->recovering && r->queue->fetched == plan->depth / 2;

	if (plan->stillborn && half)
		plan->stillborn--;
	else if (!plan->mortality || check_random(&r->random) % plan->mortality || device->deaths >= plan->deaths ||
		 !device->live || !device->deadly)
		return;
	for (unsigned int i = 0; i < r->moving; i++)
		if (check_random(&r->random) % 2)
			do_io(r, &r->moves[i]);
	pthread_mutex_unlock(&r->queue->lock);
	model_lock_all();
	sigfillset(&all);
	signal(plan->death_signal, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &all, NULL);
	raise(plan->death_signal);
	INSIST(!"a signal that is deadly");
}

static void submit_all(struct model_ring *r)
{
	r->idle = r->queued || r->completed ? 0 : r->idle + 1;
	INSIST(r->idle < 1000);				/* and not turn for ever */
	INSIST(!device->stopping || r->queue->entered++ < 100000);
	meet_fate(r);
	for (unsigned int i = 0; i < r->queued; i++) {
		submit_one(r, &r->sqes[i]);
		meet_fate(r);
	}
	r->queued = 0;
}

int ring_submit(struct ring *ring)
{
	struct model_ring *r = of(ring);

	if (r->control)
		return ctrl_ring_submit(r);
	if (device->fault == MODEL_NO_SUBMIT)
		return -EBADR;
	model_lock(&r->queue->lock);
	submit_all(r);
	pthread_mutex_unlock(&r->queue->lock);
	return 0;
}

/* Until somebody submits a request, stops the device or writes to the wake_fd. */
static void sleep_in_kernel(struct model_ring *r)
{
	struct pollfd fds[2] = { { .fd = r->queue->kick, .events = POLLIN }, { .fd = file_of(r, &r->wake), .events = POLLIN } };
	uint64_t count;

	INSIST(r->queue->gone < device->plan.depth);		/* or nothing will ever come any more */
	INSIST(r->wake.opcode || !in_service(r->queue));	/* or nobody would ever go on with them */
	pthread_mutex_unlock(&r->queue->lock);
	INSIST(poll(fds, r->wake.opcode ? 2 : 1, -1) > 0);
	model_lock(&r->queue->lock);
	if (fds[0].revents)
		INSIST(read(r->queue->kick, &count, sizeof(count)) == sizeof(count));
}

static void turn(struct model_ring *r)
{
	dispatch_all(r);
	deliver(r);
	take_all_back(r);
	end_wake(r);
	end_timer(r);
	end_moves(r, !r->completed);
	if (device->stopping)
		refuse_incoming(r->queue);
}

int ring_submit_and_wait(struct ring *ring)
{
	struct model_ring *r = of(ring);

	if (device->fault == MODEL_NO_WAIT)
		return -EBADR;
	model_lock(&r->queue->lock);
	submit_all(r);
	INSIST(r->queue->fetched == device->plan.depth);		/* or START_DEV waits for ever */
	for (turn(r); !r->completed; turn(r)) {
		sleep_in_kernel(r);
		r->idle = 0;
	}
	meet_fate(r);
	pthread_mutex_unlock(&r->queue->lock);
	return 0;
}

int ring_submit_and_spin(struct ring *ring, uint32_t us)
{
	struct model_ring *r = of(ring);

	INSIST(r->spinning && us == device->plan.spin_us);
	r->queue->count.spins++;	/* its own: nobody else counts */
	return ring_submit_and_wait(ring);
}

unsigned int ring_reap(struct ring *ring, struct ring_done *done, unsigned int limit)
{
	struct model_ring *r = of(ring);
	unsigned int n = 0;

	if (r->control)
		return ctrl_ring_reap(done);
	while (n < limit && r->completed) {
		unsigned int i = device->plan.rough ? check_random(&r->random) % r->completed : 0;

		done[n++] = r->ready[i];
		memmove(&r->ready[i], &r->ready[i + 1], (r->completed - i - 1) * sizeof(r->ready[0]));
		r->completed--;
	}
	return n;
}
