/* SPDX-License-Identifier: MIT */
/*
 * batch.h - taking and giving back many requests with one command (Linux 7.0)
 *
 * One multishot command delivers the tags of whatever has arrived into buffers
 * of a group; one command commits all that was answered since the last. How
 * bytes move is xfer.h's business, as ever. All of it belongs to one queue's
 * thread.
 */
#ifndef CORE_BATCH_H
#define CORE_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/ring.h"

#define BATCH_BUFFERS 8		/* for tags; who finds none left has to ask for the tags again */
#define BATCH_TAGS 128		/* in a buffer: the driver never delivers more at once */

struct batch {
	struct ring *ring;
	uint16_t queue, depth;
	bool addressed;			/* the driver copies: every element names an address */
	uint32_t element_size;		/* bytes */
	char *elements[2];		/* depth of them each: one gathers while the other may be read */
	unsigned int gathering;		/* which */
	unsigned int count;		/* elements in it */
	unsigned int committing;	/* elements of the other, if they are under way */
	uint16_t (*tags)[BATCH_TAGS];	/* BATCH_BUFFERS of them */
};

/* Set ring, queue, depth and addressed first. 0 or -errno. */
int batch_open(struct batch *batch);
void batch_close(struct batch *batch);

/* Make every tag known, with the addresses that @address tells, and ask for requests. 0 or -errno. */
int batch_fetch_all(struct batch *batch, const void *(*address)(void *self, uint16_t tag), void *self, uint64_t user_data);
/* Ask for requests. 0, or -EIO when the ring is full. */
int batch_fetch(struct batch *batch, uint64_t user_data);

/* The tags that a completed fetch brought; hand the buffer back when they are dealt with. */
const uint16_t *batch_tags(const struct batch *batch, const struct ring_done *done, unsigned int *count);
void batch_return(struct batch *batch, const struct ring_done *done);

/* A request is answered with the next commit. */
void batch_answer(struct batch *batch, uint16_t tag, int32_t result, const void *address);
/* Commit what was answered. 0, or -EIO when the ring is full. */
int batch_commit(struct batch *batch, uint64_t user_data);
/* A commit has completed: what it left undone is committed again. 0, or the error that it ended with. */
int batch_committed(struct batch *batch, int result);

#endif
