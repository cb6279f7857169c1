/* SPDX-License-Identifier: MIT */
/* use.c - who uses a device */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/file.h"
#include "core/log.h"
#include "core/proc.h"
#include "core/text.h"
#include "core/use.h"
#include "core/util.h"

/* Mounted, swapped to, or part of something stacked: all of them claim it. Opening read-only wakes no udev. */
static bool is_claimed(const char *path)
{
	int fd = RETRY(open(path, O_RDONLY | O_EXCL | O_CLOEXEC));

	if (fd < 0)
		return errno == EBUSY;
	close(fd);
	return false;
}

bool use_find(const char *path, struct use *use)
{
	char where[200];
	struct holder holder;

	if (proc_mount_point(path, where, sizeof(where)))
		text_format(use->by, sizeof(use->by), "mounted at %s", where);
	else if (proc_find_holder(path, 0, &holder))
		text_format(use->by, sizeof(use->by), "open in process %d (%s)", (int)holder.pid, holder.name);
	else if (is_claimed(path))
		text_format(use->by, sizeof(use->by), "claimed by a file system, swap or another device");
	else
		return false;
	return true;
}

int use_stop(struct ctrl *ctrl, struct ctrl_device device, const char *path, uint64_t features, struct use *use)
{
	int err;

	if (!(features & UBLK_F_SAFE_STOP_DEV))
		return use_find(path, use) ? -EBUSY : -EAGAIN;
	err = ctrl_try_stop(ctrl, device, CTRL_LIMIT_MS);
	if (err == -EBUSY && !use_find(path, use))
		text_format(use->by, sizeof(use->by), "open");
	return err;
}

/* The file system as well, if there is one: it is asked as when its device is about to go. */
static void flush_one(const char *path)
{
	int fd = RETRY(open(path, O_RDONLY | O_CLOEXEC));

	if (fd < 0)
		return;
	if (ioctl(fd, BLKFLSBUF) < 0)
		info("flush %s: %s", path, strerror(errno));
	close(fd);
}

void use_flush(const char *path)
{
	const char *name = strrchr(path, '/') + 1, *entry;
	struct file_listing listing;
	char at[300];

	flush_one(path);
	text_format(at, sizeof(at), "/sys/block/%s", name);
	if (file_listing_open(&listing, AT_FDCWD, at) < 0)
		return;
	while ((entry = file_listing_next(&listing))) {
		if (strncmp(entry, name, strlen(name)))
			continue;
		text_format(at, sizeof(at), "%s%s", path, entry + strlen(name));	/* a partition */
		flush_one(at);
	}
	file_listing_close(&listing);
}
