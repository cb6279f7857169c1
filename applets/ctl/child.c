/* SPDX-License-Identifier: MIT */
/* child.c - a process that may be left behind */
#include <errno.h>
#include <unistd.h>

#include "applets/ctl/child.h"
#include "core/driver.h"
#include "core/file.h"
#include "core/log.h"
#include "core/status.h"
#include "core/text.h"
#include "core/util.h"

#define PATIENCE_MS 200

/* A command that hangs keeps the way it was sent by: what comes next has another. */
static int reach_again(struct work *w)
{
	ctrl_close(&w->ctrl);
	return driver_reach(&w->ctrl, w->ctl->dev_dir, false);
}

static int try_each(const struct ctl *ctl, device_fn *act)
{
	struct work w = { .ctl = ctl, .ctrl = { .fd = -1 }, .patience_ms = PATIENCE_MS };
	struct found_list list = { 0 };
	int first, lost = 0;
	bool collected;

	if (!driver_present())		/* then there are no devices either */
		return ctl->count ? fail_plain(-ENODEV, "there is no device %s: ublk_drv is not loaded", *ctl->devices) : 0;
	first = driver_reach(&w.ctrl, ctl->dev_dir, false);
	if (first)
		return first;
	first = found_collect(&list, &w.ctrl, ctl->dev_dir, ctl->devices, ctl->count);
	collected = !first || first == -ENODEV;
	for (unsigned int i = 0; i < list.count && collected && !lost; i++) {
		int err;

		lost = w.ctrl.pending ? reach_again(&w) : 0;
		err = lost ? lost : act(&w, &list.devices[i]);
		if (err && !first)
			first = err;
	}
	found_free(&list);
	return first;
}

int child_for_each(const struct ctl *ctl, device_fn *act)
{
	return (int)status_of(try_each(ctl, act));
}

__attribute__((noreturn)) static void child_main(int (*run)(const struct ctl *), const struct ctl *ctl, int fd)
{
	unsigned char status = (unsigned char)run(ctl);
	int err = text_out_flush();

	if (err && !status)
		status = (unsigned char)status_of(fail(err, "write to standard output"));
	file_to_null(STDOUT_FILENO);	/* nobody shall wait for us, if we hang now */
	file_to_null(STDERR_FILENO);
	if (RETRY(write(fd, &status, 1)) < 0)
		status = STATUS_FAILED;
	_exit(status);
}

int child_run(int (*run)(const struct ctl *), const struct ctl *ctl)
{
	unsigned char status = STATUS_FAILED;
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return (int)status_of(fail(-errno, "make a pipe"));
	pid = fork();
	if (pid < 0)
		return (int)status_of(fail(-errno, "start a process"));
	if (!pid) {
		close(ends[0]);
		child_main(run, ctl, ends[1]);
	}
	close(ends[1]);
	if (RETRY(read(ends[0], &status, 1)) != 1)
		status = STATUS_FAILED;
	return status;
}
