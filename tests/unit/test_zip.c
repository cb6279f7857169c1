/* SPDX-License-Identifier: MIT */
/*
 * test_zip.c - ublk-zip as a backend that is asked: where the bytes of a tree, or of one member, are
 *
 * What core does with the answers is done here by one loop: read what is needed, wait for what comes later.
 */
#include "applets/zip/zip.c"

#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "tests/check.h"
#include "tests/unit/calls.h"
#include "tests/unit/deflater.h"
#include "tests/unit/said.h"

static char root[] = "/tmp/ublk-zip-XXXXXX", archive_path[64], index_path[64];

/* --- an archive ------------------------------------------------------------------------------------- */

#define LARGE (1U << 20)

static struct {
	unsigned char bytes[8 << 20], records[1 << 20];
	size_t length, records_length;
	unsigned int count;
} made;

static struct deflater large;		/* a member that is cut into spans */

static void put(unsigned char *to, uint64_t number, int count)
{
	for (int i = 0; i < count; i++)
		to[i] = (unsigned char)(number >> 8 * i);
}

static unsigned char *append(const void *bytes, size_t length)
{
	unsigned char *at = made.bytes + made.length;

	if (length)
		memcpy(at, bytes, length);
	made.length += length;
	return at;
}

struct content {
	const char *name;
	uint16_t method, flags;
	const void *packed;
	size_t packed_size, size;
	uint32_t crc, mode;		/* mode 0: a usual file's */
	uint32_t stamp;			/* of DOS: date and time */
	bool no_header;			/* what stands where its local header should be is none */
};

static void add(struct content c)
{
	unsigned char local[30] = { 0 }, *record = made.records + made.records_length;
	size_t length = strlen(c.name), at = made.length;

	put(local, c.no_header ? 0 : 0x04034b50, 4);
	local[4] = 20;
	put(local + 6, c.flags, 2);
	put(local + 8, c.method, 2);
	put(local + 10, c.stamp, 4);
	put(local + 14, c.crc, 4);
	put(local + 18, c.packed_size, 4);
	put(local + 22, c.size, 4);
	put(local + 26, length, 2);
	append(local, 30);
	append(c.name, length);
	append(c.packed, c.packed_size);
	memset(record, 0, 46);
	put(record, 0x02014b50, 4);
	record[4] = 20;
	record[5] = 3;			/* Unix */
	memcpy(record + 6, local + 4, 26);
	put(record + 38, (uint64_t)(c.mode ? c.mode : 0100644) << 16, 4);
	put(record + 42, at, 4);
	memcpy(record + 46, c.name, length);
	made.records_length += 46 + length;
	made.count++;
}

static void add_stored(const char *name, const char *data)
{
	add((struct content){ .name = name, .packed = data, .packed_size = strlen(data), .size = strlen(data),
			      .crc = plain_crc(data, strlen(data)) });
}

static void add_large(const char *name)
{
	add((struct content){ .name = name, .method = 8, .packed = large.packed, .packed_size = large.packed_size,
			      .size = large.size, .crc = plain_crc(large.plain, large.size) });
}

