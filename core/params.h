/* SPDX-License-Identifier: MIT */
/* params.h - from a disk as its backend describes it to what the kernel is told */
#ifndef CORE_PARAMS_H
#define CORE_PARAMS_H

#include "core/backend.h"
#include "core/spec.h"
#include "core/uapi.h"

/*
 * What came up the worker's pipe may be anything if the worker was taken over:
 * check it against @sector_size and the kernel's limits. 0, or -EINVAL or
 * -EFBIG after saying what is wrong.
 */
int params_check(const struct disk *disk, const struct spec *spec);

/* @max_io: bytes, what ADD_DEV granted. @disk has passed params_check(). */
void params_fill(struct ublk_params *params, const struct disk *disk, const struct spec *spec, uint32_t max_io);

#endif
