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
#include "core/log.h"
#include "core/run.h"
#include "core/state.h"
#include "core/status.h"
#include "core/text.h"
#include "core/upgrade.h"
#include "core/words.h"

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
	return applet->run ? applet->run(argv) : run_disk(applet, name, argv);
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
	applet = find_applet("ctl");	/* which knows its subcommands */
	return applet ? run_applet(applet, argv) : (int)status_of(fail_usage("no applet is called %s", argv[0]));
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

	if (argc < 1 || file_fill_standard() || words_note(argv) || upgrade_receive())
		return STATUS_FAILED;
	file_note_inherited();
	name = strrchr(argv[0], '/');
	name = name ? name + 1 : argv[0];
	name += strspn(name, "@-");	/* '@': survive switch_root; '-': a login */
	if (state_given())
		prctl(PR_SET_NAME, name, 0, 0, 0);	/* exec() of a descriptor calls it by its number */
	applet = strncmp(name, PREFIX, PREFIX_LENGTH) ? NULL : find_applet(name + PREFIX_LENGTH);
	if (!strcmp(name, "init"))	/* what the kernel starts */
		applet = find_applet(name);
	return flush(applet ? run_applet(applet, argv + 1) : run_ublk(argv + 1));
}
