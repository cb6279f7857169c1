/* SPDX-License-Identifier: MIT */
/*
 * test_archive.c - what is taken for an archive, and what is told of its entries
 *
 * With SEEDS_TO=DIRECTORY every archive that is opened is also left there: each
 * is small and stands for one rule, which is what a fuzzer wants to begin with.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "applets/zip/archive.h"
#include "applets/zip/crc32.h"
#include "applets/zip/meta.h"
#include "applets/zip/names.h"
#include "tests/check.h"
#include "tests/unit/said.h"
#include "tests/unit/zips.h"

#define SEED_MAX 4096

enum { DOS = 0, UNIX = 3, NTFS = 10, VFAT = 14, MACOS = 19 };

static struct zip z;
static struct archive_policy policy;
static char names[1 << 16];		/* of the entries that came out, each with a ',' behind it */
static struct entry last;		/* the last of them */
static char last_name[ARCHIVE_PATH_MAX + 1];
static int stop_after;			/* reads of the source, if not 0 */
#define READS_MAX 30

static void begin(void)
{
	zip_begin(&z);
	policy = (struct archive_policy){ .max_entries = 1000000 };
	stop_after = 0;
}

static void add(const char *name, const char *data)
{
	zip_add(&z, &(struct member){ .name = name, .data = data, .host = UNIX, .mode = S_IFREG | 0644 });
}

/* One entry and an end. */
static void one(const struct member *member)
{
	begin();
	zip_add(&z, member);
	zip_end(&z, "");
}

static void leave_seed(void)
{
	static int number;
	const char *to = getenv("SEEDS_TO");
	char path[300];
	int fd;

	if (!to || z.length > SEED_MAX)
		return;
	snprintf(path, sizeof(path), "%s/%04d", to, number++);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	CHECK_EQ(write(fd, z.bytes, z.length), (ssize_t)z.length);
	close(fd);
}

static int read_until_stopped(const struct source *source, uint64_t offset, void *into, uint32_t length)
{
	if (stop_after && !--stop_after)
		return -EREMOTEIO;
	return zip_read(source, offset, into, length);
}

static void remember_last(const struct entry *entry)
{
	size_t used = strlen(names);

	CHECK_EQ(strlen(entry->name), entry->name_length);
	last = *entry;
	memcpy(last_name, entry->name, entry->name_length + 1U);
	snprintf(names + used, sizeof(names) - used, "%s,", entry->name);
}

/* How many entries come out, or the error; the CRC of the directory at the end. */
static int outcome_crc(uint32_t *crc)
{
	struct source source = zip_source(&z);
	struct archive *archive;
	struct entry entry;
	int count = 0, got;

	source.read = read_until_stopped;
	leave_seed();
	said_nothing();
	names[0] = '\0';
	got = archive_open(&archive, &source, &policy);
	while (!got && (got = archive_next(archive, &entry)) > 0) {
		remember_last(&entry);
		count++;
		got = 0;
	}
	CHECK(got || (uint64_t)count <= archive_entries(archive));
	CHECK_EQ(archive_next(archive, &entry), got);		/* the end stays the end, and an error an error */
	*crc = archive_crc(archive);
	archive_close(archive);
	return got < 0 ? got : count;
}

/* Each read of any archive that is read here fails once, and no entry but those before it comes out. */
static void each_read_fails(void)
{
	uint32_t crc;

	for (int after = 1; after < READS_MAX; after++) {
		stop_after = after;
		if (!CHECK(outcome_crc(&crc) == -EREMOTEIO || stop_after) || stop_after)
			break;
	}
	stop_after = 0;
}

static int outcome(void)
{
	uint32_t crc;

	if (!stop_after)
		each_read_fails();
	return outcome_crc(&crc);
}

#define REFUSED(error, why) do { CHECK_EQ(outcome(), error); CHECK(said(why)); } while (0)
#define NAMED(raw, wanted) do { one(&(struct member){ .name = (raw), .host = UNIX }); CHECK_EQ(outcome(), 1); \
	CHECK_TEXT(last_name, wanted); } while (0)

/* --- the end record ---------------------------------------------------------------- */

static void empty_archive(void)
{
	begin();
	zip_end(&z, "");
	CHECK_EQ(outcome(), 0);
	zip_begin(&z);
	zip_end(&z, "nothing in here");
	CHECK_EQ(outcome(), 0);
}

static void no_archive(void)
{
	begin();
	REFUSED(-EINVAL, "no zip archive");
	zip_append(&z, "PK\5\6, says a text that is long enough", 37);
	REFUSED(-EINVAL, "not complete");
	zip_begin(&z);
	zip_append(&z, NULL, 100000);
	REFUSED(-EINVAL, "no zip archive");
	begin();
	add("a", "data");
	zip_end(&z, "");
	z.length -= 22;
	REFUSED(-EINVAL, "not complete");
	memcpy(z.bytes, "PK\7\10", 4);
	REFUSED(-EOPNOTSUPP, "split into several files");
}

static void truncated_end(void)
{
	begin();
	add("a", "");
	zip_end(&z, "comment");
	CHECK_EQ(outcome(), 1);
	z.length--;
	REFUSED(-EINVAL, "its end is missing");
	z.length = z.end + 21;
	REFUSED(-EINVAL, "its end is missing");
}

static void trailing_bytes(void)
{
	begin();
	add("a", "");
	zip_end(&z, "c");
	zip_append(&z, "\n", 1);
	REFUSED(-EINVAL, "but 1 more bytes follow");
	CHECK(said("truncate --size=101"));
	CHECK_EQ(z.length, 102);
}

static void two_ends(void)
{
	static unsigned char comment[22 + 1] = "PK\5\6................";

	begin();
	add("a", "");
	put16(comment + 20, 0);
	memset(comment + 4, ' ', 16);
	zip_add_directory(&z);
	zip_add_end(&z, "");
	put16(end_record(&z) + 20, 22);
	zip_append(&z, comment, 22);
	REFUSED(-EINVAL, "two end records");
	z.bytes[z.length - 1] = 1;			/* now the other one's comment would be longer than the file */
	CHECK_EQ(outcome(), 1);
}

static void longest_comment(void)
{
	static char comment[65536];

	memset(comment, 'x', 65535);
	begin();
	add("a", "");
	zip_end(&z, comment);
	CHECK_EQ(outcome(), 1);
	zip_append(&z, "x", 1);
	REFUSED(-EINVAL, "no");
}

static void parts(void)
{
	for (int at = 4; at <= 8; at += 2) {
		begin();
		add("a", "");
		zip_end(&z, "");
		end_record(&z)[at]++;
		REFUSED(-EOPNOTSUPP, "several parts");
		CHECK(said("zip -s 0"));
	}
	begin();
	add("a", "");
	zip_end(&z, "");
	put16(record(&z, 0) + 34, 1);
	REFUSED(-EOPNOTSUPP, "entry a is in another part");
}

static void base(void)
{
	begin();
	zip_append(&z, "#!/bin/sh\nexit\n", 15);
	z.base = z.length;
	add("a", "data");
	zip_end(&z, "");
	CHECK_EQ(outcome(), 1);
	CHECK_EQ(last.header, 15);
	CHECK_EQ(last.size, 4);
	z.base = 0;
	put32(end_record(&z) + 16, z.directory);	/* as tools that mend the offsets would have it */
	put32(record(&z, 0) + 42, 15);
	CHECK_EQ(outcome(), 1);
	CHECK_EQ(last.header, 15);
}

static void missing_start(void)
{
	begin();
	add("a", "data");
	zip_end(&z, "");
	put32(end_record(&z) + 16, z.directory + 7);
	REFUSED(-EINVAL, "7 bytes are missing");
}

static void directory_elsewhere(void)
{
	begin();
	add("a", "data");
	zip_end(&z, "");
	put32(end_record(&z) + 12, z.records_length - 1);
	REFUSED(-EINVAL, "not where its end record says");
	put32(end_record(&z) + 12, z.length);
	REFUSED(-EINVAL, "larger than all");
	begin();
	add("a", "data");
	zip_add_directory(&z);
	zip_append(&z, "gap", 3);
	zip_add_end(&z, "");
	REFUSED(-EINVAL, "not where its end record says");
}

/* As after "cat one.zip another.zip" of the same size. */
static void two_directories(void)
{
	size_t length;

	begin();
	add("a", "one");
	zip_end(&z, "");
	length = z.length;
	memcpy(zip_append(&z, NULL, length), z.bytes, length);
	REFUSED(-EINVAL, "two directories");
	z.bytes[z.directory] = 0;
	CHECK_EQ(outcome(), 1);
	CHECK_EQ(last.header, length);
}

