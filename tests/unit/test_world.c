/* SPDX-License-Identifier: MIT */
/*
 * test_world.c - what the program finds around it: the driver, its nodes and devices, users
 *
 * It finds them in a tree of the test's own, and time passes as soon as nothing happens. (tests/unit/calls.h)
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "core/ctrl.h"
#include "core/device.h"
#include "core/driver.h"
#include "core/log.h"
#include "core/name.h"
#include "core/node.h"
#include "core/proc.h"
#include "core/registry.h"
#include "core/shut.h"
#include "core/user.h"
#include "core/util.h"
#include "tests/check.h"
#include "tests/unit/calls.h"
#include "tests/unit/said.h"

static char root[] = "/tmp/ublk-world-XXXXXX", dev[64];

/* --- in the place of core/ctrl.c ------------------------------------------------------------- */

static int ring_error, with_path_error, without_path_error;

int ctrl_open(struct ctrl *ctrl, int fd)
{
	ctrl->fd = fd;
	return ring_error;
}

int ctrl_get_info(struct ctrl *ctrl, struct ctrl_device device, struct ublksrv_ctrl_dev_info *info)
{
	(void)ctrl;
	info->dev_id = device.id;
	return device.path ? with_path_error : without_path_error;
}

/* --- a tree ------------------------------------------------------------------------------ */

static void clear_tree(void)
{
	calls_clear();
	calls_put("/dev", NULL);
	calls_loads(0);
	said_nothing();
}

/* Why something is shut, and what would open it: as the program says it. */
static bool is_shut(const struct shut *shut, const char *words)
{
	shut_say(shut);
	return said(words);
}

/* --- devices that are there --------------------------------------------------------------- */

static void devices_are_listed(void)
{
	struct file_listing listing;
	unsigned int sum = 0, count = 0;
	uint32_t id;

	clear_tree();
	CHECK(registry_open(&listing) == -ENOENT || access(REGISTRY, F_OK) == 0);
	calls_put(REGISTRY "/ublkc0", NULL);
	calls_put(REGISTRY "/ublkc17", NULL);
	calls_put(REGISTRY "/ublkc", NULL);
	calls_put(REGISTRY "/ublkc3x", NULL);
	calls_put(REGISTRY "/ublkb9", NULL);
	CHECK_EQ(registry_open(&listing), 0);
	while (registry_next(&listing, &id)) {
		sum += id;
		count++;
	}
	file_listing_close(&listing);
	CHECK_EQ(count, 2);
	CHECK_EQ(sum, 17);
}

static int keeper_of(int pid, uint32_t space)
{
	struct ublksrv_ctrl_dev_info info = { .ublksrv_flags = device_mark(0, pid, space) };

	return registry_keeper(&info);
}

static void a_keeper_is_known(void)
{
	uint32_t here = proc_pid_space(DEVICE_SPACE_BITS);
	struct ublksrv_ctrl_dev_info foreign = { .ublksrv_flags = 5 };

	clear_tree();
	prctl(PR_SET_NAME, "ublk-mem", 0, 0, 0);
	CHECK_EQ(keeper_of(getpid(), here), getpid());
	CHECK_EQ(keeper_of(getpid(), here ^ 1), 0);		/* of another container */
	prctl(PR_SET_NAME, "sleep", 0, 0, 0);
	CHECK_EQ(keeper_of(getpid(), here), 0);			/* its number is somebody else's now */
	prctl(PR_SET_NAME, "test_world", 0, 0, 0);
	CHECK_EQ(keeper_of((1 << 22) + 1, here), 0);		/* there are none so high */
	CHECK_EQ(registry_keeper(&foreign), 0);
}

static void a_name_is_held(void)
{
	char name[DEVICE_NAME_MAX];
	int fd = name_hold("scratch", 5);

	CHECK(fd >= 0);
	CHECK(name_read(getpid(), 5, name));
	CHECK_TEXT(name, "scratch");
	CHECK(!name_read(getpid(), 6, name));
	CHECK(!name_read(0, 5, name));
	close(fd);
	CHECK(!name_read(getpid(), 5, name));
	fd = name_hold("no/name", 5);
	CHECK(!name_read(getpid(), 5, name));
	close(fd);
}

