/* SPDX-License-Identifier: MIT */
/* asking.c - a signal that asks, and one that answers */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/proc.h"
#include "core/upgrade.h"

#define VALUE 0x75620000		/* "ub", and room for an errno */
#define ERRNO_MAX 4095

/* Whoever has a value sent along says himself who he is. So asking does without, and the kernel tells. */
int upgrade_ask(int pidfd, const char *asker)
{
	prctl(PR_SET_NAME, asker, 0, 0, 0);
	return syscall(SYS_pidfd_send_signal, pidfd, UPGRADE_SIGNAL, NULL, 0) < 0 ? -errno : 0;
}

/* Who does not wait for it any more is dead. */
void upgrade_reply(int pidfd, int error)
{
	siginfo_t info = { .si_signo = UPGRADE_SIGNAL, .si_code = SI_QUEUE, .si_value.sival_int = VALUE | -error };

	syscall(SYS_pidfd_send_signal, pidfd, UPGRADE_SIGNAL, &info, 0);
	close(pidfd);
}

bool upgrade_answered(const struct signalfd_siginfo *event, int *error)
{
	*error = -(event->ssi_int & ERRNO_MAX);
	return event->ssi_signo == UPGRADE_SIGNAL && event->ssi_code == SI_QUEUE && (event->ssi_int & ~ERRNO_MAX) == VALUE;
}

static bool is_asker(const char *name)
{
	return !strcmp(name, UPGRADE_ASKER) || !strcmp(name, QUIESCE_ASKER) || !strcmp(name, RECOVER_ASKER);
}

int upgrade_asker(const struct signalfd_siginfo *event, char *name)
{
	int pid = (int)event->ssi_pid, asker = (int)syscall(SYS_pidfd_open, pid, 0);

	proc_name(pid, name);
	if (asker >= 0 && event->ssi_code == SI_USER && is_asker(name))
		return asker;
	close(asker);
	return -1;
}
