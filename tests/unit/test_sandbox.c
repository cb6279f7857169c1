/* SPDX-License-Identifier: MIT */
/*
 * test_sandbox.c - which rights are given up, in which order, and what becomes of it where the kernel refuses
 *
 * Nothing is: calls are noted. The filter of system calls is run as the kernel would run it, number by number.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/seccomp.h>
#include <linux/filter.h>

/* --- in the place of the kernel ------------------------------------------------------------ */

static struct {
	long call;			/* that fails, 0: none does */
	int option;			/* of prctl(), likewise */
	int error, times;		/* 0: always */
} refused;
static long order[200];			/* calls, and prctl's options as negative numbers */
static unsigned int count, capabilities = 41;
static bool orphan;			/* its parent has just died */
static int rulesets;			/* made; refused are those with more rights than this kernel knows */
static unsigned int known_rights = 17;
static struct sock_filter program_code[4096];
static unsigned int program_length, flags_given;
static long filter_result;

static int refuse(void)
{
	if (refused.times && !--refused.times)
		refused.call = refused.option = 0;
	errno = refused.error;
	return -1;
}

static long kernel_call(long number, ...)
{
	va_list args;
	long a[3];

	va_start(args, number);
	for (int i = 0; i < 3; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	order[count++] = number;
	if (refused.call == number)
		return refuse();
	if (number == SYS_landlock_create_ruleset) {
		uint64_t files = *(uint64_t *)a[0];

		rulesets++;
		errno = EINVAL;
		return files >> known_rights ? -1 : dup(STDIN_FILENO);
	}
	if (number == SYS_seccomp) {
		const struct sock_fprog *program = (const struct sock_fprog *)a[2];

		flags_given = (unsigned int)a[1];
		program_length = program->len;
		memcpy(program_code, program->filter, program->len * sizeof(*program->filter));
		return filter_result;
	}
	return 0;
}

static int kernel_prctl(int option, ...)
{
	va_list args;
	unsigned long arg;
	int *to;

	va_start(args, option);
	arg = va_arg(args, unsigned long);
	to = (int *)(uintptr_t)arg;
	va_end(args);
	order[count++] = -option;
	if (refused.option == option)
		return refuse();
	if (option == PR_CAPBSET_DROP && arg >= capabilities) {
		errno = EINVAL;
		return -1;
	}
	if (option == PR_GET_PDEATHSIG)
		*to = 9;
	return 0;
}

static pid_t kernel_parent(void)
{
	static pid_t parent = 1000;

	return orphan ? parent++ : parent;
}

#undef NULL				/* a pointer, also where arguments have no types */
#define NULL ((void *)0)
#define syscall kernel_call
#define prctl kernel_prctl
#define getppid kernel_parent
#include "core/sandbox.c"
#undef syscall
#undef prctl
#undef getppid

#include "tests/check.h"
#include "tests/unit/said.h"

static struct sandbox sandbox;

static void set_up(bool on)
{
	memset(&refused, 0, sizeof(refused));
	sandbox = (struct sandbox){ .on = on, .applet = "mem", .user = { .uid = 990, .gid = 991, .change = true } };
	count = 0;
	rulesets = 0;
	known_rights = 17;
	capabilities = 41;
	orphan = false;
	filter_result = 0;
	log_level = LOG_VERBOSE;
	said_nothing();
}

/* How often, and where first: -1 for nowhere. */
static unsigned int made(long call)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < count; i++)
		n += order[i] == call;
	return n;
}

static int place(long call)
{
	for (unsigned int i = 0; i < count; i++)
		if (order[i] == call)
			return (int)i;
	return -1;
}

#define REFUSE_PRCTL(opt, err) do { set_up(true); refused.option = (opt); refused.error = (err); } while (0)
#define REFUSE_CALL(number, err) do { set_up(true); refused.call = (number); refused.error = (err); } while (0)

/* --- claims --------------------------------------------------------------------------------- */

