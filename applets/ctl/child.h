/* SPDX-License-Identifier: MIT */
/*
 * child.h - control commands that may hang
 *
 * A control command that hangs in the kernel keeps the process that sent it,
 * even through exit. So a child does the work and reports a status, and the
 * parent, which sent nothing, ends when it has that, whatever the child does.
 */
#ifndef APPLETS_CTL_CHILD_H
#define APPLETS_CTL_CHILD_H

#include "applets/ctl/ctl.h"
#include "applets/ctl/device.h"
#include "core/ctrl.h"

/* What the child works with. */
struct work {
	const struct ctl *ctl;
	struct ctrl ctrl;
	int patience_ms;	/* left for keepers that look alive */
};

/* What is done to each device: 0, or -errno after saying why. */
typedef int device_fn(struct work *work, const struct found *device);

/* Run a subcommand in a child. An exit status. */
int child_run(int (*run)(const struct ctl *), const struct ctl *ctl);

/*
 * In the child: do it to the devices that were named, or all; the first error
 * counts, the others are tried all the same. An exit status.
 */
int child_for_each(const struct ctl *ctl, device_fn *act);

#endif
