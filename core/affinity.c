/* SPDX-License-Identifier: MIT */
/* affinity.c - CPU sets */
#include <errno.h>

#include "core/affinity.h"
#include "core/text.h"

#define CPUS ((int)sizeof(cpu_set_t) * 8)	/* musl 1.2.3 calls an eighth of it CPU_SETSIZE */

static int parse_cpu(const char **at, int *cpu)
{
	uint64_t number;

	if (text_number(at, &number) || number >= CPUS)
		return -EINVAL;
	*cpu = (int)number;
	return 0;
}

uint32_t affinity_count(void)
{
	cpu_set_t allowed;

	return sched_getaffinity(0, sizeof(allowed), &allowed) < 0 ? 1 : (uint32_t)CPU_COUNT(&allowed);
}

int affinity_parse(const char *list, cpu_set_t *cpus)
{
	const char *at = list;

	CPU_ZERO(cpus);
	for (;;) {
		int first, last;

		if (parse_cpu(&at, &first))
			return -EINVAL;
		last = first;
		if (*at == '-') {
			at++;
			if (parse_cpu(&at, &last) || last < first)
				return -EINVAL;
		}
		for (int cpu = first; cpu <= last; cpu++)
			CPU_SET(cpu, cpus);
		if (!*at)
			return 0;
		if (*at++ != ',')
			return -EINVAL;
	}
}

bool affinity_choose(const cpu_set_t *queue, const cpu_set_t *allowed, const cpu_set_t *list, cpu_set_t *cpus)
{
	cpu_set_t chosen;

	if (!list) {
		CPU_AND(cpus, queue, allowed);
		return CPU_COUNT(cpus) > 0;
	}
	CPU_AND(&chosen, list, allowed);
	CPU_AND(cpus, &chosen, queue);
	if (!CPU_COUNT(cpus))
		*cpus = chosen;
	return CPU_COUNT(cpus) > 0;
}

void affinity_text(const cpu_set_t *cpus, char *text, unsigned int limit)
{
	unsigned int used = 0;

	text[0] = '\0';
	for (int first = 0; first < CPUS && used < limit; first++) {
		int last = first;

		if (!CPU_ISSET(first, cpus))
			continue;
		while (last + 1 < CPUS && CPU_ISSET(last + 1, cpus))
			last++;
		used += (unsigned int)text_format(text + used, limit - used, first == last ? "%s%d" : "%s%d-%d",
					       used ? "," : "", first, last);
		first = last;
	}
}