static void promised_entries(void)
{
	begin();
	add("a", "");
	add("b", "");
	zip_end(&z, "");
	put16(end_record(&z) + 8, 3);
	put16(end_record(&z) + 10, 3);
	REFUSED(-EINVAL, "more entries than its directory has room for");
	put16(end_record(&z) + 8, 1);
	put16(end_record(&z) + 10, 1);
	REFUSED(-EINVAL, "goes on after the 1 entries");
	put16(end_record(&z) + 8, 0);
	put16(end_record(&z) + 10, 0);
	REFUSED(-EINVAL, "goes on after the 0 entries");
	begin();
	zip_add(&z, &(struct member){ .name = "a", .comment = 60 });
	zip_end(&z, "");
	put16(end_record(&z) + 8, 2);
	put16(end_record(&z) + 10, 2);
	REFUSED(-EINVAL, "at entry 2 of 2: there are fewer");
}

static void most_entries(void)
{
	begin();
	add("a", "");
	add("b", "");
	zip_end(&z, "");
	policy.max_entries = 2;
	CHECK_EQ(outcome(), 2);
	policy.max_entries = 1;
	REFUSED(-EOPNOTSUPP, "2 entries, and no more than 1");
	CHECK(said("--max-entries=2"));
}

static void unreadable_source(void)
{
	for (int after = 1; after <= 4; after++) {
		begin();
		add("a", "");
		zip_end(&z, "");
		stop_after = after;
		REFUSED(-EREMOTEIO, "read the archive");
	}
	stop_after = 5;
	CHECK_EQ(outcome(), 1);
}

/* --- zip64 ------------------------------------------------------------------------- */

static void sentinels(void)
{
	memset(end_record(&z) + 4, 0xff, 16);
}

static void wide_end(void)
{
	begin();
	z.base = 9;
	zip_append(&z, NULL, 9);
	add("a", "data");
	zip_add_directory(&z);
	zip_add_wide(&z);
	zip_add_end(&z, "");
	CHECK_EQ(outcome(), 1);				/* both say the same */
	sentinels();
	CHECK_EQ(outcome(), 1);
	CHECK_EQ(last.header, 9);
}

static void wide_end_disagrees(void)
{
	static const struct { int at, size; } fields[] = {
		{ 4, 2 }, { 6, 2 }, { 8, 2 }, { 10, 2 }, { 12, 4 }, { 16, 4 },
	};

	for (unsigned int i = 0; i < 6; i++) {
		begin();
		add("a", "data");
		zip_add_directory(&z);
		zip_add_wide(&z);
		zip_add_end(&z, "");
		sentinels();
		put_bytes(end_record(&z) + fields[i].at, 77, (unsigned int)fields[i].size);
		REFUSED(-EINVAL, "contradict each other");
	}
}

static void wide_end_missing(void)
{
	begin();
	add("a", "data");
	zip_add_directory(&z);
	zip_add_wide(&z);
	zip_add_end(&z, "");
	sentinels();
	put32(wide_record(&z), 0);
	REFUSED(-EINVAL, "zip64 end record is not where it should be");
	put32(wide_record(&z), 0x06064b50);
	wide_record(&z)[4]++;
	REFUSED(-EINVAL, "zip64 end record is not where it should be");
	wide_record(&z)[4]--;
	wide_record(&z)[64]++;				/* where the locator says */
	REFUSED(-EINVAL, "zip64 records contradict each other");
	wide_record(&z)[64] -= 2;
	REFUSED(-EINVAL, "zip64 records contradict each other");
	wide_record(&z)[64]++;
	wide_record(&z)[64 + 6]++;
	REFUSED(-EINVAL, "zip64 records contradict each other");
	wide_record(&z)[64 + 6]--;
	CHECK_EQ(outcome(), 1);
	wide_record(&z)[56] = 0;
	REFUSED(-EOPNOTSUPP, "several parts");		/* 65535 of everything, and no locator */
}

static void locator_alone(void)
{
	begin();
	put32(zip_append(&z, NULL, 20), 0x07064b50);
	zip_end(&z, "");
	CHECK_EQ(outcome(), 0);
	put16(end_record(&z) + 10, 0xffff);
	REFUSED(-EINVAL, "zip64 end record is not where it should be");
	put16(end_record(&z) + 10, 0);
	for (int at = 12; at <= 16; at += 4) {		/* any of the numbers may say "see there" */
		put32(end_record(&z) + at, UINT32_MAX);
		REFUSED(-EINVAL, "zip64 end record is not where it should be");
		put32(end_record(&z) + at, 0);
	}
}

static void wide_parts(void)
{
	static const int at[] = { 16, 20, 24, 60, 72 };

	for (unsigned int i = 0; i < 5; i++) {
		begin();
		add("a", "data");
		zip_add_directory(&z);
		zip_add_wide(&z);
		zip_add_end(&z, "");
		sentinels();
		wide_record(&z)[at[i]] += at[i] == 24 ? 255 : 1;
		REFUSED(-EOPNOTSUPP, "several parts");
		put32(wide_record(&z) + 72, 0);		/* some tools count from 0 */
		CHECK_EQ(outcome(), at[i] == 72 ? 1 : -EOPNOTSUPP);
	}
}

/* What looks like a locator at the end of the directory, and is part of a comment */
static void locator_in_comment(void)
{
	begin();
	zip_add(&z, &(struct member){ .name = "a", .comment = 20 });
	zip_end(&z, "");
	put32(end_record(&z) - 20, 0x07064b50);
	CHECK_EQ(outcome(), 1);
	begin();
	zip_add(&z, &(struct member){ .name = "a", .comment = 76 });
	zip_end(&z, "");
	put32(end_record(&z) - 20, 0x07064b50);
	put64(end_record(&z) - 12, z.end - 76);
	put32(end_record(&z) - 76, 0x06064b50);
	put64(end_record(&z) - 72, 44);
	REFUSED(-EINVAL, "contradict each other");
}

/* With what it has to say besides, which only can be found through the locator */
static void longer_wide_end(void)
{
	begin();
	add("a", "data");
	zip_add_directory(&z);
	zip_add_wide(&z);
	z.length -= 20;
	put64(wide_record(&z) + 4, 44 + 10);
	zip_append(&z, NULL, 10);
	zip_append(&z, "PK\6\7\0\0\0\0", 8);
	put64(zip_append(&z, NULL, 8), z.wide);
	put32(zip_append(&z, NULL, 4), 1);
	zip_add_end(&z, "");
	sentinels();
	CHECK_EQ(outcome(), 1);
	wide_record(&z)[4]++;
	REFUSED(-EINVAL, "zip64 end record is not where it should be");
}

static void two_wide_ends(void)
{
	begin();
	add("a", "data");
	zip_add_directory(&z);
	zip_add_wide(&z);
	zip_add_wide(&z);
	z.wide -= 76;
	put64(wide_record(&z) + 4, 44 + 76);
	put64(wide_record(&z) + 76 + 64, z.wide);
	zip_add_end(&z, "");
	sentinels();
	REFUSED(-EINVAL, "two zip64 records");
}

static void more_than_65535(void)
{
	uint32_t crc;

	begin();
	for (int i = 0; i < 65537; i++)
		add("n", "");
	zip_add_directory(&z);
	zip_add_wide(&z);
	zip_add_end(&z, "");
	sentinels();
	CHECK_EQ(outcome_crc(&crc), 65537);
	CHECK_EQ(crc, crc32_add(0, z.records, z.records_length));
	z.length = z.wide;				/* their number modulo 65536, as old tools have it */
	zip_add_end(&z, "");
	REFUSED(-EINVAL, "goes on after the 1 entries");
	begin();
	for (int i = 0; i < 65535; i++)
		add("n", "");
	zip_end(&z, "");
	CHECK_EQ(outcome(), 65535);			/* this many are no sentinel if there is no zip64 record */
}

static void wide_entry(void)
{
	unsigned char extra[32] = { 1, 0, 28, 0 };

	put64(extra + 4, 4);		/* size */
	put64(extra + 12, 5);		/* packed */
	put64(extra + 20, 0);
	begin();
	zip_add(&z, &(struct member){ .name = "a", .data = "12345", .method = 8, .host = UNIX, .extra = extra,
		.extra_length = 32 });
	zip_end(&z, "");
	put32(extra + 4, 77);
	CHECK_EQ(outcome(), 1);				/* not looked at */
	CHECK_EQ(last.size, 5);
	memset(record(&z, 0) + 20, 0xff, 8);
	put16(record(&z, 0) + 34, 0xffff);
	put32(record(&z, 0) + 42, UINT32_MAX);
	CHECK_EQ(outcome(), 1);
	CHECK_EQ(last.size, 4);
	CHECK_EQ(last.packed, 5);
	record(&z, 0)[46 + 1 + 28] = 1;			/* the part */
	REFUSED(-EOPNOTSUPP, "another part");
	put16(record(&z, 0) + 34, 0);
	CHECK_EQ(outcome(), 1);
	put32(record(&z, 0) + 24, 6);			/* now packed is the first */
	put32(record(&z, 0) + 42, 0);
	CHECK_EQ(outcome(), 1);
	CHECK_EQ(last.packed, 4);
	CHECK_EQ(last.size, 6);
}

