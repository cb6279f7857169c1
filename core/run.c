/* SPDX-License-Identifier: MIT */
/* run.c - a disk from its words: options, signals, the background, and the keeper */
#include <errno.h>
#include <string.h>

#include "core/keeper.h"
#include "core/log.h"
#include "core/notify.h"
#include "core/opt.h"
#include "core/root.h"
#include "core/run.h"
#include "core/signals.h"
#include "core/spec.h"
#include "core/state.h"
#include "core/status.h"
#include "core/text.h"
#include "core/util.h"
#include "core/words.h"

#define PREFIX "ublk-"
#define NAME_MAX_BYTES 32

/* The applet whose option "--name[=...]" is, for who mixed two of them up. */
static const struct applet *option_owner(const char *word)
{
	char name[NAME_MAX_BYTES];

	if (strncmp(word, "--", 2))
		return NULL;
	text_format(name, sizeof(name), "%.*s", (int)strcspn(word + 2, "="), word + 2);
	for (size_t i = 0; applets[i]; i++)
		if (opt_find(applets[i]->opts, name))
			return applets[i];
	return NULL;
}

static bool has_owner(const char *word)
{
	return option_owner(word);
}

static int unknown_option(const struct applet *applet, const char *word)
{
	const struct applet *owner = option_owner(word);

	if (owner)
		return fail_usage(PREFIX "%s has no option %s; " PREFIX "%s has", applet->name, word, owner->name);
	return fail_usage("unknown option %s", word);
}

static void help_disk(const struct applet *applet, const char *name, const struct opt_table *tables)
{
	text_out("\nUsage:\n %s %s [options] [-- COMMAND...]\n\n%s.\n", name, applet->synopsis, applet->about);
	opt_help(tables);
	text_out("\nFor more details see %s%sublk(8).\n", applet->backend->foreign ? "" : name,
		 applet->backend->foreign ? "" : "(8) and ");
}

static int take_words(const struct applet *applet, const struct opt_table *tables, const struct opt_words *words)
{
	if (words->count > 1 || (words->count && (!applet->bare || words->seen)))
		return fail_usage("what is '%s' for?", words->words[words->count - 1]);
	return words->count ? opt_assign(tables, applet->bare, words->words[0]) : 0;
}

static int parse_disk(const struct applet *applet, const char *name, char **argv, struct spec *spec,
		      struct opt_words *words)
{
	static const struct opt none = OPT_END;
	const struct opt_table tables[] = {
		{ "Options", applet->opts ? applet->opts : &none, applet->self },
		{ "Options of every disk", spec_opts, spec },
		{ NULL, NULL, NULL },
	};
	int err;

	words->watched = applet->bare;
	words->elsewhere = has_owner;
	err = opt_parse(tables, argv, words);
	if (err == -ENOENT)
		return unknown_option(applet, words->unknown);
	if (err)
		return err;
	if (words->help) {
		spec_init(spec, applet);	/* the defaults, not what stood before --help */
		help_disk(applet, name, tables);
		return 0;
	}
	spec->command = words->command;
	err = take_words(applet, tables, words);
	if (spec->supervise && spec->recovery <= RECOVERY_OFF)
		spec->recovery = RECOVERY_REISSUE;
	if (spec->command)
		spec->root = false;	/* it ends with the command, which wants its descriptors */
	if (state_given())
		spec->ready_fd = FD_NONE;	/* was told long ago */
	return err ? err : spec_check(spec);
}

static bool has_command(char *const *argv)
{
	while (*argv && strcmp(*argv, "--"))
		argv++;
	return *argv;
}

int run_disk(const struct applet *applet, const char *name, char **argv)
{
	struct opt_words words;
	struct spec spec;
	int err, status, ours;

	spec_init(&spec, applet);
	spec.recovery = RECOVERY_UNSAID;
	spec.root |= state_given() && *words_noted()[0] == '@';	/* in an initramfs that is no more */
	ours = has_command(argv) ? STATUS_OURS : STATUS_OK;	/* the command's own statuses must mean the command */
	err = parse_disk(applet, name, argv, &spec, &words);
	if (err)
		return ours ? ours : (int)status_of(err);
	if (words.help)
		return STATUS_OK;
	if (words.version) {
		text_out("ublk %s\n", UBLK_VERSION);
		return STATUS_OK;
	}
	log_level = spec.quiet ? LOG_SILENT : (int)min_u64((uint64_t)spec.verbose, LOG_TRACE);
	spec.background |= state_mark == STATE_ADOPT;
	if (applet->instead && !state_given()) {
		err = applet->instead(applet->self, &spec);
		if (err <= 0)
			return err && ours ? ours : (int)status_of(err);
	}
	err = signals_block();
	if (!err)
		err = log_open((enum log_target)spec.log_target);
	if (spec.root)
		log_leave_to_kernel();
	if (!err && spec.background && !state_given())
		err = notify_background();
	if (err)
		return ours ? ours : (int)status_of(err);
	if (spec.recovery == RECOVERY_UNSAID)
		spec.recovery = spec.root ? root_recovery(&spec) : RECOVERY_OFF;
	status = keeper_main(&spec);
	notify_failed(status);
	return status;
}
