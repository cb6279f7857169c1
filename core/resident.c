/* SPDX-License-Identifier: MIT */
/* resident.c - the OOM killer's score, and locked memory */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/log.h"
#include "core/proc.h"
#include "core/resident.h"
#include "core/size.h"
#include "core/util.h"

#define MADV_POPULATE_READ_ANY 22	/* MADV_POPULATE_READ, Linux 5.14 */
#define MADV_DONTNEED_ANY 24	/* MADV_DONTNEED_LOCKED, Linux 5.18: MADV_DONTNEED refuses what is locked */

bool resident_score_is_valid(const char *score)
{
	const char *digits = score + (*score == '-');
	size_t length = strspn(digits, "0123456789");

	return length && !digits[length] && (length < 4 || !strcmp(digits, "1000"));
}

int resident_set(const char *score)
{
	return proc_write("/proc/self/oom_score_adj", score);
}

int resident_score(const char *score)
{
	int err = resident_set(score);

	if (!err)
		return 0;
	fail(err, "set --oom-score-adj=%s", score);
	if (err == -EACCES)
		remedy("to be spared more than now takes CAP_SYS_RESOURCE");
	return err;
}

/* Now, as the next page of it may lie where it takes its own disk to read it. Older kernels load it as it runs. */
static void load_program(void)
{
	extern char __executable_start[], end[];	/* the linker's */
	uintptr_t start = (uintptr_t)__executable_start & -page_size();

	if (madvise((void *)start, (uintptr_t)end - start, MADV_POPULATE_READ_ANY) < 0)
		info("the program is loaded as it runs: %s", strerror(errno));
}

/*
 * What is mapped counts against RLIMIT_MEMLOCK, touched or not, and the worker
 * maps the disk when it has no rights any more: so there must be no limit.
 * MCL_ONFAULT, or all of the disk would be populated.
 */
int resident_lock(void)
{
	static const uint64_t none[2] = { UINT64_MAX, UINT64_MAX };	/* soft and hard */
	uint64_t limit[2] = { 0 };
	char text[SIZE_TEXT_MAX];
	int err;

	/* The call itself: libc's setrlimit() prepares for what we do not do. */
	if (syscall(SYS_prlimit64, 0, RLIMIT_MEMLOCK, none, NULL) < 0)
		info("the limit of locked memory stays as it is: %s", strerror(errno));
	if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0) {
		load_program();
		return 0;
	}
	err = -errno;
	fail(err, "lock memory, as --mlock says");
	if (syscall(SYS_prlimit64, 0, RLIMIT_MEMLOCK, NULL, limit) == 0)
		remedy("raise RLIMIT_MEMLOCK (ulimit -l, now %s)", size_text(limit[0], text));
	return err;
}

/* MADV_REMOVE refuses what is locked, and nothing else does its work. #syscalls madvise munlock mlock2 */
int resident_drop(void *at, size_t length, bool shared)
{
	int result;

	if (!shared)
		return madvise(at, length, MADV_DONTNEED_ANY);
	result = madvise(at, length, MADV_REMOVE);
	if (result == 0 || errno != EINVAL || munlock(at, length) < 0)
		return result;
	result = madvise(at, length, MADV_REMOVE);
	if (mlock2(at, length, MLOCK_ONFAULT) < 0)
		warn("memory that was given back is not locked any more: %s", strerror(errno));
	return result;
}
