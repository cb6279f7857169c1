/* SPDX-License-Identifier: MIT */
/*
 * engine.h - what the parts of the engine share
 *
 * One lock for all of it: it is held to look something up or to note what was
 * done, never while reading, decoding, allocating a buffer or waking. Threads
 * take tasks from two lists: what is asked for, first come, first served; and
 * when there is nothing of that, the next span of members that are gone through
 * in the background.
 */
#ifndef APPLETS_ZIP_ENGINE_H
#define APPLETS_ZIP_ENGINE_H

#include <pthread.h>

#include "applets/zip/cache.h"

#define LIVE_MAX 16		/* members that zlib is kept in the middle of */

/* A member that is larger than a few spans: its index, and who waits for it to grow. */
struct track {
	struct index index;
	struct track *next_same;	/* of the same hash */
	struct link link;		/* by age, or free */
	struct task task;		/* JOB_SCAN */
	struct link waiters;		/* slots, for what is not indexed yet */
	struct scan *scan;		/* NULL: it was needed elsewhere, or none yet */
	struct link live;		/* those with one, by age */
	bool scanning, background;
	const struct link *list;	/* that the task is in; NULL: none */
	uint64_t ahead;			/* how far it should go, whoever waits */
	uint64_t last, next;		/* the span that was asked for last: where it begins and ends */
	uint64_t fresh;			/* where the piece begins that was gone through last */
	int error;			/* it is damaged: for good */
	int pass_error;			/* why the way through in the background has ended early */
};

enum slot_state { SLOT_IDLE, SLOT_WAITING, SLOT_WOKEN };

struct slot {
	struct link link;		/* SLOT_WAITING: of a piece or a track */
	struct inflate_queue *queue;
	enum slot_state state;
	uint32_t member;
	uint64_t offset;
	struct piece *piece;		/* waited for, or woken for, and pinned; NULL: a track is waited for, or error */
	int error;
};

struct inflate_queue {
	struct inflate *inflate;
	int wake_fd;
	uint32_t count;
	struct piece *answer;		/* being looked at */
	struct link waking;		/* to be woken */
	uint32_t wakers;		/* threads that are about to */
	struct slot slots[];
};

/* What somebody waits for who has looked in vain. A futex is all it takes. */
struct news {
	_Atomic uint32_t count;
	unsigned int waiting;
};

struct worker {
	struct inflate *inflate;
	pthread_t thread;
	struct decoder decoder;
	/* what is to be said as soon as the lock is free */
	const char *damage;
	uint32_t damaged;
};

#define TRACK_BUCKETS 1024

struct inflate {
	const struct source *source;
	struct inflate_limits limits;
	pthread_mutex_t lock;
	struct news work;		/* there is a task, or room for one */
	struct news progress;		/* a way through has come further, or a waker has woken */
	struct link urgent, background;
	struct link waking;		/* queues */
	bool stop;
	bool starved;			/* a task waits for room */
	struct cache cache;
	struct stock track_stock;
	struct track *buckets[TRACK_BUCKETS];
	struct link tracks, tracks_free, live;	/* by age, the oldest first */
	uint32_t live_count;
	uint64_t index_memory;
	uint64_t checkpoints;
	uint32_t queued;		/* pieces that are to be decoded */
	uint32_t spare_slots;		/* of closed queues: what they need is there */
	uint32_t said[64], said_count;	/* members that something was said about */
	struct inflate_stats *stats, own_stats;	/* the first is what counts */
	uint32_t worker_count;
	struct worker workers[INFLATE_WORKERS_MAX];
};

/* --- track.c --- */

/* Is it so small that it is decoded as a whole? */
bool is_small(const struct inflate *inflate, const struct member *member);
struct track *track_find(struct inflate *inflate, uint32_t id);
struct track *track_get(struct inflate *inflate, const struct member *member);
/* Something of the member's index is about to change; and has. */
void track_changes(struct inflate *inflate, const struct track *track);
void track_changed(struct inflate *inflate, const struct track *track);
/* Keep all indexes within their limit. */
void tracks_fit(struct inflate *inflate);
/* Nothing of its index is left, nor is it to be gone through; a thread that is doing so has to notice. */
void track_clear(struct inflate *inflate, struct track *track);
void track_forget(struct inflate *inflate, struct track *track);
/* The scan goes to @track, out of the oldest's hands if there are too many; NULL: a new one may be made. */
struct scan *scan_take(struct inflate *inflate, struct track *track);

/* @index takes the place of what is known of its member so far; -EBUSY: somebody is in the middle of that. */
int track_adopt(struct inflate *inflate, struct index *index);

/* --- work.c --- */

/* With the lock: one, or all of those who wait look again. */
void tell_one(struct news *news);
void tell_all(struct news *news);
/* With the lock, which others get meanwhile: until that. */
void await(struct inflate *inflate, struct news *news);

void *work(void *worker);
void task_add(struct inflate *inflate, struct link *list, struct task *task);
/* Somebody waits for it to come further, or wants it to. */
void scan_wanted(struct inflate *inflate, struct track *track);
/* Decode a small one, which is not there. Returns its piece. */
struct piece *member_wanted(struct inflate *inflate, const struct member *member);
/* Decode what is at @offset in the future, unless that is so already or was done. Returns the piece that it is in. */
struct piece *span_wanted(struct inflate *inflate, struct track *track, uint64_t offset);

/* What is known elsewhere, for who looks at the statistics. The lock is held. */
static inline void stats_note(struct inflate *inflate)
{
	inflate->stats->checkpoints = inflate->checkpoints;
	inflate->stats->checkpoint_memory = inflate->index_memory;
	inflate->stats->cached_memory = inflate->cache.used;
}

#endif
