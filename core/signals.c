/* SPDX-License-Identifier: MIT */
/* signals.c - the signalfd */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "core/log.h"
#include "core/signals.h"
#include "core/util.h"

static sigset_t found;
static int fd = -1;

int signals_block(void)
{
	sigset_t all;

	sigfillset(&all);
	if (sigprocmask(SIG_BLOCK, &all, &found) < 0)
		return fail(-errno, "block signals");
	/* A parent may have had children ignored, and then they cannot be waited for. */
	signal(SIGCHLD, SIG_DFL);
	fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return fail(-errno, "make a descriptor for signals");
	return 0;
}

int signals_fd(void)
{
	return fd;
}

void signals_close(void)
{
	if (fd >= 0)
		close(fd);
	fd = -1;
}

int signals_read(struct signalfd_siginfo *event)
{
	return RETRY(read(fd, event, sizeof(*event))) == (ssize_t)sizeof(*event) ? (int)event->ssi_signo : 0;
}

void signals_restore(void)
{
	sigprocmask(SIG_SETMASK, &found, NULL);
}
