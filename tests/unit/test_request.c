/* SPDX-License-Identifier: MIT */
/*
 * test_request.c - a request is answered once, whatever the backend and io_uring do
 *
 * The backend says what the script of the test says; moves of file places are
 * "started" and end when the test resumes them, unless the test says how they
 * end at once; everything else is moved at once.
 */
#include <errno.h>
#include <fcntl.h>

#include "core/request.h"
#include "core/util.h"
#include "tests/check.h"

#define SCRIPT 8

static struct place script[SCRIPT];	/* what where() says, one after the other; the last one for ever */
static unsigned int line, asked, started, answers, fetches, parked, no_buffers;
static struct span asked_for[64];	/* each question */
static int last;			/* answer */
static char *fetched_into;
static char memory[65536], buffer[65536];
static int64_t at_once[SCRIPT];		/* how moves of files end, one after the other, up to a 0 */
static unsigned int turn;
static uint8_t attempts[SCRIPT];	/* what each of them, or each that was started, was */
static int settled[SCRIPT];		/* what settle() was told; what it says is in settles */
static int settles[SCRIPT];
static unsigned int settlings;
static struct span whole;		/* what the last request was */
static unsigned int tellings;		/* of written(), since the last answer */
static int refusal;			/* what it says then */

static struct place where(void *self, const struct span *span);
static int written(void *self, enum op op, uint64_t offset, uint32_t length);

static int unflushed_error;		/* what the last flush that failed did so with; 0: none */

static void unflushed(void *self, int error)
{
	CHECK(!self);
	unflushed_error = error;
}

static struct backend backend = { .where = where };

static struct place where(void *self, const struct span *span)
{
	struct place place = script[line];

	(void)self;
	if (asked < ARRAY_SIZE(asked_for))
		asked_for[asked] = *span;
	asked++;
	if (line + 1 < SCRIPT && (script[line + 1].kind || script[line + 1].length))
		line++;
	if (place.length > span->length && place.kind != NEEDS)
		place.length = span->length;
	return place;
}

static int written(void *self, enum op op, uint64_t offset, uint32_t length)
{
	CHECK(!self);
	CHECK_EQ(op, whole.op);
	CHECK_EQ(offset, whole.offset);		/* all of it, however many pieces it came in */
	CHECK_EQ(length, whole.length);
	tellings++;
	return refusal;
}

static int settle(struct serving *serving, struct request *request, int moved)
{
	(void)serving;
	CHECK(request->owed && request->moving == IN_FILE);
	settled[settlings] = moved;
	return settles[settlings++];
}

static int64_t move(struct serving *serving, struct request *request, const struct place *place)
{
	(void)serving;
	if (place->kind == IN_FILE && turn < SCRIPT)
		attempts[turn] = request->attempt;
	if (place->kind == IN_FILE && turn < SCRIPT && at_once[turn])
		return at_once[turn++];
	if (place->kind == IN_FILE || place->kind == NEEDS) {
		started++;
		turn++;
		return MOVE_STARTED;
	}
	if (no_buffers && place->kind == IN_MEMORY) {
		parked++;
		return MOVE_PARKED;
	}
	CHECK(place->length <= request->rest.length);
	return place->length;
}

static void answered(struct serving *serving, struct request *request, int result)
{
	(void)serving;
	CHECK(!request->owed);
	CHECK(result < 0 || (uint32_t)result == request->length);
	CHECK_EQ(tellings, (result >= 0 || refusal) && whole.op != OP_READ && whole.op != OP_FLUSH && backend.written);
	tellings = 0;
	answers++;
	last = result;
	request->asked = 0;	/* as queue.c does */
}

static void fetch(struct serving *serving, struct request *request, char *into)
{
	(void)serving;
	CHECK(request->owed);
	fetches++;
	fetched_into = into;
}

static bool give_buffer(struct serving *serving, struct request *request)
{
	(void)serving;
	if (no_buffers) {
		parked++;
		return false;
	}
	request->buffer = buffer;
	return true;
}

static struct serving serving;
static struct request request;
static const struct span usual_write = { .op = OP_WRITE, .length = 4096 };

#define SAYS(...) says((const struct place[SCRIPT]){ __VA_ARGS__ })

static void says(const struct place *lines)
{
	memcpy(script, lines, sizeof(script));
	memset(at_once, 0, sizeof(at_once));
	line = asked = started = answers = fetches = parked = no_buffers = turn = settlings = tellings = 0;
	fetched_into = (char *)1;
	last = 1;
	backend.mostly = IN_MEMORY;
	backend.written = written;
	serving = (struct serving){
		.backend = &backend, .move = move, .answer = answered, .fetch = fetch, .buffer = give_buffer,
	};
	request = (struct request){ .tag = 5 };
}

