/* SPDX-License-Identifier: MIT */
/* test_mem.c - ublk-mem and ublk-null, asked questions: no ring, no device, no root */
#include "applets/mem/mem.c"
#include "applets/null.c"

#include <sys/mman.h>
#include <sys/syscall.h>

#include "core/applet.h"
#include "core/log.h"
#include "core/opt.h"
#include "core/spec.h"
#include "core/util.h"
#include "tests/check.h"
#include "tests/unit/said.h"

/* The structs of the applets' options come back as they were. */
static unsigned char kept[sizeof(struct mem)];

static const struct backend *disks;
static void *self;
static struct disk disk;

/* What others do between prepare() and commit(), and when a file is removed. */
static void (*meanwhile)(void), (*at_the_last)(void);

int unlinkat(int at, const char *name, int flags)
{
	if (at_the_last)
		at_the_last();
	return (int)syscall(SYS_unlinkat, at, name, flags);
}

static int up(const struct applet *applet, size_t size, const char *const *options)
{
	struct spec spec;
	struct opt_table tables[] = { { "", applet->opts, applet->self }, { NULL, NULL, NULL } };
	int err = 0;

	said_nothing();
	disks = applet->backend;
	self = applet->self;
	memcpy(kept, self, size);
	for (; *options; options += 2)
		CHECK_EQ(opt_assign(tables, options[0], options[1]), 0);
	spec_init(&spec, applet);
	spec.progress_off = true;
	disk = (struct disk){ 0 };
	if (disks->prepare)
		err = disks->prepare(self, &spec);
	if (!err && meanwhile)
		meanwhile();
	if (!err && disks->commit)
		err = disks->commit(self);
	return err ? err : disks->open(self, &disk);
}

static void down(size_t size)
{
	if (disks->close)
		disks->close(self);
	if (disks->conclude)
		CHECK_EQ(disks->conclude(self, true), 0);
	memcpy(self, kept, size);
}

#define MEM(...) up(&applet_mem, sizeof(struct mem), (const char *const[]){ __VA_ARGS__, NULL })

static struct place ask(enum op op, uint64_t offset, uint32_t length)
{
	struct place place = disks->where(self, &(struct span){ .op = op, .offset = offset, .length = length });

	CHECK(place.kind == FAILED || (place.length <= length && (place.length || !length)));
	return place;
}

static void reading_a_hole(void)
{
	CHECK_EQ(MEM("size", "64M"), 0);
	CHECK_EQ(disk.size, 64U << 20);
	CHECK_EQ(disk.discard_size, page_size());
	CHECK(!disk.read_only && !disk.write_cache);
	CHECK_EQ(disks->mostly, IN_MEMORY);
	CHECK_EQ(ask(OP_READ, 0, 1U << 20).kind, NOWHERE);
	CHECK_EQ(ask(OP_READ, 0, 1U << 20).length, 1U << 20);
	CHECK_EQ(ask(OP_FLUSH, 0, 0).kind, NOWHERE);
	down(sizeof(struct mem));
}

static void what_is_written_is_there(void)
{
	struct place place;

	CHECK_EQ(MEM("size", "64M"), 0);
	place = ask(OP_WRITE, 12800, 512);
	CHECK_EQ(place.kind, IN_MEMORY);
	CHECK_EQ(place.length, 512);
	memset(place.memory, 'w', 512);
	place = ask(OP_READ, 0, 65536);		/* a page of it is enough: the rest is zero anyway */
	CHECK_EQ(place.kind, IN_MEMORY);
	CHECK_EQ(place.length, 65536);
	CHECK(place.memory[12799] == 0 && place.memory[12800] == 'w' && place.memory[13312] == 0);
	CHECK_EQ(ask(OP_READ, 0, 4096).kind, NOWHERE);
	down(sizeof(struct mem));
}

