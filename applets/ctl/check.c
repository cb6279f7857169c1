/* SPDX-License-Identifier: MIT */
/* check.c - the doctor: each lock that may be shut, and how to open it */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "applets/ctl/ctl.h"
#include "applets/ctl/device.h"
#include "applets/mem/budget.h"
#include "core/driver.h"
#include "core/log.h"
#include "core/node.h"
#include "core/proc.h"
#include "core/size.h"
#include "core/status.h"
#include "core/text.h"
#include "core/util.h"

#define CAP_NUMBER_SYS_ADMIN 21
#define FILES_ENOUGH 64		/* descriptors of a server with four queues, and some for what it serves */

enum verdict { PASS, WARN, FAIL };

/* Fills in what was seen, and for all but PASS the cure. */
typedef enum verdict check_fn(const struct ctl *ctl, struct shut *seen);

static enum verdict check_kernel(const struct ctl *ctl, struct shut *seen)
{
	static const char *const bad[] = { "6.18.4", "6.18.5" };	/* ADD_DEV oopses there */
	struct utsname system;

	(void)ctl;
	if (uname(&system) < 0) {
		shut_for(seen, 0, "uname() fails");
		return WARN;
	}
	shut_for(seen, 0, "%s", system.release);
	if (!strncmp(system.release, "6.16", 4) && proc_in_namespace("pid")) {
		shut_cure(seen, "this release starts no disk from another pid namespace: use that of the host (--pid=host)");
		return FAIL;
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		size_t length = strlen(bad[i]);

		if (strncmp(system.release, bad[i], length) || (system.release[length] >= '0' && system.release[length] <= '9'))
			continue;
		shut_cure(seen, "this release crashes when a ublk device is added: update it");
		return FAIL;
	}
	return PASS;
}

static enum verdict check_driver(const struct ctl *ctl, struct shut *seen)
{
	int err;

	(void)ctl;
	shut_for(seen, 0, "ublk_drv is there");
	if (driver_present())
		return PASS;
	err = driver_load("");
	shut_for(seen, 0, err ? "ublk_drv is not loaded and could not be: %s" : "ublk_drv was not loaded; it is now",
		 err == -ENOENT ? "this kernel has no such module" : strerror(-err));
	shut_cure(seen, "as root: modprobe ublk_drv (Linux 6.1 or newer with CONFIG_BLK_DEV_UBLK)");
	return err ? FAIL : PASS;
}

static enum verdict check_control(const struct ctl *ctl, struct shut *seen)
{
	int fd = driver_open(ctl->dev_dir, false, seen);

	if (fd < 0) {
		if (!driver_present())
			shut_for(seen, 0, "not there without the driver");
		return FAIL;
	}
	close(fd);
	shut_for(seen, 0, "%s/ublk-control can be opened", ctl->dev_dir);
	return PASS;
}

static enum verdict check_io_uring(const struct ctl *ctl, struct shut *seen)
{
	struct ring ring;
	int err = ring_open(&ring, 4, RING_CONTROL);

	(void)ctl;
	if (err) {
		driver_no_ring(seen, err);
		return FAIL;
	}
	ring_close(&ring);
	shut_for(seen, 0, "works");
	return PASS;
}

static enum verdict check_features(const struct ctl *ctl, struct shut *seen)
{
	struct ctrl ctrl = { .fd = -1 };

	shut_for(seen, 0, "the driver cannot be asked");
	if (driver_try(&ctrl, ctl->dev_dir))
		return WARN;
	if (ctrl.features_known)
		shut_for(seen, 0, "0x%" PRIx64, ctrl.features);
	else
		shut_for(seen, 0, "not told (before Linux 6.5)");
	ctrl_close(&ctrl);
	return PASS;
}

/* The kernel asks for it in the user namespace that the machine began with. */
static bool is_root(void)
{
	return proc_capable(CAP_NUMBER_SYS_ADMIN) && !proc_in_namespace("user");
}

static enum verdict check_rights(const struct ctl *ctl, struct shut *seen)
{
	(void)ctl;
	if (is_root()) {
		shut_for(seen, 0, "CAP_SYS_ADMIN: disks of any kind");
		return PASS;
	}
	shut_for(seen, 0, "%s: disks of a user only", proc_in_namespace("user") ? "in a user namespace" : "no CAP_SYS_ADMIN");
	shut_cure(seen, "such a disk works, but only root mounts it, and nobody looks for partitions");
	return WARN;
}

static enum verdict check_nodes(const struct ctl *ctl, struct shut *seen)
{
	bool shared = proc_is_devtmpfs(ctl->dev_dir);

	if (!proc_char_major("ublk-char")) {
		shut_for(seen, 0, "nothing can be known without the driver");
		return WARN;
	}
	if (node_look_ahead(ctl->dev_dir, UINT32_MAX, true, seen))
		return FAIL;
	shut_for(seen, 0, shared ? "the kernel makes them in %s" : "%s is private, and they can be made there", ctl->dev_dir);
	return PASS;
}

/* Who gives the nodes to the user that made the disk? */
static enum verdict check_udev(const struct ctl *ctl, struct shut *seen)
{
	static const char *const places[] = { "/etc", "/run", "/usr/local/lib", "/usr/lib" };
	char path[64];

