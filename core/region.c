/* SPDX-License-Identifier: MIT */
/* region.c - memory shared with the users of a disk */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "core/log.h"
#include "core/region.h"
#include "core/uapi.h"
#include "core/util.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23	/* Linux 5.14 */
#endif

/* --- the file ------------------------------------------------------------------- */

static int check(int fd, const char *path, uint64_t *size)
{
	struct stat stat;
	struct statfs fs;

	if (fstat(fd, &stat) < 0 || fstatfs(fd, &fs) < 0)
		return fail(-errno, "look at %s", path);
	if (!S_ISREG(stat.st_mode) || (fs.f_type != TMPFS_MAGIC && fs.f_type != HUGETLBFS_MAGIC))
		return fail_plain(-EINVAL, "--shared-memory: %s is no memory: it takes a file on tmpfs or hugetlbfs, such as /dev/shm/NAME, or a memfd", path);
	*size = (uint64_t)stat.st_size;
	if (!*size || *size % page_size() || *size > UBLK_SHMEM_MAX)
		return fail_plain(-EINVAL, "--shared-memory: %s has %" PRIu64 " bytes; it must be whole pages, up to 4 GiB", path, *size);
	return 0;
}

int region_resume(struct region *region, const char *path)
{
	int err = check(region->fd, path, &region->size);
	void *at;

	if (err)
		return err;
	at = mmap(NULL, region->size, PROT_READ | PROT_WRITE, MAP_SHARED, region->fd, 0);
	if (at == MAP_FAILED)
		return fail(-errno, "map %s", path);
	region->at = at;
	return 0;
}

int region_open(struct region *region, const char *path)
{
	*region = (struct region){ .fd = RETRY(open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)) };
	return region->fd < 0 ? fail(-errno, "open %s", path) : region_resume(region, path);
}

int region_fill(const struct region *region, const char *path)
{
	if (madvise(region->at, region->size, MADV_POPULATE_WRITE) == 0)
		return 0;
	if (errno != ENOMEM && errno != EFAULT)
		return fail(-errno, "fill the memory of %s", path);
	return fail_plain(-ENOMEM, "--shared-memory: there is no memory for all of %s", path);
}

void region_close(struct region *region)
{
	if (region->at)
		munmap(region->at, region->size);
	if (region->fd >= 0)
		close(region->fd);
	*region = (struct region){ .fd = -1 };
}

/* --- what may be gone ------------------------------------------------------------- */

static _Thread_local sigjmp_buf *volatile resume;	/* where to go on when it is */

/* #syscalls rt_sigaction rt_sigreturn */
static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	(void)context;
	if (info->si_code <= 0)		/* a process sent it */
		return;
	if (resume)
		siglongjmp(*resume, 1);
	signal(sig, SIG_DFL);		/* a bug of ours: happens again, and ends us */
}

int region_guard(void)
{
	/* SA_NODEFER: what jumps out of it need not give the mask back, so that none has to be kept for each copy. */
	struct sigaction action = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO | SA_NODEFER };
	sigset_t bus;

	sigemptyset(&action.sa_mask);
	sigemptyset(&bus);
	sigaddset(&bus, SIGBUS);
	if (sigaction(SIGBUS, &action, NULL) < 0 || sigprocmask(SIG_UNBLOCK, &bus, NULL) < 0)
		return -errno;
	return 0;
}

int region_copy(char *to, const char *from, size_t length)
{
	sigjmp_buf here;

	if (sigsetjmp(here, 0)) {
		resume = NULL;
		return -EFAULT;
	}
	resume = &here;
	atomic_signal_fence(memory_order_seq_cst);
	memcpy(to, from, length);
	atomic_signal_fence(memory_order_seq_cst);
	resume = NULL;
	return 0;
}