static void begin_span(struct span span)
{
	whole = span;
	request.buffer = buffer;
	request_begin(&serving, &request, &span);
}

static void begin(enum op op, uint64_t offset, uint32_t length)
{
	begin_span((struct span){ .op = op, .offset = offset, .length = length });
}

/* Answered now, once, with this. */
#define ANSWERED(result) do { CHECK_EQ(answers, 1); CHECK_EQ(last, result); CHECK(!request.owed); } while (0)

static void extents(void)
{
	SAYS(in_memory(memory, 512), nowhere(1024), in_memory(memory, 512), in_memory(memory, 65536));
	begin(OP_READ, 4096, 8192);
	ANSWERED(8192);
	CHECK_EQ(asked, 4);
	for (unsigned int i = 0; i < 4; i++) {
		static const uint32_t done[] = { 0, 512, 1536, 2048 };

		CHECK_EQ(asked_for[i].offset, 4096 + done[i]);
		CHECK_EQ(asked_for[i].length, 8192 - done[i]);
		CHECK_EQ(asked_for[i].slot, 5);
		CHECK_EQ(asked_for[i].op, OP_READ);
	}
}

static void short_transfers(void)
{
	for (enum op op = OP_READ; op <= OP_WRITE; op++) {
		SAYS(in_memory(memory, 2048), in_file(3, 0, 65536));
		begin(op, 2048, 8192);
		CHECK(!answers && started == 1);
		request_resume(&serving, &request, 100);
		CHECK(!answers && started == 2);
		CHECK_EQ(asked_for[2].offset, 2048 + 2148);
		request_resume(&serving, &request, -EINTR);
		request_resume(&serving, &request, -EAGAIN);
		CHECK(!answers && started == 4);
		CHECK_EQ(asked_for[4].offset, 2048 + 2148);
		request_resume(&serving, &request, 8192 - 2149);
		CHECK(!answers);
		CHECK_EQ(asked_for[5].length, 1);
		request_resume(&serving, &request, 1);
		ANSWERED(8192);
	}
}

static void end_of_file(void)
{
	SAYS(in_file(3, 0, 65536));
	begin(OP_READ, 0, 4096);
	request_resume(&serving, &request, 4095);
	CHECK_EQ(answers, 0);
	request_resume(&serving, &request, 0);
	ANSWERED(-EIO);

	SAYS(in_file(3, 0, 65536));
	begin(OP_WRITE, 0, 4096);
	request_resume(&serving, &request, 0);
	ANSWERED(-EIO);

	SAYS(needs(3, 0, 100, memory), in_memory(memory, 65536));
	begin(OP_READ, 0, 4096);
	request_resume(&serving, &request, 0);
	ANSWERED(-EIO);
}

static void failing_files(void)
{
	SAYS(in_file(3, 0, 1024));
	begin(OP_WRITE, 0, 4096);
	request_resume(&serving, &request, 1024);
	CHECK_EQ(answers, 0);
	request_resume(&serving, &request, -ENOSPC);
	ANSWERED(-ENOSPC);
}

static void needs_then_memory(void)
{
	SAYS(needs(3, 0, 9000, memory), in_memory(memory, 1000), needs(3, 9, 9000, memory), in_memory(memory, 65536));
	begin(OP_READ, 0, 4096);
	CHECK_EQ(asked_for[0].fetched, 0);
	CHECK_EQ(answers, 0);
	request_resume(&serving, &request, 777);
	CHECK_EQ(asked_for[1].fetched, 777);		/* asked again about the same bytes */
	CHECK_EQ(asked_for[1].offset, 0);
	CHECK_EQ(asked_for[2].fetched, 0);		/* and what it brought is for that question only */
	CHECK_EQ(asked_for[2].offset, 1000);
	request_resume(&serving, &request, -EINTR);
	CHECK_EQ(asked_for[3].fetched, 0);
	ANSWERED(4096);
}

static void later_and_woken(void)
{
	struct request other = { .tag = 6, .buffer = buffer };

	SAYS(later(), later(), later(), in_memory(memory, 65536));
	begin(OP_READ, 0, 4096);
	request_begin(&serving, &other, &(struct span){ .op = OP_READ, .offset = 8192, .length = 4096 });
	CHECK(!answers && asked == 2 && serving.later);
	request_wake(&serving);			/* one is told "later" again, the other is served */
	CHECK_EQ(answers, 1);
	CHECK(serving.later && !serving.later->next);
	request_wake(&serving);
	CHECK_EQ(answers, 2);
	CHECK(!serving.later);
	CHECK(!request.owed && !other.owed);
	request_wake(&serving);			/* nobody waits: nothing happens */
	CHECK_EQ(answers, 2);
}

