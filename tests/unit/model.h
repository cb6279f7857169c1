/* SPDX-License-Identifier: MIT */
/*
 * model.h - a small model of ublk_drv and io_uring, behind core/ring.h
 *
 * One device at a time. The test is the block layer above it: it submits
 * requests from any thread and waits for them. Everything else happens in the
 * thread that owns the ring, when it enters the "kernel", as with the real
 * one. Whatever the driver would refuse, and whatever Linux 7.3 would take for
 * something else than it is, ends the process with a line that says what.
 */
#ifndef TESTS_UNIT_MODEL_H
#define TESTS_UNIT_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/uapi.h"

struct model_plan {
	unsigned int queues, depth;
	uint32_t max_io;
	uint64_t granted;		/* UBLK_F_*: how bytes travel */
	uint32_t spin_us;		/* what the server is told to spin before it sleeps */
	bool legacy;			/* bare command numbers are expected */
	bool rough;			/* short, interrupted and out of order I/O; copies that fail; files that cannot zero */
	uint64_t seed;
	const char *shared;		/* requests whose bytes lie here are told of by where; NULL: none */
	uint64_t shared_size;
};

/* What goes wrong; all but the last while queues are started. */
enum model_fault {
	MODEL_FINE, MODEL_NO_RING, MODEL_NO_FILES, MODEL_NO_TABLE, MODEL_NO_BUFFERS, MODEL_NO_DESCRIPTORS,
	MODEL_NO_FETCH,
	MODEL_NO_PAGES,			/* a request's pages cannot be put into the ring's table */
};

/* One request of the block layer. */
struct model_io {
	uint8_t op;			/* UBLK_IO_OP_* */
	bool fua, keep;			/* UBLK_IO_F_FUA, UBLK_IO_F_NOUNMAP */
	uint32_t sectors;
	uint64_t start;
	char *data;
	int result;			/* once done: bytes, or a negative errno */
	/* the model's own */
	bool done, cut;
	struct model_io *next;
};

/* Returns the descriptor of "ublkcN". */
int model_open(const struct model_plan *plan);
void model_fault(enum model_fault fault);
/* All queues must be done. */
void model_close(void);

void model_submit(unsigned int queue, struct model_io *io);
void model_wait(unsigned int queue, struct model_io *io);

/* STOP_DEV: what is under way is finished, what comes is refused, every idle tag goes back. */
void model_stop(void);
/* Tags that the driver has given back, of all queues. */
unsigned int model_gone(void);
/* The next tag that completes on @queue does so with @result. */
void model_complete_with(unsigned int queue, int result);

/* The timer of @queue expires, if there is one. Returns whether there was, when the server has come back for more. */
bool model_expire(unsigned int queue);

/* How often a thread gave up its rights, and how many of the tags were fetched when the first did. */
void model_sandboxed(void);
unsigned int model_sandboxed_count(void), model_sandboxed_fetched(void);

/* What the model did, to be sure that it was done. */
struct model_count {
	uint64_t requests, in_place, short_io, interrupted, retries, cuts, waits, expired;
	uint64_t moves, fixed;		/* transfers; of those, with the pages of requests */
	uint64_t shared;		/* requests that the driver left where they lay */
	uint64_t copies;		/* user-copy */
	uint64_t registered, automatic;	/* pages into the ring's table: by the server, by the driver */
	uint64_t durable;		/* writes with RWF_DSYNC */
	uint64_t holes, ranges, zeroed;	/* what became of zeroes for files: the last are writes */
	uint64_t unsupported;		/* fallocate() that could not */
	uint64_t batches, batched;	/* deliveries, and tags in them */
	uint64_t spins;
	uint64_t starved, partial;	/* deliveries for which there was no buffer; commits that were not all done */
};
struct model_count model_counted(void);

#endif
