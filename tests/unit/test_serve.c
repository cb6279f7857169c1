/* SPDX-License-Identifier: MIT */
/*
 * test_serve.c - the whole server over a model of the kernel
 *
 * Client threads submit random requests and compare what comes back with what
 * they remember. Each client has a part of the disk to itself, so whatever is
 * wrong is the server's doing.
 */
#include "applets/mem/mem.c"
#include "applets/null.c"

#include <dirent.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "core/features.h"
#include "core/fileio.h"
#include "core/queue.h"
#include "core/stats.h"
#include "core/uapi.h"
#include "tests/check.h"
#include "tests/unit/load.h"
#include "tests/unit/model.h"
#include "tests/unit/said.h"

#define QUEUES 3
#define DEPTH 16
#define SLOTS 256		/* the greatest depth used here */
#define CLIENTS 4
#define SLICES 6		/* requests of a client at a time, each in its own slice */
#if defined(__SANITIZE_THREAD__) || defined(BRIEFLY)
#define ROUNDS 50		/* that one is slow */
#define LOADED 500
#else
#define ROUNDS 200
#define LOADED 12500		/* of each queue, in one life: a million in all */
#endif
#define MAX_IO (64U << 10)
#define CHUNK 2048U

/* --- what is mapped ------------------------------------------------------------- */

static struct queue queues[QUEUES];
static _Atomic long mapped;	/* bytes, by the server's own calls */
static void *_Atomic arena;	/* of the pool of queue 1 */

void *__real_mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset);
int __real_munmap(void *at, size_t length);
void *__wrap_mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset);
int __wrap_munmap(void *at, size_t length);

void *__wrap_mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset)
{
	void *got = __real_mmap(at, length, protection, flags, fd, offset);

	if (got != MAP_FAILED && !(flags & MAP_FIXED))	/* which takes the place of what is counted */
		mapped += (long)round_up(length, page_size());
	if (pthread_equal(pthread_self(), queues[1].thread) && length == POOL_SLOTS * page_size())
		arena = got;
	return got;
}

int __wrap_munmap(void *at, size_t length)
{
	mapped -= (long)round_up(length, page_size());
	return __real_munmap(at, length);
}

static int open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* --- a backend that gives every answer there is ------------------------------------ */

enum chunk { IS_MEMORY, IS_FILE, IS_HOLE, IS_NEEDED, IS_LATER, IS_FILE_LATER, IS_BROKEN };

struct job {
	struct mixed_queue *queue;
	uint16_t slot;
};

struct mixed {
	uint64_t size;
	_Atomic uint64_t written;	/* requests that written() told of */
	char *memory;
	int fd;
	pthread_t helper;
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct job jobs[QUEUES * SLOTS];
	unsigned int waiting;
	bool stop;
};

enum later { UNASKED, ASKED, KNOWN };

struct mixed_queue {
	struct mixed *disk;
	int wake_fd;
	uint64_t random;
	char bounce[CHUNK];		/* what in_memory() may point to until the next question, and not a moment longer */
	struct {
		char fetched[CHUNK];
		_Atomic int later;
	} slots[SLOTS];
};

static enum chunk mixed_chunk(uint64_t offset)
{
	static const enum chunk kinds[] = {
		IS_MEMORY, IS_FILE, IS_NEEDED, IS_LATER, IS_MEMORY, IS_HOLE, IS_FILE_LATER, IS_FILE, IS_MEMORY, IS_NEEDED,
	};
	uint64_t chunk = offset / CHUNK;

	if (chunk % 61 == 60)
		return IS_BROKEN;
	return kinds[chunk * 7 % 13 % ARRAY_SIZE(kinds)];
}

/* Takes its time, then wakes the queue. */
static void *help(void *arg)
{
	static const uint64_t one = 1;
	struct mixed *m = arg;
	unsigned int turn = 0;

	pthread_mutex_lock(&m->lock);
	for (;;) {
		struct job job;

		while (!m->waiting && !m->stop)
			pthread_cond_wait(&m->work, &m->lock);
		if (!m->waiting)
			break;
		if (++turn % 8 == 0) {		/* so that there is more than one */
			pthread_mutex_unlock(&m->lock);
			usleep(20);
			pthread_mutex_lock(&m->lock);
		}
		job = m->jobs[--m->waiting];
		job.queue->slots[job.slot].later = KNOWN;
		CHECK_EQ(write(job.queue->wake_fd, &one, sizeof(one)), sizeof(one));
	}
	pthread_mutex_unlock(&m->lock);
	return NULL;
}

static int mixed_open(void *self, struct disk *disk)
{
	struct mixed *m = self;

	m->memory = pages_get(m->size);
	m->fd = memfd_create("mixed", MFD_CLOEXEC);
	m->waiting = 0;
	m->stop = false;
	pthread_mutex_init(&m->lock, NULL);
	pthread_cond_init(&m->work, NULL);
	pthread_create(&m->helper, NULL, help, m);
	*disk = (struct disk){ .size = m->size, .discard_size = 512 };
	return ftruncate(m->fd, (off_t)m->size);
}

static void mixed_close(void *self)
{
	struct mixed *m = self;

	pthread_mutex_lock(&m->lock);
	m->stop = true;
	pthread_cond_signal(&m->work);
	pthread_mutex_unlock(&m->lock);
	pthread_join(m->helper, NULL);
	pthread_cond_destroy(&m->work);
	pthread_mutex_destroy(&m->lock);
	pages_free(m->memory, m->size);
	close(m->fd);
}

static int mixed_written(void *queue_self, enum op op, uint64_t offset, uint32_t length)
{
	struct mixed_queue *q = queue_self;

	CHECK(op == OP_WRITE || op == OP_DISCARD || op == OP_ZERO);
	CHECK(length && offset % 512 == 0 && length % 512 == 0 && offset + length <= q->disk->size);
	q->disk->written++;
	return 0;
}

static void *mixed_queue_open(void *self, int wake_fd)
{
	struct mixed_queue *q = calloc(1, sizeof(*q));

	q->disk = self;
	q->wake_fd = wake_fd;
	q->random = (uint64_t)wake_fd;
	return q;
}

static void mixed_queue_close(void *queue_self)
{
	struct mixed_queue *q = queue_self;

	pthread_mutex_lock(&q->disk->lock);	/* the helper may still be about to wake it */
	pthread_mutex_unlock(&q->disk->lock);
	free(q);
}

static bool known(struct mixed_queue *q, uint16_t slot)
{
	struct mixed *m = q->disk;

	if (q->slots[slot].later == KNOWN) {
		q->slots[slot].later = UNASKED;
		return true;
	}
	if (q->slots[slot].later == UNASKED) {
		q->slots[slot].later = ASKED;
		pthread_mutex_lock(&m->lock);
		m->jobs[m->waiting++] = (struct job){ q, slot };
		pthread_cond_signal(&m->work);
		pthread_mutex_unlock(&m->lock);
	}
	return false;
}

static struct place mixed_needed(struct mixed_queue *q, const struct span *span, uint32_t length)
{
	char *fetched = q->slots[span->slot].fetched;

	if (span->op != OP_READ)
		return in_file(q->disk->fd, span->offset, length);
	if (!span->fetched)
		return needs(q->disk->fd, span->offset, length, fetched);
	length = (uint32_t)min_u64(length, span->fetched);
	memcpy(q->bounce, fetched, length);
	return in_memory(q->bounce, length);
}

static struct place mixed_where(void *self, const struct span *span)
{
	struct mixed_queue *q = self;
	uint32_t length = (uint32_t)min_u64(span->length, CHUNK - span->offset % CHUNK);
	enum chunk kind = mixed_chunk(span->offset);

