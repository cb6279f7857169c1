/* SPDX-License-Identifier: MIT */
/*
 * ublk-zip - an archive as a disk
 *
 * Either its tree, as a read-only file system that is made while it is read;
 * or one member, which is the disk. Nothing is unpacked to anywhere. Stored
 * bytes are where they are in the archive, and go the way of ublk-file;
 * deflated ones are unpacked by threads of their own, and kept for a while.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "applets/zip/crc32.h"
#include "applets/zip/zip.h"
#include "core/affinity.h"
#include "core/alone.h"
#include "core/applet.h"
#include "core/fileio.h"
#include "core/log.h"
#include "core/spec.h"
#include "core/state.h"
#include "core/stats.h"
#include "core/text.h"
#include "core/util.h"

#define SPAN (256U << 10)		/* bytes unpacked at least, when a few are wanted */
#define READ_AHEAD (1U << 20)		/* what the kernel takes for the best size; it reads twice that ahead */
#define BLOCKS 16			/* of metadata, made at once */
#define TOLD_MAX 100			/* files that cannot be read, by name: less than a pipe holds */

static const char *const indexes[] = { "auto", "background", "wait", "lazy", NULL };
static const char *const unsupporteds[] = { "refuse", "eio", "hide", NULL };
static const char *const bad_names[] = { "refuse", "skip", NULL };
static const char *const encodings[] = { "auto", "cp437", "latin1", "utf8", "raw", NULL };
static const char *const overlaps[] = { "refuse", "allow", NULL };
static const char *const on_changes[] = { "eio", "ignore", NULL };

static const struct opt zip_opts[] = {
	OPT_TEXT('f', "path", struct zip, path, "ARCHIVE", "the archive"),
	OPT_U32(0, "fd", struct zip, from_fd, 0, 65535, "descriptor N instead, which is open already"),
	OPT_TEXT('e', "member", struct zip, member, "NAME", "let this member be the disk, instead of a file system of all"),
	OPT_TEXT(0, "entry", struct zip, member, "NAME", "the same as --member"),
	OPT_FLAG('l', "list", struct zip, list, "print what is in the archive and end"),
	OPT_FLAG(0, "verify", struct zip, verify, "read all of it first and compare its checksums"),
	OPT_CHOICE(0, "index", struct zip, index, indexes, "WHEN",
		   "with --member, go through it once for the way to every part of it: in the background, first (wait, "
		   "which auto is without rights), or as far as is read (lazy)"),
	OPT_TEXT(0, "index-file", struct zip, index_file, "FILE", "with --member, take that from FILE, or keep it there"),
	OPT_SIZE(0, "index-memory", struct zip, index_memory, "most memory for it"),
	OPT_SIZE(0, "cache-memory", struct zip, cache_memory, "most memory for what was unpacked"),
	OPT_U32(0, "workers", struct zip, workers, 1, INFLATE_WORKERS_MAX, "threads that unpack; else one per CPU, up to 8"),
	OPT_CHOICE(0, "encoding", struct zip, encoding, encodings, "NAME",
		   "of names that do not say it: auto, cp437, latin1, utf8 or raw"),
	OPT_TEXT(0, "owner", struct zip, owner, "root|archive|U:G", "whose the files are"),
	OPT_CHOICE(0, "unsupported", struct zip, unsupported, unsupporteds, "WHAT",
		   "encrypted members and those of other methods: refuse the archive, let reading them fail (eio), or hide them"),
	OPT_CHOICE(0, "bad-names", struct zip, bad_names, bad_names, "refuse|skip", "names that no file can have: refuse the archive, or leave them out"),
	OPT_CHOICE(0, "overlap", struct zip, overlap, overlaps, "refuse|allow", "members that share bytes of the archive"),
	OPT_CHOICE(0, "on-change", struct zip, on_change, on_changes, "eio|ignore",
		   "an archive that is written to while it is served: let reading its files fail, or serve what is there"),
	OPT_FLAG(0, "preserve-special", struct zip, preserve_special, "keep setuid and setgid bits, devices, pipes and sockets"),
	OPT_U32(0, "max-entries", struct zip, max_entries, 1, UINT32_MAX - 1, "refuse an archive of more"),
	OPT_END
};

