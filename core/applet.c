/* SPDX-License-Identifier: MIT */
/* applet.c - the registry, made from applets/list.h, or from those of its lines that make APPLETS= wants */
#include <stddef.h>

#include "core/applet.h"

#ifndef UBLK_APPLETS
#define UBLK_APPLETS "applets/list.h"
#endif

#define APPLET(name) extern const struct applet applet_##name;
#include UBLK_APPLETS
#undef APPLET

#define APPLET(name) &applet_##name,
const struct applet *const applets[] = {
#include UBLK_APPLETS
	NULL
};
