/* SPDX-License-Identifier: MIT */
/*
 * test_file.c - what ublk-file makes of files and devices, and where it says that bytes are
 *
 * Files are real ones. A block device is a file that says so, and knows what the test has it know; what sysfs tells
 * of it stands in a tree of the test's own. (tests/unit/calls.h)
 */
#include "applets/file/file.c"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "core/stats.h"
#include "tests/check.h"
#include "tests/unit/calls.h"
#include "tests/unit/said.h"

static char root[] = "/tmp/ublk-file-XXXXXX", image[64], dev[64];

/* --- what descriptors say of themselves ------------------------------------------------------- */

static struct {
	bool is_device, read_only, mute;	/* the last: it answers no question */
	uint64_t size;
	int sector;
	unsigned int physical, optimal;
	bool refuses_direct, told_direct, refuses_copies, refuses_locks;
	uint32_t memory_align, offset_align;	/* for direct I/O */
} device;

int fstat(int fd, struct stat *st)
{
	int result = fstatat(fd, "", st, AT_EMPTY_PATH);

	if (device.is_device)
		st->st_mode = S_IFBLK | 0600;
	if (device.is_device)
		st->st_rdev = makedev(7, 300);
	st->st_dev = makedev(8, 100);
	return result;
}

#ifdef __GLIBC__
int ioctl(int fd, unsigned long request, ...)
#else
int ioctl(int fd, int request, ...)
#endif
{
	va_list args;
	void *to;

	(void)fd;
	va_start(args, request);
	to = va_arg(args, void *);
	va_end(args);
	errno = ENOTTY;
	if (!device.is_device || device.mute)
		return -1;
	switch ((unsigned long)(unsigned int)request) {
	case BLKROGET:
		*(int *)to = device.read_only;
		return 0;
	case BLKGETSIZE64:
		*(uint64_t *)to = device.size;
		return 0;
	case BLKSSZGET:
		*(int *)to = device.sector;
		return 0;
	case BLKPBSZGET:
		*(unsigned int *)to = device.physical;
		return 0;
	case BLKIOOPT:
		*(unsigned int *)to = device.optimal;
		return 0;
	}
	return -1;
}

/* O_DIRECT is not asked of the file system that the test runs on. */
int fcntl(int fd, int command, ...)
{
	va_list args;
	long arg;

	va_start(args, command);
	arg = va_arg(args, long);
	va_end(args);
	errno = EINVAL;
	if ((command == F_SETFL && arg & O_DIRECT && device.refuses_direct) || (command == F_DUPFD_CLOEXEC && device.refuses_copies))
		return -1;
	device.told_direct |= command == F_SETFL && arg & O_DIRECT;
	return (int)syscall(SYS_fcntl, fd, command, command == F_SETFL ? arg & ~(long)O_DIRECT : arg);
}

int flock(int fd, int how)
{
	errno = ENOLCK;
	return device.refuses_locks ? -1 : (int)syscall(SYS_flock, fd, how);
}

/* --- files -------------------------------------------------------------------------------------- */