const char *zip_name(const struct zip *z)
{
	return z->path ? z->path : z->name;
}

/* --- in the keeper ------------------------------------------------------------------- */

/* "U:G" */
static int parse_owner(struct zip *z)
{
	const char *at = z->owner;
	uint64_t uid = 0, gid = 0;

	z->policy.owner = OWNER_GIVEN;
	if (!strcmp(at, "root"))
		z->policy.owner = OWNER_ROOT;
	else if (!strcmp(at, "archive"))
		z->policy.owner = OWNER_ARCHIVE;
	else if (text_number(&at, &uid) || *at++ != ':' || text_is_number(at, &gid) || uid >= UINT32_MAX || gid >= UINT32_MAX)
		return fail_usage("--owner is root, archive, or two numbers like 1000:100, not '%s'", z->owner);
	z->policy.uid = (uint32_t)uid;
	z->policy.gid = (uint32_t)gid;
	return 0;
}

static int check(struct zip *z)
{
	if (!z->path == (z->from_fd == FD_NONE))
		return fail_usage(z->path ? "--fd and a path exclude each other" : "which archive? Give its path");
	if (z->index_file && !z->member)
		return fail_usage("--index-file is for one member: give its name with --member");
	if (z->index != INDEX_AUTO && !z->member)
		return fail_usage("--index is for one member: give its name with --member");
	if (z->index_memory < 1 << 20 || z->cache_memory < 1 << 20)
		return fail_usage("--index-memory and --cache-memory are at least 1M");
	z->policy.unsupported = (enum unsupported)z->unsupported;
	z->policy.bad_names = (enum bad_names)z->bad_names;
	z->policy.encoding = (enum encoding)z->encoding;
	z->policy.preserve_special = z->preserve_special;
	z->policy.max_entries = z->max_entries;
	return parse_owner(z);
}

static int open_archive(struct zip *z)
{
	struct backing_plan plan = {
		.path = zip_name(z),
		.from_fd = z->from_fd == FD_NONE ? -1 : (int)z->from_fd,
		.read_only = true,
		.direct = DIRECT_OFF,
		.sector_size = 1,	/* an archive ends where it ends */
	};

	text_format(z->name, sizeof(z->name), "descriptor %d", plan.from_fd);
	return backing_open(&z->backing, &plan);
}

