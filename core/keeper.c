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
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/affinity.h"
#include "core/ctrl.h"
#include "core/device.h"
#include "core/driver.h"
#include "core/file.h"
#include "core/keeper.h"
#include "core/log.h"
#include "core/name.h"
#include "core/node.h"
#include "core/notify.h"
#include "core/params.h"
#include "core/proc.h"
#include "core/resident.h"
#include "core/registry.h"
#include "core/signals.h"
#include "core/status.h"
#include "core/step.h"
#include "core/text.h"
#include "core/use.h"
#include "core/util.h"
#include "core/worker.h"

#define QUEUES_AUTO_MAX 4
#define MAX_IO_DIRECT (1U << 20)	/* no buffers behind it */
#define MAX_IO_COPY (128U << 10)	/* a buffer of this size for every tag of every queue */
#define RECHECK_MS 1000			/* how often a device in use is looked at again, where nothing tells */
#define KILLED_MS 5000			/* a killed worker is gone by then, or never */
#define REPORTS_MAX 5			/* an honest worker has no more to say */
#define LIFE_MS 10000			/* a server that crashed sooner was no use */
#define LIVES_MAX 5			/* servers in a row that were no use */
#define PAUSE_MS 10			/* before the next, doubled each time */
#define RELEASE_MS 60000		/* how long the driver may take to see that a server is gone */
#define SYSFS_CHAR REGISTRY "/ublkc"
#define HELD_MS 2000			/* how long a forced end waits for those who have the device open */

/* What a wait has seen. */
enum {
	SAW_SIGNAL	= 1 << 0,
	SAW_REPORT	= 1 << 1,
	SAW_WORKER_END	= 1 << 2,
	SAW_RESULT	= 1 << 3,	/* of the control command under way */
	SAW_COMMAND_END	= 1 << 4,
	SAW_ANYTHING	= 1 << 5,	/* the time was not over */
};

struct child {
	pid_t pid;		/* 0: none */
	int pidfd;		/* -1: none */
	int status;		/* as waitpid() gives it, once it has ended */
	bool ended;
};

struct keeper {
	const struct spec *spec;
	struct ctrl ctrl;
	struct device device;
	bool added, started, ready;
	bool char_made, block_made;	/* the nodes are our own */
	int name;			/* what holds --name; -1: none */
	struct child worker, command;
	bool live;			/* START_DEV has returned, and well */
	bool killed;			/* we killed the worker, which may not have ended yet */
	struct disk disk;		/* as the first worker told; all 0 until then */
	unsigned int useless;		/* crashes in a row, each soon after the start */
	long born;			/* when the worker began to serve, now_ms() */
	bool waiting;			/* the driver knows that another will take over */
	struct child sparer;		/* see spare_a_tag() */
	struct child flusher;		/* see flush_users() */
	int pipe;			/* from the worker */
	struct report report;		/* the last one */
	unsigned int reports;		/* how many there were */
	int finish_error;		/* what the backend's last work ended with */
	bool fetched, stopped, finished;	/* the worker has reported so */
	int result;			/* of the last control command that was waited for */
	int stops;			/* signals that ask for an end */
	int stats_timer;		/* -1: none */
	int watch;			/* inotify on the disk's node, for --autoclear; -1: none */
	bool used;			/* somebody has used it */
	bool ignore_hangup;
	char score_found[8];		/* oom_score_adj before --oom-score-adj; "": as it is */
	int error;			/* what the device's end is reported with */
};

/* --- waiting for everything at once ------------------------------------------- */

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000L + ts.tv_nsec / 1000000L;
}

static void tell_stats(const struct keeper *k)
{
	char line[512];

	if (!k->device.stats.page || stats_line(k->device.stats.fd, line, sizeof(line)))
		note("nothing is counted");
	else
		note("%s", line);
}

static void take_timer(struct keeper *k)
{
	uint64_t expired;

	if (RETRY(read(k->stats_timer, &expired, sizeof(expired))) == sizeof(expired))
		tell_stats(k);
}

