/* SPDX-License-Identifier: MIT */
/* upgrade.c - let a running disk be served by this program, or another */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "applets/ctl/child.h"
#include "applets/ctl/ctl.h"
#include "applets/ctl/device.h"
#include "core/log.h"
#include "core/proc.h"
#include "core/state.h"
#include "core/status.h"
#include "core/text.h"
#include "core/upgrade.h"
#include "core/util.h"

/* --- by this program ------------------------------------------------------------------- */

static int check(const struct found *device, int keeper)
{
	char text[80];
	const char *at = text;
	uint64_t version;

	if (!device->told)
		return found_explain_refusal(device);
	if (!keeper)
		return fail_plain(-ESRCH, "device %" PRIu32 " has no server of ours", device->id);
	if (!(device->info.flags & UBLK_F_USER_RECOVERY_REISSUE)) {
		fail_plain(-EOPNOTSUPP, "device %" PRIu32 " cannot have another server", device->id);
		remedy("only a disk that was made with --supervise can");
		return -EOPNOTSUPP;
	}
	if (!proc_find_link(keeper, STATE_LINK, text, sizeof(text)) || text_number(&at, &version) || version != STATE_VERSION)
		return fail_plain(-EPROTO, "process %d, which serves device %" PRIu32 ", is of a version that this program cannot "
				  "follow, or not ours to look into", keeper, device->id);
	return 0;
}

/* Its answer, or what became of it instead. */
static int await_answer(const struct ctl *ctl, int keeper, int signals)
{
	struct pollfd ready[] = { { .fd = signals, .events = POLLIN }, { .fd = keeper, .events = POLLIN } };
	int64_t end = now_ms() + ctl->timeout * 1000LL, left;
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

static int explain(const struct found *device, int keeper, int err)
{
	switch (err) {
	case 0:
		return 0;
	case -EBUSY:
		fail_plain(err, "device %" PRIu32 " is being stopped, upgraded or recovered just now", device->id);
		return err;
	case -ESRCH:
		return fail_plain(err, "process %d, which served device %" PRIu32 ", is gone", keeper, device->id);
	}
	fail(err, "upgrade device %" PRIu32, device->id);
	remedy("process %d has told why, where its messages go", keeper);
	return err;
}

int upgrade_listen(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, UPGRADE_SIGNAL);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

int upgrade_await(const struct ctl *ctl, const struct found *device, int keeper, int signals)
{
	int pidfd = (int)syscall(SYS_pidfd_open, keeper, 0), err = pidfd < 0 ? -ESRCH : await_answer(ctl, pidfd, signals);

	close(signals);
	close(pidfd);
	return explain(device, keeper, err);
}

static int ask(const struct ctl *ctl, const struct found *device, int keeper)
{
	int signals = upgrade_listen(), pidfd = (int)syscall(SYS_pidfd_open, keeper, 0), err = upgrade_ask(pidfd);

	close(pidfd);
	return err ? explain(device, keeper, err) : upgrade_await(ctl, device, keeper, signals);
}

/* --- by another -------------------------------------------------------------------------- */

static void become(const struct ctl *ctl, const struct found *device, const char *binary)
{
	char id[16], timeout[16];
	char *const argv[] = { (char *)"ublk-ctl", (char *)"upgrade", (char *)"--dev-dir", (char *)(uintptr_t)ctl->dev_dir,
			       (char *)"--timeout", timeout, id, NULL };

	text_format(id, sizeof(id), "%" PRIu32, device->id);
	text_format(timeout, sizeof(timeout), "%" PRIu32, ctl->timeout);
	execv(binary, argv);
	_exit((int)status_of(fail(-errno, "run %s", binary)));
}

static bool is_running(int keeper, const char *binary)
{
	struct stat ours, its;
	char path[32];

	text_format(path, sizeof(path), "/proc/%d/exe", keeper);
	return stat(binary, &ours) == 0 && stat(path, &its) == 0 && ours.st_ino == its.st_ino && ours.st_dev == its.st_dev;
}

/* It asks for itself, which is how the keeper knows what to become. Its own status is ours. */
static int run(const struct ctl *ctl, const struct found *device, int keeper)
{
	static const int errors[] = { [STATUS_USAGE] = -EUSAGE, [STATUS_PERMISSION] = -EACCES, [STATUS_UNSUPPORTED] = -EOPNOTSUPP,
				      [STATUS_BUSY] = -EBUSY, [STATUS_NO_DEVICE] = -ENODEV };
	const char *binary = ctl->devices[1];
	pid_t pid = fork();
	int status;

	if (!pid)
		become(ctl, device, binary);
	if (pid < 0 || RETRY(waitpid(pid, &status, 0)) < 0)
		return fail(-errno, "run %s", binary);
	status = WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_FAILED;
	if (status)
		return (size_t)status < ARRAY_SIZE(errors) && errors[status] ? errors[status] : -EIO;
	return is_running(keeper, binary) ? 0 : fail_plain(-ENOEXEC, "%s has not upgraded anything: is it ublk?", binary);
}

/* --- the subcommand ------------------------------------------------------------------------ */

static int upgrade(struct work *w, const struct found *device)
{
	int keeper = found_keeper(device), err;

	if (w->ctl->all && !(keeper && device->info.flags & UBLK_F_USER_RECOVERY_REISSUE)) {
		note("device %" PRIu32 " stays as it is: it was not made with --supervise", device->id);
		return 0;
	}
	err = check(device, keeper);
	if (err)
		return err;
	return w->ctl->devices[0] && w->ctl->devices[1] ? run(w->ctl, device, keeper) : ask(w->ctl, device, keeper);
}

int ctl_upgrade(const struct ctl *ctl)
{
	struct ctl only = *ctl;

	if (!ctl->count && !ctl->all)
		return (int)status_of(fail_usage("upgrade needs a device, or -a for all of them"));
	only.count = (int)min_u64((uint64_t)ctl->count, 1);
	return child_for_each(&only, upgrade);
}
