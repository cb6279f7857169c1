/* SPDX-License-Identifier: MIT */
/* test_turn.c - what a queue counts, by a clock that the test sets */
#include <errno.h>

#include "core/turn.h"
#include "core/util.h"
#include "tests/check.h"

static uint64_t clock_ns;
static unsigned int clock_read;

/* In the place of the real one: turn.c is a part of this file. */
static uint64_t tell_time(void)
{
	clock_read++;
	return clock_ns;
}
#define stats_now tell_time
#include "core/turn.c"

static _Atomic uint64_t numbers[STATS_QUEUE];
static struct turn turn;

static void begin(void)
{
	memset((void *)numbers, 0, sizeof(numbers));
	turn = (struct turn){ .numbers = numbers };
	clock_ns = 1 << 20;		/* its last bits say: time every turn */
	clock_read = 0;
}

static struct request request_of(enum op op, uint32_t length)
{
	return (struct request){ .rest.op = op, .length = length };
}

static uint64_t latency(enum op op, unsigned int bucket)
{
	return numbers[STATS_LATENCIES + op * STATS_LATENCY_ROOM + 1 + bucket];
}

static void a_batch(void)
{
	struct request requests[8];

	begin();
	for (unsigned int i = 0; i < 8; i++) {
		requests[i] = request_of(i < 6 ? OP_READ : OP_WRITE, 4096);
		turn_arrival(&turn, &requests[i]);
		turn_answer(&turn, &requests[i], 4096);
	}
	clock_ns += 8192;
	turn_end(&turn);
	CHECK_EQ(clock_read, 2);		/* however many there are */
	CHECK_EQ(numbers[STATS_IN_FLIGHT], 8);	/* they arrived together, and their answers leave together */
	CHECK_EQ(numbers[STATS_REQUESTS + OP_READ], 6);
	CHECK_EQ(numbers[STATS_BYTES + OP_WRITE], 8192);
	CHECK_EQ(latency(OP_READ, histogram_bucket(8192)), 6);
	CHECK_EQ(latency(OP_WRITE, histogram_bucket(8192)), 2);
	CHECK_EQ(numbers[STATS_LATENCIES], 6 * 8192);
	CHECK_EQ(turn.in_flight, 0);
	turn_end(&turn);			/* of nothing */
	CHECK_EQ(clock_read, 2);
}

/* Answered in a later turn: until then it is in flight. */
static void one_that_takes_its_time(void)
{
	struct request slow = request_of(OP_FLUSH, 0), quick = request_of(OP_READ, 512);

	begin();
	turn_arrival(&turn, &slow);
	turn_end(&turn);
	CHECK_EQ(turn.in_flight, 1);
	clock_ns += 1 << 24;
	turn_arrival(&turn, &quick);
	turn_answer(&turn, &slow, 0);
	turn_answer(&turn, &quick, 512);
	turn_end(&turn);
	CHECK_EQ(numbers[STATS_IN_FLIGHT], 2);
	CHECK_EQ(latency(OP_FLUSH, histogram_bucket(1 << 24)), 1);
	CHECK_EQ(latency(OP_READ, 0), 1);
	CHECK_EQ(turn.in_flight, 0);
}

static void errors(void)
{
	struct request bad = request_of(OP_WRITE, 4096);

	begin();
	turn_arrival(&turn, &bad);
	turn_answer(&turn, &bad, -ENOSPC);
	turn_end(&turn);
	CHECK_EQ(numbers[STATS_ERRORS + OP_WRITE], 1);
	CHECK_EQ(numbers[STATS_REQUESTS + OP_WRITE] + numbers[STATS_BYTES + OP_WRITE] + numbers[STATS_LATENCIES + STATS_LATENCY_ROOM], 0);
	CHECK_EQ(turn.in_flight, 0);
}

static void what_took_no_way_round(void)
{
	struct request pointed = request_of(OP_READ, 4096), gathered = request_of(OP_READ, 512);
	struct request shared = request_of(OP_WRITE, 1024), dropped = request_of(OP_DISCARD, 1 << 20);
	char buffer[1];

	begin();
	gathered.buffer = shared.buffer = shared.shared = buffer;
	turn_answer(&turn, &pointed, 4096);
	turn_answer(&turn, &gathered, 512);
	turn_answer(&turn, &shared, 1024);
	turn_answer(&turn, &dropped, 1 << 20);
	CHECK_EQ(numbers[STATS_DIRECT], 4096 + 1024);
	CHECK_EQ(numbers[STATS_BYTES + OP_READ], 4096 + 512);
}

/* The last bits say how many turns are left out; turns without arrivals are not among them. */
static void some_turns_are_timed(void)
{
	unsigned int timed = 0;

	begin();
	clock_ns += 3;
	for (unsigned int i = 0; i < 9; i++) {
		struct request request = request_of(OP_READ, 512);

		turn_arrival(&turn, &request);
		timed += request.arrived > 0;
		CHECK_EQ(request.arrived > 0, i == 0 || i == 4 || i == 8);
		turn_answer(&turn, &request, 512);
		turn_end(&turn);
		turn_end(&turn);
	}
	CHECK_EQ(timed, 3);
	CHECK_EQ(clock_read, 2 * timed);
	CHECK_EQ(numbers[STATS_REQUESTS], 9);
	CHECK_EQ(latency(OP_READ, 0), 3);
}

static void nobody_counts(void)
{
	struct request request = request_of(OP_READ, 512);

	begin();
	turn.numbers = NULL;
	turn_arrival(&turn, &request);
	turn_answer(&turn, &request, 512);
	turn_end(&turn);
	CHECK_EQ(clock_read, 0);
	CHECK_EQ(request.arrived, 0);
}

TESTS(
	{ "requests of a batch arrive together and are answered together, and the clock is read twice", a_batch },
	{ "a request that is answered later is in flight until then, and took as long", one_that_takes_its_time },
	{ "an error is counted as that and nothing else", errors },
	{ "bytes that went through no buffer of ours are told apart", what_took_no_way_round },
	{ "one turn in several is timed, as the clock's last bits choose", some_turns_are_timed },
	{ "without a place for numbers nothing is read or written", nobody_counts }
)