static void wide_entry_missing(void)
{
	static const struct { int at, size; } fields[] = { { 20, 4 }, { 24, 4 }, { 34, 2 }, { 42, 4 } };
	static const unsigned char extra[] = { 1, 0, 3, 0, 0, 0, 0 };

	for (unsigned int i = 0; i < 8; i++) {
		one(&(struct member){ .name = "a", .extra = extra, .extra_length = i < 4 ? sizeof(extra) : 0 });
		memset(record(&z, 0) + fields[i % 4].at, 0xff, (size_t)fields[i % 4].size);
		REFUSED(-EINVAL, "entry a is damaged: its zip64 field is missing or too short");
	}
}

/* --- the directory ----------------------------------------------------------------- */

static void wrong_record(void)
{
	begin();
	add("a", "");
	add("b", "");
	zip_end(&z, "");
	put32(record(&z, 1), 0x02014b51);
	REFUSED(-EINVAL, "damaged at entry 2 of 2: something else");
	put32(record(&z, 1), 0x02014b50);
	for (int at = 28; at <= 32; at += 2) {
		record(&z, 1)[at + 1]++;
		REFUSED(-EINVAL, "damaged at entry 2 of 2: it is longer");
		record(&z, 1)[at + 1]--;
	}
	CHECK_EQ(outcome(), 2);
}

static void add_signature(size_t length, size_t said_length)
{
	begin();
	add("a", "");
	memcpy(z.records + z.records_length, "PK\5\5", 4);
	put16(z.records + z.records_length + 4, said_length);
	memset(z.records + z.records_length + 6, 's', length);
	z.records_length += 6 + length;
	zip_end(&z, "");
}

static void signature(void)
{
	uint32_t crc;

	add_signature(20, 20);
	CHECK_EQ(outcome_crc(&crc), 1);
	CHECK_EQ(crc, crc32_add(0, z.records, z.records_length));
	add_signature(65535, 65535);	/* more than is read at a time */
	CHECK_EQ(outcome(), 1);
	add_signature(20, 19);
	REFUSED(-EINVAL, "goes on after");
	add_signature(20, 21);
	REFUSED(-EINVAL, "goes on after");
	add_signature(20, 20);
	z.bytes[z.end - 26]++;
	REFUSED(-EINVAL, "goes on after");
	begin();
	add("a", "");
	z.records_length += 5;		/* too short for one */
	zip_end(&z, "");
	REFUSED(-EINVAL, "goes on after");
}

/* Records of all lengths across the edges of what is read at a time */
static void large_records(void)
{
	static char name[65536], extra[65535], expected[2000];
	char *at = expected;
	uint64_t state = check_seed();
	uint32_t crc;

	for (size_t i = 0; i < sizeof(name) - 1; i++)
		name[i] = i % 2 ? '/' : '.';
	begin();
	for (int i = 0; i < 16; i++) {
		at += sprintf(at, "%c,", 'a' + i);
		name[0] = (char)('a' + i);
		extra[2] = (char)0xfb;
		extra[3] = (char)0xff;
		zip_add(&z, &(struct member){ .name = name, .extra = extra, .extra_length = sizeof(extra), .comment = 65535,
			.host = UNIX });
		for (unsigned int more = check_random(&state) % 40; more; more--) {
			char small[] = { (char)('A' + check_random(&state) % 26), '/', '\0' };

			zip_add(&z, &(struct member){ .name = small, .comment = check_random(&state) % 3000 });
			at += sprintf(at, "%c,", small[0]);
		}
	}
	zip_end(&z, "");
	CHECK_EQ(outcome_crc(&crc), z.entries);
	CHECK_TEXT(names, expected);
	CHECK_EQ(crc, crc32_add(0, z.records, z.records_length));
	for (int after = 1; ; after++) {		/* each read fails once */
		int got;

		stop_after = after;
		got = outcome_crc(&crc);
		if (stop_after || !CHECK_EQ(got, -EREMOTEIO))
			break;
	}
	stop_after = 0;
}

static void two_archives_two_crcs(void)
{
	uint32_t first, second;

	begin();
	add("a", "1");
	zip_end(&z, "");
	CHECK_EQ(outcome_crc(&first), 1);
	begin();
	add("a", "2");
	zip_end(&z, "");
	CHECK_EQ(outcome_crc(&second), 1);
	CHECK(first != second);
	CHECK_EQ(first, crc32_add(0, z.bytes, 0) ^ first);
}

static void extra_beyond_end(void)
{
	static const unsigned char ok[] = { 9, 9, 2, 0, 1, 2, 0, 0, 0 }, beyond[] = { 9, 9, 2, 0, 1 };

	one(&(struct member){ .name = "a", .extra = ok, .extra_length = sizeof(ok) });
	CHECK_EQ(outcome(), 1);				/* 3 bytes of padding */
	one(&(struct member){ .name = "a", .extra = beyond, .extra_length = sizeof(beyond), .comment = 9 });
	REFUSED(-EINVAL, "entry a is damaged: its extra field reaches");
}

static void extra_twice(void)
{
	static const unsigned char wide[] = { 1, 0, 0, 0, 1, 0, 0, 0 }, path[] = { 0x75, 0x70, 0, 0, 0x75, 0x70, 0, 0 },
		time[] = { 0x55, 0x54, 5, 0, 1, 7, 0, 0, 0, 0x55, 0x54, 5, 0, 1, 8, 0, 0, 0 };

	one(&(struct member){ .name = "a", .extra = wide, .extra_length = sizeof(wide) });
	REFUSED(-EINVAL, "entry a is ambiguous");
	one(&(struct member){ .name = "a", .extra = path, .extra_length = sizeof(path) });
	REFUSED(-EINVAL, "entry a is ambiguous");
	one(&(struct member){ .name = "a", .extra = time, .extra_length = sizeof(time) });
	CHECK_EQ(outcome(), 1);
	CHECK_EQ(last.mtime, 7);
}

/* --- bounds ------------------------------------------------------------------------ */

static void data_before_directory(void)
{
	begin();
	add("a", "data");
	zip_end(&z, "");
	CHECK_EQ(outcome(), 1);
	put32(record(&z, 0) + 42, 1);
	REFUSED(-EINVAL, "entry a is damaged: its data reaches beyond");
	put32(record(&z, 0) + 42, z.directory - 10);
	REFUSED(-EINVAL, "its data reaches beyond");
	put32(record(&z, 0) + 42, z.directory + 1);
	REFUSED(-EINVAL, "its data reaches beyond");
	put32(record(&z, 0) + 42, 0xfffffffe);
	REFUSED(-EINVAL, "its data reaches beyond");
	put32(record(&z, 0) + 42, 0);
	put32(record(&z, 0) + 20, 5);
	put32(record(&z, 0) + 24, 5);
	REFUSED(-EINVAL, "its data reaches beyond");
	put32(record(&z, 0) + 20, 0xfffffffe);
	REFUSED(-EINVAL, "its data reaches beyond");
	begin();
	zip_append(&z, NULL, 100);			/* what is before the archive is no room for it */
	z.base = z.length;
	add("a", "data");
	zip_end(&z, "");
	put32(record(&z, 0) + 42, 1);
	REFUSED(-EINVAL, "its data reaches beyond");
}

static void huge_numbers(void)
{
	unsigned char extra[28] = { 1, 0, 24, 0 };

	for (int i = 0; i < 3; i++) {
		put64(extra + 4, 0);
		put64(extra + 12, 0);
		put64(extra + 20, 0);
		put64(extra + 4 + 8 * i, i ? UINT64_MAX : 1ULL << 63);
		one(&(struct member){ .name = "a", .extra = extra, .extra_length = sizeof(extra), .method = 8 });
		memset(record(&z, 0) + 20, 0xff, 8);
		put32(record(&z, 0) + 42, UINT32_MAX);
		REFUSED(-EINVAL, i ? "its data reaches beyond" : "its size is impossible");
	}
}

static void stored_sizes(void)
{
	begin();
	add("a", "data");
	zip_end(&z, "");
	put32(record(&z, 0) + 24, 5);
	REFUSED(-EINVAL, "stored, and has two sizes");
	put32(record(&z, 0) + 24, 3);
	REFUSED(-EINVAL, "stored, and has two sizes");
	record(&z, 0)[8] = 1;				/* encrypted ones are 12 bytes longer */
	policy.unsupported = UNSUPPORTED_EIO;
	CHECK_EQ(outcome(), 1);
}

static void deflated_sizes(void)
{
	one(&(struct member){ .name = "a", .data = "12", .method = 8, .size = 2 * 1032 + 32 });
	CHECK_EQ(outcome(), 1);
	one(&(struct member){ .name = "a", .data = "12", .method = 8, .size = 2 * 1032 + 33 });
	REFUSED(-EINVAL, "so few bytes");
	one(&(struct member){ .name = "a", .data = "", .method = 8, .size = 33 });
	REFUSED(-EINVAL, "so few bytes");
}

