/* SPDX-License-Identifier: MIT */
/* adding.c - the device comes to be: added, named, with its node */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/affinity.h"
#include "core/driver.h"
#include "core/features.h"
#include "core/file.h"
#include "core/keeping.h"
#include "core/kept.h"
#include "core/log.h"
#include "core/name.h"
#include "core/node.h"
#include "core/proc.h"
#include "core/region.h"
#include "core/registry.h"
#include "core/text.h"
#include "core/util.h"

#define QUEUES_AUTO_MAX 4
#define MAX_IO_DIRECT (1U << 20)	/* no buffers behind it */
#define MAX_IO_COPY (128U << 10)	/* a buffer of this size for every tag of every queue */
#define SYSFS_CHAR REGISTRY "/ublkc"
#define HELD_MS 2000			/* how long a forced end waits for those who have the device open */
#define GOING_MS 1000			/* from when its node has gone until the device has; it is microseconds */
#define LOOK_AGAIN_MS 10

/* --- add it ---------------------------------------------------------------------- */

static uint16_t queue_count(const struct spec *spec)
{
	return (uint16_t)(spec->queues ? spec->queues : min_u64(affinity_count(), QUEUES_AUTO_MAX));
}

static uint64_t own_mark(const struct keeper *k)
{
	return device_mark(k->spec->applet->number, getpid(), proc_pid_space(DEVICE_SPACE_BITS));
}

static struct ublksrv_ctrl_dev_info wanted_info(const struct keeper *k)
{
	const struct spec *spec = k->spec;
	uint32_t max_io = k->device.features.moves == IO_COPY ? MAX_IO_COPY : MAX_IO_DIRECT;

	return (struct ublksrv_ctrl_dev_info){
		.nr_hw_queues = queue_count(spec),
		.queue_depth = (uint16_t)spec->depth,
		.max_io_buf_bytes = spec->max_io ? (uint32_t)spec->max_io : max_io,
		.dev_id = spec->id,
		.ublksrv_pid = -1,
		.flags = k->device.features.asked,
		.ublksrv_flags = own_mark(k),
	};
}

static int add(struct keeper *k)
{
	k->device.info = wanted_info(k);
	return ctrl_add(&k->ctrl, &k->device.info);
}

/* How many have no disk: they are dead, or only just being made. */
static unsigned int count_diskless(void)
{
	struct file_listing listing;
	unsigned int count = 0;
	uint32_t id;
	char path[80];

	if (registry_open(&listing))
		return 0;
	while (registry_next(&listing, &id)) {
		text_format(path, sizeof(path), "/sys/block/ublkb%" PRIu32, id);
		count += access(path, F_OK) < 0;
	}
	file_listing_close(&listing);
	return count;
}

static int explain_slots(void)
{
	uint64_t most;

	fail_plain(-EBUSY, "all slots for ublk devices are in use (%u devices have no disk)", count_diskless());
	if (proc_read_u64("/sys/module/ublk_drv/parameters/ublks_max", &most) == 0)
		remedy("'ublk-ctl prune' deletes dead ones; the limit of %" PRIu64 " is the parameter ublks_max of ublk_drv",
		       most);
	return -EBUSY;
}

/* Device @id, which exists: whose is it? */
static int explain_exists(struct keeper *k, uint32_t id)
{
	struct ublksrv_ctrl_dev_info info = { 0 };
	char path[DEVICE_PATH_MAX], name[PROC_NAME_MAX];
	int pid;

	text_format(path, sizeof(path), "%s/ublkc%" PRIu32, k->spec->dev_dir, id);
	pid = registry_ask(&k->ctrl, id, path, &info) == 0 ? registry_keeper(&info) : 0;
	if (pid) {
		proc_name(pid, name);
		fail_plain(-EEXIST, "device %" PRIu32 " is in use by process %d (%s)", id, pid, name);
	} else {
		fail_plain(-EEXIST, "device %" PRIu32 " exists already", id);
	}
	remedy("choose another --id or none; 'ublk-ctl info %" PRIu32 "' tells whose it is, 'ublk-ctl prune' deletes dead ones",
	       id);
	return -EEXIST;
}

static int explain_add(struct keeper *k, int err)
{

	switch (err) {
	case -EPERM:
		fail_plain(err, "only root may make disks here: users need Linux 6.3 or newer");
		return err;
	case -EACCES:
		return explain_slots();
	case -EEXIST:
		return explain_exists(k, k->spec->id);
	case -ENOSPC:
		fail_plain(-EBUSY, "there is no free device number");
		return -EBUSY;
	case -ECANCELED:	/* io_uring hands commands to a thread of its own */
		fail_plain(err, "cannot add a device: the kernel may start no thread for it");
		remedy("raise the limit of processes (ulimit -u, or the cgroup's pids.max)");
		return err;
	case -ENOMEM:
		fail(err, "add a device of %u queues with %u tags each", k->device.info.nr_hw_queues,
		     k->device.info.queue_depth);
		remedy("use fewer --queues or a smaller --depth");
		return err;
	case -ETIMEDOUT:
		fail_plain(err, "ADD_DEV has not returned after %d s: another ublk command hangs in the kernel",
			   CTRL_LIMIT_MS / 1000);
		return err;
	}
	fail(err, "add a device");
	return err;
}

