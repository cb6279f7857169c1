/* SPDX-License-Identifier: MIT */
/*
 * own-disk - a program with words of its own that serves a file, through ublk_serve()
 *
 *   own-disk TIMES FILE [OPTION...]    so many disks, one after the other; what happens goes to standard output
 *   own-disk delete DEVICE [force]     through ublk_delete()
 *
 * It has functions of its own that are called as some within the library are.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ublk-core.h>

static unsigned int called;

int fail(int error, const char *format, ...);
int ring_open(void);
void *pages_get(size_t bytes);
void io_uring_queue_exit(void *ring);
extern int log_level;

int log_level = 99;
int fail(int error, const char *format, ...) { called++; return (int)strlen(format) + error; }
int ring_open(void) { called++; return -1; }
void *pages_get(size_t bytes) { called++; return bytes ? NULL : &called; }
void io_uring_queue_exit(void *ring) { called += ring == NULL; }

static struct {
	const char *path, *label;
	int fd;
	uint64_t bad;
	uint32_t code;
	bool loud;
} own = { .fd = -1, .bad = UINT64_MAX, .code = EIO, .label = "none" };

static const struct ublk_option options[] = {
	{ UBLK_SIZE, 0, "bad", &own.bad, "OFFSET", "where nothing can be read or written" },
	{ UBLK_NUMBER, 0, "code", &own.code, "ERRNO", "and the error there" },
	{ UBLK_FLAG, 'l', "loud", &own.loud, NULL, "tell of flushes, discards and zeroes" },
	{ UBLK_TEXT, 0, "label", &own.label, "TEXT", "something to be said" },
	{ 0 }
};

static int own_prepare(struct ublk_disk *disk)
{
	struct stat st;

	ublk_note("label %s, loud %d, code %u, %.1f", own.label, own.loud, own.code, 1.5);
	own.fd = open(own.path, O_RDWR | O_CLOEXEC);
	if (own.fd < 0 || fstat(own.fd, &st) < 0)
		return ublk_fail(-errno, "open %s", own.path);
	disk->size = (uint64_t)st.st_size;
	return 0;
}

/* By now nothing can be opened. */
static int own_open(struct ublk_disk *disk)
{
	(void)disk;
	ublk_note("opened, and %s: %s", own.path, open(own.path, O_RDONLY) < 0 ? strerror(errno) : "again");
	return 0;
}

static int is_bad(uint32_t length, uint64_t offset)
{
	return offset <= own.bad && own.bad - offset < length ? -(int)own.code : 0;
}

static int own_read(void *self, void *buffer, uint32_t length, uint64_t offset)
{
	int err = is_bad(length, offset);

	(void)self;
	return err ? err : pread(own.fd, buffer, length, (off_t)offset) == (ssize_t)length ? 0 : 1;
}

static int own_write(void *self, const void *buffer, uint32_t length, uint64_t offset)
{
	int err = is_bad(length, offset);

	(void)self;
	return err ? err : pwrite(own.fd, buffer, length, (off_t)offset) == (ssize_t)length ? 0 : 1;
}

static void tell(const char *what)
{
	if (own.loud)
		ublk_note("%s", what);
}

static int own_flush(void *self)
{
	(void)self;
	tell("flush");
	return fdatasync(own.fd) < 0 ? -errno : 0;
}

static int punch(uint32_t length, uint64_t offset)
{
	return fallocate(own.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, length) < 0 ? -errno : 0;
}

static int own_discard(void *self, uint32_t length, uint64_t offset)
{
	(void)self;
	tell("discard");
	return punch(length, offset);
}

static int own_zero(void *self, uint32_t length, uint64_t offset)
{
	(void)self;
	tell("zero");
	return punch(length, offset);
}

static int own_close(void *self)
{
	(void)self;
	ublk_note("closed");
	return 0;
}

static void own_ready(void *self, const char *path)
{
	(void)self;
	printf("ready %s\n", path);
	fflush(stdout);
}

static void hook(enum ublk_level level, const char *line)
{
	char text[600];
	int n = snprintf(text, sizeof(text), "<%d> %s\n", level, line);

	if (write(STDERR_FILENO, text, (size_t)n) < 0)
		called++;
}

static bool same(const sigset_t *one, const sigset_t *other)
{
	bool all = true;

	for (int sig = 1; sig < NSIG; sig++)
		all &= sigismember(one, sig) == sigismember(other, sig);
	return all;
}

static void serve(char **words)
{
	struct ublk_disk disk = {
		.name = "own", .options = options, .prepare = own_prepare, .open = own_open, .read = own_read,
		.write = own_write, .flush = own_flush, .discard = own_discard, .zero = own_zero, .close = own_close,
		.ready = own_ready,
	};
	sigset_t before, after;
	char name[16];
	int err;

	sigprocmask(SIG_BLOCK, NULL, &before);
	err = ublk_serve(&disk, (const char *const *)words);
	sigprocmask(SIG_BLOCK, NULL, &after);
	prctl(PR_GET_NAME, name, 0, 0, 0);
	printf("returned %d, called %s, mask %s\n", err, name, same(&before, &after) ? "kept" : "changed");
	fflush(stdout);
	if (own.fd >= 0)
		close(own.fd);
}

int main(int argc, char **argv)
{
	if (ublk_core_version() != UBLK_CORE_VERSION || argc < 3)
		return 2;
	if (!strcmp(argv[1], "delete")) {
		printf("%d\n", ublk_delete(argv[2], argc > 3));
		return 0;
	}
	ublk_log(hook);
	own.path = argv[2];
	for (int times = atoi(argv[1]); times > 0; times--)
		serve(argv + 3);
	return ring_open() + fail(1, "") + !pages_get(1) + log_level != 100 || called != 3;
}
