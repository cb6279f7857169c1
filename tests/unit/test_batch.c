/* SPDX-License-Identifier: MIT */
/* test_batch.c - what the elements of a batch say, and that none is lost when the driver takes only some */
#include <errno.h>
#include <fcntl.h>

#include "core/batch.h"
#include "core/util.h"
#include "core/xfer.h"
#include "tests/check.h"
#include "tests/unit/calls.h"

#define DEPTH 8
#define QUEUE 3

/* --- the ring --- */

static struct io_uring_sqe sqes[8];
static unsigned int sent, sqes_left, submitted;
static int waits_for = -1;		/* what waiting brings; -1: it is not expected to wait */
static char *given;
static unsigned int given_count, given_size;
static int returned;
static int refusal;

struct io_uring_sqe *ring_sqe(struct ring *ring)
{
	(void)ring;
	if (!sqes_left)
		return NULL;
	sqes_left--;
	memset(&sqes[sent], 0, sizeof(sqes[sent]));
	return &sqes[sent++];
}

int ring_submit(struct ring *ring)
{
	(void)ring;
	submitted = sent;
	return 0;
}

int ring_submit_and_wait(struct ring *ring)
{
	CHECK(waits_for != -1);
	return ring_submit(ring);
}

unsigned int ring_reap(struct ring *ring, struct ring_done *done, unsigned int limit)
{
	(void)ring;
	CHECK_EQ(limit, 1);
	*done = (struct ring_done){ .user_data = sqes[sent - 1].user_data, .result = waits_for };
	return 1;
}

int ring_give_buffers(struct ring *ring, void *memory, unsigned int count, unsigned int size)
{
	(void)ring;
	given = memory;
	given_count = count;
	given_size = size;
	return refusal;
}

void ring_return_buffer(struct ring *ring, void *at, unsigned int size, uint16_t number)
{
	(void)ring;
	CHECK(at == given + (size_t)number * given_size && size == given_size);
	returned = number;
}

/* --- a batch --- */

static struct batch batch;
static struct ring ring;
static char addresses[DEPTH];

static const void *address_of(void *self, uint16_t tag)
{
	CHECK(self == addresses);
	return addresses + tag;
}

static void open_batch(bool addressed)
{
	batch = (struct batch){ .ring = &ring, .queue = QUEUE, .depth = DEPTH, .addressed = addressed };
	sent = submitted = 0;
	sqes_left = ARRAY_SIZE(sqes);
	returned = -1;
	refusal = 0;
	CHECK_EQ(batch_open(&batch), 0);
}

struct element { uint16_t tag, index; int32_t result; uint64_t address; };

static struct element element(const struct io_uring_sqe *sqe, unsigned int number)
{
	struct element e = { 0 };

	memcpy(&e, (const char *)(uintptr_t)sqe->addr + (size_t)number * batch.element_size, batch.element_size);
	return e;
}

/* A command as every one of them must be. */
static struct ublk_batch_io header(const struct io_uring_sqe *sqe, uint32_t op, unsigned int count, unsigned int size)
{
	struct ublk_batch_io h;

	memcpy(&h, sqe->cmd, sizeof(h));
	CHECK(sqe->opcode == IORING_OP_URING_CMD && sqe->fd == XFER_CHAR_FILE && sqe->flags & IOSQE_FIXED_FILE);
	CHECK_EQ(sqe->cmd_op, op);
	CHECK_EQ(h.q_id, QUEUE);
	CHECK_EQ(h.nr_elem, count);
	CHECK_EQ(h.elem_bytes, size);
	CHECK(!h.reserved && !h.reserved2);
	return h;
}

