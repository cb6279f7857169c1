/* SPDX-License-Identifier: MIT */
/* starting.c - the disk comes to be, and is stopped */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "core/keeping.h"
#include "core/log.h"
#include "core/node.h"
#include "core/notify.h"
#include "core/params.h"
#include "core/proc.h"
#include "core/text.h"
#include "core/use.h"
#include "core/util.h"

/* --- set its parameters ---------------------------------------------------------- */

int params_up(void *self)
{
	struct keeper *k = self;
	struct ublk_params params;
	int err = params_check(&k->report.disk, k->spec);

	if (err)
		return err;
	k->disk = k->report.disk;
	params_fill(&params, &k->report.disk, k->spec, k->device.info.max_io_buf_bytes);
	err = ctrl_set_params(&k->ctrl, keeper_target(k), &params);
	return err ? fail(err, "set the device's parameters") : 0;
}

/* --- start and stop it ----------------------------------------------------------- */

static int explain_start(int err)
{
	fail(err, "start the device");
	if (err == -EINVAL && proc_in_namespace("pid"))
		remedy("Linux 6.16 starts no disk that is served from another pid namespace than the machine's first; "
		       "use that one, or another kernel");
	return err;
}

int start_up(void *self)
{
	struct keeper *k = self;
	int err;

	k->started = true;	/* from here on STOP_DEV is owed, whatever START_DEV says */
	do {
		err = ctrl_send_start(&k->ctrl, keeper_target(k), k->worker.pid);
		if (!err)
			err = events_wait_ctrl(k, CTRL_LIMIT_MS);
	} while (err == -EINTR && !k->worker.ended);
	if (err)
		return explain_start(err);
	if (k->worker.ended || k->killed)	/* the kernel calls it started all the same */
		return fail_plain(-EIO, "the server process died while the device was started");
	k->live = true;
	k->born = now_ms();
	return 0;
}

static void explain_stop(const struct keeper *k)
{
	fail_plain(-ETIMEDOUT, "STOP_DEV has not returned: the kernel waits for requests that nobody answers");
	remedy("device %" PRIu32 " is left behind; when the kernel has given up on it, 'ublk-ctl del %" PRIu32 "' deletes it",
	       k->device.info.dev_id, k->device.info.dev_id);
}

void keeper_hand_over(struct keeper *k, struct child *child, const char *name, void (*work)(struct keeper *k))
{
	*child = (struct child){ .pidfd = -1, .pid = fork() };
	if (!child->pid) {
		keeper_forget(k);
		prctl(PR_SET_NAME, name, 0, 0, 0);
		work(k);
		_exit(0);
	}
	if (child->pid < 0)
		child->pid = 0;
	else if (child_watch(child))
		child_reap(child);
}

static void flush(struct keeper *k)
{
	use_flush(k->device.block_path);
}

/*
 * A disk that may have another server fails every request as soon as it is told
 * to stop, where others have their file systems written first. So they write
 * before it is told.
 */
static void flush_users(struct keeper *k)
{
	int64_t end = now_ms() + k->spec->stop_timeout * 1000L, left;

	if (!k->spec->recovery || !k->live || k->stopped || k->worker.ended)
		return;
	keeper_hand_over(k, &k->helper, "ublk-flush", flush);
	while (k->helper.pid && !k->helper.ended && !k->worker.ended && k->stops < 3 && (left = end - now_ms()) > 0)
		events_wait(k, (int)left);
	if (k->helper.pid && !k->helper.ended)
		worker_kill(k, k->stops > 2 ? "as told" : "it does not answer");
}

/* STOP_DEV, in use or not. */
static void stop_now(struct keeper *k)
{
	int err;

	flush_users(k);
	if (!k->live && k->ctrl.pending)	/* START_DEV: a server that it waited for was killed, and so it ends */
		events_wait_ctrl(k, (int)k->spec->stop_timeout * 1000);
	err = k->ctrl.pending ? 0 : ctrl_send_stop(&k->ctrl, keeper_target(k));	/* TRY_STOP_DEV may be under way still */
	if (!err)
		err = events_wait_ctrl(k, (int)k->spec->stop_timeout * 1000);
	if (k->stopped || err == -ENODEV || err == -ENOENT || err == -EINVAL)	/* those: somebody was quicker */
		err = 0;
	if (err == -ETIMEDOUT && k->live)
		explain_stop(k);
	else if (err && err != -ETIMEDOUT)
		fail(err, "stop the device");
	if (err && !k->error)
		k->error = err;
}

