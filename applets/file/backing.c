/* SPDX-License-Identifier: MIT */
/* backing.c - what is behind the disk */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "applets/file/backing.h"
#include "core/file.h"
#include "core/log.h"
#include "core/proc.h"
#include "core/text.h"
#include "core/util.h"

#define SECTOR 512
#define SECTOR_MAX 4096
#define PHYSICAL_MAX (1U << 20)
#define OPTIMAL_MAX (1U << 30)
#define UDEV_MS 3000			/* it looks at a device in much less */
#define BEYOND (1ULL << 40)		/* past the end of a file, where nothing is changed */

/* As much of statx() as is needed here: the C library's may be older than STATX_DIOALIGN (Linux 6.1). */
#define STATX_DIOALIGN_MASK 0x2000U
struct statx_head {
	uint32_t mask, blksize;
	uint8_t between[144];
	uint32_t dio_mem_align, dio_offset_align;
	uint8_t rest[96];
};
static_assert(sizeof(struct statx_head) == 256, "struct statx");
static_assert(offsetof(struct statx_head, dio_mem_align) == 152, "struct statx");

/* --- opening it ------------------------------------------------------------------ */

/*
 * O_NONBLOCK: a pipe, which we refuse, would keep us waiting. O_EXCL: a device
 * that is mounted, or part of another, is not to be written to behind its back;
 * for a file that is there it means nothing.
 */
static int open_path(const struct backing_plan *plan, bool *read_only)
{
	int flags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK, fd;

	if (plan->create)
		return RETRY(open(plan->path, flags | O_RDWR | O_CREAT | O_EXCL, 0600));
	fd = RETRY(open(plan->path, flags | (*read_only ? O_RDONLY : O_RDWR | (plan->share ? 0 : O_EXCL))));
	if (fd >= 0 || *read_only || (errno != EACCES && errno != EROFS && errno != EPERM))
		return fd;
	fd = RETRY(open(plan->path, flags | O_RDONLY));
	if (fd < 0)
		return fd;
	note("%s cannot be written, so the disk is read-only", plan->path);
	*read_only = true;
	return fd;
}

/*
 * Opened anew, or what we set on it would be set for whoever handed it to us,
 * and our lock would be theirs. Without /proc, or when only the descriptor
 * allows what it does, it is shared after all.
 */
static int open_again(const struct backing_plan *plan, bool read_only)
{
	char self[32];
	int fd;

	text_format(self, sizeof(self), "/proc/self/fd/%d", plan->from_fd);
	fd = RETRY(open(self, O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (read_only ? O_RDONLY : O_RDWR | (plan->share ? 0 : O_EXCL))));
	return fd >= 0 || errno == EBUSY ? fd : RETRY(fcntl(plan->from_fd, F_DUPFD_CLOEXEC, 3));
}

static int explain_busy(const char *path)
{
	fail_plain(-EBUSY, "%s is in use: it is mounted, or part of another device", path);
	remedy("unmount it first, or serve it --read-only");
	return -EBUSY;
}

static int open_descriptor(struct backing *b, const struct backing_plan *plan)
{
	int flags = fcntl(plan->from_fd, F_GETFL);

	if (flags < 0)
		return fail(-errno, "use %s", plan->path);
	if ((flags & O_ACCMODE) == O_WRONLY)
		return fail_plain(-EBADF, "%s is open for writing only", plan->path);
	b->read_only |= (flags & O_ACCMODE) == O_RDONLY;
	b->fd = open_again(plan, b->read_only);
	if (b->fd < 0)
		return errno == EBUSY ? explain_busy(plan->path) : fail(-errno, "use %s", plan->path);
	return 0;
}

static int open_file(struct backing *b, const struct backing_plan *plan)
{

	if (plan->from_fd >= 0)
		return open_descriptor(b, plan);
	b->fd = open_path(plan, &b->read_only);
	if (b->fd < 0 && errno == EEXIST)
		return fail_plain(-EEXIST, "%s exists already, and --create makes a new file", plan->path);
	if (b->fd < 0)
		return errno == EBUSY ? explain_busy(plan->path) : fail(-errno, "open %s", plan->path);
	b->created = plan->create;
	return 0;
}

static int check_kind(struct backing *b, const struct backing_plan *plan)
{
	struct stat stat;
	int read_only = 0;

	if (fstat(b->fd, &stat) < 0)
		return fail(-errno, "look at %s", plan->path);
	if (S_ISDIR(stat.st_mode))
		return fail(-EISDIR, "serve %s", plan->path);
	b->device = S_ISBLK(stat.st_mode);
	if (!b->device && !S_ISREG(stat.st_mode))
		return fail_plain(-EINVAL, "%s is neither a file nor a block device", plan->path);
	if (b->device && ioctl(b->fd, BLKROGET, &read_only) == 0 && read_only && !b->read_only) {
		note("%s is a read-only device, and so is the disk", plan->path);
		b->read_only = true;
	}
	fcntl(b->fd, F_SETFL, fcntl(b->fd, F_GETFL) & ~O_NONBLOCK);	/* io_uring would never wait for it */
	return 0;
}

