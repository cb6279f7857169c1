/* SPDX-License-Identifier: MIT */
/* test_histogram.c - times into buckets, and buckets into times */
#include "core/histogram.h"
#include "tests/check.h"

static void every_time_has_a_bucket(void)
{
	uint64_t start = 0;

	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS - 1; i++) {
		uint64_t end = histogram_end(i);

		CHECK(end > start);
		CHECK_EQ(histogram_bucket(start), i);
		CHECK_EQ(histogram_bucket(end - 1), i);
		CHECK_EQ(histogram_bucket(end), i + 1);
		if (i >= HISTOGRAM_PARTS)
			CHECK(end - start <= start / 4);
		start = end;
	}
	CHECK_EQ(histogram_end(HISTOGRAM_BUCKETS - 1), UINT64_MAX);
	CHECK(start > 30000000000 && start < 35000000000);
	CHECK_EQ(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
}

/* Of 1000 things, @slow took a millisecond, and the others a microsecond. */
static struct histogram of(unsigned int slow)
{
	struct histogram h = { 0 };

	h.buckets[histogram_bucket(1000)] = 1000 - slow;
	h.buckets[histogram_bucket(1000000)] = slow;
	return h;
}

static bool near(uint64_t ns, uint64_t wanted)
{
	return ns > wanted && ns <= wanted + wanted / 4;
}

static void quantiles(void)
{
	struct histogram h = { 0 };

	CHECK_EQ(histogram_quantile(&h, 500), 0);
	h = of(10);
	CHECK_EQ(histogram_count(&h), 1000);
	CHECK(near(histogram_quantile(&h, 500), 1000));
	CHECK(near(histogram_quantile(&h, 990), 1000));
	CHECK(near(histogram_quantile(&h, 999), 1000000));
	h = of(1);
	CHECK(near(histogram_quantile(&h, 999), 1000));
	CHECK(near(histogram_quantile(&h, 1000), 1000000));
	h = of(11);
	CHECK(near(histogram_quantile(&h, 990), 1000000));
	h = (struct histogram){ 0 };
	h.buckets[20] = 1;		/* of one, it is every part */
	CHECK_EQ(histogram_quantile(&h, 1), histogram_end(20));
	CHECK_EQ(histogram_quantile(&h, 999), histogram_end(20));
	h = (struct histogram){ 0 };
	h.buckets[HISTOGRAM_BUCKETS - 1] = 1;
	CHECK_EQ(histogram_quantile(&h, 500), histogram_end(HISTOGRAM_BUCKETS - 2));
	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++)
		h.buckets[i] = UINT64_MAX / HISTOGRAM_BUCKETS;	/* nobody has done as much */
	CHECK_EQ(histogram_quantile(&h, 500), histogram_end(HISTOGRAM_BUCKETS / 2 - 1));
}

static void times_as_text(void)
{
	static const struct { uint64_t ns; const char *text; } times[] = {
		{ 0, "0ns" }, { 7, "7ns" }, { 640, "640ns" }, { 999, "999ns" }, { 1000, "1us" }, { 1279, "1.2us" },
		{ 12999, "12us" }, { 1000000, "1ms" }, { 999999999, "999ms" }, { 34359738368, "34s" },
		{ UINT64_MAX, "1844674407s" },
	};
	char text[TIME_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		CHECK_TEXT(time_text(times[i].ns, text), times[i].text);
}

TESTS(
	{ "every time has one bucket, at most a quarter wide, and the last has all that took longer", every_time_has_a_bucket },
	{ "a quantile is what that part of all took at most", quantiles },
	{ "times are told in units that one can read", times_as_text }
)
