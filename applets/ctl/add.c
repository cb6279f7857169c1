/* SPDX-License-Identifier: MIT */
/* add.c - what users of ublksrv, and of kublk of the kernel's own tests, type, for our own disks */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "applets/ctl/become.h"
#include "applets/ctl/ctl.h"
#include "core/log.h"
#include "core/status.h"
#include "core/util.h"

#define WORDS_MAX 30		/* all that there are below, and NULL */

struct command {
	const char *words[WORDS_MAX];
	unsigned int count;
};

static void say(struct command *command, const char *word)
{
	must(command->count < WORDS_MAX - 1);
	command->words[command->count++] = word;
}

/* "--option value", if there is one. */
static void pass(struct command *command, const char *option, const char *value)
{
	if (!value)
		return;
	say(command, option);
	say(command, value);
}

static int choose_program(struct command *command, const char *type)
{
	static const struct { const char *type, *program; } known[] = {
		{ "null", "ublk-null" }, { "loop", "ublk-file" }, { "file", "ublk-file" }, { "mem", "ublk-mem" },
		{ "zip", "ublk-zip" },
	};

	for (size_t i = 0; type && i < ARRAY_SIZE(known); i++)
		if (!strcmp(type, known[i].type)) {
			say(command, known[i].program);
			return 0;
		}
	return fail_usage("add needs the type of the disk: -t null, loop, file, mem or zip%s%s", type ? ", not " : "",
			  type ? type : "");
}

static const char *io_mode(const struct add *add)
{
	return add->batch ? "batch" : add->auto_buf ? "auto-buf" : add->zero_copy ? "zero-copy" :
	       add->user_copy ? "user-copy" : add->get_data ? "get-data" : NULL;
}

/* What decides how it is served is found out by asking the kernel; what was insisted on is passed on. */
static int translate(struct command *command, const struct add *add)
{
	int err = choose_program(command, add->type);

	if (err)
		return err;
	if (add->in_task)
		note("-u: the kernel decides that by itself");
	if (add->unprivileged && !geteuid())
		note("--unprivileged: the disk is root's, since root makes it");
	pass(command, "--id", add->number);
	pass(command, "--queues", add->queues);
	pass(command, "--depth", add->depth);
	pass(command, "--max-io", add->max_io);
	pass(command, "--size", add->size);
	pass(command, "--offset", add->offset);
	pass(command, "--io", io_mode(add));
	pass(command, "--shared-memory", add->shared);
	pass(command, "--recovery", add->reissue ? "reissue" : add->fail_io ? "fail" : add->recovery ? "requeue" : NULL);
	if (add->no_partscan)
		say(command, "--no-partscan");
	if (add->buffered)
		say(command, "--direct-io=off");
	if (!add->foreground)
		say(command, "--background");
	return 0;
}

int ctl_add(const struct ctl *ctl)
{
	struct command command = { 0 };
	int err = translate(&command, &ctl->add);

	if (err)
		return (int)status_of(err);
	pass(&command, "--dev-dir", ctl->dev_dir);
	if (ctl->quiet)
		say(&command, "--quiet");
	for (int i = 0; i < ctl->verbose && i < 2; i++)
		say(&command, "--verbose");
	if (ctl->add.file && strcmp(command.words[0], "ublk-null"))
		say(&command, ctl->add.file);
	for (int i = 0; i < ctl->count; i++)
		say(&command, ctl->devices[i]);
	return (int)status_of(become(command.words));
}
