/* SPDX-License-Identifier: MIT */
/*
 * fail-call WHO N ERRNO FILE CMD ARG... - run CMD, a server; the Nth system call of WHO that can fail, does
 *
 * WHO is "keeper", the process of CMD itself, or "worker", the first that it
 * forks, with all its threads. The call is not made and returns -ERRNO. FILE
 * gets its number, or "none" when there were fewer: then all have had their
 * turn. Calls that no kernel ever fails so, or that would lose something by not
 * being made, as close(), do not count, nor do those before CMD was executed,
 * nor one that is made again and again more than a dozen times.
 *
 * Exit status: that of CMD, or 99 when its two processes had not ended after 60
 * seconds; then they have been killed.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRACED_MAX 64
#define LIMIT_S 60
#define CALLS 1024
#define TURNS 12
#define EVENTS (PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | \
		PTRACE_O_EXITKILL)

/* In which of a thread's registers the kernel looks for a system call's number, and leaves what came of it */
#if defined(__x86_64__)
#define NUMBER 15
#define RESULT 10
#elif defined(__aarch64__)
#define NUMBER 8
#define RESULT 0
#elif defined(__riscv)
#define NUMBER 17
#define RESULT 10
#endif
#define REGISTERS 1		/* NT_PRSTATUS */
#define SYSTEM_CALL 0x404	/* NT_ARM_SYSTEM_CALL: the number in the register is only a copy */

#ifdef SYS_poll
#define POLL SYS_poll
#else
#define POLL SYS_ppoll
#endif

enum role { UNKNOWN, KEEPER, WORKER, OTHER };

static struct traced {
	pid_t id;
	enum role role;
	int inside;		/* a system call */
	int failing;
} traced[TRACED_MAX];

static long wanted, error, seen;
static enum role who;
static long failed = -1;
static int turns[CALLS];
static int executed, forked;

static struct traced *find(pid_t id)
{
	struct traced *free = NULL;

	for (int i = 0; i < TRACED_MAX; i++) {
		if (traced[i].id == id)
			return &traced[i];
		if (!traced[i].id && !free)
			free = &traced[i];
	}
	if (!free)
		exit(2);
	*free = (struct traced){ .id = id };
	return free;
}

static int counts(long call)
{
	static const long never[] = {
#ifdef SYS_arch_prctl
		SYS_arch_prctl,
#endif
		SYS_brk, SYS_clock_gettime, SYS_close, SYS_exit, SYS_exit_group, SYS_futex, SYS_getegid,
		SYS_geteuid, SYS_getgid, SYS_getpid, SYS_getppid, SYS_gettid, SYS_getuid, SYS_kill, SYS_munmap,
		SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_sched_yield, SYS_set_robust_list,
		SYS_set_tid_address, SYS_tgkill, SYS_tkill, SYS_wait4, SYS_waitid,
	};

	for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++)
		if (never[i] == call)
			return 0;
	if (call == POLL && error != EINTR)
		return 0;
	return call >= 0 && call < CALLS && turns[call]++ < TURNS;
}

static void make_no_call(struct traced *one, unsigned long *registers, const struct iovec *all)
{
#ifdef __aarch64__
	int none = -1;

	(void)registers;
	all = &(struct iovec){ &none, sizeof(none) };
	ptrace(PTRACE_SETREGSET, one->id, SYSTEM_CALL, all);
#else
	registers[NUMBER] = (unsigned long)-1;
	ptrace(PTRACE_SETREGSET, one->id, REGISTERS, all);
#endif
}

static void at_call(struct traced *one)
{
	unsigned long registers[64];
	struct iovec all = { registers, sizeof(registers) };

	if (ptrace(PTRACE_GETREGSET, one->id, REGISTERS, &all) < 0)
		return;
	one->inside = !one->inside;
	if (one->inside && executed && one->role == who && counts((long)registers[NUMBER]) && ++seen == wanted) {
		failed = (long)registers[NUMBER];
		one->failing = 1;
		make_no_call(one, registers, &all);
	} else if (!one->inside && one->failing) {
		one->failing = 0;
		registers[NUMBER] = (unsigned long)failed;	/* or the next call might be none either */
		registers[RESULT] = (unsigned long)-error;
		ptrace(PTRACE_SETREGSET, one->id, REGISTERS, &all);
	}
}

/* Only the worker has threads; and it is the first that the keeper forks. */
static void at_event(const struct traced *parent, int event)
{
	unsigned long child;
	enum role role = parent->role;

	if (event == PTRACE_EVENT_EXEC)
		executed = 1;
	if (event != PTRACE_EVENT_FORK && event != PTRACE_EVENT_VFORK && event != PTRACE_EVENT_CLONE)
		return;
	ptrace(PTRACE_GETEVENTMSG, parent->id, 0, &child);
	if (role == KEEPER)
		role = forked++ ? OTHER : WORKER;
	find((pid_t)child)->role = role;
}

static void stopped(struct traced *one, int status)
{
	int sig = WSTOPSIG(status), event = status >> 16;

	if (sig == (SIGTRAP | 0x80)) {
		at_call(one);
		sig = 0;
	} else if (event || sig == SIGTRAP || sig == SIGSTOP) {
		at_event(one, event);
		sig = 0;
	}
	if (one->role == OTHER) {	/* what it does is no matter of ours */
		ptrace(PTRACE_DETACH, one->id, 0, sig);
		one->id = 0;
		return;
	}
	ptrace(PTRACE_SYSCALL, one->id, 0, sig);
}

static void late(int sig)
{
	(void)sig;
	write(STDERR_FILENO, "fail-call: not ended\n", 21);
	_exit(99);	/* EXITKILL */
}

static int begin(char **argv)
{
	pid_t pid = fork();

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		execvp(argv[0], argv);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
	ptrace(PTRACE_SETOPTIONS, pid, 0, EVENTS);
	find(pid)->role = KEEPER;
	ptrace(PTRACE_SYSCALL, pid, 0, 0);
	return pid;
}

int main(int argc, char **argv)
{
	int status = 0, result = 0;
	FILE *told;
	pid_t first, id;

	if (argc < 6)
		return 2;
	who = !strcmp(argv[1], "worker") ? WORKER : KEEPER;
	wanted = atol(argv[2]);
	error = atol(argv[3]);
	first = begin(argv + 5);
	signal(SIGALRM, late);
	alarm(LIMIT_S);
	while ((id = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
		if (id < 0)
			continue;
		if (WIFSTOPPED(status)) {
			stopped(find(id), status);
			continue;
		}
		find(id)->id = 0;
		if (id == first)
			result = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	}
	told = fopen(argv[4], "w");
	if (told)
		fprintf(told, failed < 0 ? "none\n" : "%ld\n", failed);
	return told && !fclose(told) ? result : 2;
}
