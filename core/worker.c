/* SPDX-License-Identifier: MIT */
/* worker.c - the life of the serving process, as a list */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/log.h"
#include "core/node.h"
#include "core/notify.h"
#include "core/queue.h"
#include "core/resident.h"
#include "core/sandbox.h"
#include "core/step.h"
#include "core/util.h"
#include "core/worker.h"

struct worker {
	const struct spec *spec;
	const struct device *device;
	const struct backend *backend;
	int pipe, keepers;		/* our end, and the other if it is here for who adopts us; -1 */
	int ended_fd;			/* eventfd that counts queues that have ended */
	struct sandbox sandbox;
	struct queue_plan plan;
	struct queue *queues;
	struct disk disk;
};

/* A message of its own. Not by sendto(), which reaches other sockets by way of the log's. #syscalls write */
static int report(struct worker *w, enum report_kind kind, int error)
{
	struct report message = { .kind = kind, .error = error, .disk = w->disk };

	if (RETRY(write(w->pipe, &message, sizeof(message))) < 0)
		return -errno;
	return 0;
}

/* Without its keeper the disk cannot be taken away any more, so the worker does not outlive it, unless another can come. */
static int die_with_keeper(pid_t keeper)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return fail(-errno, "tie the server to its keeper");
	return getppid() == keeper ? 0 : fail_plain(-ESRCH, "the keeper is gone already");
}

static int early_up(void *self)
{
	struct worker *w = self;
	int err = die_with_keeper(device_keeper(w->device->info.ublksrv_flags));

	if (err)
		return err;
	err = sandbox_early(&w->sandbox);
	return err ? fail(err, "confine the server") : 0;
}

static _Atomic uint64_t *count_queues(const struct worker *w)
{
	const struct stats *stats = &w->device->stats;

	return stats->page ? stats_add(stats, stats_queue, STATS_QUEUE_NAMES, w->device->info.nr_hw_queues) : NULL;
}

static int memory_up(void *self)
{
	struct worker *w = self;

	return w->spec->mlock || w->spec->root ? resident_lock() : 0;
}

static int queues_up(void *self)
{
	struct worker *w = self;
	const struct device *device = w->device;
	uint16_t count = device->info.nr_hw_queues;
	int err = 0;

	w->ended_fd = eventfd(0, EFD_CLOEXEC);
	if (w->ended_fd < 0)
		return fail(-errno, "make an eventfd");
	if (device->region.at && region_guard())
		return fail(-errno, "be ready for shared memory that vanishes");
	w->queues = pages_get(count * sizeof(*w->queues));
	if (!w->queues)
		return fail(-ENOMEM, "get memory for %u queues", count);
	w->plan = (struct queue_plan){
		.backend = w->backend,
		.self = w->spec->applet->self,
		.disk = &w->disk,
		.depth = device->info.queue_depth,
		.max_io = device->info.max_io_buf_bytes,
		.read_only = w->spec->read_only,
		.legacy = device->legacy,
		.drop_early = !w->spec->partscan && !(device->features.granted & UBLK_F_NO_AUTO_PART_SCAN),
		.mode = device->features.moves,
		.region = device->region,
		.at_once = device->features.at_once,
		.poll_us = w->spec->poll,
		.batch = device->features.mode == IO_BATCH,
		.quiesces = device->info.flags & UBLK_F_QUIESCE,
		.ended_fd = w->ended_fd,
		.sandbox = &w->sandbox,
	};
	w->plan.numbers = count_queues(w);
	for (uint16_t i = 0; i < count && !err; i++)
		err = queue_start(&w->queues[i], &w->plan, i, device->cpus ? &device->cpus[i] : NULL);
	return err;
}

/*
 * A successor may open the device only when the driver knows that there will be
 * one; and before Linux 7.0 it crashes or hangs for ever if that one dies until
 * it has fetched all. So all that can fail comes first, and the keeper is asked.
 */
static int go_up(void *self)
{
	struct worker *w = self;
	char go;
	int err;

	if (!w->disk.size)
		return 0;
	err = report(w, REPORT_PREPARED, 0);
	if (err)
		return fail(err, "report to the keeper");
	return RETRY(recv(w->pipe, &go, sizeof(go), 0)) == sizeof(go) ? 0 : -ECANCELED;
}

static int fetch_up(void *self)
{
	struct worker *w = self;
	int err = 0;

	w->plan.char_fd = node_open_char(w->device->char_path);
	if (w->plan.char_fd < 0)
		return w->plan.char_fd;
	for (uint16_t i = 0; i < w->device->info.nr_hw_queues && !err; i++)
		err = queue_fetch(&w->queues[i]);
	if (w->plan.mode == IO_COPY || w->plan.mode == IO_GET_DATA)
		close(w->plan.char_fd);		/* each ring holds a reference of its own */
	if (err || !w->disk.size)
		return err;
	err = report(w, REPORT_FETCHED, 0);
	return err ? fail(err, "report to the keeper") : 0;
}

/*
 * Who adopts us takes the number of the keeper, which is free when it names no
 * session and no group of processes any more: so we have our own.
 */
static int session_up(void *self)
{
	struct worker *w = self;

	if (w->spec->recovery == RECOVERY_REISSUE && setsid() < 0)
		return fail(-errno, "begin a session");
	return 0;
}

