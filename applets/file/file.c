/* SPDX-License-Identifier: MIT */
/*
 * ublk-file - a disk kept in a file or on another block device
 *
 * Every byte lives in the file at the same distance from where the disk begins
 * in it; how it gets there is core's business. With --cow what is written goes
 * to memory instead, and the file is never touched.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "applets/file/backing.h"
#include "applets/file/cow.h"
#include "applets/file/mapping.h"
#include "core/applet.h"
#include "core/fileio.h"
#include "core/log.h"
#include "core/spec.h"
#include "core/state.h"
#include "core/stats.h"
#include "core/text.h"
#include "core/util.h"

enum cache { CACHE_WRITEBACK, CACHE_NONE, CACHE_UNSAFE };
enum discard { DISCARD_UNMAP, DISCARD_IGNORE };

#define CREATE_NOTHING UINT64_MAX

struct file {
	/* options */
	const char *path;
	uint32_t from_fd;
	uint64_t offset, sizelimit, create;
	int direct;			/* enum direct */
	int cache;			/* enum cache */
	int discard;			/* enum discard */
	bool nooverlap, share;
	uint64_t cow_limit;		/* bytes, 0: no --cow */

	char name[32];			/* of a descriptor, for messages */
	struct backing backing;
	struct budget budget;
	_Atomic uint64_t *in_memory;	/* what the store of --cow counts, NULL: nothing */
	_Atomic uint64_t *unflushed;	/* flushes that failed, of this server and those before it */
	_Atomic uint64_t unflushed_here;	/* where nobody can look */
	struct cow cow;
	struct mapping mapping;		/* if it is in memory anyway */
};

static const char *const directs[] = { "auto", "on", "off", NULL };
static const char *const caches[] = { "writeback", "none", "unsafe", NULL };
static const char *const discards[] = { "unmap", "ignore", NULL };

static const struct opt file_opts[] = {
	OPT_TEXT('f', "path", struct file, path, "FILE|DEVICE", "the file or block device that is the disk"),
	OPT_U32(0, "fd", struct file, from_fd, 0, 65535, "descriptor N instead, which is open already"),
	OPT_SIZE('o', "offset", struct file, offset, "where in it the disk begins"),
	OPT_SIZE(0, "sizelimit", struct file, sizelimit, "most of it to use; else all that follows --offset"),
	OPT_SIZE(0, "create", struct file, create, "make the file first, sparse and of this size"),
	OPT_CHOICE_OPTIONAL(0, "direct-io", struct file, direct, directs, "auto|on|off", "on",
			    "go past the page cache: if it can be done, or else fail, or never"),
	OPT_CHOICE_OPTIONAL(0, "direct", struct file, direct, directs, "auto|on|off", "on", "the same as --direct-io"),
	OPT_CHOICE(0, "cache", struct file, cache, caches, "MODE",
		   "writeback: a flush makes writes last; none: also --direct-io=on; unsafe: a flush does nothing"),
	OPT_CHOICE(0, "discard", struct file, discard, discards, "unmap|ignore", "what a discard does: make holes, or nothing"),
	OPT_FLAG('L', "nooverlap", struct file, nooverlap, "refuse a file that is served or locked already; this is the default"),
	OPT_FLAG(0, "share", struct file, share, "serve it all the same"),
	OPT_MEMORY_OPTIONAL(0, "cow", struct file, cow_limit, "100%",
			    "keep what is written in memory, at most SIZE of it, and leave the file as it is"),
	OPT_END
};

/* --- in the keeper ------------------------------------------------------------------ */

