/* SPDX-License-Identifier: MIT */
/*
 * sandbox.h - what the worker gives up, and when
 *
 * sandbox_early    in the worker's main thread before any other exists: no new
 *                  privileges, nor what an exec could regain, no core dumps, no
 *                  debugger of the same user. Must not yet take the
 *                  capabilities: the driver looks for partitions only if
 *                  whoever fetches has CAP_SYS_ADMIN.
 * sandbox_thread   in each thread, after its last FETCH and before START_DEV:
 *                  its user and groups, and every capability.
 *
 * sandbox_process  in the main thread, for all that there are: system calls, when
 *                  all threads have fetched and before the disk is looked at,
 *                  and once more when it has been opened.
 *
 * The worker never sends a control command: a thread of the kernel's that did
 * so for it would keep all rights.
 */
#ifndef CORE_SANDBOX_H
#define CORE_SANDBOX_H

#include <stdatomic.h>

#include "core/user.h"

/* What not every kernel has, or not every container lets us have. */
enum sandbox_part {
	SANDBOX_LANDLOCK = 1 << 0,	/* no file can be reached */
	SANDBOX_SECCOMP  = 1 << 1,	/* no system calls but those with which the disk is served */
	SANDBOX_RINGS    = 1 << 2,	/* nor operations of io_uring, nor other files than the disk's */
};

struct sandbox {
	bool on;			/* or nothing but the capabilities is given up */
	struct user user;
	const char *applet;
	_Atomic uint32_t lacks;		/* enum sandbox_part: what could not be had */
};

enum sandbox_stage {
	SANDBOX_OPENING,		/* the disk may be opened: memory, threads, but no files */
	SANDBOX_SERVING,		/* nothing but requests */
};

/* It cannot be had, because of @error. */
void sandbox_without(struct sandbox *sandbox, enum sandbox_part part, int error);

/* All: 0 or -errno. */
int sandbox_early(struct sandbox *sandbox);
int sandbox_thread(struct sandbox *sandbox);
int sandbox_process(struct sandbox *sandbox, enum sandbox_stage stage);

#endif