static void what_could_be_regained(void)
{
	set_up(true);
	CHECK_EQ(sandbox_early(&sandbox), 0);
	CHECK_EQ(made(-PR_CAPBSET_DROP), 42);		/* the first that is none ends it */
	CHECK(place(-PR_CAP_AMBIENT) < place(-PR_SET_NO_NEW_PRIVS) && place(-PR_SET_DUMPABLE) > 0);
	CHECK(made(-PR_SET_IO_FLUSHER) == 1 && made(SYS_setresuid) == 1 && made(SYS_prlimit64) == 2 && sandbox.user.change);
	set_up(false);
	CHECK_EQ(sandbox_early(&sandbox), 0);
	CHECK(said("--sandbox=off: the server is not confined") && !sandbox.user.change);
	CHECK(!made(-PR_SET_DUMPABLE) && !made(SYS_setresuid) && made(-PR_CAPBSET_DROP) == 42);
	REFUSE_PRCTL(PR_CAPBSET_DROP, EPERM);		/* who lacks CAP_SETPCAP cannot regain anything either */
	CHECK_EQ(sandbox_early(&sandbox), 0);
	CHECK_EQ(made(-PR_CAPBSET_DROP), 1);
}

static void what_has_to_be_given_up(void)
{
	REFUSE_PRCTL(PR_CAP_AMBIENT, EINVAL);		/* before Linux 4.3 there are none */
	CHECK_EQ(sandbox_early(&sandbox), 0);
	REFUSE_PRCTL(PR_CAP_AMBIENT, EPERM);
	CHECK_EQ(sandbox_early(&sandbox), -EPERM);
	REFUSE_PRCTL(PR_SET_NO_NEW_PRIVS, EINVAL);
	CHECK_EQ(sandbox_early(&sandbox), -EINVAL);
	REFUSE_PRCTL(PR_SET_DUMPABLE, EINVAL);
	CHECK_EQ(sandbox_early(&sandbox), -EINVAL);
	REFUSE_CALL(SYS_prlimit64, EPERM);
	CHECK_EQ(sandbox_early(&sandbox), -EPERM);
	REFUSE_PRCTL(PR_SET_IO_FLUSHER, EPERM);
	CHECK_EQ(sandbox_early(&sandbox), 0);
	REFUSE_PRCTL(PR_SET_IO_FLUSHER, EINVAL);
	CHECK_EQ(sandbox_early(&sandbox), 0);
	REFUSE_PRCTL(PR_SET_IO_FLUSHER, EIO);
	CHECK_EQ(sandbox_early(&sandbox), -EIO);
}

/* Who insists on a user gets it or nothing; whom we have chosen we may be or not. */
static void a_user_may_not_be_had(void)
{
	for (int insisted = 0; insisted < 2; insisted++)
		for (int which = 0; which < 2; which++) {
			REFUSE_CALL(which ? SYS_setresuid : SYS_setresgid, EINVAL);
			sandbox.user.insisted = insisted;
			CHECK_EQ(sandbox_early(&sandbox), insisted ? -EINVAL : 0);
			CHECK_EQ(sandbox.user.change, insisted);
			CHECK(said(insisted ? "let the server be user 990, group 991" : "the server stays the user it is"));
		}
	set_up(true);
	sandbox.user.change = false;
	CHECK_EQ(sandbox_early(&sandbox), 0);
	CHECK(!made(SYS_setresuid) && made(SYS_prlimit64) == 1);
}

static void each_thread_gives_up(void)
{
	set_up(true);
	CHECK_EQ(sandbox_thread(&sandbox), 0);
	CHECK(place(SYS_landlock_restrict_self) < place(SYS_setgroups) && place(SYS_setresuid) < place(SYS_capset));
	CHECK(place(SYS_capset) < place(-PR_SET_DUMPABLE) && place(-PR_SET_PDEATHSIG) == (int)count - 1 && !sandbox.lacks);
	set_up(false);
	sandbox.user.change = false;
	CHECK_EQ(sandbox_thread(&sandbox), 0);
	CHECK(!rulesets && !made(SYS_setresuid) && made(SYS_capset) == 1 && !made(-PR_SET_DUMPABLE));
	REFUSE_PRCTL(PR_GET_PDEATHSIG, EINVAL);
	CHECK_EQ(sandbox_thread(&sandbox), -EINVAL);
	REFUSE_CALL(SYS_setgroups, EPERM);		/* a user namespace may keep them */
	CHECK_EQ(sandbox_thread(&sandbox), 0);
	REFUSE_CALL(SYS_setgroups, ENOMEM);
	CHECK_EQ(sandbox_thread(&sandbox), -ENOMEM);
	REFUSE_CALL(SYS_setresgid, EAGAIN);
	CHECK_EQ(sandbox_thread(&sandbox), -EAGAIN);
	REFUSE_CALL(SYS_setresuid, EAGAIN);
	CHECK_EQ(sandbox_thread(&sandbox), -EAGAIN);
	REFUSE_CALL(SYS_capset, EPERM);
	CHECK_EQ(sandbox_thread(&sandbox), -EPERM);
	REFUSE_PRCTL(PR_SET_DUMPABLE, EINVAL);
	CHECK_EQ(sandbox_thread(&sandbox), -EINVAL);
	REFUSE_PRCTL(PR_SET_PDEATHSIG, EINVAL);
	CHECK_EQ(sandbox_thread(&sandbox), -EINVAL);
	set_up(true);
	orphan = true;					/* it would never be told */
	CHECK_EQ(sandbox_thread(&sandbox), -ESRCH);
}

