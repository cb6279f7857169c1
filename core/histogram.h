/* SPDX-License-Identifier: MIT */
/*
 * histogram.h - how long things took, as counts of buckets
 *
 * Four buckets for each power of two, so that what is said of a time is at most
 * a quarter more than it was: from 64 ns, below which nothing is told apart, to
 * 34 s, and all that takes longer is in the last.
 */
#ifndef CORE_HISTOGRAM_H
#define CORE_HISTOGRAM_H

#include <stdint.h>

#include "core/util.h"

#define HISTOGRAM_BUCKETS 112
#define HISTOGRAM_PARTS 4		/* buckets for a power of two */
#define HISTOGRAM_UNIT 6		/* times are counted in 2^6 ns */

struct histogram {
	uint64_t sum;			/* nanoseconds */
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

static inline unsigned int histogram_bucket(uint64_t ns)
{
	uint64_t n = ns >> HISTOGRAM_UNIT;
	unsigned int power;

	if (n < HISTOGRAM_PARTS)
		return (unsigned int)n;
	power = log2_u64(n);
	return (unsigned int)min_u64((power - 1) * HISTOGRAM_PARTS + (n >> (power - 2) & 3), HISTOGRAM_BUCKETS - 1);
}

/* The first nanosecond that is above @bucket; nothing is above the last. */
uint64_t histogram_end(unsigned int bucket);

uint64_t histogram_count(const struct histogram *h);

/* Most nanoseconds that @per_mille (1 to 1000) of all took, as nearly as the buckets tell; 0 if there are none. */
uint64_t histogram_quantile(const struct histogram *h, unsigned int per_mille);

#define TIME_TEXT_MAX 24

/* "640ns", "1.2ms", "34s". Returns @text. */
const char *time_text(uint64_t ns, char text[TIME_TEXT_MAX]);

#endif
