/* SPDX-License-Identifier: MIT */
/* load.c - requests and their reference */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "core/util.h"
#include "tests/check.h"
#include "tests/unit/load.h"
#include "tests/unit/outlive.h"

#define SLOTS 64
#define POOL (1U << 17)
#define MOST (512UL << 20)	/* bytes of a load */
#define NEVER_WRITTEN ((char)0xa5)	/* what a buffer holds that nobody fills */

/* What is known of a sector. */
enum { KNOWN, MAY_BE_ZERO, UNKNOWN };

struct slot {
	struct model_io io;
	uint64_t start, length;		/* its part of the disk */
	bool busy;
	char *data, *known;
	uint8_t *sure;			/* of each sector */
};

struct source {
	struct slot slots[SLOTS];
	unsigned int busy, next;
	uint64_t random, begun;
	struct load_count count;
	sem_t ended;
};

struct load {
	struct model_load base;
	struct load_plan plan;
	struct source sources[LOAD_QUEUES];
	_Atomic bool ending;
	size_t size;
	char pool[POOL];		/* and then the slots' memory */
};

static struct load *of(struct model_load *base) { return (struct load *)base; }

static uint32_t pick(struct source *s, uint32_t below)
{
	return check_random(&s->random) % below;
}

static bool changes(const struct model_io *io)
{
	return io->op != UBLK_IO_OP_READ && io->op != UBLK_IO_OP_FLUSH;
}

/* A part of the slot's; most are small. */
static void choose_range(const struct load *load, struct source *s, struct slot *slot)
{
	uint64_t most = min_u64(slot->length, pick(s, 32) ? 8192 : load->plan.max_io);
	uint32_t sectors = 1 + pick(s, (uint32_t)(most >> 9));

	if (pick(s, 2))
		sectors = (uint32_t)min_u64(8, most >> 9);
	slot->io.sectors = sectors;
	slot->io.start = (slot->start >> 9) + pick(s, (uint32_t)(slot->length >> 9) - sectors + 1);
}

static uint8_t choose_op(const struct load *load, struct source *s)
{
	static const uint8_t ops[] = {
		UBLK_IO_OP_READ, UBLK_IO_OP_READ, UBLK_IO_OP_READ, UBLK_IO_OP_READ, UBLK_IO_OP_READ, UBLK_IO_OP_READ,
		UBLK_IO_OP_READ, UBLK_IO_OP_WRITE, UBLK_IO_OP_WRITE, UBLK_IO_OP_WRITE, UBLK_IO_OP_WRITE, UBLK_IO_OP_WRITE,
		UBLK_IO_OP_WRITE, UBLK_IO_OP_WRITE, UBLK_IO_OP_WRITE, UBLK_IO_OP_FLUSH, UBLK_IO_OP_DISCARD, UBLK_IO_OP_WRITE_ZEROES,
	};

	return load->plan.disk == LOAD_IS_FIXED && pick(s, 50) ? UBLK_IO_OP_READ : ops[pick(s, ARRAY_SIZE(ops))];
}

static struct model_io *next(struct model_load *base, unsigned int queue)
{
	struct load *load = of(base);
	struct source *s = &load->sources[queue];
	struct slot *slot;

	if (load->ending || s->busy == load->plan.depth || (load->plan.requests && s->begun == load->plan.requests))
		return NULL;
	do {
		slot = &s->slots[s->next++ % load->plan.depth];
	} while (slot->busy);
	slot->busy = true;
	s->busy++;
	s->begun++;
	slot->io = (struct model_io){ .op = choose_op(load, s), .data = slot->data };
	choose_range(load, s, slot);
	if (slot->io.op == UBLK_IO_OP_WRITE) {
		memcpy(slot->data, load->pool + pick(s, (POOL - load->plan.max_io) / 8) * 8, slot->io.sectors << 9);
		slot->io.fua = !pick(s, 16);
	} else if (slot->io.op == UBLK_IO_OP_READ) {
		memset(slot->data, NEVER_WRITTEN, slot->io.sectors << 9);
	}
	slot->io.keep = slot->io.op == UBLK_IO_OP_WRITE_ZEROES && pick(s, 2);
	return &slot->io;
}

static void wrong(struct source *s, const struct model_io *io, const char *what, uint64_t at)
{
	if (!s->count.wrong++)
		snprintf(s->count.first_wrong, sizeof(s->count.first_wrong),
			 "request %u of %u sectors at %llu, answered with %d: %s (byte %llu of the disk)", io->op, io->sectors,
			 (unsigned long long)io->start, io->result, what, (unsigned long long)at);
}

static void compare_sector(struct source *s, struct slot *slot, const char *got, char *known, uint8_t *sure, uint64_t at)
{
	if (*sure == KNOWN) {
		if (memcmp(got, known, 512))
			wrong(s, &slot->io, "a READ must bring what was written", at);
		return;
	}
	for (int i = 0; *sure == MAY_BE_ZERO && i < 512; i++)
		if (got[i] && got[i] != known[i]) {
			wrong(s, &slot->io, "after a discard each byte is what it was, or zero", at);
			break;
		}
	memcpy(known, got, 512);	/* and that it stays */
	*sure = KNOWN;
}

static void compare(const struct load *load, struct source *s, struct slot *slot)
{
	uint64_t at = (slot->io.start << 9) - slot->start;

	if (load->plan.disk == LOAD_FORGETS) {
		for (uint32_t i = 0; i < slot->io.sectors << 9; i++)
			if (slot->data[i]) {
				wrong(s, &slot->io, "all must read as zero", (slot->io.start << 9) + i);
				return;
			}
		return;
	}
	for (uint32_t i = 0; i < slot->io.sectors; i++)
		compare_sector(s, slot, slot->data + i * 512, slot->known + at + i * 512, slot->sure + (at >> 9) + i,
			       (slot->io.start + i) << 9);
}

