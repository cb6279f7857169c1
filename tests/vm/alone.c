/* SPDX-License-Identifier: MIT */
/* alone.c - the names that a program of make APPLETS=mem has. For cases, which call it ublk-alone */
#include <stddef.h>

#include "core/applet.h"

extern const struct applet applet_mem;

const struct applet *const applets[] = { &applet_mem, NULL };
