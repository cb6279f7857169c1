/* SPDX-License-Identifier: MIT */
/*
 * ublk-core.c - a backend whose bytes are moved by calls
 *
 * Core asks where bytes live. Here they live in a buffer of the queue: a READ
 * is made there before it is copied from, and a WRITE is handed on when all of
 * it has come there (written()). So every way of the kernel's is at hand, and
 * a request is copied no more often than it must be.
 */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/device.h"
#include "core/driver.h"
#include "core/file.h"
#include "core/log.h"
#include "core/registry.h"
#include "core/run.h"
#include "core/signals.h"
#include "core/state.h"
#include "core/status.h"
#include "core/text.h"
#include "core/use.h"
#include "core/util.h"
#include "core/words.h"
#include "lib/ublk-core.h"

#define BUFFER_LEAST (1U << 20)		/* the largest request, unless --max-io says more; only what is used takes memory */
#define DISCARD_SIZE 4096
#define HELD_MS 2000			/* how long a forced end waits for those who have the device open */

/* A process has one disk. */
static struct {
	struct ublk_disk *disk;
	uint64_t buffer_size;
	struct opt options[UBLK_OPTIONS_MAX + 1];
	uint64_t values[UBLK_OPTIONS_MAX];	/* what they fill in, before the disk has it */
	char words[16384];			/* what they are called */
	size_t used;
} served;

struct queue {
	char *buffer;
	uint64_t first, end;		/* of the WRITE that is coming into it, bytes */
	uint16_t slot;
	bool fua;
};

unsigned int ublk_core_version(void)
{
	return UBLK_CORE_VERSION;
}

/* --- requests ------------------------------------------------------------------------ */

/* Nobody reads errno of a disk that returns 1. */
static int checked(int result)
{
	return result > 0 ? -EIO : result;
}

static struct place done(int error, uint32_t length)
{
	return error ? failed(checked(error)) : nowhere(length);
}

/* The next part of one that came in several. */
static bool goes_on(const struct queue *q, const struct span *span)
{
	return span->slot == q->slot && span->offset > q->first && span->offset + span->length == q->end;
}

static struct place where_written(struct queue *q, const struct span *span)
{
	if (!goes_on(q, span)) {
		q->first = span->offset;
		q->end = span->offset + span->length;
		q->slot = span->slot;
	}
	q->fua = span->fua;
	return in_memory(q->buffer + (span->offset - q->first), span->length);
}

static struct place make_read(struct queue *q, const struct span *span)
{
	int err = served.disk->read(served.disk->self, q->buffer, span->length, span->offset);

	return err ? failed(checked(err)) : in_memory(q->buffer, span->length);
}

/* As long as it may be, a buffer after the other. */
static struct place write_zeroes(struct queue *q, const struct span *span)
{
	uint32_t length = (uint32_t)min_u64(span->length, BUFFER_LEAST);

	memset(q->buffer, 0, length);
	return done(served.disk->write(served.disk->self, q->buffer, length, span->offset), length);
}

static struct place disk_where(void *self, const struct span *span)
{
	const struct ublk_disk *disk = served.disk;
	struct queue *q = self;

	if ((span->op == OP_READ || span->op == OP_WRITE) && span->length > served.buffer_size)
		return failed(-EIO);		/* the kernel has granted more than was asked for, which it never does */
	switch (span->op) {
	case OP_READ:
		return make_read(q, span);
	case OP_WRITE:
		return where_written(q, span);
	case OP_FLUSH:
		return done(disk->flush ? disk->flush(disk->self) : 0, 0);
	case OP_DISCARD:
		return done(disk->discard ? disk->discard(disk->self, span->length, span->offset) : 0, span->length);
	case OP_ZERO:
		break;
	}
	return disk->zero ? done(disk->zero(disk->self, span->length, span->offset), span->length) : write_zeroes(q, span);
}

static int disk_written(void *self, enum op op, uint64_t offset, uint32_t length)
{
	const struct ublk_disk *disk = served.disk;
	struct queue *q = self;
	int err;

	if (op != OP_WRITE)
		return 0;
	q->end = 0;
	err = disk->write(disk->self, q->buffer + (offset - q->first), length, offset);
	if (!err && q->fua && disk->flush)
		err = disk->flush(disk->self);
	return checked(err);
}

static void *disk_queue_open(void *self, int wake_fd)
{
	struct queue *q = calloc(1, sizeof(*q));

	(void)self;
	(void)wake_fd;
	if (q)
		q->buffer = pages_get(served.buffer_size);
	if (q && q->buffer)
		return q;
	free(q);
	return NULL;
}

