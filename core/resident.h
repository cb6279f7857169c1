/* SPDX-License-Identifier: MIT */
/* resident.h - staying alive, and in memory, on a machine that has none left */
#ifndef CORE_RESIDENT_H
#define CORE_RESIDENT_H

#include <stdbool.h>
#include <stddef.h>

/* Is it what the kernel takes: -1000 to 1000? */
bool resident_score_is_valid(const char *score);

/* Let the OOM killer prefer or spare this process and its children from now on. 0 or -errno, said. */
int resident_score(const char *score);

/* The same, and nothing is said. -1000: never. -EACCES: to be spared more than now takes CAP_SYS_RESOURCE. */
int resident_set(const char *score);

/* Every page that this process touches from now on stays in memory. Children do not inherit it. 0 or -errno, said. */
int resident_lock(void);

/* Whole pages go back to the system, locked or not. @shared: of a mapping that others have as well. 0, or -1 with errno. */
int resident_drop(void *at, size_t length, bool shared);

#endif
