/* SPDX-License-Identifier: MIT */
/*
 * cache.h - decoded spans, and those that are being decoded
 *
 * Nothing here locks, allocates or frees, but cache_open(),
 * _close() and stock_add(): buffers of what is thrown out are left for others
 * to use or free.
 *
 *   free ── queued ── decoding ── ready ── free
 *                         └────── failed ─┘   (a small member that is damaged: remembered for a while)
 */
#ifndef APPLETS_ZIP_CACHE_H
#define APPLETS_ZIP_CACHE_H

#include "applets/zip/index.h"

/* A list whose head is the first and the last link; a link that is in none is zero. */
struct link {
	struct link *next, *prev;
};

void link_init(struct link *head);
void link_add(struct link *head, struct link *link);		/* at the end */
void link_add_first(struct link *head, struct link *link);
void link_remove(struct link *link);				/* fine if it is in none */
static inline bool link_none(const struct link *head) { return head->next == head; }
#define link_owner(link, type, field) ((type *)(void *)((char *)(link) - offsetof(type, field)))

enum job { JOB_SCAN, JOB_MEMBER, JOB_SPAN, JOB_PART, JOB_CHUNK };

/* What a thread takes from a list and does; part of a piece, or of a track for JOB_SCAN. */
struct task {
	struct link link;
	enum job job;
};

enum stage { STAGE_FREE, STAGE_QUEUED, STAGE_DECODING, STAGE_READY, STAGE_FAILED };

/* How a piece counts. */
enum standing {
	STANDING_NONE,		/* it has no memory */
	STANDING_LOOSE,		/* can be thrown out */
	STANDING_HELD,		/* a queue looks at it, for as long as it likes: not counted */
	STANDING_FIXED,		/* is being decoded, or somebody was woken for it and will ask */
};

struct piece {
	struct piece *next_same;	/* of the same hash */
	struct link link;		/* free ones; loose ones by age; failed ones */
	struct task task;
	struct link waiters;		/* slots */
	struct member member;
	uint64_t start;			/* in the member */
	uint32_t length;
	enum stage stage;
	enum standing standing;
	bool hashed;			/* it can be found */
	bool cold;			/* to be thrown out before others */
	int error;			/* STAGE_FAILED */
	uint32_t pins;			/* slots that were woken for it */
	uint32_t answers;		/* queues that look at it */
	uint64_t served;		/* bytes of it that were given out */
	uint32_t room;			/* bytes of the buffer, 0: there is none */
	char *buffer, *data;
	struct span span;		/* JOB_SPAN, and of what JOB_PART is a part; of JOB_CHUNK, packed_end and where in bits it begins */
	struct window *window;		/* of span; put when it is decoded */
};

/* A buffer that nobody uses; what it takes to know that is in itself. */
struct buffer {
	struct buffer *next;
	uint32_t room;
};

/* Things of one kind that are made now and are there to the end; memory is touched as they are taken. */
struct stock {
	size_t size;			/* of one */
	struct stock_block *blocks;
};

int stock_add(struct stock *stock, uint32_t count);	/* 0 or -ENOMEM */
void *stock_take(struct stock *stock);			/* zeroed; NULL: there are no more */
void stock_close(struct stock *stock);

struct cache {
	struct piece **buckets;
	uint32_t bucket_mask;
	struct stock stock;
	struct link free, loose, failed;	/* loose: the first is thrown out first */
	uint32_t loose_count, loose_max, failed_count;
	uint64_t limit, used, held;	/* bytes: wanted, of all buffers, of those with STANDING_HELD */
	uint32_t fixed;			/* pieces with STANDING_FIXED, and buffers that are lent */
	struct buffer *thrown;		/* to be freed */
};

int cache_open(struct cache *cache, uint64_t limit);	/* 0 or -ENOMEM */
void cache_close(struct cache *cache);

struct piece *cache_find(const struct cache *cache, uint32_t member, uint64_t start);
/* A piece that can be found from now on, in place of one with the same member and start; never NULL. */
struct piece *cache_new(struct cache *cache, const struct member *member, uint64_t start, uint32_t length);
/* It cannot be found any more, and is free as soon as it is decoded and nobody needs it. */
void cache_drop(struct cache *cache, struct piece *piece);
/* After its stage, pins or answers changed. */
void cache_settle(struct cache *cache, struct piece *piece);
/* It was being decoded, or to be, and never will be. */
void cache_fail(struct cache *cache, struct piece *piece, int error, bool remember);

/*
 * Make room for a buffer of @room bytes, so that there are at most @workers
 * fixed ones or the limit is kept. *buffer is one of that size that has become
 * free, or NULL. False: not now.
 */
bool cache_room(struct cache *cache, uint32_t room, uint32_t workers, struct buffer **buffer);
/* A buffer of that size is in use, but of no piece. */
void cache_lend(struct cache *cache, uint32_t room);
void cache_unlend(struct cache *cache, uint32_t room);
/* @piece gets a buffer that cache_room() made room for; its data begins @front bytes behind the start. */
void cache_give(struct cache *cache, struct piece *piece, char *buffer, uint32_t room, uint32_t front);
/* Buffers that are to be freed, by who holds no lock. */
struct buffer *cache_thrown(struct cache *cache);
void buffers_free(struct buffer *buffers);

#endif