/*
 * Only readers hold it, and udev is one of them while it looks at a device that
 * has just appeared or was written to. A child waits for their end, because a
 * call of flock() has no time limit; the lock that it gets is ours as well.
 */
static bool lock_after_udev(int fd)
{
	struct pollfd ended = { .events = POLLIN };
	int status = 0;
	pid_t pid = fork();

	if (!pid)
		_exit(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || RETRY(flock(fd, LOCK_EX)) < 0);
	if (pid < 0)
		return false;
	ended.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (ended.fd >= 0 && RETRY(poll(&ended, 1, UDEV_MS)) == 0)
		info("the lock of another process has not gone within %d ms", UDEV_MS);
	kill(pid, SIGKILL);
	if (RETRY(waitpid(pid, &status, 0)) < 0)
		status = -1;
	if (ended.fd >= 0)
		close(ended.fd);
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

/* One may write, or many may read. The lock goes with the last descriptor, which is the server's. */
static int lock(const struct backing *b, const struct backing_plan *plan)
{
	if (plan->share || RETRY(flock(b->fd, LOCK_NB | (b->read_only ? LOCK_SH : LOCK_EX))) == 0)
		return 0;
	if (errno != EWOULDBLOCK)	/* some network file systems cannot */
		return 0;
	if (b->device && !b->read_only && RETRY(flock(b->fd, LOCK_NB | LOCK_SH)) == 0 && lock_after_udev(b->fd))
		return 0;
	fail_plain(-EBUSY, "%s is in use: another process holds a lock on it", plan->path);
	remedy(b->read_only ? "whoever writes to it must end first; --share serves it all the same"
			    : "'ublk-ctl list' shows what is served; --share serves it all the same, --read-only together "
			      "with other readers");
	return -EBUSY;
}

static int create(const struct backing *b, const struct backing_plan *plan)
{
	if (!plan->create || RETRY(ftruncate(b->fd, (off_t)plan->create)) == 0)
		return 0;
	return fail(-errno, "make %s %" PRIu64 " bytes long", plan->path, plan->create);
}

/* --- what it is like ---------------------------------------------------------------- */

/* Of a disk that grows it is asked again. #syscalls ioctl fstat */
static uint64_t whole_size(const struct backing *b)
{
	struct stat stat;
	uint64_t size = 0;

	if (b->device)
		return ioctl(b->fd, BLKGETSIZE64, &size) < 0 ? 0 : size;
	return fstat(b->fd, &stat) < 0 ? 0 : (uint64_t)stat.st_size;
}

uint64_t backing_size(const struct backing *b)
{
	uint64_t size = whole_size(b);

	size = size > b->offset ? size - b->offset : 0;
	return b->limit && b->limit < size ? b->limit : size;
}

/* Something of the queue of the device, or of the one below the file system. 0 if that is not known. */
static uint64_t queue_limit(const struct backing *b, const char *name)
{
	static const char *const places[] = { "queue", "../queue" };	/* of a disk, of a partition */
	struct stat stat;
	char path[96];
	uint64_t value;
	dev_t device;

	if (fstat(b->fd, &stat) < 0)
		return 0;
	device = b->device ? stat.st_rdev : stat.st_dev;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		text_format(path, sizeof(path), "/sys/dev/block/%u:%u/%s/%s", major(device), minor(device), places[i], name);
		if (proc_read_u64(path, &value) == 0)
			return value;
	}
	return 0;
}

/* A size that the kernel takes, or 0. */
static uint32_t sane(uint64_t size, uint32_t most)
{
	return size >= SECTOR && size <= most && is_power_of_two(size) ? (uint32_t)size : 0;
}

static uint32_t sector_of(const struct backing *b)
{
	return b->sector_size ? b->sector_size : SECTOR;
}

static void describe_device(struct backing *b)
{
	int sector = 0;
	unsigned int physical = 0, optimal = 0;

	if (ioctl(b->fd, BLKSSZGET, &sector) == 0)
		b->sector_size = sane((uint64_t)sector, SECTOR_MAX);
	if (ioctl(b->fd, BLKPBSZGET, &physical) == 0)
		b->physical_size = sane(physical, PHYSICAL_MAX);
	if (ioctl(b->fd, BLKIOOPT, &optimal) == 0)
		b->optimal_size = sane(optimal, OPTIMAL_MAX);
	/* The first is what a hole in a device is; who has only the second is told to discard another way. */
	if (!b->read_only && (queue_limit(b, "write_zeroes_max_bytes") || queue_limit(b, "discard_max_bytes")))
		b->discard_size = (uint32_t)max_u64(sane(queue_limit(b, "discard_granularity"), PHYSICAL_MAX), SECTOR);
}