static void refusals(void)
{
	SAYS(failed(-EBADMSG));
	begin(OP_READ, 0, 4096);
	ANSWERED(-EBADMSG);

	SAYS(in_memory(memory, 512), failed(-EBADMSG));
	begin(OP_READ, 0, 4096);
	ANSWERED(-EBADMSG);
}

static void flushes(void)
{
	SAYS(nowhere(0));
	begin(OP_FLUSH, 0, 0);
	CHECK_EQ(asked, 1);
	ANSWERED(0);

	SAYS(in_file(3, 0, 0));
	begin(OP_FLUSH, 0, 0);
	CHECK_EQ(answers, 0);
	request_resume(&serving, &request, -EINTR);
	CHECK_EQ(started, 2);
	request_resume(&serving, &request, 0);
	ANSWERED(0);

	SAYS(in_file(3, 0, 0));
	begin(OP_FLUSH, 0, 0);
	request_resume(&serving, &request, -EIO);
	ANSWERED(-EIO);

	backend.unflushed = unflushed;
	SAYS(failed(-EROFS));
	begin(OP_FLUSH, 0, 0);
	ANSWERED(-EROFS);
	CHECK_EQ(unflushed_error, -EROFS);

	unflushed_error = 0;
	SAYS(failed(-EROFS));
	begin(OP_READ, 0, 4096);
	ANSWERED(-EROFS);
	CHECK_EQ(unflushed_error, 0);
	backend.unflushed = NULL;
}

/* fallocate says 0 for all of it, and a discard may be larger than any transfer. */
static void discards(void)
{
	SAYS(in_file(3, 0, 1U << 29), in_file(3, 1U << 29, UINT32_MAX));
	begin(OP_DISCARD, 0, 1U << 30);
	CHECK_EQ(started, 1);
	request_resume(&serving, &request, 0);
	CHECK(started == 2 && !answers);
	request_resume(&serving, &request, -EINTR);
	request_resume(&serving, &request, 0);
	ANSWERED(1 << 30);
	CHECK_EQ(asked_for[1].offset, 1U << 29);
}

