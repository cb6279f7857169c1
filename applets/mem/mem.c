/* SPDX-License-Identifier: MIT */
/*
 * ublk-mem - a disk in memory
 *
 * Reads and writes go straight between a request and the store: the driver is
 * told where, and copies once. Discarded pages go back to the system.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "applets/mem/budget.h"
#include "applets/mem/image.h"
#include "applets/mem/store.h"
#include "core/applet.h"
#include "core/file.h"
#include "core/log.h"
#include "core/size.h"
#include "core/spec.h"
#include "core/state.h"
#include "core/util.h"

#define NODE_ANY UINT32_MAX
#define PIPE_START (64ULL << 20)	/* bytes mapped before a pipe has told how long it is */

struct mem {
	/* options */
	uint64_t size;
	const char *image, *save;
	bool consume, populate;
	uint64_t limit;
	int huge;			/* enum huge, or HUGE_NONE */
	uint32_t node;

	bool progress;
	bool shared;			/* the store outlives the worker */
	uint64_t sector_size;
	int image_fd;
	struct file_target consumed;	/* the image, if it is */
	uint64_t length;		/* its bytes when it was opened */
	uint64_t taken, returned;	/* bytes that its data take at most, and that come back to the memory with it */
	uint64_t room;			/* bytes that were left when there was to be a store, or come back */
	struct file_target saved;
	int saved_fd;
	struct budget budget;
	_Atomic uint64_t *numbers;	/* what the store counts, NULL: nothing */
	struct store store;
};

static const char *const huge_kinds[] = { "off", "2M", "1G", "thp", NULL };

static const struct opt mem_opts[] = {
	OPT_MEMORY('s', "size", struct mem, size, "size of the disk, required unless there is an --image"),
	OPT_TEXT('i', "image", struct mem, image, "FILE|-", "load FILE, or standard input, into the disk first"),
	OPT_FLAG(0, "consume", struct mem, consume, "have the image in memory once: remove its file"),
	OPT_TEXT(0, "save", struct mem, save, "FILE", "write the disk to FILE when it is stopped"),
	OPT_FLAG(0, "populate", struct mem, populate, "take all the memory now, or fail"),
	OPT_MEMORY(0, "limit", struct mem, limit, "most memory to take, writers get ENOSPC beyond; else what is free less 32M"),
	OPT_CHOICE_OPTIONAL(0, "huge", struct mem, huge, huge_kinds, "off|2M|1G|thp", "2M",
			    "take huge pages: of the pool, or transparent ones"),
	OPT_U32(0, "numa", struct mem, node, 0, 1023, "take the memory from NUMA node N"),
	OPT_END
};

/* --- in the keeper ---------------------------------------------------------------- */

/* O_NONBLOCK, or a named pipe that nobody writes to would keep the keeper here, deaf to signals. The worker may wait. */
static int open_image(struct mem *m)
{
	bool standard = m->image && !strcmp(m->image, "-");

	if (!m->image)
		return 0;
	m->image_fd = standard ? RETRY(fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3))
			       : RETRY(open(m->image, (m->consume ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK));
	if (m->image_fd < 0)
		return fail(-errno, "open the image %s", m->image);
	if (!standard)
		fcntl(m->image_fd, F_SETFL, 0);
	return 0;
}

/*
 * When its one name is gone, nobody comes upon what is left of it but who has it open already; and of those who say so,
 * as ublk-file does, there is none.
 */