/* Some are known by their path alone, others without rights by their number. What the first says counts, if in doubt. */
static void a_device_is_asked_for(void)
{
	static const struct { int with, without, result; } answers[] = {
		{ 0, -EINVAL, 0 }, { -ENODEV, 0, -ENODEV }, { -EACCES, 0, -EACCES }, { -ENOENT, 0, 0 },
		{ -ENOENT, -EINVAL, -ENOENT }, { -ENOENT, -ENODEV, -ENODEV },
	};
	struct ublksrv_ctrl_dev_info info = { 0 };
	struct ctrl ctrl = { .fd = -1 };

	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		with_path_error = answers[i].with;
		without_path_error = answers[i].without;
		CHECK_EQ(registry_ask(&ctrl, 7, "/dev/ublkc7", &info), answers[i].result);
	}
}

/* --- whom the server is to be ------------------------------------------------------------- */

static struct user user;

static int choose(const char *text, bool of_root)
{
	const struct spec spec = { .user = text, .root = of_root };

	return user_choose(&user, &spec);
}

static void users_are_found(void)
{
	static const struct { const char *text; int err; uint32_t uid, gid; } asked[] = {
		{ "990", 0, 990, 0x75626c6b },
		{ "990:44", 0, 990, 44 },
		{ "disk-server", 0, 991, 0x75626c6b },
		{ "disk-server:45", 0, 991, 45 },
		{ "nobody-such", -EUSAGE, 0, 0 },
		{ "broken", -EUSAGE, 0, 0 },
		{ "short", -EUSAGE, 0, 0 },
		{ "990:", -EUSAGE, 0, 0 },
		{ "990:x", -EUSAGE, 0, 0 },
		{ "0", -EUSAGE, 0, 0 },
		{ "990:0", -EUSAGE, 0, 0 },
		{ "4294967295", -EUSAGE, 0, 0 },
		{ "990:4294967295", -EUSAGE, 0, 0 },
	};

	clear_tree();
	calls_put("/etc/passwd", "root:x:0:0\ndisk-server:x:991:7:::\nbroken:x:none:7\nshort:x\n");
	calls_put("/proc/self/status", "Name:\tx\nCapEff:\t00000000000000e0\n");
	for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
		int err = choose(asked[i].text, i % 2);

		if (!CHECK_EQ(err, asked[i].err) || err)
			continue;
		CHECK(user.uid == asked[i].uid && user.gid == asked[i].gid && user.insisted && user.change);
	}
	CHECK_EQ(choose(NULL, false), 0);
	CHECK(user.uid == 0x75626c6b && !user.insisted && user.change);
	CHECK_EQ(choose(NULL, true), 0);	/* init spares root alone */
	CHECK(!user.change);
	calls_put("/etc/passwd", "ublk:x:300:7:::\n");
	CHECK_EQ(choose(NULL, false), 0);
	CHECK_EQ(user.uid, 300);
	calls_put("/proc/self/status", "Name:\tx\nCapEff:\t00000000000000c0\n");	/* not CAP_KILL */
	CHECK_EQ(choose(NULL, false), 0);
	CHECK(!user.change);
	CHECK_EQ(choose("990", false), -EPERM);
}

/* --- the driver --------------------------------------------------------------------------- */

static int open_driver(bool modprobe, const char *words)
{
	struct shut shut = { 0 };
	int fd = driver_open(dev, modprobe, &shut);

	said_nothing();
	if (fd >= 0)
		close(fd);
	else
		CHECK(is_shut(&shut, words));
	return fd < 0 ? fd : 0;
}

