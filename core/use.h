/* SPDX-License-Identifier: MIT */
/* use.h - who uses a device, and stopping it only if nobody does */
#ifndef CORE_USE_H
#define CORE_USE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/ctrl.h"

struct use {
	char by[300];		/* "mounted at /mnt", "open in process 812 (dd)", "open" */
};

/* Is the block device at @path mounted, claimed or open? Fills in @use if so. */
bool use_find(const char *path, struct use *use);

/*
 * Stop the device unless somebody has it open: then -EBUSY, and @use says who.
 * Linux 7.0 decides in the kernel (TRY_STOP_DEV), and nobody can slip in
 * between; on older ones nothing is stopped here, and -EAGAIN means that
 * nobody was found.
 */
int use_stop(struct ctrl *ctrl, struct ctrl_device device, const char *path, uint64_t features, struct use *use);

/* Have the file systems on the device at @path and its partitions write what they hold. Takes as long as the device does. */
void use_flush(const char *path);

#endif
