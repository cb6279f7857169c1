/* SPDX-License-Identifier: MIT */
/* histogram.c - buckets into times */
#include <inttypes.h>

#include "core/histogram.h"
#include "core/text.h"

uint64_t histogram_end(unsigned int bucket)
{
	unsigned int next = bucket + 1, power = next / HISTOGRAM_PARTS + 1;

	if (next >= HISTOGRAM_BUCKETS)
		return UINT64_MAX;
	if (next < HISTOGRAM_PARTS)
		return (uint64_t)next << HISTOGRAM_UNIT;
	return (uint64_t)(HISTOGRAM_PARTS + next % HISTOGRAM_PARTS) << (power - 2) << HISTOGRAM_UNIT;
}

uint64_t histogram_count(const struct histogram *h)
{
	uint64_t count = 0;

	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++)
		count += h->buckets[i];
	return count;
}

/* Without overflow, for the numbers may be anybody's. */
static uint64_t part_of(uint64_t count, unsigned int per_mille)
{
	return count / 1000 * per_mille + (count % 1000 * per_mille + 999) / 1000;
}

uint64_t histogram_quantile(const struct histogram *h, unsigned int per_mille)
{
	uint64_t left = part_of(histogram_count(h), per_mille);

	for (unsigned int i = 0; left && i < HISTOGRAM_BUCKETS - 1; i++) {
		if (h->buckets[i] >= left)
			return histogram_end(i);
		left -= h->buckets[i];
	}
	return left ? histogram_end(HISTOGRAM_BUCKETS - 2) : 0;	/* or longer */
}

const char *time_text(uint64_t ns, char text[TIME_TEXT_MAX])
{
	static const char *const units[] = { "ns", "us", "ms", "s" };
	unsigned int unit = 0;
	uint64_t tenths = ns * 10;

	if (ns > UINT64_MAX / 10)
		tenths = UINT64_MAX;
	while (tenths >= 10000 && unit < ARRAY_SIZE(units) - 1) {
		tenths /= 1000;
		unit++;
	}
	if (tenths < 100 && tenths % 10)
		text_format(text, TIME_TEXT_MAX, "%" PRIu64 ".%" PRIu64 "%s", tenths / 10,
			    tenths % 10, units[unit]);
	else
		text_format(text, TIME_TEXT_MAX, "%" PRIu64 "%s", tenths / 10, units[unit]);
	return text;
}
