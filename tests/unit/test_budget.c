/* SPDX-License-Identifier: MIT */
/* test_budget.c - how much memory is left, as files of a tree of the test's own have it */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "applets/mem/budget.h"
#include "core/util.h"
#include "tests/check.h"
#include "tests/unit/calls.h"

#define MIB (1ULL << 20)

static char root[] = "/tmp/ublk-budget-XXXXXX";

static void limit(const char *cgroup, const char *most, const char *now)
{
	char path[200];

	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.max", cgroup);
	calls_put(path, most);
	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.current", cgroup);
	calls_put(path, now);
}

/* A machine with 1 GiB available, in a cgroup that limits nothing. */
static void set_up(void)
{
	calls_clear();
	calls_put("/proc/meminfo", "MemTotal:       8388608 kB\nMemFree:          1024 kB\n"
		  "MemAvailable:    1048576 kB\nBuffers: 1 kB\n");
	calls_put("/proc/self/cgroup", "0::/a/b\n");
	limit("", "max\n", "7\n");
	limit("/a", "max\n", "7\n");
	limit("/a/b", "max\n", "7\n");
	calls_fail(NULL, 0, 0);
}

/* In MiB, with what is left to others; and nothing stays open. */
static uint64_t left(void)
{
	int before = open("/dev/null", O_RDONLY), after;
	struct budget budget;
	uint64_t bytes;

	close(before);
	budget_open(&budget);
	bytes = budget_left(&budget);
	budget_close(&budget);
	CHECK_EQ(budget.meminfo, -1);
	after = open("/dev/null", O_RDONLY);
	CHECK_EQ(after, before);
	close(after);
	return (bytes == UINT64_MAX - BUDGET_MARGIN ? bytes : bytes + BUDGET_MARGIN) / MIB;
}

#define ANY ((UINT64_MAX - BUDGET_MARGIN) / MIB)

static void what_the_machine_has(void)
{
	set_up();
	CHECK_EQ(left(), 1024);
	calls_put("/proc/meminfo", "MemTotal: 9 kB\nMemFree: 9 kB\n");
	CHECK_EQ(left(), ANY);
	calls_put("/proc/meminfo", "MemTotal: 9 kB\nMemAvailable: lots\n");
	CHECK_EQ(left(), ANY);
	calls_put("/proc/meminfo", "");
	CHECK_EQ(left(), ANY);
	calls_fail("open", 1, ENOENT);
	CHECK_EQ(left(), ANY);
	calls_put("/proc/meminfo", "MemTotal: 9 kB\nMemAvailable: 1024 kB\n");
	CHECK_EQ(left(), BUDGET_MARGIN / MIB);	/* all of it is for others */
}

/* Whichever is the tightest of them, as it is now. */
static void what_cgroups_leave(void)
{
	struct budget budget;

	set_up();
	limit("/a/b", "536870912\n", "268435456\n");
	CHECK_EQ(left(), 256);
	limit("/a", "268435456\n", "134217728\n");
	CHECK_EQ(left(), 128);
	limit("", "167772160\n", "83886080\n");
	CHECK_EQ(left(), 80);
	limit("/a", "1048576\n", "134217728\n");		/* more is taken than may be */
	CHECK_EQ(left(), BUDGET_MARGIN / MIB);
	budget_open(&budget);
	CHECK_EQ(budget.levels, 3);
	limit("/a", "max\n", "134217728\n");
	limit("/a/b", "max\n", "134217728\n");
	limit("", "209715200\n", "104857600\n");
	CHECK_EQ(budget_left(&budget), 100 * MIB - BUDGET_MARGIN);
	limit("", "none\n", "0\n");
	CHECK_EQ(budget_left(&budget), 1024 * MIB - BUDGET_MARGIN);
	limit("", "209715200\n", "none\n");
	CHECK_EQ(budget_left(&budget), 1024 * MIB - BUDGET_MARGIN);
	budget_close(&budget);
}

static void what_cannot_be_known(void)
{
	struct budget budget;
	char deep[300] = "0::";

	set_up();
	calls_put("/proc/self/cgroup", "0::/\n");		/* the root's own, which has no limit */
	CHECK_EQ(left(), 1024);
	calls_put("/proc/self/cgroup", "4:memory:/a\n");	/* the older hierarchy */
	limit("/a", "1048576\n", "0\n");
	CHECK_EQ(left(), 1024);
	calls_put("/proc/self/cgroup", "");
	CHECK_EQ(left(), 1024);
	calls_put("/proc/self/cgroup", "0::/none\n");
	CHECK_EQ(left(), 1024);
	for (int i = 0; i < BUDGET_LEVELS + 2; i++) {
		strcat(deep, "/d");
		limit(deep + 3, "536870912\n", "0\n");
	}
	limit("", "134217728\n", "0\n");
	calls_put("/proc/self/cgroup", deep);
	budget_open(&budget);
	CHECK_EQ(budget.levels, BUDGET_LEVELS);		/* no more are looked at */
	CHECK_EQ(budget_left(&budget), 512 * MIB - BUDGET_MARGIN);
	budget_close(&budget);
}

int main(void)
{
	static const struct test tests[] = {
		{ "what the machine has available, less what others need", what_the_machine_has },
		{ "of all cgroups the tightest counts, as it is now", what_cgroups_leave },
		{ "what cannot be known limits nothing", what_cannot_be_known },
	};
	char command[100];
	int result;

	CHECK(mkdtemp(root));
	calls_root(root);
	result = check_main(tests, ARRAY_SIZE(tests));
	snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command) ? 1 : result;
}
