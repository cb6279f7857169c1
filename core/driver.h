/* SPDX-License-Identifier: MIT */
/* driver.h - reach ublk_drv: load it if need be, open its node, make a ring, or say which lock is shut */
#ifndef CORE_DRIVER_H
#define CORE_DRIVER_H

#include <stdbool.h>

#include "core/ctrl.h"
#include "core/shut.h"

/* 0, or -errno after saying why and what to do. */
int driver_reach(struct ctrl *ctrl, const char *dev_dir, bool modprobe);

/* As it is, or not at all: 0, or -errno. Loads nothing and says nothing. */
int driver_try(struct ctrl *ctrl, const char *dev_dir);

/* The two halves of it, which say nothing: the control node's descriptor or -errno... */
int driver_open(const char *dev_dir, bool modprobe, struct shut *shut);
/* ...and why io_uring refuses, @err. Returns what that means to the user. */
int driver_no_ring(struct shut *shut, int err);

/* Is it loaded, or built in? */
bool driver_present(void);

/* Load the module with these parameters, by ourselves or, without them, through modprobe. 0, or -errno; says nothing. */
int driver_load(const char *parameters);

/* Any module, packed or not. 0, also if it is there already, or -errno; says nothing. */
int driver_load_file(const char *path, const char *parameters);

#endif
