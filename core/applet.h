/* SPDX-License-Identifier: MIT */
/* applet.h - one name that the binary answers to */
#ifndef CORE_APPLET_H
#define CORE_APPLET_H

#include "core/backend.h"
#include "core/opt.h"

/* What devices call theirs by: its line in applets/list.h, whether this program has it or not. */
enum applet_number {
#define APPLET(name) APPLET_##name,
#include "applets/list.h"
#undef APPLET
};

struct applet {
	const char *name;		/* without "ublk-" */
	enum applet_number number;	/* or DEVICE_FOREIGN, of core/device.h */
	const char *synopsis;		/* what follows the options in the usage line */
	const char *about;		/* one sentence, without a full stop */
	const struct opt *opts;		/* the applet's own; may be NULL */
	void *self;			/* what they fill in */
	const char *bare;		/* the option that a bare word stands for, or NULL */

	/* One of the two: a disk, or a program of its own. */
	const struct backend *backend;
	int (*run)(char **argv);	/* words after the name; returns an exit status */

	/*
	 * Optional, for a disk: do what the options ask for instead of serving
	 * one. 0 when it is done, -errno after saying why not, 1 to go on and
	 * serve. No other process and no device is there yet.
	 */
	int (*instead)(void *self, const struct spec *spec);
};

extern const struct applet *const applets[];	/* those that this program has; NULL ends it */

#endif
