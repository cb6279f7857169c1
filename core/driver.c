/* SPDX-License-Identifier: MIT */
/* driver.c - from nothing to an open control node */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/driver.h"
#include "core/log.h"
#include "core/proc.h"
#include "core/signals.h"
#include "core/status.h"
#include "core/text.h"
#include "core/util.h"

#define MODULE_DIR "/lib/modules/%s/kernel/drivers/block/ublk_drv.ko%s"
#define SYSCTL_IO_URING "/proc/sys/kernel/io_uring_disabled"
#define SYSFS_CONTROL "/sys/class/misc/ublk-control"

#ifndef MODULE_INIT_COMPRESSED_FILE
#define MODULE_INIT_COMPRESSED_FILE 4	/* Linux 5.17, with CONFIG_MODULE_DECOMPRESS */
#endif

/* --- the module ----------------------------------------------------------------- */

/* One that is packed the kernel unpacks. */
int driver_load_file(const char *path, const char *parameters)
{
	const char *dot = strrchr(path, '.');
	int flags = dot && strcmp(dot, ".ko") ? MODULE_INIT_COMPRESSED_FILE : 0;
	int fd = RETRY(open(path, O_RDONLY | O_CLOEXEC)), err = 0;

	if (fd < 0)
		return -errno;
	if (syscall(SYS_finit_module, fd, parameters, flags) < 0 && errno != EEXIST)
		err = -errno;
	close(fd);
	info("load %s: %s", path, err ? strerror(-err) : "done");
	return err;
}

/* The module depends on nothing, so one file is all it takes, and no modprobe. */
static int load_directly(const char *parameters)
{
	static const char suffixes[][5] = { "", ".xz", ".zst", ".gz" };
	struct utsname system;
	int err = -ENOENT;

	if (uname(&system) < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(suffixes) && err == -ENOENT; i++) {
		char path[200];

		text_format(path, sizeof(path), MODULE_DIR, system.release, suffixes[i]);
		err = driver_load_file(path, parameters);
	}
	return err;
}

static int load_with_modprobe(void)
{
	static const char *const paths[] = { "/sbin/modprobe", "/usr/sbin/modprobe", "/bin/modprobe" };
	static char *words[] = { "modprobe", "-q", "ublk_drv", NULL };
	int status = 0;
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid) {
		signals_restore();
		for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
			execv(paths[i], words);
		_exit(STATUS_NO_COMMAND);
	}
	if (RETRY(waitpid(pid, &status, 0)) < 0)
		return -errno;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -ENOENT;
}

int driver_load(const char *parameters)
{
	int err = load_directly(parameters);

	if (err && err != -EPERM)
		err = load_with_modprobe();
	return err;
}

/* --- the node --------------------------------------------------------------------- */

/* @path is how the program tried to reach it, @loaded what became of loading the module. */
static int no_node(struct shut *shut, const char *path, bool modprobe, int loaded)
{
	char number[32];

	if (proc_read(SYSFS_CONTROL "/dev", number, sizeof(number)) > 0) {
		shut_for(shut, -EACCES, "the driver is there, but not its node %s (%s)", path, number);
		shut_cure(shut, "in a container, start it with --device=/dev/ublk-control; elsewhere mount a devtmpfs or use "
			  "--dev-dir");
		return -EACCES;
	}
	if (!modprobe)
		shut_for(shut, -EOPNOTSUPP, "ublk_drv is not loaded, and --no-modprobe forbids to try");
	else
		shut_for(shut, -EOPNOTSUPP, "ublk_drv is not loaded and could not be: %s",
			 loaded == -ENOENT ? "this kernel has no such module" : strerror(-loaded));
	shut_cure(shut, "run 'modprobe ublk_drv' as root; it needs Linux 6.1 or newer with CONFIG_BLK_DEV_UBLK");
	return -EOPNOTSUPP;
}

