/* SPDX-License-Identifier: MIT */
/* user.c - whom the worker is to be */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "core/log.h"
#include "core/proc.h"
#include "core/spec.h"
#include "core/text.h"
#include "core/user.h"

#define USER_NAME "ublk"
#define USER_NUMBER 0x75626c6bU		/* "ublk": above all that systemd, containers and their like hand out */
#define CAPABILITIES (7 << 5)		/* CAP_KILL, CAP_SETGID and CAP_SETUID, as the kernel numbers them */

/* The file itself: libc would ask directories and load what knows them. "NAME:x:UID:GID:..." */
static int look_up(const char *name, uint64_t *uid)
{
	char entry[64];
	const char *at;
	int err = proc_read_field("/etc/passwd", name, entry, sizeof(entry));

	if (err)
		return err;
	at = strchr(entry, ':');
	return at && ++at && text_number(&at, uid) == 0 && *at == ':' ? 0 : -EINVAL;
}

/*
 * The group is not that of a name unless it is told: it may well be the group
 * whose members may talk to the driver.
 */
static int parse(const char *text, uint64_t *uid, uint64_t *gid)
{
	const char *colon = strchr(text, ':'), *at = text;
	char name[64];

	if (colon && text_is_number(colon + 1, gid))
		return fail_usage("--user is NAME or UID, and perhaps :GID, not '%s'", text);
	text_format(name, sizeof(name), "%.*s", colon ? (int)(colon - text) : (int)strlen(text), text);
	if (text_number(&at, uid) && look_up(name, uid))
		return fail_usage("--user: there is no user '%s' in /etc/passwd", name);
	if (*uid >= UINT32_MAX || *gid >= UINT32_MAX || !*uid || !*gid)
		return fail_usage("--user: the numbers are 1 to 4294967294");
	return 0;
}

int user_choose(struct user *user, const struct spec *spec)
{
	const char *text = spec->user;
	uint64_t uid = USER_NUMBER, gid = USER_NUMBER;
	int err = text ? parse(text, &uid, &gid) : 0;

	if (err)
		return err;
	if (!text && look_up(USER_NAME, &uid))
		uid = USER_NUMBER;
	*user = (struct user){ .uid = (uint32_t)uid, .gid = (uint32_t)gid, .insisted = text };
	/* CAP_KILL: or a worker that hangs could not be ended, and one without a keeper would stay. */
	user->change = (text || !spec->root) && !(CAPABILITIES & ~proc_capabilities("/proc/self/status", "CapEff"));
	if (!user->change && text)
		return fail_plain(-EPERM, "--user takes CAP_SETUID, CAP_SETGID and CAP_KILL");
	if (!user->change)
		info("the server stays the user it is");
	return 0;
}
