/* SPDX-License-Identifier: MIT */
/*
 * replay-writes LOG FILE MARK - what a medium holds after the power failed
 *
 * LOG is the log device of a dm-log-writes that is gone again. It holds every
 * write in the order in which it became safe: those without FUA only once a
 * flush after them had ended. All of them up to MARK, a message that was sent
 * to the device, are done again in FILE, which was empty.
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

struct super {
	uint64_t magic, version, entries;
	uint32_t sector_size;
};

struct entry {
	uint64_t sector, sectors, flags, text_length;
	char text[512 - 32];
};

static void copy(int from, uint64_t at, int to, uint64_t start, size_t length)
{
	char *data = malloc(length);

	if (!data || pread(from, data, length, (off_t)at) != (ssize_t)length ||
	    pwrite(to, data, length, (off_t)start) != (ssize_t)length) {
		perror("replay-writes");
		exit(1);
	}
	free(data);
}

static int is(const struct entry *entry, const char *mark)
{
	size_t length = strlen(mark);

	return le64toh(entry->flags) & MARK && le64toh(entry->text_length) == length && !memcmp(entry->text, mark, length);
}

int main(int argc, char **argv)
{
	int log = argc == 4 ? open(argv[1], O_RDONLY) : -1, file = argc == 4 ? open(argv[2], O_WRONLY) : -1;
	struct super super;
	struct entry entry;
	uint64_t at, size, length;

	if (log < 0 || file < 0 || pread(log, &super, sizeof(super), 0) != sizeof(super) || le64toh(super.magic) != MAGIC) {
		fprintf(stderr, "usage: replay-writes LOG FILE MARK\n");
		return 2;
	}
	size = le32toh(super.sector_size);
	at = size;
	for (uint64_t n = 0; n < le64toh(super.entries); n++) {
		if (pread(log, &entry, sizeof(entry), (off_t)at) != sizeof(entry))
			break;
		at += size;
		if (is(&entry, argv[3]))
			return 0;
		length = le64toh(entry.sectors) * size;
		if (!length || le64toh(entry.flags) & DISCARD)
			continue;
		copy(log, at, file, le64toh(entry.sector) * size, length);
		at += length;
	}
	fprintf(stderr, "replay-writes: there is no mark '%s' among %" PRIu64 " entries\n", argv[3], le64toh(super.entries));
	return 1;
}