/* A discard is a hint: what cannot be done is as good as done. What could be and failed is not. */
static void discards_that_cannot_be(void)
{
	static const struct { int error, answer; } table[] = {
		{ -EOPNOTSUPP, 8192 }, { -EINVAL, 8192 }, { -ENOSPC, -ENOSPC }, { -EIO, -EIO },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		for (int now = 0; now < 2; now++) {
			bool hint = table[i].answer > 0;

			SAYS(in_file(3, 0, 4096), in_file(3, 0, 4096), in_file(3, 4096, 65536));
			at_once[0] = at_once[1] = now ? table[i].error : 0;	/* in both ways */
			at_once[2] = now ? 4096 : 0;
			begin(OP_DISCARD, 0, 8192);
			if (!now)
				request_resume(&serving, &request, table[i].error);
			if (!now && hint)
				request_resume(&serving, &request, table[i].error);
			if (!now && hint)
				request_resume(&serving, &request, 0);		/* the rest of it is tried as well */
			ANSWERED(table[i].answer);
			CHECK_EQ(asked, hint ? 3 : 1);
			CHECK_EQ(attempts[0], DISCARD_BY_HOLE);
			CHECK(!hint || (attempts[1] == DISCARD_BY_COMMAND && attempts[2] == DISCARD_BY_COMMAND));
		}
	SAYS(in_file(3, 0, 65536), in_file(3, 0, 65536));		/* the second way can, and says 0 for all of it */
	begin(OP_DISCARD, 0, 8192);
	request_resume(&serving, &request, -EOPNOTSUPP);
	request_resume(&serving, &request, 0);
	ANSWERED(8192);
	SAYS(needs(3, 0, 512, memory), in_file(3, 0, 65536));		/* that one is needed */
	begin(OP_DISCARD, 0, 4096);
	request_resume(&serving, &request, -EOPNOTSUPP);
	ANSWERED(-EOPNOTSUPP);
}

static void read_only(void)
{
	for (enum op op = OP_READ; op <= OP_ZERO; op++) {
		SAYS(in_memory(memory, 65536));
		serving.read_only = true;
		begin(op, 0, op == OP_FLUSH ? 0 : 4096);
		ANSWERED(op == OP_READ ? 4096 : op == OP_FLUSH ? 0 : -EROFS);
		CHECK_EQ(asked, op == OP_READ || op == OP_FLUSH);
	}
	SAYS(in_memory(memory, 65536));
	serving.read_only = true;
	request_accept(&serving, &request, &usual_write);
	CHECK(!answers && fetches == 1 && !fetched_into && !asked);
	request_accepted(&serving, &request, 4096);
	ANSWERED(-EROFS);
}

static void accept(uint64_t offset, uint32_t length)
{
	whole = (struct span){ .op = OP_WRITE, .offset = offset, .length = length };
	request_accept(&serving, &request, &whole);
	CHECK(request.owed && !answers);
}

static void write_in_place(void)
{
	SAYS(in_memory(memory + 77, 65536));
	accept(8192, 4096);
	CHECK(fetches == 1 && fetched_into == memory + 77);
	request_accepted(&serving, &request, 4096);
	ANSWERED(4096);
	CHECK_EQ(asked, 1);
	CHECK(!request.buffer);
}

/* Whatever the disk mostly is: a mapping stays. */
static void write_into_a_mapped_file(void)
{
	SAYS(in_mapped_file(3, 8192, 65536, memory + 99));
	backend.mostly = IN_FILE;
	accept(8192, 4096);
	CHECK(fetches == 1 && fetched_into == memory + 99);
	request_accepted(&serving, &request, 4096);
	ANSWERED(4096);
	CHECK_EQ(started, 0);

	SAYS(in_mapped_file(3, 8192, 1024, memory), in_mapped_file(3, 8192, 1024, memory), in_mapped_file(3, 9216, 65536, memory));
	backend.mostly = IN_FILE;
	accept(8192, 4096);
	CHECK(fetches == 1 && fetched_into == buffer);		/* it is in two places */
	request_accepted(&serving, &request, 4096);
	request_resume(&serving, &request, 1024);
	request_resume(&serving, &request, 3072);
	ANSWERED(4096);
}

/* Memory that may move, or is less than all of it, is not for the driver. */
static void write_through_a_buffer(void)
{
	for (int why = 0; why < 4; why++) {
		struct place first[] = { in_memory(memory, 65536), in_memory(memory, 1024), in_file(3, 0, 4096), nowhere(512) };

		SAYS(first[why], first[why], in_memory(memory, 65536));
		if (!why)
			backend.mostly = IN_FILE;
		accept(0, 4096);
		CHECK(fetches == 1 && fetched_into == buffer);
		request_accepted(&serving, &request, 4096);
		if (why == 2)
			request_resume(&serving, &request, 4096);
		ANSWERED(4096);
	}
}

static void write_to_nowhere(void)
{
	SAYS(nowhere(65536));
	accept(0, 4096);
	CHECK(fetches == 1 && !fetched_into);
	request_accepted(&serving, &request, 4096);
	ANSWERED(4096);
	CHECK_EQ(asked, 1);
}

static void write_refused(void)
{
	SAYS(failed(-ENOSPC));
	accept(0, 4096);
	CHECK(fetches == 1 && !fetched_into);		/* bytes first, then the bad news */
	request_accepted(&serving, &request, 4096);
	ANSWERED(-ENOSPC);
}

static void write_asked_twice(void)
{
	SAYS(in_memory(memory, 65536));
	accept(0, 4096);
	request_accept(&serving, &request, &usual_write);	/* the driver could not copy a byte */
	CHECK(fetches == 2 && !fetched_into && !answers);
	CHECK_EQ(asked, 1);
	request_accepted(&serving, &request, 4096);
	ANSWERED(-ENOSPC);
	fetches = answers = 0;
	request_accept(&serving, &request, &usual_write);	/* the next one on this tag starts afresh */
	CHECK(fetched_into == memory);
	request_accepted(&serving, &request, 4096);
	ANSWERED(4096);
}

static void write_cut_short(void)
{
	SAYS(in_memory(memory, 65536));
	accept(0, 4096);
	request_accepted(&serving, &request, 512);
	ANSWERED(-ENOSPC);
	SAYS(in_file(3, 0, 65536));
	accept(0, 4096);
	request_accepted(&serving, &request, 0);
	ANSWERED(-ENOSPC);
	CHECK_EQ(started, 0);				/* not half of it */
}

static void write_later(void)
{
	SAYS(later(), in_memory(memory, 65536));
	accept(4096, 8192);
	CHECK(!fetches && serving.later == &request);
	request_wake(&serving);
	CHECK(fetches == 1 && fetched_into == memory);
	CHECK_EQ(asked_for[1].offset, 4096);
	CHECK_EQ(asked_for[1].length, 8192);
	request_accepted(&serving, &request, 8192);
	ANSWERED(8192);
}

static void write_waits_for_a_buffer(void)
{
	SAYS(in_file(3, 0, 65536));
	no_buffers = 1;
	accept(4096, 8192);
	CHECK(!fetches && parked == 1);
	no_buffers = 0;
	request_run(&serving, &request);
	CHECK(fetches == 1 && fetched_into == buffer);	/* not taken for being asked twice */
	request_accepted(&serving, &request, 8192);
	CHECK_EQ(started, 1);
	request_resume(&serving, &request, 8192);
	ANSWERED(8192);
}

static void read_waits_for_a_buffer(void)
{
	SAYS(in_memory(memory, 65536));
	no_buffers = 1;
	begin(OP_READ, 0, 4096);
	CHECK(!answers && parked == 1);
	no_buffers = 0;
	request_run(&serving, &request);
	ANSWERED(4096);
}

/* By then the backend may say something else than it did at first. */
static void write_waited_and_then(void)
{
	SAYS(in_file(3, 0, 65536), in_memory(memory, 65536));
	no_buffers = 1;
	accept(4096, 8192);
	no_buffers = 0;
	request_run(&serving, &request);
	CHECK(fetches == 1 && fetched_into == memory);
	request_accepted(&serving, &request, 8192);
	ANSWERED(8192);

	SAYS(in_file(3, 0, 65536), failed(-EBADMSG));
	no_buffers = 1;
	accept(4096, 8192);
	request_run(&serving, &request);
	CHECK(fetches == 1 && !fetched_into);
	request_accepted(&serving, &request, 8192);
	ANSWERED(-EBADMSG);

	SAYS(in_file(3, 0, 65536), later(), in_file(3, 0, 65536), in_file(3, 0, 65536));
	no_buffers = 1;
	accept(4096, 8192);
	request_run(&serving, &request);
	CHECK(!fetches && serving.later == &request && parked == 1);
	request_wake(&serving);			/* and again there is none */
	CHECK(!fetches && !serving.later && parked == 2);
	no_buffers = 0;
	request_run(&serving, &request);
	CHECK(fetches == 1 && fetched_into == buffer);
	CHECK_EQ(asked_for[3].offset, 4096);
	CHECK_EQ(asked_for[3].length, 8192);
	request_accepted(&serving, &request, 8192);
	request_resume(&serving, &request, 8192);
	ANSWERED(8192);
}

static void what_spans_carry(void)
{
	SAYS(in_file(3, 0, 1024), in_memory(memory, 1024), in_file(3, 0, 65536));
	begin_span((struct span){ .op = OP_WRITE, .length = 8192, .fua = true });
	request_resume(&serving, &request, 1000);
	request_resume(&serving, &request, 8192 - 2024);
	ANSWERED(8192);
	CHECK_EQ(asked, 3);
	for (unsigned int i = 0; i < asked; i++)
		CHECK(asked_for[i].fua && !asked_for[i].keep && asked_for[i].slot == 5);

	SAYS(in_memory(memory, 1024), in_memory(memory, 65536));
	begin_span((struct span){ .op = OP_ZERO, .length = 8192, .keep = true });
	ANSWERED(8192);
	CHECK(asked_for[0].keep && asked_for[1].keep && !asked_for[1].fua);

	SAYS(later(), in_memory(memory, 65536));
	whole = (struct span){ .op = OP_WRITE, .length = 4096, .fua = true };
	request_accept(&serving, &request, &whole);
	request_wake(&serving);
	CHECK(asked_for[0].fua && asked_for[1].fua);
	request_accepted(&serving, &request, 4096);
	ANSWERED(4096);
}

/* --- zeroing a file --- */

#define ENDS_AT_ONCE(...) memcpy(at_once, (const int64_t[SCRIPT]){ __VA_ARGS__ }, sizeof(at_once))

/* The ways that were tried, one after the other. */
static void tried(const uint8_t *ways, unsigned int count)
{
	CHECK_EQ(turn, count);
	for (unsigned int i = 0; i < count; i++)
		CHECK_EQ(attempts[i], ways[i]);
}

#define TRIED(...) tried((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void zero(uint32_t length, bool keep)
{
	begin_span((struct span){ .op = OP_ZERO, .offset = 512, .length = length, .keep = keep });
}

static void zeroes_at_once(void)
{
	SAYS(in_file(3, 0, 65536));
	ENDS_AT_ONCE(4096);
	zero(4096, false);
	ANSWERED(4096);
	TRIED(ZERO_BY_HOLE);

	SAYS(in_file(3, 0, 65536));
	ENDS_AT_ONCE(-EOPNOTSUPP, 4096);
	zero(4096, false);
	ANSWERED(4096);
	TRIED(ZERO_BY_HOLE, ZERO_BY_RANGE);

	SAYS(in_file(3, 0, 65536));
	ENDS_AT_ONCE(-EINVAL, -EINVAL, 4096);		/* a device with larger blocks */
	zero(4096, false);
	ANSWERED(4096);
	TRIED(ZERO_BY_HOLE, ZERO_BY_RANGE, ZERO_BY_WRITING);

	SAYS(in_file(3, 0, 65536));
	ENDS_AT_ONCE(-EOPNOTSUPP, -EOPNOTSUPP, 1000, 3096);
	zero(4096, false);
	ANSWERED(4096);
	TRIED(ZERO_BY_HOLE, ZERO_BY_RANGE, ZERO_BY_WRITING, ZERO_BY_WRITING);
	CHECK_EQ(asked_for[3].offset, 1512);

	SAYS(in_file(3, 0, 65536));
	ENDS_AT_ONCE(-EOPNOTSUPP, -EOPNOTSUPP, -EOPNOTSUPP);
	zero(4096, false);
	ANSWERED(-EOPNOTSUPP);				/* there is no fourth way */
	TRIED(ZERO_BY_HOLE, ZERO_BY_RANGE, ZERO_BY_WRITING);

	SAYS(in_file(3, 0, 65536));
	ENDS_AT_ONCE(-ENOSPC);
	zero(4096, false);
	ANSWERED(-ENOSPC);				/* it can do it, and failed */
	TRIED(ZERO_BY_HOLE);
}

static void zeroes_by_and_by(void)
{
	SAYS(in_file(3, 0, 2048), in_file(3, 0, 65536));
	zero(4096, false);
	request_resume(&serving, &request, 0);		/* all that was asked for */
	CHECK(!answers && started == 2);
	request_resume(&serving, &request, 0);
	ANSWERED(4096);
	TRIED(ZERO_BY_HOLE, ZERO_BY_HOLE);

	SAYS(in_file(3, 0, 65536));
	zero(4096, false);
	request_resume(&serving, &request, -EOPNOTSUPP);
	request_resume(&serving, &request, -EINTR);	/* the same way once more */
	request_resume(&serving, &request, -EOPNOTSUPP);
	request_resume(&serving, &request, -EAGAIN);
	request_resume(&serving, &request, 100);	/* a count now, as of any write */
	CHECK(!answers);
	request_resume(&serving, &request, 3996);
	ANSWERED(4096);
	TRIED(ZERO_BY_HOLE, ZERO_BY_RANGE, ZERO_BY_RANGE, ZERO_BY_WRITING, ZERO_BY_WRITING, ZERO_BY_WRITING);
	CHECK_EQ(asked_for[5].offset, 612);

	SAYS(in_file(3, 0, 65536));
	zero(4096, false);
	request_resume(&serving, &request, -EINVAL);
	request_resume(&serving, &request, 0);
	ANSWERED(4096);
	TRIED(ZERO_BY_HOLE, ZERO_BY_RANGE);

	SAYS(in_file(3, 0, 65536));
	zero(4096, false);				/* the next one begins with a hole again */
	request_resume(&serving, &request, -EOPNOTSUPP);
	request_resume(&serving, &request, -EOPNOTSUPP);
	request_resume(&serving, &request, 0);
	ANSWERED(-EIO);					/* a write that writes nothing */
	TRIED(ZERO_BY_HOLE, ZERO_BY_RANGE, ZERO_BY_WRITING);
	for (int way = 0; way < 3; way++) {
		SAYS(in_file(3, 0, 65536));
		zero(4096, false);
		for (int i = 0; i < way; i++)
			request_resume(&serving, &request, -EOPNOTSUPP);
		request_resume(&serving, &request, way < 2 ? -ENOSPC : -EOPNOTSUPP);
		ANSWERED(way < 2 ? -ENOSPC : -EOPNOTSUPP);
	}
}

/* Space that must stay is never given away, not even on the second piece. */
static void zeroes_that_keep_space(void)
{
	SAYS(in_file(3, 0, 65536));
	ENDS_AT_ONCE(1024, -EOPNOTSUPP, 3072);
	zero(4096, true);
	ANSWERED(4096);
	TRIED(ZERO_BY_RANGE, ZERO_BY_RANGE, ZERO_BY_WRITING);

	SAYS(in_file(3, 0, 65536));
	ENDS_AT_ONCE(-EOPNOTSUPP, -EOPNOTSUPP);
	zero(4096, true);
	ANSWERED(-EOPNOTSUPP);
	TRIED(ZERO_BY_RANGE, ZERO_BY_WRITING);

	SAYS(in_file(3, 0, 65536));
	zero(4096, true);
	request_resume(&serving, &request, -EINTR);
	request_resume(&serving, &request, -EOPNOTSUPP);
	request_resume(&serving, &request, 4096);
	ANSWERED(4096);
	TRIED(ZERO_BY_RANGE, ZERO_BY_RANGE, ZERO_BY_WRITING);

	SAYS(later(), in_file(3, 0, 65536));
	zero(4096, true);
	request_wake(&serving);
	request_resume(&serving, &request, 0);
	ANSWERED(4096);
	TRIED(ZERO_BY_RANGE);
}

/* There are other ways to zero, not to do anything else. */
static void no_other_way(void)
{
	for (enum op op = OP_READ; op <= OP_FLUSH; op++)
		for (int keep = 0; keep < 2; keep++)
			for (int now = 0; now < 2; now++) {
				struct span span = { .op = op, .length = op == OP_FLUSH ? 0 : 4096, .keep = keep };

				SAYS(in_file(3, 0, op == OP_FLUSH ? 0 : 65536), in_file(3, 0, op == OP_FLUSH ? 0 : 65536));
				at_once[0] = now ? -EOPNOTSUPP : 0;
				begin_span(span);
				if (!now)
					request_resume(&serving, &request, -EOPNOTSUPP);
				if (!now && op <= OP_WRITE)		/* the same way, with patience */
					request_resume(&serving, &request, -EOPNOTSUPP);
				ANSWERED(-EOPNOTSUPP);
				CHECK_EQ(turn, !now && op <= OP_WRITE ? 2 : 1);
			}
	SAYS(needs(3, 0, 512, memory), in_file(3, 0, 65536));	/* nor is it the file to be zeroed that cannot be read */
	begin(OP_ZERO, 0, 4096);
	request_resume(&serving, &request, -EOPNOTSUPP);
	ANSWERED(-EOPNOTSUPP);
	CHECK_EQ(started, 1);
}

/* --- written() and settle() --- */

/* Once for each that was done, with all of it; answered() checks each answer of every test. */
static void told_what_is_written(void)
{
	static const enum op ops[] = { OP_READ, OP_WRITE, OP_FLUSH, OP_DISCARD, OP_ZERO };

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		SAYS(in_memory(memory, 512), nowhere(512), in_file(3, 0, 65536));
		if (ops[i] == OP_FLUSH)
			continue;
		begin(ops[i], 1 << 20, 8192);
		CHECK(!tellings);				/* not before the end */
		request_resume(&serving, &request, ops[i] >= OP_DISCARD ? 0 : 8192 - 1024);
		ANSWERED(8192);
		SAYS(in_memory(memory, 512), in_file(3, 0, 65536));
		begin(ops[i], 1 << 20, 8192);
		request_resume(&serving, &request, -EIO);	/* half of it is there: not told */
		ANSWERED(-EIO);
	}
	SAYS(in_memory(memory, 65536));
	backend.written = NULL;
	begin(OP_WRITE, 0, 4096);
	ANSWERED(4096);
}

