/* SPDX-License-Identifier: MIT */
/* test_stay.c - a keeper that goes on as no other program says so to whoever asks, and to nobody else */
#include <signal.h>
#include <sys/syscall.h>

#include "tests/check.h"
#include "tests/unit/said.h"

#include "core/stay.c"

static void listen_to(int *signals)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, UPGRADE_SIGNAL);
	sigprocmask(SIG_BLOCK, &set, NULL);
	*signals = signalfd(-1, &set, 0);
}

/* A child asks as @name, and ends with the errno that is answered; ECHILD if a signal comes that is no answer. */
static pid_t ask(const char *name)
{
	struct signalfd_siginfo event;
	int us = (int)syscall(SYS_pidfd_open, getpid(), 0), signals, err = 0;
	pid_t pid = fork();

	if (!pid) {
		listen_to(&signals);
		upgrade_ask(us, name);
		if (read(signals, &event, sizeof(event)) != sizeof(event) || !upgrade_answered(&event, &err))
			err = -ECHILD;
		_exit(-err);
	}
	close(us);
	return pid;
}

/* What has come of it in the keeper. */
static void hear(struct keeper *k, int signals)
{
	struct signalfd_siginfo event;

	CHECK_EQ(read(signals, &event, sizeof(event)), sizeof(event));
	upgrade_asked(k, &event);
}

static void told_no(void)
{
	static const char *const askers[] = { UPGRADE_ASKER, QUIESCE_ASKER, RECOVER_ASKER };
	struct keeper k = { .asker = -1, .program = -1, .held = true };
	int signals, status;

	listen_to(&signals);
	for (size_t i = 0; i < ARRAY_SIZE(askers); i++) {
		pid_t pid = ask(askers[i]);

		hear(&k, signals);
		waitpid(pid, &status, 0);
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == EOPNOTSUPP);
		CHECK(said("made without ctl"));
		CHECK(k.asker == -1 && k.program == -1 && k.held);
	}
	close(signals);
}

static void nothing_from_others(void)
{
	struct keeper k = { .asker = -1 };
	int signals, status;
	pid_t pid;

	listen_to(&signals);
	pid = ask("somebody");
	hear(&k, signals);
	kill(pid, UPGRADE_SIGNAL);	/* behind the answer, if there were one */
	waitpid(pid, &status, 0);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == ECHILD);
	close(signals);
}

static void held_by_nobody(void)
{
	struct keeper k = { .held = true, .asker = -1 };

	upgrade_hold(&k);
	CHECK(!k.held);
}

TESTS(
	{ "who asks for another program, a pause or its end is told no, and the keeper stays as it is", told_no },
	{ "from somebody else the signal means nothing", nothing_from_others },
	{ "a disk that somebody has quiesced is served again at once", held_by_nobody },
)