static void write_archive(void)
{
	unsigned char end[22] = { 0 };
	size_t at = made.length;
	int fd = open(archive_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	append(made.records, made.records_length);
	put(end, 0x06054b50, 4);
	put(end + 8, made.count, 2);
	put(end + 10, made.count, 2);
	put(end + 12, made.records_length, 4);
	put(end + 16, at, 4);
	append(end, 22);
	CHECK_EQ(write(fd, made.bytes, made.length), made.length);
	close(fd);
}

static void set_up(void)
{
	made.length = made.records_length = made.count = 0;
	unlink(archive_path);
	unlink(index_path);
	calls_fail(NULL, 0, 0);
	log_level = LOG_NORMAL;
	said_nothing();
}

/* "stored", "large", which is deflated, a directory, nothing, and something that cannot be read */
static void usual_archive(void)
{
	set_up();
	add((struct content){ .name = "dir/", .mode = 040755 });
	add_stored("dir/stored", "these bytes are as they are");
	add_large("large");
	add_stored("empty", "");
	add((struct content){ .name = "secret", .flags = 1, .packed = "????????????", .packed_size = 12, .size = 5 });
	write_archive();
}

/* --- asking ---------------------------------------------------------------------------------------------- */

static struct zip z;
static struct disk disk;
static struct zip_queue *queue;
static int wake = -1;

static const struct spec usual = {
	.sector_size = SECTOR_ANY, .depth = 4, .quiet = true, .sandbox = SANDBOX_OFF, .applet = &applet_zip,
};

static struct zip options(void)
{
	struct zip with = *(const struct zip *)applet_zip.self;

	with.path = archive_path;
	with.workers = 2;
	with.unsupported = UNSUPPORTED_EIO;
	return with;
}

/* Prepared and open, as keeper and server do it; 0 or an error. */
static int begin(const struct zip *with)
{
	int err;

	z = *with;
	wake = eventfd(0, EFD_CLOEXEC);
	disk = (struct disk){ 0 };
	err = zip_prepare(&z, &usual);
	if (!err)
		err = zip_open(&z, &disk);
	queue = err ? NULL : zip_queue_open(&z, wake);
	CHECK(err || queue);
	return err;
}

static int end(enum outcome outcome)
{
	int stopped, concluded;

	if (queue)
		zip_queue_close(queue);
	queue = NULL;
	stopped = outcome == STOPPED_WELL ? zip_stopped(&z) : 0;
	zip_close(&z);
	concluded = zip_conclude(&z, stopped ? STOPPED_BADLY : outcome);
	close(wake);
	return concluded ? concluded : stopped;
}

/* It does not even open. */
static int refused(const struct zip *with)
{
	int err;

	said_nothing();
	err = begin(with);
	end(err ? NEVER_SERVED : CUT_SHORT);
	return err;
}

/* Of disk bytes from @offset on into @to: 0, or the error that the request ends with. */
static int ask(uint64_t offset, uint32_t length, char *to)
{
	struct span span = { .op = OP_READ, .offset = offset, .length = length, .slot = 1 };
	uint64_t count;

	while (span.length) {
		struct place place = zip_where(queue, &span);

		switch (place.kind) {
		case FAILED:
			return place.error;
		case NEEDS:
			CHECK_EQ(pread(place.fd, place.memory, place.length, (off_t)place.offset), place.length);
			span.fetched += place.length;
			continue;
		case LATER:
			CHECK_EQ(read(wake, &count, sizeof(count)), sizeof(count));
			continue;
		case IN_MEMORY:
			memcpy(to, place.memory, place.length);
			break;
		case IN_FILE:
			CHECK_EQ(pread(place.fd, to, place.length, (off_t)place.offset), place.length);
			break;
		default:
			CHECK_EQ(place.kind, NOWHERE);
			memset(to, 0, place.length);
		}
		to += place.length;
		span.offset += place.length;
		span.length -= place.length;
		span.fetched = 0;
	}
	return 0;
}

static char all[64 << 20];

static void a_tree_is_a_disk(void)
{
	struct zip with = options();

	usual_archive();
	CHECK_EQ(begin(&with), 0);
	CHECK(disk.read_only && disk.size && disk.size <= sizeof(all) && disk.physical_size == EROFS_BLOCK);
	CHECK(zip_file(&z) == z.backing.fd && !zip_at_once(&z));
	CHECK_EQ(zip_where(queue, &(struct span){ .op = OP_FLUSH }).kind, NOWHERE);
	CHECK_EQ(zip_where(queue, &(struct span){ .op = OP_WRITE, .length = 4096 }).error, -EROFS);
	CHECK_EQ(zip_where(queue, &(struct span){ .op = OP_DISCARD, .length = 4096 }).error, -EROFS);
	CHECK_EQ(ask(0, 4096, all), 0);
	memset(all, 0, sizeof(all));
	for (uint64_t at = 0; at < disk.size; at += 4096)
		ask(at, 4096, all + at);		/* what cannot be read is left out */
	CHECK(memmem(all, disk.size, "these bytes are as they are", 27));
	CHECK(memmem(all, disk.size, large.plain, large.size));
	CHECK(memmem(all, disk.size, "archive.zip", 11));	/* its label */
	CHECK_EQ(end(STOPPED_WELL), 0);
}

/* A member that lies on the disk where its neighbours do not, with zeroes behind it. */
static void a_member_is_a_disk(void)
{
	static const int when[] = { INDEX_AUTO, INDEX_BACKGROUND, INDEX_WAIT, INDEX_LAZY };
	struct zip with = options();

	usual_archive();
	with.member = "dir/stored";
	CHECK_EQ(begin(&with), 0);
	CHECK_EQ(disk.size, 512);
	memset(all, 1, 512);
	CHECK_EQ(ask(0, 512, all), 0);
	CHECK(!memcmp(all, "these bytes are as they are", 27) && !all[27] && !all[511]);
	CHECK_EQ(zip_where(queue, &(struct span){ .op = OP_READ, .offset = 27, .length = 100 }).kind, NOWHERE);
	CHECK_EQ(end(STOPPED_WELL), 0);
	with.member = "/large";
	for (size_t i = 0; i < ARRAY_SIZE(when); i++) {
		with.index = when[i];
		CHECK_EQ(begin(&with), 0);
		CHECK_EQ(disk.size, (large.size + 511) / 512 * 512);
		CHECK_EQ(ask(large.size - 5000, 5000, all), 0);
		CHECK(!memcmp(all, large.plain + large.size - 5000, 5000));
		CHECK_EQ(ask(0, (uint32_t)large.size, all), 0);
		CHECK(!memcmp(all, large.plain, large.size));
		CHECK_EQ(end(STOPPED_WELL), 0);
	}
	disk.hurried = true;
	z = with;
	z.index = INDEX_AUTO;
	wake = eventfd(0, EFD_CLOEXEC);
	CHECK_EQ(zip_prepare(&z, &usual), 0);
	CHECK_EQ(zip_open(&z, &disk), 0);
	CHECK_EQ(z.index, INDEX_WAIT);		/* where the kernel waits 30 s, and no longer */
	CHECK_EQ(end(STOPPED_WELL), 0);
}

static void what_is_no_disk(void)
{
	static const struct { const char *member, *words; int err; } members[] = {
		{ "none", "holds no none", -ENOENT }, { "dir", "dir is no file", -EINVAL },
		{ "empty", "empty is empty, and a disk is not", -EINVAL },
		{ "secret", "is encrypted or of a method that is not supported", -EOPNOTSUPP },
		{ "dir/", "dir/ is no file", -EINVAL }, { "/none", "holds no /none", -ENOENT },
		{ "dir//stored/x", "holds no ", -ENOENT }, { "", "holds no ", -ENOENT },
	};
	struct zip with = options();

	usual_archive();
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		with.member = members[i].member;
		if (*with.member || i == 7)
			CHECK(refused(&with) < 0);
		CHECK(!*members[i].member || said(members[i].words));
	}
	with = options();
	with.unsupported = UNSUPPORTED_REFUSE;
	CHECK_EQ(refused(&with), -EOPNOTSUPP);
	with = options();
	with.path = "/nonexistent/archive.zip";
	CHECK_EQ(refused(&with), -ENOENT);
	with = options();
	with.max_entries = 2;
	CHECK(refused(&with) < 0);
}

