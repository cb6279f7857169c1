/* SPDX-License-Identifier: MIT */
/*
 * dump - what a backend says is on its disk, without a kernel, a ring or a request
 *
 *   dump APPLET [OPTION...] ARGUMENT           all of the disk, to standard output, sparsely if that is a file
 *   dump --reads N APPLET [OPTION...] ARGUMENT  N reads at random places, and then all of it: both must say the same
 *   dump --open APPLET [OPTION...] ARGUMENT     only what happens before there is a disk
 *   dump --touch N APPLET [OPTION...] ARGUMENT  N reads at random places; prints how many KiB were resident at most
 *   dump --all APPLET [OPTION...] ARGUMENT      all of it, to nowhere; prints the same
 *
 * Ends with the status that the server would have ended with.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/applet.h"
#include "core/log.h"
#include "core/spec.h"
#include "core/status.h"

#define CHUNK (1U << 20)

const struct applet applet_ctl = { .name = "ctl" }, applet_init = { .name = "init" };	/* no disks */

struct served {
	const struct backend *backend;
	void *self;		/* of the queue */
	int wake_fd;
	struct disk disk;
};

static void wait_for_wake(const struct served *s)
{
	struct pollfd poll_fd = { .fd = s->wake_fd, .events = POLLIN };
	uint64_t count;

	if (poll(&poll_fd, 1, 20000) != 1 || read(s->wake_fd, &count, sizeof(count)) < 0) {
		fputs("dump: nobody woke us in 20 s\n", stderr);
		exit(99);
	}
}

static int64_t read_from(int fd, char *into, uint32_t length, uint64_t offset)
{
	ssize_t n = pread(fd, into, length, (off_t)offset);

	return n > 0 ? n : n < 0 ? -errno : -EIO;
}

/* Bytes that came, 0 for "ask again", or -errno. */
static int64_t move(struct served *s, struct span *span, const struct place *place, char *into)
{
	int64_t n;

	switch (place->kind) {
	case IN_MEMORY:
		memcpy(into, place->memory, place->length);
		return place->length;
	case NOWHERE:
		memset(into, 0, place->length);
		return place->length;
	case IN_FILE:
		return read_from(place->fd, into, place->length, place->offset);
	case NEEDS:
		n = read_from(place->fd, place->memory, place->length, place->offset);
		span->fetched += n > 0 ? (uint32_t)n : 0;
		return n < 0 ? n : 0;
	case LATER:
		wait_for_wake(s);
		return 0;
	case FAILED:
		return place->error;
	case PLACE_KINDS:
		break;
	}
	return -EINVAL;
}

static int read_disk(struct served *s, uint64_t offset, uint32_t length, char *into)
{
	struct span span = { .op = OP_READ, .offset = offset, .length = length };

	while (span.length) {
		struct place place = s->backend->where(s->self, &span);
		int64_t n;

		if (place.kind != NEEDS && place.length > span.length) {
			fputs("dump: more than was asked for\n", stderr);
			exit(99);
		}
		n = move(s, &span, &place, into);
		if (n < 0)
			return (int)n;
		if (!n)
			continue;
		span.offset += (uint64_t)n;
		span.length -= (uint32_t)n;
		span.fetched = 0;
		into += n;
	}
	return 0;
}

static bool is_zero(const char *bytes, uint32_t length)
{
	return !bytes[0] && !memcmp(bytes, bytes + 1, length - 1);
}

static int put(const char *bytes, uint32_t length, uint64_t offset)
{
	if (is_zero(bytes, length))
		return 0;
	return pwrite(STDOUT_FILENO, bytes, length, (off_t)offset) == (ssize_t)length ? 0 : -errno;
}

static int dump(struct served *s)
{
	char *chunk = malloc(CHUNK);
	int err = ftruncate(STDOUT_FILENO, (off_t)s->disk.size) < 0 ? -errno : 0;

	for (uint64_t at = 0; at < s->disk.size && !err; at += CHUNK) {
		uint32_t n = s->disk.size - at < CHUNK ? (uint32_t)(s->disk.size - at) : CHUNK;
		int error = read_disk(s, at, n, chunk);

		/* what cannot be read stays zero, as with dd conv=noerror,sync; but block by block */
		for (uint32_t part = 0; error && part < n; part += 4096) {
			uint32_t few = n - part < 4096 ? n - part : 4096;

			if (read_disk(s, at + part, few, chunk + part)) {
				fprintf(stderr, "dump: error at %llu\n", (unsigned long long)at + part);
				memset(chunk + part, 0, few);
			}
		}
		err = put(chunk, n, at);
	}
	free(chunk);
	return err;
}

struct piece {
	uint64_t at;
	uint32_t length;
};

/* Whole sectors inside the disk. */
static struct piece random_piece(const struct served *s, uint64_t *state)
{
	uint64_t at, length;

	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	at = (*state >> 16) % (s->disk.size / 512) * 512;
	length = ((*state >> 8) % 256 + 1) * 512;
	return (struct piece){ at, (uint32_t)(length > s->disk.size - at ? s->disk.size - at : length) };
}

