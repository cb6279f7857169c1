/* SPDX-License-Identifier: MIT */
/*
 * keeper.c - the life of a device, as a list
 *
 * The order of keeper_steps carries meaning:
 *
 *   - what the disk is made of is opened first: a wrong path costs no kernel
 *     state, and happens with the rights of the caller;
 *   - the worker fetches every tag before START_DEV, which waits for that;
 *   - the worker gives up its rights after its last FETCH, or the driver would
 *     not look for partitions, and before START_DEV, so before the first byte;
 *   - backwards: STOP_DEV while the worker serves, for stopping flushes what
 *     file systems have in memory; then the worker ends by itself; then DEL_DEV,
 *     which waits until nobody has ublkcN open.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/affinity.h"
#include "core/driver.h"
#include "core/features.h"
#include "core/keeper.h"
#include "core/keeping.h"
#include "core/log.h"
#include "core/node.h"
#include "core/notify.h"
#include "core/proc.h"
#include "core/region.h"
#include "core/resident.h"
#include "core/root.h"
#include "core/state.h"
#include "core/stats.h"
#include "core/status.h"
#include "core/step.h"
#include "core/use.h"
#include "core/util.h"

/* --- stay in memory -------------------------------------------------------------- */

/* Whoever kills the keeper gets hardly any memory, and the disk is lost. Who may not be spared is not. */
static void spare_keeper(struct keeper *k)
{
	int err = resident_set("-1000");

	if (!err)
		return;
	info("the keeper can be killed for memory, and then the disk ends: %s", strerror(-err));
	*k->score_found = '\0';
}

int memory_up(void *self)
{
	struct keeper *k = self;
	const char *score = k->spec->oom_score_adj;
	int err = 0;

	if (k->spec->root)
		root_stay();
	if (k->spec->root && !score)
		score = "-1000";
	if (!*k->score_found && (score || k->spec->recovery))
		proc_read("/proc/self/oom_score_adj", k->score_found, sizeof(k->score_found));
	if (*k->score_found && score)
		err = resident_score(score);
	else if (*k->score_found)
		spare_keeper(k);
	if (!err && (k->spec->mlock || k->spec->root))
		err = resident_lock();
	return err;
}

/* --- open what the disk is made of ----------------------------------------------- */

static int paths_up(void *self)
{
	struct keeper *k = self;
	const struct applet *applet = k->spec->applet;
	int err = user_choose(&k->device.user, k->spec);

	if (!err)
		err = notify_open(k->spec);
	if (!err && applet->backend->prepare)
		err = applet->backend->prepare(applet->self, k->spec);
	if (!err && k->spec->shared_memory)		/* behind what the disk is kept in, which others look for */
		err = region_open(&k->device.region, k->spec->shared_memory);
	return err;
}

static enum outcome outcome(const struct keeper *k)
{
	if (!k->ready)			/* what nobody was ever told of must not replace anything */
		return NEVER_SERVED;
	if (!k->finished)
		return CUT_SHORT;
	return k->finish_error ? STOPPED_BADLY : STOPPED_WELL;
}

static void paths_down(void *self)
{
	struct keeper *k = self;
	const struct applet *applet = k->spec->applet;
	int err = 0;

	if (applet->backend->conclude)
		err = applet->backend->conclude(applet->self, outcome(k));
	if (err && !k->error)
		k->error = err;
	region_close(&k->device.region);
	notify_close();
}

int settle_up(void *self)
{
	struct keeper *k = self;

	if (k->spec->root)
		root_settle();
	return 0;
}

/* --- reach the driver ------------------------------------------------------------ */

int ctrl_up(void *self)
{
	struct keeper *k = self;
	const struct backend *backend = k->spec->applet->backend;
	int err = driver_reach(&k->ctrl, k->spec->dev_dir, k->spec->modprobe);

	if (err)
		return err;
	k->device.legacy = k->ctrl.legacy;
	k->device.features.offered = k->ctrl.features;
	k->device.features.offered_known = k->ctrl.features_known;
	k->device.features.at_once = backend->at_once && backend->at_once(k->spec->applet->self);
	return 0;
}

static void ctrl_down(void *self)
{
	struct keeper *k = self;

	ctrl_close(&k->ctrl);
}

/* --- choose the CPUs ------------------------------------------------------------- */

/* What the driver says, within our cpuset. Whatever fails here leaves a thread where the scheduler wants it. */
static void choose_cpus(struct keeper *k, const cpu_set_t *list)
{
	cpu_set_t allowed, queue;
	uint16_t count = k->device.info.nr_hw_queues;
	bool said = false;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
		return;
	k->device.cpus = pages_get(count * sizeof(*k->device.cpus));
	for (uint16_t i = 0; i < count && k->device.cpus; i++) {
		char text[64];
		int err = ctrl_get_affinity(&k->ctrl, keeper_target(k), i, &queue, sizeof(queue));

		if (!err && affinity_choose(&queue, &allowed, list, &k->device.cpus[i])) {
			affinity_text(&k->device.cpus[i], text, sizeof(text));
			info("queue %u runs on CPUs %s", i, text);
			continue;
		}
		k->device.cpus[i] = allowed;
		if (!said)
			note("queue %u is not pinned: %s", i, err ? strerror(-err)
			     : list ? "no CPU of --cpu-affinity may be used here" : "none of its CPUs may be used here");
		said = true;
	}
}

