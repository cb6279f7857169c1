/* SPDX-License-Identifier: MIT */
/* test_words.c - what the program does with its words alone, before there is a disk */
#define main ublk_main
#include "core/main.c"
#undef main

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "core/util.h"
#include "tests/check.h"
#include "tests/unit/calls.h"

extern const struct applet applet_mem, applet_null, applet_file, applet_zip;

static int run_init(char **argv)
{
	text_out("init: %s\n", argv[0] ? argv[0] : "");
	return 7;
}

static const struct applet applet_init = { .name = "init", .about = "The first process", .run = run_init };
const struct applet *const applets[] = { &applet_mem, &applet_null, &applet_file, &applet_zip, &applet_init, NULL };

static char place[PATH_MAX];		/* a directory beside this program, so that links can lead to it */
static char text[20000];		/* what the last one has said, both ways */

/* Its exit status. @words are separated by blanks. */
static int run_to(int out, const char *words)
{
	char copy[300], *argv[20] = { NULL }, *rest = copy;
	int count = 0, status;
	pid_t pid;

	snprintf(copy, sizeof(copy), "%s", words);
	while ((argv[count] = strtok_r(rest, " ", &rest)))
		count++;
	pid = fork();
	if (!pid) {
		dup2(out, STDOUT_FILENO);
		dup2(out, STDERR_FILENO);
		_exit(ublk_main(count, argv));	/* or what has been gone through would be counted twice */
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int run(const char *words)
{
	FILE *said = tmpfile();
	int status = run_to(fileno(said), words);

	rewind(said);
	text[fread(text, 1, sizeof(text) - 1, said)] = '\0';
	fclose(said);
	return status;
}

static bool told(const char *words)
{
	if (text_has(text, words))
		return true;
	printf("#   it has said: %s\n", text);
	return false;
}

/* --- itself ----------------------------------------------------------------------------- */

static void itself(void)
{
	CHECK_EQ(run("ublk"), STATUS_OK);
	CHECK(told("Usage:") && told(" mem ") && told("The first process"));
	CHECK_EQ(run("ublk --help"), STATUS_OK);
	CHECK(told("--install"));
	CHECK_EQ(run("ublk -h"), STATUS_OK);
	CHECK(told("--install"));
	CHECK_EQ(run("/bin/ublk --version"), STATUS_OK);
	CHECK_TEXT(text, "ublk unit\n");
	CHECK_EQ(run("ublk -V"), STATUS_OK);
	CHECK_TEXT(text, "ublk unit\n");
	CHECK_EQ(run("ublk --list"), STATUS_OK);
	CHECK_TEXT(text, "mem\nnull\nfile\nzip\ninit\n");
	CHECK_EQ(run("ublk --list-full"), STATUS_OK);
	CHECK_TEXT(text, "ublk-mem\nublk-null\nublk-file\nublk-zip\nublk-init\n");
	CHECK_EQ(run("ublk --what"), STATUS_USAGE);
	CHECK(told("unknown option --what"));
	CHECK_EQ(run("ublk tape"), STATUS_USAGE);
	CHECK(told("no applet is called tape"));
	CHECK_EQ(run_to(-1, ""), STATUS_FAILED);
}

static void who_it_is(void)
{
	CHECK_EQ(run("ublk null --version"), STATUS_OK);
	CHECK_EQ(run("ublk ublk-null --version"), STATUS_OK);
	CHECK_EQ(run("/usr/bin/ublk-null --version"), STATUS_OK);
	CHECK_EQ(run("@ublk-null --version"), STATUS_OK);
	CHECK_EQ(run("-ublk-null --version"), STATUS_OK);
	CHECK_EQ(run("init first"), 7);
	CHECK_TEXT(text, "init: first\n");
	CHECK_EQ(run("ublk init"), 7);
	CHECK_EQ(run("ublk-tape --version"), STATUS_OK);	/* as any link that is not an applet's */
	CHECK_TEXT(text, "ublk unit\n");
	CHECK_EQ(run("init"), 7);
}

static void nobody_reads_it(void)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	CHECK_EQ(run_to(full, "ublk --list"), STATUS_FAILED);
	CHECK_EQ(run_to(full, "ublk init"), 7);
	close(full);
}

static void cannot_begin(void)
{
	calls_fail_times("fcntl", 0, 1, EBADF);
	calls_fail_times("open", 0, 2, EMFILE);
	CHECK_EQ(run("ublk --list"), STATUS_FAILED);
	calls_fail_times("mmap", 0, 1, ENOMEM);
	CHECK_EQ(run("ublk --list"), STATUS_FAILED);
	calls_fail_no_more();
	setenv("UBLK_STATE", "99", 1);				/* not first, and so not for us */
	CHECK_EQ(run("ublk --list"), STATUS_OK);
	unsetenv("UBLK_STATE");
}

/* --- links ---------------------------------------------------------------------------------- */

static int install_there(const char *options)
{
	char words[PATH_MAX + 40];

	snprintf(words, sizeof(words), "ublk --install %s", options);
	return run(words);
}

static bool is_link_to_us(const char *name, bool symbolic)
{
	char path[PATH_MAX + 20];
	struct stat ours, st;

	snprintf(path, sizeof(path), "%s/%s", place, name);
	return stat("/proc/self/exe", &ours) == 0 && lstat(path, &st) == 0 && S_ISLNK(st.st_mode) == symbolic &&
	       stat(path, &st) == 0 && st.st_ino == ours.st_ino;
}

static void remove_links(void)
{
	static const char *const names[] = { "mem", "null", "file", "zip", "init" };
	char path[PATH_MAX + 20];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/ublk-%s", place, names[i]);
		unlink(path);
	}
}

