/* SPDX-License-Identifier: MIT */
/* node.c - device nodes */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "core/log.h"
#include "core/node.h"
#include "core/proc.h"
#include "core/text.h"
#include "core/util.h"

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
	int64_t end = now_ms() + NODE_LIMIT_MS;
	int result = attempt(path), watch;
	char events[1024];

	if (result != -ENOENT && result != -EACCES && result != -EBUSY)
		return result;
	watch = watch_directory(path);
	while (watch >= 0) {
		struct pollfd ready = { .fd = watch, .events = POLLIN };
		int64_t left = end - now_ms();

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

/* --- before there is a device -------------------------------------------------------- */

#define BLKEXT_MAJOR 259		/* of every ublkbN, and of others' disks */
#define LAST_MINOR ((1U << 20) - 1)	/* what only a rule for all of them allows */
#define CAP_NUMBER_MKNOD 27

/*
 * Make a node of @device in @dir for a moment, and look at it. The device cgroup
 * is asked by access() just as by open(), and nothing is opened.
 */
static int try_node(const char *dir, mode_t type, dev_t device, bool *made)
{
	char path[256];
	int err;

	text_format(path, sizeof(path), "%s/.ublk-try-%d", dir, (int)getpid());
	unlink(path);		/* of one that was killed in here; in a container numbers come back soon */
	if (mknod(path, type | 0600, device) < 0)
		return -errno;
	*made = true;
	err = check_access(path);
	return unlink(path) < 0 && !err ? -errno : err;
}

static int forbidden(struct shut *shut)
{
	shut_for(shut, -EACCES, "the device cgroup forbids the nodes of ublk disks");
	shut_cure(shut, "start the container with --device-cgroup-rule='c %u:* rmw' --device-cgroup-rule='b %d:* rmw'",
		  proc_char_major("ublk-char"), BLKEXT_MAJOR);
	return -EACCES;
}

/* Nobody makes nodes there, and we cannot. */
static int private(struct shut *shut, const char *dir, int err)
{
	bool userns = proc_in_namespace("user");

	if (err == -EPERM && !userns && proc_capable(CAP_NUMBER_MKNOD))
		return forbidden(shut);
	shut_for(shut, -EACCES, "%s is private, so the nodes of a disk do not appear there, nor can they be made: %s", dir,
		 strerror(-err));
	shut_cure(shut, "%suse the host's, with its udev rule for disks of users: -v /dev:/hostdev:rslave and "
		  "--dev-dir=/hostdev; --no-mknod waits for somebody else to make them",
		  userns ? "" : "run as root with --cap-add=MKNOD, or ");
	return -EACCES;
}

int node_look_ahead(const char *dir, uint32_t id, bool may_make, struct shut *shut)
{
	bool shared = proc_is_devtmpfs(dir), made = false;
	unsigned int char_major = proc_char_major("ublk-char");
	const char *place = !shared ? dir : proc_is_devtmpfs("/dev") ? "/tmp" : "/dev";	/* none that is everybody's */
	int err;

	if (!char_major || (!shared && !may_make))
		return 0;
	err = try_node(place, S_IFCHR, makedev(char_major, id <= LAST_MINOR ? id : LAST_MINOR), &made);
	if (!err)
		err = try_node(place, S_IFBLK, makedev(BLKEXT_MAJOR, LAST_MINOR), &made);
	if (!err || (shared && !made))
		return 0;
	return made ? forbidden(shut) : private(shut, dir, err);
}

/* --- when there is one --------------------------------------------------------------- */

/* What stands there is a node, and of another device. */
static bool is_stale(const char *path, dev_t device)
{
	struct stat st;

	return lstat(path, &st) == 0 && (S_ISBLK(st.st_mode) || S_ISCHR(st.st_mode)) && st.st_rdev != device;
}

static int make_node(const char *path, dev_t device, bool block)
{
	if (is_stale(path, device) && unlink(path) < 0)
		return -errno;
	return mknod(path, (block ? S_IFBLK : S_IFCHR) | 0600, device) < 0 ? -errno : 0;
}

static int explain_foreign(const char *path)
{
	struct stat st = { 0 };

	if (stat(path, &st) < 0)
		return fail(-errno, "look at %s", path);
	fail_plain(-EACCES, "%s still belongs to user %u and group %u, mode %04o, after %d s", path, st.st_uid, st.st_gid,
		   st.st_mode & 07777, NODE_LIMIT_MS / 1000);
	remedy("the host has no udev rule that gives disks to the users who made them (60-ublk.rules)");
	return -EACCES;
}

static int explain_forbidden(void)
{
	struct shut shut;

	forbidden(&shut);
	return shut_say(&shut);
}

static int explain_wait(const char *path, int err)
{
	if (err == -EPERM)
		return explain_forbidden();
	if (err == -EACCES)
		return explain_foreign(path);
	if (err != -ENOENT)
		return fail(err, "use %s", path);
	fail_plain(-EACCES, "there is still no %s after %d s", path, NODE_LIMIT_MS / 1000);
	remedy("nothing makes the node there: mount a devtmpfs, name the directory with --dev-dir, or run with CAP_MKNOD");
	return -EACCES;
}

int node_wait(const char *path, const char *sysfs, bool block, bool may_make, bool *made)
{
	dev_t device;
	bool known = proc_read_device(sysfs, &device) == 0;
	int err;

	if (known && may_make && (is_stale(path, device) || check_access(path) == -ENOENT) &&
	    make_node(path, device, block) == 0) {
		*made = true;
		info("made the node %s", path);
	}
	err = try_for_a_while(check_access, path);
	if (err)
		return explain_wait(path, err);
	if (known && is_stale(path, device)) {
		fail_plain(-EEXIST, "%s is the node of an earlier device", path);
		remedy("remove it");
		return -EEXIST;
	}
	return 0;
}

/* --- the server's own ---------------------------------------------------------------- */

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
	if (fd == -EPERM)
		return explain_forbidden();
	fail(fd, "open %s", path);
	if (fd == -EACCES)	/* access() does not see it */
		remedy("%s may be on a file system that is mounted nodev", path);
	else if (fd == -EBUSY)
		remedy("another process has it open, and only one can");
	return fd;
}