static void disk_queue_close(void *self)
{
	struct queue *q = self;

	if (!q)
		return;
	pages_free(q->buffer, served.buffer_size);
	free(q);
}

/* --- its life --------------------------------------------------------------------------- */

static int disk_prepare(void *self, const struct spec *spec)
{
	struct ublk_disk *disk = served.disk;

	(void)self;
	if (spec->queues > 1 && !disk->parallel)
		return fail_usage("this disk is served by one thread: there can be no more than one queue");
	served.buffer_size = max_u64(spec->max_io, BUFFER_LEAST);
	return disk->prepare ? checked(disk->prepare(disk)) : 0;
}

static int disk_open(void *self, struct disk *description)
{
	struct ublk_disk *disk = served.disk;
	int err = disk->open ? checked(disk->open(disk)) : 0;
	bool discards = disk->discard || disk->zero;

	(void)self;
	if (err)
		return err;
	*description = (struct disk){
		.size = disk->size,
		.sector_size = disk->sector_size,
		.discard_size = !discards ? 0 : disk->discard_size ? disk->discard_size : DISCARD_SIZE,
		.read_only = disk->read_only || !disk->write,
		.write_cache = disk->flush,
	};
	return 0;
}

static int disk_stopped(void *self)
{
	(void)self;
	return served.disk->close ? checked(served.disk->close(served.disk->self)) : 0;
}

static bool disk_ready(void *self, const char *path)
{
	(void)self;
	served.disk->ready(served.disk->self, path);
	return true;
}

/* Nobody but the program itself knows what it has. */
static int disk_resume(void *self, const struct spec *spec)
{
	(void)self;
	(void)spec;
	return -EOPNOTSUPP;
}

/* What it keeps in its own memory, that is; nobody here knows. */
static bool disk_forgets(const void *self)
{
	(void)self;
	return true;
}

static struct backend disk_backend = {
	.mostly	     = NOWHERE,
	.foreign     = true,
	.forgets     = disk_forgets,
	.prepare     = disk_prepare,
	.resume	     = disk_resume,
	.open	     = disk_open,
	.where	     = disk_where,
	.written     = disk_written,
	.stopped     = disk_stopped,
	.queue_open  = disk_queue_open,
	.queue_close = disk_queue_close,
};

/* --- options ---------------------------------------------------------------------------- */

static size_t value_size(enum ublk_option_type type)
{
	return type == UBLK_FLAG ? sizeof(bool) : type == UBLK_NUMBER ? sizeof(uint32_t) : sizeof(uint64_t);
}

/* With a NUL behind it. NULL: there is no room. */
static const char *keep_word(const char *word)
{
	char *to = served.words + served.used;
	size_t length = strlen(word) + 1;

	if (length > sizeof(served.words) - served.used)
		return NULL;
	served.used += length;
	return memcpy(to, word, length);
}

/* As a row of options wants them. */
static const char *keep_words(const struct ublk_option *from)
{
	const char *argument = from->type == UBLK_FLAG ? "" : from->argument ? from->argument : "VALUE";
	const char *name = keep_word(from->name);

	return name && keep_word(argument) && keep_word(from->help) ? name : NULL;
}

/* In core's terms; it fills in what lies side by side. */
static int take_options(const struct ublk_option *options)
{
	static const uint8_t types[] = {
		[UBLK_FLAG] = OPT_TYPE_FLAG, [UBLK_NUMBER] = OPT_TYPE_U32, [UBLK_SIZE] = OPT_TYPE_SIZE, [UBLK_TEXT] = OPT_TYPE_TEXT,
	};
	size_t n = 0;

	served.used = 0;
	for (; options && options[n].name; n++) {
		const struct ublk_option *from = &options[n];
		const char *words;

		if (n == UBLK_OPTIONS_MAX || from->type < UBLK_FLAG || from->type > UBLK_TEXT || !from->value || !from->help ||
		    !(words = keep_words(from)))
			return fail_plain(-EUSAGE, "option %s of the disk makes no sense", from->name);
		served.options[n] = (struct opt){
			.type = types[from->type], .letter = from->letter, .offset = (uint16_t)(n * sizeof(*served.values)),
			.name = words, .max = UINT32_MAX,
		};
		memcpy(&served.values[n], from->value, value_size(from->type));
	}
	served.options[n] = (struct opt)OPT_END;
	return 0;
}

