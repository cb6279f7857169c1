/* SPDX-License-Identifier: MIT */
/* resize.c - a disk follows the file behind it */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "applets/ctl/child.h"
#include "core/applet.h"
#include "core/log.h"
#include "core/proc.h"
#include "core/size.h"
#include "core/status.h"
#include "core/text.h"
#include "core/use.h"
#include "core/util.h"

#define LAST 4096		/* bytes at the end that are read to see whether they are there */

static bool can_grow(const struct found *device)
{
	const struct applet *applet = found_applet(device);

	return applet && applet->backend && applet->backend->size;
}

static uint64_t size_now(const struct found *device)
{
	uint64_t sectors = 0;
	char path[64];

	text_format(path, sizeof(path), "/sys/block/ublkb%" PRIu32 "/size", device->id);
	return proc_read_u64(path, &sectors) == 0 ? sectors << UBLK_SECTOR_SHIFT : 0;
}

static int check(const struct work *w, const struct found *device, uint64_t size)
{
	struct use use;

	if (!device->told)
		return found_explain_refusal(device);
	if (!(w->ctrl.features & UBLK_F_UPDATE_SIZE))
		return fail_plain(-EOPNOTSUPP, "this kernel cannot resize a device: that came with Linux 6.16");
	if (device->info.state != UBLK_S_DEV_LIVE)	/* some kernels crash */
		return fail_plain(-ENXIO, "device %" PRIu32 " is not live", device->id);
	if (!can_grow(device))
		return fail_plain(-EOPNOTSUPP, "device %" PRIu32 " is no disk of ublk-file, and its server would not follow", device->id);
	if (device->has_params && size % (1U << device->params.basic.logical_bs_shift))
		return fail_plain(-EINVAL, "%" PRIu64 " bytes are no multiple of the sector size, %u", size,
				  1U << device->params.basic.logical_bs_shift);
	if (size < size_now(device) && !w->ctl->force && use_find(device->block_path, &use)) {
		fail_plain(-EBUSY, "%s is in use (%s), and what is beyond the new end would be lost to it", device->block_path, use.by);
		remedy("close or unmount it first, or use --force");
		return -EBUSY;
	}
	return 0;
}

/* Is there a disk up to @size? What cannot be looked at is believed. */
static bool reaches(const struct found *device, uint64_t size)
{
	int fd = RETRY(open(device->block_path, O_RDONLY | O_DIRECT | O_CLOEXEC));
	void *page = pages_get(LAST);
	bool there = true;

	if (fd >= 0 && page && size >= LAST)
		there = RETRY(pread(fd, page, LAST, (off_t)(size - LAST))) >= 0 || errno != EIO;
	pages_free(page, LAST);
	if (fd >= 0)
		close(fd);
	return there;
}

static int update(struct work *w, const struct found *device, uint64_t size)
{
	int err = ctrl_update_size(&w->ctrl, found_target(device), size >> UBLK_SECTOR_SHIFT);

	if (err == -ETIMEDOUT)
		return found_explain_hang(device, "UPDATE_SIZE");
	return err ? fail(err, "resize device %" PRIu32, device->id) : 0;
}

static int resize_device(struct work *w, const struct found *device)
{
	uint64_t size = w->ctl->size, before = size_now(device);
	int err = check(w, device, size);

	if (!err)
		err = update(w, device, size);
	if (err || reaches(device, size))
		return err;
	update(w, device, before);
	fail_plain(-ENOSPC, "what is behind device %" PRIu32 " is smaller than %" PRIu64 " bytes", device->id, size);
	remedy("make the file larger first (truncate -s SIZE FILE), then the disk");
	return -ENOSPC;
}

int ctl_resize(const struct ctl *ctl)
{
	struct ctl one = *ctl;
	int err = size_parse(ctl->devices[1], &one.size);

	if (err || !one.size || one.size > INT64_MAX)
		return (int)status_of(fail_usage("'%s' is no size", ctl->devices[1]));
	one.count = 1;
	return child_for_each(&one, resize_device);
}