/* And then it is not called done. */
static void told_and_refuses(void)
{
	SAYS(in_memory(memory, 65536));
	refusal = -ENOSPC;
	begin(OP_WRITE, 0, 4096);
	ANSWERED(-ENOSPC);
	refusal = 0;
}

static void settled_reads(void)
{
	for (enum op op = OP_READ; op <= OP_WRITE; op++) {
		SAYS(in_file(3, 0, 4096), in_file(3, 0, 65536));
		serving.settle = settle;
		memcpy(settles, (const int[SCRIPT]){ 1000, 3096, 4096 }, sizeof(settles));
		begin(op, 0, 8192);
		request_resume(&serving, &request, 4096);	/* of which 1000 reach the request */
		CHECK_EQ(asked_for[1].offset, 1000);
		CHECK(!answers && settlings == 1 && settled[0] == 4096);
		request_resume(&serving, &request, 3096);
		CHECK_EQ(asked_for[2].offset, 4096);
		request_resume(&serving, &request, 4096);
		CHECK(settlings == 3 && settled[1] == 3096 && settled[2] == 4096);
		ANSWERED(8192);
	}
}

static void settling_fails(void)
{
	SAYS(in_file(3, 0, 65536));
	serving.settle = settle;
	memcpy(settles, (const int[SCRIPT]){ 4000, -EFAULT }, sizeof(settles));
	begin(OP_READ, 0, 8192);
	request_resume(&serving, &request, 4096);
	request_resume(&serving, &request, 4192);
	CHECK_EQ(settlings, 2);
	ANSWERED(-EFAULT);
	CHECK_EQ(started, 2);
}

