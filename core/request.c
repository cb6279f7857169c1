/* SPDX-License-Identifier: MIT */
/* request.c - one loop for every request */
#include <errno.h>
#include <stddef.h>

#include "core/request.h"
#include "core/util.h"

static bool changes(enum op op)
{
	return op == OP_WRITE || op == OP_DISCARD || op == OP_ZERO;
}

/* Where the whole of it begins, however much is left. */
static uint64_t start_of(const struct request *request)
{
	return request->rest.offset + request->rest.length - request->length;
}

static void answer(struct serving *serving, struct request *request, int result)
{
	must(request->owed);
	request->owed = false;
	if (result >= 0 && serving->backend->written && changes(request->rest.op)) {
		int err = serving->backend->written(serving->self, request->rest.op, start_of(request), request->length);

		result = err ? err : result;
	}
	if (result < 0 && serving->backend->unflushed && request->rest.op == OP_FLUSH)
		serving->backend->unflushed(serving->self, result);
	serving->answer(serving, request, result);
}

static void park(struct serving *serving, struct request *request)
{
	request->next = serving->later;
	serving->later = request;
}

static void advance(struct request *request, uint32_t bytes)
{
	must(bytes <= request->rest.length);
	request->rest.offset += bytes;
	request->rest.length -= bytes;
	request->rest.fetched = 0;
}

/* A backend that answers nonsense is a bug of ours, not of the kernel or the user. */
static void check_place(const struct place *place, const struct span *span)
{
	must(place->kind < PLACE_KINDS);
	if (place->kind == FAILED)
		must(place->error < 0);
	if (place->kind == FAILED || place->kind == LATER || place->kind == NEEDS)
		return;
	must(place->length <= span->length);
	must(place->length || !span->length);
}

static struct place ask(struct serving *serving, struct request *request)
{
	struct place place = serving->backend->where(serving->self, &request->rest);

	check_place(&place, &request->rest);
	return place;
}

/* A file system, or a device with larger blocks, that cannot do just this. */
static bool cannot(int64_t result)
{
	return result == -EOPNOTSUPP || result == -EINVAL;
}

static int last_way(const struct request *request)
{
	return request->rest.op == OP_ZERO ? ZERO_BY_WRITING : request->rest.op == OP_DISCARD ? DISCARD_BY_COMMAND : 0;
}

/* Not every file can be zeroed in every way; the last one writes zeroes. Nor discarded, and then it is not. */
static bool try_another_way(struct request *request, int64_t result)
{
	if (!cannot(result) || request->moving != IN_FILE || request->attempt >= last_way(request))
		return false;
	request->attempt++;
	return true;
}

/*
 * io_uring first asks a device not to wait (REQ_NOWAIT). One that could do so
 * when it was opened and now cannot, as a device-mapper disk whose table was
 * replaced, answers that it does not support that, and would so for ever.
 */
static bool try_with_patience(struct request *request, int result)
{
	if (result != -EOPNOTSUPP || request->may_block || (request->rest.op != OP_READ && request->rest.op != OP_WRITE))
		return false;
	request->may_block = true;
	return true;
}

/* A discard that cannot be done is as good as done. */
static bool is_hint(const struct request *request)
{
	return request->rest.op == OP_DISCARD && request->moving == IN_FILE;
}

void request_run(struct serving *serving, struct request *request)
{
	bool flush = request->rest.op == OP_FLUSH;

	if (request->accepting) {	/* was parked before its bytes came */
		request_accept(serving, request, &request->rest);
		return;
	}
	while (request->rest.length || flush) {
		struct place place = ask(serving, request);
		int64_t moved;

		if (place.kind == FAILED) {
			answer(serving, request, place.error);
			return;
		}
		if (place.kind == LATER) {
			park(serving, request);
			return;
		}
		request->moving = place.kind;
		request->in_flight = place.length;
		moved = serving->move(serving, request, &place);
		if (moved == MOVE_STARTED || moved == MOVE_PARKED)
			return;
		if (moved < 0 && try_another_way(request, moved))
			continue;
		if (cannot(moved) && is_hint(request))
			moved = place.length;
		if (moved < 0) {
			answer(serving, request, (int)moved);
			return;
		}
		advance(request, (uint32_t)moved);
		flush = false;
	}
	answer(serving, request, (int)request->length);
}

/*
 * Linux 6.16 to 6.18 at least deliver a READ anew, for ever, when they can
 * copy nothing from where we said, because the file that was mapped there has
 * become shorter. Who just reads the same twice loses a little time.
 */