/* Whole pages go; parts of pages that are there are cleared in place; holes are nowhere. */
static void dropping(void)
{
	uint32_t page = (uint32_t)page_size();
	struct place place;
	char *base;

	CHECK_EQ(MEM("size", "64M"), 0);
	base = ask(OP_WRITE, 0, 8 * page).memory;
	memset(base, 'x', 8 * page);
	place = ask(OP_DISCARD, page, 3 * page + 512);
	CHECK(place.kind == NOWHERE && place.length == 3 * page);
	CHECK(base[page - 1] == 'x' && base[page] == 0 && base[4 * page - 1] == 0 && base[4 * page] == 'x');
	CHECK_EQ(ask(OP_READ, page, 3 * page).kind, NOWHERE);
	CHECK_EQ(ask(OP_DISCARD, page, 3 * page).kind, NOWHERE);
	place = ask(OP_ZERO, 5 * page + 512, 2 * page);
	CHECK(place.kind == IN_MEMORY && place.memory == base + 5 * page + 512 && place.length == page - 512);
	place = ask(OP_ZERO, 5 * page, 1024);
	CHECK(place.kind == IN_MEMORY && place.length == 1024);
	CHECK_EQ(ask(OP_READ, 5 * page, page).kind, IN_MEMORY);
	place = ask(OP_ZERO, page + 512, 100 * page);
	CHECK(place.kind == NOWHERE && place.length == page - 512);
	place = ask(OP_DISCARD, 1U << 20, 32U << 20);
	CHECK(place.kind == NOWHERE && place.length == 32U << 20);
	down(sizeof(struct mem));
}

static void beyond_the_limit(void)
{
	CHECK_EQ(MEM("size", "64M", "limit", "1M"), 0);
	CHECK_EQ(ask(OP_WRITE, 0, 1U << 20).kind, IN_MEMORY);
	CHECK_EQ(ask(OP_WRITE, 0, 1U << 20).kind, IN_MEMORY);		/* it is there already */
	CHECK_EQ(ask(OP_WRITE, 2U << 20, 512).kind, FAILED);
	CHECK_EQ(ask(OP_WRITE, 2U << 20, 512).error, -ENOSPC);
	CHECK_EQ(ask(OP_READ, 2U << 20, 512).kind, NOWHERE);
	CHECK_EQ(ask(OP_DISCARD, 0, 65536).kind, NOWHERE);
	CHECK_EQ(ask(OP_WRITE, 2U << 20, 65536).kind, IN_MEMORY);
	CHECK_EQ(ask(OP_WRITE, 3U << 20, 512).error, -ENOSPC);
	down(sizeof(struct mem));
}

static void from_an_image_to_a_file(void)
{
	char image[] = "/tmp/ublk-unit-XXXXXX", saved[] = "/tmp/ublk-unit-XXXXXX", text[10] = "";
	int fd = mkstemp(image), out = mkstemp(saved);
	struct place place;

	CHECK_EQ(pwrite(fd, "hello", 5, 700), 5);
	CHECK_EQ(MEM("image", image, "save", saved), 0);
	CHECK_EQ(disk.size, 1024);		/* whole sectors */
	place = ask(OP_READ, 512, 512);
	CHECK(place.kind == IN_MEMORY && !memcmp(place.memory + 188, "hello", 5));
	memcpy(ask(OP_WRITE, 512, 512).memory + 188, "jolly", 5);
	CHECK_EQ(disks->stopped(self), 0);
	down(sizeof(struct mem));
	close(out);
	out = open(saved, O_RDONLY | O_CLOEXEC);
	CHECK_EQ(lseek(out, 0, SEEK_END), 1024);
	CHECK_EQ(pread(out, text, 5, 700), 5);
	CHECK_TEXT(text, "jolly");
	close(out);
	close(fd);
	unlink(image);
	unlink(saved);
}

static void larger_than_the_image(void)
{
	char image[] = "/tmp/ublk-unit-XXXXXX";
	int fd = mkstemp(image);

	CHECK_EQ(pwrite(fd, "hello", 5, 0), 5);
	CHECK_EQ(MEM("image", image, "size", "1M"), 0);
	CHECK_EQ(disk.size, 1U << 20);
	down(sizeof(struct mem));
	CHECK_EQ(ftruncate(fd, 0), 0);
	CHECK_EQ(MEM("image", image), -EINVAL);
	CHECK(said("is empty"));
	down(sizeof(struct mem));
	close(fd);
	unlink(image);
}

/* A file of its own for each claim, in a directory of memory if there is one. */
static char consumed[50];