static int make_image(uint64_t size)
{
	int fd = open(image, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK_EQ(ftruncate(fd, (off_t)size), 0);
	return fd;
}

static void set_up(uint64_t size)
{
	calls_clear();
	close(make_image(size));
	memset(&device, 0, sizeof(device));
	calls_fail(NULL, 0, 0);
	calls_says_of_direct(0, 0);
	calls_hurry(false);
	said_nothing();
}

/* A block device of 1 MiB. */
static void set_up_device(void)
{
	set_up(1 << 20);
	device.is_device = true;
	device.size = 1 << 20;
	device.sector = 512;
}

static struct backing b;

/* As usual, but for what @plan says. */
static int try_with(struct backing_plan plan)
{
	int err;

	said_nothing();
	if (!plan.path)
		plan.path = image;
	if (!plan.from_fd)
		plan.from_fd = -1;
	err = backing_open(&b, &plan);
	CHECK_EQ(err == 0 || b.fd < 0 || fcntl(b.fd, F_GETFD) >= 0, true);
	backing_close(&b);
	backing_close(&b);			/* once more does no harm */
	return err;
}

#define TRY(...) try_with((struct backing_plan){ __VA_ARGS__ })

/* --- opening ---------------------------------------------------------------------------------------- */

static void a_file_is_opened(void)
{
	set_up(1 << 20);
	CHECK_EQ(TRY(.direct = DIRECT_OFF), 0);
	CHECK(b.size == 1 << 20 && !b.device && !b.read_only && !b.direct && !b.created && !b.fallback);
	CHECK_EQ(b.physical_size, 4096);
	CHECK_EQ(TRY(.read_only = true, .offset = 4096, .limit = 8192), 0);
	CHECK(b.size == 8192 && b.read_only && !b.discard_size);
	CHECK_EQ(TRY(.offset = 4096, .limit = 2 << 20), 0);
	CHECK_EQ(b.size, (1 << 20) - 4096);
	calls_fail("open", 1, EROFS);
	CHECK_EQ(TRY(.direct = DIRECT_OFF), 0);
	CHECK(b.read_only && said("cannot be written, so the disk is read-only"));
	calls_fail("open", 1, EIO);
	CHECK_EQ(TRY(.direct = DIRECT_OFF), -EIO);
	calls_fail("open", 1, EBUSY);
	CHECK_EQ(TRY(.direct = DIRECT_OFF), -EBUSY);
	CHECK(said("it is mounted, or part of another device") && said("serve it --read-only"));
	calls_fail("open", 1, EACCES);
	CHECK_EQ(TRY(.path = "/nonexistent/image"), -ENOENT);	/* nor can it be read */
	calls_fail("open", 1, EPERM);
	CHECK_EQ(TRY(.direct = DIRECT_OFF), 0);
	CHECK(b.read_only);
	calls_fail("open", 1, EACCES);
	CHECK_EQ(TRY(.read_only = true), -EACCES);
	calls_fail("fstat", 1, EIO);
	CHECK_EQ(TRY(.read_only = true), -EIO);
	CHECK(said("look at "));
	CHECK_EQ(TRY(.path = root, .read_only = true), -EISDIR);
	CHECK_EQ(TRY(.path = "/dev/null"), -EINVAL);
	CHECK(said("neither a file nor a block device"));
}

static void a_file_is_made(void)
{
	struct stat st;

	set_up(0);
	CHECK_EQ(TRY(.create = 1 << 20), -EEXIST);
	CHECK(said("exists already, and --create makes a new file"));
	CHECK_EQ(unlink(image), 0);
	CHECK_EQ(TRY(.create = 3 << 20), 0);
	CHECK(b.created && b.size == 3 << 20);
	CHECK_EQ(stat(image, &st), 0);
	CHECK_EQ(st.st_size, 3 << 20);
	CHECK_EQ(unlink(image), 0);
	calls_fail("ftruncate", 1, EFBIG);
	CHECK_EQ(TRY(.create = 3 << 20), -EFBIG);
	CHECK(said(" 3145728 bytes long") && b.created);
}

static void a_descriptor_does(void)
{
	int fd;

	set_up(1 << 20);
	fd = open(image, O_RDWR | O_CLOEXEC);
	CHECK_EQ(TRY(.from_fd = fd), 0);
	CHECK(!b.read_only);
	CHECK_EQ(TRY(.from_fd = fd, .share = true), 0);
	calls_fail("open", 1, ENOENT);			/* no /proc: the same after all */
	CHECK_EQ(TRY(.from_fd = fd), 0);
	calls_fail("open", 1, EBUSY);
	CHECK_EQ(TRY(.from_fd = fd), -EBUSY);
	device.refuses_copies = true;
	calls_fail("open", 1, ENOENT);
	CHECK_EQ(TRY(.from_fd = fd), -EINVAL);
	close(fd);
	CHECK_EQ(TRY(.from_fd = fd, .path = "descriptor 9"), -EBADF);
	CHECK(said("use descriptor 9"));
	fd = open(image, O_RDONLY | O_CLOEXEC);
	CHECK_EQ(TRY(.from_fd = fd), 0);
	CHECK(b.read_only);
	close(fd);
	fd = open(image, O_WRONLY | O_CLOEXEC);
	CHECK_EQ(TRY(.from_fd = fd), -EBADF);
	CHECK(said("is open for writing only"));
	close(fd);
}

/* --- how large ----------------------------------------------------------------------------------------- */

static void sizes_make_sense(void)
{
	set_up(0);
	CHECK_EQ(TRY(.offset = 0), -EINVAL);
	CHECK(said("is empty"));
	CHECK_EQ(TRY(.offset = 4096), -EINVAL);
	set_up(511);
	CHECK_EQ(TRY(.direct = DIRECT_OFF), -EINVAL);
	CHECK(said("has no whole sector of 512 bytes"));
	set_up(10000);
	CHECK_EQ(TRY(.direct = DIRECT_OFF), 0);
	CHECK(b.size == 19 * 512 && said("its last 272 are left out") && !said("what is asked for"));
	CHECK_EQ(TRY(.direct = DIRECT_OFF, .offset = 1), 0);
	CHECK(said("what is asked for of "));
	CHECK_EQ(TRY(.direct = DIRECT_OFF, .limit = 5000), 0);
	CHECK(b.size == 9 * 512 && said("what is asked for of "));
	CHECK_EQ(TRY(.direct = DIRECT_OFF, .sector_size = 4096), 0);
	CHECK(b.size == 8192 && said("no multiple of 4096 bytes"));
	CHECK_EQ(TRY(.offset = 10000), -EINVAL);
	CHECK(said("--offset 10000: ") && said(" ends at 10000"));
}

static void it_may_grow_and_shrink(void)
{
	set_up(1 << 20);
	CHECK_EQ(backing_open(&b, &(struct backing_plan){ .path = image, .from_fd = -1, .offset = 4096, .limit = 1 << 20 }), 0);
	CHECK_EQ(backing_size(&b), (1 << 20) - 4096);
	CHECK_EQ(truncate(image, 2 << 20), 0);
	CHECK_EQ(backing_size(&b), 1 << 20);
	CHECK_EQ(truncate(image, 4096), 0);
	CHECK_EQ(backing_size(&b), 0);
	calls_fail("fstat", 1, EIO);
	CHECK_EQ(backing_size(&b), 0);
	backing_close(&b);
}

/* --- devices --------------------------------------------------------------------------------------------- */

#define QUEUE "/sys/dev/block/7:300/queue/"

static void a_device_tells(void)
{
	set_up_device();
	device.physical = 4096;
	device.optimal = 1 << 20;
	calls_put(QUEUE "discard_max_bytes", "1048576\n");
	calls_put(QUEUE "discard_granularity", "65536\n");
	calls_put(QUEUE "rotational", "1\n");
	CHECK_EQ(TRY(.direct = DIRECT_OFF), 0);
	CHECK(b.device && b.sector_size == 512 && b.physical_size == 4096 && b.optimal_size == 1 << 20);
	CHECK(b.discard_size == 65536 && b.rotational && !b.read_only);
	calls_put(QUEUE "discard_max_bytes", "0\n");
	CHECK_EQ(TRY(.direct = DIRECT_OFF), 0);
	CHECK(!b.discard_size);
	calls_put(QUEUE "write_zeroes_max_bytes", "1048576\n");
	calls_put(QUEUE "discard_granularity", "0\n");
	CHECK_EQ(TRY(.direct = DIRECT_OFF), 0);
	CHECK_EQ(b.discard_size, 512);
	CHECK_EQ(TRY(.direct = DIRECT_OFF, .read_only = true), 0);
	CHECK(!b.discard_size && b.read_only);
	device.read_only = true;
	CHECK_EQ(TRY(.direct = DIRECT_OFF), 0);
	CHECK(b.read_only && said("is a read-only device, and so is the disk"));
	CHECK_EQ(TRY(.direct = DIRECT_OFF, .read_only = true), 0);
	CHECK(!said("read-only device"));
}

/* What makes no sense is not passed on. */
static void a_device_may_tell_nonsense(void)
{
	set_up_device();
	device.sector = 513;
	device.physical = 100;
	device.optimal = 1U << 31;
	CHECK_EQ(TRY(.direct = DIRECT_OFF), 0);
	CHECK(!b.sector_size && !b.physical_size && !b.optimal_size && !b.discard_size && !b.rotational);
	device.mute = true;
	CHECK_EQ(TRY(.direct = DIRECT_OFF), -EINVAL);
	CHECK(said("is empty"));
}

/* A partition has the queue of its disk. */
static void a_partition_has_its_disk(void)
{
	set_up_device();
	calls_put("/sys/dev/block/7:300/partition", "1\n");
	calls_put("/sys/dev/block/queue/rotational", "1\n");
	CHECK_EQ(TRY(.direct = DIRECT_OFF), 0);
	CHECK(b.rotational);
	calls_fail("fstat", 2, EIO);		/* the first is for what it is */
	CHECK_EQ(TRY(.direct = DIRECT_OFF), -0);
	CHECK(calls_failed());
}

/* --- locks --------------------------------------------------------------------------------------------------- */

static void one_writes_or_many_read(void)
{
	int other;

	set_up(1 << 20);
	other = open(image, O_RDONLY | O_CLOEXEC);
	CHECK_EQ(flock(other, LOCK_SH | LOCK_NB), 0);
	CHECK_EQ(TRY(.offset = 0), -EBUSY);
	CHECK(said("another process holds a lock on it") && said("'ublk-ctl list' shows what is served"));
	CHECK_EQ(TRY(.read_only = true), 0);
	CHECK_EQ(TRY(.share = true), 0);
	CHECK_EQ(flock(other, LOCK_EX | LOCK_NB), 0);
	CHECK_EQ(TRY(.read_only = true), -EBUSY);
	CHECK(said("whoever writes to it must end first"));
	device.refuses_locks = true;		/* as some network file systems do */
	CHECK_EQ(TRY(.offset = 0), 0);
	close(other);
}

/* Somebody waits for the lock of @fd, says /proc/locks, which has those of the whole machine. */
static bool is_waited_for(int fd)
{
	char line[200], inode[30];
	bool found = false;
	FILE *locks = fopen("/proc/locks", "r");
	struct stat st;

	CHECK_EQ(fstat(fd, &st), 0);
	snprintf(inode, sizeof(inode), ":%llu ", (unsigned long long)st.st_ino);
	while (locks && fgets(line, sizeof(line), locks))
		found |= strstr(line, "-> FLOCK") && strstr(line, inode);
	if (locks)
		fclose(locks);
	return found;
}

/* It holds the lock as udev does, for as long as nobody wants it. */
static pid_t begin_udev(int fd)
{
	pid_t pid = fork();
	int left = 60000;

	if (pid)
		return pid;
	while (!is_waited_for(fd) && --left)
		poll(NULL, 0, 1);
	_exit(flock(fd, LOCK_UN) < 0 || !left);
}

static void udev_is_waited_for(void)
{
	static const struct { const char *call; int error; } failures[] = {
		{ "fork", EAGAIN }, { "syscall", ENOSYS }, { "waitpid", ECHILD },
	};
	int other, status;
	pid_t udev;

	set_up_device();
	other = open(image, O_RDONLY | O_CLOEXEC);
	CHECK_EQ(flock(other, LOCK_SH | LOCK_NB), 0);
	udev = begin_udev(other);
	CHECK_EQ(TRY(.direct = DIRECT_OFF), 0);
	CHECK_EQ(waitpid(udev, &status, 0), udev);
	CHECK_EQ(status, 0);
	CHECK_EQ(flock(other, LOCK_SH | LOCK_NB), 0);
	calls_hurry(true);			/* but not for ever */
	log_level = LOG_VERBOSE;
	CHECK_EQ(TRY(.direct = DIRECT_OFF), -EBUSY);
	CHECK(said("has not gone within 3000 ms"));
	log_level = LOG_NORMAL;
	CHECK_EQ(TRY(.direct = DIRECT_OFF, .read_only = true), 0);
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
		calls_fail(failures[i].call, 1, failures[i].error);
		CHECK_EQ(TRY(.direct = DIRECT_OFF), -EBUSY);
		CHECK(calls_failed());
		while (waitpid(-1, NULL, 0) > 0)
			;
	}
	calls_fail(NULL, 0, 0);
	CHECK_EQ(flock(other, LOCK_EX | LOCK_NB), 0);	/* not what udev does */
	CHECK_EQ(TRY(.direct = DIRECT_OFF), -EBUSY);
	close(other);
}