/* --- what is not supported --------------------------------------------------------- */

static void methods(void)
{
	static const struct { uint16_t method; const char *text; } wrong[] = {
		{ 9, "method 9 (Deflate64)" }, { 12, "(bzip2)" }, { 14, "(LZMA)" }, { 93, "(zstd)" }, { 95, "(xz)" },
		{ 98, "(PPMd)" }, { 1, "method 1," }, { 65535, "method 65535," },
	};

	for (unsigned int i = 0; i < 8; i++) {
		one(&(struct member){ .name = "a", .method = wrong[i].method });
		REFUSED(-EOPNOTSUPP, wrong[i].text);
		CHECK(said("entry a is packed with"));
		CHECK(said("--unsupported=hide"));
	}
}

static void encryption(void)
{
	static const uint16_t flags[] = { 0x1, 0x40, 0x2000 };

	for (unsigned int i = 0; i < 3; i++) {
		one(&(struct member){ .name = "a", .flags = flags[i] });
		REFUSED(-EOPNOTSUPP, "entry a is encrypted");
	}
	one(&(struct member){ .name = "a", .method = 99 });
	REFUSED(-EOPNOTSUPP, "entry a is encrypted");
	one(&(struct member){ .name = "a", .flags = 0x20 });
	REFUSED(-EOPNOTSUPP, "entry a is a patch");
	one(&(struct member){ .name = "a", .flags = 0xffff & ~0x2061 });
	CHECK_EQ(outcome(), 1);
	CHECK(!last.unreadable);
}

static void unsupported_policy(void)
{
	begin();
	add("a", "");
	zip_add(&z, &(struct member){ .name = "b", .method = 93, .data = "x", .size = 1000000 });
	add("c", "");
	zip_end(&z, "");
	policy.unsupported = UNSUPPORTED_HIDE;
	CHECK_EQ(outcome(), 2);
	CHECK_TEXT(names, "a,c,");
	CHECK(said("entry b is packed with method 93 (zstd), which is not supported; it is left out"));
	CHECK(!last.unreadable);
	policy.unsupported = UNSUPPORTED_EIO;
	CHECK_EQ(outcome(), 3);
	CHECK_TEXT(names, "a,b,c,");
	CHECK(said("reads of it fail"));
	CHECK(!last.unreadable);
	one(&(struct member){ .name = "b", .method = 93, .data = "x", .size = 1000000 });
	policy.unsupported = UNSUPPORTED_EIO;
	CHECK_EQ(outcome(), 1);
	CHECK(last.unreadable);
	CHECK_EQ(last.size, 1000000);
	CHECK_EQ(last.method, 93);
}

static void hard_links(void)
{
	static const unsigned char link[] = { 0xd, 0, 13, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 4, 4, 'a' };
	unsigned char plain[16];

	memcpy(plain, link, sizeof(plain));
	plain[2] = 12;
	one(&(struct member){ .name = "b", .extra = link, .extra_length = sizeof(link) });
	REFUSED(-EOPNOTSUPP, "entry b is a hard link");
	policy.unsupported = UNSUPPORTED_EIO;
	REFUSED(-EOPNOTSUPP, "entry b is a hard link");
	policy.unsupported = UNSUPPORTED_HIDE;
	CHECK_EQ(outcome(), 0);
	CHECK(said("entry b is a hard link"));
	one(&(struct member){ .name = "b", .extra = plain, .extra_length = sizeof(plain) });
	CHECK_EQ(outcome(), 1);
	one(&(struct member){ .name = "b", .host = UNIX, .mode = S_IFLNK | 0777, .data = "a", .extra = link,
		.extra_length = sizeof(link) });
	CHECK_EQ(outcome(), 1);
}

static void rate(void)
{
	begin();
	for (int i = 0; i < 15; i++)
		zip_add(&z, &(struct member){ .name = "..", .host = UNIX });
	for (int i = 0; i < 15; i++)
		zip_add(&z, &(struct member){ .name = "m", .method = 93 });
	for (int i = 0; i < 10; i++)
		zip_add(&z, &(struct member){ .name = "f", .host = UNIX, .mode = S_IFIFO });
	zip_end(&z, "");
	policy.bad_names = BAD_NAMES_SKIP;
	policy.unsupported = UNSUPPORTED_HIDE;
	CHECK_EQ(outcome(), 0);
	CHECK(said("more entries are like this"));
	CHECK_EQ(said_nothing(), 11 + 11 + 10);
}

/* --- names ------------------------------------------------------------------------- */

static void plain_names(void)
{
	NAMED("a", "a");
	NAMED("a/b/c", "a/b/c");
	NAMED("./a", "a");
	NAMED("a//b", "a/b");
	NAMED("a/./b", "a/b");
	NAMED("a/b/", "a/b");
	NAMED("a/.", "a");
	NAMED("...", "...");
	NAMED("a/..b/c..", "a/..b/c..");
	NAMED(".a/b.", ".a/b.");
	NAMED("a\\b", "a\\b");
	NAMED("C:a", "C:a");
	NAMED("new\nline", "new\nline");
	CHECK_EQ(said_nothing(), 0);
}

static void root(void)
{
	NAMED("./", "");
	CHECK_EQ(last.mode, S_IFDIR | 0755);
	CHECK_EQ(last.name_length, 0);
	NAMED("./././/", "");
	NAMED("/", "");
	CHECK(said("absolute"));
	one(&(struct member){ .name = ".", .attributes = 0x10 });
	CHECK_EQ(outcome(), 1);
	one(&(struct member){ .name = "." });
	REFUSED(-EINVAL, "no name but the root's");
	one(&(struct member){ .name = ".", .host = UNIX, .mode = S_IFIFO });
	REFUSED(-EINVAL, "no name but the root's");
	one(&(struct member){ .name = "C:" });
	REFUSED(-EINVAL, "no name but the root's");
}

/* All the same with skip, and the entry after it is not affected. */
static void bad(const struct member *member, const char *why)
{
	one(member);
	REFUSED(-EINVAL, why);
	CHECK(said("--bad-names=skip"));
	begin();
	zip_add(&z, member);
	add("good", "");
	zip_end(&z, "");
	policy.bad_names = BAD_NAMES_SKIP;
	CHECK_EQ(outcome(), 1);
	CHECK_TEXT(names, "good,");
	CHECK(said(why));
	CHECK(said("left out"));
}

static void bad_names(void)
{
	static const char *const up[] = { "..", "../a", "a/..", "a/../b", "/..", "./..", "..//", "a/b/../../c" };

	for (unsigned int i = 0; i < sizeof(up) / sizeof(up[0]); i++)
		bad(&(struct member){ .name = up[i], .host = UNIX }, "\"..\"");
	bad(&(struct member){ .name = "a\\..\\b", .host = DOS }, "\"..\"");
	bad(&(struct member){ .name = "", .host = UNIX }, "no name");
	bad(&(struct member){ .name = "", .attributes = 0x10 }, "no name");
	bad(&(struct member){ .name = "a\0b", .name_length = 3 }, "NUL");
	bad(&(struct member){ .name = "a\0/", .name_length = 3 }, "NUL");
	bad(&(struct member){ .name = "\0", .name_length = 1 }, "NUL");
}

static char long_name[5000];

/* @count components of @length letters each. */
static const char *long_path(int count, int length, int rest)
{
	char *at = long_name;

	for (int i = 0; i < count; i++) {
		memset(at, 'x', (size_t)length);
		at += length;
		*at++ = '/';
	}
	memset(at, 'y', (size_t)rest);
	at[rest] = '\0';
	return long_name;
}

static void long_names(void)
{
	NAMED(long_path(0, 0, 255), long_name);
	bad(&(struct member){ .name = long_path(0, 0, 256), .host = UNIX }, "more than 255 bytes between");
	bad(&(struct member){ .name = long_path(2, 256, 1), .host = UNIX }, "more than 255 bytes between");
	NAMED(long_path(15, 255, 255), long_name);
	CHECK_EQ(last.name_length, 4095);
	bad(&(struct member){ .name = long_path(16, 254, 16), .host = UNIX }, "more than 4095 bytes");
	bad(&(struct member){ .name = long_path(16, 255, 1), .host = UNIX }, "more than 4095 bytes");
	memset(long_name, '.', 4999);
	for (int i = 1; i < 4998; i += 2)
		long_name[i] = '/';
	long_name[4998] = '\0';
	NAMED(long_name, "");				/* only what is left counts */
	long_path(0, 0, 86);
	memset(long_name, 0xb0, 86);			/* 3 bytes each */
	bad(&(struct member){ .name = long_name, .host = UNIX }, "more than 255 bytes between");
	long_name[85] = '\0';
	one(&(struct member){ .name = long_name, .host = UNIX });
	CHECK_EQ(outcome(), 1);
	CHECK_EQ(last.name_length, 255);
}

