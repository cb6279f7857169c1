/* SPDX-License-Identifier: MIT */
/* budget.c - MemAvailable and the memory cgroups */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "applets/mem/budget.h"
#include "core/proc.h"
#include "core/text.h"
#include "core/util.h"

#define CGROUP_ROOT "/sys/fs/cgroup"
#define TEXT_MAX 4096

static int open_read(const char *path)
{
	return RETRY(open(path, O_RDONLY | O_CLOEXEC));
}

/* The file as it is now, from its start. #syscalls:mem,file pread64 */
static bool read_again(int fd, char *text, size_t limit)
{
	ssize_t n = RETRY(pread(fd, text, limit - 1, 0));

	if (n <= 0)
		return false;
	text[n] = '\0';
	return true;
}

/* The cgroup at @path, if it limits anything. */
static void add_level(struct budget *budget, const char *path)
{
	unsigned int i = budget->levels;
	char file[TEXT_MAX + 32], text[32];

	text_format(file, sizeof(file), CGROUP_ROOT "%s/memory.max", path);
	if (i == BUDGET_LEVELS || proc_read(file, text, sizeof(text)) <= 0 || !strcmp(text, "max"))
		return;
	budget->max[i] = open_read(file);
	text_format(file, sizeof(file), CGROUP_ROOT "%s/memory.current", path);
	budget->current[i] = open_read(file);
	budget->levels++;
}

void budget_open(struct budget *budget)
{
	char path[TEXT_MAX], *at = path + 3, *slash;

	*budget = (struct budget){ .meminfo = open_read("/proc/meminfo") };
	if (proc_read("/proc/self/cgroup", path, sizeof(path)) <= 0 || strncmp(path, "0::", 3))
		return;		/* "0::/a/b": the unified hierarchy, or none */
	while ((slash = strrchr(at, '/'))) {
		if (at[1])
			add_level(budget, at);
		*slash = '\0';
	}
	add_level(budget, "");	/* which has a limit where it is the root of a container only */
}

void budget_close(struct budget *budget)
{
	if (budget->meminfo >= 0)
		close(budget->meminfo);
	for (unsigned int i = 0; i < budget->levels; i++) {
		close(budget->max[i]);
		close(budget->current[i]);
	}
	*budget = (struct budget){ .meminfo = -1 };
}

static bool read_number(int fd, uint64_t *number)
{
	char text[32];
	const char *at = text;

	return fd >= 0 && read_again(fd, text, sizeof(text)) && text_number(&at, number) == 0;
}

static uint64_t machine_left(int meminfo)
{
	static const char label[] = "\nMemAvailable:";
	const char *at;
	char text[512];		/* it is the third line */
	uint64_t kib;

	if (meminfo < 0 || !read_again(meminfo, text, sizeof(text)))
		return UINT64_MAX;
	for (at = text; *at && strncmp(at, label, sizeof(label) - 1); at++)
		;
	if (!*at)
		return UINT64_MAX;
	at += sizeof(label) - 1;
	at += strspn(at, " ");
	return text_number(&at, &kib) ? UINT64_MAX : kib << 10;
}

static uint64_t level_left(int max, int current)
{
	uint64_t most, now;

	if (!read_number(max, &most) || !read_number(current, &now))	/* "max" is no number either */
		return UINT64_MAX;
	return most > now ? most - now : 0;
}

uint64_t budget_left(const struct budget *budget)
{
	uint64_t left = machine_left(budget->meminfo);

	for (unsigned int i = 0; i < budget->levels; i++)
		left = min_u64(left, level_left(budget->max[i], budget->current[i]));
	return left > BUDGET_MARGIN ? left - BUDGET_MARGIN : 0;
}