/* --- direct I/O -------------------------------------------------------------------------------------------------- */

static void direct_io_is_used_where_it_can_be(void)
{
	set_up(1 << 20);
	calls_says_of_direct(4, 512);
	CHECK_EQ(TRY(.direct = DIRECT_AUTO), 0);
	CHECK(b.direct && device.told_direct && b.dma_size == 4 && b.sector_size == 512 && !b.fallback);
	device.told_direct = false;
	CHECK_EQ(TRY(.direct = DIRECT_OFF), 0);
	CHECK(!b.direct && !device.told_direct && !b.dma_size && !b.fallback);
	calls_says_of_direct(512, 4096);	/* which auto does not have larger sectors for */
	log_level = LOG_VERBOSE;
	CHECK_EQ(TRY(.direct = DIRECT_AUTO), 0);
	CHECK(!b.direct && b.fallback && said("no direct I/O: it needs larger sectors (--sector-size)"));
	log_level = LOG_NORMAL;
	CHECK_EQ(TRY(.direct = DIRECT_AUTO, .sector_size = 4096), 0);
	CHECK(b.direct && b.sector_size == 4096);
	CHECK_EQ(TRY(.direct = DIRECT_ON), 0);
	CHECK(b.direct && b.sector_size == 4096);
	CHECK_EQ(TRY(.direct = DIRECT_ON, .sector_size = 512), -EINVAL);
	CHECK(said("--direct-io=on: ") && said("it needs larger sectors"));
	CHECK_EQ(TRY(.direct = DIRECT_ON, .offset = 512), -EINVAL);
	CHECK(said("--offset is not aligned"));
	calls_says_of_direct(512, 8192);
	CHECK_EQ(TRY(.direct = DIRECT_ON), -EINVAL);
	CHECK(said("the file system cannot do it"));
	calls_says_of_direct(4, 0);
	CHECK_EQ(TRY(.direct = DIRECT_ON), -EINVAL);
	calls_says_of_direct(4, 512);
	device.refuses_direct = true;
	CHECK_EQ(TRY(.direct = DIRECT_ON), -EINVAL);
	CHECK_EQ(TRY(.direct = DIRECT_AUTO), 0);
	CHECK(b.fallback && !b.direct);
}

