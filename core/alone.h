/* SPDX-License-Identifier: MIT */
/* alone.h - for a program that reads what may be anybody's, and serves nothing */
#ifndef CORE_ALONE_H
#define CORE_ALONE_H

#include "core/spec.h"

/*
 * Give up what a server gives up, as @spec has it. All that is needed is open,
 * and there is one thread; memory may still be had. 0, or -errno after saying why.
 */
int alone_give_up(const struct spec *spec);

#endif