int cpus_up(void *self)
{
	struct keeper *k = self;
	cpu_set_t list;

	if (!strcmp(k->spec->cpu_affinity, "auto"))
		choose_cpus(k, NULL);
	else if (affinity_parse(k->spec->cpu_affinity, &list) == 0)	/* else it is "none" */
		choose_cpus(k, &list);
	return 0;
}

static void cpus_down(void *self)
{
	struct keeper *k = self;

	pages_free(k->device.cpus, k->device.info.nr_hw_queues * sizeof(*k->device.cpus));
	k->device.cpus = NULL;
}

/* --- count ----------------------------------------------------------------------- */

/* A disk that nobody can count is a disk all the same. */
int stats_up(void *self)
{
	struct keeper *k = self;
	uint32_t room = (uint32_t)k->device.info.nr_hw_queues * STATS_QUEUE + BACKEND_NUMBERS + SANDBOX_NUMBERS;
	int err = 0;

	if (!stats_resume(&k->device.stats, room)) {
		stats_close(&k->device.stats);
		err = stats_open(&k->device.stats, room);
	}
	if (err) {
		stats_close(&k->device.stats);
		info("nothing is counted: %s", strerror(-err));
	}
	return 0;
}

static void stats_down(void *self)
{
	struct keeper *k = self;

	if (k->ready && k->spec->stats != STATS_NEVER)
		events_tell_stats(k);
	stats_close(&k->device.stats);
	if (k->stats_timer >= 0)
		close(k->stats_timer);
	k->stats_timer = -1;
}

/* --- all of it ------------------------------------------------------------------- */

static const struct step keeper_steps[] = {
	{ "stay in memory",			memory_up,	NULL },
	{ "open what the disk is made of",	paths_up,	paths_down },
	{ "need no file system any more",	settle_up,	NULL },
	{ "reach the driver",			ctrl_up,	ctrl_down },
	{ "add the device",			add_up,		add_down },
	{ "name it",				name_up,	name_down },
	{ "wait for its node",			node_up,	NULL },
	{ "share memory with its users",	share_up,	NULL },
	{ "choose the CPUs of its queues",	cpus_up,	cpus_down },
	{ "make a place for statistics",	stats_up,	stats_down },
	{ "start the server",			worker_up,	worker_down },
	{ "set the device's parameters",	params_up,	NULL },
	{ "start the device",			start_up,	start_down },
	{ "say that it is ready",		ready_up,	NULL },
	{ "run the command",			command_up,	command_down },
	{ NULL, NULL, NULL }
};

/* Was it in use, and is no more? */
static bool is_done_with(struct keeper *k)
{
	struct use use;

	if (!k->spec->autoclear)
		return false;
	if (!use_find(k->device.block_path, &use))
		return k->used;
	k->used = true;
	return false;
}

/* Until somebody wants the device to end, or it ended. */
static void serve(struct keeper *k)
{
	while (!k->stopped && (!k->worker.ended || worker_return(k))) {
		if (k->worker.ended)	/* the next one as well, which was seen while it was given the device */
			continue;
		if (k->stops && !(k->command.pid && !k->command.ended))
			return;
		if (k->stops > 1 || k->command.ended || is_done_with(k))
			return;
		k->calm = true;
		events_wait(k, k->spec->autoclear ? RECHECK_MS : -1);
		k->calm = false;
		upgrade_do(k);
	}
	if (k->stopped) {
		info("the device was stopped by somebody else");
		return;
	}
	if (WIFSIGNALED(k->worker.status))
		k->error = fail_plain(-EIO, "the server process died of signal %d; the disk and what it held are gone",
				      WTERMSIG(k->worker.status));
	else
		k->error = fail_plain(-EIO, "the server process ended with status %d; the disk is gone",
				      WEXITSTATUS(k->worker.status));
}

static int exit_status(const struct keeper *k, int err)
{
	if (!err)
		err = k->error;
	if (!k->spec->command || !k->command.ended)
		return err && k->spec->command ? STATUS_OURS : (int)status_of(err);
	if (err)
		return STATUS_OURS;
	return WIFSIGNALED(k->command.status) ? 128 + WTERMSIG(k->command.status) : WEXITSTATUS(k->command.status);
}

int keeper_main(const struct spec *spec)
{
	struct keeper k = {
		.spec = spec,
		.ctrl = { .fd = -1 },
		.worker = { .pidfd = -1 },
		.command = { .pidfd = -1 },
		.sparer = { .pidfd = -1 },
		.helper = { .pidfd = -1 },
		.leaver = { .pidfd = -1 },
		.device = { .stats = STATS_NONE, .region = { .fd = -1 } },
		.name = -1,
		.pipe = -1,
		.stats_timer = -1,
		.watch = -1,
		.asker = -1,
		.program = -1,
		.state_fd = -1,
		.ignore_hangup = spec->background,
	};
	int reached, err;

	if (state_given()) {
		reached = ARRAY_SIZE(keeper_steps) - 2;
		err = upgrade_resume(&k);
		if (err)		/* the worker has all that there is */
			return err == -ECANCELED ? STATE_UNDERSTOOD : STATUS_FAILED;
	} else {
		err = steps_up(keeper_steps, &k, &reached);
	}
	if (!err)
		serve(&k);
	steps_down(keeper_steps, &k, reached);
	command_end(&k);
	child_end(&k, &k.sparer);
	child_end(&k, &k.helper);
	child_end(&k, &k.leaver);
	return exit_status(&k, err);
}
