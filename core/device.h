/* SPDX-License-Identifier: MIT */
/* device.h - a device as keeper and worker share it, and what we leave in the kernel about it */
#ifndef CORE_DEVICE_H
#define CORE_DEVICE_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/features.h"
#include "core/region.h"
#include "core/spec.h"
#include "core/stats.h"
#include "core/uapi.h"
#include "core/user.h"

#define DEVICE_PATH_MAX 200

struct device {
	struct ublksrv_ctrl_dev_info info;	/* as ADD_DEV returned it */
	struct features features;
	bool legacy;				/* bare command numbers */
	char char_path[DEVICE_PATH_MAX];	/* ublkcN */
	char block_path[DEVICE_PATH_MAX];	/* ublkbN */
	struct region region;			/* shared with users of the disk */
	struct stats stats;			/* what the server counts */
	struct user user;			/* whom the worker is to be */
	cpu_set_t *cpus;			/* one per queue; NULL: nobody is pinned */
};

/*
 * info.ublksrv_flags is ours to use and readable by everybody who may see the
 * device: it says whose the device is before its server has started, and when
 * it is gone.
 */
#define DEVICE_MAGIC 0x7562ULL			/* "ub" */
#define DEVICE_FOREIGN 0xff			/* the applet of a program that is linked with core */
#define DEVICE_PID_BITS 22			/* the kernel's PID_MAX_LIMIT */
#define DEVICE_SPACE_BITS 18			/* of the pid namespace, in which alone the pid means something */

static inline uint64_t device_mark(unsigned int applet, int keeper, uint32_t space)
{
	return DEVICE_MAGIC << 48 | (uint64_t)(applet & 0xff) << (DEVICE_PID_BITS + DEVICE_SPACE_BITS) |
	       (uint64_t)space << DEVICE_PID_BITS | (uint32_t)keeper;
}

static inline bool device_is_ours(uint64_t mark) { return mark >> 48 == DEVICE_MAGIC; }
static inline unsigned int device_applet(uint64_t mark) { return mark >> (DEVICE_PID_BITS + DEVICE_SPACE_BITS) & 0xff; }
static inline uint32_t device_space(uint64_t mark) { return mark >> DEVICE_PID_BITS & ((1U << DEVICE_SPACE_BITS) - 1); }
static inline int device_keeper(uint64_t mark) { return (int)(mark & ((1U << DEVICE_PID_BITS) - 1)); }

static inline bool device_is_unprivileged(const struct ublksrv_ctrl_dev_info *info)
{
	return info->flags & UBLK_F_UNPRIVILEGED_DEV;
}

#endif
