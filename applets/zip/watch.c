/* SPDX-License-Identifier: MIT */
/* watch.c - size and time of a file, compared with what they were */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>

#include "applets/zip/watch.h"
#include "core/log.h"

/* What is known here of a file elsewhere has to do: a queue's thread waits for nobody. #syscalls statx */
static int look(int fd, struct statx *at)
{
	return statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE | STATX_SIZE | STATX_MTIME, at) < 0 ? -errno : 0;
}

int watch_begin(struct watch *w, int fd, const char *name)
{
	struct statx at;
	int err = look(fd, &at);

	if (err)
		return fail(err, "look at %s", name);
	w->name = name;
	w->fd = S_ISBLK(at.stx_mode) ? -1 : fd;
	w->size = at.stx_size;
	w->seconds = at.stx_mtime.tv_sec;
	w->nanoseconds = at.stx_mtime.tv_nsec;
	return 0;
}

/* #syscalls clock_gettime */
uint64_t watch_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void tell(const struct watch *w, uint64_t size)
{
	if (size != w->size)
		fail_plain(-EIO, "%s was changed while it is served: it had %" PRIu64 " bytes, and has %" PRIu64
			   "; its files cannot be read any more", w->name, w->size, size);
	else
		fail_plain(-EIO, "%s was changed while it is served: it was written to; its files cannot be read any more", w->name);
	remedy("stop the disk and start it anew; --on-change=ignore serves what is there all the same");
}

bool watch_changed_now(struct watch *w)
{
	struct statx at;
	bool same;

	if (w->fd < 0 || atomic_load_explicit(&w->changed, memory_order_relaxed) || look(w->fd, &at))
		return w->changed;
	same = at.stx_size == w->size && at.stx_mtime.tv_sec == w->seconds && at.stx_mtime.tv_nsec == w->nanoseconds;
	if (!same && !atomic_exchange(&w->changed, true))
		tell(w, at.stx_size);
	return !same;
}

bool watch_changed(struct watch *w, uint64_t now)
{
	uint64_t looked = atomic_load_explicit(&w->looked, memory_order_relaxed);

	if (looked && now + 1 - looked < WATCH_EVERY)
		return atomic_load_explicit(&w->changed, memory_order_relaxed);
	if (!atomic_compare_exchange_strong(&w->looked, &looked, now + 1))
		return atomic_load_explicit(&w->changed, memory_order_relaxed);	/* another thread is about to */
	return watch_changed_now(w);
}
