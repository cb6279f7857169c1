/* SPDX-License-Identifier: MIT */
/*
 * quiesce.c - a disk waits for another server
 *
 * A server of ours has a keeper, which does it, and then waits to be asked for
 * another one. Servers of others are told by the driver, as far as it does.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>

#include "applets/ctl/child.h"
#include "core/log.h"
#include "core/upgrade.h"
#include "core/util.h"

#define LOOK_MS 20		/* nothing tells when a server has ended */

static int check(const struct work *w, const struct found *device)
{
	if (!device->told)
		return found_explain_refusal(device);
	if (!(w->ctrl.features & UBLK_F_QUIESCE))
		return fail_plain(-EOPNOTSUPP, "this kernel cannot quiesce a device: that came with Linux 6.16");
	if (!(device->info.flags & UBLK_F_QUIESCE)) {
		fail_plain(-EOPNOTSUPP, "device %" PRIu32 " cannot be quiesced: its server has not asked for that", device->id);
		remedy("disks of ours that are made with --recovery, and not in batches, can");
		return -EOPNOTSUPP;
	}
	if (found_served_on(device)) {
		fail_plain(-EOPNOTSUPP, "device %" PRIu32 " has no keeper, and nobody could serve it again", device->id);
		remedy("'ublk-ctl adopt %" PRIu32 "' gives it another one", device->id);
		return -EOPNOTSUPP;
	}
	return device->info.state == UBLK_S_DEV_DEAD ? fail_plain(-EIO, "device %" PRIu32 " is dead", device->id) : 0;
}

/*
 * Until its server is gone. The driver is told again and again, since it tells
 * only queues that have an idle tag; and only as long as it is served, or it
 * would spoil what the next server has begun.
 */
static int wait_quiesced(struct work *w, const struct found *device, bool tell)
{
	int64_t end = now_ms() + w->ctl->timeout * 1000LL;
	struct ublksrv_ctrl_dev_info info = { 0 };

	for (;;) {
		int err = ctrl_get_info(&w->ctrl, found_target(device), &info);

		if (!err && info.state != UBLK_S_DEV_LIVE)
			return 0;
		if (!err && tell)
			err = ctrl_quiesce(&w->ctrl, found_target(device));
		if (err && err != -EBUSY && err != -EINTR)
			return fail(err, "quiesce device %" PRIu32, device->id);
		if (now_ms() > end)
			return fail_plain(-EBUSY, "device %" PRIu32 " has requests under way still", device->id);
		poll(NULL, 0, LOOK_MS);
	}
}

static int quiesce(struct work *w, const struct found *device)
{
	int keeper = found_keeper(device), err = check(w, device);

	if (!err && keeper)
		err = upgrade_await(device, keeper, upgrade_listen(), QUIESCE_ASKER);
	return err ? err : wait_quiesced(w, device, !keeper);
}

int ctl_quiesce(const struct ctl *ctl)
{
	return child_for_each(ctl, quiesce);
}
