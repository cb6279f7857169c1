/* SPDX-License-Identifier: MIT */
/* sandbox.c - giving up rights, for good */
#include <errno.h>
#include <linux/capability.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/sandbox.h"

int sandbox_early(void)
{
	static const uint64_t none[2] = { 0, 0 };	/* soft and hard */

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	/* A dump or a debugger would show what the disk holds. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
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
	return 0;
}

int sandbox_thread(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	/*
	 * Needs CAP_SETPCAP, so it comes first; who lacks that cannot regain
	 * anything either. The first number that is no capability ends it.
	 */
	for (unsigned long cap = 0; prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0; cap++)
		;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		return -errno;
	if (syscall(SYS_capset, &header, none) < 0)
		return -errno;
	return 0;
}