/* Before Linux 6.1 only the device below tells. */
static void direct_io_may_have_to_be_guessed(void)
{
	set_up(1 << 20);
	calls_fail("syscall", 1, ENOSYS);
	calls_put("/sys/dev/block/8:100/queue/logical_block_size", "4096\n");
	CHECK_EQ(TRY(.direct = DIRECT_ON), 0);
	CHECK(b.direct && b.sector_size == 4096 && !b.dma_size);
	calls_says_of_direct(0, 0);		/* answered, but not that */
	calls_put("/sys/dev/block/8:100/queue/logical_block_size", "512\n");
	CHECK_EQ(TRY(.direct = DIRECT_ON), 0);
	CHECK_EQ(b.sector_size, 512);
}

static void in_memory_it_is_no_use(void)
{
	int fd = memfd_create("image", MFD_CLOEXEC);

	set_up(0);
	CHECK_EQ(ftruncate(fd, 1 << 20), 0);
	CHECK_EQ(TRY(.from_fd = fd), 0);
	CHECK(b.in_memory && !b.direct && !b.fallback && b.discard_size == 4096);
	close(fd);
}

/* --- the backend ----------------------------------------------------------------------------------------------------- */

static struct file f;
static struct disk disk;

static const struct file fresh = {
	.from_fd = FD_NONE, .create = CREATE_NOTHING, .backing = { .fd = -1 }, .budget = { .meminfo = -1 },
};
static const struct spec usual = { .sector_size = SECTOR_ANY };

