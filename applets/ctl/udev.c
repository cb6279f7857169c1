/* SPDX-License-Identifier: MIT */
/* udev.c - what the rules for udev want to know of a device, as it appears */
#include <inttypes.h>

#include "applets/ctl/ctl.h"
#include "applets/ctl/device.h"
#include "core/applet.h"
#include "core/log.h"
#include "core/status.h"
#include "core/text.h"

/* For PROGRAM: two words, or nothing at all if the node is to stay root's. */
static void print_owner(const struct found *device)
{
	if (device_is_unprivileged(&device->info))
		text_out("%" PRIu32 " %" PRIu32 "\n", device->info.owner_uid, device->info.owner_gid);
}

/* For IMPORT{program}. A name has no letter that needs quotes. */
static void print_properties(const struct found *device)
{
	const struct applet *applet = found_applet(device);
	char name[DEVICE_NAME_MAX];

	text_out("UBLK_TYPE=%s\n", applet ? applet->name : "other");
	if (found_name(device, name))
		text_out("UBLK_NAME=%s\n", name);
	if (device_is_unprivileged(&device->info))
		text_out("UBLK_UID=%" PRIu32 "\nUBLK_GID=%" PRIu32 "\n", device->info.owner_uid, device->info.owner_gid);
}

int ctl_udev(const struct ctl *ctl)
{
	struct found_list list = { 0 };
	int err = ctl_look(ctl, &list);

	if (!err && !list.devices[0].told)
		err = found_explain_refusal(&list.devices[0]);
	if (!err)
		(ctl->export ? print_properties : print_owner)(&list.devices[0]);
	found_free(&list);
	return (int)status_of(err);
}
