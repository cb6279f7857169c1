/* SPDX-License-Identifier: MIT */
/*
 * fuzz_stats.c - a page of statistics, with bytes changed: two that say where, one that says to what, again and again
 *
 * fuzz: -max_len=600
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/stats.h"

#define HOLDS(condition) do { if (!(condition)) abort(); } while (0)

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct stats page;
static char *original;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	HOLDS(stats_open(&page, 2 * STATS_QUEUE) == 0);
	HOLDS(stats_add(&page, stats_queue, STATS_QUEUE_NAMES, 2));
	original = malloc(page.size);
	HOLDS(original && pread(page.fd, original, page.size, 0) == (ssize_t)page.size);
	return 0;
}

static void look_at(const struct stats *taken, const struct stats_field *field)
{
	struct histogram h;

	HOLDS(field->name[0] && strlen(field->name) < STATS_NAME_MAX && !strpbrk(field->name, "\"\\ {}\n"));
	HOLDS(stats_find(taken, field->name) == field && field->copies <= 4096);
	for (uint32_t copy = 0; copy < field->copies; copy++)
		stats_copy_value(taken, field, copy);
	stats_value(taken, field);
	if (field->kind != STATS_LATENCY)
		return;
	stats_histogram(taken, field, &h);
	HOLDS(histogram_quantile(&h, 500) <= histogram_quantile(&h, 999));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct stats_field *field;
	struct stats taken;
	char line[512];

	memcpy((void *)page.page, original, page.size);
	for (; size >= 3; data += 3, size -= 3)
		((uint8_t *)page.page)[(data[0] | data[1] << 8) % page.size] = data[2];
	stats_line(page.fd, line, sizeof(line));
	if (stats_take(&taken, page.fd) == 0)
		for (uint32_t i = 0; (field = stats_field(&taken, i)); i++)
			look_at(&taken, field);
	stats_close(&taken);
	return 0;
}
