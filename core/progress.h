/* SPDX-License-Identifier: MIT */
/* progress.h - one line on standard error that tells how far something is */
#ifndef CORE_PROGRESS_H
#define CORE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	const char *verb, *name;
	uint64_t whole;		/* bytes; 0: nobody knows */
	uint64_t shown;		/* steps shown so far, progress.c's */
	bool on;
};

/* @done bytes are. Says nothing that it has said before. */
void progress_show(struct progress *progress, uint64_t done);
/* The line is left as it is. */
void progress_end(const struct progress *progress);

#endif