static void tags_made_known(void)
{
	for (int addressed = 0; addressed < 2; addressed++) {
		unsigned int size = addressed ? 16 : 8;
		struct ublk_batch_io h;

		open_batch(addressed);
		waits_for = 0;
		CHECK_EQ(batch_fetch_all(&batch, address_of, addresses, 77), 0);
		CHECK(sent == 2 && submitted == 2);
		h = header(&sqes[0], UBLK_U_IO_PREP_IO_CMDS, DEPTH, size);
		CHECK_EQ(h.flags, addressed ? UBLK_BATCH_F_HAS_BUF_ADDR : 0);
		CHECK(sqes[0].user_data == 77 && sqes[0].flags == IOSQE_FIXED_FILE);
		for (unsigned int i = 0; i < DEPTH; i++) {
			struct element e = element(&sqes[0], i);

			CHECK(e.tag == i && !e.index && !e.result);
			CHECK_EQ(e.address, addressed ? ptr_to_u64(addresses + i) : 0);
		}
		h = header(&sqes[1], UBLK_U_IO_FETCH_IO_CMDS, BATCH_TAGS, 2);
		CHECK_EQ(h.flags, 0);
		CHECK(sqes[1].flags == (IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT) && sqes[1].buf_group == RING_BUFFER_GROUP);
		CHECK_EQ(sqes[1].uring_cmd_flags, IORING_URING_CMD_MULTISHOT);
		CHECK(sqes[1].user_data == 77 && !sqes[1].addr);
		CHECK_EQ(batch.count, 0);
		batch_close(&batch);
	}
	open_batch(false);
	waits_for = -EINVAL;
	CHECK_EQ(batch_fetch_all(&batch, address_of, addresses, 77), -EINVAL);
	CHECK_EQ(sent, 1);
	batch_close(&batch);
	waits_for = -1;
}

static void no_room(void)
{
	open_batch(false);
	sqes_left = 0;
	waits_for = 0;
	CHECK_EQ(batch_fetch_all(&batch, address_of, addresses, 1), -EIO);
	CHECK_EQ(batch_fetch(&batch, 1), -EIO);
	batch_answer(&batch, 1, 0, NULL);
	CHECK_EQ(batch_commit(&batch, 1), -EIO);
	CHECK_EQ(batch.count, 1);			/* it is not forgotten */
	batch_close(&batch);
	waits_for = -1;
	batch = (struct batch){ .ring = &ring, .depth = DEPTH };
	refusal = -ENOMEM;
	CHECK_EQ(batch_open(&batch), -ENOMEM);
	batch_close(&batch);
	refusal = 0;
	for (unsigned int nth = 1; nth <= 3; nth++) {
		batch = (struct batch){ .ring = &ring, .depth = DEPTH };
		calls_fail("mmap", nth, ENOMEM);
		CHECK_EQ(batch_open(&batch), -ENOMEM);
		CHECK(calls_failed());
		batch_close(&batch);
	}
	open_batch(false);
	sqes_left = 1;					/* tags can be made known, and not asked for */
	waits_for = 0;
	CHECK_EQ(batch_fetch_all(&batch, address_of, addresses, 1), -EIO);
	batch_close(&batch);
	waits_for = -1;
}

/* Each buffer is lent as a whole, and what is in it are the tags. */
static void tags_delivered(void)
{
	static const uint16_t tags[] = { 3, 0, 7 };
	struct ring_done done = { .result = sizeof(tags), .buffer = 5, .more = true };
	unsigned int count = 0;
	const uint16_t *got;

	open_batch(false);
	CHECK(given_count == BATCH_BUFFERS && given_size == BATCH_TAGS * sizeof(uint16_t));
	memcpy(given + 5 * (size_t)given_size, tags, sizeof(tags));
	got = batch_tags(&batch, &done, &count);
	CHECK(count == 3 && !memcmp(got, tags, sizeof(tags)));
	CHECK_EQ(returned, -1);
	batch_return(&batch, &done);
	CHECK_EQ(returned, 5);
	batch_close(&batch);
}

/* Tags of a commit, in their order; their results are ten times that. */
static void committed(const struct io_uring_sqe *sqe, const uint16_t *tags, unsigned int count)
{
	struct ublk_batch_io h = header(sqe, UBLK_U_IO_COMMIT_IO_CMDS, count, batch.element_size);

	CHECK_EQ(h.flags, batch.addressed ? UBLK_BATCH_F_HAS_BUF_ADDR : 0);
	CHECK(sqe->user_data == 88 && sqe->flags == IOSQE_FIXED_FILE && sqe->len == count * batch.element_size);
	for (unsigned int i = 0; i < count; i++) {
		struct element e = element(sqe, i);

		CHECK_EQ(e.tag, tags[i]);
		CHECK_EQ(e.result, tags[i] * 10);
		CHECK(!e.index && e.address == (batch.addressed ? ptr_to_u64(addresses + tags[i]) : 0));
	}
}

