/* SPDX-License-Identifier: MIT */
/* image.c - load and save */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/fs.h>

#include "applets/mem/image.h"
#include "core/file.h"
#include "core/log.h"
#include "core/progress.h"
#include "core/util.h"

#define CHUNK (1U << 20)	/* bytes moved at a time */

/* --- load ------------------------------------------------------------------------- */

/* #syscalls:opening fstat ioctl */
int64_t image_size(int fd)
{
	struct stat st;
	uint64_t size;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISREG(st.st_mode))
		return st.st_size;
	if (S_ISBLK(st.st_mode))
		return ioctl(fd, BLKGETSIZE64, &size) < 0 ? -errno : (int64_t)size;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	return 0;
}

/* #syscalls:opening read */
static ssize_t read_full(int fd, char *to, size_t length)
{
	size_t done = 0;

	while (done < length) {
		ssize_t n = RETRY(read(fd, to + done, length - done));

		if (n < 0)
			return -errno;
		if (!n)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* Much of an image is zeroes, which musl's memcmp() would take one by one. */
static bool is_zero(const char *at, size_t length)
{
	uint64_t word = 0;

	for (; length >= sizeof(word) && !word; length -= sizeof(word), at += sizeof(word))
		__builtin_memcpy(&word, at, sizeof(word));
	while (length && !word)
		word = (unsigned char)at[--length];
	return !word;
}

/* A chunk into its place, page by page, without the pages that hold nothing. */
static int put_chunk(struct store *store, uint64_t offset, const char *data, size_t length)
{
	for (size_t done = 0; done < length;) {
		size_t n = min_u64(length - done, store->page_size - ((offset + done) & (store->page_size - 1)));

		if (!is_zero(data + done, n)) {
			if (store_take(store, offset + done, (uint32_t)n))
				return -ENOSPC;
			memcpy(store->base + offset + done, data + done, n);
		}
		done += n;
	}
	return 0;
}

/* Where there is data at or after @offset; @offset itself where holes are not told. #syscalls:opening lseek */
static uint64_t next_data(int fd, uint64_t offset, uint64_t size)
{
	off_t at;

	if (!size)
		return offset;
	at = lseek(fd, (off_t)offset, SEEK_DATA);
	if (at < 0 && errno == ENXIO)
		return size;
	if (at < 0)
		at = (off_t)offset;
	return lseek(fd, at, SEEK_SET) < 0 ? offset : (uint64_t)at;
}

/*
 * A named pipe that nobody has opened for writing yet reads as one that has
 * ended. After a SIGCONT, or when the machine has slept, the kernel goes on
 * with another call. #syscalls:opening poll ppoll restart_syscall
 */
static void wait_for_writer(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };

	if (RETRY(poll(&ready, 1, -1)) < 0)
		info("the image is read at once");
}

/*
 * The next chunk of data at or after *@at, which moves behind it. It may begin
 * before @end only, unless that is 0. Bytes, 0 at the end, or -errno.
 */
static ssize_t copy_chunk(struct store *store, int fd, char *chunk, uint64_t *at, uint64_t end)
{
	ssize_t n;
	int err = 0;

	*at = next_data(fd, *at, end);
	n = end && *at >= end ? 0 : read_full(fd, chunk, CHUNK);
	if (n <= 0)
		return n;
	if (*at + (uint64_t)n > store->size)
		err = store_grow(store, max_u64(*at + (uint64_t)n, store->size * 2));
	if (!err)
		err = put_chunk(store, *at, chunk, (size_t)n);
	*at += (uint64_t)n;
	return err ? err : n;
}

static int copy_in(struct store *store, int fd, char *chunk, struct progress *p, uint64_t *loaded)
{
	uint64_t at = 0;
	ssize_t n;

	wait_for_writer(fd);
	while ((n = copy_chunk(store, fd, chunk, &at, p->whole)) > 0)
		progress_show(p, at);
	*loaded = max_u64(at, p->whole);
	if (!n)
		progress_show(p, *loaded);
	return (int)n;
}

/*
 * From its end, where any file system can make a file shorter: a ramfs has no
 * holes to make. Until it serves, any server of this applet may make this call,
 * with something to consume or not, on what it has open to write: what a disk is
 * saved to, say, or memory of --recovery. The numbers that others read are sealed.
 * #syscalls:openmem ftruncate
 */
static int eat(struct store *store, int fd, char *chunk, struct progress *p, uint64_t *loaded)
{
	uint64_t at, end = *loaded = p->whole;
	ssize_t n;

	while (end) {
		at = end = round_down(end - 1, CHUNK);
		n = copy_chunk(store, fd, chunk, &at, p->whole);
		if (n < 0)
			return (int)n;
		if (RETRY(ftruncate(fd, (off_t)end)) < 0)
			return -errno;
		progress_show(p, p->whole - end);
	}
	return 0;
}

int image_too_large(const char *name)
{
	fail_plain(-ENOSPC, "%s does not fit into the memory that may be used", name);
	remedy("raise --limit or the cgroup's memory.max, or free memory");
	return -ENOSPC;
}

int image_load(struct store *store, int fd, const char *name, bool progress, bool consume, uint64_t *loaded)
{
	int64_t size = image_size(fd);
	struct progress p = { "loading", name, size > 0 ? (uint64_t)size : 0, 0, progress };
	char *chunk;
	int err;

	if (size < 0)
		return fail((int)size, "load %s", name);
	chunk = pages_get(CHUNK);
	if (!chunk)
		return fail(-ENOMEM, "load %s", name);
	err = (consume ? eat : copy_in)(store, fd, chunk, &p, loaded);
	pages_free(chunk, CHUNK);
	progress_end(&p);
	if (err == -ENOSPC)
		return image_too_large(name);
	return err ? fail(err, "load %s", name) : 0;
}

/* --- save ---------------------------------------------------------------------------- */

/* #syscalls pwrite64 pwritev2 fcntl */
static int write_full(int fd, const char *from, size_t length, uint64_t offset)
{
	while (length) {
		ssize_t n = RETRY(pwrite(fd, from, length, (off_t)offset));

		if (n < 0)
			return -errno;
		from += n;
		offset += (uint64_t)n;
		length -= (size_t)n;
	}
	return 0;
}

/*
 * Its last byte makes the file as long as the disk. No ftruncate(), with which
 * memory could be taken from under the keeper. #syscalls fsync
 */
static int copy_out(const struct store *store, uint64_t size, int fd, struct progress *p)
{
	int err = write_full(fd, "", 1, size - 1);

	for (uint64_t at = 0; at < size && !err; at += CHUNK) {
		uint32_t n = (uint32_t)min_u64(CHUNK, size - at);

		if (store_has(store, at, n))
			err = write_full(fd, store->base + at, n, at);
		progress_show(p, at + n);
	}
	return !err && fsync(fd) < 0 ? -errno : err;
}

int image_save(const struct store *store, uint64_t size, int fd, const char *name, bool progress)
{
	struct progress p = { "saving", name, size, 0, progress };
	int err = copy_out(store, size, fd, &p);

	progress_end(&p);
	return err ? fail(err, "save the disk to %s", name) : 0;
}
