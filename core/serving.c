/* SPDX-License-Identifier: MIT */
/* serving.c - the worker, and another one when it has died */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/file.h"
#include "core/keeping.h"
#include "core/log.h"
#include "core/notify.h"
#include "core/resident.h"
#include "core/signals.h"
#include "core/stats.h"
#include "core/util.h"
#include "core/worker.h"

#define LIFE_MS 10000			/* a server that crashed sooner was no use */
#define LIVES_MAX 5			/* servers in a row that were no use */
#define PAUSE_MS 10			/* before the next, doubled each time */
#define DOUBLINGS_MAX 7			/* which makes it 1.3 s */
#define RELEASE_MS 60000		/* how long the driver may take to see that a server is gone */

/* --- the first ------------------------------------------------------------------- */

void keeper_forget(struct keeper *k)
{
	ctrl_close(&k->ctrl);
	notify_forget(k->state_fd < 0);
	signals_close();
	file_close_inherited();
}

/* What the backend does, loading or saving a disk, takes the time it takes. */
static unsigned int wait_backend(struct keeper *k)
{
	unsigned int seen;

	while (!(seen = events_wait(k, NOTIFY_AGAIN_MS)))
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
	upgrade_prepare(k);
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
		if (k->spec->recovery != RECOVERY_REISSUE) {
			close(pipe[0]);
			pipe[0] = -1;
		}			/* else it serves on without us, and may get another keeper, if there is ctl */
		if (*k->score_found && !k->spec->oom_score_adj && !k->spec->root)
			resident_set(k->score_found);		/* only the keeper is spared; else both are */
		upgrade_leave(k);
		keeper_forget(k);
		stats_restart(&k->device.stats);
		worker_main(k->spec, &k->device, pipe, &k->disk);
	}
	close(pipe[1]);
	k->pipe = pipe[0];
	return child_watch(&k->worker);
}

int worker_up(void *self)
{
	struct keeper *k = self;
	int err = start_worker(k);

	return err ? err : wait_report(k, REPORT_READY);
}