static int prepare(const struct file *options, const struct spec *spec)
{
	said_nothing();
	f = *options;
	return file_prepare(&f, spec);
}

static void what_excludes_each_other(void)
{
	const struct spec reading = { .sector_size = SECTOR_ANY, .read_only = true };
	const struct spec recovering = { .sector_size = SECTOR_ANY, .recovery = RECOVERY_REISSUE };
	static const struct { struct file with; const char *words; } refused[] = {
		{ { .from_fd = FD_NONE, .create = CREATE_NOTHING }, "which file or block device?" },
		{ { .from_fd = 3, .path = "a", .create = CREATE_NOTHING }, "--fd and a path" },
		{ { .from_fd = FD_NONE, .path = "a", .create = CREATE_NOTHING, .share = true, .nooverlap = true }, "--nooverlap" },
		{ { .from_fd = FD_NONE, .path = "a", .create = 0 }, "a size that is not 0" },
		{ { .from_fd = FD_NONE, .path = "a", .create = 4096, .cow_limit = 1 }, "--create makes an empty file" },
		{ { .from_fd = 3, .create = 4096 }, "--create makes an empty file" },
		{ { .from_fd = FD_NONE, .path = "a", .create = 1ULL << 63 }, "at most 8E" },
		{ { .from_fd = FD_NONE, .path = "a", .create = CREATE_NOTHING, .offset = 1ULL << 63 }, "at most 8E" },
		{ { .from_fd = FD_NONE, .path = "a", .create = CREATE_NOTHING, .cache = CACHE_NONE, .direct = DIRECT_OFF },
		  "--cache=none and --direct-io=off" },
	};

	set_up(1 << 20);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		CHECK_EQ(prepare(&refused[i].with, &usual), -EUSAGE);
		CHECK(said(refused[i].words));
	}
	f = fresh;
	f.path = image;
	f.create = 4096;
	CHECK_EQ(file_prepare(&f, &reading), -EUSAGE);
	f.create = CREATE_NOTHING;
	f.cow_limit = 4096;
	CHECK_EQ(file_prepare(&f, &recovering), -EUSAGE);
	CHECK(said("--cow and --recovery exclude each other"));
}

/* In this process, which is keeper and server at once. */
static void begin(const struct file *with, const struct spec *spec)
{
	f = *with;
	CHECK_EQ(file_prepare(&f, spec), 0);
	CHECK_EQ(file_open(&f, &disk), 0);
}

static void end(void)
{
	file_close(&f);
	CHECK_EQ(file_conclude(&f, STOPPED_WELL), 0);
}

static struct place where(enum op op, uint64_t offset, uint32_t length)
{
	return file_where(&f, &(struct span){ .op = op, .offset = offset, .length = length });
}

static bool in_the_file(struct place place, uint64_t offset, uint32_t length)
{
	return place.kind == IN_FILE && place.fd == f.backing.fd && place.offset == offset && place.length == length;
}

