/* SPDX-License-Identifier: MIT */
/* affinity.h - which CPUs a queue thread should run on */
#ifndef CORE_AFFINITY_H
#define CORE_AFFINITY_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

/* How many CPUs this process may use, 1 if that is not known. */
uint32_t affinity_count(void);

/* "0-3,8" into @cpus. 0, or -EINVAL. */
int affinity_parse(const char *list, cpu_set_t *cpus);

/*
 * The CPUs of a thread: where the driver queues its requests from (@queue),
 * within what we may use (@allowed) and, if given, what the user chose (@list).
 * A list that has none of the queue's CPUs counts by itself. False: nothing is
 * left, do not pin.
 */
bool affinity_choose(const cpu_set_t *queue, const cpu_set_t *allowed, const cpu_set_t *list, cpu_set_t *cpus);

/* "0-3,8" from @cpus, cut at @limit. */
void affinity_text(const cpu_set_t *cpus, char *text, unsigned int limit);

#endif
