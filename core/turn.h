/* SPDX-License-Identifier: MIT */
/*
 * turn.h - what a queue counts, from one submission to the next
 *
 * What arrived in one turn arrived at the same time, as far as anybody here
 * knows, and what is answered in it is answered when the turn ends. To read the
 * clock at both ends takes 1 % of the instructions of a request that comes
 * alone, so only the requests of one turn in 4.5 are timed; the clock's last
 * bits choose which, or a regular load could hide from it.
 */
#ifndef CORE_TURN_H
#define CORE_TURN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/request.h"
#include "core/stats.h"

struct turn {
	_Atomic uint64_t *numbers;	/* STATS_QUEUE of them; NULL: nobody counts */
	uint32_t in_flight;		/* requests, with those that were answered in this turn */
	uint32_t answered;
	bool chosen;			/* to be timed or not: something has arrived */
	unsigned int skip;		/* turns with arrivals that are not timed */
	uint64_t timed;			/* ns; 0: it is not */
	uint64_t later;			/* ns, when the first from an earlier turn was answered; 0: none yet */
	uint32_t fresh[OPS], any_fresh;	/* answered well in the turn in which they arrived, if that is timed */
};

/* The first of a turn decides for all. */
void turn_choose(struct turn *turn);

static inline void turn_arrival(struct turn *turn, struct request *request)
{
	if (!turn->numbers)
		return;
	if (!turn->chosen)
		turn_choose(turn);
	request->arrived = turn->timed;
	turn->in_flight++;
}

/* @result: its length or a negative errno. */
void turn_answer(struct turn *turn, const struct request *request, int result);

/* The answers are about to be submitted. */
void turn_end(struct turn *turn);

#endif