/* As much as the kernel knows of it, and without where it knows nothing. */
static void files_are_left(void)
{
	static const struct { unsigned int rights; int tries; } kernels[] = { { 17, 1 }, { 16, 2 }, { 15, 4 }, { 14, 6 }, { 13, 7 } };

	for (size_t i = 0; i < ARRAY_SIZE(kernels); i++) {
		set_up(true);
		known_rights = kernels[i].rights;
		CHECK_EQ(sandbox_thread(&sandbox), 0);
		CHECK_EQ(rulesets, kernels[i].tries);
		CHECK(!sandbox.lacks && made(SYS_landlock_restrict_self) == 1);
	}
	set_up(true);
	known_rights = 12;
	CHECK_EQ(sandbox_thread(&sandbox), 0);
	CHECK_EQ(sandbox.lacks, SANDBOX_LANDLOCK);
	CHECK(said("the server does without landlock"));
	said_nothing();
	CHECK_EQ(sandbox_thread(&sandbox), 0);
	CHECK_EQ(said_nothing(), 0);			/* once is enough */
	REFUSE_CALL(SYS_landlock_create_ruleset, E2BIG);
	refused.times = 1;
	CHECK_EQ(sandbox_thread(&sandbox), 0);
	CHECK(rulesets == 1 && !sandbox.lacks);
	REFUSE_CALL(SYS_landlock_create_ruleset, ENOSYS);
	CHECK_EQ(sandbox_thread(&sandbox), 0);
	CHECK(!rulesets && sandbox.lacks == SANDBOX_LANDLOCK);
	REFUSE_CALL(SYS_landlock_restrict_self, EPERM);
	CHECK_EQ(sandbox_thread(&sandbox), 0);
	CHECK_EQ(sandbox.lacks, SANDBOX_LANDLOCK);
}

/* --- the filter ------------------------------------------------------------------------------- */

/* What the kernel would do with a call. */
static uint32_t verdict(const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (unsigned int at = 0; at < program_length; at++) {
		const struct sock_filter *f = &program_code[at];

		switch (f->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			CHECK(f->k % 4 == 0 && f->k < sizeof(*data));
			memcpy(&a, (const char *)data + f->k, sizeof(a));
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= f->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			at += a == f->k ? f->jt : f->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			at += a >= f->k ? f->jt : f->jf;
			break;
		case BPF_RET | BPF_K:
			return f->k;
		default:
			CHECK(!"a known instruction");
		}
	}
	CHECK(!"it ends");
	return 0;
}

static bool allows(int number, unsigned int argument, uint64_t value)
{
	struct seccomp_data data = { .nr = number, .arch = ARCHITECTURE };
	uint32_t is;

	data.args[argument] = value;
	is = verdict(&data);
	CHECK(is == SECCOMP_RET_ALLOW || is == SECCOMP_RET_KILL_PROCESS);
	return is == SECCOMP_RET_ALLOW;
}

static bool has_condition(int number)
{
	for (size_t i = 0; i < ARRAY_SIZE(conditions); i++)
		if (conditions[i].number == number)
			return true;
	return false;
}

/* In the groups of the program that are named here? */
static bool is_listed(int number, const char *applet, bool opening)
{
	unsigned int groups = groups_of(applet, opening);

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (calls[i].number == number && calls[i].groups & groups)
			return true;
	return false;
}