static void dos_names(void)
{
	static const uint8_t hosts[] = { DOS, NTFS, VFAT };

	for (unsigned int i = 0; i < 3; i++) {
		one(&(struct member){ .name = "a\\b\\c", .host = hosts[i] });
		CHECK_EQ(outcome(), 1);
		CHECK_TEXT(last_name, "a/b/c");
		CHECK(S_ISREG(last.mode));
		one(&(struct member){ .name = "a\\b\\", .host = hosts[i] });
		CHECK_EQ(outcome(), 1);
		CHECK_TEXT(last_name, "a/b");
		CHECK(S_ISDIR(last.mode));
		one(&(struct member){ .name = "a\\b/c", .host = hosts[i] });
		CHECK_EQ(outcome(), 1);
		CHECK_TEXT(last_name, "a\\b/c");
		CHECK_EQ(said_nothing(), 0);
	}
	one(&(struct member){ .name = "a\\b\\", .host = MACOS });
	CHECK_EQ(outcome(), 1);
	CHECK_TEXT(last_name, "a\\b\\");
}

static void absolute_names(void)
{
	static const struct { const char *from, *to; uint8_t host; } names_of[] = {
		{ "/a", "a", UNIX }, { "///a/b", "a/b", UNIX }, { "C:/a", "a", DOS }, { "z:\\a", "a", NTFS },
		{ "\\\\server\\share", "server/share", DOS }, { "c:a", "a", VFAT },
	};

	for (unsigned int i = 0; i < 6; i++) {
		one(&(struct member){ .name = names_of[i].from, .host = names_of[i].host });
		CHECK_EQ(outcome(), 1);
		CHECK_TEXT(last_name, names_of[i].to);
		CHECK(said("has an absolute name; what makes it so is dropped"));
	}
	one(&(struct member){ .name = "C:/a", .host = UNIX });
	CHECK_EQ(outcome(), 1);
	CHECK_TEXT(last_name, "C:/a");
	one(&(struct member){ .name = "1:/a", .host = DOS });
	CHECK_EQ(outcome(), 1);
	CHECK_TEXT(last_name, "1:/a");
	CHECK_EQ(said_nothing(), 0);
}

static void utf8_names(void)
{
	static const char *const wrong[] = {
		"\x80", "\xc3", "\xc3(", "\xc0\xaf", "\xc1\xbf", "\xe0\x80\xaf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf",
		"\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "a\xe2\x82", "\xe2\x82/",
	};
	static const char *const right[] = {
		"\xc3\xa4", "\xe2\x82\xac", "\xed\x9f\xbf", "\xee\x80\x80", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf", "\xdf\xbf",
	};

	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		bad(&(struct member){ .name = wrong[i], .host = UNIX, .flags = 0x800 }, "should be UTF-8");
	for (unsigned int i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		one(&(struct member){ .name = right[i], .host = UNIX, .flags = 0x800 });
		CHECK_EQ(outcome(), 1);
		CHECK_TEXT(last_name, right[i]);
		NAMED(right[i], right[i]);		/* also where nothing says what it is */
	}
}

static void cp437_names(void)
{
	NAMED("\x81" "ber", "\xc3\xbc" "ber");
	NAMED("\x80\xff", "\xc3\x87\xc2\xa0");
	NAMED("\xe1\xb0\xc4", "\xc3\x9f\xe2\x96\x91\xe2\x94\x80");
	NAMED("\xe0\xf7\xfb\xfe", "\xce\xb1\xe2\x89\x88\xe2\x88\x9a\xe2\x96\xa0");
	one(&(struct member){ .name = "\x9c\\\x81", .host = DOS });
	CHECK_EQ(outcome(), 1);
	CHECK_TEXT(last_name, "\xc2\xa3/\xc3\xbc");
}

static void encodings(void)
{
	static const struct { enum encoding encoding; uint16_t flags; const char *name; } to[] = {
		{ ENCODING_AUTO, 0, "\xc3\xbc" }, { ENCODING_CP437, 0, "\xe2\x94\x9c\xe2\x95\x9d" },
		{ ENCODING_LATIN1, 0, "\xc3\x83\xc2\xbc" }, { ENCODING_UTF8, 0, "\xc3\xbc" }, { ENCODING_RAW, 0, "\xc3\xbc" },
		{ ENCODING_CP437, 0x800, "\xc3\xbc" }, { ENCODING_LATIN1, 0x800, "\xc3\xbc" },
	};

	for (unsigned int i = 0; i < sizeof(to) / sizeof(to[0]); i++) {
		one(&(struct member){ .name = "\xc3\xbc", .host = UNIX, .flags = to[i].flags });
		policy.encoding = to[i].encoding;
		CHECK_EQ(outcome(), 1);
		CHECK_TEXT(last_name, to[i].name);
	}
	one(&(struct member){ .name = "\xfc", .host = UNIX });
	policy.encoding = ENCODING_UTF8;
	REFUSED(-EINVAL, "should be UTF-8");
	policy.encoding = ENCODING_LATIN1;
	CHECK_EQ(outcome(), 1);
	CHECK_TEXT(last_name, "\xc3\xbc");
	one(&(struct member){ .name = "\xfc", .host = UNIX, .flags = 0x800 });
	policy.encoding = ENCODING_RAW;
	CHECK_EQ(outcome(), 1);
	CHECK_TEXT(last_name, "\xfc");
	one(&(struct member){ .name = "../\xfc", .host = UNIX, .flags = 0x800 });
	policy.encoding = ENCODING_RAW;
	REFUSED(-EINVAL, "\"..\"");
}

static unsigned char unicode[64];

/* One entry called "a\x81", and with the name @path in its extra field. */
static void one_unicode(const char *path, uint8_t version, uint32_t crc, uint16_t flags)
{
	size_t length = strlen(path);

	put16(unicode, 0x7075);
	put16(unicode + 2, 5 + length);
	unicode[4] = version;
	put32(unicode + 5, crc);
	memcpy(unicode + 9, path, length);
	one(&(struct member){ .name = "a\x81", .host = UNIX, .flags = flags, .extra = unicode, .extra_length = 9 + length });
}

static void unicode_path(void)
{
	uint32_t crc = crc32_add(0, "a\x81", 2);

	one_unicode("\xe2\x82\xac/b/", 1, crc, 0);
	CHECK_EQ(outcome(), 1);
	CHECK_TEXT(last_name, "\xe2\x82\xac/b");
	CHECK(S_ISDIR(last.mode));
	CHECK_EQ(last.raw_length, 2);			/* the local header has the other name */
	CHECK_EQ(last.raw_crc, crc);
	policy.encoding = ENCODING_LATIN1;
	CHECK_EQ(outcome(), 1);
	CHECK_TEXT(last_name, "\xe2\x82\xac/b");
	policy.encoding = ENCODING_RAW;
	CHECK_EQ(outcome(), 1);
	CHECK_TEXT(last_name, "a\x81");
	one_unicode("x", 1, crc + 1, 0);
	CHECK_EQ(outcome(), 1);
	CHECK_TEXT(last_name, "a\xc3\xbc");
	one_unicode("x", 2, crc, 0);
	CHECK_EQ(outcome(), 1);
	CHECK_TEXT(last_name, "a\xc3\xbc");
	one_unicode("", 1, crc, 0);
	CHECK_EQ(outcome(), 1);
	CHECK_TEXT(last_name, "a\xc3\xbc");
	one_unicode("\x81", 1, crc, 0);
	REFUSED(-EINVAL, "should be UTF-8");
	one_unicode("../x", 1, crc, 0);
	REFUSED(-EINVAL, "\"..\"");
	one_unicode("x", 1, crc, 0x800);		/* it says that it is UTF-8, so there is nothing to look for */
	REFUSED(-EINVAL, "should be UTF-8");
}

