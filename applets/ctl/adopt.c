/* SPDX-License-Identifier: MIT */
/*
 * adopt.c - another keeper for a disk whose own was killed
 *
 * The server has gone on, and has all descriptors that the keeper had; among
 * them what the keeper left for this. The new keeper takes them, and the
 * number of the old process, by which the device names it; then it goes on as
 * after an upgrade.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "applets/ctl/child.h"
#include "applets/ctl/ctl.h"
#include "applets/ctl/device.h"
#include "core/file.h"
#include "core/log.h"
#include "core/proc.h"
#include "core/state.h"
#include "core/status.h"
#include "core/text.h"
#include "core/upgrade.h"
#include "core/util.h"


/* --- as the new keeper ----------------------------------------------------------------- */

/* All descriptors that it names, from the process behind @pidfd, at their numbers; whatever of ours had these goes. */
static int take_all(const struct state *state, int pidfd)
{
	uint32_t at = 0;
	int fd, taken;

	while ((fd = state_next_file(state, &at)) >= 0) {
		taken = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);	/* a number that none of them has yet */
		if (taken < 0 || fd >= STATE_ASIDE || dup2(taken, fd) < 0)
			return taken < 0 || fd < STATE_ASIDE ? -errno : -EMFILE;
		if (taken != fd)
			close(taken);
	}
	return 0;
}

static int become(struct state *state, int pidfd, int state_fd, int asker)
{
	int err = take_all(state, pidfd);

	if (err)
		return fail(err, "take what the server has");
	setsid();
	file_to_null(STDIN_FILENO);
	file_to_null(STDOUT_FILENO);
	return state_become(state, state_fd, STATE_ADOPT, asker);
}

/* --- as who waits for it ------------------------------------------------------------------ */

static int find_state(int worker, int pidfd)
{
	int fd = proc_find_descriptor(worker, STATE_LINK), aside = -1;

	if (fd >= 0)
		fd = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	if (fd >= 0)
		aside = fcntl(fd, F_DUPFD, STATE_ASIDE);
	return aside;
}

static int adopt_from(const struct found *device, int pidfd)
{
	int keeper = device_keeper(device->info.ublksrv_flags), fd = find_state(device->info.ublksrv_pid, pidfd);
	int self = fcntl((int)syscall(SYS_pidfd_open, getpid(), 0), F_DUPFD, STATE_ASIDE);
	int worker = fcntl(pidfd, F_DUPFD_CLOEXEC, STATE_ASIDE), signals, pid, err;
	struct state state;

	err = state_read(&state, fd);
	if (err)
		return fail(err, "take what the last keeper of device %" PRIu32 " left with process %d", device->id,
			    device->info.ublksrv_pid);
	signals = upgrade_listen();
	pid = proc_fork_as(keeper, false);
	if (!pid)
		_exit((int)status_of(become(&state, worker, fd, self)));
	state_close(&state);
	if (pid == -EEXIST)
		return fail_plain(-EBUSY, "number %d, which the last keeper had, names a process or a group of some still", keeper);
	if (pid < 0)
		return fail(pid, "start a process with the number %d of the last keeper", keeper);
	return upgrade_await(device, pid, signals, NULL);
}

static int adopt(struct work *w, const struct found *device)
{
	int pidfd, err;

	(void)w;
	if (!device->told)
		return found_explain_refusal(device);
	if (found_keeper(device))
		return fail_plain(-EBUSY, "device %" PRIu32 " has its keeper, process %d", device->id, found_keeper(device));
	if (!found_served_on(device)) {
		fail_plain(-ESRCH, "nobody serves device %" PRIu32 " whom another keeper could go on with", device->id);
		remedy("what its server had is gone; 'ublk-ctl del --force %" PRIu32 "' deletes it", device->id);
		return -ESRCH;
	}
	pidfd = (int)syscall(SYS_pidfd_open, device->info.ublksrv_pid, 0);
	if (pidfd < 0)
		return fail(-errno, "watch process %d", device->info.ublksrv_pid);
	err = adopt_from(device, pidfd);
	close(pidfd);
	return err;
}

int ctl_adopt(const struct ctl *ctl)
{
	return child_for_each(ctl, adopt);
}