static void options_make_sense(void)
{
	static const struct { struct zip with; const char *words; } wrong[] = {
		{ { .from_fd = FD_NONE }, "which archive? Give its path" },
		{ { .from_fd = 3, .path = "a" }, "--fd and a path exclude each other" },
		{ { .from_fd = 3, .index_file = "i" }, "--index-file is for one member" },
		{ { .from_fd = 3, .index = INDEX_LAZY }, "--index is for one member" },
		{ { .from_fd = 3, .index_memory = 1000, .cache_memory = 1 << 20 }, "are at least 1M" },
		{ { .from_fd = 3, .index_memory = 1 << 20, .cache_memory = 1000 }, "are at least 1M" },
	};
	static const struct { const char *owner; int err; uint32_t uid, gid; } owners[] = {
		{ "root", 0, 0, 0 }, { "archive", 0, 0, 0 }, { "1000:100", 0, 1000, 100 }, { "me", -EUSAGE, 0, 0 },
		{ "1000", -EUSAGE, 0, 0 }, { "1000.100", -EUSAGE, 0, 0 }, { "1000:", -EUSAGE, 0, 0 },
		{ "4294967295:1", -EUSAGE, 0, 0 }, { "1:4294967295", -EUSAGE, 0, 0 },
	};
	struct zip with = options();

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		z = wrong[i].with;
		said_nothing();
		CHECK_EQ(check(&z), -EUSAGE);
		CHECK(said(wrong[i].words));
	}
	for (size_t i = 0; i < ARRAY_SIZE(owners); i++) {
		z = with;
		z.owner = owners[i].owner;
		CHECK_EQ(check(&z), owners[i].err);
		CHECK(owners[i].err || (z.policy.uid == owners[i].uid && z.policy.gid == owners[i].gid));
	}
}