static void take_signal(struct keeper *k)
{
	bool from_user;
	int sig;

	while ((sig = signals_read(&from_user))) {
		if (sig == SIGUSR1)
			tell_stats(k);
		if (sig == SIGHUP && k->ignore_hangup)
			continue;
		if (sig != SIGINT && sig != SIGTERM && sig != SIGHUP)
			continue;
		k->stops++;
		/* What a terminal sends, it sends to the command as well; what kill(1) sends, it does not. */
		if (from_user && k->command.pid && !k->command.ended)
			kill(k->command.pid, sig);
	}
}

static void kill_worker(struct keeper *k, const char *why)
{
	if (!k->worker.pid || k->worker.ended)
		return;
	warn("killing the server process %d: %s", (int)k->worker.pid, why);
	kill(k->worker.pid, SIGKILL);
	k->killed = true;
}

/* The worker may have been taken over: of what it says only what fits is believed. */
static void take_report(struct keeper *k, const struct report *message)
{
	if (message->kind < REPORT_PREPARED || message->kind > REPORT_FINISHED || message->error > 0)
		return;
	k->report = *message;
	if (message->kind == REPORT_FETCHED)
		k->fetched = true;
	if (message->kind == REPORT_STOPPED)
		k->stopped = true;
	if (message->kind == REPORT_FINISHED) {
		k->finished = true;
		k->finish_error = message->error;
		if (message->error && !k->error)
			k->error = message->error;
	}
}

/* All that it has said so far. True if there was anything. */
static bool take_reports(struct keeper *k)
{
	struct report message;
	bool any = false;
	ssize_t n = 0;

	while (k->reports <= REPORTS_MAX &&
	       (n = RETRY(recv(k->pipe, &message, sizeof(message), MSG_DONTWAIT))) == (ssize_t)sizeof(message)) {
		take_report(k, &message);
		k->reports++;
		any = true;
	}
	if (k->reports > REPORTS_MAX)	/* it was taken over, and shall not keep us busy */
		kill_worker(k, "it talks nonsense");
	if (k->reports > REPORTS_MAX || n >= 0 || errno != EAGAIN) {	/* its end is closed */
		close(k->pipe);
		k->pipe = -1;
	}
	return any;
}

static void reap(struct child *child)
{
	if (RETRY(waitpid(child->pid, &child->status, 0)) < 0)
		child->status = 0;
	child->ended = true;
	close(child->pidfd);
	child->pidfd = -1;
}

/* Wait until something happens, @limit_ms at most (-1: for ever). Returns what was seen, 0 when the time was over. */
static unsigned int wait_events(struct keeper *k, int limit_ms)
{
	enum { SIGNALS, PIPE, WORKER, COMMAND, CTRL, WATCH, SPARER, FLUSHER, TIMER, FDS };
	struct pollfd ready[FDS] = {
		[SIGNALS] = { .fd = signals_fd(), .events = POLLIN },
		[PIPE] = { .fd = k->pipe, .events = POLLIN },
		[WORKER] = { .fd = k->worker.pidfd, .events = POLLIN },
		[COMMAND] = { .fd = k->command.pidfd, .events = POLLIN },
		[SPARER] = { .fd = k->sparer.pidfd, .events = POLLIN },
		[FLUSHER] = { .fd = k->flusher.pidfd, .events = POLLIN },
		[WATCH] = { .fd = k->watch, .events = POLLIN },
		[TIMER] = { .fd = k->stats_timer, .events = POLLIN },
		[CTRL] = { .fd = k->ctrl.pending ? ctrl_poll_fd(&k->ctrl) : -1, .events = POLLIN },
	};
	unsigned int seen;

	if (RETRY(poll(ready, FDS, limit_ms)) <= 0)
		return 0;
	seen = SAW_ANYTHING;
	if (ready[SIGNALS].revents) {
		take_signal(k);
		seen |= SAW_SIGNAL;
	}
	if (ready[PIPE].revents && take_reports(k))
		seen |= SAW_REPORT;
	if (ready[WORKER].revents) {
		if (k->pipe >= 0 && take_reports(k))	/* its last words first */
			seen |= SAW_REPORT;
		reap(&k->worker);
		seen |= SAW_WORKER_END;
	}
	if (ready[COMMAND].revents) {
		reap(&k->command);
		seen |= SAW_COMMAND_END;
	}
	if (ready[SPARER].revents)
		reap(&k->sparer);
	if (ready[FLUSHER].revents)
		reap(&k->flusher);
	if (ready[WATCH].revents) {	/* one event is as good as many */
		close(k->watch);
		k->watch = -1;
		k->used = true;
	}
	if (ready[TIMER].revents)
		take_timer(k);
	if (ready[CTRL].revents) {
		k->result = ctrl_result(&k->ctrl);
		if (k->result != -EAGAIN)
			seen |= SAW_RESULT;
	}
	return seen;
}

