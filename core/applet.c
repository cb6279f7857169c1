/* SPDX-License-Identifier: MIT */
/* applet.c - the registry, made from applets/list.h */
#include <stddef.h>

#include "core/applet.h"

#define APPLET(name) extern const struct applet applet_##name;
#include "applets/list.h"
#undef APPLET

#define APPLET(name) &applet_##name,
const struct applet *const applets[] = {
#include "applets/list.h"
	NULL
};