/* The one that is there, to be read; and, in case it is of no use, the one that will be. */
static int open_index(struct zip *z)
{
	int err;

	if (!z->index_file)
		return 0;
	z->old_index = RETRY(open(z->index_file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
	if (z->old_index < 0 && errno != ENOENT)
		return fail(-errno, "open the index %s", z->index_file);
	err = file_target_open(&z->index_target, z->index_file);
	if (!err)
		z->new_index = file_target_create(&z->index_target, 0600);
	if (!err && z->new_index >= 0)
		return 0;
	if (z->old_index >= 0) {	/* on a read-only file system it may well be of use */
		info("%s cannot be replaced", z->index_file);
		return 0;
	}
	if (err == -EEXIST)
		return fail_plain(err, "%s is no regular file", z->index_file);
	return fail(err ? err : z->new_index, "write to %s", z->index_file);
}

static void settle(struct zip *z, const struct spec *spec)
{
	z->depth = spec->depth;
	z->sector_size = spec_sector_size(spec, 0);
	z->progress = spec_progress(spec);
	if (!z->workers)
		z->workers = (uint32_t)min_u64(affinity_count(), INFLATE_WORKERS_MAX);
	crc32_prepare();
}

static int zip_prepare(void *self, const struct spec *spec)
{
	struct zip *z = self;
	int err = check(z);

	settle(z, spec);
	if (!err)
		err = open_archive(z);
	if (!err)
		err = watch_begin(&z->watch, z->backing.fd, zip_name(z));
	return err ? err : open_index(z);
}

static const struct state_field zip_carried[] = {
	BACKING_CARRIED(struct zip, backing),
	STATE_FIELD(struct zip, watch.fd, STATE_NUMBER),	/* the same descriptor, or none */
	STATE_FIELD(struct zip, watch.size, STATE_NUMBER),
	STATE_FIELD(struct zip, watch.seconds, STATE_NUMBER),
	STATE_FIELD(struct zip, watch.nanoseconds, STATE_NUMBER),
	STATE_FIELD(struct zip, layout, STATE_NUMBER),
	STATE_FIELD(struct zip, index_target.dir, STATE_FILE),
	STATE_FIELD(struct zip, index_target.fd, STATE_FILE),
	STATE_FIELD(struct zip, index_target.temporary, STATE_TEXT),
	STATE_FIELD(struct zip, old_index, STATE_FILE),
	STATE_FIELD(struct zip, new_index, STATE_FILE),
	STATE_END
};

static int zip_resume(void *self, const struct spec *spec)
{
	struct zip *z = self;
	int err = check(z);

	if (!err && (z->layout != EROFS_LAYOUT || z->backing.fd < 0 || (z->watch.fd >= 0 && z->watch.fd != z->backing.fd)))
		err = -EPROTO;
	if (!err)
		err = file_target_resume(&z->index_target, z->index_target.dir < 0 ? NULL : z->index_file);
	settle(z, spec);
	text_format(z->name, sizeof(z->name), "descriptor %d", (int)z->from_fd);
	z->watch.name = zip_name(z);
	return err;
}

static int zip_file(const void *self)
{
	const struct zip *z = self;

	return z->backing.fd;
}

static bool zip_at_once(const void *self)
{
	const struct zip *z = self;

	return z->backing.in_memory;
}

/* What there is now of the new index: nothing if the old one was good, or the worker did not get so far. */
static int keep_index(struct zip *z)
{
	int err;

	if (z->new_index < 0 || lseek(z->new_index, 0, SEEK_END) <= 0)
		return 0;
	err = file_target_commit(&z->index_target);
	return err ? fail(err, "write the index %s", z->index_file) : 0;
}

static int zip_conclude(void *self, enum outcome outcome)
{
	struct zip *z = self;
	int err = outcome == STOPPED_WELL ? keep_index(z) : 0;

	file_target_close(&z->index_target);
	if (z->new_index >= 0)
		close(z->new_index);
	if (z->old_index >= 0)
		close(z->old_index);
	backing_close(&z->backing);
	return err;
}

/* --- in the worker: the archive ---------------------------------------------------------- */

static int grow_tree(struct zip *z, struct archive *archive, const char *only)
{
	const struct tree_policy policy = {
		.skip_bad_names = z->policy.bad_names == BAD_NAMES_SKIP,
		.allow_overlap = z->overlap == OVERLAP_ALLOW,
		.max_nodes = z->max_entries,
		.only = only,
	};
	int err = tree_open(&z->tree, archive, &policy);

	z->directory = archive_directory(archive);
	z->key = (uint64_t)archive_crc(archive) << 32 ^ z->source.size;
	return err;
}

static int read_archive(struct zip *z, const char *only)
{
	struct archive *archive;
	int err = archive_open(&archive, &z->source, &z->policy);

	if (!err)
		err = grow_tree(z, archive, only);
	archive_close(archive);
	return err;
}

/* Is that why something is not as it should be? */
static bool is_changed(struct zip *z)
{
	return z->on_change == ON_CHANGE_EIO && watch_changed_now(&z->watch);
}

/* Who wants one member needs no others, if it is named as names are here. */
static const char *only_member(const char *name)
{
	bool plain = name && *name && *name != '/' && name[strlen(name) - 1] != '/' && !text_has(name, "//");

	return plain ? name : NULL;
}

/* With --recovery this may not be the first server: what others have shown of the archive must still be so. */
static int open_tree(struct zip *z)
{
	int err;

	if (is_changed(z))
		return -ESTALE;
	z->source = source_file(z->backing.fd, z->backing.size);
	err = read_archive(z, only_member(z->member));
	if (err != -EAGAIN)
		return err;
	tree_close(&z->tree);
	return read_archive(z, NULL);
}

/* Where it is told may be a pipe that nobody reads, and an archive may be full of damage: that must not stop its disk. */
static bool may_tell(struct zip *z)
{
	uint32_t told = atomic_load_explicit(&z->told, memory_order_relaxed);

	while (told <= TOLD_MAX && !atomic_compare_exchange_weak(&z->told, &told, told + 1))
		;
	if (told == TOLD_MAX)
		fail_plain(-EIO, "more of its files cannot be read; they are not named");
	return told < TOLD_MAX;
}

static void tell_damaged(void *context, uint32_t number, const char *why)
{
	struct zip *z = context;
	char shown[NAME_SHOWN_MAX];

	if (!is_changed(z) && may_tell(z))
		fail_plain(-EIO, "%s cannot be read: %s", tree_shown(&z->tree, number, shown), why);
}

static int open_inflate(struct zip *z)
{
	const struct inflate_limits limits = {
		.index_memory = z->index_memory,
		.cache_memory = z->cache_memory,
		.span = SPAN,
		.workers = z->workers,
		.damaged = tell_damaged,
		.stats = z->counted,
		.context = z,
	};

	return inflate_open(&z->inflate, &z->source, &limits);
}

/* --- members ------------------------------------------------------------------------------- */

struct member zip_member(const struct zip *z, uint32_t number)
{
	const struct node *node = &z->tree.nodes[number];

	return (struct member){
		.id = number,
		.crc = node->crc,
		.data = node->header + atomic_load_explicit(&node->located, memory_order_relaxed),
		.packed = node->packed,
		.size = node->size,
	};
}

/* With the bytes of the local header at hand. 0, or -EIO and *why. */
static int located(struct zip *z, uint32_t number, const unsigned char *header, const char **why)
{
	struct node *node = &z->tree.nodes[number];
	const struct local local = node_local(node);
	int start = local_data(&local, header, z->directory, why);

	atomic_store_explicit(&node->located, start < 0 ? LOCATED_NOWHERE : (uint32_t)start, memory_order_relaxed);
	return start < 0 ? -EIO : 0;
}

int zip_locate(struct zip *z, uint32_t number)
{
	const struct node *node = &z->tree.nodes[number];
	unsigned char header[LOCAL_HEADER + ARCHIVE_PATH_MAX];
	char shown[NAME_SHOWN_MAX];
	const char *why;
	int err = z->source.read(&z->source, node->header, header, LOCAL_HEADER + node->raw_length);

	if (err)
		return fail(err, "read %s", tree_shown(&z->tree, number, shown));
	err = located(z, number, header, &why);
	if (err && !is_changed(z))
		fail_plain(err, "%s cannot be read: %s", tree_shown(&z->tree, number, shown), why);
	return err;
}

/* --- all of them as a file system ---------------------------------------------------------------- */

static int open_filesystem(struct zip *z, struct disk *disk)
{
	const char *label = strrchr(zip_name(z), '/');
	int err = erofs_open(&z->erofs, &z->tree, z->key, label ? label + 1 : zip_name(z));

	if (!err && z->verify)
		err = zip_verify_all(z);
	disk->size = erofs_size(&z->erofs);
	return err;
}

/* --- statistics ---------------------------------------------------------------------------------- */

enum { NUMBER_FILES, NUMBER_NODES, NUMBER_MEMBER, NUMBERS };

static void zip_count(void *self, const struct stats *stats)
{
	static const struct stats_name ours[NUMBERS] = {
		{ "zip_files", STATS_GAUGE }, { "zip_nodes", STATS_GAUGE }, { "zip_member_bytes", STATS_GAUGE },
	};
	static const struct stats_name engine[] = {	/* as struct inflate_stats has them */
		{ "zip_hits", STATS_COUNTER }, { "zip_misses", STATS_COUNTER }, { "zip_inflated_bytes", STATS_COUNTER },
		{ "zip_served_bytes", STATS_COUNTER }, { "zip_spans", STATS_COUNTER }, { "zip_checkpoints", STATS_GAUGE },
		{ "zip_index_bytes", STATS_GAUGE }, { "zip_cache_bytes", STATS_GAUGE },
		{ "zip_crc_failures", STATS_COUNTER }, { "zip_indexed_bytes", STATS_GAUGE },
	};
	struct zip *z = self;

	static_assert(sizeof(struct inflate_stats) == ARRAY_SIZE(engine) * sizeof(uint64_t), "a name for each");
	z->numbers = stats_add(stats, ours, NUMBERS, 1);
	z->counted = (struct inflate_stats *)(void *)stats_add(stats, engine, ARRAY_SIZE(engine), 1);
}

static void tell_numbers(struct zip *z)
{
	if (!z->numbers)
		return;
	stats_count(&z->numbers[NUMBER_FILES], z->tree.member_count);
	stats_count(&z->numbers[NUMBER_NODES], z->tree.count);
	stats_count(&z->numbers[NUMBER_MEMBER], z->member ? z->tree.nodes[z->disk_node].size : 0);
}

static int zip_open(void *self, struct disk *disk)
{
	struct zip *z = self;
	int err;

	if (z->index == INDEX_AUTO)	/* who asks for the end of a large member waits until all of it was gone through */
		z->index = disk->hurried ? INDEX_WAIT : INDEX_BACKGROUND;
	*disk = (struct disk){ .physical_size = EROFS_BLOCK, .optimal_size = READ_AHEAD, .read_only = true };
	err = open_tree(z);
	if (!err)
		err = open_inflate(z);
	if (!err)
		err = z->member ? zip_open_member(z, disk) : open_filesystem(z, disk);
	if (!err)
		tell_numbers(z);
	return err;
}

static int zip_stopped(void *self)
{
	struct zip *z = self;

	return z->new_index < 0 ? 0 : zip_save_index(z);
}

static void zip_close(void *self)
{
	struct zip *z = self;

	inflate_close(z->inflate);
	erofs_close(&z->erofs);
	tree_close(&z->tree);
}

/* --- requests ---------------------------------------------------------------------------------- */

struct zip_queue {
	struct zip *zip;
	struct inflate_queue *inflate;
	unsigned char blocks[BLOCKS * EROFS_BLOCK];	/* of metadata; only until the next question */
	unsigned char headers[][LOCAL_HEADER + ARCHIVE_PATH_MAX];	/* one for each slot */
};

static size_t queue_size(const struct zip *z)
{
	return sizeof(struct zip_queue) + z->depth * sizeof(((struct zip_queue *)NULL)->headers[0]);
}

static void zip_queue_close(void *self)
{
	struct zip_queue *q = self;

	inflate_queue_close(q->inflate);
	pages_free(q, queue_size(q->zip));
}

static void *zip_queue_open(void *self, int wake_fd)
{
	struct zip *z = self;
	struct zip_queue *q = pages_get(queue_size(z));

	if (!q)
		return NULL;
	q->zip = z;
	q->inflate = inflate_queue_open(z->inflate, wake_fd, z->depth);
	if (q->inflate)
		return q;
	pages_free(q, queue_size(z));
	return NULL;
}

/* Its local header tells where the data of a member begins; it is read when somebody wants the data. */
static struct place locate(struct zip_queue *q, const struct span *span, uint32_t number)
{
	const struct node *node = &q->zip->tree.nodes[number];
	unsigned char *header = q->headers[span->slot];
	uint32_t length = LOCAL_HEADER + node->raw_length;

	return needs(q->zip->backing.fd, node->header + span->fetched, length - span->fetched, (char *)header + span->fetched);
}

static bool is_fetched(const struct zip_queue *q, const struct span *span, uint32_t number)
{
	return span->fetched >= LOCAL_HEADER + (uint32_t)q->zip->tree.nodes[number].raw_length;
}

static struct place inflated(struct zip_queue *q, const struct span *span, uint32_t number, uint64_t offset, uint32_t length)
{
	const struct member member = zip_member(q->zip, number);
	const char *at;
	int64_t n = inflate_ask(q->inflate, span->slot, &member, offset, length, &at);

	if (n < 0)
		return failed((int)n);
	return n ? in_memory((char *)(uintptr_t)at, (uint32_t)n) : later();
}

static struct place in_member(struct zip_queue *q, const struct span *span, uint32_t number, uint64_t offset, uint32_t length)
{
	struct zip *z = q->zip;
	const struct node *node = &z->tree.nodes[number];
	uint32_t start = atomic_load_explicit(&node->located, memory_order_relaxed);
	const char *why;

	if (node->flags & NODE_UNREADABLE || start == LOCATED_NOWHERE)
		return failed(-EIO);
	if (z->on_change == ON_CHANGE_EIO && watch_changed(&z->watch, watch_clock()))
		return failed(-EIO);
	if (!start && !is_fetched(q, span, number))
		return locate(q, span, number);
	if (!start && located(z, number, q->headers[span->slot], &why)) {
		tell_damaged(z, number, why);
		return failed(-EIO);
	}
	if (node->flags & NODE_DEFLATED)
		return inflated(q, span, number, offset, length);
	start = atomic_load_explicit(&node->located, memory_order_relaxed);
	return in_file(z->backing.fd, node->header + start + offset, length);
}

static struct place metadata(struct zip_queue *q, const struct span *span, uint32_t length)
{
	uint64_t first = span->offset / EROFS_BLOCK, skipped = span->offset % EROFS_BLOCK;
	uint32_t most = (uint32_t)min_u64(length, sizeof(q->blocks) - skipped);

	for (uint32_t i = 0; i * EROFS_BLOCK < skipped + most; i++)
		erofs_block(&q->zip->erofs, (uint32_t)first + i, q->blocks + (size_t)i * EROFS_BLOCK);
	return in_memory((char *)q->blocks + skipped, most);
}

static struct place in_filesystem(struct zip_queue *q, const struct span *span)
{
	struct spot spot = erofs_at(&q->zip->erofs, span->offset);
	uint32_t length = (uint32_t)min_u64(span->length, spot.length);

	switch (spot.kind) {
	case SPOT_ZEROES:
		break;
	case SPOT_METADATA:
		return metadata(q, span, length);
	case SPOT_MEMBER:
		return in_member(q, span, spot.node, spot.offset, length);
	}
	return nowhere(length);
}

static struct place in_disk_member(struct zip_queue *q, const struct span *span)
{
	uint64_t size = q->zip->tree.nodes[q->zip->disk_node].size;

	if (span->offset >= size)	/* what is left of the last sector */
		return nowhere(span->length);
	return in_member(q, span, q->zip->disk_node, span->offset, (uint32_t)min_u64(span->length, size - span->offset));
}

static struct place zip_where(void *self, const struct span *span)
{
	struct zip_queue *q = self;

	if (span->op == OP_FLUSH)
		return nowhere(0);
	if (span->op != OP_READ)
		return failed(-EROFS);
	return q->zip->member ? in_disk_member(q, span) : in_filesystem(q, span);
}

/* --- instead of a disk ------------------------------------------------------------------------------ */

static int zip_instead(void *self, const struct spec *spec)
{
	struct zip *z = self;
	int err;

	if (!z->list)
		return 1;
	err = check(z);
	if (!err)
		err = open_archive(z);
	crc32_prepare();
	if (!err)
		err = alone_give_up(spec);
	if (!err)
		err = zip_list(z);
	backing_close(&z->backing);
	return err;
}

static const struct backend zip_backend = {
	.mostly	     = IN_FILE,
	.prepare     = zip_prepare,
	.carried     = zip_carried,
	.resume	     = zip_resume,
	.file	     = zip_file,
	.move	     = fileio_move,
	.at_once     = zip_at_once,
	.count	     = zip_count,
	.open	     = zip_open,
	.where	     = zip_where,
	.stopped     = zip_stopped,
	.close	     = zip_close,
	.queue_open  = zip_queue_open,
	.queue_close = zip_queue_close,
	.conclude    = zip_conclude,
};

const struct applet applet_zip = {
	.name	  = "zip",
	.number = APPLET_zip,
	.synopsis = "[--path] ARCHIVE",
	.about	  = "A zip archive as a disk, nothing unpacked",
	.opts	  = zip_opts,
	.self	  = &(struct zip){
		.layout = EROFS_LAYOUT,
		.from_fd = FD_NONE,
		.owner = "root",
		.index_memory = 64 << 20,
		.cache_memory = 32 << 20,
		.max_entries = 16 << 20,
		.backing = { .fd = -1 },
		.index_target = FILE_TARGET_NONE,
		.old_index = -1,
		.new_index = -1,
	},
	.bare	  = "path",
	.instead  = zip_instead,
	.backend  = &zip_backend,
};
