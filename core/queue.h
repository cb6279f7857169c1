/* SPDX-License-Identifier: MIT */
/*
 * queue.h - one thread, one ring, one of the device's queues
 *
 * queue_start() makes the thread, which pins itself and allocates all it will
 * ever need: what can fail, fails there. queue_fetch() has it fetch every tag;
 * queue_go() lets it serve. It ends when the driver has given every tag back,
 * which is what STOP_DEV does. Anything unexpected ends the whole process: a
 * device with one dead queue would hang.
 */
#ifndef CORE_QUEUE_H
#define CORE_QUEUE_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/backend.h"
#include "core/region.h"
#include "core/sandbox.h"
#include "core/spec.h"
#include "core/xfer.h"

/* What a queue must know of its device; const to it. */
struct queue_plan {
	const struct backend *backend;
	void *self;
	const struct disk *disk;	/* filled in between queue_start() and queue_go() */
	int char_fd;			/* filled in before queue_fetch(), and needed until it has returned; with a mode that copies by itself, to the end */
	uint16_t depth;
	uint32_t max_io;		/* bytes, as granted */
	uint32_t sector_size;		/* filled in with the disk */
	bool read_only;
	bool legacy;			/* bare command numbers */
	bool drop_early;		/* give rights up before FETCH: no partition scan */
	enum io_mode mode;
	struct region region;		/* what the driver may tell of instead of copying */
	bool at_once;			/* the backend's files are in memory */
	bool batch;			/* many requests per command */
	bool quiesces;			/* the driver may take back some of the tags and want the others answered */
	uint32_t poll_us;		/* how long to spin before sleeping */
	int ended_fd;			/* eventfd: one is added when the thread ends */
	struct sandbox *sandbox;	/* what each thread gives up */
	_Atomic uint64_t *numbers;	/* STATS_QUEUE for each queue; NULL: nobody counts */
};

/* Where a thread is on its way. */
enum queue_stage { QUEUE_STARTING, QUEUE_PREPARED, QUEUE_FETCHED, QUEUE_OPENED, QUEUE_BROKEN };

struct queue {
	const struct queue_plan *plan;
	uint16_t id;
	const cpu_set_t *cpus;		/* NULL: not pinned */
	pthread_t thread;
	_Atomic uint32_t stage;		/* enum queue_stage, waited for with futexes */
	_Atomic uint32_t go;		/* the stage it may go for */
	int error;			/* why it is broken, said already */
};

/* All return 0, or -errno after saying why. The queue is then as if never started, but for the thread's memory. */
int queue_start(struct queue *queue, const struct queue_plan *plan, uint16_t id, const cpu_set_t *cpus);
int queue_fetch(struct queue *queue);
int queue_go(struct queue *queue);

#endif