static void remember(struct slot *slot, bool done)
{
	uint64_t at = (slot->io.start << 9) - slot->start;
	size_t length = slot->io.sectors << 9;
	uint8_t *sure = slot->sure + (at >> 9);

	if (slot->io.op == UBLK_IO_OP_DISCARD) {
		for (uint32_t i = 0; i < slot->io.sectors; i++)
			sure[i] = sure[i] == UNKNOWN ? UNKNOWN : MAY_BE_ZERO;
		return;
	}
	memset(sure, done ? KNOWN : UNKNOWN, slot->io.sectors);
	if (slot->io.op == UBLK_IO_OP_WRITE)
		memcpy(slot->known + at, slot->data, length);
	else
		memset(slot->known + at, 0, length);
}

static void check_answer(const struct load *load, struct source *s, struct slot *slot)
{
	const struct model_io *io = &slot->io;
	int whole = io->op == UBLK_IO_OP_FLUSH ? 0 : (int)(io->sectors << 9);
	bool fixed = load->plan.disk == LOAD_IS_FIXED && changes(io);

	if (io->result == (fixed ? -EROFS : whole)) {
		s->count.requests++;
		s->count.bytes += (uint64_t)whole;
	} else if (io->op == UBLK_IO_OP_WRITE && io->result == -ENOSPC && (io->cut || io->asked_again)) {
		s->count.refused++;
	} else if (load->plan.may_fail && io->result == -EIO) {
		s->count.failed++;
	} else {
		wrong(s, io, "it must be answered with all of it", io->start << 9);
	}
	if (io->op == UBLK_IO_OP_READ && io->result == whole)
		compare(load, s, slot);
	else if (changes(io) && load->plan.disk == LOAD_KEEPS)
		remember(slot, io->result == whole);
}

static void finished(struct model_load *base, unsigned int queue, struct model_io *io)
{
	struct load *load = of(base);
	struct source *s = &load->sources[queue];
	struct slot *slot = (struct slot *)io;

	check_answer(load, s, slot);
	slot->busy = false;
	s->busy--;
	if (!s->busy && (load->ending || s->begun == load->plan.requests))
		sem_post(&s->ended);
}

/* Data is where a disk below may want it. */
#define ALIGNED 4096ULL

static size_t part_of(const struct load_plan *plan) { return plan->size / plan->queues / plan->depth & ~(ALIGNED - 1); }

static size_t slot_room(const struct load_plan *plan)
{
	size_t part = part_of(plan);

	return plan->max_io + part + round_up(part >> 9, ALIGNED);
}

struct load *load_new(const struct load_plan *plan)
{
	size_t part = part_of(plan), head = round_up(sizeof(struct load), ALIGNED);
	size_t size = head + plan->queues * plan->depth * slot_room(plan);
	struct load *load = outlive_get("load", MOST);
	uint64_t random = plan->seed;
	char *at = (char *)load + head;

	if (size > MOST)
		abort();
	load->base = (struct model_load){ .next = next, .finished = finished };
	load->plan = *plan;
	load->size = size;
	for (size_t i = 0; i < POOL; i += 4)
		memcpy(load->pool + i, &(uint32_t){ check_random(&random) | 1 }, 4);
	for (unsigned int q = 0; q < plan->queues; q++) {
		struct source *s = &load->sources[q];

		s->random = plan->seed + q;
		sem_init(&s->ended, 1, 0);
		for (unsigned int i = 0; i < plan->depth; i++) {
			struct slot *slot = &s->slots[i];

			slot->start = (q * plan->depth + i) * part;
			slot->length = part;
			slot->data = at;
			slot->known = slot->data + plan->max_io;
			slot->sure = (uint8_t *)slot->known + part;
			at += slot_room(plan);
			if (plan->contents)
				memcpy(slot->known, plan->contents + slot->start, part);
		}
	}
	return load;
}

struct model_load *load_base(struct load *load)
{
	return &load->base;
}

void load_end(struct load *load)
{
	model_lock_all();
	load->ending = true;
	for (unsigned int q = 0; q < load->plan.queues; q++)
		if (!load->sources[q].busy)	/* else the last answer tells */
			sem_post(&load->sources[q].ended);
	model_unlock_all();
}

bool load_wait(struct load *load)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 60;
	for (unsigned int q = 0; q < load->plan.queues; q++)
		if (RETRY(sem_timedwait(&load->sources[q].ended, &end)) < 0) {
			printf("# queue %u has %u requests of %llu that nobody answers\n", q, load->sources[q].busy,
			       (unsigned long long)load->sources[q].begun);
			return false;
		}
	return true;
}

void load_free(struct load *load)
{
	for (unsigned int q = 0; q < load->plan.queues; q++)
		sem_destroy(&load->sources[q].ended);
	if (madvise(load, round_up(load->size, ALIGNED), MADV_REMOVE) < 0)	/* the next one finds zeroes */
		abort();
}

struct load_count load_counted(const struct load *load)
{
	struct load_count sum = { 0 };

	for (unsigned int q = 0; q < load->plan.queues; q++) {
		const struct load_count *count = &load->sources[q].count;

		sum.requests += count->requests;
		sum.bytes += count->bytes;
		sum.failed += count->failed;
		sum.refused += count->refused;
		if (count->wrong)
			memcpy(sum.first_wrong, count->first_wrong, sizeof(sum.first_wrong));
		sum.wrong += count->wrong;
	}
	return sum;
}