/* Until nobody has it open, or somebody insists. True: it is stopped already. */
static bool wait_unused(struct keeper *k)
{
	bool said = false;

	while (k->stops < 2 && !k->stopped && (!k->worker.ended || worker_follow(k))) {
		struct use use;
		int err = use_stop(&k->ctrl, keeper_target(k), k->device.block_path, k->device.features.offered, &use);

		if (err != -EBUSY)
			return err == 0;
		if (!said) {
			note("%s is in use (%s); stopping when that ends, or at once on a second signal",
			     k->device.block_path, use.by);
			said = true;
		}
		events_wait(k, RECHECK_MS);
	}
	return false;
}

void start_down(void *self)
{
	struct keeper *k = self;

	if (!k->started)
		return;
	notify_stopping();
	/* Who is there to use it before it is live? And to look who does would wait for START_DEV, which has claimed it. */
	if (!k->live || k->error || !wait_unused(k))
		stop_now(k);
}

/* --- say that it is ready -------------------------------------------------------- */

/*
 * Before 6.16 a server that is killed with every tag in flight is noticed only
 * after the block layer's 30 s: the driver looks when an idle tag's command is
 * cancelled. So one tag is never used there.
 */
static void write_nr_requests(struct keeper *k)
{
	char path[80], number[16];
	int err;

	text_format(path, sizeof(path), "/sys/block/ublkb%" PRIu32 "/queue/nr_requests", k->device.info.dev_id);
	text_format(number, sizeof(number), "%u", k->device.info.queue_depth - 1);
	err = proc_write(path, number);
	info("keep one tag free: %s", err ? strerror(-err) : "done");
}

/* Writing that number waits for all requests under way, and so for the server: a child waits instead of us. */
static void spare_a_tag(struct keeper *k)
{
	if (k->device.features.offered & UBLK_F_QUIESCE || k->device.info.queue_depth < 5)	/* the block layer wants 4 */
		return;
	keeper_hand_over(k, &k->sparer, "ublk-tag", write_nr_requests);
}

/* Whoever mounts it is found by looking now and then, but a program may write to it and be gone in between. */
static void watch_writers(struct keeper *k)
{
	k->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (k->watch >= 0)
		inotify_add_watch(k->watch, k->device.block_path, IN_CLOSE_WRITE);
}

/* When it can be used; nobody wants to hear of a disk before that. */
static int start_timer(struct keeper *k)
{
	struct itimerspec every = { .it_value.tv_sec = k->spec->stats, .it_interval.tv_sec = k->spec->stats };

	if (k->spec->stats == STATS_NEVER || !k->spec->stats || k->stats_timer >= 0)
		return 0;
	k->stats_timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (k->stats_timer < 0 || timerfd_settime(k->stats_timer, 0, &every, NULL) < 0)
		return fail(-errno, "set a timer for --stats");
	return 0;
}

int watches_up(void *self)
{
	struct keeper *k = self;

	if (k->spec->autoclear && k->watch < 0)
		watch_writers(k);
	return start_timer(k);
}

int ready_up(void *self)
{
	struct keeper *k = self;
	char sysfs[80];
	int err;

	text_format(sysfs, sizeof(sysfs), "/sys/block/ublkb%" PRIu32 "/dev", k->device.info.dev_id);
	err = node_wait(k->device.block_path, sysfs, true, k->spec->mknod, &k->block_made);
	if (!err)
		err = watches_up(k);
	if (err)
		return err;
	upgrade_publish(k);
	err = notify_ready(k->spec, k->device.block_path);
	if (err)
		return err;
	k->ready = true;
	spare_a_tag(k);
	return 0;
}
