/* SPDX-License-Identifier: MIT */
/* stop.c - stop, del and prune */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "applets/ctl/child.h"
#include "applets/ctl/ctl.h"
#include "applets/ctl/device.h"
#include "core/log.h"
#include "core/proc.h"
#include "core/status.h"
#include "core/use.h"
#include "core/util.h"

#define RECHECK_MS 1000
#define KILLED_MS 5000

/* --- one device ----------------------------------------------------------------------- */

/* The command is still under way, and ends when its server does. */
static int kill_server(struct work *w, const struct found *device)
{
	struct pollfd ready = { .fd = ctrl_poll_fd(&w->ctrl), .events = POLLIN };
	int pid = device->info.ublksrv_pid;
	int pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	bool killed;

	/* The number is what its owner told the driver: only who serves the device has its node mapped. */
	killed = pidfd >= 0 && proc_has_mapped(pid, device->char_path) &&
		 syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) == 0;
	if (pidfd >= 0)
		close(pidfd);
	if (!killed)
		return -ETIMEDOUT;
	note("killed the server of device %" PRIu32 ", process %d: it does not answer", device->id, pid);
	return RETRY(poll(&ready, 1, KILLED_MS)) > 0 ? ctrl_result(&w->ctrl) : -ETIMEDOUT;
}

/* Told to stop, a device that may have another server fails what its file systems have yet to write. A child may hang. */
static void flush_users(const struct found *device)
{
	struct pollfd ready = { .fd = -1, .events = POLLIN };
	pid_t pid = fork();

	if (!pid) {
		use_flush(device->block_path);
		_exit(0);
	}
	if (pid > 0)
		ready.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (ready.fd < 0)
		return;
	if (RETRY(poll(&ready, 1, CTRL_LIMIT_MS)) <= 0)
		note("what is in memory of device %" PRIu32 " is not written: its server does not answer", device->id);
	close(ready.fd);
}

/* It has requests wait for another server. */
static bool is_recoverable(const struct found *device)
{
	return device->info.flags & UBLK_F_USER_RECOVERY && !(device->info.flags & UBLK_F_USER_RECOVERY_FAIL_IO);
}

static int stop_now(struct work *w, const struct found *device)
{
	int err = ctrl_stop(&w->ctrl, found_target(device), CTRL_LIMIT_MS);

	if (err == -ETIMEDOUT && w->ctl->force)
		err = kill_server(w, device);
	return err == -ETIMEDOUT ? found_explain_hang(device, "STOP_DEV") : err;
}

/* Only if nobody uses it, or will not soon. */
static int stop_unused(struct work *w, const struct found *device)
{
	int64_t left_ms = w->ctl->wait * 1000LL;
	struct use use;

	for (;;) {
		int err = use_stop(&w->ctrl, found_target(device), device->block_path, w->ctrl.features, &use);

		if (err == -ETIMEDOUT)
			return found_explain_hang(device, "TRY_STOP_DEV");
		if (!err)
			return 0;
		if (err != -EBUSY)
			return stop_now(w, device);
		if (left_ms <= 0) {
			fail_plain(err, "%s is in use: %s", device->block_path, use.by);
			remedy("close or unmount it first, wait for that with --wait, or use --force");
			return err;
		}
		poll(NULL, 0, RECHECK_MS);	/* nothing tells when a device is closed: look again */
		left_ms -= RECHECK_MS;
	}
}

static int stop_device(struct work *w, const struct found *device)
{
	int err;

	if (!device->told)
		return found_explain_refusal(device);
	if (device->info.state == UBLK_S_DEV_DEAD)
		return 0;
	if (w->ctl->force && device->info.state == UBLK_S_DEV_LIVE && is_recoverable(device))
		flush_users(device);
	err = w->ctl->force ? stop_now(w, device) : stop_unused(w, device);
	if (err == -ENODEV || !found_exists(device->id))	/* gone meanwhile, which is what was wanted */
		return 0;
	if (err && err != -EBUSY && err != -ETIMEDOUT)
		fail(err, "stop device %" PRIu32, device->id);
	return err;
}