/* What can be read and what cannot is not the question here. */
static void touch(struct served *s, unsigned long reads)
{
	char *chunk = malloc(CHUNK);
	uint64_t state = 1;

	for (unsigned long i = 0; i < reads; i++) {
		struct piece piece = random_piece(s, &state);

		read_disk(s, piece.at, piece.length, chunk);
	}
	free(chunk);
}

static void read_all(struct served *s)
{
	char *chunk = malloc(CHUNK);

	for (uint64_t at = 0; at < s->disk.size; at += CHUNK)
		read_disk(s, at, s->disk.size - at < CHUNK ? (uint32_t)(s->disk.size - at) : CHUNK, chunk);
	free(chunk);
}

static void print_peak(void)
{
	FILE *status = fopen("/proc/self/status", "re");
	char line[128];

	while (status && fgets(line, sizeof(line), status))
		if (!strncmp(line, "VmHWM:", 6))
			printf("%lu\n", strtoul(line + 6, NULL, 10));
	if (status)
		fclose(status);
}

/* Written where they belong, so that what follows compares. */
static int read_randomly(struct served *s, unsigned long reads)
{
	char *chunk = malloc(CHUNK), *again = malloc(CHUNK);
	int written = open("/proc/self/fd/1", O_RDONLY | O_CLOEXEC);
	uint64_t state = 1;
	int wrong = 0;

	for (unsigned long i = 0; i < reads; i++) {
		struct piece piece = random_piece(s, &state);
		uint32_t n = piece.length;

		if (read_disk(s, piece.at, n, chunk))
			continue;
		if (pread(written, again, n, (off_t)piece.at) != (ssize_t)n || memcmp(chunk, again, n)) {
			fprintf(stderr, "dump: %u bytes at %llu are not what they were\n", n, (unsigned long long)piece.at);
			wrong = 1;
			break;
		}
	}
	close(written);
	free(chunk);
	free(again);
	return wrong ? -EIO : 0;
}

static const struct applet *find(const char *name)
{
	for (size_t i = 0; applets[i]; i++)
		if (!strcmp(applets[i]->name, name) && applets[i]->backend)
			return applets[i];
	return NULL;
}

/* What is asked for. */
static unsigned long reads;
static enum { DUMP, TOUCH, READ_ALL, ONLY_OPEN } what = DUMP;

static int use(struct served *s)
{
	int err = what == DUMP ? dump(s) : 0;

	if (what == TOUCH)
		touch(s, reads);
	else if (what == READ_ALL)
		read_all(s);
	else if (!err && reads)
		err = read_randomly(s, reads);
	return err;
}

static int serve(const struct applet *applet)
{
	struct served s = { .backend = applet->backend, .wake_fd = eventfd(0, 0) };
	int err = applet->backend->open(applet->self, &s.disk);

	if (!err) {
		s.self = s.backend->queue_open ? s.backend->queue_open(applet->self, s.wake_fd) : applet->self;
		err = s.self ? 0 : -ENOMEM;
		err = err ? err : use(&s);
		if (s.backend->queue_close && s.self)
			s.backend->queue_close(s.self);
		if (!err && s.backend->stopped)
			err = s.backend->stopped(applet->self);
	}
	if (applet->backend->close)
		applet->backend->close(applet->self);
	close(s.wake_fd);
	return err;
}

static int run(const struct applet *applet, char **argv)
{
	static const struct opt none = OPT_END;
	struct spec spec;
	struct opt_words words = { .watched = applet->bare };
	const struct opt_table tables[] = {
		{ "Options", applet->opts ? applet->opts : &none, applet->self },
		{ "Options of every disk", spec_opts, &spec },
		{ NULL, NULL, NULL },
	};
	int err;

	spec_init(&spec, applet);
	err = opt_parse(tables, argv, &words);
	if (!err && words.count)
		err = opt_assign(tables, applet->bare, words.words[0]);
	if (!err)
		err = spec_check(&spec);
	if (err)
		return err;
	log_level = spec.verbose;
	err = applet->backend->prepare ? applet->backend->prepare(applet->self, &spec) : 0;
	if (!err)
		err = serve(applet);
	if (applet->backend->conclude) {
		int last = applet->backend->conclude(applet->self, err ? STOPPED_BADLY : STOPPED_WELL);

		err = err ? err : last;
	}
	return err;
}

/* Returns how many words that were. */
static int parse(int argc, char **argv)
{
	bool touches = argc > 2 && !strcmp(argv[1], "--touch");

	if (argc > 1 && (!strcmp(argv[1], "--open") || !strcmp(argv[1], "--all"))) {
		what = argv[1][2] == 'o' ? ONLY_OPEN : READ_ALL;
		return 1;
	}
	if (argc < 3 || (!touches && strcmp(argv[1], "--reads") != 0))
		return 0;
	what = touches ? TOUCH : DUMP;
	reads = strtoul(argv[2], NULL, 10);
	return 2;
}

int main(int argc, char **argv)
{
	int words = parse(argc, argv), status;
	const struct applet *applet = argc > words + 1 ? find(argv[words + 1]) : NULL;

	if (!applet) {
		fputs("usage: dump [--reads N|--touch N|--all|--open] APPLET [OPTION...]\n", stderr);
		return 2;
	}
	log_name("dump");
	status = (int)status_of(run(applet, argv + words + 2));
	if (what == TOUCH || what == READ_ALL)
		print_peak();
	return status;
}
