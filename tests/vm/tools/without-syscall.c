/* SPDX-License-Identifier: MIT */
/*
 * without-syscall CALL ERRNO CMD ARG... - run CMD as a container would that
 * forbids a system call: it fails with ERRNO, or ends the process if that is 0
 * without-syscall CALL - print its number
 *
 * CALL is one of the names below, or the number, which each kind of processor
 * has its own of.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static unsigned int number_of(const char *call)
{
	static const struct { const char *name; unsigned int number; } known[] = {
		{ "execveat", SYS_execveat }, { "io_uring_setup", SYS_io_uring_setup },
		{ "landlock_create_ruleset", SYS_landlock_create_ruleset }, { "mount", SYS_mount }, { "read", SYS_read },
		{ "seccomp", SYS_seccomp }, { "socketpair", SYS_socketpair },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!strcmp(known[i].name, call))
			return known[i].number;
	return (unsigned int)atoi(call);
}

int main(int argc, char **argv)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof(code) / sizeof(*code), .filter = code };
	unsigned int error;

	if (argc == 2)
		return printf("%u\n", number_of(argv[1])) < 0;
	if (argc < 4)
		return 2;
	code[1].k = number_of(argv[1]);
	error = (unsigned int)atoi(argv[2]);
	if (error)
		code[2].k = SECCOMP_RET_ERRNO | error;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) {
		perror("seccomp");
		return 1;
	}
	execvp(argv[3], argv + 3);
	perror(argv[3]);
	return 127;
}