static void bytes_are_in_the_file(void)
{
	struct file with = fresh;

	set_up(1 << 20);
	with.path = image;
	with.direct = DIRECT_OFF;
	with.offset = 4096;
	log_level = LOG_VERBOSE;
	begin(&with, &usual);
	log_level = LOG_NORMAL;
	CHECK(said("buffered I/O, sectors of 512 bytes"));
	CHECK(disk.size == (1 << 20) - 4096 && disk.write_cache && !disk.read_only);
	CHECK(file_file(&f) == f.backing.fd && !file_at_once(&f) && !file_forgets(&f));
	CHECK(in_the_file(where(OP_READ, 512, 1024), 4608, 1024));
	CHECK(in_the_file(where(OP_FLUSH, 0, 0), 4096, 0));
	CHECK(in_the_file(where(OP_DISCARD, 8192, 4096), 12288, 4096));
	CHECK_EQ(file_written(&f, OP_WRITE, 0, 512), 0);
	CHECK_EQ(file_size(&f), (1 << 20) - 4096);
	CHECK_EQ(file_resume(&f, &usual), 0);
	file_unflushed(&f, -EIO);		/* what was in the page cache may be lost: nobody flushes well any more */
	CHECK(said("a flush failed: ") && said("from now on every flush fails") && said("stop the disk, see to "));
	said_nothing();
	file_unflushed(&f, -EIO);
	CHECK_EQ(said_nothing(), 0);
	CHECK_EQ(where(OP_FLUSH, 0, 0).error, -EIO);
	CHECK(in_the_file(where(OP_READ, 512, 1024), 4608, 1024));
	end();
	CHECK_EQ(file_resume(&f, &usual), -EPROTO);
}

static void options_say_what_a_disk_is(void)
{
	const struct spec reading = { .sector_size = SECTOR_ANY, .read_only = true };
	struct file with = fresh;

	set_up(1 << 20);
	calls_says_of_direct(4, 512);
	with.path = image;
	with.cache = CACHE_NONE;
	with.discard = DISCARD_IGNORE;
	begin(&with, &usual);
	CHECK(f.backing.direct && !disk.discard_size && disk.write_cache && disk.dma_size == 4);
	file_unflushed(&f, -EIO);		/* past the page cache an error is for whom it belongs to */
	CHECK(said("a flush failed: ") && !said("from now on"));
	CHECK(in_the_file(where(OP_FLUSH, 0, 0), 0, 0));
	end();
	with.cache = CACHE_UNSAFE;
	begin(&with, &usual);
	CHECK(!disk.write_cache);
	end();
	with.cache = CACHE_WRITEBACK;
	begin(&with, &reading);
	CHECK(disk.read_only && !disk.write_cache);
	end();
}

static void a_file_of_no_use_is_removed(void)
{
	struct file with = fresh;

	set_up(0);
	CHECK_EQ(unlink(image), 0);
	with.path = image;
	with.create = 1 << 20;
	begin(&with, &usual);
	file_close(&f);
	CHECK_EQ(file_conclude(&f, NEVER_SERVED), 0);
	CHECK_EQ(access(image, F_OK), -1);
	begin(&with, &usual);
	end();
	CHECK_EQ(access(image, F_OK), 0);
	with.create = CREATE_NOTHING;
	begin(&with, &usual);
	file_close(&f);
	CHECK_EQ(file_conclude(&f, NEVER_SERVED), 0);
	CHECK_EQ(access(image, F_OK), 0);	/* which it has not made */
}

/* What the server counts: also flushes that another one before it has seen fail. */
static void it_is_counted(void)
{
	struct file with = fresh;
	struct stats page, seen;

	set_up(1 << 20);
	with.path = image;
	with.direct = DIRECT_OFF;
	f = with;
	CHECK_EQ(file_prepare(&f, &usual), 0);
	CHECK_EQ(stats_open(&page, 64), 0);
	file_count(&f, &page);
	CHECK_EQ(file_open(&f, &disk), 0);
	file_unflushed(&f, -EIO);
	CHECK_EQ(stats_take(&seen, page.fd), 0);
	CHECK_EQ(stats_value(&seen, stats_find(&seen, "file_failed_flushes")), 1);
	CHECK_EQ(stats_value(&seen, stats_find(&seen, "file_direct_io")), 0);
	stats_close(&seen);
	stats_close(&page);
	end();
}

/* --- what is written is in memory -------------------------------------------------------------------------------------- */

static void fill(const char *at, uint64_t offset, uint32_t length, int with)
{
	(void)offset;
	memset((char *)(uintptr_t)at, with, length);
}

