/* SPDX-License-Identifier: MIT */
/* command.c - the program that a disk is made for */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "core/keeping.h"
#include "core/log.h"
#include "core/resident.h"
#include "core/signals.h"
#include "core/status.h"
#include "core/text.h"
#include "core/util.h"

__attribute__((noreturn)) static void command_main(struct keeper *k)
{
	char *const *argv = k->spec->command;
	char device[DEVICE_PATH_MAX + 16];
	int err;

	text_format(device, sizeof(device), "UBLK_DEV=%s", k->device.block_path);
	environ = text_environment(environ, device);
	signals_restore();
	if (*k->score_found)
		resident_score(k->score_found);
	execvp(argv[0], argv);
	err = errno;
	fail(-err, "run %s", argv[0]);
	_exit(err == ENOENT ? STATUS_NO_COMMAND : STATUS_NO_EXEC);
}

int command_up(void *self)
{
	struct keeper *k = self;
	int err;

	if (!k->spec->command)
		return 0;
	k->command.pid = fork();
	if (k->command.pid < 0) {
		k->command.pid = 0;
		return fail(-errno, "start %s", k->spec->command[0]);
	}
	if (!k->command.pid)
		command_main(k);
	err = child_watch(&k->command);
	if (err) {	/* nothing would tell when it ends */
		child_kill(&k->command);
		child_reap(&k->command);
	}
	return err;
}

void command_down(void *self)
{
	struct keeper *k = self;

	if (!k->command.pid || k->command.ended)
		return;
	if (!k->stops)		/* its disk ended without it */
		kill(k->command.pid, SIGTERM);
	/* It was told to end. A second signal takes the disk away from under it. */
	while (!k->command.ended && k->stops < 2)
		events_wait(k, -1);
}

/* Its status is ours, so it is waited for even when its disk is gone, until a third signal. */
void command_end(struct keeper *k)
{
	if (!k->command.pid)
		return;
	while (!k->command.ended && k->stops < 3)
		events_wait(k, -1);
	if (k->command.ended)
		return;
	child_kill(&k->command);
	child_reap(&k->command);
}