/* --- the index of a member, as a file ------------------------------------------------------------------------ */

static void an_index_is_kept(void)
{
	struct zip with = options();
	int fd;

	usual_archive();
	with.member = "large";
	with.index = INDEX_WAIT;
	with.index_file = index_path;
	CHECK_EQ(begin(&with), 0);
	CHECK(!z.index_loaded);
	CHECK_EQ(end(STOPPED_WELL), 0);
	CHECK_EQ(access(index_path, R_OK), 0);
	CHECK_EQ(begin(&with), 0);
	CHECK(z.index_loaded);
	CHECK_EQ(ask(large.size / 2, 5000, all), 0);
	CHECK(!memcmp(all, large.plain + large.size / 2, 5000));
	CHECK_EQ(end(STOPPED_WELL), 0);
	fd = open(index_path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	CHECK_EQ(write(fd, "nonsense", 8), 8);
	close(fd);
	said_nothing();
	CHECK_EQ(begin(&with), 0);
	CHECK(!z.index_loaded && said("is no index of this member") && said("is made anew"));
	CHECK_EQ(end(CUT_SHORT), 0);
	CHECK_EQ(begin(&with), 0);
	CHECK(!z.index_loaded);			/* who is cut short keeps nothing */
	CHECK_EQ(end(STOPPED_WELL), 0);
	CHECK_EQ(begin(&with), 0);
	CHECK(z.index_loaded);
	CHECK_EQ(end(STOPPED_WELL), 0);
	with.index = INDEX_LAZY;		/* of which there is only a part */
	CHECK_EQ(unlink(index_path), 0);
	CHECK_EQ(begin(&with), 0);
	CHECK_EQ(end(STOPPED_WELL), 0);
	CHECK_EQ(access(index_path, F_OK), -1);
	with.member = "dir/stored";		/* which needs none */
	CHECK_EQ(begin(&with), 0);
	CHECK_EQ(end(STOPPED_WELL), 0);
	CHECK_EQ(access(index_path, F_OK), -1);
}

static void an_index_may_not_be_had(void)
{
	struct zip with = options();
	struct stat st;

	usual_archive();
	with.member = "large";
	with.index = INDEX_WAIT;
	with.index_file = "/nonexistent/index";
	CHECK_EQ(refused(&with), -ENOENT);
	CHECK(said("write to /nonexistent/index"));
	with.index_file = root;			/* there is something, and it cannot be replaced */
	log_level = LOG_VERBOSE;
	CHECK_EQ(begin(&with), 0);
	CHECK(said("cannot be replaced") && said("is no index of this member"));
	CHECK_EQ(end(STOPPED_WELL), 0);
	log_level = LOG_NORMAL;
	CHECK_EQ(mkfifo(index_path, 0600), 0);
	with.index_file = index_path;
	CHECK_EQ(begin(&with), 0);
	CHECK_EQ(end(STOPPED_WELL), 0);
	CHECK_EQ(stat(index_path, &st), 0);
	CHECK(S_ISFIFO(st.st_mode));
	CHECK_EQ(unlink(index_path), 0);
	calls_fail("openat", 2, EROFS);		/* the directory is the first, and the file without a name the next */
	with.index = INDEX_LAZY;
	(void)refused(&with);
	calls_fail(NULL, 0, 0);
	CHECK_EQ(begin(&with), 0);
	CHECK_EQ(end(STOPPED_WELL), 0);
}

/* --- damage --------------------------------------------------------------------------------------------------- */

static void damage_is_of_one_file(void)
{
	struct zip with = options();

	set_up();
	add_stored("good", "this one is good");
	add((struct content){ .name = "bad", .packed = "this one is not", .packed_size = 15, .size = 15, .crc = 7 });
	add((struct content){ .name = "worse", .method = 8, .packed = large.packed, .packed_size = large.packed_size,
			      .size = large.size, .crc = 7 });
	add((struct content){ .name = "none", .packed = "nothing is here", .packed_size = 15, .size = 15, .no_header = true });
	write_archive();
	with.member = "good";
	with.verify = true;
	CHECK_EQ(begin(&with), 0);
	CHECK_EQ(end(STOPPED_WELL), 0);
	with.member = "bad";
	CHECK_EQ(refused(&with), -EIO);
	CHECK(said("bad is damaged: it is not what its checksum says"));
	with.member = "worse";
	CHECK_EQ(refused(&with), -EIO);
	CHECK(said("worse is damaged"));
	with.verify = false;
	with.index = INDEX_WAIT;
	CHECK_EQ(refused(&with), -EIO);
	CHECK(said("worse cannot be read to its end"));
	with.index = INDEX_AUTO;
	with.member = "none";
	CHECK_EQ(refused(&with), -EIO);
	CHECK(said("none cannot be read: "));
	with.member = NULL;
	with.verify = true;
	CHECK_EQ(refused(&with), -EIO);
	CHECK(said("bad is damaged") && said("worse is damaged") && said("none cannot be read") && !said("good"));
	with.verify = false;
	CHECK_EQ(begin(&with), 0);
	memset(all, 0, sizeof(all));
	for (uint64_t at = 0; at < disk.size; at += 4096)
		ask(at, 4096, all + at);
	CHECK(memmem(all, disk.size, "this one is good", 16) && memmem(all, disk.size, "this one is not", 15));
	CHECK(!memmem(all, disk.size, "nothing is here", 15) && said("none cannot be read"));
	CHECK_EQ(end(STOPPED_WELL), 0);
}

/* Whoever looks at messages may be slow, or nobody. */
static void not_all_damage_is_named(void)
{
	struct zip with = options();
	unsigned int failed = 0;
	char name[20];

	set_up();
	for (int i = 0; i < TOLD_MAX + 20; i++) {
		snprintf(name, sizeof(name), "none%d", i);
		add((struct content){ .name = name, .packed = "nothing is here", .packed_size = 15, .size = 15, .no_header = true });
	}
	write_archive();
	CHECK_EQ(begin(&with), 0);
	said_nothing();
	for (unsigned int turn = 0; turn < 2; turn++)
		for (uint64_t at = 0; at < disk.size; at += 4096)
			failed += ask(at, 4096, all) == -EIO;
	CHECK_EQ(failed, 2 * (TOLD_MAX + 20));
	CHECK(said("more of its files cannot be read; they are not named"));
	CHECK_EQ(said_nothing(), TOLD_MAX + 1);
	CHECK_EQ(end(STOPPED_WELL), 0);
}

static void all_of_it_is_verified(void)
{
	struct zip with = options();

	usual_archive();
	with.verify = true;
	CHECK_EQ(begin(&with), 0);		/* what cannot be read is no damage */
	CHECK_EQ(end(STOPPED_WELL), 0);
}

/* The n-th read of the archive fails, whichever that is: all is said, and nothing is left. */
static void reading_may_fail(void)
{
	struct zip with = options();
	unsigned int nth = 0, failures = 0;
	int err;

	usual_archive();
	with.verify = true;
	do {
		said_nothing();
		calls_fail("pread", ++nth, EIO);
		err = begin(&with);
		CHECK(!err || err == -EIO);
		CHECK(!err || said_nothing());
		failures += err != 0;
		end(err ? NEVER_SERVED : STOPPED_WELL);
	} while (calls_failed());
	CHECK(failures > 4);
	CHECK_EQ(err, 0);
	calls_fail(NULL, 0, 0);
}

static void memory_may_be_short(void)
{
	static const char *const calls[] = { "mmap", "malloc", "pthread_create" };
	struct zip with = options();

	usual_archive();
	with.verify = true;
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		unsigned int nth = 0;
		int err;

		do {
			calls_fail(calls[i], ++nth, ENOMEM);
			z = with;
			wake = eventfd(0, EFD_CLOEXEC);
			disk = (struct disk){ 0 };
			err = zip_prepare(&z, &usual);
			if (!err)
				err = zip_open(&z, &disk);
			queue = err ? NULL : zip_queue_open(&z, wake);
			CHECK(err <= 0);
			end(err ? NEVER_SERVED : STOPPED_WELL);
		} while (calls_failed());
		CHECK(!err && nth > (i == 1 ? 0 : 1));
	}
	calls_fail(NULL, 0, 0);
}

