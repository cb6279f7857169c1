/* SPDX-License-Identifier: MIT */
/*
 * engine.c - what random access inside a deflated member costs, beside the bare libraries
 *
 *   zip-engine FILE DATA PACKED SIZE CRC [WORKERS [SPAN]]
 *
 * The member's packed bytes are those of FILE from DATA on. All times are of
 * the CPUs, all threads together, so that neither disks nor neighbours count.
 */
#include <fcntl.h>
#include <libdeflate.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "applets/zip/inflate.h"
#include "tests/check.h"

#define READS 2000

static struct member member;
static struct source source;
static struct inflate *engine;
static struct inflate_queue *queue;
static int wake_fd;
static struct inflate_limits limits = { .index_memory = 64 << 20, .cache_memory = 32 << 20, .span = 256 << 10, .workers = 1 };

static int read_file(const struct source *from, uint64_t offset, void *into, uint32_t length)
{
	return pread(from->fd, into, length, (off_t)offset) == (ssize_t)length ? 0 : -5;
}

static double seconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double cpu(void) { return seconds(CLOCK_PROCESS_CPUTIME_ID); }

static double megabytes_per(double spent)
{
	return (double)member.size / 1e6 / spent;
}

static unsigned char *all_packed(void)
{
	unsigned char *packed = malloc(member.packed);

	for (uint64_t done = 0; done < member.packed;) {
		uint32_t part = (uint32_t)(member.packed - done < 1 << 20 ? member.packed - done : 1 << 20);

		if (read_file(&source, member.data + done, packed + done, part))
			exit(1);
		done += part;
	}
	return packed;
}

static double bare_libdeflate(void)
{
	unsigned char *packed = all_packed(), *plain = malloc(member.size);
	struct libdeflate_decompressor *library = libdeflate_alloc_decompressor();
	double before;

	memset(plain, 1, member.size);		/* its pages are not the library's business */
	before = cpu();
	if (libdeflate_deflate_decompress(library, packed, member.packed, plain, member.size, NULL))
		exit(1);
	before = cpu() - before;
	libdeflate_free_decompressor(library);
	free(packed);
	free(plain);
	return before;
}

static double bare_zlib(void)
{
	unsigned char *packed = all_packed(), *plain = malloc(1 << 18);
	z_stream zlib = { .next_in = packed, .avail_in = (uInt)member.packed };
	double before = cpu();

	inflateInit2(&zlib, -15);
	do {
		zlib.next_out = plain;
		zlib.avail_out = 1 << 18;
	} while (inflate(&zlib, Z_NO_FLUSH) == Z_OK);
	inflateEnd(&zlib);
	before = cpu() - before;
	free(packed);
	free(plain);
	return before;
}

static void start(void)
{
	if (inflate_open(&engine, &source, &limits))
		exit(1);
	wake_fd = eventfd(0, 0);
	queue = inflate_queue_open(engine, wake_fd, 64);
}

static void stop(void)
{
	inflate_queue_close(queue);
	inflate_close(engine);
	close(wake_fd);
}

static void read_once(uint64_t offset, uint32_t length)
{
	const char *at;
	uint64_t count;

	while (length) {
		int64_t got = inflate_ask(queue, 0, &member, offset, length, &at);

		if (got < 0)
			exit(1);
		if (!got && read(wake_fd, &count, sizeof(count)) < 0)
			exit(1);
		offset += (uint64_t)got;
		length -= (uint32_t)got;
	}
}

static void through(const char *what)
{
	double before = cpu(), wall = seconds(CLOCK_MONOTONIC);

	for (uint64_t offset = 0; offset < member.size; offset += 1 << 18)
		read_once(offset, (uint32_t)(member.size - offset < 1 << 18 ? member.size - offset : 1 << 18));
	before = cpu() - before;
	wall = seconds(CLOCK_MONOTONIC) - wall;
	printf("%-28s %8.0f MB/s of CPU %8.0f MB/s of wall\n", what, megabytes_per(before), megabytes_per(wall));
}

#define AT_ONCE 32

static uint64_t random_place(uint64_t *random)
{
	return ((uint64_t)check_random(random) << 31 | check_random(random)) % (member.size / 4096) * 4096;
}

