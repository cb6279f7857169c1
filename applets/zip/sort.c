/* SPDX-License-Identifier: MIT */
/* sort.c - a merge sort from the bottom up */
#include <string.h>

#include "applets/zip/sort.h"
#include "core/util.h"

static void merge(uint32_t *from, size_t middle, size_t end, uint32_t *to, sort_order *order, const void *things)
{
	size_t a = 0, b = middle;

	for (size_t i = 0; i < end; i++)
		to[i] = b == end || (a < middle && order(things, from[a], from[b]) <= 0) ? from[a++] : from[b++];
	memcpy(from, to, end * sizeof(*to));
}

void sort_numbers(uint32_t *numbers, size_t count, uint32_t *spare, sort_order *order, const void *things)
{
	for (size_t run = 1; run < count; run *= 2) {
		for (size_t start = 0; start + run < count; start += 2 * run) {
			size_t end = (size_t)min_u64(2 * run, count - start);

			if (order(things, numbers[start + run - 1], numbers[start + run]) > 0)
				merge(numbers + start, run, end, spare, order, things);
		}
	}
}