static void links(void)
{
	char symbolic[PATH_MAX + 4], two[PATH_MAX + 4], other[PATH_MAX + 20];

	snprintf(symbolic, sizeof(symbolic), "-s %s", place);
	snprintf(two, sizeof(two), "%s a", place);
	CHECK_EQ(install_there(place), STATUS_OK);
	CHECK(is_link_to_us("ublk-mem", false) && is_link_to_us("ublk-init", false));
	CHECK_EQ(install_there(place), STATUS_OK);		/* once more */
	remove_links();
	CHECK_EQ(install_there(symbolic), STATUS_OK);
	CHECK(is_link_to_us("ublk-mem", true) && is_link_to_us("ublk-zip", true));
	CHECK_EQ(install_there(symbolic), STATUS_OK);
	remove_links();
	snprintf(other, sizeof(other), "%s/ublk-null", place);
	close(open(other, O_WRONLY | O_CREAT, 0600));
	CHECK_EQ(install_there(place), STATUS_BUSY);		/* it is somebody else's */
	CHECK(told("install ") && told("ublk-null") && is_link_to_us("ublk-mem", false));
	remove_links();
	CHECK_EQ(install_there("/nowhere/at/all"), STATUS_FAILED);
	CHECK_EQ(install_there("-x"), STATUS_USAGE);
	CHECK_EQ(install_there(two), STATUS_USAGE);
	CHECK_EQ(install_there("-s -s"), STATUS_USAGE);
}

/* --- a disk's -------------------------------------------------------------------------------- */

static void help_of_a_disk(void)
{
	CHECK_EQ(run("ublk-null --depth=7 --help"), STATUS_OK);
	CHECK(told("ublk-null ") && told("Options of every disk") && !text_has(text, "(now 7)"));
	CHECK_EQ(run("ublk-zip -h"), STATUS_OK);
	CHECK(told("--member") && told("ublk-zip(8) and ublk(8)"));
	CHECK_EQ(run("ublk-mem -V"), STATUS_OK);
	CHECK_TEXT(text, "ublk unit\n");
}

static void what_is_not_understood(void)
{
	static const struct { const char *words, *told; int status; } rows[] = {
		{ "ublk-null 4M --member=a", "ublk-null has no option --member=a; ublk-zip has", STATUS_USAGE },
		{ "ublk-null 4M --nonsense", "unknown option --nonsense", STATUS_USAGE },
		{ "ublk-null 4M 8M", "what is '8M' for?", STATUS_USAGE },
		{ "ublk-null --size=4M 8M", "what is '8M' for?", STATUS_USAGE },
		{ "ublk-null 4M --depth=0", "--depth", STATUS_USAGE },
		{ "ublk-null 4M --recovery=off --supervise --depth=0", "--depth", STATUS_USAGE },
		{ "ublk-null 4M --nonsense -- true", "unknown option --nonsense", STATUS_OURS },
		{ "ublk-null 4M 8M -- true", "what is '8M' for?", STATUS_OURS },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CHECK_EQ(run(rows[i].words), rows[i].status);
		if (!CHECK(told(rows[i].told)))
			printf("#   %s\n", rows[i].words);
	}
}

static void what_cannot_be_had(void)
{
	calls_fail_times("sigprocmask", 0, 1, EINVAL);
	CHECK_EQ(run("ublk-null 4M"), STATUS_FAILED);
	calls_fail_times("connect", 0, 1, ECONNREFUSED);
	CHECK_EQ(run("ublk-null 4M --log=syslog"), STATUS_FAILED);
	CHECK(told("reach the system log"));
	calls_fail_times("connect", 0, 1, ECONNREFUSED);
	CHECK_EQ(run("ublk-null 4M --log=syslog -- true"), STATUS_OURS);
	calls_fail_times("pipe2", 0, 1, EMFILE);
	CHECK_EQ(run("ublk-null 4M --background"), STATUS_FAILED);
	CHECK(told("make a pipe for --background"));
	calls_fail_times("fork", 0, 1, EAGAIN);
	CHECK_EQ(run("ublk-null 4M --background"), STATUS_FAILED);
	CHECK(told("go to the background"));
}

int main(void)
{
	static const struct test tests[] = {
		{ "it tells what there is", itself },
		{ "it is who it is called", who_it_is },
		{ "what nobody could read is no success", nobody_reads_it },
		{ "it does not begin without what it needs", cannot_begin },
		{ "it installs links to itself, once or again, over nothing else", links },
		{ "disks have their help", help_of_a_disk },
		{ "what is not understood is told, with a status of ours where there is a command", what_is_not_understood },
		{ "what cannot be had before there is a disk", what_cannot_be_had },
	};
	ssize_t n = readlink("/proc/self/exe", place, sizeof(place) - 20);
	int result;

	place[n > 0 ? n : 0] = '\0';
	strcpy(strrchr(place, '/') + 1, "links-XXXXXX");
	CHECK(mkdtemp(place));
	result = check_main(tests, ARRAY_SIZE(tests));
	return result | rmdir(place);
}