static bool came_back(const struct request *request, const struct span *span)
{
	return request->pointed && span->op == OP_READ && span->offset == start_of(request) && span->length == request->length;
}

static void reset(struct request *request, const struct span *span)
{
	request->again = came_back(request, span);
	request->pointed = false;
	request->may_block = false;
	request->rest = *span;
	request->rest.slot = request->tag;
	request->length = span->length;
	request->error = 0;
	request->filled = 0;
	request->attempt = span->op == OP_ZERO && span->keep ? ZERO_BY_RANGE : 0;
	request->accepting = false;
	request->source = NULL;
	request->in_place = false;
	request->owed = true;
}

void request_begin(struct serving *serving, struct request *request, const struct span *span)
{
	must(!request->owed);
	reset(request, span);
	if (serving->read_only && changes(span->op))
		answer(serving, request, -EROFS);
	else
		request_run(serving, request);
}

/* All of a WRITE, forgotten or refused: the driver must copy its bytes somewhere first. */
static void fetch_to_nowhere(struct serving *serving, struct request *request, int error)
{
	request->error = error;
	request->in_place = true;
	serving->fetch(serving, request, NULL);
}

void request_accept(struct serving *serving, struct request *request, const struct span *span)
{
	uint32_t length = span->length;
	struct place place;

	reset(request, span);
	/*
	 * Asked again without an answer in between: the driver could not copy a
	 * single byte to where we said, and will try for ever if we let it.
	 */
	if (request->asked++) {
		fetch_to_nowhere(serving, request, -ENOSPC);
		return;
	}
	if (serving->read_only) {
		fetch_to_nowhere(serving, request, -EROFS);
		return;
	}
	if (request->shared) {		/* nothing will be copied, but it wants to be told to */
		serving->fetch(serving, request, NULL);
		return;
	}
	place = ask(serving, request);
	if (place.kind == FAILED) {
		fetch_to_nowhere(serving, request, place.error);
	} else if (place.kind == NOWHERE && place.length == length) {
		fetch_to_nowhere(serving, request, 0);
	} else if (place_stays(serving->backend, &place) && place.length == length) {
		request->in_place = true;
		serving->fetch(serving, request, place.memory);
	} else if (place.kind == LATER) {
		request->asked = 0;
		request->accepting = true;
		park(serving, request);
	} else if (serving->buffer(serving, request)) {
		serving->fetch(serving, request, request->buffer);
	} else {
		request->asked = 0;
		request->accepting = true;
	}
}

void request_accepted(struct serving *serving, struct request *request, uint32_t length)
{
	if (request->error)
		answer(serving, request, request->error);
	else if (length != request->length)	/* memory ran out half-way; the rest was not copied */
		answer(serving, request, -ENOSPC);
	else if (request->in_place)
		answer(serving, request, (int)request->length);
	else
		request_run(serving, request);
}

void request_resume(struct serving *serving, struct request *request, int result)
{
	bool counts = request->rest.op == OP_READ || request->rest.op == OP_WRITE ||
		      (request->rest.op == OP_ZERO && request->attempt == ZERO_BY_WRITING);

	if (result == -EAGAIN)
		request->may_block = true;
	if (result == -EINTR || result == -EAGAIN || try_with_patience(request, result) || try_another_way(request, result)) {
		request_run(serving, request);
		return;
	}
	if (cannot(result) && is_hint(request))
		result = 0;
	if (result < 0) {
		answer(serving, request, result);
		return;
	}
	if (!result && (counts || request->moving == NEEDS)) {	/* the file ends where the disk does not */
		answer(serving, request, -EIO);
		return;
	}
	if (request->moving == NEEDS) {
		request->rest.fetched += (uint32_t)result;
		request_run(serving, request);
		return;
	}
	if (counts && serving->settle) {
		result = serving->settle(serving, request, result);
		if (result < 0) {
			answer(serving, request, result);
			return;
		}
	}
	if (request->rest.op == OP_FLUSH) {
		answer(serving, request, 0);
		return;
	}
	advance(request, counts ? (uint32_t)result : request->in_flight);
	request_run(serving, request);
}

void request_wake(struct serving *serving)
{
	struct request *request = serving->later;

	serving->later = NULL;	/* who is told "later" again goes into a new list */
	while (request) {
		struct request *next = request->next;

		request_run(serving, request);
		request = next;
	}
}
