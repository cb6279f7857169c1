/* SPDX-License-Identifier: MIT */
/*
 * fuzz_requests.c - any descriptors as the kernel's requests: each is answered once, with all of it or an error
 *
 * The first byte chooses how bytes travel. Every 25 that follow are what the driver says of a tag, and the descriptor.
 * What is asked about with NEED_GET_DATA may have become another when its bytes have come.
 *
 * fuzz: -max_len=300
 * brief: 500000
 */
#include <stdint.h>

#include "tests/fuzz/names_clean.h"

#include "core/sandbox.h"
#define sandbox_thread(...) 0		/* there is nothing to lose */
#include "core/queue.c"

#define DEPTH 4
#define SIZE (1U << 20)
#define MAX_IO (64U << 10)

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- the kernel's side: a command at a time ------------------------------------------- */

static struct io_uring_sqe sqe;
static unsigned int sent;

struct io_uring_sqe *ring_sqe(struct ring *ring)
{
	(void)ring;
	sent++;
	memset(&sqe, 0, sizeof(sqe));
	return &sqe;
}

ssize_t ring_user_copy(int char_fd, uint16_t queue, uint16_t tag, uint32_t start, char *memory, uint32_t length, bool fill)
{
	static char client[MAX_IO];

	(void)char_fd;
	HOLDS(queue == 0 && tag < DEPTH && length && start < MAX_IO && length <= MAX_IO - start);
	if (fill)
		memcpy(client + start, memory, length);
	else
		memset(memory, 'w', length);
	return length;
}

int ring_open(struct ring *ring, unsigned int entries, enum ring_kind kind) { (void)ring; (void)entries; (void)kind; return 0; }
void ring_leave(struct ring *ring) { (void)ring; }
int ring_register_files(struct ring *ring, const int *fds, unsigned int n) { (void)ring; (void)fds; (void)n; return 0; }
int ring_restrict(struct ring *ring, const uint8_t *ops, unsigned int n, uint8_t flags) { (void)ring; (void)ops; (void)n; (void)flags; return 0; }
int ring_enable(struct ring *ring) { (void)ring; return 0; }
int ring_register_buffers(struct ring *ring, unsigned int n) { (void)ring; (void)n; return 0; }
int ring_submit(struct ring *ring) { (void)ring; return 0; }
int ring_submit_and_wait(struct ring *ring) { (void)ring; return 0; }
int ring_submit_and_spin(struct ring *ring, uint32_t us) { (void)ring; (void)us; return 0; }
unsigned int ring_reap(struct ring *ring, struct ring_done *done, unsigned int n) { (void)ring; (void)done; (void)n; return 0; }
int ring_give_buffers(struct ring *ring, void *at, unsigned int n, unsigned int size) { (void)ring; (void)at; (void)n; (void)size; return 0; }
void ring_return_buffer(struct ring *ring, void *at, unsigned int size, uint16_t n) { (void)ring; (void)at; (void)size; (void)n; }
void ring_unmap_descriptors(const volatile struct ublksrv_io_desc *d, unsigned int depth) { (void)d; (void)depth; }

const volatile struct ublksrv_io_desc *ring_map_descriptors(int char_fd, unsigned int queue, unsigned int depth)
{
	(void)char_fd;
	(void)queue;
	(void)depth;
	return NULL;
}

/* --- a disk ----------------------------------------------------------------------------- */

static char memory[SIZE], region[8192];

static struct place where(void *self, const struct span *span)
{
	(void)self;
	HOLDS(span->op <= OP_ZERO && span->slot < DEPTH);
	if (span->op == OP_FLUSH)
		return nowhere(0);
	HOLDS(span->length && span->offset < SIZE && span->length <= SIZE - span->offset);
	if (span->offset % 8192 == 512)
		return failed(-EIO);
	if (span->offset % 8192 == 1024 || span->op == OP_DISCARD)
		return nowhere(span->length);
	return in_memory(memory + span->offset, span->length > 3000 ? span->length / 2 : span->length);
}

