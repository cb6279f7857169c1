/* SPDX-License-Identifier: MIT */
/*
 * sandbox.h - what the worker gives up, and when
 *
 * sandbox_early    in the worker's main thread before any other exists: no new
 *                  privileges, no core dumps, no debugger of the same user.
 *                  Must not yet take the capabilities: the driver looks for
 *                  partitions only if whoever fetches has CAP_SYS_ADMIN.
 * sandbox_thread   in each thread, after its last FETCH and before START_DEV:
 *                  every capability, including what an exec could regain.
 *
 * The worker never sends a control command: a thread of the kernel's that did
 * so for it would keep all rights. Limits on system calls, on the rings and on
 * the file system belong into sandbox_thread and the end of worker.c's list.
 */
#ifndef CORE_SANDBOX_H
#define CORE_SANDBOX_H

/* Both: 0 or -errno. */
int sandbox_early(void);
int sandbox_thread(void);

#endif
