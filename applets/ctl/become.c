/* SPDX-License-Identifier: MIT */
/* become.c - exec */
#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "applets/ctl/become.h"
#include "core/log.h"

/* By its own path: the process would be called "exe" otherwise, and nobody would know it as one of ours. */
int become(const char *const *words)
{
	char binary[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", binary, sizeof(binary) - 1);

	if (n < 0)
		return fail(-errno, "find this program through /proc/self/exe");
	binary[n] = '\0';
	execv(binary, (char *const *)words);
	return fail(-errno, "start %s", binary);
}