/* What --help calls the word that @disk takes without "--". */
static void name_bare(const struct ublk_disk *disk, char *text, size_t limit)
{
	const struct opt *opt = disk->bare ? opt_find(served.options, disk->bare) : NULL;

	*text = '\0';
	if (opt && opt_arg(opt))
		text_format(text, limit, "[%s]", opt_arg(opt));
}

/* All has been parsed, nothing else has happened: the disk gets its values. */
static int give_options(void *self, const struct spec *spec)
{
	const struct ublk_option *options = served.disk->options;

	(void)self;
	(void)spec;
	for (size_t n = 0; options && options[n].name; n++)
		memcpy(options[n].value, &served.values[n], value_size(options[n].type));
	return 1;
}

/* --- create and serve ------------------------------------------------------------------- */

const struct applet *const applets[] = { NULL };

/*
 * Who is linked with core is no applet that another program could go on with,
 * nor goes on with one. So it tells nobody its words, with which that would be
 * tried: they might be those of ublk-ctl.
 */
static int check(const struct ublk_disk *disk)
{
	static char program[] = "ublk-core", *const told[] = { program, NULL };

	if (!disk->read)
		return fail_plain(-EUSAGE, "a disk needs a function that reads");
	if (file_fill_standard() || words_note(told) || state_receive())
		return -EIO;
	return state_given() ? fail_plain(-EOPNOTSUPP, "this program goes on with no disk of another") : 0;
}

/* ublk-ctl knows a keeper by "ublk" at the beginning of its name. */
static void rename_process(const char *to, char *was)
{
	prctl(PR_GET_NAME, was, 0, 0, 0);
	prctl(PR_SET_NAME, to, 0, 0, 0);
}

/* @argv: the words, of which the first is the program. Returns an exit status. */
static int run(struct ublk_disk *disk, const char *program, char **argv)
{
	char process[16], was[16], synopsis[64];
	const struct applet applet = {
		.name = disk->name ? disk->name : program,
		.number = DEVICE_FOREIGN,
		.synopsis = synopsis,
		.about = disk->about ? disk->about : "A disk",
		.opts = served.options,
		.self = served.values,
		.bare = disk->bare,
		.backend = &disk_backend,
		.instead = give_options,
	};
	int status;

	served.disk = disk;
	disk_backend.ready = disk->ready ? disk_ready : NULL;
	log_name(program);
	status = (int)status_of(check(disk));
	if (!status)
		status = (int)status_of(take_options(disk->options));
	if (status)
		return status;
	name_bare(disk, synopsis, sizeof(synopsis));
	text_format(process, sizeof(process), "ublk-%s", applet.name);
	rename_process(process, was);
	status = run_disk(&applet, program, argv + 1);
	signals_close();
	signals_restore();
	prctl(PR_SET_NAME, was, 0, 0, 0);
	if (text_out_flush() && !status)
		status = STATUS_FAILED;
	return status;
}

/* With room for words that say what the disk wants, before those that may say otherwise. NULL: no memory. */
static char **words(const struct ublk_disk *disk, const char *program, const char *const *given)
{
	static char one_queue[] = "--queues=1";
	size_t count = 0, n = 0;
	char **all;

	while (given && given[count])
		count++;
	all = calloc(count + 3, sizeof(*all));
	if (!all)
		return NULL;
	all[n++] = (char *)(uintptr_t)program;
	if (!disk->parallel)
		all[n++] = one_queue;
	for (size_t i = 0; i < count; i++)
		all[n++] = (char *)(uintptr_t)given[i];
	return all;
}

int ublk_main(int argc, char **argv, struct ublk_disk *disk)
{
	const char *slash = argc ? strrchr(argv[0], '/') : NULL, *program = slash ? slash + 1 : argc ? argv[0] : "ublk-core";
	char **all = words(disk, program, argc ? (const char *const *)argv + 1 : NULL);
	int status = all ? run(disk, program, all) : STATUS_FAILED;

	free(all);
	return status;
}

/* Its exit status would be taken for ours. */
static int check_words(const char *const *options)
{
	while (options && *options && strcmp(*options, "--"))
		options++;
	return options && *options ? fail_plain(-EINVAL, "there is no command to be run with this disk") : 0;
}