#define UNSETTLED(result) do { ANSWERED(result); CHECK_EQ(settlings, 0); } while (0)

/* What moved no bytes between request and file has nothing to settle. */
static void nothing_to_settle(void)
{
	SAYS(needs(3, 0, 100, memory), in_memory(memory, 65536));
	serving.settle = settle;
	begin(OP_READ, 0, 4096);
	request_resume(&serving, &request, 4096);
	UNSETTLED(4096);

	SAYS(in_file(3, 0, 0));
	serving.settle = settle;
	begin(OP_FLUSH, 0, 0);
	request_resume(&serving, &request, 0);
	UNSETTLED(0);

	for (enum op op = OP_DISCARD; op <= OP_ZERO; op++) {
		SAYS(in_file(3, 0, 65536));
		serving.settle = settle;
		begin(op, 0, 4096);
		request_resume(&serving, &request, 0);
		UNSETTLED(4096);
	}
	for (int result = -EIO; result <= 0; result += EIO) {
		SAYS(in_file(3, 0, 65536));
		serving.settle = settle;
		begin(OP_READ, 0, 4096);
		request_resume(&serving, &request, -EAGAIN);
		request_resume(&serving, &request, result);
		UNSETTLED(-EIO);
	}
}

/* Once: then it is an answer like any other. */
static void refused_without_waiting(void)
{
	for (enum op op = OP_READ; op <= OP_WRITE; op++) {
		SAYS(in_file(3, 0, 65536));
		begin(op, 0, 4096);
		CHECK(!request.may_block);
		request_resume(&serving, &request, -EOPNOTSUPP);
		CHECK(!answers && started == 2 && request.may_block);
		request_resume(&serving, &request, -EOPNOTSUPP);
		ANSWERED(-EOPNOTSUPP);
		SAYS(in_file(3, 0, 65536));
		begin(op, 0, 4096);
		CHECK(!request.may_block);
		request_resume(&serving, &request, 4096);
		ANSWERED(4096);
	}
}