static int image_to_consume(off_t size)
{
	int fd;

	snprintf(consumed, sizeof(consumed), "%s/ublk-unit-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	fd = mkstemp(consumed);
	CHECK_EQ(ftruncate(fd, size), 0);
	CHECK_EQ(pwrite(fd, "hello", 5, 3000000), 5);
	return fd;
}

static uint64_t length_of(int fd)
{
	struct stat st;

	CHECK_EQ(fstat(fd, &st), 0);
	return (uint64_t)st.st_size;
}

static void consuming(void)
{
	int fd = image_to_consume(4U << 20);
	struct place place;

	CHECK_EQ(MEM("image", consumed, "consume", NULL, "size", "8M"), 0);
	CHECK_EQ(disk.size, 8U << 20);
	place = ask(OP_READ, 3000000 - 3000000 % 512, 512);
	CHECK(place.kind == IN_MEMORY && !memcmp(place.memory + 3000000 % 512, "hello", 5));
	CHECK(access(consumed, F_OK) < 0);
	CHECK_EQ(length_of(fd), 0);
	down(sizeof(struct mem));
	CHECK(!said("lost"));
	close(fd);
}

static bool is_left(int fd, off_t size)
{
	char text[6] = "";

	return access(consumed, F_OK) == 0 && length_of(fd) == (uint64_t)size && pread(fd, text, 5, 3000000) == 5 &&
	       !strcmp(text, "hello");
}

/* No more than what is left to others, and nothing comes back. */
static void leave_little(void)
{
	struct mem *m = applet_mem.self;
	int fd = memfd_create("meminfo", MFD_CLOEXEC);

	CHECK(fd >= 0);
	dprintf(fd, "MemTotal: 99999999 kB\nMemFree: 1 kB\nMemAvailable: %llu kB\n", BUDGET_MARGIN >> 10);
	CHECK(m->budget.meminfo >= 0 && dup2(fd, m->budget.meminfo) >= 0);
	m->returned = 0;
	close(fd);
}

/* What can be known to fail does so before there is any harm. */
static void not_consumed(void)
{
	int fd = image_to_consume(4U << 20);
	char other[70], fifo[70];

	CHECK_EQ(MEM("image", consumed, "consume", NULL, "limit", "1"), -ENOSPC);
	CHECK(said("does not fit"));
	CHECK(is_left(fd, 4U << 20));
	down(sizeof(struct mem));
	CHECK_EQ(MEM("image", consumed, "consume", NULL, "populate", NULL, "limit", "3M"), -ENOSPC);
	CHECK(is_left(fd, 4U << 20));
	down(sizeof(struct mem));
	CHECK_EQ(MEM("image", consumed, "consume", NULL, "huge", "thp", "limit", "3M"), -ENOSPC);
	CHECK(is_left(fd, 4U << 20));
	down(sizeof(struct mem));
	CHECK_EQ(ftruncate(fd, 3U << 20), 0);	/* no whole number of huge pages */
	CHECK_EQ(MEM("image", consumed, "consume", NULL, "populate", NULL, "huge", "thp", "limit", "3M"), -ENOSPC);
	CHECK(is_left(fd, 3U << 20));
	down(sizeof(struct mem));
	CHECK_EQ(ftruncate(fd, 4U << 20), 0);
	meanwhile = leave_little;
	CHECK_EQ(MEM("image", consumed, "consume", NULL, "limit", "64M"), -ENOSPC);
	meanwhile = NULL;
	CHECK(is_left(fd, 4U << 20));
	down(sizeof(struct mem));
	CHECK(MEM("image", consumed, "consume", NULL, "numa", "1023") < 0);
	CHECK(is_left(fd, 4U << 20));
	down(sizeof(struct mem));

	snprintf(other, sizeof(other), "%s.other", consumed);
	snprintf(fifo, sizeof(fifo), "%s.fifo", consumed);
	CHECK_EQ(link(consumed, other), 0);
	CHECK_EQ(MEM("image", consumed, "consume", NULL), -EUSAGE);
	CHECK(said("one name"));
	down(sizeof(struct mem));
	unlink(other);
	CHECK_EQ(flock(fd, LOCK_SH | LOCK_NB), 0);
	CHECK_EQ(MEM("image", consumed, "consume", NULL), -EBUSY);
	CHECK(said("is locked"));
	down(sizeof(struct mem));
	CHECK_EQ(flock(fd, LOCK_UN), 0);
	CHECK_EQ(symlink(consumed, other), 0);
	CHECK_EQ(MEM("image", other, "consume", NULL), -EEXIST);
	CHECK(said("no regular file"));
	down(sizeof(struct mem));
	CHECK_EQ(mkfifo(fifo, 0600), 0);
	CHECK_EQ(MEM("image", fifo, "consume", NULL, "size", "1M"), -EUSAGE);
	down(sizeof(struct mem));
	CHECK_EQ(MEM("image", "-", "consume", NULL, "size", "1M"), -EUSAGE);
	down(sizeof(struct mem));
	CHECK_EQ(MEM("consume", NULL, "size", "1M"), -EUSAGE);
	down(sizeof(struct mem));
	CHECK(is_left(fd, 4U << 20));
	unlink(fifo);
	unlink(other);
	unlink(consumed);
	close(fd);
}

static void replace(void)
{
	char other[70];
	int fd;

	snprintf(other, sizeof(other), "%s.other", consumed);
	fd = open(other, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CHECK_EQ(write(fd, "other", 5), 5);
	close(fd);
	CHECK_EQ(rename(other, consumed), 0);
}

static void name_again(void)
{
	char other[70];

	snprintf(other, sizeof(other), "%s.other", consumed);
	CHECK_EQ(link(consumed, other), 0);
}

static void lengthen(void)
{
	CHECK_EQ(truncate(consumed, 5U << 20), 0);
}

/* Which the worker must not cut, nor remove what has taken its place. */
static void no_longer_that_file(void)
{
	int fd = image_to_consume(4U << 20);
	char other[70], text[6] = "";

	snprintf(other, sizeof(other), "%s.other", consumed);
	meanwhile = name_again;
	CHECK_EQ(MEM("image", consumed, "consume", NULL), -ESTALE);
	CHECK(said("remove"));
	CHECK(is_left(fd, 4U << 20));
	down(sizeof(struct mem));
	unlink(other);
	meanwhile = lengthen;
	CHECK_EQ(MEM("image", consumed, "consume", NULL), -ESTALE);
	CHECK(is_left(fd, 5U << 20));
	down(sizeof(struct mem));
	meanwhile = replace;
	CHECK_EQ(MEM("image", consumed, "consume", NULL), -ESTALE);
	CHECK_EQ(length_of(fd), 5U << 20);
	down(sizeof(struct mem));
	close(fd);
	fd = open(consumed, O_RDONLY | O_CLOEXEC);
	CHECK(read(fd, text, 5) == 5 && !strcmp(text, "other"));
	meanwhile = NULL;
	unlink(consumed);
	close(fd);
}

/* Nobody can keep another one from it; then that name is one of the whole file. */
static void named_at_the_last(void)
{
	int fd = image_to_consume(4U << 20);
	struct place place;

	at_the_last = name_again;
	CHECK_EQ(MEM("image", consumed, "consume", NULL), 0);
	at_the_last = NULL;
	place = ask(OP_READ, 3000000 - 3000000 % 512, 512);
	CHECK(place.kind == IN_MEMORY && !memcmp(place.memory + 3000000 % 512, "hello", 5));
	CHECK(access(consumed, F_OK) < 0);
	down(sizeof(struct mem));
	strcat(consumed, ".other");
	CHECK(is_left(fd, 4U << 20));
	unlink(consumed);
	close(fd);
}

/* Once it has begun, the image has no name any more, and that it is lost is said. */
static void lost(void)
{
	int fd = image_to_consume(4U << 20);

	CHECK_EQ(pwrite(fd, "world", 5, 0), 5);
	CHECK_EQ(MEM("image", consumed, "consume", NULL), 0);
	disks->close(self);
	((struct mem *)self)->image_fd = dup(fd);	/* the keeper has its own */
	CHECK_EQ(disks->conclude(self, NEVER_SERVED), 0);
	CHECK(said("is lost"));
	memcpy(self, kept, sizeof(struct mem));
	CHECK(access(consumed, F_OK) < 0);
	close(fd);
}

/* As much as the file gives back may be taken, but for a file whose memory somebody else may have. */
static void consuming_takes_nothing(void)
{
	int fd = image_to_consume(4U << 20);
	struct mem *m = applet_mem.self;

	CHECK_EQ(MEM("image", consumed, "consume", NULL), 0);
	CHECK(file_in_memory(fd) ? m->taken && m->taken < 1U << 20 : m->taken == 4U << 20);
	CHECK_EQ(m->returned, file_in_memory(fd) ? m->taken : 0);
	CHECK(m->store.limit > m->returned);
	CHECK(m->budget.levels || m->store.tally->granted == m->returned);
	down(sizeof(struct mem));
	close(fd);
}

static void return_much(void)
{
	struct mem *m = applet_mem.self;

	m->returned = 64U << 20;
}

/* What was granted for the image is not for whoever writes later: the zeroes in it have taken nothing. */
static void asked_again(void)
{
	int fd = image_to_consume(4U << 20);
	struct mem *m = applet_mem.self;

	meanwhile = return_much;
	CHECK_EQ(MEM("image", consumed, "consume", NULL), 0);
	meanwhile = NULL;
	CHECK_EQ(m->store.tally->used, page_size());
	CHECK(m->store.tally->granted <= m->store.tally->used + (8U << 20));
	down(sizeof(struct mem));
	close(fd);
}

/* Its blocks tell less of it where they may be compressed. */
static void not_consumed_from_elsewhere(void)
{
	int fd;

	strcpy(consumed, "/tmp/ublk-unit-XXXXXX");
	fd = mkstemp(consumed);
	CHECK_EQ(pwrite(fd, "hello", 5, 3000000), 5);
	CHECK_EQ(ftruncate(fd, 4U << 20), 0);
	if (!file_in_memory(fd)) {
		CHECK_EQ(MEM("image", consumed, "consume", NULL, "limit", "3M"), -ENOSPC);
		CHECK(is_left(fd, 4U << 20));
		down(sizeof(struct mem));
		CHECK_EQ(ftruncate(fd, 700), 0);
		CHECK_EQ(MEM("image", consumed, "consume", NULL, "size", "4K", "limit", "1000"), -ENOSPC);
		CHECK_EQ(length_of(fd), 700);
		down(sizeof(struct mem));
	}
	unlink(consumed);
	close(fd);
}

static void mistakes(void)
{
	CHECK_EQ(up(&applet_mem, sizeof(struct mem), (const char *const[]){ NULL }), -EUSAGE);
	down(sizeof(struct mem));
	CHECK_EQ(MEM("size", "1000"), -EUSAGE);
	CHECK(said("no multiple of the sector size"));
	down(sizeof(struct mem));
	CHECK_EQ(MEM("image", "/no/such/file"), -ENOENT);
	down(sizeof(struct mem));
	CHECK_EQ(MEM("image", "/tmp"), -EISDIR);
	down(sizeof(struct mem));
}

static void null_disk(void)
{
	CHECK_EQ(up(&applet_null, sizeof(struct null), (const char *const[]){ "size", "9223372036854775296", NULL }), 0);
	CHECK_EQ(disk.size, 9223372036854775296ULL);
	for (enum op op = OP_READ; op <= OP_ZERO; op++) {
		CHECK_EQ(ask(op, 0, op == OP_FLUSH ? 0 : 1U << 30).kind, NOWHERE);
		CHECK_EQ(ask(op, 0, op == OP_FLUSH ? 0 : 1U << 30).length, op == OP_FLUSH ? 0 : 1U << 30);
	}
	down(sizeof(struct null));
	CHECK_EQ(up(&applet_null, sizeof(struct null), (const char *const[]){ "size", "8E", NULL }), -EUSAGE);
	down(sizeof(struct null));
	CHECK_EQ(up(&applet_null, sizeof(struct null), (const char *const[]){ "size", "0", NULL }), -EUSAGE);
	down(sizeof(struct null));
}

TESTS(
	{ "a hole is nowhere", reading_a_hole },
	{ "what is written is in memory", what_is_written_is_there },
	{ "discard and zero give back whole pages and clear parts", dropping },
	{ "beyond --limit there is ENOSPC, until something is given back", beyond_the_limit },
	{ "an image comes in, its changed copy goes out", from_an_image_to_a_file },
	{ "a disk may be larger than its image, but not empty", larger_than_the_image },
	{ "an image that is consumed becomes the disk, and goes", consuming },
	{ "what can be known not to work leaves it as it is", not_consumed },
	{ "nor is one consumed that has changed, or another that is found under its name", no_longer_that_file },
	{ "one that gets another name at the last is not cut", named_at_the_last },
	{ "one that was consumed in vain has no name, and is said to be lost", lost },
	{ "what is consumed is no more memory than before", consuming_takes_nothing },
	{ "and what its zeroes took is asked for again", asked_again },
	{ "of a file on a medium all its length counts", not_consumed_from_elsewhere },
	{ "mistakes are refused before anything exists", mistakes },
	{ "null is nowhere, up to 8 EiB less a sector", null_disk },
)
