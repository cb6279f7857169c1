/* SPDX-License-Identifier: MIT */
/*
 * calls.h - between the program and the C library: any call can be counted, refused, or answered from another tree
 *
 * The sources are linked with called_open() for open() and so on, the tests with what the library has. What is said
 * here holds for all processes that are forked afterwards.
 */
#ifndef TESTS_UNIT_CALLS_H
#define TESTS_UNIT_CALLS_H

#include <stdbool.h>
#include <sys/types.h>

/* The process that calls_begin() was called in, its children in order, all others; who tries to be this program once more; who is. */
#define CALLERS 8

/* One call that fails. */
struct refusal {
	unsigned int caller, call, nth;		/* from 0 */
	unsigned int which;			/* of the errors that this call may end with */
	bool found;				/* by calls_next() */
};

/* The caller is the first of CALLERS from here on. */
void calls_begin(void);
/* Instead, in a process that was one of them and has executed the test once more. */
void calls_go_on(bool trial);
/* Note how often each caller makes each call, until something is refused. */
void calls_count(void);
/* Go through all that was counted; at most @most of one call by one caller. @r is all 0 in the beginning. */
bool calls_next(struct refusal *r, unsigned int most);
/* NULL: nothing. */
void calls_refuse(const struct refusal *r);
/* EINTR instead of the error, from now on; calls that cannot end so are not gone through. */
void calls_interrupt(bool interrupt);
bool calls_were_refused(void);
const char *calls_text(const struct refusal *r);
/* Without all that: call @name fails with @error, an errno, whoever makes it, after so many that work, so often. */
void calls_fail_times(const char *name, unsigned int after, unsigned int times, int error);
void calls_fail_no_more(void);
/* It alone, once, the @nth time from now on, 1 for the next; NULL: none. And has it? */
void calls_fail(const char *name, unsigned int nth, int error);
bool calls_failed(void);

/* Below /proc, /sys, /etc, /dev, /run, /sbin and /lib/modules, what there is in @root is found first. NULL: as it is. */
void calls_root(const char *root);
/* There: a file, with its directories; NULL: a directory. And all of it away again. */
void calls_put(const char *path, const char *text);
void calls_clear(void);
/* Who waits for something until a time comes waits no longer than until nothing happens: his clock goes on. */
void calls_hurry(bool hurry);
/* What becomes of loading a module, and of making a node, which calls_node() does then: 0 or an errno. */
void calls_loads(int error);
void calls_makes_nodes(int error);
/* What statx() says that direct I/O wants of memory and offsets. 0 and 0: nothing about it. */
void calls_says_of_direct(unsigned int memory, unsigned int offset);
/* A file that is a node for whoever looks what it is. 0 or -1. */
int calls_node(const char *path, mode_t mode, dev_t device);
/* A process that has @path open until it is killed; its name is "has-it". */
pid_t calls_holder(const char *path, int flags);
/* How often nodes were told to write what they have in memory. */
unsigned int calls_flushed(void);

#endif
