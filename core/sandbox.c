/* SPDX-License-Identifier: MIT */
/* sandbox.c - giving up rights, for good */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/log.h"
#include "core/sandbox.h"
#include "core/util.h"

/* Old kernels, and containers, have not all of it: then the disk is served all the same, and whoever asks is told. */
void sandbox_without(struct sandbox *sandbox, enum sandbox_part part, int error)
{
	static const char parts[][12] = { "landlock", "seccomp", "ring limits" };

	if (!(atomic_fetch_or(&sandbox->lacks, part) & part))
		info("the server does without %s: %s", parts[log2_u64(part)], strerror(-error));
}

/*
 * A limit of processes says nothing to root. It would to somebody else, who
 * has all disks of this machine. Without CAP_SYS_RESOURCE it stays as it is.
 */
static void lift_process_limit(void)
{
	static const uint64_t none[2] = { UINT64_MAX, UINT64_MAX };

	syscall(SYS_prlimit64, 0, RLIMIT_NPROC, none, NULL);
}

/*
 * The saved user alone, which changes nothing: who may not set it may not set
 * the others. A user namespace, say, has only so many.
 */
static int try_user(struct user *user)
{
	if (!user->change)
		return 0;
	if (syscall(SYS_setresgid, -1, -1, user->gid) == 0 && syscall(SYS_setresuid, -1, -1, user->uid) == 0) {
		lift_process_limit();
		return 0;
	}
	if (user->insisted)
		return fail(-errno, "let the server be user %" PRIu32 ", group %" PRIu32, user->uid, user->gid);
	info("the server stays the user it is: %s", strerror(errno));
	user->change = false;
	return 0;
}

/*
 * What an exec could regain, for all threads at once, as there is one: it is
 * a system call for each capability. Needs CAP_SETPCAP; who lacks that cannot
 * regain anything either. The first number that is no capability ends it.
 */
static int drop_bounds(void)
{
	for (unsigned long cap = 0; prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0; cap++)
		;
	return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL ? -errno : 0;
}

int sandbox_early(struct sandbox *sandbox)
{
	static const uint64_t none[2] = { 0, 0 };	/* soft and hard */
	int err = drop_bounds();

	if (err)
		return err;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	/* A dump or a debugger would show what the disk holds. */
	if (sandbox->on && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	/* The call itself: libc's setrlimit() prepares for what we do not do. */
	if (syscall(SYS_prlimit64, 0, RLIMIT_CORE, none, NULL) < 0)
		return -errno;
	/*
	 * Threads made from here on may be needed to write back the very memory
	 * that they ask for. Needs CAP_SYS_RESOURCE; without it the kernel's
	 * usual care has to do.
	 */
	if (prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0) < 0 && errno != EPERM && errno != EINVAL)
		return -errno;
	if (!sandbox->on) {
		note("--sandbox=off: the server is not confined");
		sandbox->user.change = false;
	}
	return try_user(&sandbox->user);
}

/* Of this thread alone: libc's would have all threads do it, and some have yet to fetch. */
static int change_user(const struct user *user)
{
	uint32_t uid = user->uid, gid = user->gid;

	if (!user->change)
		return 0;
	if (syscall(SYS_setgroups, 0, NULL) < 0 && errno != EPERM)	/* a user namespace may keep them */
		return -errno;
	return syscall(SYS_setresgid, gid, gid, gid) < 0 || syscall(SYS_setresuid, uid, uid, uid) < 0 ? -errno : 0;
}

/* --- files ------------------------------------------------------------------------- */

/* As Linux 6.12 has it; older ones take less of it, as long as the rest is 0. */
struct ruleset {
	uint64_t files, ports, scopes;
};

/* How many rights of each kind there are, newest first. All of them are handled, and none is given. */
static const struct { uint8_t files, ports, scopes; } rights[] = {
	{ 17, 2, 2 },	/* Linux 7.1: sockets by their path */
	{ 16, 2, 2 },	/* 6.12: abstract sockets and signals of others */
	{ 16, 2, 0 },	/* 6.10: ioctl of devices */
	{ 15, 2, 0 },	/* 6.7: TCP */
	{ 15, 0, 0 },	/* 6.2: truncate */
	{ 14, 0, 0 },	/* 5.19: links between directories */
	{ 13, 0, 0 },	/* 5.13 */
};

/* As much as this kernel knows. A descriptor, or -errno. */
static int create_ruleset(void)
{
	int fd = -EINVAL;

	for (size_t i = 0; i < ARRAY_SIZE(rights) && (fd == -EINVAL || fd == -E2BIG); i++) {
		struct ruleset all = {
			(1U << rights[i].files) - 1, (1U << rights[i].ports) - 1, (1U << rights[i].scopes) - 1,
		};

		fd = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);
		fd = fd < 0 ? -errno : fd;
	}
	return fd;
}

/* What is open stays so. No path leads anywhere from here on. */
static int leave_files(void)
{
	int fd = create_ruleset(), err = 0;

	if (fd < 0)
		return fd;
	if (syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		err = -errno;
	close(fd);
	return err;
}

/* --- the user ---------------------------------------------------------------------- */

/* Whoever becomes somebody else is what can be looked into, and lives on without its parent. */
static int stay_shut(bool on, int signal, pid_t parent)
{
	if ((on && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) || prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0) < 0)
		return -errno;
	return signal && getppid() != parent ? -ESRCH : 0;
}

static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	return syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
}

