/* SPDX-License-Identifier: MIT */
/* main.c - from argv[0] to an applet to an exit status */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/applet.h"
#include "core/file.h"
#include "core/keeper.h"
#include "core/log.h"
#include "core/notify.h"
#include "core/opt.h"
#include "core/root.h"
#include "core/signals.h"
#include "core/spec.h"
#include "core/state.h"
#include "core/status.h"
#include "core/text.h"
#include "core/util.h"

#define PREFIX "ublk-"
#define PREFIX_LENGTH (sizeof(PREFIX) - 1)
#define NAME_MAX_BYTES 32

static const struct applet *find_applet(const char *name)
{
	for (size_t i = 0; applets[i]; i++)
		if (!strcmp(applets[i]->name, name))
			return applets[i];
	return NULL;
}

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

static void help_disk(const struct applet *applet, const struct opt_table *tables)
{
	text_out("\nUsage:\n " PREFIX "%s %s [options] [-- COMMAND...]\n\n%s.\n", applet->name, applet->synopsis, applet->about);
	opt_help(tables);
	text_out("\nFor more details see " PREFIX "%s(8) and ublk(8).\n", applet->name);
}

static int take_words(const struct applet *applet, const struct opt_table *tables, const struct opt_words *words)
{
	if (words->count > 1 || (words->count && (!applet->bare || words->seen)))
		return fail_usage("what is '%s' for?", words->words[words->count - 1]);
	return words->count ? opt_assign(tables, applet->bare, words->words[0]) : 0;
}

static int parse_disk(const struct applet *applet, char **argv, struct spec *spec, struct opt_words *words)
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
		help_disk(applet, tables);
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

static int run_disk(const struct applet *applet, char **argv)
{
	struct opt_words words;
	struct spec spec;
	int err, status, ours;

	spec_init(&spec, applet);
	spec.recovery = RECOVERY_UNSAID;
	ours = has_command(argv) ? STATUS_OURS : STATUS_OK;	/* the command's own statuses must mean the command */
	err = parse_disk(applet, argv, &spec, &words);
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

/* --- ublk itself ----------------------------------------------------------------- */

static int list_applets(const char *prefix)
{
	for (size_t i = 0; applets[i]; i++)
		text_out("%s%s\n", prefix, applets[i]->name);
	return STATUS_OK;
}

static int install_link(const char *binary, const char *dir, const char *name, bool symbolic)
{
	char path[PATH_MAX + NAME_MAX_BYTES];
	struct stat there, ours;

	text_format(path, sizeof(path), "%s/" PREFIX "%s", dir, name);
	if ((symbolic ? symlink(binary, path) : link(binary, path)) == 0)
		return 0;
	if (errno == EEXIST && stat(path, &there) == 0 && stat(binary, &ours) == 0 && there.st_ino == ours.st_ino &&
	    there.st_dev == ours.st_dev)
		return 0;
	return fail(-errno, "install %s", path);
}

/* Like busybox: hard links, or symbolic ones with -s, where the binary is or in DIR. */
static int install(char **argv)
{
	char binary[PATH_MAX], dir[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", binary, sizeof(binary) - 1);
	bool symbolic = argv[0] && !strcmp(argv[0], "-s");
	int err = 0;

	if (n < 0)
		return fail(-errno, "find this program through /proc/self/exe");
	binary[n] = '\0';
	argv += symbolic;
	if (argv[0] && (argv[0][0] == '-' || argv[1]))
		return fail_usage("--install takes -s and one directory");
	text_format(dir, sizeof(dir), "%s", argv[0] ? argv[0] : binary);
	if (!argv[0])
		*strrchr(dir, '/') = '\0';
	for (size_t i = 0; applets[i] && !err; i++)
		err = install_link(binary, dir, applets[i]->name, symbolic);
	return err;
}

static int usage(void)
{
	text_out("\nUsage:\n ublk APPLET [options]\n ublk-APPLET [options]\n ublk SUBCOMMAND [options]      as ublk-ctl\n"
	       " ublk --list | --list-full | --install [-s] [DIR]\n\n"
	       "Disks of all kinds, served by this program through the Linux ublk driver.\n\nApplets:\n");
	for (size_t i = 0; applets[i]; i++)
		text_out(" %-8s %s\n", applets[i]->name, applets[i]->about);
	text_out("\n     --list       names of the applets\n     --list-full  the same with their prefix\n"
	       "     --install    make links to this program, hard or with -s symbolic, in DIR\n"
	       " -h, --help       show this help\n -V, --version    show the version\n\nFor more details see ublk(8).\n");
	return STATUS_OK;
}

static int run_applet(const struct applet *applet, char **argv)
{
	static char name[NAME_MAX_BYTES];

	text_format(name, sizeof(name), PREFIX "%s", applet->name);
	log_name(name);
	return applet->run ? applet->run(argv) : run_disk(applet, argv);
}

static int run_ublk(char **argv)
{
	const struct applet *applet;

	if (!argv[0] || !strcmp(argv[0], "--help") || !strcmp(argv[0], "-h"))
		return usage();
	if (!strcmp(argv[0], "--version") || !strcmp(argv[0], "-V")) {
		text_out("ublk %s\n", UBLK_VERSION);
		return STATUS_OK;
	}
	if (!strcmp(argv[0], "--list"))
		return list_applets("");
	if (!strcmp(argv[0], "--list-full"))
		return list_applets(PREFIX);
	if (!strcmp(argv[0], "--install"))
		return (int)status_of(install(argv + 1));
	if (argv[0][0] == '-')
		return (int)status_of(fail_usage("unknown option %s", argv[0]));
	applet = find_applet(strncmp(argv[0], PREFIX, PREFIX_LENGTH) ? argv[0] : argv[0] + PREFIX_LENGTH);
	if (applet)
		return run_applet(applet, argv + 1);
	return run_applet(find_applet("ctl"), argv);	/* which knows its subcommands */
}

/* What is written to a closed pipe or a full disk must not look like success. */
static int flush(int status)
{
	int err = text_out_flush();

	if (!err)
		return status;
	fail(err, "write to standard output");
	return status ? status : STATUS_FAILED;
}

int main(int argc, char **argv)
{
	const struct applet *applet;
	const char *name;

	if (argc < 1 || file_fill_standard() || state_note_words(argv) || state_receive())
		return STATUS_FAILED;
	file_note_inherited();
	name = strrchr(argv[0], '/');
	name = name ? name + 1 : argv[0];
	name += strspn(name, "@-");	/* '@': survive switch_root; '-': a login */
	if (state_given())
		prctl(PR_SET_NAME, name, 0, 0, 0);	/* exec() of a descriptor calls it by its number */
	applet = strncmp(name, PREFIX, PREFIX_LENGTH) ? NULL : find_applet(name + PREFIX_LENGTH);
	return flush(applet ? run_applet(applet, argv + 1) : run_ublk(argv + 1));
}
