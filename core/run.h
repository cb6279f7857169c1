/* SPDX-License-Identifier: MIT */
/* run.h - a disk from its words, until it is gone */
#ifndef CORE_RUN_H
#define CORE_RUN_H

#include "core/applet.h"

/* @argv: what follows the name of the program, @name. Returns an exit status, after saying why. */
int run_disk(const struct applet *applet, const char *name, char **argv);

#endif
