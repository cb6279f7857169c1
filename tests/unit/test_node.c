/* SPDX-License-Identifier: MIT */
/* test_node.c - nodes that come late, not at all, or are others', and who uses them */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/ctrl.h"
#include "core/node.h"
#include "core/proc.h"
#include "core/use.h"
#include "core/util.h"
#include "tests/check.h"
#include "tests/unit/calls.h"
#include "tests/unit/model.h"
#include "tests/unit/said.h"

#define NUMBER "/sys/block/ublkb0/dev"

static char root[] = "/tmp/ublk-node-XXXXXX", dev[64], node[80];

static void begin(void)
{
	calls_clear();
	calls_fail_no_more();
	calls_put("/dev", NULL);
	calls_put(NUMBER, "259:7\n");
	calls_makes_nodes(0);
	calls_hurry(true);
	said_nothing();
}

static int wait_for_node(bool may_make, bool *made)
{
	*made = false;
	return node_wait(node, NUMBER, true, may_make, made);
}

static dev_t number_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (dev_t)st.st_size : 0;
}

/* --- one that stands in the way -------------------------------------------------------- */

static void an_earlier_node_is_replaced(void)
{
	bool made;

	begin();
	CHECK_EQ(calls_node(node, S_IFBLK | 0600, makedev(259, 1)), 0);
	CHECK_EQ(wait_for_node(true, &made), 0);
	CHECK(made && number_of(node) == makedev(259, 7));
	CHECK_EQ(wait_for_node(true, &made), 0);
	CHECK(!made);
}

static void an_earlier_node_is_told_of(void)
{
	bool made;

	begin();
	CHECK_EQ(calls_node(node, S_IFCHR | 0600, makedev(259, 1)), 0);
	CHECK_EQ(wait_for_node(false, &made), -EEXIST);
	CHECK(said("is the node of an earlier device") && !made);
	calls_fail_times("unlink", 0, 1, EPERM);
	CHECK_EQ(wait_for_node(true, &made), -EEXIST);
	CHECK(!made && number_of(node) == makedev(259, 1));
	calls_fail_times("mknod", 0, 1, EROFS);
	CHECK_EQ(wait_for_node(true, &made), -EACCES);		/* the other one is away all the same */
	CHECK(!made && access(node, F_OK) < 0);
}

/* --- one that may not be used ------------------------------------------------------------ */

static void why_it_cannot_be_used(void)
{
	static const struct { int error, result; const char *words; } errors[] = {
		{ EPERM, -EACCES, "device cgroup forbids" },
		{ EACCES, -EACCES, "still belongs to user" },
		{ ENOENT, -EACCES, "there is still no" },
		{ EIO, -EIO, "use " },
		{ EBUSY, -EBUSY, "use " },
	};
	bool made;

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		begin();
		calls_put("/dev/ublkb0", "");
		calls_fail_times("access", 0, 1000, errors[i].error);
		CHECK_EQ(wait_for_node(false, &made), errors[i].result);
		if (!CHECK(said(errors[i].words)))
			printf("#   of %s\n", strerror(errors[i].error));
	}
	calls_fail_times("stat", 0, 1, ENOENT);
	calls_fail_times("access", 0, 1000, EACCES);
	CHECK_EQ(wait_for_node(false, &made), -ENOENT);		/* gone in the meantime */
	CHECK(said("look at"));
}

static void why_the_server_cannot_open_it(void)
{
	static const struct { int error, result; const char *words; } errors[] = {
		{ EPERM, -EACCES, "device cgroup forbids" },
		{ EACCES, -EACCES, "mounted nodev" },
		{ EBUSY, -EBUSY, "only one can" },
		{ ENXIO, -ENXIO, "open " },
	};
	int fd;

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		begin();
		calls_put("/dev/ublkb0", "");
		calls_fail_times("open", 0, 1000, errors[i].error);
		CHECK_EQ(node_open_char(node), errors[i].result);
		if (!CHECK(said(errors[i].words)))
			printf("#   of %s\n", strerror(errors[i].error));
	}
	calls_fail_no_more();
	calls_fail_times("open", 0, 1, EBUSY);			/* udev has just looked at it */
	fd = node_open_char(node);
	CHECK(fd >= 0);
	close(fd);
	calls_fail_times("open", 0, 1, EINTR);
	fd = node_open_char("/dev/null");
	CHECK(fd >= 0);
	close(fd);
}

