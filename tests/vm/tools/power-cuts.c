/* SPDX-License-Identifier: MIT */
/*
 * power-cuts write DISK ROUNDS - write records, each followed by a flush, and then by a word of it and another flush
 * power-cuts check LOG         - cut the power after each write in the log, and see what would be left
 *
 * LOG is the log device of the dm-log-writes that was below DISK. It holds
 * every write in the order in which it became safe: those without FUA only once
 * a flush after them had ended. Whenever the power fails, the medium holds the
 * first so many of them: and then all records are there of which the word says
 * so, or a flush was answered that had not been done.
 *
 * check prints how many cuts there were; with 1 as exit status a record is lost.
 */
#include <endian.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAGIC 0x6a736677736872ULL
#define DISCARD 4
#define MARK 8
#define SLOTS 64		/* records, one after the other, over and over */
#define RECORD 16384		/* bytes */
#define WORDS (RECORD / 8)
#define SIZE ((SLOTS + 1) * RECORD)	/* the first one is the word's */

static uint64_t medium[SLOTS + 1][WORDS];

static int broken(const char *what)
{
	perror(what);
	return 2;
}

static void fill(uint64_t *record, uint64_t number)
{
	for (uint64_t i = 0; i < WORDS; i++)
		record[i] = number * 0x9e3779b97f4a7c15ULL + i;
}

static int put(int fd, uint64_t slot, uint64_t number, size_t length)
{
	static uint64_t record[WORDS] __attribute__((aligned(4096)));

	fill(record, number);
	record[0] = number;
	return pwrite(fd, record, length, (off_t)(slot * RECORD)) != (ssize_t)length || fdatasync(fd) < 0;
}

static int write_all(const char *disk, uint64_t rounds)
{
	int fd = open(disk, O_WRONLY | O_DIRECT);

	if (fd < 0)
		return broken(disk);
	for (uint64_t number = 1; number <= rounds; number++)
		if (put(fd, 1 + number % SLOTS, number, RECORD) || put(fd, 0, number, 4096))
			return broken("write");
	return 0;
}

/* The record that came next may be there by half, in place of the oldest. */
static uint64_t lost(void)
{
	static uint64_t record[WORDS];
	uint64_t word = medium[0][0];

	for (uint64_t number = word >= SLOTS ? word - SLOTS + 2 : 1; number <= word; number++) {
		fill(record, number);
		record[0] = number;
		if (memcmp(record, medium[1 + number % SLOTS], RECORD))
			return number;
	}
	return 0;
}

static int check_all(const char *log)
{
	int fd = open(log, O_RDONLY);
	uint64_t super[4], entry[4], at, unit, cuts = 0;

	if (fd < 0 || pread(fd, super, sizeof(super), 0) != sizeof(super) || le64toh(super[0]) != MAGIC)
		return broken(log);
	at = unit = le64toh(super[3]) & UINT32_MAX;
	for (uint64_t n = 0; n < le64toh(super[2]); n++) {
		uint64_t start, length, flags;

		if (pread(fd, entry, sizeof(entry), (off_t)at) != sizeof(entry))
			return broken("read an entry");
		at += unit;
		start = le64toh(entry[0]) * unit;
		length = le64toh(entry[1]) * unit;
		flags = le64toh(entry[2]);
		if (!length || flags & (DISCARD | MARK))
			continue;
		if (start < SIZE && pread(fd, (char *)medium + start, length < SIZE - start ? length : SIZE - start, (off_t)at) < 0)
			return broken("read what was written");
		at += length;
		cuts++;
		if (lost()) {
			printf("cut after write %" PRIu64 ": the word says %" PRIu64 ", and record %" PRIu64 " is not there\n",
			       cuts, medium[0][0], lost());
			return 1;
		}
	}
	printf("%" PRIu64 "\n", cuts);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "write"))
		return write_all(argv[2], strtoull(argv[3], NULL, 10));
	if (argc == 3 && !strcmp(argv[1], "check"))
		return check_all(argv[2]);
	fprintf(stderr, "usage: power-cuts write DISK ROUNDS | power-cuts check LOG\n");
	return 2;
}