/* A keeper of ours tidies up when its device has been stopped; what comes next shall find it done. */
static void await_keeper(const struct found *device, int pidfd)
{
	struct pollfd ready = { .fd = pidfd, .events = POLLIN };
	struct use use;

	if (pidfd < 0)
		return;
	if (use_find(device->block_path, &use))		/* by force: its keeper waits for that, too */
		note("device %" PRIu32 " is stopped and vanishes when it is no longer %s", device->id, use.by);
	else if (RETRY(poll(&ready, 1, CTRL_LIMIT_MS)) == 0)
		note("device %" PRIu32 " is stopped, and its server still busy", device->id);
	close(pidfd);
}

static int watch_keeper(const struct found *device)
{
	int keeper = found_keeper(device);

	return keeper ? (int)syscall(SYS_pidfd_open, keeper, 0) : -1;
}

static int explain_del(const struct found *device, int err)
{
	struct holder holder;

	if (err != -ETIMEDOUT)
		return fail(err, "delete device %" PRIu32, device->id);
	if (proc_find_holder(device->block_path, 0, &holder) || proc_find_holder(device->char_path, 0, &holder))
		note("device %" PRIu32 " is deleted and vanishes when process %d (%s) closes it", device->id,
		     (int)holder.pid, holder.name);
	else
		note("device %" PRIu32 " is deleted and vanishes when nobody uses it any more", device->id);
	return 0;
}

static int del_device(struct work *w, const struct found *device)
{
	int pidfd = watch_keeper(device), err = stop_device(w, device);

	if (!err) {
		err = ctrl_del(&w->ctrl, found_target(device), CTRL_LIMIT_MS);
		if (err == -ENOENT) {	/* its node is gone: its keeper is deleting it just now */
			await_keeper(device, pidfd);
			pidfd = -1;
		}
		if (err == -ENODEV || !found_exists(device->id))
			err = 0;
		if (err)
			err = explain_del(device, err);
	}
	if (!err)
		await_keeper(device, pidfd);
	else if (pidfd >= 0)
		close(pidfd);
	return err;
}

static int stop_and_await(struct work *w, const struct found *device)
{
	int pidfd = watch_keeper(device), err = stop_device(w, device);

	if (!err)
		await_keeper(device, pidfd);
	else if (pidfd >= 0)
		close(pidfd);
	return err;
}

/* A keeper that was killed a moment ago may still be on its way out. */
static void await_death(struct work *w, const struct found *device)
{
	struct pollfd ready = { .fd = watch_keeper(device), .events = POLLIN };

	if (ready.fd < 0)
		return;
	if (RETRY(poll(&ready, 1, w->patience_ms)) == 0)
		w->patience_ms = 0;
	close(ready.fd);
}

/* Has its server ended, or does it within a while? */
static bool server_ended(const struct found *device)
{
	struct pollfd ready = { .fd = -1, .events = POLLIN };
	bool ended;

	if (device->info.ublksrv_pid > 0)
		ready.fd = (int)syscall(SYS_pidfd_open, device->info.ublksrv_pid, 0);
	if (ready.fd < 0)
		return true;
	ended = RETRY(poll(&ready, 1, KILLED_MS)) > 0;
	close(ready.fd);
	return ended;
}

static int prune_device(struct work *w, const struct found *device)
{
	int err;

	await_death(w, device);
	if (!found_orphaned(device))
		return 0;
	if (!server_ended(device)) {
		note("device %" PRIu32 " has no keeper, but its server, process %d, is alive: not deleted", device->id,
		     device->info.ublksrv_pid);
		return 0;
	}
	err = stop_now(w, device);	/* the driver may not have noticed yet that its server is gone */
	if (err && err != -ENODEV)
		return err;
	err = ctrl_del(&w->ctrl, found_target(device), CTRL_LIMIT_MS);
	if (err && err != -ENODEV)
		return explain_del(device, err);
	note("deleted device %" PRIu32, device->id);
	return 0;
}

/* --- the subcommands ------------------------------------------------------------------------ */

/* All devices only when that is what was said. */
static int check_devices(const struct ctl *ctl, const char *verb)
{
	if (ctl->count || ctl->all)
		return 0;
	return fail_usage("%s needs devices, or -a for all of them", verb);
}

int ctl_stop(const struct ctl *ctl)
{
	int err = check_devices(ctl, "stop");

	return err ? (int)status_of(err) : child_for_each(ctl, stop_and_await);
}

int ctl_del(const struct ctl *ctl)
{
	int err = check_devices(ctl, "del");

	return err ? (int)status_of(err) : child_for_each(ctl, del_device);
}

int ctl_prune(const struct ctl *ctl)
{
	return child_for_each(ctl, prune_device);
}
