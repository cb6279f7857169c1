/* SPDX-License-Identifier: MIT */
/*
 * window.h - the 32 KiB before a checkpoint, packed
 *
 * A small byte-wise code of our own: literals, and copies of what came up to
 * 64 KiB before. It halves most windows in a tenth of the time that finding
 * them took; a better code would be a second library.
 */
#ifndef APPLETS_ZIP_WINDOW_H
#define APPLETS_ZIP_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#define WINDOW 32768	/* how far back a deflated stream may refer */

struct window {
	uint32_t refs;		/* the engine's lock guards them */
	uint32_t size;		/* bytes it unpacks to, at most WINDOW */
	uint32_t packed;	/* equal to size: stored as they are */
	unsigned char bytes[];
};

/* NULL: out of memory. */
struct window *window_pack(const unsigned char *bytes, uint32_t size);
/* False if it is not what window_pack() makes; @bytes has room for its size. */
bool window_unpack(const struct window *window, unsigned char *bytes);
/* What it takes of memory. */
uint64_t window_memory(const struct window *window);
/* NULL is fine. */
void window_put(struct window *window);

#endif
