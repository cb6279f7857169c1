/* SPDX-License-Identifier: MIT */
/*
 * request.h - one request, from its arrival to its one answer
 *
 * Ask the backend where the rest lives; move it; if the move is under way,
 * return, and go on when it completes; when nothing is left, answer. Short
 * transfers, extents and retries are all "advance, ask again". What reaches
 * the kernel is the full length or an error, never a count in between: Linux
 * 7.3 takes a short write for a complete one.
 *
 * A WRITE whose bytes are still with the driver (NEED_GET_DATA) begins with
 * request_accept(), which finds the memory that they shall be copied to.
 */
#ifndef CORE_REQUEST_H
#define CORE_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "core/backend.h"

struct request {
	struct span rest;	/* what is left to do */
	uint32_t length;	/* of the whole, bytes */
	uint64_t arrived;	/* ns; 0: nobody wants to know how long it takes */
	int error;		/* decided while the data was still to come; negative errno */
	char *buffer;		/* where its bytes are gathered; NULL until there is one */
	char *shared;		/* its bytes, where the driver leaves them: no copy is asked of it; NULL elsewhere */
	uint32_t filled;	/* bytes of a WRITE that are in it */
	const char *source;	/* a READ's bytes, all of them, where they already are */
	struct request *next;	/* in a list of parked requests */
	enum place_kind moving;	/* what is under way, and how many bytes of it */
	uint32_t in_flight;
	uint16_t tag;
	bool owed;		/* an answer */
	bool accepting;		/* parked before the driver was told where to copy its bytes */
	bool in_place;		/* a WRITE that the driver copies straight to where it belongs */
	bool pointed;		/* a READ was answered with where its bytes are mapped */
	bool again;		/* and came back: the driver could not copy them from there */
	bool may_block;		/* what it reads or writes refuses to be asked without waiting */
	uint8_t asked;		/* how often the driver asked where to copy a WRITE to */
	uint8_t attempt;	/* how many ways to zero a file, or to discard part of it, were tried in vain */
	enum { BUFFER_UNREGISTERED, BUFFER_AUTO, BUFFER_REGISTERED } fixed;	/* its pages in the ring's table, by whom */
};

/* The ways to zero part of a file, by request->attempt. */
enum { ZERO_BY_HOLE, ZERO_BY_RANGE, ZERO_BY_WRITING };
/* And those to discard it. The second is for devices that cannot promise zeroes, and were refused the first. */
enum { DISCARD_BY_HOLE, DISCARD_BY_COMMAND };

/* What move() says beside a number of bytes or a negative errno. */
enum {
	MOVE_STARTED = -4096,	/* request_resume() will follow */
	MOVE_PARKED = -4097,	/* request_run() will follow, when there is a buffer */
};

/* May the driver copy to and from there after where() has returned? */
static inline bool place_stays(const struct backend *backend, const struct place *place)
{
	return place->memory && (place->kind == IN_FILE || (place->kind == IN_MEMORY && backend->mostly == IN_MEMORY));
}

/* Who serves: the backend's side and the queue's side of a request. */
struct serving {
	const struct backend *backend;
	void *self;
	bool read_only;
	struct request *later;	/* parked until the backend wakes the queue */

	/* Bytes moved from the front of the rest (1 to place->length; 0 for a flush), or as above. */
	int64_t (*move)(struct serving *serving, struct request *request, const struct place *place);
	/* @result: length of the request or a negative errno. */
	void (*answer)(struct serving *serving, struct request *request, int result);
	/* What move() started has moved @moved bytes, not 0: as many as count, or a negative errno. Optional. */
	int (*settle)(struct serving *serving, struct request *request, int moved);
	/* Have the driver copy a WRITE's bytes. @into NULL: where they are forgotten. */
	void (*fetch)(struct serving *serving, struct request *request, char *into);
	/* A buffer for the request, or false: it is parked until there is one. */
	bool (*buffer)(struct serving *serving, struct request *request);
};

/* A request arrived and, if it is a WRITE, its bytes can be had. */
void request_begin(struct serving *serving, struct request *request, const struct span *span);
/* A WRITE arrived whose bytes the driver keeps until it is told where to copy them. */
void request_accept(struct serving *serving, struct request *request, const struct span *span);
/* They have been copied; @length is what the driver says now. */
void request_accepted(struct serving *serving, struct request *request, uint32_t length);
/* What move() started has completed with @result, as io_uring reports it. */
void request_resume(struct serving *serving, struct request *request, int result);
/* Go on with a request that was parked. */
void request_run(struct serving *serving, struct request *request);
/* The backend woke the queue: ask about all that is parked. */
void request_wake(struct serving *serving);

#endif
