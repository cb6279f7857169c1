/* SPDX-License-Identifier: MIT */
/* node.c - device nodes */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/log.h"
#include "core/node.h"
#include "core/proc.h"
#include "core/text.h"
#include "core/util.h"

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000L + ts.tv_nsec / 1000000L;
}

/* Watch the directory of @path for nodes that come, change owner or are closed. */
static int watch_directory(const char *path)
{
	char dir[256];
	const char *slash = strrchr(path, '/');
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (fd < 0)
		return -1;
	text_format(dir, sizeof(dir), "%.*s", slash && slash != path ? (int)(slash - path) : 1, slash ? path : ".");
	if (inotify_add_watch(fd, dir, IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_CLOSE) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/*
 * Try @attempt until it stops returning one of the errors that pass, or the
 * time is over. Between two tries something happened in the directory. Without
 * inotify there is no second try.
 */
static int try_for_a_while(int (*attempt)(const char *path), const char *path)
{
	long end = now_ms() + NODE_LIMIT_MS;
	int result = attempt(path), watch;
	char events[1024];

	if (result != -ENOENT && result != -EACCES && result != -EBUSY)
		return result;
	watch = watch_directory(path);
	while (watch >= 0) {
		struct pollfd ready = { .fd = watch, .events = POLLIN };
		long left = end - now_ms();

		result = attempt(path);		/* again: it may have come before we looked */
		if ((result != -ENOENT && result != -EACCES && result != -EBUSY) || left <= 0)
			break;
		if (RETRY(poll(&ready, 1, (int)left)) > 0)
			while (read(watch, events, sizeof(events)) > 0)
				;
	}
	if (watch >= 0)
		close(watch);
	return result;
}

static int check_access(const char *path)
{
	return access(path, R_OK | W_OK) < 0 ? -errno : 0;
}

static int make_node(const char *path, const char *sysfs, bool block)
{
	dev_t device;
	int err = proc_read_device(sysfs, &device);

	if (err)
		return err;
	return mknod(path, (block ? S_IFBLK : S_IFCHR) | 0600, device) < 0 ? -errno : 0;
}

int node_wait(const char *path, const char *sysfs, bool block, bool may_make, bool *made)
{
	int err = check_access(path);

	if (err == -ENOENT && may_make && make_node(path, sysfs, block) == 0) {
		*made = true;
		info("made the node %s", path);
	}
	err = try_for_a_while(check_access, path);
	if (!err)
		return 0;
	fail(err, "use %s", path);
	if (err == -ENOENT)
		remedy("nothing makes the node there: mount a devtmpfs, name the directory with --dev-dir, or run with CAP_MKNOD");
	else if (err == -EACCES)
		remedy("it does not belong to this user: a udev rule, or somebody with rights, must chown it to its owner");
	return err;
}

static int open_read_write(const char *path)
{
	int fd = RETRY(open(path, O_RDWR | O_CLOEXEC));

	return fd < 0 ? -errno : fd;
}

int node_open_char(const char *path)
{
	int fd = try_for_a_while(open_read_write, path);

	if (fd >= 0)
		return fd;
	fail(fd, "open %s", path);
	if (fd == -EPERM)
		remedy("the device cgroup forbids it: allow ublk's character devices (see ublk-char in /proc/devices)");
	else if (fd == -EBUSY)
		remedy("another process has it open, and only one can");
	return fd;
}
