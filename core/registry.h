/* SPDX-License-Identifier: MIT */
/* registry.h - the kernel's: every device that was added, started or not, whoever serves it */
#ifndef CORE_REGISTRY_H
#define CORE_REGISTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/ctrl.h"
#include "core/file.h"
#include "core/uapi.h"

#define REGISTRY "/sys/class/ublk-char"

/* Numbers of devices, in no order: 0, or -errno where the driver is not; then until it is false. */
int registry_open(struct file_listing *listing);
bool registry_next(struct file_listing *listing, uint32_t *id);

/* With its path every device answers its owner and root; without, where there is no node or the kernel is old, root. */
int registry_ask(struct ctrl *ctrl, uint32_t id, const char *char_path, struct ublksrv_ctrl_dev_info *info);

/* Made in another pid namespace: its numbers say nothing here. */
bool registry_is_elsewhere(const struct ublksrv_ctrl_dev_info *info);

/* The process that made it, if that is one of ours and alive; else 0. */
int registry_keeper(const struct ublksrv_ctrl_dev_info *info);

#endif
