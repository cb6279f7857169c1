/* SPDX-License-Identifier: MIT */
/* ctl.h - what the subcommands of ublk-ctl share */
#ifndef APPLETS_CTL_CTL_H
#define APPLETS_CTL_CTL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/opt.h"

/* What ublksrv's "add" takes; NULL and 0 for what was not given. */
struct add {
	const char *type, *number, *queues, *depth, *max_io, *file, *size, *offset, *shared;
	uint32_t in_task, get_data, recovery, reissue, fail_io;		/* 0 or 1 */
	bool zero_copy, user_copy, auto_buf, batch, no_partscan, unprivileged, buffered, foreground;
};

/* All options of all subcommands; each has rows for the ones that are its own. */
struct ctl {
	bool all, json, no_headings, all_columns, raw, bytes, force, quiet, export;
	const char *columns;		/* "A,B"; NULL: the usual ones */
	uint32_t wait, timeout;		/* seconds */
	char *number;			/* one more device */
	struct add add;
	bool prometheus;
	uint32_t interval;		/* seconds, 0: once */
	int verbose;
	const char *dev_dir;
	const char *cmdline;		/* of boot */
	uint64_t size;			/* bytes, of resize and check */

	char **devices;			/* the words, NULL ends them; of add, what follows its options */
	int count;
};

struct subcommand {
	const char *name;
	const char *synopsis;		/* what follows the options */
	const char *about;
	const struct opt *opts;		/* may be NULL */
	int devices_min, devices_max;	/* words it takes; -1: any number */
	int (*run)(const struct ctl *ctl);	/* returns an exit status */
};

/*
 * The devices named, or all for none: found_collect() with the driver if it can
 * be had, and without it if not, which is said. The list is to be freed.
 */
struct found_list;
int ctl_look(const struct ctl *ctl, struct found_list *list);

/* What a server of ours has counted besides requests; nothing of another's, or if it cannot be had. */
struct found;
void ctl_tell_rest(const struct found *device);

/* A descriptor to hear a keeper's answer with; and the wait for it, after the question, *_ASKER if any: 0, or -errno, said. */
int upgrade_listen(void);
int upgrade_await(const struct found *device, int keeper, int signals, const char *ask);

int ctl_list(const struct ctl *ctl);
int ctl_info(const struct ctl *ctl);
int ctl_status(const struct ctl *ctl);
int ctl_features(const struct ctl *ctl);
int ctl_stop(const struct ctl *ctl);
int ctl_del(const struct ctl *ctl);
int ctl_prune(const struct ctl *ctl);
int ctl_check(const struct ctl *ctl);
int ctl_resize(const struct ctl *ctl);
int ctl_stats(const struct ctl *ctl);
int ctl_udev(const struct ctl *ctl);
int ctl_wait(const struct ctl *ctl);
int ctl_recover(const struct ctl *ctl);
int ctl_quiesce(const struct ctl *ctl);
int ctl_adopt(const struct ctl *ctl);
int ctl_upgrade(const struct ctl *ctl);
int ctl_add(const struct ctl *ctl);

#endif