/* --- one that comes late -------------------------------------------------------------------- */

static void nobody_tells_that_it_comes(void)
{
	static const char *const calls[] = { "inotify_init1", "inotify_add_watch" };
	bool made;

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		begin();
		calls_put("/dev/ublkb0", "");
		calls_fail_times("access", 0, 1, ENOENT);
		calls_fail_times(calls[i], 0, 1, EMFILE);
		CHECK_EQ(wait_for_node(false, &made), -EACCES);
		CHECK(said("there is still no"));
		CHECK_EQ(wait_for_node(false, &made), 0);
	}
}

static void it_comes_late(void)
{
	char text[40];
	bool made;
	pid_t pid;

	begin();
	calls_hurry(false);
	pid = fork();
	if (!pid) {
		while (!proc_find_link(getppid(), "anon_inode:inotify", text, sizeof(text)))
			;
		calls_put("/dev/another", "");		/* and something else before it */
		calls_put("/dev/ublkb0", "");
		_exit(0);
	}
	calls_fail_times("poll", 0, 1, EINTR);
	CHECK_EQ(wait_for_node(false, &made), 0);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK_EQ(chdir(dev), 0);
	calls_fail_times("access", 0, 1, EACCES);			/* its directory is where we are */
	CHECK_EQ(node_wait("ublkb0", NUMBER, true, false, &made), 0);
	CHECK_EQ(chdir("/"), 0);
}

/* --- before there is one ---------------------------------------------------------------------- */

static int look_ahead(bool may_make, const char *words)
{
	struct shut shut = { 0 };
	int err = node_look_ahead(dev, UINT32_MAX, may_make, &shut);

	said_nothing();
	if (err) {
		shut_say(&shut);
		CHECK(said(words));
	}
	return err;
}

static void ahead_in_a_dev_that_is_the_kernels(void)
{
	char line[100];
	struct stat st;

	begin();
	CHECK_EQ(stat(dev, &st), 0);
	snprintf(line, sizeof(line), "20 1 %u:%u / /dev rw - devtmpfs x rw\n", major(st.st_dev), minor(st.st_dev));
	calls_put("/proc/self/mountinfo", line);
	calls_put("/proc/devices", "Character devices:\n244 ublk-char\n");
	CHECK(proc_is_devtmpfs(dev));
	if (stat("/dev", &st) || !proc_is_devtmpfs("/dev")) {	/* a node is made beside it to try */
		snprintf(line + strlen(line), sizeof(line) - strlen(line), "21 1 %u:%u / /dev rw - devtmpfs x rw\n",
			 major(st.st_dev), minor(st.st_dev));
		calls_put("/proc/self/mountinfo", line);
	}
	CHECK_EQ(look_ahead(false, ""), 0);
	calls_fail_times("mknod", 0, 1, EPERM);			/* others make them */
	CHECK_EQ(look_ahead(false, ""), 0);
	calls_fail_times("access", 0, 1, EPERM);
	CHECK_EQ(look_ahead(false, "device cgroup forbids"), -EACCES);
	calls_fail_times("access", 1, 1, EPERM);			/* the second is a disk's */
	CHECK_EQ(look_ahead(true, "device cgroup forbids"), -EACCES);
}

static void ahead_in_a_dev_of_our_own(void)
{
	begin();
	calls_put("/proc/devices", "Character devices:\n244 ublk-char\n");
	calls_fail_times("access", 0, 1, EPERM);
	CHECK_EQ(look_ahead(true, "device cgroup forbids"), -EACCES);
	calls_fail_times("unlink", 1, 1, EROFS);			/* the first is of one that was killed */
	CHECK_EQ(look_ahead(true, "device cgroup forbids"), -EACCES);
	calls_fail_times("mknod", 0, 1, EPERM);
	calls_put("/proc/self/ns/user", "");			/* another one than the machine's first */
	CHECK_EQ(look_ahead(true, "--no-mknod waits"), -EACCES);
	CHECK(!said("CAP") && !said("--cap-add"));
	calls_fail_times("mknod", 0, 1, EROFS);
	CHECK_EQ(look_ahead(true, "is private"), -EACCES);
}

/* --- who uses it --------------------------------------------------------------------------------- */

static int stop_error;

int ctrl_try_stop(struct ctrl *ctrl, struct ctrl_device device, int limit_ms)
{
	(void)ctrl;
	(void)device;
	(void)limit_ms;
	return stop_error;
}