/* --- an archive that is written to -------------------------------------------------------------------------------- */

static void it_changes_while_it_is_served(void)
{
	struct zip with = options();
	unsigned int failed = 0;
	int fd;

	usual_archive();
	with.member = "dir/stored";
	CHECK_EQ(begin(&with), 0);
	fd = open(archive_path, O_WRONLY | O_APPEND | O_CLOEXEC);
	CHECK_EQ(write(fd, "x", 1), 1);
	said_nothing();
	/* It is looked at again when that was a while ago. */
	for (int i = 0; i < 1000000 && !failed; i++) {
		failed += ask(0, 512, all) == -EIO;
		poll(NULL, 0, failed ? 0 : 1);
	}
	CHECK_EQ(failed, 1);
	CHECK(said("was changed while it is served: it had ") && said("--on-change=ignore"));
	said_nothing();
	CHECK_EQ(ask(0, 512, all), -EIO);
	CHECK_EQ(said_nothing(), 0);		/* once is enough */
	CHECK_EQ(end(STOPPED_WELL), 0);
	usual_archive();
	with.on_change = ON_CHANGE_IGNORE;
	CHECK_EQ(begin(&with), 0);
	CHECK_EQ(write(fd, "x", 1), 1);
	CHECK_EQ(ask(0, 512, all), 0);
	CHECK_EQ(end(STOPPED_WELL), 0);
	close(fd);
	usual_archive();			/* between keeper and server */
	with.on_change = ON_CHANGE_EIO;
	z = with;
	wake = eventfd(0, EFD_CLOEXEC);
	CHECK_EQ(zip_prepare(&z, &usual), 0);
	CHECK_EQ(truncate(archive_path, 100), 0);
	CHECK_EQ(zip_open(&z, &disk), -ESTALE);
	CHECK_EQ(end(NEVER_SERVED), 0);
}