static void the_file_stays_as_it_is(void)
{
	struct file with = fresh;
	struct stats page;
	struct place place;

	set_up(4 << 20);
	with.path = image;
	with.direct = DIRECT_OFF;
	with.cow_limit = 2 << 20;
	f = with;
	CHECK_EQ(stats_open(&page, 64), 0);
	CHECK_EQ(file_prepare(&f, &usual), 0);
	file_count(&f, &page);
	CHECK_EQ(file_open(&f, &disk), 0);
	CHECK(!disk.read_only && !disk.write_cache && disk.discard_size == page_size() && f.backing.read_only && file_forgets(&f));
	CHECK_EQ(file_size(&f), 4 << 20);
	CHECK(in_the_file(where(OP_READ, 4096, 8192), 4096, 8192));
	place = where(OP_WRITE, 8192, 4096);
	CHECK_EQ(place.kind, IN_MEMORY);
	fill(place.memory, 8192, place.length, 7);
	CHECK(in_the_file(where(OP_READ, 4096, 8192), 4096, 8192));	/* not before its bytes have come */
	CHECK_EQ(file_written(&f, OP_WRITE, 8192, 4096), 0);
	CHECK(in_the_file(where(OP_READ, 4096, 8192), 4096, 4096));
	place = where(OP_READ, 8192, 8192);
	CHECK(place.kind == IN_MEMORY && place.length == 4096 && place.memory[0] == 7);
	CHECK_EQ(file_written(&f, OP_WRITE, 0, 1 << 20), 0);		/* more than a word of the map */
	CHECK_EQ(where(OP_READ, 1 << 19, 4096).kind, NOWHERE);		/* and nothing there: as after a discard */
	place = where(OP_DISCARD, 1 << 20, 1 << 20);
	CHECK(place.kind == IN_MEMORY || place.kind == NOWHERE);
	CHECK_EQ(where(OP_FLUSH, 0, 0).kind, NOWHERE);
	CHECK_EQ(where(OP_WRITE, 0, 3 << 20).error, -ENOSPC);
	stats_close(&page);
	end();
	calls_fail("mmap", 2, ENOMEM);		/* the map */
	f = with;
	CHECK_EQ(file_prepare(&f, &usual), 0);
	CHECK_EQ(file_open(&f, &disk), -ENOMEM);
	CHECK(calls_failed());
	end();
	calls_fail("mmap", 1, ENOMEM);		/* the store */
	f = with;
	CHECK_EQ(file_prepare(&f, &usual), 0);
	CHECK(file_open(&f, &disk) < 0);
	end();
}

/* --- a file that is in memory anyway --------------------------------------------------------------------------------------- */

static int memory_file;

static void begin_mapped(uint64_t size, uint64_t offset)
{
	struct file with = fresh;

	set_up(0);
	memory_file = memfd_create("image", MFD_CLOEXEC);
	CHECK_EQ(ftruncate(memory_file, (off_t)size), 0);
	with.from_fd = (uint32_t)memory_file;
	with.offset = offset;
	begin(&with, &usual);
	CHECK(file_at_once(&f));
}

static void end_mapped(void)
{
	end();
	close(memory_file);
}

/* So that its bytes are copied once. Holes are not filled by reading them, and memory is taken before it is written to. */
static void its_bytes_are_mapped(void)
{
	struct place place;
	struct stat st;

	begin_mapped(4 << 20, 4096);
	CHECK(f.mapping.base && f.mapping.size == 4 << 20);
	CHECK(in_the_file(where(OP_READ, 0, 65536), 4096, 65536));	/* the last hole is not told */
	CHECK_EQ(pwrite(memory_file, "z", 1, (4 << 20) - 1), 1);
	place = where(OP_READ, 0, 65536);
	CHECK(place.kind == NOWHERE && place.length == 65536);
	CHECK_EQ(pwrite(memory_file, "x", 1, 4096 + 32768), 1);
	place = where(OP_READ, 0, 65536);
	CHECK(place.kind == NOWHERE && place.length == 32768);
	place = where(OP_READ, 32768, 4096);
	CHECK(place.kind == IN_FILE && place.memory == f.mapping.base + 4096 + 32768 && place.offset == 4096 + 32768);
	CHECK_EQ(*place.memory, 'x');
	place = where(OP_READ, 32768, 8192);	/* and a hole: the file itself knows */
	CHECK(place.kind == IN_FILE && !place.memory && place.length == 8192);
	place = where(OP_WRITE, 1 << 20, 8192);
	CHECK(place.kind == IN_FILE && place.memory == f.mapping.base + 4096 + (1 << 20));
	CHECK_EQ(fstat(memory_file, &st), 0);
	CHECK_EQ(st.st_blocks, 4 * 8);
	place = where(OP_WRITE, 1 << 20, 8192);	/* it is known to be there */
	CHECK(place.memory);
	place = where(OP_READ, (1 << 20) + 4096, 512);
	CHECK(place.memory && place.length == 512);
	place = where(OP_DISCARD, 1 << 20, 4096);
	CHECK(in_the_file(place, 4096 + (1 << 20), 4096) && !place.memory);
	CHECK_EQ(fallocate(memory_file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096 + (1 << 20), 4096), 0);
	CHECK_EQ(where(OP_READ, 1 << 20, 4096).kind, NOWHERE);
	CHECK_EQ(fstat(memory_file, &st), 0);
	CHECK_EQ(st.st_blocks, 3 * 8);
	CHECK(in_the_file(where(OP_FLUSH, 0, 0), 4096, 0));
	mapping_forget(&f.mapping, 8 << 20, 4096);	/* beyond it: nothing */
	end_mapped();
}

