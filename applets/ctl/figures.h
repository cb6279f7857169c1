/* SPDX-License-Identifier: MIT */
/* figures.h - what was counted, for people, for scripts and for Prometheus */
#ifndef APPLETS_CTL_FIGURES_H
#define APPLETS_CTL_FIGURES_H

#include <stdint.h>

#include "core/name.h"
#include "core/stats.h"

/* Of one device. */
struct figures {
	const char *dev;		/* the path of its node */
	char name[DEVICE_NAME_MAX];	/* what it is called, "" if nobody knows */
	const char *type;		/* which disk of ours it is, or "other" */
	const char *source;		/* who counted: "server" or "kernel" */
	struct stats now;
	struct stats before;		/* page NULL: all since it began is meant, not what came since then */
	uint64_t between;		/* ns, from before to now */
};

/*
 * A file like /sys/block/ublkb0/stat, in fields that are named as a server's:
 * what the kernel counts itself. 0 or -errno; stats_close() in either case.
 */
int figures_of_kernel(struct stats *stats, const char *path);

/* All to standard output. */
void figures_table(const struct figures *f);
void figures_rest(const struct figures *f);			/* of that, what is not about requests of one kind */
void figures_json(const struct figures *f);			/* an object */
void figures_prometheus(const struct figures *all, unsigned int count);

#endif
