/* SPDX-License-Identifier: MIT */
/*
 * name.h - what a user calls a device
 *
 * The kernel keeps only numbers. A name lives as long as the keeper, as the
 * name of a memory file that the keeper has open and /proc shows to who may
 * look into it: nothing to remove, and nothing to read. The number of the
 * device stands in it, so that another device, whose mark names this keeper,
 * does not get its name.
 */
#ifndef CORE_NAME_H
#define CORE_NAME_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define DEVICE_NAME_MAX 64	/* bytes, with NUL */

/* Letters, digits and "._+-", and neither a number nor a node's name. */
bool name_is_valid(const char *name);

/* Let device @id have @name until the descriptor that is returned is closed. -errno on failure. */
int name_hold(const char *name, uint32_t id);

/* The name that @keeper, 0 if there is none, holds for device @id. False: none, or we may not look. */
bool name_read(pid_t keeper, uint32_t id, char name[DEVICE_NAME_MAX]);

#endif