/* All of them are there before the first request, and must not have the kernel kill for memory. */
static int check_buffers(const struct keeper *k)
{
	const struct ublksrv_ctrl_dev_info *info = &k->device.info;
	uint64_t need = (uint64_t)info->nr_hw_queues * info->queue_depth * info->max_io_buf_bytes >> 10, left;
	char text[32];
	const char *at = text;

	if (k->device.features.moves != IO_COPY || proc_read_field("/proc/meminfo", "MemAvailable", text, sizeof(text)) ||
	    text_number(&at, &left) || need <= left)
		return 0;
	fail_plain(-ENOMEM, "a buffer for every tag takes %" PRIu64 " MiB, and only %" PRIu64 " MiB are free", need >> 10,
		   left >> 10);
	remedy("use a smaller --depth or --max-io, or fewer --queues");
	return -ENOMEM;
}

static void set_paths(struct keeper *k)
{
	uint32_t id = k->device.info.dev_id;

	k->added = true;
	log_device((int)id);
	text_format(k->device.char_path, DEVICE_PATH_MAX, "%s/ublkc%" PRIu32, k->spec->dev_dir, id);
	text_format(k->device.block_path, DEVICE_PATH_MAX, "%s/ublkb%" PRIu32, k->spec->dev_dir, id);
}

int add_up(void *self)
{
	struct keeper *k = self;
	struct ublksrv_ctrl_dev_info *info = &k->device.info;
	int err = features_ask(&k->device.features, k->spec, false);
	struct shut shut;

	if (err)
		return err;
	err = add(k);
	if (err == -EPERM) {		/* no rights: the kernel lets us have one of our own all the same */
		err = features_ask(&k->device.features, k->spec, true);
		if (err)
			return err;
		err = node_look_ahead(k->spec->dev_dir, k->spec->id, k->spec->mknod, &shut);
		if (err)
			return shut_say(&shut);
		err = add(k);
	}
	if (err)
		return explain_add(k, err);
	set_paths(k);
	err = features_settle(&k->device.features, k->spec, info->flags);
	if (err)
		return err;
	info("%u queues of %u tags, requests of up to %" PRIu32 " KiB%s", info->nr_hw_queues, info->queue_depth,
	     info->max_io_buf_bytes >> 10, device_is_unprivileged(info) ? ", unprivileged" : "");
	if (k->spec->queues && info->nr_hw_queues < k->spec->queues)
		note("the kernel grants %u queues of the %" PRIu32 " asked for: it has no more CPUs", info->nr_hw_queues,
		     k->spec->queues);
	return check_buffers(k);
}

int find_up(void *self)
{
	struct keeper *k = self;
	struct ublksrv_ctrl_dev_info *info = &k->device.info;
	uint32_t id = info->dev_id;
	int err;

	set_paths(k);
	k->started = k->live = k->ready = true;
	k->born = now_ms();
	err = ctrl_get_info(&k->ctrl, (struct ctrl_device){ .id = id }, info);
	if (err == -ENODEV && k->worker.pidfd >= 0) {	/* deleted, and our server is about to save it, if it knows */
		k->stopped = true;
		shutdown(k->pipe, SHUT_WR);
		return 0;
	}
	if (!err && info->ublksrv_flags != own_mark(k))
		err = -ESTALE;
	if (!err && k->worker.pidfd < 0 && !k->worker.ended) {	/* its keeper is gone, and its number may be somebody else's by now */
		err = child_watch(&k->worker);
		if (!err && (info->ublksrv_pid != k->worker.pid || !proc_has_mapped(k->worker.pid, k->device.char_path)))
			err = -ESRCH;
	}
	if (err == -ENODEV || err == -ESTALE)	/* what was kept is of no use: the next begins anew */
		kept_forget();
	if (err)
		return fail(err, "find device %" PRIu32, id);
	err = features_ask(&k->device.features, k->spec, false);
	return err ? err : features_settle(&k->device.features, k->spec, info->flags);
}

/* Returns what of it is an error: a device that goes with its last user is none. */
static int explain_del(const struct keeper *k, int err)
{
	char where[256];
	struct holder holder;

	if (err == -ETIMEDOUT && proc_mount_point(k->device.block_path, where, sizeof(where)))
		note("%s is stopped but still mounted at %s, and vanishes when that is unmounted", k->device.block_path, where);
	else if (err == -ETIMEDOUT && proc_find_holder(k->device.block_path, 0, &holder))
		note("%s is stopped but still open in process %d (%s), and vanishes when that closes it",
		     k->device.block_path, (int)holder.pid, holder.name);
	else if (err == -ETIMEDOUT && proc_find_holder(k->device.char_path, 0, &holder))
		return fail_plain(err, "%s is still open in process %d (%s); device %" PRIu32 " stays until that ends",
				  k->device.char_path, (int)holder.pid, holder.name, k->device.info.dev_id);
	else {
		fail(err, "delete device %" PRIu32, k->device.info.dev_id);
		remedy("it is left behind; run 'ublk-ctl del %" PRIu32 "' as root, on the host", k->device.info.dev_id);
		return err;
	}
	return 0;
}

