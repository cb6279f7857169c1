/* SPDX-License-Identifier: MIT */
/* turn.c - arrivals and answers into numbers */
#include <string.h>

#include "core/turn.h"

#define SKIP_MASK 7	/* 0 to 7 turns */

void turn_choose(struct turn *turn)
{
	turn->chosen = true;
	if (turn->skip) {
		turn->skip--;
		return;
	}
	turn->timed = stats_now();
	turn->skip = turn->timed & SKIP_MASK;
}

static _Atomic uint64_t *latency_of(const struct turn *turn, enum op op)
{
	return &turn->numbers[STATS_LATENCIES + op * STATS_LATENCY_ROOM];
}

/* Seldom enough to be a call: what is done for each request is not to save registers for it. */
__attribute__((noinline)) static void time_answer(struct turn *turn, const struct request *request)
{
	enum op op = request->rest.op;

	if (request->arrived == turn->timed) {
		turn->fresh[op]++;
		turn->any_fresh++;
		return;
	}
	if (!turn->later)
		turn->later = stats_now();
	stats_time(latency_of(turn, op), turn->later - request->arrived, 1);
}

/* Between the request and where the bytes live, and no buffer of ours on the way. */
static bool went_straight(const struct request *request)
{
	return request->rest.op <= OP_WRITE && (!request->buffer || request->shared);
}

void turn_answer(struct turn *turn, const struct request *request, int result)
{
	_Atomic uint64_t *numbers = turn->numbers;
	enum op op = request->rest.op;

	if (!numbers)
		return;
	turn->answered++;
	if (result < 0) {
		stats_count(&numbers[STATS_ERRORS + op], 1);
		return;
	}
	stats_count(&numbers[STATS_REQUESTS + op], 1);
	stats_count(&numbers[STATS_BYTES + op], request->length);
	if (went_straight(request))
		stats_count(&numbers[STATS_DIRECT], request->length);
	if (request->arrived)
		time_answer(turn, request);
}

static void end_fresh(struct turn *turn)
{
	uint64_t took = stats_now() - turn->timed;

	for (unsigned int op = 0; op < OPS; op++)
		if (turn->fresh[op])
			stats_time(latency_of(turn, (enum op)op), took, turn->fresh[op]);
	memset(turn->fresh, 0, sizeof(turn->fresh));
	turn->any_fresh = 0;
}

void turn_end(struct turn *turn)
{
	if (!turn->numbers)
		return;
	if (turn->in_flight > atomic_load_explicit(&turn->numbers[STATS_IN_FLIGHT], memory_order_relaxed))
		atomic_store_explicit(&turn->numbers[STATS_IN_FLIGHT], turn->in_flight, memory_order_relaxed);
	turn->in_flight -= turn->answered;
	turn->answered = 0;
	if (turn->any_fresh)
		end_fresh(turn);
	turn->chosen = false;
	turn->timed = turn->later = 0;
}
