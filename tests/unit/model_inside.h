/* SPDX-License-Identifier: MIT */
/*
 * model_inside.h - what the two halves of the model share: model.c, which is rings and requests, and model_ctrl.c,
 * which is control commands and the states of a device
 *
 * All that a kernel would know of a device lies in memory that processes share, so that a server can be a process, and
 * die. Who is in "the kernel" of a queue has its lock; who kills a server takes all locks first, so nobody ever dies
 * half-way through what a kernel does at once.
 */
#ifndef TESTS_UNIT_MODEL_INSIDE_H
#define TESTS_UNIT_MODEL_INSIDE_H

#include <pthread.h>
#include <semaphore.h>
#include <sys/stat.h>

#include "core/ring.h"
#include "core/xfer.h"
#include "tests/unit/model.h"

#define QUEUES_MAX 8
#define DEPTH_MAX 256
#define SQES_MAX 1024

/* What must never happen. */
#define INSIST(condition) do { if (!(condition)) model_violated(#condition, __FILE__, __LINE__); } while (0)

enum tag_state { NEW, IDLE, OURS, ASKED, GONE };

struct tag {
	enum tag_state state;
	char *address;			/* of the last command */
	struct model_io *io;
	unsigned int asks;		/* for where to copy this WRITE to */
	unsigned int moves;		/* under way */
	bool cancelled;			/* it was idle when the device was quiesced, and goes back */
	uint64_t auto_buf;		/* where the driver is to put its next pages, of the last command */
};

/* An entry of the ring's table of buffers. */
struct pages {
	struct model_io *io;		/* NULL: empty */
	unsigned int tag;
	bool automatic;			/* by the driver, and gone with the commit */
};

#define BUFFERS_MAX 16

/* Buffers that a command chooses from. */
struct group {
	char *memory;			/* NULL: there are none */
	unsigned int count, size;
	unsigned int asked_in_vain;	/* one after the other */
	bool taken[BUFFERS_MAX];
};

struct model_ring {
	pthread_t owner;
	int char_fd;			/* index 0 of its files; -1: none yet */
	bool spinning, control, enabled;
	int files[XFER_FILES];
	uint64_t allowed;		/* operations; 0: all */
	uint8_t allowed_flags;
	struct io_uring_sqe sqes[SQES_MAX];
	unsigned int entries, queued;		/* as many as were asked for: the server knows how many it needs */
	struct io_uring_sqe moves[SQES_MAX];	/* under way */
	unsigned int moving;
	unsigned int idle;			/* times that it was entered for nothing, one after the other */
	struct io_uring_sqe wake;		/* a read of an eventfd, if wake.opcode */
	struct io_uring_sqe timer;		/* likewise */
	struct pages table[DEPTH_MAX];
	unsigned int table_size;
	struct io_uring_sqe fetch;		/* likewise: asks for tags, batch after batch */
	struct group group;
	struct ring_done ready[2 * SQES_MAX];
	unsigned int completed;
	struct model_queue *queue;
	uint64_t random;
};

struct model_queue {
	struct tag tags[DEPTH_MAX];
	unsigned int fetched;
	struct ublksrv_io_desc *descriptors;	/* these two: in the memory of its server */
	struct model_ring *ring;
	uint16_t arrived[DEPTH_MAX];	/* tags to be delivered in batches, oldest first */
	unsigned int arrivals;
	bool told;			/* something of it went back then */
	unsigned int id;
	struct model_count count;

	pthread_mutex_t lock;		/* of all of this */
	pthread_cond_t finished;
	struct model_io *incoming, **tail;
	int complete_with;		/* 0: as usual */
	enum { NO_ALARM, ALARM, ALARM_RANG, ALARM_WAS_NOT_SET } alarm;
	unsigned int gone, entered;	/* the last: since it was told to end */
	int kick;			/* eventfd: look at the above */
};

/* A control command on its way. */
struct model_command {
	enum { NO_COMMAND, SENT, DONE } stage;
	uint32_t op;
	struct ublksrv_ctrl_cmd cmd;
	char payload[1280];
	int result;
	uint64_t user_data;
};

struct model_device {
	struct model_plan plan;
	struct stat node;		/* ublkcN */
	_Atomic enum model_fault fault;
	_Atomic bool live, stopping, quiescing;	/* requests are served; no more are, because it ends or its server shall */
	_Atomic unsigned int sandboxed, fetched, fetched_before, rings, mapped;
	_Atomic unsigned int seeds;	/* rings that there ever were */
	bool fresh;			/* the next to be fetched were not before */
	struct model_queue queues[QUEUES_MAX];

	/* --- model_ctrl.c */
	bool driven;			/* by control commands, and not by a test */
	bool added, has_params, was_live, cursed, recovering, recovered_once;
	uint16_t state;			/* UBLK_S_DEV_* */
	struct ublksrv_ctrl_dev_info info;
	struct ublk_params params;
	_Atomic pid_t server;		/* has ublkcN open; 0: nobody */
	_Atomic unsigned int deaths;
	_Atomic bool deadly;
	unsigned int held;		/* times that START_USER_RECOVERY will still be told to wait */
	unsigned int commands[256];	/* how often each was sent */
	struct model_command command;
	int ctrl_event, kernel_kick;	/* eventfds: a result for the keeper, something to look at for the kernel */
	struct model_io scan;
	char scanned[4096];
	char violated[200];		/* what was, where nobody sees a server's output */
};

extern struct model_device *device;

__attribute__((noreturn)) void model_violated(const char *condition, const char *file, int line);
int model_event(void);
void model_kick(struct model_queue *queue);
/* Put it in front of, or behind, what waits for a tag. The queue is locked. */
void model_enqueue(struct model_queue *queue, struct model_io *io, bool first);
void model_finish(struct model_queue *queue, struct model_io *io, int result);
void model_lock(pthread_mutex_t *lock);

/* --- model_ctrl.c */

void model_ctrl_open(void);
/* A ring of the server has been given the device. */
void model_opened(void);
/* Something happened that a control command may wait for. */
void model_look(void);
int ctrl_ring_submit(struct model_ring *r);
unsigned int ctrl_ring_reap(struct ring_done *done);

#endif