/* Somebody else was quicker. That the path of its node is not there says nothing of the device. */
static bool is_gone(const struct keeper *k)
{
	char path[80];

	text_format(path, sizeof(path), SYSFS_CHAR "%" PRIu32, k->device.info.dev_id);
	return driver_present() && access(path, F_OK) < 0;
}

/* Or is about to be: the kernel removes the node a moment before the device, and nothing tells. */
static bool is_going(struct keeper *k)
{
	int64_t end = now_ms() + GOING_MS;

	while (!is_gone(k)) {
		if (access(k->device.char_path, F_OK) == 0 || now_ms() > end)
			return false;
		events_wait(k, LOOK_AGAIN_MS);
	}
	return true;
}

static void delete(struct keeper *k)
{
	int err = ctrl_del(&k->ctrl, keeper_target(k), k->stops > 1 ? HELD_MS : CTRL_LIMIT_MS);

	if (err == -ENODEV || (err && err != -ETIMEDOUT && is_going(k)))
		err = 0;
	if (err)
		err = explain_del(k, err);
	if (err && !k->error)
		k->error = err;
}

void add_down(void *self)
{
	struct keeper *k = self;

	if (!k->added)
		return;
	if (!k->ctrl.pending)
		delete(k);
	else if (k->ctrl.pending != UBLK_CMD_STOP_DEV && k->ctrl.pending != UBLK_CMD_TRY_STOP_DEV)
		/* it never returned, and no other command can be sent */
		remedy("%s has not returned; device %" PRIu32 " is left behind: 'ublk-ctl del %" PRIu32 "' deletes it",
		       ctrl_name(k->ctrl.pending), k->device.info.dev_id, k->device.info.dev_id);
	kept_forget();
	if (k->char_made)
		unlink(k->device.char_path);
	if (k->block_made)
		unlink(k->device.block_path);
	log_device(-1);
}

/* --- name it: held first, then looked for, so that of two at the same time one at least sees the other ---- */

/* Names are root's, or one user's: nobody takes them away from another. */
static bool has_its_name(struct keeper *k, uint32_t id)
{
	const struct ublksrv_ctrl_dev_info *ours = &k->device.info;
	char path[DEVICE_PATH_MAX], name[DEVICE_NAME_MAX];
	struct ublksrv_ctrl_dev_info info;

	text_format(path, sizeof(path), "%s/ublkc%" PRIu32, k->spec->dev_dir, id);
	return id != ours->dev_id && registry_ask(&k->ctrl, id, path, &info) == 0 &&
	       device_is_unprivileged(&info) == device_is_unprivileged(ours) &&
	       (!device_is_unprivileged(ours) || info.owner_uid == ours->owner_uid) &&
	       name_read(registry_keeper(&info), id, name) && !strcmp(name, k->spec->name);
}

int name_up(void *self)
{
	struct keeper *k = self;
	struct file_listing listing;
	int err = 0;
	uint32_t id;

	if (!k->spec->name)
		return 0;
	k->name = name_hold(k->spec->name, k->device.info.dev_id);
	if (k->name < 0)
		return fail(k->name, "name the device %s", k->spec->name);
	if (registry_open(&listing) < 0)
		return 0;
	while (!err && registry_next(&listing, &id))
		if (has_its_name(k, id))
			err = fail_plain(-EEXIST, "device %" PRIu32 " has the name %s already", id, k->spec->name);
	file_listing_close(&listing);
	if (err)
		remedy("choose another --name; 'ublk-ctl info %s' tells about that device", k->spec->name);
	return err;
}

void name_down(void *self)
{
	struct keeper *k = self;

	if (k->name >= 0)
		close(k->name);
	k->name = -1;
}

/* --- wait for its node: without rights, every further command names it ----------- */

int node_up(void *self)
{
	struct keeper *k = self;
	char sysfs[80];

	text_format(sysfs, sizeof(sysfs), SYSFS_CHAR "%" PRIu32 "/dev", k->device.info.dev_id);
	return node_wait(k->device.char_path, sysfs, false, k->spec->mknod, &k->char_made);
}

/* --- share memory with who uses it: the driver holds it until the device is deleted ---- */

int share_up(void *self)
{
	struct keeper *k = self;
	const struct region *region = &k->device.region;
	const char *path = k->spec->shared_memory;
	int err;

	if (!region->at)
		return 0;
	err = region_fill(region, path);
	if (err)
		return err;
	err = ctrl_share(&k->ctrl, keeper_target(k), region->at, region->size);
	if (err)			/* a number that is not 0 is another device's doing */
		return fail(err < 0 ? err : -EPROTO, "have the kernel share %s", path);
	info("requests from memory of %s, %" PRIu64 " KiB, are served there", path, region->size >> 10);
	return 0;
}
