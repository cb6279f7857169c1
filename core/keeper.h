/* SPDX-License-Identifier: MIT */
/*
 * keeper.h - the process that makes the device and takes it away
 *
 * It sends every control command, takes every signal, watches the worker, and
 * never opens ublkcN, touches a byte of data or parses foreign input. So it
 * can always act: if the worker hangs, STOP_DEV hangs with it, the keeper
 * kills the worker, and STOP_DEV returns.
 */
#ifndef CORE_KEEPER_H
#define CORE_KEEPER_H

#include "core/spec.h"

/* From the description of a disk to its end. Returns the program's exit status. */
int keeper_main(const struct spec *spec);

#endif