	shut_for(seen, 0, "not needed here");
	if (is_root() || !proc_is_devtmpfs(ctl->dev_dir))
		return PASS;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		text_format(path, sizeof(path), "%s/udev/rules.d/60-ublk.rules", places[i]);
		shut_for(seen, 0, "%s", path);
		if (access(path, F_OK) == 0)
			return PASS;
	}
	shut_for(seen, 0, "there is no 60-ublk.rules here that gives disks to the users who made them");
	shut_cure(seen, "install it on the machine whose %s this is; a container does not see whether it is there", ctl->dev_dir);
	return WARN;
}

static enum verdict check_limits(const struct ctl *ctl, struct shut *seen)
{
	struct rlimit files = { 0 }, locked = { 0 };
	char text[SIZE_TEXT_MAX];

	(void)ctl;
	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || getrlimit(RLIMIT_MEMLOCK, &locked) < 0) {
		shut_for(seen, 0, "getrlimit() fails");
		return WARN;
	}
	shut_for(seen, 0, "%" PRIu64 " open files, %s of locked memory", (uint64_t)files.rlim_cur,
		 locked.rlim_cur == RLIM_INFINITY ? "any amount" : size_text(locked.rlim_cur, text));
	shut_cure(seen, "raise the limit of open files (ulimit -n %d)", FILES_ENOUGH);
	return files.rlim_cur < FILES_ENOUGH ? WARN : PASS;
}

static enum verdict check_memory(const struct ctl *ctl, struct shut *seen)
{
	struct budget budget;
	uint64_t left, machine;
	char text[SIZE_TEXT_MAX], wanted[SIZE_TEXT_MAX];

	budget_open(&budget);
	left = budget_left(&budget);
	machine = budget_left(&(struct budget){ .meminfo = budget.meminfo });
	budget_close(&budget);
	shut_for(seen, 0, "%s can be taken%s", size_text(left, text), left < machine ? ", which a memory cgroup limits" : "");
	if (ctl->size <= left)
		return PASS;
	shut_cure(seen, "%s is more: raise %s, or have a smaller disk", size_text(ctl->size, wanted),
		  left < machine ? "the limit of the container (--memory)" : "the memory of the machine");
	return FAIL;
}

static enum verdict check_devices(const struct ctl *ctl, struct shut *seen)
{
	struct ctrl ctrl = { .fd = -1 };
	struct ctrl *asked = driver_try(&ctrl, ctl->dev_dir) ? NULL : &ctrl;
	struct found_list list = { 0 };
	unsigned int orphans = 0;
	uint64_t most = UINT64_MAX;
	int err = found_collect(&list, asked, ctl->dev_dir, NULL, 0);
	enum verdict verdict = PASS;

	for (unsigned int i = 0; i < list.count && !err; i++)
		orphans += found_orphaned(&list.devices[i]);
	shut_for(seen, err, "%u, of which %u dead and without a server", list.count, orphans);
	if (orphans)
		shut_cure(seen, "ublk-ctl prune");
	proc_read_u64("/sys/module/ublk_drv/parameters/ublks_max", &most);
	if (!is_root() && list.count >= most) {
		shut_cure(seen, "all %" PRIu64 " slots may be taken: ublk-ctl prune, or a larger ublks_max of ublk_drv", most);
		verdict = WARN;
	}
	found_free(&list);
	ctrl_close(&ctrl);
	return err || orphans ? WARN : verdict;
}

static const struct {
	const char *name;
	check_fn *look;
} checks[] = {
	{ "kernel",	check_kernel },
	{ "driver",	check_driver },
	{ "control",	check_control },
	{ "io_uring",	check_io_uring },
	{ "features",	check_features },
	{ "rights",	check_rights },
	{ "nodes",	check_nodes },
	{ "udev",	check_udev },
	{ "limits",	check_limits },
	{ "memory",	check_memory },
	{ "devices",	check_devices },
};

static const char *const verdicts[] = { "PASS", "WARN", "FAIL" };

static void print_plain(const char *name, enum verdict verdict, const struct shut *seen)
{
	text_out("%s  %-9s %s\n", verdicts[verdict], name, seen->what);
	if (verdict != PASS && seen->cure[0])
		text_out("      %-9s -> %s\n", "", seen->cure);
}

static void print_json(const char *name, enum verdict verdict, const struct shut *seen)
{
	text_out("%s\n  {\"name\": \"%s\", \"result\": \"%s\", \"detail\": ", name == checks[0].name ? "" : ",", name,
		 verdicts[verdict]);
	text_out_json(seen->what);
	text_out(", \"remedy\": ");
	if (verdict != PASS && seen->cure[0])
		text_out_json(seen->cure);
	else
		text_out("null");
	text_out("}");
}

int ctl_check(const struct ctl *ctl)
{
	bool failed = false;

	if (ctl->json)
		text_out("{\"checks\": [");
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		struct shut seen = { 0 };
		enum verdict verdict = checks[i].look(ctl, &seen);

		failed |= verdict == FAIL;
		(ctl->json ? print_json : print_plain)(checks[i].name, verdict, &seen);
	}
	if (ctl->json)
		text_out("\n]}\n");
	return failed ? STATUS_FAILED : STATUS_OK;
}