static void describe_file(struct backing *b)
{
	struct stat stat;

	b->in_memory = file_in_memory(b->fd);
	if (fstat(b->fd, &stat) < 0)
		return;
	b->physical_size = sane((uint64_t)stat.st_blksize, PHYSICAL_MAX);
	if (!b->read_only && RETRY(fallocate(b->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					     (off_t)max_u64(round_up((uint64_t)stat.st_size, PHYSICAL_MAX), BEYOND), SECTOR_MAX)) == 0)
		b->discard_size = b->physical_size ? b->physical_size : SECTOR_MAX;
}

/* --- direct I/O: what is written goes past the page cache ---------------------------------- */

/* What offsets must be a multiple of, and sets what memory must be. 0: it cannot be done. */
static uint32_t direct_align(struct backing *b)
{
	struct statx_head stx = { 0 };

	if (syscall(SYS_statx, b->fd, "", AT_EMPTY_PATH, STATX_DIOALIGN_MASK, &stx) < 0 || !(stx.mask & STATX_DIOALIGN_MASK))
		return (uint32_t)max_u64(sector_of(b), sane(queue_limit(b, "logical_block_size"), SECTOR_MAX));	/* it does not tell */
	b->dma_size = stx.dio_mem_align;
	return stx.dio_offset_align;
}

/* Why it cannot be on, or NULL. */
static const char *set_direct(struct backing *b, const struct backing_plan *plan)
{
	uint32_t align = direct_align(b);
	uint32_t sector = plan->sector_size ? plan->sector_size : sector_of(b);

	if (!align || align > SECTOR_MAX)
		return "the file system cannot do it";
	if (plan->direct == DIRECT_ON && !plan->sector_size)	/* it is worth larger sectors */
		sector = (uint32_t)max_u64(sector, align);
	if (sector < align)
		return "it needs larger sectors (--sector-size)";
	if (b->offset % align)
		return "--offset is not aligned";
	if (fcntl(b->fd, F_SETFL, fcntl(b->fd, F_GETFL) | O_DIRECT) < 0)
		return "the file system cannot do it";
	b->direct = true;
	b->sector_size = sector;
	return NULL;
}

static int choose_direct(struct backing *b, const struct backing_plan *plan)
{
	const char *why;

	b->dma_size = 0;
	if (plan->direct == DIRECT_OFF || (plan->direct == DIRECT_AUTO && b->in_memory))
		return 0;
	why = set_direct(b, plan);
	if (why && plan->direct == DIRECT_ON)
		return fail_plain(-EINVAL, "--direct-io=on: %s: %s", plan->path, why);
	b->fallback = why;
	if (why)
		info("no direct I/O: %s", why);
	return 0;
}

/* --- how large it is ---------------------------------------------------------------------------- */

static int measure(struct backing *b, const struct backing_plan *plan)
{
	uint64_t size = whole_size(b), sector = plan->sector_size ? plan->sector_size : sector_of(b), odd;

	if (b->offset >= size && size)
		return fail_plain(-EINVAL, "--offset %" PRIu64 ": %s ends at %" PRIu64, b->offset, plan->path, size);
	b->size = backing_size(b);
	odd = b->size % sector;
	b->size -= odd;
	if (!size)
		return fail_plain(-EINVAL, "%s is empty", plan->path);	/* nor is there a sector in it */
	if (!b->size)
		return fail_plain(-EINVAL, "%s has no whole sector of %" PRIu64 " bytes", plan->path, sector);
	if (odd)
		note("%s%s is no multiple of %" PRIu64 " bytes: its last %" PRIu64 " are left out",
		     plan->offset || plan->limit ? "what is asked for of " : "", plan->path, sector, odd);
	return 0;
}

int backing_open(struct backing *b, const struct backing_plan *plan)
{
	int err;

	*b = (struct backing){ .fd = -1, .read_only = plan->read_only, .offset = plan->offset, .limit = plan->limit };
	err = open_file(b, plan);
	if (!err)
		err = check_kind(b, plan);
	if (!err)
		err = lock(b, plan);
	if (!err)
		err = create(b, plan);
	if (err)
		return err;
	if (b->device)
		describe_device(b);
	else
		describe_file(b);
	b->rotational = queue_limit(b, "rotational");
	err = choose_direct(b, plan);
	return err ? err : measure(b, plan);
}

void backing_close(struct backing *b)
{
	if (b->fd >= 0)
		close(b->fd);
	b->fd = -1;
}
