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
 * @text is NAME, UID, NAME:GID or UID:GID; NULL: the user of this program if
 * the machine has one, or else a number that nobody has. The worker stays who
 * it is where it could not be killed any more, or has no right to change.
 * 0, or a negative errno after saying why not.
 */
int user_choose(struct user *user, const char *text);

#endif
