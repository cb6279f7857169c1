/* SPDX-License-Identifier: MIT */
/* device.h - devices as ublk-ctl finds them, whoever serves them */
#ifndef APPLETS_CTL_DEVICE_H
#define APPLETS_CTL_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/ctrl.h"
#include "core/device.h"
#include "core/name.h"
#include "core/stats.h"
#include "core/uapi.h"

struct found {
	uint32_t id;
	bool told;			/* the driver answered; else only sysfs did */
	int error;			/* why it did not */
	struct ublksrv_ctrl_dev_info info;
	bool has_params;
	struct ublk_params params;
	char char_path[DEVICE_PATH_MAX], block_path[DEVICE_PATH_MAX];
};

struct found_list {
	struct found *devices;		/* by number */
	unsigned int count;
	size_t bytes;
};

/* Is there such a device now? */
bool found_exists(uint32_t id);

/*
 * The device that @word means: "3", "ublkb3", "/dev/ublkb3", what links to
 * that, or a name. 0; -ENODEV without saying so; -EUSAGE for what can be no
 * device and -EEXIST for a name of several, said.
 */
int found_find(struct ctrl *ctrl, const char *dev_dir, const char *word, uint32_t *id);

/*
 * All that can be learnt about device @id, which exists. @ctrl NULL: from sysfs
 * only. A command that hangs is said, and @ctrl made anew for the next device.
 */
void found_look(struct found *device, struct ctrl *ctrl, const char *dev_dir, uint32_t id);

/*
 * The devices named in @words, or all for none of them. -ENODEV (after saying
 * so) if one is not there; the others are in the list all the same. Else as
 * found_find().
 */
int found_collect(struct found_list *list, struct ctrl *ctrl, const char *dev_dir, char *const *words, int count);
void found_free(struct found_list *list);

/* @command has not returned. Says so, who may be to blame, and who would be hurt. Returns -ETIMEDOUT. */
int found_explain_hang(const struct found *device, const char *command);

/* The driver would not tell of it. Says so, and who is told. Returns why. */
int found_explain_refusal(const struct found *device);

/* How commands name it. */
struct ctrl_device found_target(const struct found *device);

/* The process that made it, if that is one of ours and alive; else 0. */
int found_keeper(const struct found *device);

/* What its server has counted until now, as stats_take() has it; close it if that is 0. -ENOENT: it counts nothing. */
int found_take_stats(const struct found *device, struct stats *stats);

/* What its user calls it. False: nothing, or its keeper is not ours to look into. */
bool found_name(const struct found *device, char name[DEVICE_NAME_MAX]);

/* Without its keeper, and its server goes on with it: somebody may adopt it. */
bool found_served_on(const struct found *device);

/* Lost: dead or dying, and nobody there to bring it to life or take it away. */
bool found_orphaned(const struct found *device);

/* The applet that serves it; NULL if that is none of ours, or if nobody tells. */
struct applet;
const struct applet *found_applet(const struct found *device);

const char *found_state(const struct found *device);

#endif