	memset(q->bounce, 0xdd, sizeof(q->bounce));
	if (span->op == OP_FLUSH)
		return in_file(q->disk->fd, 0, 0);
	if (span->op <= OP_WRITE && !span->fetched && check_random(&q->random) % 4 == 0)
		length = 1 + check_random(&q->random) % length;
	switch (kind) {
	case IS_BROKEN:
		return failed(-EILSEQ);
	case IS_HOLE:
		return nowhere(length);
	case IS_NEEDED:
		return mixed_needed(q, span, length);
	case IS_LATER:
	case IS_FILE_LATER:
		if (!known(q, span->slot))
			return later();
		break;
	case IS_MEMORY:
	case IS_FILE:
		break;
	}
	if (kind == IS_FILE || kind == IS_FILE_LATER)
		return in_file(q->disk->fd, span->offset, length);
	return in_memory(q->disk->memory + span->offset, length);
}

static const struct backend mixed_backend = {
	.mostly = IN_FILE,
	.move = fileio_move,
	.open = mixed_open,
	.where = mixed_where,
	.written = mixed_written,
	.close = mixed_close,
	.queue_open = mixed_queue_open,
	.queue_close = mixed_queue_close,
};

/* --- a backend that is one file, and may grow ------------------------------------------- */

struct filed {
	uint64_t size;
	_Atomic uint64_t size_now;
	_Atomic unsigned int size_asked;
	bool mapped;
	int fd;
	char *map;			/* if it is */
};

static int filed_file(const void *self)
{
	const struct filed *f = self;

	return f->fd;
}

static int filed_open(void *self, struct disk *disk)
{
	struct filed *f = self;

	f->size_now = f->size;
	f->size_asked = 0;
	*disk = (struct disk){ .size = f->size, .discard_size = 4096, .write_cache = true };
	CHECK_EQ(ftruncate(f->fd, (off_t)f->size), 0);
	if (f->mapped)
		f->map = __real_mmap(NULL, f->size, PROT_READ | PROT_WRITE, MAP_SHARED, f->fd, 0);
	return 0;
}

/* A mapping has an end here and there, so that not every request lies in one. */
static struct place filed_where(void *self, const struct span *span)
{
	const struct filed *f = self;

	if (f->mapped)
		return in_mapped_file(f->fd, span->offset, (uint32_t)min_u64(span->length, (1 << 18) - span->offset % (1 << 18)),
				      f->map + span->offset);
	return in_file(f->fd, span->offset, span->length);
}

static uint64_t filed_size(void *self)
{
	struct filed *f = self;

	f->size_asked++;
	return f->size_now;
}

static void filed_close(void *self)
{
	const struct filed *f = self;

	if (f->mapped)
		__real_munmap(f->map, f->size);
	close(f->fd);
}

static const struct backend filed_backend = {
	.mostly = IN_FILE,
	.file = filed_file,
	.move = fileio_move,
	.open = filed_open,
	.where = filed_where,
	.size = filed_size,
	.close = filed_close,
};

/* --- the disks under test -------------------------------------------------------------- */

struct subject {
	const char *name;
	const struct backend *backend;
	void *self;
	enum chunk (*chunk)(uint64_t offset);
	uint64_t size;
	bool read_only;
	uint32_t sector_size;
	bool at_once;
};

static enum chunk all_file(uint64_t offset) { (void)offset; return IS_FILE; }
static enum chunk all_memory(uint64_t offset) { (void)offset; return IS_MEMORY; }
static enum chunk all_hole(uint64_t offset) { (void)offset; return IS_HOLE; }

static struct mem mem_self;
static struct null null_self;
static struct mixed mixed_self;
static struct filed filed_self;

static struct subject mem_subject(void)
{
	mem_self = *(struct mem *)applet_mem.self;
	mem_self.size = 4U << 20;
	mem_self.limit = 64U << 20;
	return (struct subject){ "mem", &mem_backend, &mem_self, all_memory, mem_self.size, false, 512, false };
}

static struct subject null_subject(void)
{
	null_self.size = 1ULL << 40;
	return (struct subject){ "null", &null_backend, &null_self, all_hole, null_self.size, false, 512, false };
}

static struct subject mixed_subject(void)
{
	mixed_self.size = 2U << 20;
	return (struct subject){ "mixed", &mixed_backend, &mixed_self, mixed_chunk, mixed_self.size, false, 512, false };
}

static struct subject mixed_at_once_subject(void)
{
	struct subject s = mixed_subject();

	s.name = "mixed at once";
	s.at_once = true;
	return s;
}

static struct subject file_subject(bool at_once)
{
	filed_self.mapped = false;
	filed_self.size = 4U << 20;
	return (struct subject){ at_once ? "a file at once" : "a file", &filed_backend, &filed_self, all_file, filed_self.size,
				 false, 512, at_once };
}

static struct subject mapped_subject(void)
{
	struct subject s = file_subject(true);

	filed_self.mapped = true;
	s.name = "a mapped file";
	return s;
}

/* --- a server ------------------------------------------------------------------------------ */

static struct subject subject;
static struct queue_plan plan;
static struct disk disk;
static _Atomic uint64_t numbers[QUEUES * STATS_QUEUE];

/* Every way that bytes and commands travel, and what the driver has granted for it. */
static const struct way {
	const char *name;
	enum io_mode mode;
	bool batch;
	uint64_t granted;
} ways[] = {
	{ "copy", IO_COPY, false, 0 },
	{ "get-data", IO_GET_DATA, false, UBLK_F_NEED_GET_DATA },
	{ "user-copy", IO_USER_COPY, false, UBLK_F_USER_COPY },
	{ "zero-copy", IO_ZERO_COPY, false, UBLK_F_SUPPORT_ZERO_COPY | UBLK_F_USER_COPY },
	{ "auto-buf", IO_AUTO_BUF, false, UBLK_F_AUTO_BUF_REG | UBLK_F_SUPPORT_ZERO_COPY | UBLK_F_USER_COPY },
	{ "batch", IO_USER_COPY, true, UBLK_F_BATCH_IO | UBLK_F_USER_COPY },
	{ "batch without rights", IO_COPY, true, UBLK_F_BATCH_IO },
};

enum { BY_COPY, BY_GET_DATA, BY_USER_COPY, BY_ZERO_COPY, BY_AUTO_BUF, BY_BATCH, BY_BATCH_COPY };

#define EVERY_WAY(way) (const struct way *way = ways; way < ways + ARRAY_SIZE(ways); way++)

static bool driver_copies(enum io_mode mode) { return mode == IO_COPY || mode == IO_GET_DATA; }
static bool has_pages(enum io_mode mode) { return mode == IO_ZERO_COPY || mode == IO_AUTO_BUF; }

static struct model_plan usual_model(const struct way *way)
{
	return (struct model_plan){
		.queues = QUEUES, .depth = DEPTH, .max_io = MAX_IO, .granted = way->granted, .rough = true, .seed = check_seed(),
	};
}

static struct sandbox sandbox;

static void prepare(const struct subject *s, const struct model_plan *model, const struct way *way)
{
	said_nothing();
	memset((void *)numbers, 0, sizeof(numbers));
	subject = *s;
	disk = (struct disk){ 0 };
	plan = (struct queue_plan){
		.backend = s->backend, .self = s->self, .disk = &disk, .char_fd = model_open(model), .depth = (uint16_t)model->depth,
		.max_io = model->max_io, .sector_size = s->sector_size, .read_only = s->read_only, .legacy = model->legacy,
		.mode = way->mode, .batch = way->batch, .at_once = s->at_once, .poll_us = model->spin_us,
		.ended_fd = eventfd(0, EFD_CLOEXEC), .numbers = numbers, .sandbox = &sandbox,
	};
	if (s->backend == &filed_backend)
		filed_self.fd = memfd_create("filed", MFD_CLOEXEC);
	sandbox.on = s->backend->file;	/* others have files that nobody knows of beforehand */
}