/*
 * Wait for the result of START_DEV or STOP_DEV, which both wait for the worker.
 * If it takes longer than @limit_ms, or a third signal comes, the worker is
 * killed, and then the driver fails what it waited for.
 */
static int wait_ctrl(struct keeper *k, int limit_ms)
{
	long end = now_ms() + limit_ms;
	bool killed = false;

	while (k->ctrl.pending) {
		long left = end - now_ms();
		unsigned int seen = left > 0 ? wait_events(k, (int)left) : 0;

		if (seen & SAW_RESULT)
			return k->result;
		if (left > 0 && !(k->stops > 2 && !killed))
			continue;
		if (killed)
			return -ETIMEDOUT;
		kill_worker(k, k->stops > 2 ? "as told" : "it does not answer");
		killed = true;
		end = now_ms() + KILLED_MS;
	}
	return k->result;
}

/* --- stay in memory --------------------------------------------------------------- */

static int memory_up(void *self)
{
	struct keeper *k = self;
	const char *score = k->spec->oom_score_adj;
	int err = 0;

	if (score && proc_read("/proc/self/oom_score_adj", k->score_found, sizeof(k->score_found)) > 0)
		err = resident_score(score);
	if (!err && k->spec->mlock)
		err = resident_lock();
	return err;
}

/* --- open what the disk is made of ---------------------------------------------- */

