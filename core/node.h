/* SPDX-License-Identifier: MIT */
/*
 * node.h - the device nodes: wait for them, make them, open them
 *
 * devtmpfs has a node ready when the command that made the device returns.
 * Elsewhere it may be missing (a private /dev), or still belong to root until
 * udev has looked at it, so we watch the directory; nobody sleeps.
 */
#ifndef CORE_NODE_H
#define CORE_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/shut.h"

#define NODE_LIMIT_MS 5000

/*
 * Will the nodes of a disk that is yet to be made, number @id (ID_ANY: any), be
 * ours to use in @dir? Without them a user cannot even delete his device, so he
 * asks before he makes one. What cannot be known is hoped for: 0, or -EACCES
 * and which lock is shut.
 */
int node_look_ahead(const char *dir, uint32_t id, bool may_make, struct shut *shut);

/*
 * Until @path can be read and written by us, NODE_LIMIT_MS at most. If it is
 * not there and @may_make, it is made from the number in @sysfs ("MAJOR:MINOR"
 * in that file), with mode 0600; one of another number is what an earlier disk
 * left in a /dev of ours, and replaced. Returns 0, or -errno after saying why.
 */
int node_wait(const char *path, const char *sysfs, bool block, bool may_make, bool *made);

/* Open ublkcN, which only one may have open: udev may be looking at it just now. fd or -errno, said. */
int node_open_char(const char *path);

#endif