/* The device is stopped: the worker ends by itself, as soon as the backend has done its last work. */
void worker_down(void *self)
{
	struct keeper *k = self;
	int64_t end = now_ms() + k->spec->stop_timeout * 1000L;
	bool killed = false;

	if (!k->worker.pid)
		return;
	if (k->worker.pidfd < 0 && !k->worker.ended) {	/* cannot be watched: only waited for */
		child_kill(&k->worker);
		child_reap(&k->worker);
	}
	if (!k->started) {	/* no tag will come back: nothing to wait for */
		child_kill(&k->worker);
		killed = true;
	}
	while (!k->worker.ended) {
		int64_t left = end - now_ms();
		bool told = k->stops > 2 && !killed;
		unsigned int seen = told ? 0 : k->stopped && !killed ? wait_backend(k) : events_wait(k, left > 0 ? (int)left : 0);

		if (!killed && (!seen || k->stops > 2)) {
			worker_kill(k, k->stops > 2 ? "as told" : "it does not end");
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

/* --- it has left ----------------------------------------------------------------- */

void worker_left(struct keeper *k)
{
	struct ublksrv_ctrl_dev_info info = { .state = UBLK_S_DEV_DEAD };
	char end = true;

	if (k->device.features.granted & UBLK_F_QUIESCE) {
		if (!k->ctrl.pending)		/* else it is STOP_DEV, ours */
			end = ctrl_get_info(&k->ctrl, keeper_target(k), &info) || info.state == UBLK_S_DEV_DEAD;
		k->held |= !end;
		if (RETRY(send(k->pipe, &end, 1, MSG_NOSIGNAL | MSG_DONTWAIT)) < 0) {
			info("tell the server process what that was: %s", strerror(errno));
			if (end)
				shutdown(k->pipe, SHUT_WR);	/* that tells it, too */
			else
				child_kill(&k->worker);		/* it has answered all that it had */
		}
	}
	k->stopped |= end;
}

bool keeper_disk_is_gone(struct keeper *k)
{
	struct ublksrv_ctrl_dev_info info = { .state = UBLK_S_DEV_LIVE };

	return ctrl_get_info(&k->ctrl, keeper_target(k), &info) == -ENODEV || info.state == UBLK_S_DEV_DEAD;
}

/* --- another for one that died --------------------------------------------------- */

/* Nobody's fault is a death by SIGKILL. */
static bool was_shot(const struct keeper *k)
{
	return k->worker.ended && WIFSIGNALED(k->worker.status) && WTERMSIG(k->worker.status) == SIGKILL && !k->killed;
}

/* Was it crashed by what it serves? Then the next would be, too. */
static bool was_no_use(const struct keeper *k)
{
	return !was_shot(k) && now_ms() - k->born < LIFE_MS;
}

/* There is no memory or no process for it now, or the kernel has killed it because of that. That will be over some day. */
static bool may_come_later(const struct keeper *k, int err)
{
	return err == -ENOMEM || err == -EAGAIN || err == -EMFILE || err == -ENFILE || was_shot(k);
}

/* Signals are seen meanwhile. False: they told not to go on. */
static bool pause_for(struct keeper *k, long limit_ms)
{
	int64_t end = now_ms() + limit_ms, left;

	while (k->stops < 2 && (left = end - now_ms()) > 0)
		events_wait(k, (int)left);
	return k->stops < 2;
}

/*
 * The driver has let go of the old server only when the last request of its
 * rings has ended, which the lower device decides; and there is nothing that
 * would tell.
 */
static int wait_released(struct keeper *k)
{
	int64_t end = now_ms() + RELEASE_MS;
	int err;

	for (int wait = 1; !k->waiting; wait = (int)min_u64(2U * (unsigned int)wait, 50)) {
		err = ctrl_recover(&k->ctrl, keeper_target(k));
		k->waiting = !err;
		if (k->waiting)
			break;
		k->stopped = keeper_disk_is_gone(k);
		if (k->stopped)
			return -ENODEV;
		if (err != -EBUSY || now_ms() > end)
			return fail(err, "have the driver wait for another server");
		if (!pause_for(k, wait))
			return fail_plain(-EINTR, "stopped before the disk was served again");
		if (k->worker.ended)
			return fail_plain(-EPROTO, "the next server died as well");
	}
	return 0;
}

/*
 * Linux 6.18 and before crash, or hang for ever, when a second successor follows one that had some of the tags. 7.2 does
 * not; what is asked for is as young as that can be told.
 */
static bool may_try_again(const struct keeper *k)
{
	return k->device.features.offered & UBLK_F_SHMEM_ZC;
}

/* What was reported and what has happened since are two things. */
static bool is_alive(struct keeper *k)
{
	events_wait(k, 0);
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
	upgrade_publish(k);
	err = ctrl_send_recovered(&k->ctrl, keeper_target(k), k->worker.pid);
	if (!err)
		err = events_wait_ctrl(k, CTRL_LIMIT_MS);
	return err ? fail(err, "take the device over") : 0;
}

int worker_succeed(struct keeper *k, int (*dismiss)(struct keeper *k))
{
	int err = start_worker(k);

	if (!err)
		err = wait_report(k, REPORT_PREPARED);
	if (!err && dismiss)
		err = dismiss(k);
	if (!err)
		err = wait_released(k);
	if (!err)
		err = hand_over(k);
	if (err && k->worker.pid && !k->worker.ended) {
		k->killed = true;
		child_kill(&k->worker);
		if (k->worker.pidfd < 0)
			child_reap(&k->worker);
		child_end(k, &k->worker);
	}
	if (k->pipe >= 0 && err) {
		close(k->pipe);
		k->pipe = -1;
	}
	return err;
}

/* After a pause. Where it takes more tries than crashes are borne, whoever wants the disk's end gets it. */
static bool may_try(struct keeper *k, unsigned int tries)
{
	if (!pause_for(k, PAUSE_MS << min_u64(tries, DOUBLINGS_MAX)))
		return false;
	if (tries < LIVES_MAX)
		return true;
	k->stopped = keeper_disk_is_gone(k);
	return !k->stopped && !k->stops && !k->command.ended;
}

bool worker_follow(struct keeper *k)
{
	const char *how = WIFSIGNALED(k->worker.status) ? "signal" : "status";
	int why = WIFSIGNALED(k->worker.status) ? WTERMSIG(k->worker.status) : WEXITSTATUS(k->worker.status);
	int err = -EIO;

	if (!k->spec->recovery)
		return false;
	if (!k->held && (k->worker.status || k->report.kind != REPORT_STOPPED)) {
		note("the server process died (%s %d); another one takes over", how, why);
		k->useless = was_no_use(k) ? k->useless + 1 : 0;
	}
	k->held = false;
	for (unsigned int tries = k->useless; err && !k->stopped && k->useless < LIVES_MAX; tries++) {
		if (tries && !may_try(k, tries))
			break;
		err = worker_succeed(k, NULL);
		if (err && k->useless < LIVES_MAX && !may_come_later(k, err))
			k->useless++;
	}
	if (err && k->useless >= LIVES_MAX)
		warn("giving up: every server of this disk dies");
	k->born = now_ms();
	return !err;
}

bool worker_return(struct keeper *k)
{
	bool again;

	upgrade_hold(k);
	again = !k->stopped && worker_follow(k);
	upgrade_answer(k, again ? 0 : -EIO);
	return again;
}