static int paths_up(void *self)
{
	struct keeper *k = self;
	const struct applet *applet = k->spec->applet;
	int err = notify_open(k->spec);

	if (!err && k->spec->shared_memory)
		err = region_open(&k->device.region, k->spec->shared_memory);
	if (!err && applet->backend->prepare)
		err = applet->backend->prepare(applet->self, k->spec);
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

/* --- reach the driver -------------------------------------------------------------- */

static int ctrl_up(void *self)
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

/* --- add the device ------------------------------------------------------------------ */

static unsigned int applet_number(const struct applet *applet)
{
	unsigned int i = 0;

	while (applets[i] && applets[i] != applet)
		i++;
	return i;
}

static uint16_t queue_count(const struct spec *spec)
{
	return (uint16_t)(spec->queues ? spec->queues : min_u64(affinity_count(), QUEUES_AUTO_MAX));
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
		.ublksrv_flags = device_mark(applet_number(spec->applet), getpid(), proc_pid_space(DEVICE_SPACE_BITS)),
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

static int add_up(void *self)
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
	k->added = true;
	log_device((int)info->dev_id);
	text_format(k->device.char_path, DEVICE_PATH_MAX, "%s/ublkc%" PRIu32, k->spec->dev_dir, info->dev_id);
	text_format(k->device.block_path, DEVICE_PATH_MAX, "%s/ublkb%" PRIu32, k->spec->dev_dir, info->dev_id);
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

/* Devices of users are known by their node in every command. */
static struct ctrl_device target(const struct keeper *k)
{
	return (struct ctrl_device){
		.id = k->device.info.dev_id,
		.path = device_is_unprivileged(&k->device.info) ? k->device.char_path : NULL,
	};
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

static void delete(struct keeper *k)
{
	int err = ctrl_del(&k->ctrl, target(k), k->stops > 1 ? HELD_MS : CTRL_LIMIT_MS);

	if (err == -ENODEV || (err && err != -ETIMEDOUT && is_gone(k)))
		err = 0;
	if (err)
		err = explain_del(k, err);
	if (err && !k->error)
		k->error = err;
}

static void add_down(void *self)
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
	if (k->char_made)
		unlink(k->device.char_path);
	if (k->block_made)
		unlink(k->device.block_path);
	log_device(-1);
}

/* --- name it: held first, then looked for, so that of two at the same time one at least sees the other --- */

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

static int name_up(void *self)
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

static void name_down(void *self)
{
	struct keeper *k = self;

	if (k->name >= 0)
		close(k->name);
	k->name = -1;
}

/* --- wait for its node: without rights, every further command names it ------------------------- */

static int node_up(void *self)
{
	struct keeper *k = self;
	char sysfs[80];

	text_format(sysfs, sizeof(sysfs), SYSFS_CHAR "%" PRIu32 "/dev", k->device.info.dev_id);
	return node_wait(k->device.char_path, sysfs, false, k->spec->mknod, &k->char_made);
}

/* --- share memory with who uses it: the driver holds it until the device is deleted ------------- */

static int share_up(void *self)
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
	err = ctrl_share(&k->ctrl, target(k), region->at, region->size);
	if (err)			/* a number that is not 0 is another device's doing */
		return fail(err < 0 ? err : -EPROTO, "have the kernel share %s", path);
	info("requests from memory of %s, %" PRIu64 " KiB, are served there", path, region->size >> 10);
	return 0;
}

/* --- choose the CPUs ---------------------------------------------------------------------- */

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
		int err = ctrl_get_affinity(&k->ctrl, target(k), i, &queue, sizeof(queue));

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

static int cpus_up(void *self)
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

/* --- start the worker ------------------------------------------------------------------------ */

/* In a child: everything that only the keeper may hold. */
static void forget(struct keeper *k)
{
	ctrl_close(&k->ctrl);
	notify_forget();
	signals_close();
	file_close_inherited();
}

static int open_pidfd(struct child *child)
{
	child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
	return child->pidfd < 0 ? fail(-errno, "watch process %d", (int)child->pid) : 0;
}

/* What the backend does, loading or saving a disk, takes the time it takes. */
static unsigned int wait_backend(struct keeper *k)
{
	unsigned int seen;

	while (!(seen = wait_events(k, NOTIFY_AGAIN_MS)))
		notify_longer();
	return seen;
}

/* A disk that is already there does not go because of one signal: it goes when it is served again. */
static int wait_report(struct keeper *k, enum report_kind kind)
{
	for (;;) {
		unsigned int seen = wait_backend(k);

		if (seen & SAW_REPORT && k->report.kind >= kind)
			return k->report.kind == kind ? 0 : k->report.error ? k->report.error : -EPROTO;
		if (seen & SAW_WORKER_END)
			return fail_plain(-EPROTO, "the server process ended before it was ready (%s %d)",
					  WIFSIGNALED(k->worker.status) ? "signal" : "status",
					  WIFSIGNALED(k->worker.status) ? WTERMSIG(k->worker.status)
									: WEXITSTATUS(k->worker.status));
		if (k->stops > (k->live ? 1 : 0))
			return fail_plain(-EINTR, "stopped before the device was ready");
	}
}

static int start_worker(struct keeper *k)
{
	int pipe[2], err;

	k->worker = (struct child){ .pidfd = -1 };
	k->reports = 0;
	k->fetched = false;
	k->killed = false;
	stats_restart(&k->device.stats);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pipe) < 0)
		return fail(-errno, "make a pipe to the server process");
	k->worker.pid = fork();
	if (k->worker.pid < 0) {
		err = fail(-errno, "start the server process");
		remedy("raise the limit of processes (ulimit -u, or the cgroup's pids.max)");
		k->worker.pid = 0;
		close(pipe[0]);
		close(pipe[1]);
		return err;
	}
	if (!k->worker.pid) {
		close(pipe[0]);
		forget(k);
		worker_main(k->spec, &k->device, pipe[1], &k->disk);
	}
	close(pipe[1]);
	k->pipe = pipe[0];
	return open_pidfd(&k->worker);
}