int ublk_serve(struct ublk_disk *disk, const char *const options[])
{
	static const int errors[] = { 0, -EIO, -EINVAL, -EACCES, -EOPNOTSUPP, -EBUSY, -ENODEV };
	const char *program = disk->name ? disk->name : "ublk-core";
	int status = check_words(options);
	char **all;

	if (status)
		return status;
	all = words(disk, program, options);
	status = all ? run(disk, program, all) : STATUS_FAILED;
	free(all);
	return status < (int)ARRAY_SIZE(errors) ? errors[status] : -EIO;
}

/* --- stop and delete ---------------------------------------------------------------------- */

static int parse_device(const char *device, uint32_t *id)
{
	const char *slash = strrchr(device, '/'), *at = slash ? slash + 1 : device;
	uint64_t number = 0;

	if (!strncmp(at, "ublkb", 5))
		at += 5;
	if (text_is_number(at, &number) || number > INT32_MAX)
		return fail_plain(-EINVAL, "'%s' is no ublk device", device);
	*id = (uint32_t)number;
	return 0;
}

static int stop(struct ctrl *ctrl, struct ctrl_device target, const char *block_path, bool force)
{
	struct use use;
	int err = force ? -EAGAIN : use_stop(ctrl, target, block_path, ctrl->features, &use);

	if (err == -EBUSY)
		return fail_plain(err, "%s is in use: %s", block_path, use.by);
	return err && err != -ENODEV && err != -ETIMEDOUT ? ctrl_stop(ctrl, target, CTRL_LIMIT_MS) : err;
}

static bool is_gone(const char *char_path)
{
	return access(char_path, F_OK) < 0;
}

/* When its keeper has ended nothing of it is left; that of somebody else is not ours to wait for. */
static void await(int pidfd)
{
	struct pollfd ready = { .fd = pidfd, .events = POLLIN };

	if (pidfd < 0)
		return;
	if (RETRY(poll(&ready, 1, CTRL_LIMIT_MS)) == 0)
		note("the device is deleted, and its server still busy");
}

/* Who has it open sees errors, and the device goes with the last of them. */
static int delete_stopped(struct ctrl *ctrl, struct ctrl_device target, const char *block_path, bool force)
{
	int err = ctrl_del(ctrl, target, force ? HELD_MS : CTRL_LIMIT_MS);
	struct use use;

	if (err != -ETIMEDOUT || !use_find(block_path, &use))
		return err;
	note("%s is stopped, and vanishes when it is no longer %s", block_path, use.by);
	return 0;
}

static int delete(struct ctrl *ctrl, uint32_t id, bool force)
{
	char char_path[DEVICE_PATH_MAX], block_path[DEVICE_PATH_MAX];
	struct ctrl_device target = { .id = id };
	struct ublksrv_ctrl_dev_info info;
	int keeper, pidfd, err;

	text_format(char_path, sizeof(char_path), "/dev/ublkc%u", id);
	text_format(block_path, sizeof(block_path), "/dev/ublkb%u", id);
	err = registry_ask(ctrl, id, char_path, &info);
	if (err)
		return fail(err, "find device %u", id);
	if (device_is_unprivileged(&info))
		target.path = char_path;
	keeper = registry_keeper(&info);
	pidfd = keeper ? (int)syscall(SYS_pidfd_open, keeper, 0) : -1;
	err = info.state == UBLK_S_DEV_DEAD ? 0 : stop(ctrl, target, block_path, force);
	if (!err)
		err = delete_stopped(ctrl, target, block_path, force);
	if (err && err != -EBUSY && err != -ETIMEDOUT && is_gone(char_path))	/* its keeper was quicker */
		err = 0;
	if (err && err != -EBUSY)
		fail(err, "delete device %u", id);
	if (!err && !ctrl->pending)
		await(pidfd);
	if (pidfd >= 0)
		close(pidfd);
	return err;
}

int ublk_delete(const char *device, bool force)
{
	struct ctrl ctrl;
	uint32_t id = 0;
	int err = parse_device(device, &id);

	if (err)
		return err;
	err = driver_reach(&ctrl, "/dev", false);
	if (err)
		return err;
	err = delete(&ctrl, id, force);
	ctrl_close(&ctrl);
	return err;
}

/* --- say something -------------------------------------------------------------------------- */

static void (*hook)(enum ublk_level level, const char *line);

static void call_hook(int priority, const char *line)
{
	hook((enum ublk_level)priority, line);
}

void ublk_log(void (*to)(enum ublk_level level, const char *line))
{
	hook = to;
	log_hook = to ? call_hook : NULL;
}

/* libc's formats are all that there are, where core knows a few. */
int ublk_fail(int error, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return fail(error, "%s", text);
}

void ublk_note(const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	note("%s", text);
}