static void shown_names(void)
{
	char shown[NAME_SHOWN_MAX], text[1000], *cut = malloc(2);

	CHECK_TEXT(name_shown(shown, "a/\xc3\xa4\xf0\x9f\x98\x80", 8), "a/\xc3\xa4\xf0\x9f\x98\x80");
	CHECK_TEXT(name_shown(shown, "\33[2J\n\177\x80\\", 8), "\\x1b[2J\\x0a\\x7f\\x80\\\\");
	CHECK_TEXT(name_shown(shown, "\xc2\x9b", 2), "\\xc2\\x9b");
	CHECK_TEXT(name_shown(shown, "\xc2\xa0", 2), "\xc2\xa0");
	CHECK_TEXT(name_shown(shown, "\xe2\x80\xae", 3), "\\xe2\\x80\\xae");
	CHECK_TEXT(name_shown(shown, "\xe2\x81\xa6", 3), "\\xe2\\x81\\xa6");
	CHECK_TEXT(name_shown(shown, "\xe2\x80\x8b", 3), "\\xe2\\x80\\x8b");
	CHECK_TEXT(name_shown(shown, "\xef\xbb\xbf", 3), "\\xef\\xbb\\xbf");
	CHECK_TEXT(name_shown(shown, "\0", 1), "\\x00");
	CHECK_TEXT(name_shown(shown, "", 0), "");
	memcpy(cut, "\xe2\x82", 2);
	CHECK_TEXT(name_shown(shown, cut, 2), "\\xe2\\x82");	/* and not one byte more is looked at */
	free(cut);
	memset(text, '\1', sizeof(text));
	name_shown(shown, text, sizeof(text));
	CHECK(strlen(shown) < NAME_SHOWN_MAX && !strcmp(shown + strlen(shown) - 3, "..."));
	memset(text, 'x', sizeof(text));
	name_shown(shown, text, sizeof(text));
	CHECK(strlen(shown) < NAME_SHOWN_MAX && strlen(shown) > 190);
	one(&(struct member){ .name = "\33]0;evil\7", .method = 93 });
	REFUSED(-EOPNOTSUPP, "entry \\x1b]0;evil\\x07 is packed");
	CHECK(!said("\33"));
}

/* --- metadata ---------------------------------------------------------------------- */

static uint32_t mode_of(const struct member *member, bool preserve)
{
	one(member);
	policy.preserve_special = preserve;
	CHECK_EQ(outcome(), 1);
	return last.mode;
}

static uint32_t mode_on(uint8_t host, const char *name, uint32_t mode, uint32_t attributes)
{
	return mode_of(&(struct member){ .name = name, .host = host, .mode = mode, .attributes = attributes }, false);
}

static void unix_modes(void)
{
	static const uint8_t hosts[] = { UNIX, MACOS };

	for (unsigned int i = 0; i < 2; i++) {
		CHECK_EQ(mode_on(hosts[i], "a", S_IFREG | 0751, 0), S_IFREG | 0751);
		CHECK_EQ(mode_on(hosts[i], "a", S_IFDIR | 01777, 0), S_IFDIR | 01777);
		CHECK_EQ(mode_on(hosts[i], "a", S_IFREG, 1), S_IFREG);
		CHECK_EQ(mode_on(hosts[i], "a", 0600, 0), S_IFREG | 0600);
		CHECK_EQ(mode_on(hosts[i], "a/", 0700, 0), S_IFDIR | 0700);
		CHECK_EQ(mode_on(hosts[i], "a", 0700, 0x10), S_IFDIR | 0700);
		CHECK_EQ(mode_on(hosts[i], "a", S_IFREG | 0700, 0x10), S_IFREG | 0700);
		CHECK_EQ(mode_on(hosts[i], "a/", S_IFREG | 0644, 0), S_IFDIR | 0644);
		CHECK_EQ(mode_on(hosts[i], "a", 0, 0), S_IFREG | 0644);
	}
}

static void dos_modes(void)
{
	static const uint8_t hosts[] = { DOS, NTFS, VFAT, 7 };

	for (unsigned int i = 0; i < 4; i++) {
		CHECK_EQ(mode_on(hosts[i], "a", S_IFREG | 0755, 0), S_IFREG | 0644);
		CHECK_EQ(mode_on(hosts[i], "a", S_IFLNK | 0755, 0), S_IFREG | 0644);
		CHECK_EQ(mode_on(hosts[i], "a", 0, 1), S_IFREG | 0444);
		CHECK_EQ(mode_on(hosts[i], "a", 0, 0x10), S_IFDIR | 0755);
		CHECK_EQ(mode_on(hosts[i], "a", 0, 0x11), S_IFDIR | 0755);
		CHECK_EQ(mode_on(hosts[i], "a/", 0, 0), S_IFDIR | 0755);
	}
}

static void special_bits(void)
{
	const struct member m = { .name = "a", .host = UNIX, .mode = S_IFREG | 07755 };

	CHECK_EQ(mode_of(&m, false), S_IFREG | 01755);
	CHECK_EQ(mode_of(&m, true), S_IFREG | 07755);
}

static void special_files(void)
{
	static const uint32_t types[] = { S_IFIFO, S_IFCHR, S_IFBLK, S_IFSOCK };

	for (unsigned int i = 0; i < 4; i++) {
		struct member m = { .name = "a", .host = UNIX, .mode = types[i] | 0600, .data = i ? "data" : "" };

		one(&m);
		CHECK_EQ(outcome(), 0);
		CHECK(said("entry a is a device, pipe or socket; it is left out without --preserve-special"));
		CHECK_EQ(mode_of(&m, true), types[i] | 0600);
		CHECK_EQ(last.size, 0);
		CHECK_EQ(said_nothing(), 0);
	}
	CHECK_EQ(mode_of(&(struct member){ .name = "-", .host = UNIX, .mode = S_IFIFO | 0600, .data = "piped" }, false),
		 S_IFREG | 0600);
	CHECK_EQ(last.size, 5);
	one(&(struct member){ .name = "a", .host = UNIX, .mode = 0xf000 | 0600 });
	policy.preserve_special = true;
	CHECK_EQ(outcome(), 0);
	CHECK(said("of a type that nobody knows"));
}

static void symbolic_links(void)
{
	static char target[4097];
	struct member m = { .name = "a", .host = UNIX, .mode = S_IFLNK | 0777, .data = target };

	memset(target, 't', 4096);
	bad(&m, "is a symbolic link to a path of no possible length");
	target[4095] = '\0';
	CHECK_EQ(mode_of(&m, false), S_IFLNK | 0777);
	CHECK_EQ(last.size, 4095);
	m.data = "";
	bad(&m, "is a symbolic link to a path of no possible length");
}

static void directories_have_no_data(void)
{
	bad(&(struct member){ .name = "a/", .host = UNIX, .data = "x" }, "is a directory, and has data");
	bad(&(struct member){ .name = "a", .host = UNIX, .mode = S_IFDIR, .data = "x" }, "is a directory, and has data");
	bad(&(struct member){ .name = "a/", .host = UNIX, .mode = S_IFLNK | 0777, .data = "x" }, "is a directory, and has data");
	one(&(struct member){ .name = "a/", .method = 8, .data = "\3" });
	put32(record(&z, 0) + 24, 0);
	CHECK_EQ(outcome(), 1);				/* nothing, deflated */
}

static int64_t dos_mtime(unsigned int year, unsigned int month, unsigned int day, unsigned int seconds)
{
	one(&(struct member){ .name = "a", .date = (uint16_t)((year - 1980) << 9 | month << 5 | day),
		.time = (uint16_t)(seconds / 3600 << 11 | seconds / 60 % 60 << 5 | seconds % 60 / 2) });
	CHECK_EQ(outcome(), 1);
	CHECK_EQ(last.mtime_nsec, 0);
	return last.mtime;
}

static void dos_times(void)
{
	CHECK_EQ(dos_mtime(1980, 1, 1, 0), 315532800);
	CHECK_EQ(dos_mtime(1980, 0, 0, 0), 315532800);
	CHECK_EQ(dos_mtime(1999, 12, 31, 86398), 946684798);
	CHECK_EQ(dos_mtime(2000, 2, 29, 0), 951782400);
	CHECK_EQ(dos_mtime(2000, 3, 1, 0), 951868800);
	CHECK_EQ(dos_mtime(2024, 2, 29, 45296), 1709210096);
	CHECK_EQ(dos_mtime(2100, 2, 28, 0), 4107456000);
	CHECK_EQ(dos_mtime(2100, 3, 1, 0), 4107542400);
	CHECK_EQ(dos_mtime(2107, 12, 31, 0), 4354732800);
	CHECK_EQ(dos_mtime(2107, 15, 31, 0), 4354732800);
}

/* Every day that there is, counted one by one */
static void all_days(void)
{
	static const unsigned int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int64_t expected = 315532800;

	begin();
	zip_add(&z, &(struct member){ .name = "a" });
	zip_end(&z, "");
	for (unsigned int year = 1980; year < 2108; year++)
		for (unsigned int month = 1; month <= 12; month++) {
			unsigned int leap = month == 2 && year % 4 == 0 && year != 2100;

			put16(record(&z, 0) + 14, (year - 1980) << 9 | month << 5 | 1);
			outcome();
			if (last.mtime != expected)
				CHECK_EQ(last.mtime, expected);
			expected += 86400 * (int64_t)(days[month - 1] + leap);
		}
}

static const unsigned char time_extra[] = { 0x55, 0x54, 5, 0, 1, 0x78, 0x56, 0x34, 0x12 };
static const unsigned char ntfs_extra[] = {		/* 2001-02-03 04:05:06.7890123 */
	0x0a, 0, 40, 0, 0, 0, 0, 0, 9, 0, 4, 0, 1, 2, 3, 4, 1, 0, 24, 0, 0xcb, 0x69, 0x2d, 0x7e, 0x96, 0x8d, 0xc0, 0x01,
	1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2,
};
static const unsigned char old_extra[] = { 0x55, 0x58, 12, 0, 1, 1, 1, 1, 4, 3, 2, 1, 0xe8, 3, 0xe9, 3 };