/* Of one queue: requests that have a count, and what must hold between the others. */
static uint64_t counted_requests(const _Atomic uint64_t *n)
{
	uint64_t requests = 0;

	for (unsigned int op = 0; op < OPS; op++) {
		const _Atomic uint64_t *latency = &n[STATS_LATENCIES + op * STATS_LATENCY_ROOM];
		uint64_t timed = 0;

		for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++)
			timed += latency[1 + i];
		CHECK(timed <= n[STATS_REQUESTS + op]);
		requests += n[STATS_REQUESTS + op] + n[STATS_ERRORS + op];
	}
	CHECK_EQ(n[STATS_BYTES + OP_FLUSH], 0);
	CHECK(n[STATS_DIRECT] <= n[STATS_BYTES + OP_READ] + n[STATS_BYTES + OP_WRITE]);
	CHECK(n[STATS_IN_FLIGHT] <= plan.depth && !n[STATS_IN_FLIGHT] == !requests);
	return requests;
}

static uint64_t counted_by_all(unsigned int number)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < QUEUES; i++)
		sum += numbers[i * STATS_QUEUE + number];
	return sum;
}

/* Every request is in them, and no other. */
static void check_numbers(void)
{
	uint64_t requests = 0;

	for (int i = 0; i < QUEUES; i++)
		requests += counted_requests(&numbers[(size_t)i * STATS_QUEUE]);
	CHECK_EQ(requests, model_counted().requests);
}

/* As worker.c does. */
static void start(const cpu_set_t *cpus)
{
	for (uint16_t i = 0; i < QUEUES; i++)
		CHECK_EQ(queue_start(&queues[i], &plan, i, cpus), 0);
	for (uint16_t i = 0; i < QUEUES; i++)
		CHECK_EQ(queue_fetch(&queues[i]), 0);
	if (driver_copies(plan.mode))
		close(plan.char_fd);
	CHECK_EQ(subject.backend->open(subject.self, &disk), 0);
	CHECK_EQ(disk.size, subject.size);
	for (uint16_t i = 0; i < QUEUES; i++)
		CHECK_EQ(queue_go(&queues[i]), 0);
}

static void join(void)
{
	uint64_t ended = 0;

	for (int i = 0; i < QUEUES; i++)
		pthread_join(queues[i].thread, NULL);
	CHECK_EQ(read(plan.ended_fd, &ended, sizeof(ended)), sizeof(ended));
	CHECK_EQ(ended, QUEUES);
	CHECK_EQ(model_gone(), QUEUES * plan.depth);
	if (subject.backend->close)
		subject.backend->close(subject.self);
	close(plan.ended_fd);
	if (!driver_copies(plan.mode))
		close(plan.char_fd);
	check_numbers();
	model_close();
	CHECK_EQ(said_nothing(), 0);
}

/* --- clients --------------------------------------------------------------------------------- */

struct slice {
	struct model_io io;
	unsigned int queue;
	uint64_t offset, length;
	char data[MAX_IO];
};

struct client {
	pthread_t thread;
	uint64_t random, start, length;		/* its part of the disk */
	unsigned int rounds;
	char *known;				/* what must be there */
	uint64_t errors, refused;
	uint64_t changed;			/* requests that change the disk and were answered well */
	struct slice slices[SLICES];
};

static uint32_t pick(struct client *c, uint32_t below)
{
	return check_random(&c->random) % below;
}

/* Where the first broken chunk of the range is; its end if there is none. */
static uint64_t sound(uint64_t offset, uint64_t length)
{
	uint64_t end = offset + length;

	for (uint64_t at = offset; at < end; at = round_down(at, CHUNK) + CHUNK)
		if (subject.chunk(at) == IS_BROKEN)
			return at;
	return end;
}

static void submit(struct client *c, struct slice *s, uint8_t op)
{
	s->queue = pick(c, QUEUES);
	s->io.op = op;
	s->io.start = s->offset >> 9;
	s->io.sectors = op == UBLK_IO_OP_FLUSH ? 0 : (uint32_t)(s->length >> 9);
	s->io.data = s->data;
	model_submit(s->queue, &s->io);
}

static char *known_at(struct client *c, uint64_t offset)
{
	return c->known + (offset - c->start);
}

static void same(struct client *c, const struct slice *s, uint64_t end)
{
	if (!memcmp(s->data, known_at(c, s->offset), end - s->offset))
		return;
	for (uint64_t at = s->offset; at < end; at++)
		if (s->data[at - s->offset] != *known_at(c, at)) {
			printf("# %s: byte %llu of a read at %llu+%llu is %02x, not %02x\n", subject.name, (unsigned long long)at,
			       (unsigned long long)s->offset, (unsigned long long)s->length,
			       (unsigned char)s->data[at - s->offset], (unsigned char)*known_at(c, at));
			break;
		}
	CHECK(!"a READ brings what was written");
}

/* What the disk holds from now on: @data (zeroes if NULL), but for holes. */
static void remember(struct client *c, uint64_t offset, uint64_t end, const char *data)
{
	for (uint64_t at = offset, n; at < end; at += n) {
		n = min_u64(end - at, CHUNK - at % CHUNK);
		if (subject.chunk(at) == IS_HOLE)
			continue;
		if (data)
			memcpy(known_at(c, at), data + (at - offset), n);
		else
			memset(known_at(c, at), 0, n);
	}
}

/* After a discard each byte is what it was or zero; which it is, it stays. */
static void learn(struct client *c, struct slice *s, uint64_t end)
{
	if (end == s->offset)
		return;
	s->length = end - s->offset;
	for (uint64_t done = 0, whole = s->length, offset = s->offset; done < whole; done += s->length) {
		s->offset = offset + done;
		s->length = min_u64(whole - done, MAX_IO);
		submit(c, s, UBLK_IO_OP_READ);
		model_wait(s->queue, &s->io);
		CHECK_EQ(s->io.result, s->length);
		for (uint64_t i = 0; i < s->length; i++) {
			char *known = known_at(c, s->offset + i);

			if (s->data[i] != *known && !CHECK(s->data[i] == 0))
				return;
			*known = s->data[i];
		}
	}
}

static void verify(struct client *c, struct slice *s)
{
	uint64_t end = sound(s->offset, s->length);
	bool whole = end == s->offset + s->length;

	model_wait(s->queue, &s->io);
	if (s->io.op == UBLK_IO_OP_FLUSH) {
		CHECK_EQ(s->io.result, 0);
		return;
	}
	while (s->io.op == UBLK_IO_OP_WRITE && s->io.result == -ENOSPC) {	/* the model's doing: half of it may be there */
		c->refused++;
		submit(c, s, UBLK_IO_OP_WRITE);
		model_wait(s->queue, &s->io);
	}
	CHECK_EQ(s->io.result, whole ? (int)s->length : -EILSEQ);
	c->errors += !whole;
	c->changed += whole && s->io.op != UBLK_IO_OP_READ;
	switch (s->io.op) {
	case UBLK_IO_OP_READ:
		if (whole)
			same(c, s, end);
		break;
	case UBLK_IO_OP_WRITE:
		remember(c, s->offset, end, s->data);
		break;
	case UBLK_IO_OP_WRITE_ZEROES:
		remember(c, s->offset, end, NULL);
		break;
	case UBLK_IO_OP_DISCARD:
		learn(c, s, end);
		break;
	}
}

