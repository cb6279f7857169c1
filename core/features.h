/* SPDX-License-Identifier: MIT */
/*
 * features.h - what this kernel offers, what we ask for, what came back
 *
 * Kernels are never told apart by version: the driver is asked (GET_FEATURES),
 * and what ADD_DEV returns decides, because it drops silently what it does not
 * know or does not allow.
 */
#ifndef CORE_FEATURES_H
#define CORE_FEATURES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/backend.h"
#include "core/spec.h"

struct feature {
	uint64_t flag;
	const char *name;
	const char *since;	/* first release that knows it */
	const char *without;	/* what happens without it, NULL if we do not use it */
};

extern const struct feature feature_table[];	/* in the order of the bits; name NULL ends it */

struct features {
	bool offered_known;	/* GET_FEATURES answered */
	uint64_t offered;
	uint64_t asked;
	uint64_t granted;	/* the flags that ADD_DEV returned */
	enum io_mode mode;	/* never IO_AUTO once granted */
	enum io_mode moves;	/* how bytes move: the same, but for IO_BATCH, which is IO_USER_COPY or IO_COPY */
	bool at_once;		/* the backend's files are in memory */
};

/*
 * Fill in mode and asked, from offered, the wishes and what the disk mostly is.
 * 0, or -EPERM or -EOPNOTSUPP, after saying why, if --io cannot be had.
 */
int features_ask(struct features *features, const struct spec *spec, bool unprivileged);

/*
 * Take in what ADD_DEV returned; settle the mode; tell -v what was refused.
 * -EOPNOTSUPP, after saying why, if what the user insisted on was refused.
 */
int features_settle(struct features *features, const struct spec *spec, uint64_t granted);

const char *io_mode_name(enum io_mode mode);
/* How bytes travel on a device with these flags, and the reason to travel so. */
enum io_mode io_mode_of(uint64_t granted);
const char *io_mode_why(enum io_mode mode);

/* "A|B|C" into @text. */
void features_text(uint64_t flags, char *text, unsigned int limit);

#endif