static void the_driver_is_reached(void)
{
	char path[100];

	clear_tree();
	CHECK_EQ(open_driver(false, "--no-modprobe forbids"), -EOPNOTSUPP);
	calls_put("/sys/class/misc/ublk-control/dev", "10:123\n");
	CHECK(driver_present());
	CHECK_EQ(open_driver(true, "not its node"), -EACCES);
	calls_put("/dev/ublk-control", "");
	CHECK_EQ(open_driver(false, ""), 0);
	CHECK_EQ(open_driver(true, ""), 0);
	snprintf(path, sizeof(path), "%s/ublk-control", dev);
	CHECK_EQ(unlink(path), 0);
	CHECK_EQ(mkdir(path, 0700), 0);
	CHECK_EQ(open_driver(true, "cannot open"), -EISDIR);
}

static void a_ring_is_opened_with_it(void)
{
	struct ctrl ctrl = { .fd = -1 };

	clear_tree();
	CHECK_EQ(driver_try(&ctrl, dev), -ENOENT);
	CHECK_EQ(driver_reach(&ctrl, dev, false), -EOPNOTSUPP);
	calls_put("/dev/ublk-control", "");
	ring_error = -ENOMEM;
	CHECK_EQ(driver_try(&ctrl, dev), -ENOMEM);
	CHECK_EQ(driver_reach(&ctrl, dev, false), -ENOMEM);
	ring_error = 0;
	CHECK_EQ(driver_try(&ctrl, dev), 0);
	CHECK_EQ(close(ctrl.fd), 0);
	CHECK_EQ(driver_reach(&ctrl, dev, false), 0);
	CHECK_EQ(close(ctrl.fd), 0);
}

static void the_module_is_loaded(void)
{
	struct utsname ours;
	char path[200];

	clear_tree();
	CHECK_EQ(uname(&ours), 0);
	calls_put("/sbin/modprobe", "#!/bin/sh\nexit 1\n");
	snprintf(path, sizeof(path), "%s/sbin/modprobe", root);
	CHECK_EQ(chmod(path, 0755), 0);
	CHECK_EQ(open_driver(true, "this kernel has no such module"), -EOPNOTSUPP);
	snprintf(path, sizeof(path), "/lib/modules/%s/kernel/drivers/block/ublk_drv.ko.xz", ours.release);
	calls_put(path, "");
	CHECK_EQ(driver_load(""), 0);
	calls_loads(EEXIST);			/* somebody else was quicker */
	CHECK_EQ(driver_load(""), 0);
	calls_loads(EPERM);
	CHECK_EQ(driver_load(""), -EPERM);
	CHECK_EQ(open_driver(true, "Operation not permitted"), -EOPNOTSUPP);
	calls_loads(ENOEXEC);			/* modprobe knows more */
	CHECK_EQ(driver_load(""), -ENOENT);
	calls_put("/sbin/modprobe", "#!/bin/sh\ntest \"$1 $2\" = '-q ublk_drv'\n");
	CHECK_EQ(driver_load(""), 0);
}

/* Whatever it takes to load it may fail as well. */
static void the_module_cannot_be_loaded(void)
{
	char path[100];

	clear_tree();
	calls_fail_times("uname", 0, 1, EFAULT);
	CHECK_EQ(driver_load(""), -ENOENT);			/* there is no modprobe either */
	calls_fail_times("fork", 0, 1, EAGAIN);
	CHECK_EQ(driver_load(""), -EAGAIN);
	calls_fail_times("waitpid", 0, 1, ECHILD);
	CHECK_EQ(driver_load(""), -ECHILD);
	calls_fail_times("waitpid", 0, 1, EINTR);
	CHECK_EQ(driver_load(""), -ENOENT);
	calls_put("/sbin/modprobe", "#!/bin/sh\nkill -9 $$\n");
	snprintf(path, sizeof(path), "%s/sbin/modprobe", root);
	CHECK_EQ(chmod(path, 0755), 0);
	CHECK_EQ(driver_load(""), -ENOENT);
	calls_put("/module", "");
	snprintf(path, sizeof(path), "%s/module", root);
	calls_fail_times("open", 0, 1, EINTR);
	CHECK_EQ(driver_load_file(path, ""), 0);
	calls_put("/module.ko", "");
	strcat(path, ".ko");
	CHECK_EQ(driver_load_file(path, ""), 0);
	calls_loads(EINVAL);
	CHECK_EQ(driver_load_file(path, ""), -EINVAL);
	CHECK_EQ(driver_load_file("/nowhere/at/all", ""), -ENOENT);
	calls_fail_no_more();
}