static int stop(uint64_t features, const char *by)
{
	struct ctrl_device device = { .id = 0 };
	struct use use = { "" };
	int err = use_stop(NULL, device, node, features, &use);

	if (!CHECK(strstr(use.by, by)))
		printf("#   it is used by \"%s\", not by \"%s\"\n", use.by, by);
	return err;
}

static void who_uses_it(void)
{
	struct use use;
	int ready[2];
	char byte;
	pid_t pid;

	begin();
	CHECK_EQ(calls_node(node, S_IFBLK | 0600, makedev(259, 7)), 0);
	calls_put("/proc/self/mounts", "");
	CHECK(!use_find(node, &use));
	CHECK_EQ(stop(0, ""), -EAGAIN);
	CHECK_EQ(stop(UBLK_F_SAFE_STOP_DEV, ""), 0);
	stop_error = -EBUSY;
	CHECK_EQ(stop(UBLK_F_SAFE_STOP_DEV, "open"), -EBUSY);
	calls_fail_times("open", 1, 1, EBUSY);			/* behind the mounts */
	CHECK_EQ(stop(UBLK_F_SAFE_STOP_DEV, "claimed by"), -EBUSY);
	calls_fail_times("open", 1, 1, EACCES);
	CHECK_EQ(stop(0, ""), -EAGAIN);
	calls_fail_times("open", 1, 1, EINTR);
	CHECK_EQ(stop(0, ""), -EAGAIN);
	CHECK_EQ(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		_exit(open(node, O_RDONLY) < 0 || write(ready[1], "", 1) != 1 || pause());
	}
	CHECK_EQ(read(ready[0], &byte, 1), 1);
	CHECK_EQ(stop(0, "open in process"), -EBUSY);
	calls_put("/proc/self/mounts", "/dev/ublkb0p1 /mnt ext4 rw 0 0\n");
	CHECK_EQ(stop(0, "mounted at /mnt"), -EBUSY);
	kill(pid, SIGKILL);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	close(ready[0]);
	close(ready[1]);
}

static void who_uses_it_writes(void)
{
	unsigned int before = calls_flushed();
	char partition[100];

	begin();
	use_flush(node);					/* there is none, nor in /sys */
	CHECK_EQ(calls_flushed(), before);
	CHECK_EQ(calls_node(node, S_IFBLK | 0600, makedev(259, 7)), 0);
	snprintf(partition, sizeof(partition), "%sp1", node);
	CHECK_EQ(calls_node(partition, S_IFBLK | 0600, makedev(259, 8)), 0);
	calls_put("/sys/block/ublkb0/ublkb0p1", NULL);
	calls_put("/sys/block/ublkb0/ublkb0p2", NULL);		/* has no node */
	calls_put("/sys/block/ublkb0/queue", NULL);
	use_flush(node);
	CHECK_EQ(calls_flushed() - before, 2);
	calls_fail_times("ioctl", 0, 1, EIO);
	use_flush(node);					/* the partition is told all the same */
	CHECK_EQ(calls_flushed() - before, 3);
	calls_fail_times("open", 0, 1, EINTR);
	use_flush(node);
	CHECK_EQ(calls_flushed() - before, 5);
}

int main(void)
{
	static const struct test tests[] = {
		{ "a node of an earlier device is replaced", an_earlier_node_is_replaced },
		{ "or told of, where that cannot be", an_earlier_node_is_told_of },
		{ "why a node cannot be used is told", why_it_cannot_be_used },
		{ "and why the server cannot open its own", why_the_server_cannot_open_it },
		{ "without inotify there is no second try", nobody_tells_that_it_comes },
		{ "a node that comes late is seen", it_comes_late },
		{ "before there is a device it is known whether nodes will come by themselves", ahead_in_a_dev_that_is_the_kernels },
		{ "and whether they can be made", ahead_in_a_dev_of_our_own },
		{ "who uses a device is found: mounts, processes, claims", who_uses_it },
		{ "a device and all of its partitions are flushed", who_uses_it_writes },
	};
	int result;

	CHECK(mkdtemp(root));
	calls_root(root);
	snprintf(dev, sizeof(dev), "%s/dev", root);
	snprintf(node, sizeof(node), "%s/ublkb0", dev);
	result = check_main(tests, ARRAY_SIZE(tests));
	calls_clear();
	return result | rmdir(root);
}