/* One entry with these extra fields, one behind the other, and its mtime. */
static int64_t mtime_with(int count, ...)
{
	unsigned char extra[200];
	size_t length = 0;
	va_list args;

	va_start(args, count);
	for (int i = 0; i < count; i++) {
		const unsigned char *bytes = va_arg(args, const unsigned char *);
		size_t n = 4U + bytes[2];

		memcpy(extra + length, bytes, n);
		length += n;
	}
	va_end(args);
	one(&(struct member){ .name = "a", .date = 1 << 5 | 1, .extra = extra, .extra_length = length });
	CHECK_EQ(outcome(), 1);
	return last.mtime;
}

static void extra_times(void)
{
	unsigned char negative[9], none[9], short_one[8] = { 0x55, 0x54, 4, 0, 1, 1, 1, 1 }, old_short[11];

	memcpy(negative, time_extra, 9);
	memset(negative + 5, 0xff, 4);
	memcpy(none, time_extra, 9);
	none[4] = 6;			/* access and creation only */
	memcpy(old_short, old_extra, 11);
	old_short[2] = 7;
	CHECK_EQ(mtime_with(1, time_extra), 0x12345678);
	CHECK_EQ(mtime_with(1, negative), -1);
	CHECK_EQ(mtime_with(1, none), 315532800);
	CHECK_EQ(mtime_with(1, short_one), 315532800);
	CHECK_EQ(mtime_with(1, old_extra), 0x01020304);
	CHECK_EQ(mtime_with(1, old_short), 315532800);
	CHECK_EQ(mtime_with(1, ntfs_extra), 981173106);
	CHECK_EQ(last.mtime_nsec, 789012300);
	CHECK_EQ(mtime_with(3, old_extra, ntfs_extra, time_extra), 0x12345678);
	CHECK_EQ(last.mtime_nsec, 0);
	CHECK_EQ(mtime_with(2, old_extra, ntfs_extra), 981173106);
	CHECK_EQ(mtime_with(3, old_extra, ntfs_extra, none), 981173106);
}

/* Attributes cut short at every byte, ones that overlap the end, and a time of nothing. */
static void ntfs_times(void)
{
	unsigned char cut[64];

	for (unsigned int length = 0; length <= 40; length++) {
		memcpy(cut, ntfs_extra, sizeof(ntfs_extra));
		cut[2] = (unsigned char)length;
		CHECK_EQ(mtime_with(1, cut), length < 24 ? 315532800 : 981173106);
	}
	memcpy(cut, ntfs_extra, sizeof(ntfs_extra));
	cut[10] = 0xff;
	cut[11] = 0xff;
	CHECK_EQ(mtime_with(1, cut), 315532800);
	memcpy(cut, ntfs_extra, sizeof(ntfs_extra));
	cut[18] = 7;			/* a length that no times have */
	CHECK_EQ(mtime_with(1, cut), 315532800);
	memcpy(cut, ntfs_extra, sizeof(ntfs_extra));
	memset(cut + 20, 0, 8);
	CHECK_EQ(mtime_with(1, cut), 315532800);
	memset(cut + 20, 0xff, 8);
	CHECK_EQ(mtime_with(1, cut), 1833029933770);
	CHECK_EQ(last.mtime_nsec, 955161500);
}

static void owned(const unsigned char *extra, size_t length, uint32_t uid, uint32_t gid)
{
	one(&(struct member){ .name = "a", .extra = extra, .extra_length = length });
	policy.owner = OWNER_ARCHIVE;
	CHECK_EQ(outcome(), 1);
	CHECK_EQ(last.uid, uid);
	CHECK_EQ(last.gid, gid);
	policy.owner = OWNER_ROOT;
	policy.uid = 7;
	policy.gid = 8;
	CHECK_EQ(outcome(), 1);
	CHECK_EQ(last.uid | last.gid, 0);
	policy.owner = OWNER_GIVEN;
	CHECK_EQ(outcome(), 1);
	CHECK_EQ(last.uid, 7);
	CHECK_EQ(last.gid, 8);
}

static void owners(void)
{
	static const unsigned char ux[] = { 0x75, 0x78, 11, 0, 1, 4, 0xe8, 3, 0, 0, 4, 0xe9, 3, 1, 0 };
	static const unsigned char ux_odd[] = { 0x75, 0x78, 12, 0, 1, 1, 5, 8, 6, 0, 0, 0, 0, 0, 0, 0 };
	static const unsigned char ux_large[] = { 0x75, 0x78, 11, 0, 1, 1, 5, 7, 6, 0, 0, 0, 1, 0, 0 };
	static const unsigned char ux_wide[] = { 0x75, 0x78, 13, 0, 1, 9, 6, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1 };
	static const unsigned char ux_two[] = { 0x75, 0x78, 5, 0, 2, 1, 5, 1, 6 };
	static const unsigned char both[] = { 0x55, 0x78, 4, 0, 9, 0, 10, 0, 0x75, 0x78, 5, 0, 1, 1, 5, 1, 6 };
	static const unsigned char short_both[] = { 0x55, 0x78, 4, 0, 9, 0, 10, 0, 0x75, 0x78, 4, 0, 1, 1, 5, 1 };
	unsigned char cut[15];

	owned(NULL, 0, 0, 0);
	owned(ux, sizeof(ux), 1000, 0x103e9);
	owned(ux_odd, sizeof(ux_odd), 5, 6);
	owned(ux_large, sizeof(ux_large), 0, 0);
	owned(ux_wide, sizeof(ux_wide), 0, 0);
	owned(ux_two, sizeof(ux_two), 0, 0);
	owned(both, 8, 9, 10);
	owned(both, sizeof(both), 5, 6);
	owned(short_both, sizeof(short_both), 9, 10);
	owned(old_extra, sizeof(old_extra), 1000, 1001);
	for (unsigned char length = 0; length < 11; length++) {
		memcpy(cut, ux, sizeof(cut));
		cut[2] = length;
		owned(cut, 4U + length, 0, 0);
	}
}

/* In memory of its own length, whatever that is, so that whoever reads on is seen. */
static void cut_field(enum extra_kind kind, const unsigned char *bytes, size_t whole)
{
	for (size_t length = 0; length <= whole; length++) {
		struct extra extra = { 0 };
		struct entry entry = { 0 };
		unsigned char *copy = malloc(length ? length : 1);

		memcpy(copy, bytes, length);
		extra.fields[kind] = (struct extra_field){ .bytes = copy, .length = (uint16_t)length };
		meta_read(&entry, &(struct raw_meta){ .extra = &extra }, &(struct archive_policy){ .owner = OWNER_ARCHIVE });
		CHECK_EQ(entry.mode, S_IFREG | 0644);
		free(copy);
	}
}

static void cut_fields(void)
{
	static const unsigned char ux[] = { 1, 4, 0xe8, 3, 0, 0, 4, 0xe9, 3, 1, 0 };

	cut_field(EXTRA_NTFS, ntfs_extra + 4, sizeof(ntfs_extra) - 4);
	cut_field(EXTRA_TIME, time_extra + 4, sizeof(time_extra) - 4);
	cut_field(EXTRA_UNIX_OLD, old_extra + 4, sizeof(old_extra) - 4);
	cut_field(EXTRA_OWNER, ux, sizeof(ux));
	cut_field(EXTRA_OWNER_16, ux, 4);
}

static void all_of_it(void)
{
	begin();
	zip_append(&z, "prefix", 6);
	z.base = 6;
	add("first", "123");
	zip_add(&z, &(struct member){ .name = "dir\\file", .data = "data", .size = 100, .method = 8, .flags = 6 });
	zip_end(&z, "bye");
	CHECK_EQ(outcome(), 2);
	CHECK_TEXT(names, "first,dir/file,");
	CHECK_EQ(last.header, 6 + 30 + 5 + 3);
	CHECK_EQ(last.packed, 4);
	CHECK_EQ(last.size, 100);
	CHECK_EQ(last.crc, crc32_add(0, "data", 4));
	CHECK_EQ(last.raw_crc, crc32_add(0, "dir\\file", 8));
	CHECK_EQ(last.raw_length, 8);
	CHECK_EQ(last.method, METHOD_DEFLATED);
	CHECK_EQ(last.flags, 6);
	CHECK(!last.unreadable);
	CHECK_EQ(said_nothing(), 0);
}

/* --- local headers ----------------------------------------------------------------- */

static const char *why;