static void other_calls_kill(void)
{
	static const char *const applets_[] = { "mem", "file", "zip", "null" };

	for (size_t a = 0; a < ARRAY_SIZE(applets_); a++)
		for (int opening = 0; opening < 2; opening++) {
			struct seccomp_data foreign = { .nr = SYS_io_uring_enter, .arch = ARCHITECTURE + 1 };

			set_up(true);
			sandbox.applet = applets_[a];
			CHECK_EQ(sandbox_process(&sandbox, opening ? SANDBOX_OPENING : SANDBOX_SERVING), 0);
			CHECK_EQ(made(SYS_prlimit64), !opening);
			CHECK(flags_given == SECCOMP_FILTER_FLAG_TSYNC && !sandbox.lacks);
			CHECK_EQ(verdict(&foreign), SECCOMP_RET_KILL_PROCESS);
			for (int number = 0; number < 2000; number++)
				if (!has_condition(number) && allows(number, 0, 0) != is_listed(number, applets_[a], opening))
					CHECK_EQ(number, -1);
			CHECK(allows(SYS_io_uring_enter, 0, 0) && allows(SYS_exit_group, 0, 0));
			CHECK(!allows(SYS_execve, 0, 0) && !allows(SYS_openat, 0, 0) && !allows(SYS_socket, 0, 0) && !allows(SYS_ptrace, 0, 0));
			CHECK_EQ(allows(SYS_seccomp, 0, 0), opening);
			CHECK_EQ(allows(SYS_ftruncate, 0, 0), opening && !strcmp(applets_[a], "mem"));
		}
}

/* Some calls are allowed for one thing alone. */
static void arguments_count(void)
{
	set_up(true);
	sandbox.applet = "file";
	CHECK_EQ(sandbox_process(&sandbox, SANDBOX_OPENING), 0);
	CHECK(allows(SYS_mmap, 2, PROT_READ | PROT_WRITE) && !allows(SYS_mmap, 2, PROT_READ | PROT_EXEC));
	CHECK(allows(SYS_clone, 0, CLONE_THREAD | CLONE_VM) && !allows(SYS_clone, 0, SIGCHLD));
	CHECK(allows(SYS_ioctl, 1, BLKGETSIZE64) && !allows(SYS_ioctl, 1, BLKGETSIZE64 + 1));
	CHECK(allows(SYS_prctl, 0, PR_SET_PDEATHSIG) && !allows(SYS_prctl, 0, PR_SET_DUMPABLE));
}

static void filters_may_not_be_had(void)
{
	REFUSE_CALL(SYS_seccomp, EINVAL);
	CHECK_EQ(sandbox_process(&sandbox, SANDBOX_OPENING), 0);
	CHECK(sandbox.lacks == SANDBOX_SECCOMP && said("the server does without seccomp"));
	count = 0;
	CHECK_EQ(sandbox_process(&sandbox, SANDBOX_SERVING), 0);
	CHECK(!made(SYS_seccomp) && made(SYS_prlimit64) == 1);	/* it is not tried again */
	set_up(true);
	filter_result = 77;				/* a thread that could not have it */
	CHECK_EQ(sandbox_process(&sandbox, SANDBOX_OPENING), 0);
	CHECK_EQ(sandbox.lacks, SANDBOX_SECCOMP);
	REFUSE_CALL(SYS_prlimit64, EPERM);
	CHECK_EQ(sandbox_process(&sandbox, SANDBOX_SERVING), -EPERM);
	set_up(false);
	CHECK_EQ(sandbox_process(&sandbox, SANDBOX_SERVING), 0);
	CHECK_EQ(count, 0);
}

int main(void)
{
	static const struct test tests[] = {
		{ "what could be regained is given up first", what_could_be_regained },
		{ "what has to be given up is, or there is no disk", what_has_to_be_given_up },
		{ "a user may not be had", a_user_may_not_be_had },
		{ "each thread gives up its rights, in order", each_thread_gives_up },
		{ "files are left, as far as the kernel knows how", files_are_left },
		{ "system calls that are not listed kill, number by number", other_calls_kill },
		{ "some are for one thing alone", arguments_count },
		{ "a filter may not be had", filters_may_not_be_had },
	};

	return check_main(tests, ARRAY_SIZE(tests));
}
