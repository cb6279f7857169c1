/* SPDX-License-Identifier: MIT */
/* volume.h - block devices by what is on them, where there may be no udev and no mount(8) */
#ifndef APPLETS_CTL_VOLUME_H
#define APPLETS_CTL_VOLUME_H

#include <stdbool.h>

#include "core/device.h"

/* Is @word a path, or one of LABEL=, UUID= and PARTUUID=? */
bool volume_is_named(const char *word);

/* The device that @word means, /dev/x or as above. 0; -ENODEV without saying so: it is not there, or not yet. */
int volume_find(const char *word, char node[DEVICE_PATH_MAX]);

/*
 * Mount the file system on @node at @dir, which is made if it is not there.
 * @type NULL: what it is is looked for. 0, or -errno after saying why.
 */
int volume_mount(const char *node, const char *dir, const char *type, unsigned long flags, const char *options);

#endif
