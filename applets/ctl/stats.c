/* SPDX-License-Identifier: MIT */
/*
 * stats.c - what servers have counted: read from their memory, so that they need not answer
 *
 * Of devices that others serve there is what the kernel counts.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "applets/ctl/ctl.h"
#include "applets/ctl/device.h"
#include "applets/ctl/figures.h"
#include "core/applet.h"
#include "core/log.h"
#include "core/status.h"
#include "core/text.h"
#include "core/util.h"

#define SECOND 1000000000ULL

struct survey {
	struct found_list list;
	struct figures *figures;	/* of each device of the list */
	struct pollfd *keepers;		/* pidfds; -1 where there is none */
	size_t size;			/* bytes of each of these two */
	unsigned int left;		/* devices that are still there */
};

static bool is_there(const struct figures *f)
{
	return f->now.page;
}

/* --- taking the figures of a device -------------------------------------------------------------- */

static int take_from_kernel(const struct found *device, struct figures *f)
{
	char path[64];

	text_format(path, sizeof(path), "/sys/block/ublkb%" PRIu32 "/stat", device->id);
	return figures_of_kernel(&f->now, path);
}

/* 0 or -errno, said by nobody. */
static int take(const struct found *device, struct figures *f)
{
	const struct applet *applet = found_applet(device);
	int keeper = found_keeper(device), err;

	f->dev = device->block_path;
	f->type = applet ? applet->name : "other";
	f->source = keeper ? "server" : "kernel";
	f->now = (struct stats)STATS_NONE;
	name_read(keeper, device->id, f->name);
	if (!device->told)
		return device->error;
	err = keeper ? found_take_stats(device, &f->now) : take_from_kernel(device, f);
	if (err)
		stats_close(&f->now);
	return err;
}

void ctl_tell_rest(const struct found *device)
{
	struct figures f = { .before = STATS_NONE };

	if (found_keeper(device) && !take(device, &f)) {
		figures_rest(&f);
		stats_close(&f.now);
	}
}

static int explain(const struct found *device, int err)
{
	int keeper = found_keeper(device);

	if (!device->told)
		return found_explain_refusal(device);
	if (!keeper)
		return fail(err, "read what the kernel has counted of %s", device->block_path);
	if (err == -ENOENT)
		return fail_plain(err, "the server of %s, process %d, counts nothing", device->block_path, keeper);
	if (err == -EINVAL)
		return fail_plain(err, "the statistics of %s are those of another version of ublk", device->block_path);
	return fail(err, "look into the server of %s, process %d", device->block_path, keeper);
}

/* One that is dead, or went a moment ago, is missed only by who asked for it. */
static bool is_missed(const struct ctl *ctl, const struct found *device, int err)
{
	if (ctl->count)
		return true;
	return device->told ? found_keeper(device) || err != -ENOENT : err != -ENODEV;
}

/* --- of all of them -------------------------------------------------------------------------------- */

static void forget(struct survey *s, unsigned int i)
{
	struct figures *f = &s->figures[i];

	if (is_there(f))
		s->left--;
	stats_close(&f->now);
	stats_close(&f->before);
	if (s->keepers[i].fd >= 0)
		close(s->keepers[i].fd);
	s->keepers[i].fd = -1;
}

/* Whose end is told by a descriptor: that it is gone is known at once. */
static int watch_keeper(const struct found *device)
{
	int keeper = found_keeper(device);

	return keeper ? (int)syscall(SYS_pidfd_open, keeper, 0) : -1;
}

/* The first error, said; all others are there all the same. */
static int survey_open(struct survey *s, const struct ctl *ctl)
{
	int err = ctl_look(ctl, &s->list);

	s->size = max_u64(s->list.count, 1) * sizeof(*s->figures);
	s->figures = pages_get(s->size);
	s->keepers = pages_get(s->size);
	if (!s->figures || !s->keepers) {
		s->list.count = 0;
		return fail(-ENOMEM, "get memory for the numbers of devices");
	}
	for (unsigned int i = 0; i < s->list.count; i++) {
		const struct found *device = &s->list.devices[i];
		int failed = take(device, &s->figures[i]);

		s->figures[i].before = (struct stats)STATS_NONE;
		s->keepers[i] = (struct pollfd){ .fd = failed || !ctl->interval ? -1 : watch_keeper(device), .events = POLLIN };
		s->left += !failed;
		if (failed && is_missed(ctl, device, failed)) {
			explain(device, failed);
			err = err ? err : failed;
		}
	}
	return err;
}