#define COMMITTED(sqe, ...) \
	committed(sqe, (const uint16_t[]){ __VA_ARGS__ }, sizeof((const uint16_t[]){ __VA_ARGS__ }) / sizeof(uint16_t))

static void answer(uint16_t tag)
{
	batch_answer(&batch, tag, tag * 10, addresses + tag);
}

static void answers_together(void)
{
	for (int addressed = 0; addressed < 2; addressed++) {
		open_batch(addressed);
		CHECK_EQ(batch_commit(&batch, 88), 0);
		CHECK_EQ(sent, 0);				/* there is nothing to say */
		answer(4);
		answer(2);
		CHECK_EQ(batch_commit(&batch, 88), 0);
		COMMITTED(&sqes[0], 4, 2);
		answer(7);
		COMMITTED(&sqes[0], 4, 2);			/* the driver may still be reading */
		CHECK_EQ(batch_commit(&batch, 88), 0);
		CHECK_EQ(sent, 1);				/* one at a time */
		CHECK_EQ(batch_committed(&batch, 2 * (int)batch.element_size), 0);
		CHECK_EQ(batch_commit(&batch, 88), 0);
		COMMITTED(&sqes[1], 7);
		CHECK_EQ(batch_committed(&batch, (int)batch.element_size), 0);
		CHECK_EQ(batch_commit(&batch, 88), 0);
		CHECK_EQ(sent, 2);
		batch_close(&batch);
	}
}

/* What the driver did not get to goes with the next. */
static void answers_left_over(void)
{
	for (int addressed = 0; addressed < 2; addressed++) {
		open_batch(addressed);
		for (uint16_t tag = 0; tag < DEPTH; tag++)
			answer(tag);
		CHECK_EQ(batch_commit(&batch, 88), 0);
		COMMITTED(&sqes[0], 0, 1, 2, 3, 4, 5, 6, 7);
		answer(1);					/* two that were taken have come again */
		answer(0);
		CHECK_EQ(batch_committed(&batch, 6 * (int)batch.element_size), 0);
		CHECK_EQ(batch_commit(&batch, 88), 0);
		COMMITTED(&sqes[1], 1, 0, 6, 7);
		CHECK_EQ(batch_committed(&batch, (int)batch.element_size), 0);
		CHECK_EQ(batch_commit(&batch, 88), 0);
		COMMITTED(&sqes[2], 0, 6, 7);
		CHECK_EQ(batch_committed(&batch, 3 * (int)batch.element_size), 0);
		CHECK_EQ(batch_commit(&batch, 88), 0);
		CHECK_EQ(sent, 3);
		answer(5);
		CHECK_EQ(batch_commit(&batch, 88), 0);
		CHECK_EQ(batch_committed(&batch, -EBUSY), -EBUSY);
		batch_close(&batch);
	}
}

/* What ends the process says so. */
static void quiet(void)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	dup2(null, STDERR_FILENO);
	close(null);
}

static void nonsense_ends_the_process(void)
{
	unsigned int count;

	open_batch(false);
	CHECK_DIES(quiet(); batch_tags(&batch, &(struct ring_done){ .result = 2 * (BATCH_TAGS + 1) }, &count));
	CHECK_DIES(quiet(); batch_tags(&batch, &(struct ring_done){ .result = 2, .buffer = BATCH_BUFFERS }, &count));
	answer(1);
	CHECK_EQ(batch_commit(&batch, 88), 0);
	CHECK_DIES(quiet(); batch_committed(&batch, 2 * (int)batch.element_size));	/* more than there were */
	CHECK_EQ(batch_committed(&batch, (int)batch.element_size), 0);
	for (uint16_t tag = 0; tag < DEPTH; tag++)
		answer(tag);
	CHECK_DIES(quiet(); answer(0));							/* more than there are tags */
	batch_close(&batch);
}

TESTS(
	{ "every tag is made known, with its address if the driver copies, and requests are asked for", tags_made_known },
	{ "without room in the ring nothing is sent, and nothing forgotten", no_room },
	{ "tags are taken from the buffer that was filled, which goes back", tags_delivered },
	{ "answers go together, one commit after the other", answers_together },
	{ "answers that the driver did not take go with the next", answers_left_over },
	{ "more than there can be ends the process", nonsense_ends_the_process },
)