/* --- going on as another program ------------------------------------------------------------------------------------ */

static void another_program_goes_on(void)
{
	struct zip with = options(), before;

	usual_archive();
	with.path = NULL;
	with.from_fd = (uint32_t)open(archive_path, O_RDONLY | O_CLOEXEC);
	CHECK_EQ(begin(&with), 0);
	z.index = INDEX_AUTO;			/* open() has decided, and it knows nothing of that */
	before = z;
	CHECK_EQ(zip_resume(&z, &usual), 0);
	CHECK_TEXT(zip_name(&z), before.name);
	CHECK(z.watch.name == zip_name(&z));
	z.watch.fd = z.backing.fd + 1;
	CHECK_EQ(zip_resume(&z, &usual), -EPROTO);
	z.watch.fd = -1;
	CHECK_EQ(zip_resume(&z, &usual), 0);
	z.backing.fd = -1;
	CHECK_EQ(zip_resume(&z, &usual), -EPROTO);
	z.from_fd = FD_NONE;
	CHECK_EQ(zip_resume(&z, &usual), -EUSAGE);
	z.backing.fd = before.backing.fd;
	CHECK_EQ(end(CUT_SHORT), 0);
	close((int)with.from_fd);
}

static void it_is_counted(void)
{
	struct zip with = options();
	struct stats page, seen;

	usual_archive();
	with.member = "large";
	z = with;
	wake = eventfd(0, EFD_CLOEXEC);
	CHECK_EQ(stats_open(&page, 64), 0);
	zip_count(&z, &page);
	CHECK_EQ(zip_prepare(&z, &usual), 0);
	CHECK_EQ(zip_open(&z, &disk), 0);
	CHECK_EQ(stats_take(&seen, page.fd), 0);
	CHECK_EQ(stats_value(&seen, stats_find(&seen, "zip_member_bytes")), large.size);
	stats_close(&seen);
	queue = zip_queue_open(&z, wake);
	CHECK_EQ(ask(0, 4096, all), 0);
	CHECK_EQ(stats_take(&seen, page.fd), 0);
	CHECK(stats_value(&seen, stats_find(&seen, "zip_served_bytes")) >= 4096);
	stats_close(&seen);
	CHECK_EQ(end(STOPPED_WELL), 0);
	stats_close(&page);
}

/* --- a list ------------------------------------------------------------------------------------------------------------- */

static char listed[64 << 10];

static int list_archive(const struct zip *with)
{
	int file = memfd_create("said", MFD_CLOEXEC), before = dup(STDOUT_FILENO), err;
	ssize_t n;

	said_nothing();
	z = *with;
	fflush(stdout);
	dup2(file, STDOUT_FILENO);
	err = zip_instead(&z, &usual);
	CHECK_EQ(text_out_flush(), 0);
	dup2(before, STDOUT_FILENO);
	close(before);
	n = pread(file, listed, sizeof(listed) - 1, 0);
	listed[n > 0 ? n : 0] = '\0';
	close(file);
	return err;
}

