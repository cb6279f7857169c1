/* SPDX-License-Identifier: MIT */
/* stats.c - what servers have counted: read from their memory, so that they need not answer */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "applets/ctl/ctl.h"
#include "applets/ctl/device.h"
#include "core/log.h"
#include "core/proc.h"
#include "core/stats.h"
#include "core/status.h"
#include "core/text.h"

static void print_plain(void *context, const char *name, uint64_t value)
{
	const struct found *device = context;

	text_out("%s %-20s %" PRIu64 "\n", device->block_path, name, value);
}

static void print_json(void *context, const char *name, uint64_t value)
{
	(void)context;
	if (!strpbrk(name, "\"\\"))	/* no name of ours */
		text_out(", \"%s\": %" PRIu64, name, value);
}

/* The page of the server of this device, or why there is none. */
static int open_page(const struct found *device)
{
	int keeper = found_keeper(device), fd;

	if (!device->told)
		return fail(device->error, "ask the driver about %s", device->block_path);
	if (!keeper)
		return fail_plain(-EOPNOTSUPP, "%s is served by another program, or by nobody: there are no statistics", device->block_path);
	fd = proc_open_link(keeper, STATS_LINK);
	if (fd == -ENOENT)
		return fail_plain(fd, "the server of %s, process %d, counts nothing", device->block_path, keeper);
	return fd < 0 ? fail(fd, "look into the server of %s, process %d", device->block_path, keeper) : fd;
}

static int print(const struct ctl *ctl, struct found *device)
{
	int fd = open_page(device), err;

	if (fd < 0)
		return fd;
	if (ctl->json)
		text_out("{\"dev\": \"%s\"", device->block_path);
	err = stats_read(fd, ctl->json ? print_json : print_plain, device);
	if (ctl->json)
		text_out("}");
	close(fd);
	return err ? fail_plain(err, "the statistics of %s are those of another version of ublk", device->block_path) : 0;
}

int ctl_stats(const struct ctl *ctl)
{
	struct found_list list = { 0 };
	int err = ctl_look(ctl, &list);

	if (ctl->json)
		text_out("{\"stats\": [");
	for (unsigned int i = 0; i < list.count; i++) {
		int failed;

		if (ctl->json)
			text_out(i ? ",\n  " : "\n  ");
		failed = print(ctl, &list.devices[i]);
		if (failed && ctl->json)
			text_out("null");
		err = err ? err : failed;
	}
	if (ctl->json)
		text_out("\n]}\n");
	found_free(&list);
	return (int)status_of(err);
}