static int open_consumed(struct mem *m)
{
	struct stat st;

	if (!m->consume)
		return 0;
	if (m->image_fd < 0 || !strcmp(m->image, "-") || fstat(m->image_fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1)
		return fail_usage("--consume wants an --image that is a file with one name");
	if (flock(m->image_fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)	/* some file systems cannot */
		return fail_plain(-EBUSY, "%s is locked", m->image);
	m->length = (uint64_t)st.st_size;
	m->taken = m->length;
	if (file_in_memory(m->image_fd))	/* elsewhere its blocks may be compressed, or not be known yet */
		m->taken = m->returned = (uint64_t)st.st_blocks * 512;
	return file_target_find(&m->consumed, m->image);
}

/* The larger of what was asked for and what the image has. */
static int settle_size(struct mem *m, const struct spec *spec)
{
	int64_t size = m->image_fd < 0 ? 0 : image_size(m->image_fd);

	if (size < 0)
		return fail((int)size, "read the size of %s", m->image);
	if (!m->size && !m->image)
		return fail_usage("a disk needs a size that is not 0: --size SIZE");
	if (spec->recovery && m->image && !size && !m->size)
		return fail_usage("with --recovery an image from a pipe needs a --size that holds it");
	m->size = max_u64(m->size, round_up((uint64_t)size, spec_sector_size(spec, 0)));
	return m->image && !m->size ? 0 : spec_check_size(spec, m->size);	/* a pipe tells later */
}

/* Now, with a path that the user sees, not when it is too late. */
static int open_save(struct mem *m)
{
	int err;

	if (!m->save)
		return 0;
	err = file_target_find(&m->saved, m->save);
	if (err)
		return err;
	m->saved_fd = file_target_create(&m->saved, 0600);
	return m->saved_fd < 0 ? fail(m->saved_fd, "write to %s", m->save) : 0;
}

static int open_store(struct mem *m)
{
	bool pool = m->huge == HUGE_2M || m->huge == HUGE_1G;
	uint64_t left = pool ? UINT64_MAX : budget_left(&m->budget);
	uint64_t room = min_u64(left, UINT64_MAX - m->returned) + m->returned;
	struct store_plan plan = {
		.size = m->size ? m->size : PIPE_START,
		.huge = (enum huge)m->huge,
		.node = m->node == NODE_ANY ? -1 : (int)m->node,
		.limit = m->limit ? m->limit : room,
		.budget = pool ? NULL : &m->budget,	/* the pool's pages are reserved, and nobody else's */
		.numbers = m->numbers,
		.shared = m->shared,
		.fd = m->store.fd,
		.map_fd = m->store.map_fd,
	};
	char size[SIZE_TEXT_MAX], limit[SIZE_TEXT_MAX];

	m->room = room;
	if (plan.size > plan.limit)
		info("of %s at most %s can be filled", size_text(plan.size, size), size_text(plan.limit, limit));
	return store_open(&m->store, &plan);
}

static int mem_prepare(void *self, const struct spec *spec)
{
	struct mem *m = self;
	int err;

	m->progress = spec_progress(spec);
	m->sector_size = spec_sector_size(spec, 0);
	err = open_image(m);
	if (!err)
		err = open_consumed(m);
	if (!err)
		err = settle_size(m, spec);
	if (!err)
		err = open_save(m);
	if (err)
		return err;
	budget_open(&m->budget);
	m->shared = spec->recovery;
	return m->shared ? open_store(m) : 0;
}

static const struct state_field mem_carried[] = {
	STATE_FIELD(struct mem, size, STATE_NUMBER),
	STATE_FIELD(struct mem, store.limit, STATE_NUMBER),
	STATE_FIELD(struct mem, store.fd, STATE_FILE),
	STATE_FIELD(struct mem, store.map_fd, STATE_FILE),
	STATE_FIELD(struct mem, saved.dir, STATE_FILE),
	STATE_FIELD(struct mem, saved.fd, STATE_FILE),
	STATE_FIELD(struct mem, saved.temporary, STATE_TEXT),
	STATE_FIELD(struct mem, saved_fd, STATE_FILE),
	STATE_END
};

static int mem_resume(void *self, const struct spec *spec)
{
	struct mem *m = self;
	int err = spec_check_size(spec, m->size);

	if (!err)
		err = m->store.fd < 0 || m->store.map_fd < 0 ? -EPROTO : file_target_resume(&m->saved, m->save);
	if (err)
		return err;
	m->progress = spec_progress(spec);
	m->limit = m->store.limit;
	m->shared = true;
	budget_open(&m->budget);
	return open_store(m);
}

/* The worker has written the file, and may not give it its name. */
static int finish_save(struct mem *m, enum outcome outcome)
{
	int err;

	if (m->save && outcome == CUT_SHORT)
		return fail_plain(-EIO, "the disk was not saved to %s: its server ended too early", m->save);
	if (!m->save || outcome != STOPPED_WELL)
		return 0;
	err = file_target_commit(&m->saved);
	return err ? fail(err, "save the disk to %s", m->save) : 0;
}

/* Or what it is on could not be unmounted, and an initramfs would keep it. */
static void close_image(struct mem *m)
{
	file_target_close(&m->consumed);
	if (m->image_fd >= 0)
		close(m->image_fd);
	m->image_fd = -1;
}

static bool mem_ready(void *self, const char *path)
{
	(void)path;
	close_image(self);
	return false;
}

static int mem_conclude(void *self, enum outcome outcome)
{
	struct mem *m = self;
	struct stat st;
	int err = finish_save(m, outcome);

	if (m->consume && outcome == NEVER_SERVED && fstat(m->image_fd, &st) == 0 && !st.st_nlink)
		warn("the image %s is lost", m->image);
	close_image(m);
	file_target_close(&m->saved);
	if (m->saved_fd >= 0)
		close(m->saved_fd);
	budget_close(&m->budget);
	if (m->shared)
		store_close(&m->store);
	return err;
}

/* --- in the worker ------------------------------------------------------------------- */

/* What the disk takes at most before it is ready. */
static uint64_t memory_needed(const struct mem *m)
{
	if (m->populate)
		return m->store.size;
	return round_up(m->huge == HUGE_NONE ? m->taken : m->length, m->store.page_size);
}

/*
 * From here on the image has no name: if what follows fails, nobody shall take what
 * is left of it for all of it. So all that can be known to fail must have failed.
 */
static int mem_commit(void *self)
{
	struct mem *m = self;
	int names, err = 0;

	if (!m->consume)
		return 0;
	if (!m->shared)
		err = open_store(m);
	if (err)
		return err;
	if (min_u64(m->store.limit, m->room) < memory_needed(m))
		return image_too_large(m->image);
	names = file_target_remove_only(&m->consumed, m->image_fd, m->length);
	if (names < 0)
		return fail(names, "remove %s", m->image);
	m->consume = !names;	/* with another one at the very last it is not cut, but read like any other */
	/* What comes back need not be there first; but who has it is not told to a cgroup. */
	if (m->consume && !m->budget.levels)
		m->store.tally->granted = m->returned;
	return 0;
}

static int load_image(struct mem *m)
{
	uint64_t loaded = 0;
	int err;

	if (m->image_fd < 0)
		return 0;
	err = image_load(&m->store, m->image_fd, m->image, m->progress, m->consume, &loaded);
	store_ungrant(&m->store);	/* what zeroes took in the file came back as well */
	close_image(m);
	m->size = max_u64(m->size, round_up(loaded, m->sector_size));
	if (!err && !m->size)
		return fail_plain(-EINVAL, "the image %s is empty and --size not given", m->image);
	return err;
}

static void mem_count(void *self, const struct stats *stats)
{
	struct mem *m = self;

	m->numbers = store_count(stats);
}

static int mem_open(void *self, struct disk *disk)
{
	struct mem *m = self;
	int err = 0;

	if (m->shared && disk->size)
		store_recount(&m->store);
	if (m->store.base)
		store_counted(&m->store, m->numbers);
	else
		err = open_store(m);
	if (disk->size)		/* all is there still */
		return 0;
	if (!err)
		err = load_image(m);
	if (!err && m->populate)
		err = store_populate(&m->store);
	if (err)
		return err;
	*disk = (struct disk){
		.size = m->size,
		.discard_size = (uint32_t)m->store.page_size,
		.physical_size = 4096,
		.shared = m->shared,
	};
	return 0;
}

static struct place mem_where(void *self, const struct span *span)
{
	struct mem *m = self;
	struct store *store = &m->store;
	int err;

	switch (span->op) {
	case OP_READ:
		if (!store_has(store, span->offset, span->length))
			return nowhere(span->length);
		return in_memory(store->base + span->offset, span->length);
	case OP_WRITE:
		err = store_take(store, span->offset, span->length);
		return err ? failed(err) : in_memory(store->base + span->offset, span->length);
	case OP_DISCARD:
	case OP_ZERO:
		return store_drop(store, span);
	case OP_FLUSH:
		break;		/* memory is as durable as it will ever be */
	}
	return nowhere(span->length);
}

static int mem_stopped(void *self)
{
	struct mem *m = self;

	return m->save ? image_save(&m->store, m->size, m->saved_fd, m->save, m->progress) : 0;
}

static void mem_close(void *self)
{
	struct mem *m = self;

	store_close(&m->store);
}

static const struct backend mem_backend = {
	.mostly	  = IN_MEMORY,
	.prepare  = mem_prepare,
	.carried  = mem_carried,
	.resume	  = mem_resume,
	.commit	  = mem_commit,
	.open	  = mem_open,
	.count	  = mem_count,
	.where	  = mem_where,
	.stopped  = mem_stopped,
	.close	  = mem_close,
	.ready	  = mem_ready,
	.conclude = mem_conclude,
};

const struct applet applet_mem = {
	.name	  = "mem",
	.number = APPLET_mem,
	.synopsis = "[--size] SIZE",
	.about	  = "A disk in memory, gone when its server ends",
	.opts	  = mem_opts,
	.self	  = &(struct mem){
		.huge = HUGE_NONE,
		.node = NODE_ANY,
		.image_fd = -1,
		.saved_fd = -1,
		.consumed = FILE_TARGET_NONE,
		.saved = FILE_TARGET_NONE,
		.budget = { .meminfo = -1 },
		.store = { .fd = -1, .map_fd = -1 },
	},
	.bare	  = "size",
	.backend  = &mem_backend,
};