static int worker_up(void *self)
{
	struct keeper *k = self;
	int err = start_worker(k);

	return err ? err : wait_report(k, REPORT_READY);
}

/* The device is stopped: the worker ends by itself, as soon as the backend has done its last work. */
static void worker_down(void *self)
{
	struct keeper *k = self;
	long end = now_ms() + k->spec->stop_timeout * 1000L;
	bool killed = false;

	if (!k->worker.pid)
		return;
	if (k->worker.pidfd < 0 && !k->worker.ended) {	/* cannot be watched: only waited for */
		kill(k->worker.pid, SIGKILL);
		reap(&k->worker);
	}
	if (!k->started) {	/* no tag will come back: nothing to wait for */
		kill(k->worker.pid, SIGKILL);
		killed = true;
	}
	while (!k->worker.ended) {
		long left = end - now_ms();
		unsigned int seen = k->stopped && !killed ? wait_backend(k) : wait_events(k, left > 0 ? (int)left : 0);

		if (!killed && (!seen || k->stops > 2)) {
			kill_worker(k, k->stops > 2 ? "as told" : "it does not end");
			killed = true;
			end = now_ms() + KILLED_MS;
		} else if (!seen) {
			break;
		}
	}
	if (k->pipe >= 0)
		close(k->pipe);
	k->pipe = -1;
}

/* --- another server for one that died ----------------------------------------------- */

/* Was it crashed by what it serves? Then the next would be, too. Nobody's fault is a death by SIGKILL. */
static bool was_no_use(const struct keeper *k)
{
	bool shot = WIFSIGNALED(k->worker.status) && WTERMSIG(k->worker.status) == SIGKILL && !k->killed;

	return !shot && now_ms() - k->born < LIFE_MS;
}

/* Signals are seen meanwhile. False: they told not to go on. */
static bool pause_for(struct keeper *k, long limit_ms)
{
	long end = now_ms() + limit_ms, left;

	while (k->stops < 2 && (left = end - now_ms()) > 0)
		wait_events(k, (int)left);
	return k->stops < 2;
}

/*
 * The driver has let go of the old server only when the last request of its
 * rings has ended, which the lower device decides; and there is nothing that
 * would tell.
 */
static int wait_released(struct keeper *k)
{
	long end = now_ms() + RELEASE_MS;
	int err;

	for (int wait = 1; !k->waiting; wait = (int)min_u64(2U * (unsigned int)wait, 50)) {
		struct ublksrv_ctrl_dev_info info = { .state = UBLK_S_DEV_LIVE };

		err = ctrl_recover(&k->ctrl, target(k));
		k->waiting = !err;
		if (k->waiting)
			break;
		if (ctrl_get_info(&k->ctrl, target(k), &info) == -ENODEV || info.state == UBLK_S_DEV_DEAD) {
			k->stopped = true;
			return -ENODEV;
		}
		if (err != -EBUSY || now_ms() > end)
			return fail(err, "have the driver wait for another server");
		if (!pause_for(k, wait))
			return fail_plain(-EINTR, "stopped before the disk was served again");
		if (k->worker.ended)
			return fail_plain(-EPROTO, "the next server died as well");
	}
	return 0;
}

/* Before Linux 7.0 the driver crashes, or hangs for ever, when a second successor follows one that had some of the tags. */
static bool may_try_again(const struct keeper *k)
{
	return k->device.features.offered & UBLK_F_SHMEM_ZC;
}

/* What was reported and what has happened since are two things. */
static bool is_alive(struct keeper *k)
{
	wait_events(k, 0);
	return !k->worker.ended;
}

