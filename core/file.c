/* SPDX-License-Identifier: MIT */
/* file.c - files and descriptors */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>	/* renameat */
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "core/file.h"
#include "core/log.h"
#include "core/text.h"
#include "core/util.h"

static void set_name(struct file_target *target, const char *path)
{
	const char *slash = strrchr(path, '/');

	target->name = slash ? slash + 1 : path;
}

int file_target_resume(struct file_target *target, const char *path)
{
	if (path)
		set_name(target, path);
	return !path == (target->dir < 0) && !strchr(target->temporary, '/') ? 0 : -EPROTO;
}

int file_target_open(struct file_target *target, const char *path)
{
	const char *slash = strrchr(path, '/');
	struct stat there;
	char dir[4096];

	*target = (struct file_target)FILE_TARGET_NONE;
	set_name(target, path);
	if (!*target->name)
		return -EISDIR;
	if (slash && (size_t)(slash - path) >= sizeof(dir))
		return -ENAMETOOLONG;
	text_format(dir, sizeof(dir), "%.*s", slash && slash != path ? (int)(slash - path) : 1, slash ? path : ".");
	target->dir = RETRY(open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (target->dir < 0)
		return -errno;
	/* A device, a directory or a link in its place would not be written to but replaced. */
	if (fstatat(target->dir, target->name, &there, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(there.st_mode))
		return -EEXIST;
	return 0;
}

int file_target_find(struct file_target *target, const char *path)
{
	int err = file_target_open(target, path);

	if (err == -EEXIST)
		return fail_plain(err, "%s is no regular file", path);
	return err ? fail(err, "open the directory of %s", path) : 0;
}

/* "." + name would do, but names may be as long as names may be. */
static void name_temporary(struct file_target *target)
{
	text_format(target->temporary, sizeof(target->temporary), ".ublk-%d-%lx", (int)getpid(),
		    (unsigned long)(uintptr_t)target);
}

int file_target_create(struct file_target *target, mode_t mode)
{
	int fd = RETRY(openat(target->dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, mode));

	target->temporary[0] = '\0';
	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT)) {
		name_temporary(target);
		fd = RETRY(openat(target->dir, target->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
	}
	if (fd < 0) {
		int err = -errno;

		target->temporary[0] = '\0';
		return err;
	}
	target->fd = RETRY(fcntl(fd, F_DUPFD_CLOEXEC, 3));	/* ours, to give it a name with */
	if (target->fd < 0) {
		close(fd);
		return -errno;
	}
	return fd;
}

/* An unnamed file gets its name by way of /proc, or with CAP_DAC_READ_SEARCH without. */
static int give_name(struct file_target *target)
{
	char self[40];

	name_temporary(target);
	text_format(self, sizeof(self), "/proc/self/fd/%d", target->fd);
	if (linkat(AT_FDCWD, self, target->dir, target->temporary, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	if (linkat(target->fd, "", target->dir, target->temporary, AT_EMPTY_PATH) == 0)
		return 0;
	target->temporary[0] = '\0';
	return -errno;
}

int file_target_commit(struct file_target *target)
{
	int err = target->temporary[0] ? 0 : give_name(target);

	if (err)
		return err;
	if (renameat(target->dir, target->temporary, target->dir, target->name) < 0)
		return -errno;
	target->temporary[0] = '\0';
	if (fsync(target->dir) < 0 && errno != EINVAL)
		return -errno;
	return 0;
}

int file_target_remove(struct file_target *target)
{
	return unlinkat(target->dir, target->name, 0) < 0 ? -errno : 0;
}

/* Whoever may write to the directory may do so between any two of these calls: what the last one says counts. */
int file_target_remove_only(struct file_target *target, int fd, uint64_t size)
{
	struct stat there, ours;

	if (fstatat(target->dir, target->name, &there, AT_SYMLINK_NOFOLLOW) < 0 || fstat(fd, &ours) < 0)
		return -errno;
	if (there.st_dev != ours.st_dev || there.st_ino != ours.st_ino || ours.st_nlink != 1 ||
	    (uint64_t)ours.st_size != size)
		return -ESTALE;
	if (file_target_remove(target) < 0)
		return -errno;
	fstat(fd, &ours);
	return (int)ours.st_nlink;
}

void file_target_close(struct file_target *target)
{
	if (target->dir < 0)
		return;
	if (target->temporary[0])
		unlinkat(target->dir, target->temporary, 0);
	if (target->fd >= 0)
		close(target->fd);
	close(target->dir);
	*target = (struct file_target)FILE_TARGET_NONE;
}

int file_listing_open(struct file_listing *listing, int dir, const char *path)
{
	listing->used = listing->at = 0;
	listing->fd = RETRY(openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	return listing->fd < 0 ? -errno : 0;
}

/* As the kernel lays it out. */
struct entry {
	uint64_t inode, offset;
	uint16_t length;
	uint8_t type;
	char name[];
};

const char *file_listing_next(struct file_listing *listing)
{
	for (;;) {
		const struct entry *entry;

		if (listing->at == listing->used) {
			long n = syscall(SYS_getdents64, listing->fd, listing->entries, sizeof(listing->entries));

			if (n <= 0)
				return NULL;
			listing->used = (size_t)n;
			listing->at = 0;
		}
		entry = (const struct entry *)(listing->entries + listing->at);
		listing->at += entry->length;
		if (strcmp(entry->name, ".") && strcmp(entry->name, ".."))
			return entry->name;
	}
}

void file_listing_close(struct file_listing *listing)
{
	close(listing->fd);
}

/* Where there is no /dev/null, a descriptor that can be neither read nor written does as well. */
static int open_null(void)
{
	int fd = RETRY(open("/dev/null", O_RDWR | O_CLOEXEC));

	return fd < 0 ? RETRY(open("/", O_PATH | O_CLOEXEC)) : fd;
}

static int kept_null = -1;

void file_keep_null(void)
{
	kept_null = open_null();
}

/* #syscalls:opening dup2 dup3 */
int file_to_null(int fd)
{
	int null = kept_null < 0 ? open_null() : kept_null;

	if (null < 0)
		return -errno;
	if (dup2(null, fd) < 0)
		return -errno;
	if (null != fd && kept_null < 0)
		close(null);
	return 0;
}

int file_fill_standard(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && (open_null() < 0 || fcntl(fd, F_SETFD, 0) < 0))
			return -errno;
	return 0;
}

#define INHERITED_MAX 1024

static uint64_t inherited[INHERITED_MAX / 64];

void file_note_inherited(void)
{
	struct file_listing listing;
	const char *entry;
	uint64_t fd;

	if (file_listing_open(&listing, AT_FDCWD, "/proc/self/fd") < 0)
		return;
	while ((entry = file_listing_next(&listing)))
		if (text_is_number(entry, &fd) == 0 && fd > STDERR_FILENO && fd < INHERITED_MAX && (int)fd != listing.fd &&
		    !(fcntl((int)fd, F_GETFD) & FD_CLOEXEC))
			inherited[fd / 64] |= 1ULL << fd % 64;
	file_listing_close(&listing);
}

void file_close_inherited(void)
{
	for (int fd = 0; fd < INHERITED_MAX; fd++)
		if (inherited[fd / 64] >> fd % 64 & 1)
			close(fd);
	memset(inherited, 0, sizeof(inherited));
	file_to_null(STDIN_FILENO);
	file_to_null(STDOUT_FILENO);
}

/* #syscalls write */
int file_write_all(int fd, const void *data, size_t length)
{
	const char *at = data;

	while (length) {
		ssize_t n = RETRY(write(fd, at, length));

		if (n < 0)
			return -errno;
		at += n;
		length -= (size_t)n;
	}
	return 0;
}

bool file_in_memory(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
}

int file_read_text(const char *path, char *text, size_t limit)
{
	int fd = RETRY(open(path, O_RDONLY | O_CLOEXEC));
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = RETRY(read(fd, text, limit - 1));
	if (n < 0)
		n = -errno;
	else
		text[n] = '\0';
	close(fd);
	return (int)n;
}