static const struct backend backend = { .mostly = IN_MEMORY, .where = where };
static struct ublksrv_io_desc descriptors[DEPTH];
static struct server *servers[3];
static struct queue_plan plans[3] = {
	{ .mode = IO_COPY }, { .mode = IO_GET_DATA }, { .mode = IO_USER_COPY },
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	for (int i = 0; i < 3; i++) {
		struct queue_plan *plan = &plans[i];

		plan->backend = &backend;
		plan->depth = DEPTH;
		plan->max_io = MAX_IO;
		plan->region = (struct region){ .at = region, .size = sizeof(region) };
		servers[i] = server_new(plan, 0);
		HOLDS(servers[i] && !open_buffers(servers[i]));
		servers[i]->descriptors = descriptors;
		servers[i]->sectors = SIZE >> 9;
		servers[i]->sector_mask = i;		/* 512 and 1024 bytes */
		servers[i]->sector_mask &= 1;
	}
	HOLDS(region_guard() == 0);
	return 0;
}

static void take_descriptor(const uint8_t *data, unsigned int tag)
{
	struct ublksrv_io_desc *d = &descriptors[tag];

	memcpy(d, data, sizeof(*d));
	if (data[3] & 1) {			/* mostly what may make sense */
		d->op_flags &= 0xffff0000 | (data[0] % 8);
		d->start_sector %= SIZE / 512 + 8;
		d->nr_sectors %= MAX_IO / 512 + 8;
	}
	if (data[3] & 2)
		d->addr &= 0x1ffff;
}

/* What the last command says. */
static void is_right(const struct server *server, unsigned int tag, uint32_t sectors, unsigned int commands)
{
	struct ublksrv_io_cmd command;

	HOLDS(sent == commands);
	memcpy(&command, sqe.cmd, sizeof(command));
	HOLDS(command.q_id == 0 && command.tag == tag && (!server->xfer.driver_copies || command.addr));
	HOLDS(sqe.cmd_op != server->commit_op || command.result <= 0 || (uint64_t)command.result == (uint64_t)sectors << 9);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct server *server;

	if (!size)
		return 0;
	server = servers[data[0] % 3];
	server->xfer.serving.read_only = data[0] & 0x80;
	for (data++, size--; size >= 25; data += 25, size -= 25) {
		uint16_t tag = data[0] % DEPTH;
		bool asked;

		sent = 0;
		take_descriptor(data + 1, tag);
		/* The driver asks so of a WRITE and of nothing else. */
		asked = server->xfer.mode == IO_GET_DATA && (uint8_t)descriptors[tag].op_flags == UBLK_IO_OP_WRITE;
		tag_done(server, tag, asked ? UBLK_IO_RES_NEED_GET_DATA : UBLK_IO_RES_OK);
		is_right(server, tag, descriptors[tag].nr_sectors, 1);
		if (!asked) {
			HOLDS(sqe.cmd_op == server->commit_op && !server->requests[tag].owed);
			xfer_submitted(&server->xfer);
			continue;
		}
		HOLDS(sqe.cmd_op == server->data_op && server->requests[tag].owed);
		if (data[0] & 0x40) {
			tag_done(server, tag, UBLK_IO_RES_NEED_GET_DATA);	/* it was not copied */
			HOLDS(sqe.cmd_op == server->data_op && sent == 2);
		}
		if (data[0] & 0x20)
			descriptors[tag].nr_sectors /= 2;
		tag_done(server, tag, UBLK_IO_RES_OK);
		is_right(server, tag, descriptors[tag].nr_sectors, data[0] & 0x40 ? 3 : 2);
		HOLDS(sqe.cmd_op == server->commit_op && !server->requests[tag].owed);
		xfer_submitted(&server->xfer);
	}
	return 0;
}