static bool lists(const char *part)
{
	if (strstr(listed, part))
		return true;
	printf("# there is no \"%s\" in:\n# %s\n", part, listed);
	return false;
}

#define DATE(year, month, day, hour, minute) \
	((uint32_t)((year) - 1980) << 25 | (month) << 21 | (day) << 16 | (hour) << 11 | (minute) << 5)

static void it_is_listed(void)
{
	struct zip with = options();

	set_up();
	add((struct content){ .name = "dir/", .mode = 040750, .stamp = DATE(1980, 1, 1, 0, 0) });
	add((struct content){ .name = "leap", .mode = 0100604, .stamp = DATE(2024, 2, 29, 23, 59), .packed = "abc", .packed_size = 3,
			      .size = 3, .crc = plain_crc("abc", 3) });
	add((struct content){ .name = "march", .stamp = DATE(2100, 3, 1, 12, 30) });
	add((struct content){ .name = "december", .stamp = DATE(1999, 12, 31, 1, 2) });
	add_large("large");
	add((struct content){ .name = "secret", .flags = 1, .packed = "????????????", .packed_size = 12, .size = 5 });
	add((struct content){ .name = "odd\033[2J\nname", .method = 98, .packed = "?", .packed_size = 1, .size = 5 });
	write_archive();
	with.unsupported = UNSUPPORTED_REFUSE;	/* they can be named all the same */
	CHECK_EQ(list_archive(&with), 1);	/* nobody asked for it */
	with.list = true;
	CHECK_EQ(list_archive(&with), 0);
	CHECK(lists("MODE               SIZE       PACKED METHOD    CRC32    MODIFIED (UTC)   NAME\n"));
	CHECK(lists("drwxr-x---            0            0 stored    00000000 1980-01-01 00:00 dir/\n"));
	CHECK(lists("-rw----r--            3            3 stored    352441c2 2024-02-29 23:59 leap\n"));
	CHECK(lists("2100-03-01 12:30 march\n"));
	CHECK(lists("1999-12-31 01:02 december\n"));
	CHECK(lists(" deflated  "));
	CHECK(lists(" encrypted "));
	CHECK(lists(" method-98 "));
	CHECK(!strchr(listed, '\033') && lists("odd"));
	with.path = "/nonexistent/archive.zip";
	CHECK_EQ(list_archive(&with), -ENOENT);
	with.path = NULL;
	CHECK_EQ(list_archive(&with), -EUSAGE);
	with.path = archive_path;
	calls_fail("pread", 1, EIO);
	CHECK_EQ(list_archive(&with), -EIO);
	calls_fail(NULL, 0, 0);
	CHECK_EQ(truncate(archive_path, 100), 0);
	CHECK(list_archive(&with) < 0);
	CHECK_TEXT(listed, "");
}

int main(void)
{
	static const struct test tests[] = {
		{ "a tree is a disk, and all that is in it can be read", a_tree_is_a_disk },
		{ "a member is a disk, whenever it is indexed", a_member_is_a_disk },
		{ "what is no disk is refused", what_is_no_disk },
		{ "options make sense", options_make_sense },
		{ "an index is kept, if it is whole", an_index_is_kept },
		{ "an index may not be had", an_index_may_not_be_had },
		{ "damage is of one file", damage_is_of_one_file },
		{ "not all that is damaged is named", not_all_damage_is_named },
		{ "all of it is verified", all_of_it_is_verified },
		{ "any read may fail", reading_may_fail },
		{ "any memory may be short", memory_may_be_short },
		{ "an archive that is written to is not read from", it_changes_while_it_is_served },
		{ "another program goes on with it", another_program_goes_on },
		{ "what matters is counted", it_is_counted },
		{ "what is in it is listed", it_is_listed },
	};
	int result;

	CHECK(mkdtemp(root));
	snprintf(archive_path, sizeof(archive_path), "%s/archive.zip", root);
	snprintf(index_path, sizeof(index_path), "%s/index", root);
	deflater_open(&large, check_seed());
	deflater_random(&large, LARGE);
	CHECK(large.packed_size < sizeof(made.bytes) / 3 && large.size < sizeof(all) / 2);
	result = check_main(tests, ARRAY_SIZE(tests));
	deflater_close(&large);
	unlink(archive_path);
	unlink(index_path);
	return rmdir(root) ? 1 : result;
}