/* The node is there, and closed. */
static void the_driver_is_shut(void)
{
	static const struct { int error, result; const char *words; } rows[] = {
		{ EPERM, -EPERM, "the device cgroup forbids it" },
		{ EIO, -EIO, "cannot open" },
		{ ENODEV, -EACCES, "not its node" },
		{ ENXIO, -EACCES, "not its node" },
	};
	char path[100];

	clear_tree();
	calls_put("/dev/ublk-control", "");
	calls_put("/sys/class/misc/ublk-control/dev", "10:123\n");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		calls_fail_times("open", 0, 1, rows[i].error);
		CHECK_EQ(open_driver(true, rows[i].words), rows[i].result);
	}
	snprintf(path, sizeof(path), "%s/ublk-control", dev);
	CHECK_EQ(chmod(path, 0600), 0);
	calls_fail_times("open", 0, 1, EACCES);
	CHECK_EQ(open_driver(true, "chgrp GROUP"), -EACCES);
	CHECK(chmod(path, 0660) == 0 && (geteuid() || chown(path, 0, 7) == 0));
	calls_fail_times("open", 0, 1, EACCES);
	CHECK_EQ(open_driver(true, "put this user into group"), -EACCES);
	calls_fail_times("open", 0, 1, EACCES);
	calls_fail_times("stat", 0, 2, ENOENT);			/* it went meanwhile */
	CHECK_EQ(open_driver(true, "cannot open"), -EACCES);
	calls_fail_times("open", 0, 1, EINTR);
	CHECK_EQ(open_driver(true, ""), 0);
	calls_fail_no_more();
}

static int no_ring(int err, const char *words)
{
	struct shut shut = { 0 };
	int status = driver_no_ring(&shut, err);

	said_nothing();
	CHECK(is_shut(&shut, words));
	return status;
}

static void io_uring_may_be_shut(void)
{
	clear_tree();
	calls_put("/proc/sys/kernel/io_uring_disabled", "0\n");
	calls_put("/proc/self/status", "Seccomp:\t0\n");
	CHECK_EQ(no_ring(-EPERM, "cannot set up io_uring"), -EPERM);
	CHECK_EQ(no_ring(-ENOMEM, "limit on locked memory"), -ENOMEM);
	CHECK_EQ(no_ring(-ENOSYS, "built without it"), -EOPNOTSUPP);
	calls_put("/proc/self/status", "Seccomp:\t2\n");
	CHECK_EQ(no_ring(-EPERM, "docker"), -EACCES);
	CHECK_EQ(no_ring(-ENOSYS, "podman"), -EACCES);
	CHECK_EQ(no_ring(-EMFILE, "cannot set up io_uring"), -EMFILE);
	calls_put("/proc/sys/kernel/io_uring_disabled", "1\n");
	CHECK_EQ(no_ring(-EPERM, "kernel.io_uring_group"), -EOPNOTSUPP);
	calls_put("/proc/sys/kernel/io_uring_disabled", "2\n");
	CHECK_EQ(no_ring(-EPERM, "kernel.io_uring_disabled=2"), -EOPNOTSUPP);
}

/* --- nodes -------------------------------------------------------------------------------- */

static int wait_node(const char *sysfs, bool may_make, bool *made)
{
	char path[100];

	snprintf(path, sizeof(path), "%s/ublkb0", dev);
	said_nothing();
	*made = false;
	return node_wait(path, sysfs, true, may_make, made);
}

