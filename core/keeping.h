/* SPDX-License-Identifier: MIT */
/*
 * keeping.h - what the parts of the keeper share
 *
 * keeper.c is the list of what it does; each step stands in a file with those
 * that are of the same matter. All of it is one process with one thread, also
 * as seen by libc, whose fork() counts on that (build/musl.sh).
 */
#ifndef CORE_KEEPING_H
#define CORE_KEEPING_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/ctrl.h"
#include "core/device.h"
#include "core/spec.h"
#include "core/uapi.h"
#include "core/worker.h"

#define RECHECK_MS 1000			/* how often a device in use is looked at again, where nothing tells */
#define KILLED_MS 5000			/* a killed worker is gone by then, or never */

/* What a wait has seen. */
enum {
	SAW_SIGNAL	= 1 << 0,
	SAW_REPORT	= 1 << 1,
	SAW_WORKER_END	= 1 << 2,
	SAW_RESULT	= 1 << 3,	/* of the control command under way */
	SAW_COMMAND_END	= 1 << 4,
	SAW_ANYTHING	= 1 << 5,	/* the time was not over */
};

struct child {
	pid_t pid;		/* 0: none */
	int pidfd;		/* -1: none */
	int status;		/* as waitpid() gives it, once it has ended */
	bool ended;
};

struct keeper {
	const struct spec *spec;
	struct ctrl ctrl;
	struct device device;
	bool added, started, ready;
	bool char_made, block_made;	/* the nodes are our own */
	int name;			/* what holds --name; -1: none */
	struct child worker, command;
	bool live;			/* START_DEV has returned, and well */
	bool killed;			/* we killed the worker, which may not have ended yet */
	struct disk disk;		/* as the first worker told; all 0 until then */
	unsigned int useless;		/* crashes in a row, each soon after the start */
	int64_t born;			/* when the worker began to serve, now_ms() */
	bool waiting;			/* the driver knows that another will take over */
	struct child sparer;		/* see spare_a_tag() */
	struct child helper;		/* see flush_users() and try_out() */
	struct child leaver;		/* the worker before this one, if that has not ended yet */
	bool dismissed;			/* and it is told to */
	int pipe;			/* from the worker */
	struct report report;		/* the last one */
	unsigned int reports;		/* how many there were */
	int finish_error;		/* what the backend's last work ended with */
	bool fetched, stopped, finished;	/* the worker has reported so */
	int result;			/* of the last control command that was waited for */
	int stops;			/* signals that ask for an end */
	int stats_timer;		/* -1: none */
	int watch;			/* inotify on the disk's node, for --autoclear; -1: none */
	bool used;			/* somebody has used it */
	bool ignore_hangup;
	bool calm;			/* nothing is under way with the disk, which is served or held */
	bool held;			/* when its server ends, another one waits until it is asked for */
	int asker;			/* pidfd of who waits until we have done what he has asked for; -1: nobody */
	int program;			/* which one; -1: none */
	int state_fd;			/* what the worker has for who adopts it, and shows what we understand; -1: nobody can */
	char score_found[8];		/* oom_score_adj before it was changed; "": it was not */
	int error;			/* what the device's end is reported with */
};

/* Devices of users are known by their node in every command. */
static inline struct ctrl_device keeper_target(const struct keeper *k)
{
	return (struct ctrl_device){
		.id = k->device.info.dev_id,
		.path = device_is_unprivileged(&k->device.info) ? k->device.char_path : NULL,
	};
}

/* --- events.c */

/* Wait until something happens, @limit_ms at most (-1: for ever). Returns what was seen, 0 when the time was over. */
unsigned int events_wait(struct keeper *k, int limit_ms);

/*
 * Wait for the result of START_DEV, STOP_DEV or END_USER_RECOVERY, which wait
 * for the worker. If it takes longer than @limit_ms, or a third signal comes,
 * the worker is killed, and then the driver fails what it waited for.
 */
int events_wait_ctrl(struct keeper *k, int limit_ms);

void events_tell_stats(const struct keeper *k);

/* Have its end seen; take its status, waiting for its end. */
int child_watch(struct child *child);
void child_reap(struct child *child);
/* Wait for its end, if that comes: it has long ended, unless what it waits for has hung, and that was said. */
void child_end(struct keeper *k, const struct child *child);
void worker_kill(struct keeper *k, const char *why);
void child_kill(const struct child *child);

/* --- steps, and what else is done at the end; @self is the keeper */

int memory_up(void *self);
int settle_up(void *self);
int ctrl_up(void *self);
int cpus_up(void *self);
int stats_up(void *self);

int add_up(void *self);
int find_up(void *self);		/* instead, if it was added long ago */
void add_down(void *self);
int name_up(void *self);
void name_down(void *self);
int node_up(void *self);
int share_up(void *self);

int worker_up(void *self);
void worker_down(void *self);
/* Another worker for one that died. True: it is served again. Requests have waited, or failed, as --recovery says. */
bool worker_follow(struct keeper *k);
/* That it does, when somebody asks for it, if the disk is held. */
bool worker_return(struct keeper *k);
/* The worker has all tags back. If another server is to have them, it is told that this is not the end. */
void worker_left(struct keeper *k);
/* The next worker. @dismiss, if not NULL: when it is prepared, and before it gets the device. 0 or -errno, said. */
int worker_succeed(struct keeper *k, int (*dismiss)(struct keeper *k));
/* Somebody has stopped or deleted it, which tells nobody? Whoever cannot tell is not gone. */
bool keeper_disk_is_gone(struct keeper *k);
/* In a child: everything that only the keeper may hold. */
void keeper_forget(struct keeper *k);
/* Have @child do what takes as long as the disk does. */
void keeper_hand_over(struct keeper *k, struct child *child, const char *name, void (*work)(struct keeper *k));

int params_up(void *self);
int start_up(void *self);
void start_down(void *self);
int ready_up(void *self);

/* Start timer and watch, where there are none: an adopted disk has none. 0 or -errno, said. */
int watches_up(void *self);

int command_up(void *self);
void command_down(void *self);
void command_end(struct keeper *k);

/* --- leaving.c */

/* Have the worker answer what it has begun and leave, which is answered. */
void worker_quiesce(struct keeper *k);
/* Another worker for one that serves, which stays if the other cannot. 0 or -errno, said. */
int worker_exchange(struct keeper *k);

/* --- upgrade.c, or stay.c in a program without ctl, whose keeper stays what it is */

struct signalfd_siginfo;
/* UPGRADE_SIGNAL has come. */
void upgrade_asked(struct keeper *k, const struct signalfd_siginfo *event);
/* Do what was asked for, if anything was, now that nothing is under way. */
void upgrade_do(struct keeper *k);
/* If the disk is held: until somebody asks for it, or it ends. */
void upgrade_hold(struct keeper *k);
/* What was asked for is done, if anything was. */
void upgrade_answer(struct keeper *k, int error);
/* This program is to go on with a disk. -ECANCELED if it was just to be tried whether it could; -errno, said. */
int upgrade_resume(struct keeper *k);
/* For the next worker: what it will have for who adopts the disk. And in that worker: nobody writes to it any more. */
void upgrade_prepare(struct keeper *k);
void upgrade_leave(struct keeper *k);
/* Tell who may have to go on without us; once for each worker, before its disk can be used. */
void upgrade_publish(struct keeper *k);

#endif
