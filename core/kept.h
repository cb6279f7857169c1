/* SPDX-License-Identifier: MIT */
/*
 * kept.h - what the service manager keeps, so that a disk can go on when both of its processes were killed
 *
 * systemd takes descriptors over NOTIFY_SOCKET where the unit has FileDescriptorStoreMax=, and hands them to the
 * program when it starts that again. It is given what a keeper that adopts a disk takes from its server: the state, and
 * all descriptors that this names, each called by its number. Never the device: its driver waits until nobody has that.
 */
#ifndef CORE_KEPT_H
#define CORE_KEPT_H

#include <stdbool.h>

struct state;

/* Have it keep @fd, a sealed state, and what @state names. */
void kept_give(const struct state *state, int fd);
/* The disk is gone, and so is the use of all that. */
void kept_forget(void);

/*
 * If we are started again and were given a state: go on as the process that
 * left it, with its number. Returns if there is none; 0, or -errno, said.
 */
int kept_receive(void);

#endif
