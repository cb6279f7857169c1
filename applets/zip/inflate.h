/* SPDX-License-Identifier: MIT */
/*
 * inflate.h - any byte of a deflated member, without unpacking all that is before it
 *
 * A member is cut into spans. Where a span begins, a checkpoint holds what it
 * takes to begin decoding there: a position in the deflated bits, the header of
 * the block they are in, and the 32 KiB that came before. Checkpoints are made
 * on the first way through a member, at exact places even inside a block, so
 * that no span is longer than it should be. When they take more memory than
 * they may, every second goes and spans double. One that has become longer than
 * it would be wise to keep is kept in pieces. A small member is one span.
 *
 * Decoded spans are kept in a cache. Threads of its own decode, each span once
 * however many want it; those who ask never wait for them, but are woken. What
 * is asked for lies on after that until it is asked for again, whatever the
 * cache's limit: nobody is woken in vain.
 *
 * The data is anybody's: what does not decode, or not to what its checksum
 * says, is -EIO for this member alone, and said once.
 */
#ifndef APPLETS_ZIP_INFLATE_H
#define APPLETS_ZIP_INFLATE_H

#include <stdbool.h>
#include <stdint.h>

#include "applets/zip/archive.h"

struct member {
	uint32_t id;		/* the caller's number for it */
	uint32_t crc;		/* of all of it, unpacked */
	uint64_t data;		/* where in the archive its deflated bytes begin */
	uint64_t packed;	/* how many */
	uint64_t size;		/* bytes it unpacks to, not 0 */
};

struct inflate_limits {
	uint64_t index_memory;	/* bytes for all checkpoints of all members */
	uint64_t cache_memory;	/* bytes of decoded spans; room for one span per thread is there in any case */
	uint32_t span;		/* bytes of a span at first, a power of two, 1 KiB .. 64 MiB; four are a small member */
	uint32_t piece;		/* bytes that are decoded at once, of a longer span as well; 0: 64 MiB */
	uint32_t workers;	/* threads, 1 .. INFLATE_WORKERS_MAX */
	/* Says that member @id cannot be read, and why, in a thread of the engine's; NULL: fail() does, with the number. */
	void (*damaged)(void *context, uint32_t id, const char *why);
	void *context;
	struct inflate_stats *stats;	/* where to count, for others to look at; NULL: only for inflate_stats() */
};

#define INFLATE_WORKERS_MAX 8

struct inflate;
struct inflate_queue;

/* What has been done so far; counted from the start, all queues together. Only numbers of 64 bits: zip.c has their names. */
struct inflate_stats {
	uint64_t hits;		/* questions answered at once */
	uint64_t misses;	/* questions that had to wait */
	uint64_t decoded;	/* bytes unpacked, also more than once */
	uint64_t served;	/* bytes given out */
	uint64_t spans;		/* spans decoded */
	uint64_t checkpoints, checkpoint_memory, cached_memory;	/* now: how many, bytes, bytes */
	uint64_t crc_failures;
	uint64_t gone_through;	/* bytes of the member whose index is being made, or was made last, that have one */
};

/*
 * @source must outlive it. Threads begin here. *inflate is to be closed in any
 * case. 0, or -errno after fail() said why.
 */
int inflate_open(struct inflate **inflate, const struct source *source, const struct inflate_limits *limits);
/* All queues are closed. NULL is fine. */
void inflate_close(struct inflate *inflate);

void inflate_stats(struct inflate *inflate, struct inflate_stats *stats);

/*
 * One for each thread that asks, with @slots questions at a time. The eventfd
 * @wake_fd is added to whenever one of its questions can be asked again. NULL:
 * out of memory.
 */
struct inflate_queue *inflate_queue_open(struct inflate *inflate, int wake_fd, uint32_t slots);
/* Also forgets what was asked and not yet answered. NULL is fine. */
void inflate_queue_close(struct inflate_queue *queue);

/*
 * Bytes @offset .. @offset + @length of @member, which are inside it. Returns
 * how many of them are at *@at, at least one, to stay there until this queue
 * asks again; 0 if they are not there yet: ask again, with the same slot, when
 * woken; or -errno. Neither blocks nor allocates; a lock is held for as long as
 * it takes to look something up, and by nobody while decoding.
 */
int64_t inflate_ask(struct inflate_queue *queue, uint32_t slot, const struct member *member, uint64_t offset,
		    uint32_t length, const char **at);

/*
 * Go through a whole member in the background, at a lower urgency than what
 * is asked for, until all its checkpoints are there. At most one member.
 */
int inflate_index(struct inflate *inflate, const struct member *member);
/* How far that has come, in bytes of @size unpacked, or -errno if the member is damaged. */
int64_t inflate_indexed(struct inflate *inflate, const struct member *member);
/* The same after waiting until it has come further than @than, or is at its end or failed. */
int64_t inflate_indexed_wait(struct inflate *inflate, const struct member *member, uint64_t than);

/*
 * The finished index of one member as a file, so that the next start needs no
 * first pass. @key is the archive's: a file of another archive or member, or a
 * damaged one, is not taken (-EINVAL, nothing said; -EBUSY if the member is
 * being gone through at the moment). What is decoded with a loaded index is
 * checked against the file's own checksums, which all together must be the
 * member's: that protects from accidents, not from who may write the file.
 * Saving gives -ENOENT if there is no finished index of our own making.
 */
int inflate_save(struct inflate *inflate, const struct member *member, uint64_t key, int fd);
int inflate_load(struct inflate *inflate, const struct member *member, uint64_t key, int fd);

/*
 * A SOZip index (the stored entry ".NAME.sozip.idx" right behind the member) of
 * @length bytes at @data in the archive: chunks that can be decoded each for
 * itself. -EINVAL, nothing said, if anything in it is not as it must be. If that
 * is found out later, because a chunk does not decode, it counts no more.
 */
int inflate_sozip(struct inflate *inflate, const struct member *member, uint64_t data, uint64_t length);

/* Does all of the member decode to what its checksum says? 0 or -EIO, or another -errno. Blocks; for --verify. */
int inflate_verify(struct inflate *inflate, const struct member *member);

#endif