static int hand_over(struct keeper *k)
{
	static const char go;
	int err;

	if (!is_alive(k))
		return fail_plain(-EPROTO, "the next server died as well");
	if (RETRY(send(k->pipe, &go, sizeof(go), MSG_NOSIGNAL)) < 0)
		return fail(-errno, "tell the next server to begin");
	k->waiting = false;		/* from here on it has the device, and its death is another one */
	err = wait_report(k, REPORT_READY);
	if (err && !k->fetched && !may_try_again(k))
		k->useless = LIVES_MAX;
	if (!err && (k->report.disk.size != k->disk.size || k->report.disk.sector_size != k->disk.sector_size)) {
		k->useless = LIVES_MAX;
		err = fail_plain(-ESTALE, "what the disk is made of has changed: it has %" PRIu64 " bytes, and had %" PRIu64,
				 k->report.disk.size, k->disk.size);
	}
	if (err)
		return err;
	if (!is_alive(k))		/* Linux 6.12 would call the disk served, and then not let anybody else have it */
		return fail_plain(-EPROTO, "the next server died as well");
	err = ctrl_send_recovered(&k->ctrl, target(k), k->worker.pid);
	if (!err)
		err = wait_ctrl(k, CTRL_LIMIT_MS);
	return err ? fail(err, "take the device over") : 0;
}

static int start_successor(struct keeper *k)
{
	int err = start_worker(k);

	if (!err)
		err = wait_report(k, REPORT_PREPARED);
	if (!err)
		err = wait_released(k);
	if (!err)
		err = hand_over(k);
	if (err && k->worker.pid && !k->worker.ended) {
		kill(k->worker.pid, SIGKILL);
		if (k->worker.pidfd < 0)
			reap(&k->worker);
		while (!k->worker.ended && pause_for(k, RECHECK_MS))
			;
	}
	if (k->pipe >= 0 && err) {
		close(k->pipe);
		k->pipe = -1;
	}
	return err;
}

/* True: it is served again. Requests have waited, or failed, as --recovery says. */
static bool serve_again(struct keeper *k)
{
	const char *how = WIFSIGNALED(k->worker.status) ? "signal" : "status";
	int why = WIFSIGNALED(k->worker.status) ? WTERMSIG(k->worker.status) : WEXITSTATUS(k->worker.status);
	int err = -EIO;

	if (!k->spec->recovery)
		return false;
	note("the server process died (%s %d); another one takes over", how, why);
	k->useless = was_no_use(k) ? k->useless + 1 : 0;
	while (err && !k->stopped && k->useless < LIVES_MAX && (!k->useless || pause_for(k, PAUSE_MS << k->useless))) {
		err = start_successor(k);
		k->useless += err ? 1 : 0;
	}
	if (err && k->useless >= LIVES_MAX)
		warn("giving up: every server of this disk dies");
	k->born = now_ms();
	return !err;
}

/* --- set its parameters ------------------------------------------------------------------------ */

static int params_up(void *self)
{
	struct keeper *k = self;
	struct ublk_params params;
	int err = params_check(&k->report.disk, k->spec);

	if (err)
		return err;
	k->disk = k->report.disk;
	params_fill(&params, &k->report.disk, k->spec, k->device.info.max_io_buf_bytes);
	err = ctrl_set_params(&k->ctrl, target(k), &params);
	return err ? fail(err, "set the device's parameters") : 0;
}

/* --- start the device ---------------------------------------------------------------------------- */

static int explain_start(int err)
{
	fail(err, "start the device");
	if (err == -EINVAL && proc_in_namespace("pid"))
		remedy("Linux 6.16 starts no disk that is served from another pid namespace than the machine's first; "
		       "use that one, or another kernel");
	return err;
}

