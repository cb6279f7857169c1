/* SPDX-License-Identifier: MIT */
/*
 * budget.h - how much memory may still be taken without bringing the OOM killer
 *
 * What the machine calls available and what every memory cgroup above us has
 * left, whichever is least, less a margin for everybody else.
 */
#ifndef APPLETS_MEM_BUDGET_H
#define APPLETS_MEM_BUDGET_H

#include <stdint.h>

#define BUDGET_MARGIN (32ULL << 20)	/* bytes left to others */
#define BUDGET_LEVELS 8			/* cgroups with a limit, from ours to the root */

struct budget {
	int meminfo;			/* descriptors: nothing can be opened later */
	int max[BUDGET_LEVELS], current[BUDGET_LEVELS];
	unsigned int levels;
};

/* What cannot be read does not limit anything. */
void budget_open(struct budget *budget);
void budget_close(struct budget *budget);

/* Bytes, after the margin. Two or more system calls: not for every request. */
uint64_t budget_left(const struct budget *budget);

#endif
