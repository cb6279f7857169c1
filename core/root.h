/* SPDX-License-Identifier: MIT */
/* root.h - serving what the system itself stands on, until the machine is off */
#ifndef CORE_ROOT_H
#define CORE_ROOT_H

#include "core/spec.h"

/* What becomes of such a disk when its server dies, if that is not said: enum recovery. */
int root_recovery(const struct spec *spec);

/* For this process, and those that it starts: not to be ended, and not to wait for memory that waits for us. */
void root_stay(void);

/* When all is open that has a path: need nothing any more of the file systems that there are now. */
void root_settle(void);

#endif