static void begin(struct client *c, unsigned int number)
{
	static const uint8_t ops[] = {
		UBLK_IO_OP_READ, UBLK_IO_OP_READ, UBLK_IO_OP_READ, UBLK_IO_OP_WRITE, UBLK_IO_OP_WRITE, UBLK_IO_OP_WRITE,
		UBLK_IO_OP_WRITE, UBLK_IO_OP_DISCARD, UBLK_IO_OP_WRITE_ZEROES, UBLK_IO_OP_FLUSH,
	};
	struct slice *s = &c->slices[number];
	uint64_t room = c->length / SLICES & ~511ULL;
	uint32_t most = (uint32_t)min_u64(room, pick(c, 8) ? 8192 : MAX_IO);
	uint8_t op = ops[pick(c, ARRAY_SIZE(ops))];

	s->length = (1 + pick(c, most >> 9)) << 9;
	s->offset = c->start + number * room + ((uint64_t)pick(c, (uint32_t)((room - s->length) >> 9) + 1) << 9);
	if (op == UBLK_IO_OP_WRITE)
		for (uint64_t i = 0; i < s->length; i += 4)
			memcpy(s->data + i, &(uint32_t){ check_random(&c->random) }, 4);
	else
		memset(s->data, 0xcc, s->length);
	s->io.fua = op == UBLK_IO_OP_WRITE && pick(c, 4) == 0;
	s->io.keep = op == UBLK_IO_OP_WRITE_ZEROES && pick(c, 2) == 0;
	submit(c, s, op);
}

static void *live(void *arg)
{
	struct client *c = arg;

	for (unsigned int round = 0; round < c->rounds && !check_failures; round++) {
		for (unsigned int i = 0; i < SLICES; i++)
			begin(c, i);
		for (unsigned int i = 0; i < SLICES; i++)
			verify(c, &c->slices[i]);
	}
	return NULL;
}

static struct client clients[CLIENTS];
static uint64_t changed;		/* by all clients, in all tests so far */

static void run_clients(unsigned int rounds)
{
	uint64_t part = min_u64(subject.size, 4U << 20) / CLIENTS;

	for (unsigned int i = 0; i < CLIENTS; i++) {
		struct client *c = &clients[i];

		*c = (struct client){ .random = check_seed() + i, .start = i * part, .length = part, .rounds = rounds };
		c->known = calloc(1, part);
		pthread_create(&c->thread, NULL, live, c);
	}
	for (unsigned int i = 0; i < CLIENTS; i++) {
		pthread_join(clients[i].thread, NULL);
		changed += clients[i].changed;
		free(clients[i].known);
	}
}

/* --- claims ------------------------------------------------------------------------------------ */

/* Everything there is to do with one disk in one mode. */
static struct model_count whole_life(struct subject s, struct model_plan model, const struct way *way, unsigned int rounds)
{
	long mapped_before = mapped;
	int files_before = open_files();

	prepare(&s, &model, way);
	start(NULL);
	run_clients(rounds);
	model_stop();
	join();
	CHECK_EQ(mapped, mapped_before);
	CHECK_EQ(open_files(), files_before);
	return model_counted();
}

static uint64_t total;

static void told(const char *name, const struct way *way, const struct model_count *c)
{
	printf("# %s, %s: %llu requests in %llu batches, %llu transfers (%llu fixed, %llu durable), %llu copies; %llu short, "
	       "%llu interrupted, %llu wake-ups, %llu timers\n", name, way->name, (unsigned long long)c->requests,
	       (unsigned long long)c->batches, (unsigned long long)c->moves, (unsigned long long)c->fixed,
	       (unsigned long long)c->durable, (unsigned long long)c->copies, (unsigned long long)c->short_io,
	       (unsigned long long)c->interrupted, (unsigned long long)c->waits, (unsigned long long)c->expired);
}

/* What makes a mode what it is was done, and what has no place in it was not. */
static void in_its_own_way(const struct subject *s, const struct way *way, const struct model_count *c)
{
	enum io_mode mode = way->mode;
	bool mixed = s->backend == &mixed_backend, file = s->backend == &filed_backend;
	bool fixed = has_pages(mode) && (mixed || file);
	bool by_ring = (mixed || file) && (fixed || !s->at_once);

	CHECK(mode != IO_GET_DATA || (c->in_place && c->retries && c->cuts));
	CHECK_EQ(c->copies > 0, !driver_copies(mode) && !(fixed && file));
	CHECK_EQ(c->fixed > 0, fixed);
	CHECK_EQ(c->registered > 0, fixed);
	CHECK_EQ(c->automatic > 0, mode == IO_AUTO_BUF);
	CHECK_EQ(c->batched, way->batch ? c->requests : 0);
	CHECK_EQ(c->batches && c->batches < c->batched && c->starved && c->partial, way->batch);
	CHECK_EQ(c->moves > 0, by_ring || mixed);
	CHECK_EQ(c->durable > 0, by_ring);
	CHECK_EQ(c->holes && c->ranges && c->zeroed && c->unsupported, (mixed || file) && !s->at_once);
	CHECK(!(mixed || file) || s->at_once || (c->expired > 0) == (mode == IO_GET_DATA || mode == IO_USER_COPY));
}

static void serves(struct subject s, const struct way *way)
{
	uint64_t changed_before = changed;
	struct model_count count;

	mixed_self.written = 0;
	count = whole_life(s, usual_model(way), way, ROUNDS);
	told(s.name, way, &count);
	CHECK(count.requests >= CLIENTS * SLICES * ROUNDS);
	in_its_own_way(&s, way, &count);
	total += count.requests;
	if (s.backend == &mixed_backend) {
		CHECK(count.short_io && count.interrupted && count.waits);
		CHECK_EQ(mixed_self.written, changed - changed_before);
	}
}

#define IN_EVERY_WAY(name, subject) \
	static void name##_by_copy(void) { serves(subject, &ways[BY_COPY]); } \
	static void name##_by_get_data(void) { serves(subject, &ways[BY_GET_DATA]); } \
	static void name##_by_user_copy(void) { serves(subject, &ways[BY_USER_COPY]); } \
	static void name##_by_zero_copy(void) { serves(subject, &ways[BY_ZERO_COPY]); } \
	static void name##_by_auto_buf(void) { serves(subject, &ways[BY_AUTO_BUF]); } \
	static void name##_in_batches(void) { serves(subject, &ways[BY_BATCH]); } \
	static void name##_in_batches_by_copy(void) { serves(subject, &ways[BY_BATCH_COPY]); }

IN_EVERY_WAY(mem, mem_subject())
IN_EVERY_WAY(null, null_subject())
IN_EVERY_WAY(file, file_subject(false))
IN_EVERY_WAY(file_at_once, file_subject(true))
IN_EVERY_WAY(mapped_file, mapped_subject())
IN_EVERY_WAY(mixed, mixed_subject())
IN_EVERY_WAY(mixed_at_once, mixed_at_once_subject())