static void survey_close(struct survey *s)
{
	for (unsigned int i = 0; i < s->list.count; i++)
		forget(s, i);
	pages_free(s->figures, s->size);
	pages_free(s->keepers, s->size);
	found_free(&s->list);
}

/* --- printing ---------------------------------------------------------------------------------------- */

static void print_tables(const struct survey *s)
{
	for (unsigned int i = 0; i < s->list.count; i++)
		if (is_there(&s->figures[i]))
			figures_table(&s->figures[i]);
}

static void print_json(const struct survey *s)
{
	text_out("{\"stats\": [");
	for (unsigned int i = 0; i < s->list.count; i++) {
		text_out(i ? ",\n  " : "\n  ");
		if (is_there(&s->figures[i]))
			figures_json(&s->figures[i]);
		else
			text_out("null");
	}
	text_out("\n]}\n");
}

/* Of those that are there, side by side. */
static void print_prometheus(const struct survey *s)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < s->list.count; i++) {
		struct figures f = s->figures[i];

		if (!is_there(&f))
			continue;
		s->figures[i] = s->figures[count];
		s->figures[count++] = f;
	}
	figures_prometheus(s->figures, count);
}

static void print(const struct ctl *ctl, const struct survey *s)
{
	if (ctl->prometheus)
		print_prometheus(s);
	else if (ctl->json)
		print_json(s);
	else
		print_tables(s);
}

/* --- again and again ----------------------------------------------------------------------------------- */

/* Until @end, or until all are gone. */
static void wait_for(struct survey *s, uint64_t end)
{
	uint64_t now;

	while (s->left && (now = stats_now()) < end) {
		int ms = (int)min_u64((end - now + 999999) / 1000000, INT32_MAX);

		if (RETRY(poll(s->keepers, s->list.count, ms)) <= 0)
			continue;
		for (unsigned int i = 0; i < s->list.count; i++)
			if (s->keepers[i].fd >= 0 && s->keepers[i].revents)
				forget(s, i);
	}
}

/* What was now is before. */
static void take_again(struct survey *s, uint64_t between)
{
	for (unsigned int i = 0; i < s->list.count; i++) {
		struct figures *f = &s->figures[i];

		if (!is_there(f))
			continue;
		stats_close(&f->before);
		f->before = f->now;
		f->between = between;
		if (take(&s->list.devices[i], f)) {
			s->left--;
			forget(s, i);
		}
	}
}

static int watch(const struct ctl *ctl, struct survey *s)
{
	uint64_t taken = stats_now(), now;
	int err;

	if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) < 0)	/* who was started is our parent, and gets the signals */
		return fail(-errno, "end with what was started");
	if (ctl->json)		/* which has no rates */
		print(ctl, s);
	while (!(err = text_out_flush()) && s->left) {
		wait_for(s, taken + ctl->interval * SECOND);
		now = stats_now();
		take_again(s, now - taken);
		taken = now;
		if (s->left)
			print(ctl, s);
	}
	return err;
}

int ctl_stats(const struct ctl *ctl)
{
	struct survey s = { 0 };
	int err, failed;

	if (ctl->prometheus && (ctl->json || ctl->interval))
		return (int)status_of(fail_usage("--prometheus excludes --json and --watch"));
	err = survey_open(&s, ctl);
	if (ctl->interval && s.left) {
		failed = watch(ctl, &s);
		err = err ? err : failed;
	} else {
		print(ctl, &s);
	}
	survey_close(&s);
	return (int)status_of(err);
}