/* What ends the process says so. */
static void quiet(void)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	dup2(null, STDERR_FILENO);
	close(null);
}

static void nonsense(const struct place *place)
{
	quiet();
	says(place);
	begin(OP_READ, 0, 4096);
}

static struct place overlong(void *self, const struct span *span)
{
	(void)self;
	return in_file(3, 0, span->length + 1);
}

/* Better no server than a wrong one. */
static void nonsense_ends_the_process(void)
{
	CHECK_DIES(nonsense((const struct place[SCRIPT]){ in_memory(memory, 0) }));
	CHECK_DIES(nonsense((const struct place[SCRIPT]){ failed(EIO) }));
	CHECK_DIES(nonsense((const struct place[SCRIPT]){ { .kind = PLACE_KINDS, .length = 1 } }));
	CHECK_DIES(backend.where = overlong; nonsense((const struct place[SCRIPT]){ { 0 } }));
	SAYS(in_file(3, 0, 65536));
	begin(OP_READ, 0, 4096);
	CHECK_DIES(quiet(); request_resume(&serving, &request, 4097));
	CHECK_DIES(quiet(); begin(OP_READ, 0, 512));	/* its answer is still owed */
	request_resume(&serving, &request, 4096);
	ANSWERED(4096);
	CHECK_DIES(quiet(); request_resume(&serving, &request, -EIO));
}

