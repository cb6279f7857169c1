/* SPDX-License-Identifier: MIT */
/* user.h - who the worker is to be */
#ifndef CORE_USER_H
#define CORE_USER_H

#include <stdbool.h>
#include <stdint.h>

struct user {
	bool change;		/* to be these: */
	uint32_t uid, gid;
	bool insisted;		/* and nothing is to be served if that cannot be */
};

/*
 * As --user says, NAME, UID, NAME:GID or UID:GID; or else the user of this
 * program if the machine has one, or else a number that nobody has. The worker
 * stays who it is where it could not be killed any more, or has no right to
 * change; and with --root, as init spares nobody but root.
 * 0, or a negative errno after saying why not.
 */
struct spec;
int user_choose(struct user *user, const struct spec *spec);

#endif
