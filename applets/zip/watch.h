/* SPDX-License-Identifier: MIT */
/*
 * watch.h - notice that the archive is written to while it is served
 *
 * What was read of its directory holds no longer then, and stored members have
 * no checksum that would tell. Size and time of modification are what tells;
 * the time of change is not, for it also changes when the file is renamed or
 * replaced by another of its name, and this one stays what it was.
 */
#ifndef APPLETS_ZIP_WATCH_H
#define APPLETS_ZIP_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#define WATCH_EVERY 1000	/* ms: nobody looks more often */

struct watch {
	const char *name;		/* of the file, for the message */
	int fd;				/* -1: a block device, whose node has no size, and a time that udev sets whenever it likes */
	uint64_t size;			/* as it was at first */
	int64_t seconds;
	uint32_t nanoseconds;
	_Atomic uint64_t looked;	/* ms of watch_clock(), plus one; 0: never */
	_Atomic int changed;		/* for good; a word, as some machines have no atomic byte */
};

/* How @fd is now is how it should stay; of a block device nothing is noticed. 0, or -errno after fail() said why. */
int watch_begin(struct watch *watch, int fd, const char *name);

/* A clock that costs next to nothing to read, in ms. */
uint64_t watch_clock(void);

/*
 * Was it changed? Looks at the file if the last look was WATCH_EVERY before
 * @now, and says it once. From any thread; does not wait for a file server.
 */
bool watch_changed(struct watch *watch, uint64_t now);
/* The same with a look in any case. */
bool watch_changed_now(struct watch *watch);

#endif