static int start_up(void *self)
{
	struct keeper *k = self;
	int err;

	k->started = true;	/* from here on STOP_DEV is owed, whatever START_DEV says */
	do {
		err = ctrl_send_start(&k->ctrl, target(k), k->worker.pid);
		if (!err)
			err = wait_ctrl(k, CTRL_LIMIT_MS);
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

/* Have a child do what takes as long as the disk does. */
static void hand_to_child(struct keeper *k, struct child *child, const char *name, void (*work)(const struct keeper *k))
{
	child->pid = fork();
	if (!child->pid) {
		forget(k);
		prctl(PR_SET_NAME, name, 0, 0, 0);
		work(k);
		_exit(0);
	}
	if (child->pid < 0)
		child->pid = 0;
	else if (open_pidfd(child))
		reap(child);
}

static void flush(const struct keeper *k)
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
	long end = now_ms() + k->spec->stop_timeout * 1000L, left;

	if (!k->spec->recovery || !k->live || k->stopped || k->worker.ended)
		return;
	hand_to_child(k, &k->flusher, "ublk-flush", flush);
	while (k->flusher.pid && !k->flusher.ended && !k->worker.ended && k->stops < 3 && (left = end - now_ms()) > 0)
		wait_events(k, (int)left);
	if (k->flusher.pid && !k->flusher.ended)
		kill_worker(k, k->stops > 2 ? "as told" : "it does not answer");
}

/* STOP_DEV, in use or not. */
static void stop_now(struct keeper *k)
{
	int err;

	flush_users(k);
	if (!k->live && k->ctrl.pending)	/* START_DEV: a server that it waited for was killed, and so it ends */
		wait_ctrl(k, (int)k->spec->stop_timeout * 1000);
	err = k->ctrl.pending ? 0 : ctrl_send_stop(&k->ctrl, target(k));	/* TRY_STOP_DEV may be under way still */
	if (!err)
		err = wait_ctrl(k, (int)k->spec->stop_timeout * 1000);
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

	while (k->stops < 2 && !k->stopped && (!k->worker.ended || serve_again(k))) {
		struct use use;
		int err = use_stop(&k->ctrl, target(k), k->device.block_path, k->device.features.offered, &use);

		if (err != -EBUSY)
			return err == 0;
		if (!said) {
			note("%s is in use (%s); stopping when that ends, or at once on a second signal",
			     k->device.block_path, use.by);
			said = true;
		}
		wait_events(k, RECHECK_MS);
	}
	return false;
}

static void start_down(void *self)
{
	struct keeper *k = self;

	if (!k->started)
		return;
	notify_stopping();
	/* Who is there to use it before it is live? And to look who does would wait for START_DEV, which has claimed it. */
	if (!k->live || k->error || k->worker.ended || !wait_unused(k))
		stop_now(k);
}

/* --- say that it is ready --------------------------------------------------------------------------- */

/*
 * Before 6.16 a server that is killed with every tag in flight is noticed only
 * after the block layer's 30 s: the driver looks when an idle tag's command is
 * cancelled. So one tag is never used there.
 */
static void write_nr_requests(const struct keeper *k)
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
	hand_to_child(k, &k->sparer, "ublk-tag", write_nr_requests);
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

	if (k->spec->stats == STATS_NEVER || !k->spec->stats)
		return 0;
	k->stats_timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (k->stats_timer < 0 || timerfd_settime(k->stats_timer, 0, &every, NULL) < 0)
		return fail(-errno, "set a timer for --stats");
	return 0;
}

static int ready_up(void *self)
{
	struct keeper *k = self;
	char sysfs[80];
	int err;

	text_format(sysfs, sizeof(sysfs), "/sys/block/ublkb%" PRIu32 "/dev", k->device.info.dev_id);
	err = node_wait(k->device.block_path, sysfs, true, k->spec->mknod, &k->block_made);
	if (!err)
		err = start_timer(k);
	if (!err)
		err = notify_ready(k->spec, k->device.block_path);
	if (err)
		return err;
	k->ready = true;
	spare_a_tag(k);
	if (k->spec->autoclear)
		watch_writers(k);
	return 0;
}

/* --- run a command on it ------------------------------------------------------------------------------ */

