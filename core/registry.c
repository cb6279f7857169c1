/* SPDX-License-Identifier: MIT */
/* registry.c - devices that are there, whoever serves them */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "core/device.h"
#include "core/proc.h"
#include "core/registry.h"
#include "core/text.h"

#define PREFIX "ublkc"

int registry_open(struct file_listing *listing)
{
	return file_listing_open(listing, AT_FDCWD, REGISTRY);
}

bool registry_next(struct file_listing *listing, uint32_t *id)
{
	const char *entry;
	uint64_t number;

	while ((entry = file_listing_next(listing))) {
		if (strncmp(entry, PREFIX, strlen(PREFIX)) || text_is_number(entry + strlen(PREFIX), &number))
			continue;
		*id = (uint32_t)number;
		return true;
	}
	return false;
}

int registry_ask(struct ctrl *ctrl, uint32_t id, const char *char_path, struct ublksrv_ctrl_dev_info *info)
{
	struct ctrl_device target = { .id = id, .path = char_path };
	int err = ctrl_get_info(ctrl, target, info);

	if (err && err != -ENODEV && err != -EACCES) {
		int second;

		target.path = NULL;
		second = ctrl_get_info(ctrl, target, info);
		err = second == -EINVAL ? err : second;	/* an unprivileged device wants the path: the first error counts */
	}
	return err;
}

bool registry_is_elsewhere(const struct ublksrv_ctrl_dev_info *info)
{
	return device_space(info->ublksrv_flags) != proc_pid_space(DEVICE_SPACE_BITS);
}

int registry_keeper(const struct ublksrv_ctrl_dev_info *info)
{
	int pid = device_keeper(info->ublksrv_flags);
	char name[PROC_NAME_MAX];

	if (!device_is_ours(info->ublksrv_flags) || registry_is_elsewhere(info) || !proc_alive(pid))
		return 0;
	proc_name(pid, name);
	return strncmp(name, "ublk", 4) ? 0 : pid;	/* the number may have been given to somebody else */
}