TESTS(
	{ "a request over many places is asked about piece by piece", extents },
	{ "short transfers, EINTR and EAGAIN go on from where they got to", short_transfers },
	{ "who refuses to be asked without waiting is asked to wait, once", refused_without_waiting },
	{ "the end of a file inside the disk is EIO", end_of_file },
	{ "an error in the middle is the answer, never a count", failing_files },
	{ "needs() is read, then asked again with what came", needs_then_memory },
	{ "later() parks until woken, as often as it is said", later_and_woken },
	{ "failed() is the answer", refusals },
	{ "a flush is asked once and answered with 0 or an error", flushes },
	{ "discard and zero advance by what was asked for", discards },
	{ "a discard that cannot be done is as good as done", discards_that_cannot_be },
	{ "a read-only disk refuses all but reads and flushes", read_only },
	{ "a WRITE to memory that stays is copied in place", write_in_place },
	{ "a WRITE into a mapped file is copied in place", write_into_a_mapped_file },
	{ "any other WRITE goes through a buffer", write_through_a_buffer },
	{ "a WRITE to nowhere is fetched to the sink", write_to_nowhere },
	{ "a WRITE that fails is fetched to the sink first", write_refused },
	{ "a WRITE asked about twice ends with ENOSPC", write_asked_twice },
	{ "a WRITE that was cut short ends with ENOSPC", write_cut_short },
	{ "a WRITE may be told later before its bytes came", write_later },
	{ "a WRITE without a buffer waits and is then asked about as if new", write_waits_for_a_buffer },
	{ "a READ without a buffer waits for one", read_waits_for_a_buffer },
	{ "a WRITE that waited is served as the backend says by then", write_waited_and_then },
	{ "every question tells whether it is durable, or must keep its space", what_spans_carry },
	{ "a file is zeroed by a hole, a range or by writing, whichever it can, at once", zeroes_at_once },
	{ "a file is zeroed by a hole, a range or by writing, whichever it can, by and by", zeroes_by_and_by },
	{ "a zero that keeps its space never makes a hole", zeroes_that_keep_space },
	{ "nothing else is tried in another way", no_other_way },
	{ "written() is told of what was done, once and as a whole, and of nothing else", told_what_is_written },
	{ "who is told by written() may refuse, and the request fails", told_and_refuses },
	{ "what settle() says is what counts", settled_reads },
	{ "a request that cannot be settled ends with that error", settling_fails },
	{ "needs, flushes, discards, zeroes and errors are not settled", nothing_to_settle },
	{ "a backend that answers nonsense, and an answer too many, end the process", nonsense_ends_the_process },
)
