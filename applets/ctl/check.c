/* SPDX-License-Identifier: MIT */
/* check.c - the doctor: each lock that may be shut, and how to open it */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "applets/ctl/ctl.h"
#include "applets/ctl/device.h"
#include "core/driver.h"
#include "core/log.h"
#include "core/proc.h"
#include "core/status.h"
#include "core/text.h"
#include "core/util.h"

enum verdict { PASS, WARN, FAIL };

static enum verdict say(enum verdict verdict, const char *what, const char *detail, const char *cure)
{
	static const char *const names[] = { "PASS", "WARN", "FAIL" };

	text_out("%s  %-12s %s\n", names[verdict], what, detail);
	if (verdict != PASS && cure)
		text_out("      %-12s -> %s\n", "", cure);
	return verdict;
}

static enum verdict check_kernel(const struct ctl *ctl)
{
	static const char *const bad[] = { "6.18.4", "6.18.5" };	/* ADD_DEV oopses there */
	struct utsname system;

	(void)ctl;
	if (uname(&system) < 0)
		return say(WARN, "kernel", "uname() fails", NULL);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		size_t length = strlen(bad[i]);

		if (!strncmp(system.release, bad[i], length) && (system.release[length] < '0' || system.release[length] > '9'))
			return say(FAIL, "kernel", system.release, "this release crashes when a ublk device is added: update it");
	}
	return say(PASS, "kernel", system.release, NULL);
}

static enum verdict check_module(const struct ctl *ctl)
{
	char text[100];
	int err;

	(void)ctl;
	if (driver_present())
		return say(PASS, "driver", "ublk_drv is there", NULL);
	err = driver_load();
	if (!err)
		return say(PASS, "driver", "ublk_drv was not loaded; it is now", NULL);
	text_format(text, sizeof(text), "ublk_drv is not loaded and could not be: %s",
		    err == -ENOENT ? "this kernel has no such module" : strerror(-err));
	return say(FAIL, "driver", text, "as root: modprobe ublk_drv (Linux 6.1 or newer with CONFIG_BLK_DEV_UBLK)");
}

static enum verdict check_node(const struct ctl *ctl)
{
	char path[DEVICE_PATH_MAX], text[DEVICE_PATH_MAX + 64];

	text_format(path, sizeof(path), "%s/ublk-control", ctl->dev_dir);
	if (access(path, R_OK | W_OK) == 0)
		return say(PASS, "node", path, NULL);
	if (errno == ENOENT && !driver_present())
		return say(FAIL, "node", "not there without the driver", NULL);
	text_format(text, sizeof(text), "%s: %s", path, strerror(errno));
	return say(FAIL, "node", text, errno == ENOENT ? "mount a devtmpfs, give the container --device=/dev/ublk-control, "
		   "or use --dev-dir" : "be root, or have root let this user's group read and write it");
}

static enum verdict check_io_uring(const struct ctl *ctl)
{
	uint64_t disabled = 0;
	struct ring ring;
	char text[80];
	int err = ring_open(&ring, 4, RING_CONTROL);

	(void)ctl;
	if (!err) {
		ring_close(&ring);
		return say(PASS, "io_uring", "works", NULL);
	}
	if (proc_read_u64("/proc/sys/kernel/io_uring_disabled", &disabled) == 0 && disabled) {
		text_format(text, sizeof(text), "kernel.io_uring_disabled is %" PRIu64, disabled);
		return say(FAIL, "io_uring", text, "as root: sysctl kernel.io_uring_disabled=0");
	}
	return say(FAIL, "io_uring", strerror(-err),
		   "a seccomp profile that forbids io_uring_setup, or a kernel without CONFIG_IO_URING");
}

static enum verdict check_features(const struct ctl *ctl)
{
	struct ctrl ctrl = { .fd = -1 };
	char text[80];
	int err = driver_try(&ctrl, ctl->dev_dir);

	if (err)
		return say(WARN, "features", "the driver cannot be asked", NULL);
	if (ctrl.features_known)
		text_format(text, sizeof(text), "0x%" PRIx64, ctrl.features);
	else
		text_format(text, sizeof(text), "not told (before Linux 6.5)");
	ctrl_close(&ctrl);
	return say(PASS, "features", text, NULL);
}

static enum verdict check_rights(const struct ctl *ctl)
{
	char text[32];
	const char *at = text;
	uint64_t high;

	(void)ctl;
	/* CAP_SYS_ADMIN is bit 21: the sixth digit from the end, its second bit */
	if (proc_read_field("/proc/self/status", "CapEff", text, sizeof(text)) || strlen(text) < 6)
		return say(WARN, "rights", "/proc does not tell", NULL);
	at += strlen(text) - 6;
	high = (uint64_t)(*at >= 'a' ? *at - 'a' + 10 : *at - '0');
	if (high & 2)
		return say(PASS, "rights", "CAP_SYS_ADMIN: devices of any kind", NULL);
	return say(WARN, "rights", "no CAP_SYS_ADMIN: unprivileged devices only, and nobody scans them for partitions", NULL);
}

static enum verdict check_devices(const struct ctl *ctl)
{
	struct ctrl ctrl = { .fd = -1 };
	struct ctrl *asked = driver_try(&ctrl, ctl->dev_dir) ? NULL : &ctrl;
	struct found_list list = { 0 };
	unsigned int orphans = 0;
	char text[80];

	if (found_collect(&list, asked, ctl->dev_dir, NULL, 0)) {
		ctrl_close(&ctrl);
		return WARN;
	}
	for (unsigned int i = 0; i < list.count; i++)
		orphans += found_orphaned(&list.devices[i]);
	text_format(text, sizeof(text), "%u, of which %u dead and without a server", list.count, orphans);
	found_free(&list);
	ctrl_close(&ctrl);
	return say(orphans ? WARN : PASS, "devices", text, "ublk-ctl prune");
}

static enum verdict check_memory(const struct ctl *ctl)
{
	char text[64];

	(void)ctl;
	if (proc_read_field("/proc/meminfo", "MemAvailable", text, sizeof(text)))
		return say(WARN, "memory", "/proc/meminfo does not tell", NULL);
	strncat(text, " available", sizeof(text) - strlen(text) - 1);
	return say(PASS, "memory", text, NULL);
}

int ctl_check(const struct ctl *ctl)
{
	static enum verdict (*const checks[])(const struct ctl *ctl) = {
		check_kernel, check_module, check_node, check_io_uring, check_features, check_rights, check_devices,
		check_memory,
	};
	bool failed = false;

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		failed |= checks[i](ctl) == FAIL;
	return failed ? STATUS_FAILED : STATUS_OK;
}
