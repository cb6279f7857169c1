/* SPDX-License-Identifier: MIT */
/*
 * model.h - a small model of ublk_drv and io_uring, behind core/ring.h
 *
 * One device at a time. The test is the block layer above it: it submits
 * requests from any thread and waits for them, or has the kernel get them from
 * a load whenever a tag is free. Everything else happens in the thread that
 * owns the ring, when it enters the "kernel", as with the real one. The server
 * may be threads of the test, or processes, which are killed. Whatever the driver would refuse, and whatever Linux 7.3 would take for
 * something else than it is, ends the process with a line that says what.
 */
#ifndef TESTS_UNIT_MODEL_H
#define TESTS_UNIT_MODEL_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/uapi.h"

/* Whether it does within a minute. */
#define COMES(condition) ({ \
	int left_ = 60000; \
	while (!(condition) && left_--) \
		poll(NULL, 0, 1); \
	left_ >= 0; })

/* What a version of Linux does, as far as it differs. */
struct model_kernel {
	const char *name;
	uint64_t features;		/* GET_FEATURES; 0: that is not known */
	bool takes_short;		/* a short answer for a complete one */
	bool scans_in_start;		/* START_DEV returns when the first sectors were read */
	bool asks_opener;		/* START_DEV must be told who has ublkcN open */
	bool recovers_once;		/* START_USER_RECOVERY is refused the second time */
	bool stalls_when_full;		/* a death with every tag in service is seen late */
	enum { RETRIES, STUCK_AFTERWARDS, CRASHES } dies_fetching;	/* when a successor died before it had all tags */
};
extern const struct model_kernel model_kernels[];	/* oldest first; a NULL name ends it */

/* Requests as many as a server can take. Both are called in the kernel of a queue, by its thread. */
struct model_load {
	struct model_io *(*next)(struct model_load *load, unsigned int queue);	/* NULL: none now */
	void (*finished)(struct model_load *load, unsigned int queue, struct model_io *io);
};

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
	unsigned int shared_number;	/* of this memory; the server's is 0 */
	struct model_load *load;	/* NULL: none; in shared memory if the server is a process */

	const struct model_kernel *kernel;	/* NULL: none in particular */

	/* With control commands: see model_boot() */
	const char *node;		/* a file that stands for ublkcN; NULL: there are none, and the device is live at once */
	struct ublksrv_ctrl_dev_info other;	/* is there as well, if it has queues */
	bool exists, without_rights;	/* there is such a device already; the keeper is not root */
	bool tolerant;			/* short answers are no offence, and become what they become */
	bool in_use;			/* TRY_STOP_DEV says so */
	unsigned int release;		/* how often START_USER_RECOVERY is told to wait */
	unsigned int mortality;		/* one in so many entries into the kernel kills the server; 0: none */
	unsigned int deaths;		/* but not more than these */
	int death_signal;
	struct {
		enum ublk_cmd command;	/* 0: none; whenever this is sent... */
		unsigned int after;	/* ...but for the first so many times... */
		int error;		/* ...it fails */
		unsigned int times;	/* 0: always */
	} refused;
	unsigned int stillborn;		/* successors that die with half of their tags */
};

/* What goes wrong: while queues are started... */
enum model_fault {
	MODEL_FINE, MODEL_NO_RING, MODEL_NO_FILES, MODEL_NO_TABLE, MODEL_NO_BUFFERS, MODEL_NO_DESCRIPTORS,
	MODEL_NO_FETCH,
	MODEL_EARLY_FETCH,		/* a tag completes before there can be a request */
	MODEL_NO_RESTRICTION, MODEL_NO_ENABLE, MODEL_NO_SUBMIT,
	MODEL_NO_SANDBOX,
	/* ...and while they serve. */
	MODEL_NO_PAGES,			/* a request's pages cannot be put into the ring's table */
	MODEL_NO_WAIT, MODEL_NO_COMMIT,
	MODEL_NO_ROOM,			/* the ring is full */
	MODEL_NO_ROOM_TO_FETCH,		/* the same, when the driver delivers no more batches */
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
	bool done, cut, generated;
	bool asked_again;		/* where its bytes shall go, though that was said */
	uint32_t moved;			/* bytes that were answered before the rest was sent again */
	struct model_io *next;
};

/* Returns the descriptor of "ublkcN". */
int model_open(const struct model_plan *plan);
/* In a process that has executed the test once more: what there was is there. */
void model_go_on(void);
void model_fault(enum model_fault fault);
/* Between the two nobody is in the kernel. */
void model_lock_all(void);
void model_unlock_all(void);
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

/*
 * With a node in the plan: the keeper is a process that was forked after
 * model_open(), and model_boot() then lets the kernel run in a thread of the
 * test, until model_halt().
 */
void model_boot(void);
void model_halt(void);
/* A server is ended by @sig, between two things that the kernel does at once. The second: whether there was one. */
void model_kill(pid_t pid, int sig);
bool model_kill_through(int pidfd, int sig);	/* false: errno tells */
bool model_kill_server(int sig);
/* From now on what the plan says of mortality holds. */
void model_is_deadly(void);
/* It does nothing more, and is not dead. */
bool model_freeze_server(void);
/* QUIESCE_DEV, from somebody else. True: all queues are told of it. */
bool model_quiesce(void);
/* Wait until some server serves; false: none does, in a minute. */
bool model_is_served(void);
bool model_is_live(void);
pid_t model_server(void);		/* 0: there is none */
/* Its keeper has another number: no test may choose that of a process. And who that is. */
void model_kept_by(pid_t pid);
pid_t model_keeper(void);
bool model_is_added(void);
int model_state(void);			/* UBLK_S_DEV_* */
unsigned int model_deaths(void), model_sent(enum ublk_cmd command);
const char *model_violation(void);	/* what must never happen and did, in any process; "": nothing */

/* How often a thread gave up its rights, and how many of the tags were fetched when the first did. */
int model_sandboxed(void);		/* 0, or the error of that */
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
