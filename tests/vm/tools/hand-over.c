/* SPDX-License-Identifier: MIT */
/*
 * hand-over UID - give every ublk node that appears in /dev to a user, as a
 * udev rule would; a line "watching" when it is at work, until somebody ends us
 *
 * The kernel makes a node and then gives it its mode and owner, and only what
 * comes after that lasts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

static void hand_over(const char *name, uid_t uid)
{
	struct stat st;

	if ((strncmp(name, "ublkb", 5) && strncmp(name, "ublkc", 5)) || stat(name, &st) < 0 || st.st_uid == uid)
		return;
	if (chown(name, uid, (gid_t)uid) < 0)
		perror(name);
}

int main(int argc, char **argv)
{
	_Alignas(struct inotify_event) char events[4096];
	int watch = inotify_init(), uid = argc == 2 ? atoi(argv[1]) : 0;
	ssize_t n;

	if (!uid || watch < 0 || chdir("/dev") < 0 || inotify_add_watch(watch, ".", IN_ATTRIB) < 0)
		return 1;
	n = write(STDOUT_FILENO, "watching\n", 9);
	while (n > 0) {
		n = read(watch, events, sizeof(events));
		for (char *at = events; n > 0 && at < events + n;) {
			const struct inotify_event *event = (const void *)at;

			if (event->len)
				hand_over(event->name, (uid_t)uid);
			at += sizeof(*event) + event->len;
		}
	}
	return 1;
}