static int local_of(uint64_t directory)
{
	struct local local = {
		.header = last.header, .packed = last.packed, .size = last.size, .crc = last.crc, .raw_crc = last.raw_crc,
		.raw_length = last.raw_length, .method = last.method, .flags = last.flags,
	};
	size_t length = LOCAL_HEADER + last.raw_length;
	unsigned char *bytes = malloc(length);		/* of this length, so that whoever reads on is seen */
	int got;

	why = "";
	memcpy(bytes, local_header(&z, 0), length);
	got = local_data(&local, bytes, directory, &why);
	free(bytes);
	return got;
}

static void one_local(void)
{
	one(&(struct member){ .name = "name", .data = "data", .host = UNIX });
	CHECK_EQ(outcome(), 1);
	CHECK_EQ(local_of(z.directory), 34);
}

static void local_headers(void)
{
	one_local();
	put16(local_header(&z, 0) + 28, 5);		/* an extra field of its own */
	CHECK_EQ(local_of(z.directory + 5), 39);
	CHECK_EQ(local_of(z.directory + 4), -EINVAL);
	CHECK_TEXT(why, "its data reaches beyond where the directory begins");
	put16(local_header(&z, 0) + 28, 0xffff);
	CHECK_EQ(local_of(z.directory), -EINVAL);
	CHECK_EQ(local_of(0), -EINVAL);
	one_local();
	CHECK_EQ(local_of(33), -EINVAL);
	last.header = UINT64_MAX;
	CHECK_EQ(local_of(z.directory), -EINVAL);
	one_local();
	last.packed = UINT64_MAX;
	put32(local_header(&z, 0) + 18, UINT32_MAX);
	CHECK_EQ(local_of(z.directory), -EINVAL);
	CHECK_TEXT(why, "its data reaches beyond where the directory begins");
}

static void local_disagrees(void)
{
	static const struct { int at, by; const char *why; } wrong[] = {
		{ 0, 1, "there is no local header" }, { 3, 1, "there is no local header" }, { 6, 1, "flags" }, { 6, 0x20, "flags" },
		{ 6, 0x40, "flags" }, { 7, 0x20, "flags" }, { 8, 8, "method" }, { 14, 1, "checksum" }, { 18, 1, "size" },
		{ 22, 1, "size" }, { 26, 1, "name" }, { 27, 1, "name" }, { 30, 1, "name" }, { 33, 1, "name" },
	};
	static const struct { int at, by; } harmless[] = { { 4, 9 }, { 6, 6 }, { 7, 8 }, { 10, 1 }, { 12, 1 } };

	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		one_local();
		local_header(&z, 0)[wrong[i].at] ^= (unsigned char)wrong[i].by;
		CHECK_EQ(local_of(z.directory), -EINVAL);
		CHECK(strstr(why, wrong[i].why));
	}
	for (unsigned int i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
		one_local();
		local_header(&z, 0)[harmless[i].at] ^= (unsigned char)harmless[i].by;
		CHECK_EQ(local_of(z.directory), 34);
	}
}

static void local_descriptor(void)
{
	one_local();
	local_header(&z, 0)[6] = 8;
	memset(local_header(&z, 0) + 14, 0, 12);
	CHECK_EQ(local_of(z.directory), 34);
	local_header(&z, 0)[6] = 0;
	CHECK_EQ(local_of(z.directory), -EINVAL);
	one_local();
	memset(local_header(&z, 0) + 18, 0xff, 8);	/* what its zip64 field has */
	CHECK_EQ(local_of(z.directory), 34);
}

/* --- sources ----------------------------------------------------------------------- */

static void files(void)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	struct source source = source_file(fd, 10);
	char into[10];

	CHECK_EQ(write(fd, "0123456789", 10), 10);
	CHECK_EQ(source.size, 10);
	CHECK_EQ(source.read(&source, 2, into, 8), 0);
	CHECK(!memcmp(into, "23456789", 8));
	CHECK_EQ(source.read(&source, 2, into, 9), -EIO);
	CHECK_EQ(source.read(&source, 10, into, 0), 0);
	CHECK_EQ(source.read(&source, 11, into, 1), -EIO);
	close(fd);
	source = source_file(-1, 10);
	CHECK_EQ(source.read(&source, 0, into, 1), -EBADF);
}

static void checksum(void)
{
	static const char text[] = "123456789";
	unsigned char bytes[100];

	CHECK_EQ(crc32_add(0, text, 9), 0xcbf43926);
	CHECK_EQ(crc32_add(0, text, 0), 0);
	for (unsigned int cut = 0; cut <= 9; cut++)
		CHECK_EQ(crc32_add(crc32_add(0, text, cut), text + cut, 9 - cut), 0xcbf43926);
	memset(bytes, 0, sizeof(bytes));
	CHECK_EQ(crc32_add(0, bytes, 32), 0x190a55ad);
	memset(bytes, 0xff, sizeof(bytes));
	CHECK_EQ(crc32_add(0, bytes, 32), 0xff6cab0b);
}

TESTS(
	{ "an archive may be empty", empty_archive },
	{ "what is no archive is told from one without its end", no_archive },
	{ "an end record cut short is none", truncated_end },
	{ "nothing may follow the end record, and the message says where to cut", trailing_bytes },
	{ "two end records are ambiguous", two_ends },
	{ "the longest comment is searched through", longest_comment },
	{ "parts of a split archive are refused", parts },
	{ "what stands before the archive moves its base", base },
	{ "a missing start is told with its length", missing_start },
	{ "the directory is where the end record says", directory_elsewhere },
	{ "two places where a directory could be are ambiguous", two_directories },
	{ "the number of entries is what was promised", promised_entries },
	{ "more entries than allowed are refused", most_entries },
	{ "what reading gives is handed on", unreadable_source },
	{ "a zip64 end record is read, also behind a prefix", wide_end },
	{ "end records that disagree are ambiguous", wide_end_disagrees },
	{ "a zip64 end record that is not where it should be is told", wide_end_missing },
	{ "a locator at the very beginning has no record before it", locator_alone },
	{ "parts are also refused in zip64 records", wide_parts },
	{ "a comment that looks like a zip64 locator goes for nothing, or for ambiguous", locator_in_comment },
	{ "a longer zip64 end record is found through its locator", longer_wide_end },
	{ "two zip64 end records are ambiguous", two_wide_ends },
	{ "more than 65535 entries need zip64", more_than_65535 },
	{ "an entry's zip64 field is read for what does not fit, in order", wide_entry },
	{ "a zip64 field that is too short is damage", wide_entry_missing },
	{ "a record that is none, or goes beyond the directory, is told with its number", wrong_record },
	{ "only a digital signature may follow the entries", signature },
	{ "records of all lengths come through a bounded window", large_records },
	{ "other data gives another checksum of the directory", two_archives_two_crcs },
	{ "extra fields end where they should", extra_beyond_end },
	{ "an extra field that decides is there once", extra_twice },
	{ "all data is before the directory", data_before_directory },
	{ "numbers of 64 bits overflow nothing", huge_numbers },
	{ "what is stored has one size", stored_sizes },
	{ "what is deflated grows only so much", deflated_sizes },
	{ "methods that are not supported are refused by name", methods },
	{ "what is encrypted or a patch is refused by name", encryption },
	{ "what is not supported is hidden or unreadable on request", unsupported_policy },
	{ "hard links are refused", hard_links },
	{ "of many complaints of a kind, ten are told", rate },
	{ "names lose what means nothing, and nothing else", plain_names },
	{ "only a directory can be the root", root },
	{ "names that lead out, or are none, are refused or skipped", bad_names },
	{ "names and paths are as long as Linux allows", long_names },
	{ "backslashes separate where they do", dos_names },
	{ "absolute names become relative, with a warning", absolute_names },
	{ "UTF-8 is checked to the letter", utf8_names },
	{ "names without a hint are UTF-8 if they can be, and else CP437", cp437_names },
	{ "the encoding can be chosen", encodings },
	{ "the Unicode path field goes before a name that is not UTF-8, if it is about that", unicode_path },
	{ "names in messages are harmless", shown_names },
	{ "modes come from Unix and macOS", unix_modes },
	{ "others have the modes that DOS attributes give", dos_modes },
	{ "setuid and setgid need --preserve-special", special_bits },
	{ "so do devices, pipes and sockets", special_files },
	{ "symbolic links have a target of a possible length", symbolic_links },
	{ "directories have no data", directories_have_no_data },
	{ "DOS times are UTC", dos_times },
	{ "every month that DOS can tell is where it should be", all_days },
	{ "of several times the best is taken", extra_times },
	{ "NTFS times are read with care", ntfs_times },
	{ "owners are root, the archive's or given", owners },
	{ "nothing is read beyond an extra field", cut_fields },
	{ "an entry has all that its record says", all_of_it },
	{ "data begins behind the local header and ends before the directory", local_headers },
	{ "a local header that disagrees is refused with the reason", local_disagrees },
	{ "local headers may leave sizes to a descriptor or a zip64 field", local_descriptor },
	{ "a file is a source", files },
	{ "the checksum is the known one", checksum },
);
