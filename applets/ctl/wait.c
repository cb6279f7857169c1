/* SPDX-License-Identifier: MIT */
/* wait.c - until a device is live, or is live again */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "applets/ctl/ctl.h"
#include "applets/ctl/device.h"
#include "core/driver.h"
#include "core/log.h"
#include "core/proc.h"
#include "core/registry.h"
#include "core/status.h"
#include "core/upgrade.h"
#include "core/util.h"

#define RECHECK_MS 1000		/* a state that changes tells nobody, and a node may come where we cannot watch */

/* Can it be opened? 0; -ENODEV, -ENOTCONN for one that is there and not live, or what was said. The driver may come late, too. */
static int look(const struct ctl *ctl, struct ctrl *ctrl)
{
	struct ctrl *asked;
	struct found device;
	const char *state;
	uint32_t id;
	int err;

	/* Without it sysfs tells enough of a number. */
	asked = (ctrl->fd >= 0 || !driver_try(ctrl, ctl->dev_dir)) && !ctrl->pending ? ctrl : NULL;
	err = found_find(asked, ctl->dev_dir, *ctl->devices, &id);
	if (err)
		return err;
	found_look(&device, asked, ctl->dev_dir, id);
	if (device.told && !registry_is_elsewhere(&device.info) && !proc_alive(device.info.ublksrv_pid))
		return -ENOTCONN;	/* a server that was just killed is called live for a moment */
	/* Served is served, also without a keeper. */
	state = found_state(&device);
	return (!strcmp(state, "live") || !strcmp(state, "orphaned")) && access(device.block_path, F_OK) == 0 ? 0 : -ENOTCONN;
}

static void await_change(int watch, int64_t limit_ms)
{
	_Alignas(struct inotify_event) char events[4096];
	struct pollfd ready = { .fd = watch, .events = POLLIN };

	if (RETRY(poll(&ready, 1, (int)min_u64((uint64_t)limit_ms, RECHECK_MS))) > 0)
		while (read(watch, events, sizeof(events)) > 0)
			;
}

static int wait_live(const struct ctl *ctl, struct ctrl *ctrl, int watch)
{
	int64_t end = now_ms() + ctl->timeout * 1000LL;

	for (;;) {
		int err = look(ctl, ctrl);
		int64_t left = end - now_ms();

		if ((err != -ENODEV && err != -ENOTCONN) || left <= 0)
			return err;
		await_change(watch, left);
	}
}

/* Who could bring it back? Its keeper alone, which does so by itself. */
static int check_recovers(const struct found *device)
{
	const char *state = found_state(device);

	if (!strcmp(state, "live") || (found_keeper(device) && device->info.flags & UBLK_F_USER_RECOVERY))
		return 0;
	fail_plain(-EOPNOTSUPP, "%s is %s, and nobody who could serve it again is left", device->block_path, state);
	if (found_served_on(device))
		remedy("'ublk-ctl adopt %" PRIu32 "' gives it another keeper", device->id);
	else
		remedy("only a disk of ours that was made with --recovery, and whose keeper lives, comes back; "
		       "'ublk-ctl del --force %" PRIu32 "' deletes this one", device->id);
	return -EOPNOTSUPP;
}

static int recover(const struct found *device)
{
	int err = check_recovers(device);

	/* Its keeper may have been told to wait; where nobody could tell it so, it would not understand. */
	if (!err && found_keeper(device) && device->info.flags & UBLK_F_QUIESCE)
		err = upgrade_await(device, found_keeper(device), upgrade_listen(), RECOVER_ASKER);
	return err;
}

int ctl_recover(const struct ctl *ctl)
{
	struct found_list list = { 0 };
	int err = ctl_look(ctl, &list);

	for (unsigned int i = 0; i < list.count && !err; i++)
		err = recover(&list.devices[i]);
	found_free(&list);
	return err ? (int)status_of(err) : ctl_wait(ctl);
}

int ctl_wait(const struct ctl *ctl)
{
	struct ctrl ctrl = { .fd = -1 };
	int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), err;

	if (watch >= 0)
		inotify_add_watch(watch, ctl->dev_dir, IN_CREATE | IN_MOVED_TO | IN_ATTRIB);
	err = wait_live(ctl, &ctrl, watch);
	if (err == -ENODEV)
		fail_plain(err, "there is no device %s after %u s", *ctl->devices, ctl->timeout);
	if (err == -ENOTCONN)
		fail_plain(err, "device %s is there, but not live after %u s", *ctl->devices, ctl->timeout);
	ctrl_close(&ctrl);
	if (watch >= 0)
		close(watch);
	return (int)status_of(err);
}