/* @environment and @variable ("NAME=VALUE"), which hides any of that name. */
static char **with_variable(char **environment, char *variable)
{
	size_t count = 0, name = strcspn(variable, "=") + 1;
	char **with;

	while (environment[count])
		count++;
	with = pages_get((count + 2) * sizeof(*with));
	if (!with)
		return environment;
	*with = variable;
	for (size_t i = 0, n = 1; i < count; i++)
		if (strncmp(environment[i], variable, name))
			with[n++] = environment[i];
	return with;
}

__attribute__((noreturn)) static void command_main(struct keeper *k)
{
	char *const *argv = k->spec->command;
	char device[DEVICE_PATH_MAX + 16];
	int err;

	text_format(device, sizeof(device), "UBLK_DEV=%s", k->device.block_path);
	environ = with_variable(environ, device);
	signals_restore();
	if (*k->score_found)
		resident_score(k->score_found);
	execvp(argv[0], argv);
	err = errno;
	fail(-err, "run %s", argv[0]);
	_exit(err == ENOENT ? STATUS_NO_COMMAND : STATUS_NO_EXEC);
}

static int command_up(void *self)
{
	struct keeper *k = self;
	int err;

	if (!k->spec->command)
		return 0;
	k->command.pid = fork();
	if (k->command.pid < 0) {
		k->command.pid = 0;
		return fail(-errno, "start %s", k->spec->command[0]);
	}
	if (!k->command.pid)
		command_main(k);
	err = open_pidfd(&k->command);
	if (err) {	/* nothing would tell when it ends */
		kill(k->command.pid, SIGKILL);
		reap(&k->command);
	}
	return err;
}

static void command_down(void *self)
{
	struct keeper *k = self;

	if (!k->command.pid || k->command.ended)
		return;
	if (!k->stops)		/* its disk ended without it */
		kill(k->command.pid, SIGTERM);
	/* It was told to end. A second signal takes the disk away from under it. */
	while (!k->command.ended && k->stops < 2)
		wait_events(k, -1);
}

/* Its status is ours, so it is waited for even when its disk is gone, until a third signal. */
static void end_command(struct keeper *k)
{
	if (!k->command.pid)
		return;
	while (!k->command.ended && k->stops < 3)
		wait_events(k, -1);
	if (k->command.ended)
		return;
	kill(k->command.pid, SIGKILL);
	reap(&k->command);
}

/* A disk that nobody can count is a disk all the same. */
static int stats_up(void *self)
{
	struct keeper *k = self;
	int err = stats_open(&k->device.stats, (uint32_t)k->device.info.nr_hw_queues * STATS_QUEUE + BACKEND_NUMBERS);

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
		tell_stats(k);
	stats_close(&k->device.stats);
	if (k->stats_timer >= 0)
		close(k->stats_timer);
	k->stats_timer = -1;
}

static const struct step keeper_steps[] = {
	{ "stay in memory",			memory_up,	NULL },
	{ "open what the disk is made of",	paths_up,	paths_down },
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

/* --- all of it ------------------------------------------------------------------------------------------ */

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
	while (!k->stopped && (!k->worker.ended || serve_again(k))) {
		if (k->stops && !(k->command.pid && !k->command.ended))
			return;
		if (k->stops > 1 || k->command.ended || is_done_with(k))
			return;
		wait_events(k, k->spec->autoclear ? RECHECK_MS : -1);
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

/* It has long ended, unless what it waits for has hung, and that was said. */
static void end_child(struct keeper *k, const struct child *child)
{
	long end = now_ms() + KILLED_MS;

	while (child->pid && !child->ended && now_ms() < end)
		wait_events(k, (int)(end - now_ms()));
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
		.flusher = { .pidfd = -1 },
		.name = -1,
		.pipe = -1,
		.stats_timer = -1,
		.watch = -1,
		.ignore_hangup = spec->background,
	};
	int reached, err;

	err = steps_up(keeper_steps, &k, &reached);
	if (!err)
		serve(&k);
	steps_down(keeper_steps, &k, reached);
	end_command(&k);
	end_child(&k, &k.sparer);
	end_child(&k, &k.flusher);
	return exit_status(&k, err);
}