static int commit_up(void *self)
{
	struct worker *w = self;

	return w->backend->commit && !w->disk.size ? w->backend->commit(w->spec->applet->self) : 0;
}

static int sandbox_up(void *self)
{
	struct worker *w = self;
	int err;

	if (w->spec->background || w->spec->root)
		notify_prepare_leave();
	err = sandbox_thread(&w->sandbox);
	if (!err)
		err = sandbox_process(&w->sandbox, SANDBOX_OPENING);
	return err ? fail(err, "give up every right") : 0;
}

static int backend_up(void *self)
{
	struct worker *w = self;
	int err;

	if (w->backend->count && w->device->stats.page)
		w->backend->count(w->spec->applet->self, &w->device->stats);
	w->disk.hurried = device_is_unprivileged(&w->device->info);
	err = w->backend->open(w->spec->applet->self, &w->disk);
	w->plan.sector_size = spec_sector_size(w->spec, w->disk.sector_size);
	for (uint16_t i = 0; i < w->device->info.nr_hw_queues && !err; i++)
		err = queue_go(&w->queues[i]);
	return err;
}

/* What the kernel tells nobody about another process: of seccomp not whose filter it is. In the order of the enum. */
static void count_sandbox(struct worker *w)
{
	static const struct stats_name names[SANDBOX_NUMBERS] = {
		{ "landlock", STATS_GAUGE }, { "seccomp", STATS_GAUGE }, { "restricted_rings", STATS_GAUGE },
	};
	_Atomic uint64_t *numbers;

	if (!w->device->stats.page)
		return;
	numbers = stats_add(&w->device->stats, names, SANDBOX_NUMBERS, 1);
	for (int i = 0; i < SANDBOX_NUMBERS; i++)
		numbers[i] = w->sandbox.on && !(w->sandbox.lacks >> i & 1);
}

/* From here on there is something to adopt. #syscalls:opening prctl */
static int outlive_keeper(const struct worker *w)
{
	return w->spec->recovery == RECOVERY_REISSUE && prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0) < 0 ? -errno : 0;
}

static int report_up(void *self)
{
	struct worker *w = self;
	int err = outlive_keeper(w);

	if (err)
		return fail(err, "outlive the keeper");
	if (w->spec->background || w->spec->root)
		notify_leave();
	err = sandbox_process(&w->sandbox, SANDBOX_SERVING);
	if (err)
		return fail(err, "give up system calls");
	count_sandbox(w);
	err = report(w, REPORT_READY, 0);
	return err ? fail(err, "report to the keeper") : 0;
}

/* No downs: what a process leaves behind, the kernel takes back in the right order. */
static const struct step worker_steps[] = {
	{ "confine the server",			early_up,	NULL },
	{ "lock memory",			memory_up,	NULL },
	{ "prepare the queues",			queues_up,	NULL },
	{ "be told to take over",		go_up,		NULL },
	{ "fetch all requests",			fetch_up,	NULL },
	{ "begin a session",			session_up,	NULL },
	{ "take for good",			commit_up,	NULL },
	{ "give up every right",		sandbox_up,	NULL },
	{ "read what the disk is made of",	backend_up,	NULL },
	{ "report to the keeper",		report_up,	NULL },
	{ NULL, NULL, NULL }
};

/* #syscalls read */
static void wait_for_queues(struct worker *w)
{
	uint64_t ended = 0, more;

	while (ended < w->device->info.nr_hw_queues)
		if (RETRY(read(w->ended_fd, &more, sizeof(more))) == sizeof(more))
			ended += more;
}

/* Or shall another server have the disk? Its tags come back alike. #syscalls close */
static bool is_the_end(const struct worker *w)
{
	char end = true;

	if (!(w->device->info.flags & UBLK_F_QUIESCE))
		return true;
	if (w->keepers >= 0)		/* or there would always be somebody who might answer */
		close(w->keepers);
	return RETRY(read(w->pipe, &end, 1)) != 1 || end;
}

static int finish(struct worker *w)
{
	void *self = w->spec->applet->self;
	int err = report(w, REPORT_STOPPED, 0);

	if (err)
		fail(err, "report to the keeper");
	else if (!is_the_end(w))
		_exit(0);
	else if (w->backend->stopped)
		err = w->backend->stopped(self);
	if (w->backend->close)
		w->backend->close(self);
	return err;
}

/* #syscalls exit_group */
void worker_main(const struct spec *spec, const struct device *device, const int pipe[2], const struct disk *disk)
{
	struct worker w = {
		.spec = spec, .device = device, .backend = spec->applet->backend, .keepers = pipe[0], .pipe = pipe[1], .disk = *disk,
		.sandbox = { .on = spec->sandbox == SANDBOX_ON, .user = device->user, .applet = spec->applet->name,
			     .lacks = spec->applet->backend->foreign ? SANDBOX_SECCOMP : 0 },
	};
	int reached, err;

	prctl(PR_SET_NAME, "ublk-worker", 0, 0, 0);
	err = steps_up(worker_steps, &w, &reached);
	if (err) {
		report(&w, REPORT_FAILED, err);
		_exit(1);
	}
	wait_for_queues(&w);
	err = finish(&w);
	report(&w, REPORT_FINISHED, err);
	_exit(err ? 1 : 0);
}