int sandbox_thread(struct sandbox *sandbox)
{
	int signal = 0, err = sandbox->on ? leave_files() : 0;
	pid_t parent = getppid();

	if (err)
		sandbox_without(sandbox, SANDBOX_LANDLOCK, err);
	if (prctl(PR_GET_PDEATHSIG, &signal, 0, 0, 0) < 0)
		return -errno;
	err = change_user(&sandbox->user);
	if (!err)
		err = drop_capabilities();
	return err ? err : stay_shut(sandbox->on, signal, parent);
}

/* --- system calls ------------------------------------------------------------------ */

#include "syscalls.inc"	/* calls, call_groups */

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64	/* numbers of x32 have a bit more, and are none of ours */
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCHITECTURE AUDIT_ARCH_RISCV64
#else
#define ARCHITECTURE 0			/* not known here: nothing is filtered */
#endif

#define LOW_HALF (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0)

/* Of an argument these bits must be so. */
static const struct { uint16_t number, argument; uint32_t mask, value; } conditions[] = {
	{ __NR_mmap, 2, PROT_EXEC, 0 },
	{ __NR_mprotect, 2, PROT_EXEC, 0 },
	{ __NR_clone, 0, CLONE_THREAD, CLONE_THREAD },
	{ __NR_ioctl, 1, UINT32_MAX, (uint32_t)BLKGETSIZE64 },
	{ __NR_fcntl, 1, UINT32_MAX, F_GETFL },
	{ __NR_statx, 2, AT_EMPTY_PATH, AT_EMPTY_PATH },
	{ __NR_prctl, 0, UINT32_MAX, PR_SET_PDEATHSIG },
};

/*
 * The kernel tries out every number there is, when it is given a filter: one
 * after the other to compare with would take a disk 0.2 ms more to be ready.
 */
#define NUMBERS 512
#define BLOCK 64

struct program {
	unsigned short length;
	struct sock_filter code[2 * ARRAY_SIZE(calls) + 6 * ARRAY_SIZE(conditions) + 2 * NUMBERS / BLOCK + 5];
};

static void add(struct program *program, uint16_t code, uint8_t yes, uint8_t no, uint32_t value)
{
	program->code[program->length++] = (struct sock_filter){ code, yes, no, value };
}

static void add_load(struct program *program, size_t offset)
{
	add(program, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset);
}

static void allow_if(struct program *program, uint32_t value)
{
	add(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, value);
	add(program, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW);
}

static void kill_rest(struct program *program)
{
	add(program, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_KILL_PROCESS);
}

static void add_condition(struct program *program, size_t i)
{
	add(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 5, conditions[i].number);
	add_load(program, offsetof(struct seccomp_data, args) + 8U * conditions[i].argument + LOW_HALF);
	add(program, BPF_ALU | BPF_AND | BPF_K, 0, 0, conditions[i].mask);
	allow_if(program, conditions[i].value);
	kill_rest(program);
}

static void add_call(struct program *program, uint16_t number)
{
	for (size_t i = 0; i < ARRAY_SIZE(conditions); i++)
		if (conditions[i].number == number) {
			add_condition(program, i);
			return;
		}
	allow_if(program, number);
}

/* Whoever has another number passes by. */
static void add_block(struct program *program, unsigned int first, unsigned int groups)
{
	unsigned short pass = program->length;

	add(program, BPF_JMP | BPF_JGE | BPF_K, 0, 0, first + BLOCK);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (calls[i].groups & groups && calls[i].number >= first && calls[i].number < first + BLOCK)
			add_call(program, calls[i].number);
	kill_rest(program);
	program->code[pass].jt = (uint8_t)(program->length - pass - 1);
}

/* What everybody may, what this applet may, and what they may while the disk is being opened: "opening", "openmem". */
static unsigned int groups_of(const char *applet, bool opening)
{
	unsigned int groups = 0;

	for (size_t i = 0; i < ARRAY_SIZE(call_groups); i++) {
		const char *name = call_groups[i];
		size_t open = strncmp(name, "open", 4) ? 0 : 4;

		if (open && !opening)
			continue;
		if (!strcmp(name, "opening") || !strcmp(name, "serving") || !strcmp(name + open, applet))
			groups |= 1U << i;
	}
	return groups;
}

/*
 * What no thread has any use for kills all of them: with one thread less the
 * device would hang. The kernel looks up most numbers in a map it makes of
 * this, so that the length does not matter. #syscalls:opening seccomp
 */
static int filter(unsigned int groups)
{
	struct program program;
	struct sock_fprog wanted = { .filter = program.code };
	long result;

	if (!ARCHITECTURE)
		return -ENOSYS;
	program.length = 0;
	add_load(&program, offsetof(struct seccomp_data, arch));
	add(&program, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, ARCHITECTURE);
	kill_rest(&program);
	add_load(&program, offsetof(struct seccomp_data, nr));
	for (unsigned int first = 0; first < NUMBERS; first += BLOCK)
		add_block(&program, first, groups);
	kill_rest(&program);
	wanted.len = program.length;
	result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &wanted);
	return result < 0 ? -errno : result ? -ESRCH : 0;
}

/* Nor is there a number for another descriptor. #syscalls:opening prlimit64 */
int sandbox_process(struct sandbox *sandbox, enum sandbox_stage stage)
{
	static const uint64_t none[2] = { 0, 0 };
	int err;

	if (!sandbox->on)
		return 0;
	if (stage == SANDBOX_SERVING && syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, none, NULL) < 0)
		return -errno;
	err = sandbox->lacks & SANDBOX_SECCOMP ? 0 : filter(groups_of(sandbox->applet, stage == SANDBOX_OPENING));
	if (err)
		sandbox_without(sandbox, SANDBOX_SECCOMP, err);
	return 0;
}
