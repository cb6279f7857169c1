/* SPDX-License-Identifier: MIT */
/*
 * ask-upgrade [KEEPER [AS]] - ask a keeper to become this program, as ublk-ctl does; with AS, in the name of that
 * process; without KEEPER, be such a process
 *
 * Should a keeper try that, the file $ASKED appears. Printed is the number of
 * the error that the keeper has answered; with AS, of the one there was.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ASK 40
#define VALUE 0x75620000

/* In whose name, is up to us when a value comes with it. */
static int ask_as(int keeper, int as)
{
	siginfo_t info = { .si_signo = ASK, .si_code = SI_QUEUE };

	info.si_pid = as;
	info.si_value.sival_int = VALUE;
	return syscall(SYS_rt_sigqueueinfo, keeper, ASK, &info) < 0 ? errno : 0;
}

/* In every way, and with all rights, of a user namespace that nobody else is in. */
static int ask(int keeper)
{
	const struct timespec limit = { .tv_sec = 20 };
	siginfo_t answer;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, ASK);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (unshare(CLONE_NEWUSER) < 0 || ask_as(keeper, getpid()) || kill(keeper, ASK) < 0 || sigtimedwait(&set, &answer, &limit) < 0)
		return errno;
	return answer.si_value.sival_int & 0xfff;
}

int main(int argc, char **argv)
{
	const char *path = getenv("ASKED");

	if (getenv("UBLK_STATE"))
		return path && open(path, O_CREAT | O_WRONLY, 0600) < 0;
	prctl(PR_SET_NAME, "ublk-upgrade", 0, 0, 0);
	if (argc < 2)
		return pause();
	printf("%d\n", argc > 2 ? ask_as(atoi(argv[1]), atoi(argv[2])) : ask(atoi(argv[1])));
	return 0;
}