static int check(const struct file *f, const struct spec *spec)
{
	if (!f->path == (f->from_fd == FD_NONE))
		return fail_usage(f->path ? "--fd and a path exclude each other" : "which file or block device? Give its path");
	if (f->share && f->nooverlap)
		return fail_usage("--share and --nooverlap exclude each other");
	if (!f->create)
		return fail_usage("--create needs a size that is not 0");
	if (f->cow_limit && spec->recovery)
		return fail_usage("--cow and --recovery exclude each other: what is written is in the memory of the server");
	if (f->create != CREATE_NOTHING && (spec->read_only || f->cow_limit || f->from_fd != FD_NONE))
		return fail_usage("--create makes an empty file, which is no use with --read-only, --cow or --fd");
	if ((f->create > INT64_MAX && f->create != CREATE_NOTHING) || f->offset > INT64_MAX)
		return fail_usage("--create and --offset are at most 8E less one byte");
	if (f->cache == CACHE_NONE && f->direct == DIRECT_OFF)
		return fail_usage("--cache=none and --direct-io=off exclude each other");
	return 0;
}

static int file_prepare(void *self, const struct spec *spec)
{
	struct file *f = self;
	struct backing_plan plan = {
		.path = f->path ? f->path : f->name,
		.from_fd = f->from_fd == FD_NONE ? -1 : (int)f->from_fd,
		.read_only = spec->read_only || f->cow_limit,
		.share = f->share,
		.create = f->create == CREATE_NOTHING ? 0 : f->create,
		.offset = f->offset,
		.limit = f->sizelimit,
		.direct = f->cache == CACHE_NONE ? DIRECT_ON : (enum direct)f->direct,
		.sector_size = spec->sector_size == SECTOR_ANY ? 0 : (uint32_t)spec->sector_size,
	};
	int err = check(f, spec);

	if (err)
		return err;
	text_format(f->name, sizeof(f->name), "descriptor %d", plan.from_fd);
	err = backing_open(&f->backing, &plan);
	if (!err && f->cow_limit)
		budget_open(&f->budget);
	return err;
}

static const struct state_field file_carried[] = {
	BACKING_CARRIED(struct file, backing),
	STATE_END
};

static int file_resume(void *self, const struct spec *spec)
{
	const struct file *f = self;

	return f->backing.fd < 0 ? -EPROTO : spec_check_size(spec, f->backing.size);
}

static int file_file(const void *self)
{
	const struct file *f = self;

	return f->backing.fd;
}

static bool file_forgets(const void *self)
{
	const struct file *f = self;

	return f->cow_limit;
}

static bool file_at_once(const void *self)
{
	const struct file *f = self;

	return f->backing.in_memory;
}

static int file_conclude(void *self, enum outcome outcome)
{
	struct file *f = self;

	if (f->backing.created && outcome == NEVER_SERVED)	/* of no use to anybody */
		unlink(f->path);
	backing_close(&f->backing);
	budget_close(&f->budget);
	return 0;
}

/* --- in the worker -------------------------------------------------------------------- */

static void tell(const struct backing *b)
{
	info("%s I/O%s, sectors of %" PRIu32 " bytes, discard %s", b->direct ? "direct" : "buffered",
	     b->in_memory ? " to a file in memory" : "", b->sector_size ? b->sector_size : 512,
	     b->discard_size ? "makes holes" : "is not to be had");
}

static int file_open(void *self, struct disk *disk)
{
	struct file *f = self;
	const struct backing *b = &f->backing;

	tell(b);
	if (!f->unflushed)
		f->unflushed = &f->unflushed_here;
	*disk = (struct disk){
		.size = b->size,
		.sector_size = b->sector_size,
		.physical_size = b->physical_size,
		.optimal_size = b->optimal_size,
		.dma_size = b->dma_size,
		.discard_size = f->discard == DISCARD_IGNORE ? 0 : b->discard_size,
		.read_only = b->read_only,
		.write_cache = !b->read_only && f->cache != CACHE_UNSAFE,
		.rotational = b->rotational,
	};
	if (!f->cow_limit && b->in_memory)
		mapping_open(&f->mapping, b->fd, b->offset + b->size, !b->read_only);
	if (!f->cow_limit)
		return 0;
	disk->read_only = disk->write_cache = false;
	disk->discard_size = (uint32_t)page_size();
	return cow_open(&f->cow, b->size, f->cow_limit, &f->budget, f->in_memory);
}