/* The place of each, as the next is asked for when one is there. */
static void many_at_once(void)
{
	double before = cpu(), wall = seconds(CLOCK_MONOTONIC);
	uint64_t random = 2, places[AT_ONCE], woken;
	int done = 0;

	for (int i = 0; i < AT_ONCE; i++)
		places[i] = random_place(&random);
	while (done < READS) {
		int before_these = done;

		for (uint32_t i = 0; i < AT_ONCE; i++) {
			const char *at;
			int64_t got = inflate_ask(queue, i, &member, places[i], 4096, &at);

			if (got < 0)
				exit(1);
			if (got) {	/* what a page has in the next span counts as read */
				places[i] = random_place(&random);
				done++;
			}
		}
		if (done == before_these && read(wake_fd, &woken, sizeof(woken)) < 0)
			exit(1);
	}
	before = cpu() - before;
	wall = seconds(CLOCK_MONOTONIC) - wall;
	printf("%-28s %8.0f a second of CPU %5.0f a second of wall, on %.2f CPUs\n", "32 at a time", done / before, done / wall,
	       before / wall);
}

static int by_value(const void *one, const void *two)
{
	double a = *(const double *)one, b = *(const double *)two;

	return a < b ? -1 : a > b;
}

static void random_reads(void)
{
	static double spent[READS];
	uint64_t random = 1;

	for (int i = 0; i < READS; i++) {
		uint64_t at = random_place(&random);

		spent[i] = cpu();
		read_once(at, 4096);
		spent[i] = cpu() - spent[i];
	}
	qsort(spent, READS, sizeof(spent[0]), by_value);
	printf("%-28s %.2f ms, 99 of 100 %.2f ms, all %.2f ms of CPU\n", "random 4 KiB: half within", spent[READS / 2] * 1e3,
	       spent[READS * 99 / 100] * 1e3, spent[READS - 1] * 1e3);
}

/* KiB; getrusage() would count who has started this program, too. */
static unsigned long resident(void)
{
	FILE *status = fopen("/proc/self/status", "re");
	unsigned long peak = 0;
	char line[128];

	while (status && fgets(line, sizeof(line), status))
		if (!strncmp(line, "VmHWM:", 6))
			peak = strtoul(line + 6, NULL, 10);
	if (status)
		fclose(status);
	return peak;
}

static void sizes(void)
{
	struct inflate_stats stats;

	inflate_stats(engine, &stats);
	printf("%-28s %llu checkpoints, %.1f MB, %.1f KB each; cache %.1f MB\n", "index",
	       (unsigned long long)stats.checkpoints, (double)stats.checkpoint_memory / 1e6,
	       (double)stats.checkpoint_memory / 1e3 / (double)stats.checkpoints, (double)stats.cached_memory / 1e6);
	printf("%-28s %.1f MB unpacked, %.1f MB given out; %.1f MB resident at most\n", "", (double)stats.decoded / 1e6,
	       (double)stats.served / 1e6, (double)resident() * 1024 / 1e6);
}

/* In a process of its own, so that memory of one does not count for the other. */
static void bare(const char *name, double (*unpack)(void))
{
	fflush(stdout);
	if (!fork()) {
		printf("%-28s %8.0f MB/s\n", name, megabytes_per(unpack()));
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
}

int main(int argc, char **argv)
{
	if (argc < 6)
		return 2;
	source = (struct source){ .read = read_file, .fd = open(argv[1], O_RDONLY), .size = UINT64_MAX };
	member = (struct member){
		.data = strtoull(argv[2], NULL, 0), .packed = strtoull(argv[3], NULL, 0), .size = strtoull(argv[4], NULL, 0),
		.crc = (uint32_t)strtoull(argv[5], NULL, 0),
	};
	limits.workers = argc > 6 ? (uint32_t)atoi(argv[6]) : 1;
	limits.span = argc > 7 ? (uint32_t)atoi(argv[7]) : limits.span;
	bare("libdeflate, all at once", bare_libdeflate);
	bare("zlib, without a checksum", bare_zlib);
	start();
	through("first time through");
	through("second time");
	random_reads();
	many_at_once();
	sizes();
	stop();
	return 0;
}