static void a_mapping_ends_with_whole_pages(void)
{
	struct place place;

	begin_mapped((1 << 20) + 512, 0);
	CHECK_EQ(f.mapping.size, 1 << 20);
	place = where(OP_WRITE, 1 << 20, 512);
	CHECK(in_the_file(place, 1 << 20, 512) && !place.memory);
	place = where(OP_READ, (1 << 20) - 512, 1024);
	CHECK(in_the_file(place, (1 << 20) - 512, 1024) && !place.memory);
	end_mapped();
	begin_mapped(512, 0);			/* not one */
	CHECK(!f.mapping.base);
	CHECK(in_the_file(where(OP_READ, 0, 512), 0, 512));
	end_mapped();
}

/* What cannot be known is left to the file. */
static void a_mapping_may_not_help(void)
{
	struct place place;

	begin_mapped(4 << 20, 0);
	calls_fail("fallocate", 1, ENOSPC);
	CHECK_EQ(where(OP_WRITE, 0, 4096).error, -ENOSPC);
	calls_fail("fallocate", 1, EDQUOT);
	CHECK_EQ(where(OP_WRITE, 0, 4096).error, -EDQUOT);
	calls_fail("fallocate", 1, EINTR);
	CHECK(where(OP_WRITE, 0, 4096).memory);
	calls_fail("fallocate", 1, EOPNOTSUPP);
	place = where(OP_WRITE, 8192, 4096);
	CHECK(in_the_file(place, 8192, 4096) && !place.memory);
	calls_fail("lseek", 1, EINVAL);		/* SEEK_DATA: no hole, for all that is known */
	place = where(OP_READ, 1 << 20, 4096);
	CHECK(in_the_file(place, 1 << 20, 4096));
	CHECK_EQ(pwrite(memory_file, "x", 1, 2 << 20), 1);
	calls_fail("lseek", 2, EINVAL);		/* SEEK_HOLE */
	place = where(OP_READ, 2 << 20, 4096);
	CHECK(in_the_file(place, 2 << 20, 4096) && !place.memory);
	CHECK(calls_failed());
	end_mapped();
	for (unsigned int nth = 1; nth <= 2; nth++) {
		struct mapping m;

		memory_file = memfd_create("image", MFD_CLOEXEC);
		CHECK_EQ(ftruncate(memory_file, 1 << 20), 0);
		calls_fail("mmap", nth, ENOMEM);
		mapping_open(&m, memory_file, 1 << 20, true);
		CHECK(calls_failed() && !m.base);
		place = mapping_where(&m, OP_READ, 0, 4096);
		CHECK(place.kind == IN_FILE && !place.memory);
		mapping_forget(&m, 0, 4096);
		mapping_close(&m);
		close(memory_file);
	}
	{
		struct mapping m;

		mapping_open(&m, -1, UINT64_MAX, false);	/* larger than any memory */
		CHECK(!m.base);
		mapping_close(&m);
	}
}

int main(void)
{
	static const struct test tests[] = {
		{ "a file is opened, read-only where it cannot be written", a_file_is_opened },
		{ "a file is made, and none that is there already", a_file_is_made },
		{ "a descriptor does as well", a_descriptor_does },
		{ "sizes make sense", sizes_make_sense },
		{ "a file may grow and shrink", it_may_grow_and_shrink },
		{ "a device tells what it is like", a_device_tells },
		{ "and nonsense, which is not passed on", a_device_may_tell_nonsense },
		{ "a partition has the queue of its disk", a_partition_has_its_disk },
		{ "one writes, or many read", one_writes_or_many_read },
		{ "udev is waited for, but not for ever", udev_is_waited_for },
		{ "direct I/O is used where it can be", direct_io_is_used_where_it_can_be },
		{ "what it needs may have to be guessed", direct_io_may_have_to_be_guessed },
		{ "for a file in memory it is no use", in_memory_it_is_no_use },
		{ "options that exclude each other are refused", what_excludes_each_other },
		{ "bytes are in the file, and a failed flush is for ever", bytes_are_in_the_file },
		{ "options say what a disk is", options_say_what_a_disk_is },
		{ "a file that was made for nothing is removed", a_file_of_no_use_is_removed },
		{ "what matters is counted", it_is_counted },
		{ "with --cow the file stays as it is", the_file_stays_as_it_is },
		{ "a file in memory is mapped, page by page", its_bytes_are_mapped },
		{ "the last bytes of it are not", a_mapping_ends_with_whole_pages },
		{ "where a mapping does not help the file is asked", a_mapping_may_not_help },
	};
	int result;

	CHECK(mkdtemp(root));
	snprintf(image, sizeof(image), "%s/image", root);
	snprintf(dev, sizeof(dev), "%s/dev", root);
	calls_root(root);
	result = check_main(tests, ARRAY_SIZE(tests));
	snprintf(image, sizeof(image), "rm -rf %s", root);
	return system(image) ? 1 : result;
}