static void file_count(void *self, const struct stats *stats)
{
	static const struct stats_name names[] = {
		{ "file_direct_io", STATS_GAUGE },
		{ "file_buffered_fallback", STATS_GAUGE },
		{ "file_failed_flushes", STATS_COUNTER },
	};
	struct file *f = self;
	_Atomic uint64_t *numbers = stats_add(stats, names, ARRAY_SIZE(names), 1);

	stats_count(&numbers[0], f->backing.direct);
	stats_count(&numbers[1], f->backing.fallback);
	f->unflushed = &numbers[2];
	if (f->cow_limit)
		f->in_memory = store_count(stats);
}

/*
 * The kernel tells once that it could not write what is in its page cache, and
 * then forgets that it was to be written: another flush would succeed, and
 * what somebody else has written would be lost without a word. What goes past
 * the page cache fails for whom it belongs to.
 */
static void file_unflushed(void *self, int error)
{
	struct file *f = self;

	if (atomic_fetch_add(f->unflushed, 1))
		return;
	warn("a flush failed: %s%s", strerror(-error),
	     f->backing.direct ? "" : "; what was written may be lost, and from now on every flush fails");
	if (!f->backing.direct)
		remedy("stop the disk, see to %s, and start the disk anew", f->path ? f->path : f->name);
}

static bool is_forgetful(const struct file *f)
{
	return !f->backing.direct && atomic_load_explicit(f->unflushed, memory_order_relaxed);
}

static struct place in_backing(struct file *f, const struct span *span)
{
	uint64_t offset = f->backing.offset + span->offset;

	if (span->op == OP_FLUSH && is_forgetful(f))
		return failed(-EIO);
	if (!f->mapping.base)
		return in_file(f->backing.fd, offset, span->length);
	if (span->op == OP_READ || span->op == OP_WRITE)
		return mapping_where(&f->mapping, span->op, offset, span->length);
	mapping_forget(&f->mapping, offset, span->length);
	return in_file(f->backing.fd, offset, span->length);
}

static struct place file_where(void *self, const struct span *span)
{
	struct file *f = self;
	const struct backing *b = &f->backing;

	if (!f->cow_limit)
		return in_backing(f, span);
	switch (span->op) {
	case OP_READ:
		return cow_read(&f->cow, span, b->fd, b->offset);
	case OP_WRITE:
	case OP_DISCARD:
	case OP_ZERO:
		return cow_change(&f->cow, span);
	case OP_FLUSH:
		break;		/* memory is as durable as it will ever be */
	}
	return nowhere(span->length);
}

static int file_written(void *self, enum op op, uint64_t offset, uint32_t length)
{
	struct file *f = self;

	(void)op;
	if (f->cow_limit)
		cow_changed(&f->cow, offset, length);
	return 0;
}

/* What is in memory has the size it began with. */
static uint64_t file_size(void *self)
{
	const struct file *f = self;

	return f->cow_limit ? f->backing.size : backing_size(&f->backing);
}

static void file_close(void *self)
{
	struct file *f = self;

	cow_close(&f->cow);
	mapping_close(&f->mapping);
}

static const struct backend file_backend = {
	.mostly	  = IN_FILE,
	.prepare  = file_prepare,
	.carried  = file_carried,
	.resume	  = file_resume,
	.file	  = file_file,
	.move	  = fileio_move,
	.at_once  = file_at_once,
	.forgets  = file_forgets,
	.open	  = file_open,
	.count	  = file_count,
	.where	  = file_where,
	.written  = file_written,
	.unflushed = file_unflushed,
	.size	  = file_size,
	.close	  = file_close,
	.conclude = file_conclude,
};

const struct applet applet_file = {
	.name	  = "file",
	.number = APPLET_file,
	.synopsis = "[--path] FILE|DEVICE",
	.about	  = "A disk kept in a file or on another block device",
	.opts	  = file_opts,
	.self	  = &(struct file){
		.from_fd = FD_NONE,
		.create = CREATE_NOTHING,
		.backing = { .fd = -1 },
		.budget = { .meminfo = -1 },
	},
	.bare	  = "path",
	.backend  = &file_backend,
};