static void nodes_come_or_not(void)
{
	bool made;

	clear_tree();
	CHECK_EQ(wait_node("/sys/none", true, &made), -EACCES);
	CHECK(said("there is still no") && !made);
	calls_put("/dev/ublkb0", "");
	CHECK_EQ(wait_node("/sys/none", true, &made), 0);
	CHECK(!made);
	calls_put("/sys/block/ublkb0/dev", "259:7\n");
	CHECK_EQ(wait_node("/sys/block/ublkb0/dev", true, &made), 0);
	CHECK(!made);				/* a file of that name: whoever put it there */
	clear_tree();
	calls_put("/sys/block/ublkb0/dev", "259:7\n");
	CHECK_EQ(wait_node("/sys/block/ublkb0/dev", false, &made), -EACCES);
	CHECK(!made);
	calls_makes_nodes(0);
	CHECK_EQ(wait_node("/sys/block/ublkb0/dev", true, &made), 0);
	CHECK(made);
	calls_put("/sys/block/ublkb0/dev", "nonsense\n");
	CHECK_EQ(wait_node("/sys/block/ublkb0/dev", true, &made), 0);
}

static int look_ahead(bool may_make, const char *words)
{
	struct shut shut = { 0 };
	int err = node_look_ahead(dev, 3, may_make, &shut);

	said_nothing();
	if (err)
		CHECK(is_shut(&shut, words));
	return err;
}

static void nodes_are_looked_ahead_for(void)
{
	clear_tree();
	calls_put("/proc/devices", "Character devices:\n  1 mem\n\nBlock devices:\n244 ublk-char\n");
	CHECK_EQ(look_ahead(true, ""), 0);			/* the driver is not there to be asked */
	calls_put("/proc/devices", "Character devices:\n  1 mem\n244 ublk-char\n\nBlock devices:\n");
	calls_makes_nodes(0);
	CHECK_EQ(look_ahead(true, ""), 0);
	CHECK_EQ(look_ahead(false, ""), 0);
	calls_makes_nodes(EROFS);
	CHECK_EQ(look_ahead(true, "is private"), -EACCES);
	calls_makes_nodes(EPERM);
	calls_put("/proc/self/status", "CapEff:\t0000000000000000\n");
	CHECK_EQ(look_ahead(true, "--dev-dir=/hostdev"), -EACCES);
	if (!proc_in_namespace("user")) {
		calls_put("/proc/self/status", "CapEff:\tffffffffffffffff\n");
		CHECK_EQ(look_ahead(true, "device cgroup"), -EACCES);
	}
}

static void the_server_opens_its_node(void)
{
	char path[100];
	int fd;

	clear_tree();
	snprintf(path, sizeof(path), "%s/ublkc0", dev);
	CHECK_EQ(node_open_char(path), -ENOENT);
	calls_put("/dev/ublkc0", "");
	fd = node_open_char(path);
	CHECK(fd >= 0);
	close(fd);
}

int main(void)
{
	static const struct test tests[] = {
		{ "devices are listed by their numbers, and nothing else", devices_are_listed },
		{ "a keeper is one that lives, here, and is of this program", a_keeper_is_known },
		{ "a device is asked for as it wants to be", a_device_is_asked_for },
		{ "a name is what its keeper holds", a_name_is_held },
		{ "the server's user is found, with numbers that are nobody's otherwise", users_are_found },
		{ "the driver is reached, or it is said what is missing", the_driver_is_reached },
		{ "a ring is opened with it", a_ring_is_opened_with_it },
		{ "the module is loaded, directly or by modprobe", the_module_is_loaded },
		{ "or cannot be loaded, in whatever way", the_module_cannot_be_loaded },
		{ "a driver that is shut says who could open it", the_driver_is_shut },
		{ "why there is no io_uring is found out", io_uring_may_be_shut },
		{ "nodes are waited for, and made where that may be", nodes_come_or_not },
		{ "whether nodes will come is looked ahead for", nodes_are_looked_ahead_for },
		{ "a server opens its node", the_server_opens_its_node },
	};
	int result;

	CHECK(mkdtemp(root));
	snprintf(dev, sizeof(dev), "%s/dev", root);
	calls_root(root);
	calls_put("/dev", NULL);
	calls_hurry(true);
	result = check_main(tests, ARRAY_SIZE(tests));
	clear_tree();
	snprintf(dev, sizeof(dev), "rm -rf %s", root);
	return system(dev) ? 1 : result;
}