static int no_access(struct shut *shut, const char *path, int err)
{
	struct stat st;

	shut_for(shut, err, "cannot open %s: %s", path, strerror(-err));
	if (err == -EACCES && stat(path, &st) == 0 && st.st_gid && (st.st_mode & 060) == 060)
		shut_cure(shut, "it belongs to user %u and group %u, mode %04o; "
			  "run as root, or have root put this user into group %u, and log in again",
			  st.st_uid, st.st_gid, st.st_mode & 07777, st.st_gid);
	else if (err == -EACCES && stat(path, &st) == 0)
		shut_cure(shut, "it belongs to user %u and group %u, mode %04o; "
			  "run as root, or have root give this user access: chgrp GROUP %s && chmod 660 %s",
			  st.st_uid, st.st_gid, st.st_mode & 07777, path, path);
	else if (err == -EPERM)
		shut_cure(shut, "the device cgroup forbids it: start the container with --device=/dev/ublk-control");
	return err;
}

bool driver_present(void)
{
	return access(SYSFS_CONTROL, F_OK) == 0;
}

static int open_control(const char *dev_dir, char path[CTRL_PATH_MAX])
{
	text_format(path, CTRL_PATH_MAX, "%s/ublk-control", dev_dir);
	return RETRY(open(path, O_RDWR | O_CLOEXEC));
}

/* No node, or one that was made by hand and has no driver behind it. */
static bool no_driver(int error)
{
	return error == ENOENT || error == ENODEV || error == ENXIO;
}

int driver_open(const char *dev_dir, bool modprobe, struct shut *shut)
{
	char path[CTRL_PATH_MAX];
	int fd, loaded = -EPERM;

	fd = open_control(dev_dir, path);
	if (fd < 0 && no_driver(errno) && modprobe && !driver_present()) {
		loaded = driver_load("");
		fd = open_control(dev_dir, path);
	}
	if (fd >= 0)
		return fd;
	return no_driver(errno) ? no_node(shut, path, modprobe, loaded) : no_access(shut, path, -errno);
}

/* --- io_uring --------------------------------------------------------------------- */

/* Is there a filter on our system calls? */
static bool under_seccomp(void)
{
	char mode[16];

	return proc_read_field("/proc/self/status", "Seccomp", mode, sizeof(mode)) == 0 && strcmp(mode, "0");
}

int driver_no_ring(struct shut *shut, int err)
{
	uint64_t disabled = 0;

	if (err == -EPERM && proc_read_u64(SYSCTL_IO_URING, &disabled) == 0 && disabled) {
		err = shut_for(shut, -EOPNOTSUPP, "cannot use io_uring: it is disabled by the sysctl "
			       "kernel.io_uring_disabled=%" PRIu64, disabled);
		shut_cure(shut, "as root: sysctl kernel.io_uring_disabled=0%s",
			  disabled == 1 ? ", or put this user into the group of kernel.io_uring_group" : "");
	} else if ((err == -EPERM || err == -ENOSYS) && under_seccomp()) {
		shut_for(shut, -EACCES, "cannot use io_uring: a seccomp profile blocks it");
		shut_cure(shut, "allow io_uring_setup, io_uring_enter and io_uring_register in the container's profile "
			  "(%s does not)", err == -EPERM ? "that of docker and containerd" : "that of podman and CRI-O");
		err = -EACCES;
	} else if (err == -ENOSYS) {
		err = shut_for(shut, -EOPNOTSUPP, "cannot use io_uring: this kernel was built without it");
		shut_cure(shut, "ublk needs CONFIG_IO_URING");
	} else {
		shut_for(shut, err, "cannot set up io_uring: %s", strerror(-err));
		if (err == -ENOMEM)
			shut_cure(shut, "raise the limit on locked memory (ulimit -l)");
	}
	return err;
}

int driver_reach(struct ctrl *ctrl, const char *dev_dir, bool modprobe)
{
	struct shut shut = { 0 };
	int fd = driver_open(dev_dir, modprobe, &shut), err;

	if (fd < 0)
		return shut_say(&shut);
	err = ctrl_open(ctrl, fd);
	if (!err)
		return 0;
	close(fd);
	driver_no_ring(&shut, err);
	return shut_say(&shut);
}

int driver_try(struct ctrl *ctrl, const char *dev_dir)
{
	char path[CTRL_PATH_MAX];
	int fd = open_control(dev_dir, path), err;

	if (fd < 0)
		return -errno;
	err = ctrl_open(ctrl, fd);
	if (err)
		close(fd);
	return err;
}