#define CLAIMED_IN_EVERY_WAY(name, words) \
	{ words " by copy: random requests against a reference", name##_by_copy }, \
	{ words " by get-data: random requests against a reference", name##_by_get_data }, \
	{ words " by user-copy: random requests against a reference", name##_by_user_copy }, \
	{ words " by zero-copy: random requests against a reference", name##_by_zero_copy }, \
	{ words " by auto-buf: random requests against a reference", name##_by_auto_buf }, \
	{ words " in batches: random requests against a reference", name##_in_batches }, \
	{ words " in batches, by copy: random requests against a reference", name##_in_batches_by_copy }

static void enough(void)
{
	CHECK(total >= 7 * ARRAY_SIZE(ways) * CLIENTS * SLICES * ROUNDS);
}

/* As fast as it goes: the requests are made where the kernel would have them. */
static uint64_t under_load(struct subject s, enum load_disk kind, const struct way *way)
{
	struct load_plan load = {
		.disk = kind, .queues = QUEUES, .depth = DEPTH, .max_io = MAX_IO, .size = 4U << 20, .requests = LOADED,
		.seed = check_seed(),
	};
	struct load *loaded = load_new(&load);
	struct model_plan model = usual_model(way);
	struct load_count count;

	model.load = load_base(loaded);
	prepare(&s, &model, way);
	start(NULL);
	CHECK(load_wait(loaded));
	model_stop();
	join();
	count = load_counted(loaded);
	CHECK_TEXT(count.first_wrong, "");
	CHECK_EQ(count.requests + count.refused, QUEUES * LOADED);
	load_free(loaded);
	return count.requests;
}

static void as_many_as_there_can_be(void)
{
	uint64_t began = stats_now(), requests = 0, took;

	printf("# CHECK_SEED=%llu\n", (unsigned long long)check_seed());
	for EVERY_WAY(way) {
		requests += under_load(mem_subject(), LOAD_KEEPS, way);
		requests += under_load(null_subject(), LOAD_FORGETS, way);
		requests += under_load(file_subject(false), LOAD_KEEPS, way);
		requests += under_load(mapped_subject(), LOAD_KEEPS, way);
	}
	took = stats_now() - began;
	printf("# %llu requests, %llu in a second\n", (unsigned long long)requests, (unsigned long long)(requests * 1000000000 / took));
	CHECK(requests >= 27 * (uint64_t)QUEUES * LOADED);
}

static void legacy_and_tiny(void)
{
	for EVERY_WAY(way) {
		struct model_plan model = usual_model(way);

		model.legacy = driver_copies(way->mode) && !way->batch;	/* the others came later */
		model.depth = 1;
		model.rough = false;
		whole_life(mixed_subject(), model, way, 20);
		whole_life(mem_subject(), model, way, 20);
	}
}

static void spinning(void)
{
	for EVERY_WAY(way) {
		struct model_plan model = usual_model(way);
		struct model_count count;

		model.spin_us = 7;
		count = whole_life(mixed_subject(), model, way, 10);
		CHECK(count.spins > 10);
		model.spin_us = 0;
		count = whole_life(mem_subject(), model, way, 10);
		CHECK_EQ(count.spins, 0);
	}
}

static void many_tags(void)
{
	for EVERY_WAY(way) {
		struct model_plan model = usual_model(way);

		model.depth = 256;		/* far more than the pool has buffers */
		whole_life(mixed_subject(), model, way, 40);
		whole_life(file_subject(true), model, way, 40);
	}
}

static void stopped_under_load(void)
{
	for EVERY_WAY(way) {
		static struct slice slices[64];
		struct subject s = mixed_subject();
		struct model_plan model = usual_model(way);
		struct client c = { .random = 7 };

		prepare(&s, &model, way);
		start(NULL);
		for (unsigned int i = 0; i < ARRAY_SIZE(slices); i++) {
			slices[i].offset = (uint64_t)i * 16384;
			slices[i].length = 16384;
			submit(&c, &slices[i], i % 2 ? UBLK_IO_OP_WRITE : UBLK_IO_OP_READ);
		}
		model_stop();
		join();
		for (unsigned int i = 0; i < ARRAY_SIZE(slices); i++) {
			int result = slices[i].io.result;

			CHECK(slices[i].io.done);
			CHECK(result == 16384 || result == -EIO || result == -ENOSPC || result == -EILSEQ);
		}
	}
}

/* As many of the largest as there are tags, many times what the pool holds, at once. */
static void more_than_the_pool_holds(void)
{
	enum { MANY = 64 };

	for (size_t i = 0; i < 2 * ARRAY_SIZE(ways); i++) {
		const struct way *way = &ways[i / 2];
		static struct slice slices[MANY];
		struct subject s = file_subject(i % 2);
		struct model_plan model = usual_model(way);
		struct client c = { .random = 7 };

		model.depth = MANY;
		prepare(&s, &model, way);
		start(NULL);
		for (unsigned int turn = 0; turn < 3; turn++) {		/* written, read by others, and written again */
			for (unsigned int n = 0; n < MANY; n++) {
				slices[n].offset = (uint64_t)n * MAX_IO;
				slices[n].length = n % 5 ? MAX_IO : 512 * (n + 1);	/* some fit in between */
				if (turn % 2)
					memset(slices[n].data, 0xcc, MAX_IO);
				else
					memset(slices[n].data, (int)n, MAX_IO);
				submit(&c, &slices[n], turn % 2 ? UBLK_IO_OP_READ : UBLK_IO_OP_WRITE);
			}
			for (unsigned int n = 0; n < MANY; n++) {
				while (model_wait(slices[n].queue, &slices[n].io), slices[n].io.result == -ENOSPC)
					submit(&c, &slices[n], slices[n].io.op);	/* cut by the model */
				CHECK_EQ(slices[n].io.result, slices[n].length);
				CHECK_EQ(slices[n].data[0], n);
				CHECK_EQ(slices[n].data[slices[n].length - 1], n);
			}
		}
		model_stop();
		join();
	}
}

static int ask(uint8_t op, uint64_t start_sector, uint32_t sectors)
{
	static char data[MAX_IO];
	struct model_io io = { .op = op, .start = start_sector, .sectors = sectors, .data = data };

	model_submit(1, &io);
	model_wait(1, &io);
	return io.result;
}

/* Two of the clients have their bytes in memory that the server knows, the others elsewhere. */
static void shared_by_some(struct subject s, const struct way *way)
{
	struct model_plan model = usual_model(way);
	long mapped_before = mapped;
	struct model_count count;

	model.shared = (const char *)&clients[1];
	model.shared_size = 2 * sizeof(clients[1]);
	prepare(&s, &model, way);
	plan.region = (struct region){ .at = (char *)&clients[1], .size = model.shared_size };
	start(NULL);
	run_clients(ROUNDS / 4);
	model_stop();
	join();
	CHECK_EQ(mapped, mapped_before);
	count = model_counted();
	CHECK(count.shared > count.requests / 4 && count.shared < count.requests / 2);
}

static void memory_that_is_shared(void)
{
	for EVERY_WAY(way) {
		shared_by_some(mem_subject(), way);
		shared_by_some(null_subject(), way);
		shared_by_some(file_subject(false), way);
		shared_by_some(mapped_subject(), way);
		shared_by_some(mixed_subject(), way);
		shared_by_some(mixed_at_once_subject(), way);
	}
}

/* The driver tells of memory that is not the server's: beyond its end, or of another number. */
static void tell_of_others_memory(unsigned int number)
{
	static char theirs[MAX_IO];

	for EVERY_WAY(way) {
		struct subject s = mem_subject();
		struct model_plan model = usual_model(way);

		model.rough = false;
		model.shared = theirs;
		model.shared_size = sizeof(theirs);
		model.shared_number = number;
		prepare(&s, &model, way);
		plan.region = (struct region){ .at = theirs, .size = 4096 };
		start(NULL);
		for (uint32_t at = 0; at <= 8192; at += 512)
			for (int op = UBLK_IO_OP_READ; op <= UBLK_IO_OP_WRITE; op++) {
				struct model_io io = { .op = (uint8_t)op, .sectors = 2, .data = theirs + at };

				model_submit(1, &io);
				model_wait(1, &io);
				CHECK_EQ(io.result, at + 1024 <= 4096 && !model.shared_number ? 1024 : -EIO);
			}
		model_stop();
		join();
	}
}

static void memory_of_others(void)
{
	tell_of_others_memory(0);
	tell_of_others_memory(1);
}

/* What no kernel sends; each comes with bytes to fetch and without. */
static void hostile_requests(void)
{
	static const struct { uint8_t op; uint64_t start; uint32_t sectors; int result; } table[] = {
		{ UBLK_IO_OP_READ, 0, 8, 4096 },
		{ UBLK_IO_OP_WRITE, 8184, 8, 4096 },
		{ UBLK_IO_OP_READ, 8184, 16, -EIO },		/* half beyond the end */
		{ UBLK_IO_OP_WRITE, 8184, 16, -EIO },
		{ UBLK_IO_OP_READ, 8192, 8, -EIO },
		{ UBLK_IO_OP_WRITE, 8192, 8, -EIO },
		{ UBLK_IO_OP_READ, UINT64_MAX - 7, 8, -EIO },	/* wraps around */
		{ UBLK_IO_OP_READ, 1ULL << 55, 8, -EIO },	/* the same in bytes */
		{ UBLK_IO_OP_WRITE, 1ULL << 55, 8, -EIO },
		{ UBLK_IO_OP_READ, 0, 0, -EIO },
		{ UBLK_IO_OP_WRITE, 0, 0, -EIO },
		{ UBLK_IO_OP_READ, 1, 8, -EIO },		/* blocks are of 4096 bytes here */
		{ UBLK_IO_OP_WRITE, 0, 7, -EIO },
		{ UBLK_IO_OP_DISCARD, 4, 8, -EIO },
		{ UBLK_IO_OP_READ, 0, (MAX_IO >> 9) + 8, -EIO },
		{ UBLK_IO_OP_WRITE, 0, (MAX_IO >> 9) + 8, -EIO },
		{ UBLK_IO_OP_READ, 0, UINT32_MAX - 7, -EIO },
		{ UBLK_IO_OP_DISCARD, 0, UINT32_MAX - 7, -EIO },
		{ UBLK_IO_OP_WRITE_ZEROES, 0, 8192, 4 << 20 },	/* larger than any transfer, and fine */
		{ UBLK_IO_OP_FLUSH, UINT64_MAX, UINT32_MAX, 0 },	/* where is of no interest */
		{ 4, 0, 8, -EOPNOTSUPP },			/* WRITE_SAME */
		{ 6, 0, 8, -EOPNOTSUPP },
		{ 255, 0, 8, -EOPNOTSUPP },
	};

	for EVERY_WAY(way) {
		struct subject s = mem_subject();
		struct model_plan model = usual_model(way);

		model.rough = false;
		s.sector_size = 4096;
		prepare(&s, &model, way);
		start(NULL);
		for (size_t i = 0; i < ARRAY_SIZE(table); i++)
			if (!CHECK_EQ(ask(table[i].op, table[i].start, table[i].sectors), table[i].result))
				printf("#   row %zu, %s\n", i, way->name);
		model_stop();
		join();
		CHECK_EQ(counted_by_all(STATS_ERRORS + OP_READ), 8 + 3);	/* and what nobody knows */
		CHECK_EQ(counted_by_all(STATS_ERRORS + OP_WRITE), 6);
		CHECK_EQ(counted_by_all(STATS_ERRORS + OP_DISCARD), 2);
	}
}

/* Somebody made the disk larger: asked when a request lies beyond what is known, and then only. */
static void growing_disks(void)
{
	const struct way *way = &ways[BY_USER_COPY];
	struct subject s = file_subject(true);
	struct model_plan model = usual_model(way);
	uint32_t sectors = (4U << 20) >> 9;

	model.rough = false;
	prepare(&s, &model, way);
	start(NULL);
	CHECK_EQ(ask(UBLK_IO_OP_WRITE, sectors - 8, 8), 4096);
	CHECK_EQ(filed_self.size_asked, 0);
	CHECK_EQ(ask(UBLK_IO_OP_WRITE, sectors, 8), -EIO);
	CHECK_EQ(ask(UBLK_IO_OP_READ, sectors - 4, 8), -EIO);
	CHECK_EQ(filed_self.size_asked, 2);
	CHECK_EQ(ftruncate(filed_self.fd, 8 << 20), 0);
	filed_self.size_now = 8U << 20;
	CHECK_EQ(ask(UBLK_IO_OP_WRITE, sectors - 4, 8), 4096);
	CHECK_EQ(filed_self.size_asked, 3);
	CHECK_EQ(ask(UBLK_IO_OP_READ, 2 * sectors - 8, 8), 4096);	/* known by now */
	CHECK_EQ(ask(UBLK_IO_OP_FLUSH, UINT64_MAX, 0), 0);
	CHECK_EQ(filed_self.size_asked, 3);
	CHECK_EQ(ask(UBLK_IO_OP_READ, 2 * sectors - 4, 8), -EIO);
	CHECK_EQ(ask(UBLK_IO_OP_READ, UINT64_MAX - 7, 8), -EIO);
	CHECK_EQ(filed_self.size_asked, 5);
	filed_self.size_now = 0;					/* cannot be told any more */
	CHECK_EQ(ask(UBLK_IO_OP_READ, 2 * sectors - 4, 8), -EIO);
	CHECK_EQ(ask(UBLK_IO_OP_READ, 2 * sectors - 8, 8), 4096);
	model_stop();
	join();
}

static void pages_that_cannot_be_had(void)
{
	for EVERY_WAY(way) {
		struct subject s = file_subject(false);
		struct model_plan model = usual_model(way);

		if (!has_pages(way->mode))
			continue;
		model.rough = false;
		prepare(&s, &model, way);
		start(NULL);
		model_fault(MODEL_NO_PAGES);
		CHECK_EQ(ask(UBLK_IO_OP_READ, 0, 8), -EFAULT);
		CHECK_EQ(ask(UBLK_IO_OP_WRITE, 0, 8), -EFAULT);
		CHECK_EQ(ask(UBLK_IO_OP_DISCARD, 0, 8), 4096);		/* has none */
		CHECK_EQ(ask(UBLK_IO_OP_FLUSH, 0, 0), 0);
		model_fault(MODEL_FINE);
		for (unsigned int i = 0; i < DEPTH; i++) {
			CHECK_EQ(ask(UBLK_IO_OP_READ, 0, 8), 4096);
			CHECK_EQ(ask(UBLK_IO_OP_WRITE, 0, 8), 4096);
		}
		model_stop();
		join();
	}
}

/* Pages of memory behind the pool of queue 1, the last that was started that far. */
static unsigned int pool_pages(void)
{
	static unsigned char there[POOL_SLOTS];
	unsigned int count = 0;

	CHECK_EQ(mincore(arena, sizeof(there) * page_size(), there), 0);
	for (size_t i = 0; i < sizeof(there); i++)
		count += there[i] & 1;
	return count;
}

static void memory_of_the_pool(void)
{
	static const int pooled[] = { BY_GET_DATA, BY_USER_COPY, BY_BATCH };

	for (size_t i = 0; i < ARRAY_SIZE(pooled); i++) {
		const struct way *way = &ways[pooled[i]];
		struct subject s = file_subject(i % 2);
		struct model_plan model = usual_model(way);

		model.rough = false;
		prepare(&s, &model, way);
		start(NULL);
		CHECK(!model_expire(1));		/* nothing was used: no timer */
		CHECK_EQ(pool_pages(), 0);
		CHECK_EQ(ask(UBLK_IO_OP_WRITE, 0, MAX_IO >> 9), MAX_IO);
		CHECK_EQ(pool_pages(), MAX_IO / page_size());
		CHECK(model_expire(1));			/* it was used since */
		CHECK(model_expire(1));			/* it was not, and goes */
		CHECK(!model_expire(1));
		CHECK_EQ(pool_pages(), 0);
		CHECK_EQ(ask(UBLK_IO_OP_READ, 0, 8), 4096);
		CHECK_EQ(pool_pages(), 1);
		model_stop();				/* with a timer set */
		join();
	}
}

static void large_discards(void)
{
	struct subject s = null_subject();
	struct model_plan model = usual_model(&ways[BY_COPY]);

	prepare(&s, &model, &ways[BY_COPY]);
	start(NULL);
	CHECK_EQ(ask(UBLK_IO_OP_DISCARD, 8, 1U << 21), 1 << 30);
	CHECK_EQ(ask(UBLK_IO_OP_DISCARD, 0, 1U << 23), -EIO);	/* 4 GiB are more than a span can hold */
	model_stop();
	join();
}

static void read_only_disks(void)
{
	for EVERY_WAY(way) {
		struct subject s = mem_subject();
		struct model_plan model = usual_model(way);

		model.rough = false;
		s.read_only = true;
		prepare(&s, &model, way);
		start(NULL);
		CHECK_EQ(ask(UBLK_IO_OP_READ, 0, 8), 4096);
		CHECK_EQ(ask(UBLK_IO_OP_WRITE, 0, 8), -EROFS);
		CHECK_EQ(ask(UBLK_IO_OP_DISCARD, 0, 8), -EROFS);
		CHECK_EQ(ask(UBLK_IO_OP_WRITE_ZEROES, 0, 8), -EROFS);
		CHECK_EQ(ask(UBLK_IO_OP_FLUSH, 0, 0), 0);
		CHECK_EQ(mem_self.store.tally->used, 0);
		model_stop();
		join();
	}
}

static void nothing_old_in_zeroes(void)
{
	static char data[MAX_IO];

	for EVERY_WAY(way) {
		struct subject s = null_subject();
		struct model_plan model = usual_model(way);
		struct model_io io = { .sectors = MAX_IO >> 9, .data = data };

		model.depth = 1;		/* so that it is the very same tag */
		model.rough = false;
		prepare(&s, &model, way);
		start(NULL);
		for (int turn = 0; turn < 4; turn++) {
			io.op = turn % 2 ? UBLK_IO_OP_READ : UBLK_IO_OP_WRITE;
			memset(data, 0xcc, sizeof(data));
			model_submit(0, &io);
			model_wait(0, &io);
			CHECK_EQ(io.result, MAX_IO);
		}
		for (size_t i = 0; i < MAX_IO; i++)
			if (data[i] && !CHECK(!data[i]))
				break;
		model_stop();
		join();
	}
}

static void rights_and_cpus(void)
{
	cpu_set_t first, now;
	char name[16] = "";

	CPU_ZERO(&first);
	CHECK_EQ(sched_getaffinity(0, sizeof(now), &now), 0);
	for (int i = CPU_SETSIZE - 1; i >= 0; i--)
		if (CPU_ISSET(i, &now)) {
			CPU_SET(i, &first);
			break;
		}
	for (int early = 0; early < 2; early++) {
		struct subject s = null_subject();
		struct model_plan model = usual_model(&ways[BY_GET_DATA]);

		prepare(&s, &model, &ways[BY_GET_DATA]);
		plan.drop_early = early;
		start(&first);
		CHECK_EQ(model_sandboxed_count(), QUEUES);
		CHECK_EQ(model_sandboxed_fetched(), early ? 0 : DEPTH);
		CHECK_EQ(pthread_getaffinity_np(queues[2].thread, sizeof(now), &now), 0);
		CHECK(CPU_EQUAL(&now, &first));
		CHECK_EQ(pthread_getname_np(queues[2].thread, name, sizeof(name)), 0);
		CHECK_TEXT(name, "ublk-q2");
		model_stop();
		join();
	}
}

/* What a child that does @what exits with; what a broken queue holds goes with the process. */
static int child(int (*what)(int), int argument)
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		int result = what(argument);

		fflush(stdout);
		_exit(result);
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Each where most can fail. */
static const struct { enum model_fault fault; int way, error; const char *words; bool late; } faults[] = {
	{ MODEL_FINE, BY_ZERO_COPY, 0, "", true },
	{ MODEL_NO_RING, BY_ZERO_COPY, -EPERM, "make an io_uring of 34 entries for queue 0", false },
	{ MODEL_NO_FILES, BY_ZERO_COPY, -EMFILE, "register the device's node", true },
	{ MODEL_NO_TABLE, BY_ZERO_COPY, -ENOMEM, "make a table of 16 buffers for queue 0", false },
	{ MODEL_NO_BUFFERS, BY_BATCH, -ENOMEM, "prepare queue 0 for requests in batches", false },
	{ MODEL_NO_DESCRIPTORS, BY_ZERO_COPY, -ENOMEM, "map the request descriptors of queue 0", true },
	{ MODEL_NO_FETCH, BY_ZERO_COPY, -EINVAL, "fetch the requests of queue 0", true },
	{ MODEL_NO_FETCH, BY_BATCH, -EINVAL, "fetch the requests of queue 0", true },
	{ MODEL_EARLY_FETCH, BY_ZERO_COPY, -EIO, "fetch the requests of queue 0", true },
	{ MODEL_NO_SUBMIT, BY_ZERO_COPY, -EBADR, "fetch the requests of queue 0", true },
	{ MODEL_NO_ENABLE, BY_ZERO_COPY, -EPERM, "enable the io_uring of queue 0", true },
	{ MODEL_NO_RESTRICTION, BY_ZERO_COPY, 0, "", true },	/* the disk is served all the same */
	{ MODEL_NO_SANDBOX, BY_ZERO_COPY, -EPERM, "give up the rights of queue 0", true },
};

static int start_with_fault(int number)
{
	const struct way *way = &ways[faults[number].way];
	struct subject s = faults[number].fault == MODEL_NO_RESTRICTION ? file_subject(false) : null_subject();
	struct model_plan model = usual_model(way);

	prepare(&s, &model, way);
	model_fault(faults[number].fault);
	CHECK_EQ(queue_start(&queues[0], &plan, 0, NULL), faults[number].late ? 0 : faults[number].error);
	if (faults[number].late)	/* before the device is opened nothing else must fail: a successor relies on it */
		CHECK_EQ(queue_fetch(&queues[0]), faults[number].error);
	CHECK(said(faults[number].words));
	CHECK_EQ(sandbox.lacks, faults[number].fault == MODEL_NO_RESTRICTION ? SANDBOX_RINGS : 0);
	if (faults[number].error)
		pthread_join(queues[0].thread, NULL);
	return check_failures ? 1 : 0;
}

/* --- the model itself -------------------------------------------------------------------- */

static void toy_command(struct ring *ring, enum ublk_io_cmd number, int result, char *at)
{
	struct ublksrv_io_cmd command = { .result = result, .addr = ptr_to_u64(at) };
	struct io_uring_sqe *sqe = ring_sqe(ring);

	sqe->opcode = IORING_OP_URING_CMD;
	sqe->flags = IOSQE_FIXED_FILE;
	sqe->cmd_op = _IOWR('u', number, struct ublksrv_io_cmd);
	memcpy(sqe->cmd, &command, sizeof(command));
}

/* How often a server that answers one sector at a time is asked about eight. */
static unsigned int answered_short(const struct model_kernel *kernel, uint8_t op)
{
	const volatile struct ublksrv_io_desc *descriptor;
	static char client[4096], server[4096];
	struct model_plan toy = { .queues = 1, .depth = 1, .max_io = MAX_IO, .kernel = kernel, .tolerant = true };
	struct model_io io = { .op = op, .sectors = 8, .data = client };
	int fd = model_open(&toy);
	unsigned int asked = 0;
	struct ring_done done;
	struct ring ring;

	CHECK_EQ(ring_open(&ring, 4, RING_DATA), 0);
	CHECK_EQ(ring_register_files(&ring, &fd, 1), 0);
	CHECK_EQ(ring_enable(&ring), 0);
	descriptor = ring_map_descriptors(fd, 0, 1);
	toy_command(&ring, UBLK_IO_FETCH_REQ, 0, server);
	model_submit(0, &io);
	do {
		CHECK_EQ(ring_submit_and_wait(&ring), 0);
		CHECK_EQ(ring_reap(&ring, &done, 1), 1);
		CHECK_EQ(descriptor->nr_sectors, 8 - asked);
		CHECK_EQ(descriptor->start_sector, asked);
		asked++;
		toy_command(&ring, UBLK_IO_COMMIT_AND_FETCH_REQ, 512, server);
		CHECK_EQ(ring_submit(&ring), 0);
	} while (!io.done);
	CHECK_EQ(io.result, 4096);
	model_stop();
	CHECK_EQ(ring_submit_and_wait(&ring), 0);
	CHECK_EQ(ring_reap(&ring, &done, 1), 1);
	CHECK_EQ(done.result, UBLK_IO_RES_ABORT);
	ring_unmap_descriptors(descriptor, 1);
	ring_leave(&ring);
	close(fd);
	model_close();
	return asked;
}

static void short_answers(void)
{
	for (const struct model_kernel *kernel = model_kernels; kernel->name; kernel++) {
		CHECK_EQ(answered_short(kernel, UBLK_IO_OP_READ), 8);
		CHECK_EQ(answered_short(kernel, UBLK_IO_OP_WRITE), strcmp(kernel->name, "7.3") ? 8 : 1);
	}
}

static void *no_queue(void *self, int wake_fd)
{
	(void)self;
	(void)wake_fd;
	return NULL;
}

static int go_without_memory(int unused)
{
	struct backend backend = null_backend;
	struct subject s = null_subject();
	struct model_plan model = usual_model(&ways[BY_COPY]);

	(void)unused;
	backend.queue_open = no_queue;
	s.backend = &backend;
	prepare(&s, &model, &ways[BY_COPY]);
	CHECK_EQ(queue_start(&queues[0], &plan, 0, NULL), 0);
	CHECK_EQ(queue_fetch(&queues[0]), 0);
	CHECK_EQ(backend.open(s.self, &disk), 0);
	CHECK_EQ(queue_go(&queues[0]), -ENOMEM);
	CHECK(said("open the backend for queue 0"));
	pthread_join(queues[0].thread, NULL);
	return check_failures ? 1 : 0;
}

static void failing_starts(void)
{
	for (int number = 0; number < (int)ARRAY_SIZE(faults); number++)
		CHECK_EQ(child(start_with_fault, number), 0);
	CHECK_EQ(child(go_without_memory, 0), 0);
}

static int serve_and_be_refused(int error)
{
	const struct way *way = &ways[error > 0 ? BY_COPY : BY_BATCH];
	struct subject s = null_subject();
	struct model_plan model = usual_model(way);

	model.rough = false;
	prepare(&s, &model, way);
	start(NULL);
	model_complete_with(1, error > 0 ? -error : error);
	ask(UBLK_IO_OP_READ, 0, 8);
	return 77;
}

static void refused_commands_end_the_process(void)
{
	CHECK_EQ(child(serve_and_be_refused, EINVAL), 1);
	CHECK_EQ(child(serve_and_be_refused, EBUSY), 1);
	CHECK_EQ(child(serve_and_be_refused, -EFAULT), 1);	/* in batches */
}

static const struct { enum model_fault fault; int way; } breaks[] = {
	{ MODEL_NO_WAIT, BY_COPY }, { MODEL_NO_COMMIT, BY_BATCH }, { MODEL_NO_ROOM, BY_COPY }, { MODEL_NO_ROOM, BY_BATCH },
	{ MODEL_NO_ROOM_TO_FETCH, BY_BATCH },
};

static int serve_and_break(int number)
{
	const struct way *way = &ways[breaks[number].way];
	struct subject s = null_subject();
	struct model_plan model = usual_model(way);

	model.rough = false;
	prepare(&s, &model, way);
	start(NULL);
	CHECK_EQ(ask(UBLK_IO_OP_READ, 0, 8), 4096);
	if (check_failures)
		return 78;
	model_fault(breaks[number].fault);
	ask(UBLK_IO_OP_READ, 0, 8);
	ask(UBLK_IO_OP_READ, 0, 8);
	return 77;
}

/* A queue that cannot go on would hang its device. */
static void broken_queues_end_the_process(void)
{
	for (int number = 0; number < (int)ARRAY_SIZE(breaks); number++)
		CHECK_EQ(child(serve_and_break, number), 1);
}

/* Who wants to see each request sees it, and its answer. */
static void requests_are_traced(void)
{
	for EVERY_WAY(way) {
		struct subject s = null_subject();
		struct model_plan model = usual_model(way);
		static char shared[4096];
		struct model_io io = { .op = UBLK_IO_OP_WRITE, .sectors = 8, .data = shared };

		model.rough = false;
		model.shared = shared;
		model.shared_size = sizeof(shared);
		prepare(&s, &model, way);
		plan.region = (struct region){ .at = shared, .size = sizeof(shared) };
		start(NULL);
		log_level = LOG_TRACE;
		CHECK_EQ(ask(UBLK_IO_OP_READ, 8, 8), 4096);
		CHECK(said("queue 1 tag ") && said(": op 0, 4096 bytes at 4096\n") && said(": answer 4096"));
		said_nothing();
		CHECK_EQ(ask(UBLK_IO_OP_WRITE, 8, 8), 4096);
		CHECK_EQ(said(": op 1, 4096 bytes at 4096, bytes to come\n"), way->mode == IO_GET_DATA);
		said_nothing();
		model_submit(1, &io);
		model_wait(1, &io);
		CHECK(said(": op 1, 4096 bytes at 0, in shared memory\n"));
		log_level = LOG_NORMAL;
		model_stop();
		said_nothing();
		join();
	}
}

TESTS(
	{ "the model: a short answer is asked about again, and taken for all of it by 7.3", short_answers },
	{ "a process whose queue cannot start says why", failing_starts },
	{ "a command that the driver refuses ends the process", refused_commands_end_the_process },
	{ "a queue that cannot go on ends the process", broken_queues_end_the_process },
	{ "requests and answers are traced", requests_are_traced },
	CLAIMED_IN_EVERY_WAY(mem, "mem"),
	CLAIMED_IN_EVERY_WAY(null, "null"),
	CLAIMED_IN_EVERY_WAY(file, "a file"),
	CLAIMED_IN_EVERY_WAY(file_at_once, "a file in memory"),
	CLAIMED_IN_EVERY_WAY(mapped_file, "a mapped file"),
	CLAIMED_IN_EVERY_WAY(mixed, "every answer"),
	CLAIMED_IN_EVERY_WAY(mixed_at_once, "every answer, with files in memory,"),
	{ "those were all the requests that there should be", enough },
	{ "a million requests, answered and compared, in every way", as_many_as_there_can_be },
	{ "bare command numbers, and a single tag", legacy_and_tiny },
	{ "who is told to spins before sleeping, and nobody else", spinning },
	{ "256 tags share a pool", many_tags },
	{ "requests that need many times what the pool holds are all served", more_than_the_pool_holds },
	{ "the pool's memory goes back when nobody has used it for two periods", memory_of_the_pool },
	{ "pages that cannot be registered fail their request and no other", pages_that_cannot_be_had },
	{ "a disk that has grown is served to its new end", growing_disks },
	{ "a stop under load answers every request and takes every tag back", stopped_under_load },
	{ "memory shared with some clients and not with others, in every way", memory_that_is_shared },
	{ "a request from memory that is not shared here is refused", memory_of_others },
	{ "requests that make no sense are refused", hostile_requests },
	{ "a discard may be larger than any transfer", large_discards },
	{ "a read-only disk is not written", read_only_disks },
	{ "null reads zeroes, not what its buffer held", nothing_old_in_zeroes },
	{ "rights are given up after the last FETCH, or before the first; threads are pinned and named", rights_and_cpus },
)
