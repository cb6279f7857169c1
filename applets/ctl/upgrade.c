/* SPDX-License-Identifier: MIT */
/* upgrade.c - let a running disk be served by this program, or another */
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
#include "core/status.h"
#include "core/text.h"
#include "core/upgrade.h"
#include "core/util.h"

#define LIMIT_MS 30000

/* --- by this program ------------------------------------------------------------------- */

static int check(const struct found *device, int keeper)
{
	if (!device->told)
		return found_explain_refusal(device);
	if (!keeper)
		return fail_plain(-ESRCH, "device %" PRIu32 " has no server of ours", device->id);
	if (device->info.flags & UBLK_F_USER_RECOVERY_REISSUE)
		return 0;
	fail_plain(-EOPNOTSUPP, "device %" PRIu32 " cannot have another server", device->id);
	remedy("only a disk that was made with --supervise can");
	return -EOPNOTSUPP;
}

/* The keeper's answer, or what became of it instead. */
static int await_answer(int keeper, int signals)
{
	struct pollfd ready[] = { { .fd = signals, .events = POLLIN }, { .fd = keeper, .events = POLLIN } };
	int64_t end = now_ms() + LIMIT_MS, left;
	struct signalfd_siginfo event;
	int err;

	while ((left = end - now_ms()) > 0) {
		if (RETRY(poll(ready, 2, (int)left)) <= 0)
			break;
		if (ready[0].revents && read(signals, &event, sizeof(event)) == sizeof(event) && upgrade_answered(&event, &err))
			return err;
		if (ready[1].revents)
			return -ESRCH;
	}
	return -ETIMEDOUT;
}

int upgrade_listen(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, UPGRADE_SIGNAL);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

int upgrade_await(const struct found *device, int keeper, int signals, const char *ask)
{
	int pidfd = (int)syscall(SYS_pidfd_open, keeper, 0), err = ask ? upgrade_ask(pidfd, ask) : 0;

	if (!err)
		err = await_answer(pidfd, signals);
	close(signals);
	close(pidfd);
	if (!err)
		return 0;
	if (err == -EBUSY)
		return fail_plain(err, "device %" PRIu32 " is being stopped, upgraded, quiesced or recovered just now", device->id);
	fail(err, "have device %" PRIu32 " served by another process", device->id);
	remedy("process %d has told why, where its messages go", keeper);
	return err;
}

static int upgrade(struct work *w, const struct found *device)
{
	int keeper = found_keeper(device), err;

	if (w->ctl->all && !(keeper && device->info.flags & UBLK_F_USER_RECOVERY_REISSUE)) {
		note("device %" PRIu32 " stays as it is: it was not made with --supervise", device->id);
		return 0;
	}
	err = check(device, keeper);
	return err ? err : upgrade_await(device, keeper, upgrade_listen(), UPGRADE_ASKER);
}

/* --- by another: it asks for itself, which is how the keeper knows what to become -------------- */

static int become(const struct ctl *ctl)
{
	char *const argv[] = { (char *)"ublk-ctl", (char *)"upgrade", (char *)"--dev-dir", (char *)(uintptr_t)ctl->dev_dir,
			       ctl->devices[0], NULL };

	execv(ctl->devices[1], argv);
	return (int)status_of(fail(-errno, "run %s", ctl->devices[1]));
}

static int upgrade_each(const struct ctl *ctl)
{
	return child_for_each(ctl, upgrade);
}

int ctl_upgrade(const struct ctl *ctl)
{
	if (!ctl->count && !ctl->all)
		return (int)status_of(fail_usage("upgrade needs a device, or -a for all of them"));
	return ctl->count > 1 ? become(ctl) : child_run(upgrade_each, ctl);
}
