/* SPDX-License-Identifier: MIT */
/* test_log.c - one line, one write, and who hears it */
#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "core/log.h"
#include "tests/check.h"
#include "tests/unit/calls.h"

/* What is written to standard error by @speak, one read per write. */
static const char *heard(void (*speak)(void))
{
	static char text[4096];
	int pipe_fds[2], saved = dup(STDERR_FILENO);
	ssize_t n;

	if (pipe(pipe_fds) < 0)
		return "";
	dup2(pipe_fds[1], STDERR_FILENO);
	close(pipe_fds[1]);
	speak();
	dup2(saved, STDERR_FILENO);
	close(saved);
	n = read(pipe_fds[0], text, sizeof(text) - 1);
	text[n < 0 ? 0 : n] = '\0';
	close(pipe_fds[0]);
	return text;
}

static int returned;

static void say_fail(void) { returned = fail(-ENOENT, "open %s", "x"); }
static void say_plain(void) { returned = fail_plain(-EIO, "it is %d", 3); }
static void say_usage(void) { returned = fail_usage("no"); }
static void say_long(void) { fail(-EIO, "%03000d", 1); }
static void say_hostile(void) { fail_plain(-EBUSY, "in use by \033[2Jx\303\251\302\233\r\n\377"); }
static void say_all(void) { remedy("r"); warn("w"); note("n"); info("i"); trace("t"); }

static void lines(void)
{
	log_name("ublk-mem");
	CHECK_TEXT(heard(say_fail), "ublk-mem: cannot open x: No such file or directory\n");
	CHECK_EQ(returned, -ENOENT);
	log_device(3);
	CHECK_TEXT(heard(say_plain), "ublk-mem[3]: it is 3\n");
	CHECK_EQ(returned, -EIO);
	log_device(-1);
	CHECK_TEXT(heard(say_usage), "ublk-mem: no\nublk-mem: Try 'ublk-mem --help'\n");
	CHECK_EQ(returned, -EUSAGE);
}

static void long_lines(void)
{
	const char *line = heard(say_long);

	CHECK_EQ(strlen(line), 1023);
	CHECK_EQ(line[1022], '\n');
}

static void others_names(void)
{
	CHECK_TEXT(heard(say_hostile), "ublk-mem: in use by ?[2Jx\303\251?????\n");
}

static void levels(void)
{
	static const char *const wanted[] = {
		"p: r\n", "p: r\np: warning: w\np: n\n", "p: r\np: warning: w\np: n\np: i\n",
		"p: r\np: warning: w\np: n\np: i\np: t\n",
	};

	log_name("p");
	for (int level = LOG_SILENT; level <= LOG_TRACE; level++) {
		log_level = level;
		CHECK_TEXT(heard(say_all), wanted[level + 1]);
	}
	log_level = LOG_NORMAL;
}

static int evaluated;
static void say_costly(void) { info("%d", ++evaluated); trace("%d", ++evaluated); }

static void silence_is_free(void)
{
	heard(say_costly);
	CHECK_EQ(evaluated, 0);
}

/* --- other places ------------------------------------------------------------------- */

static char root[] = "/tmp/ublk-log-XXXXXX";
static int syslog;

/* A system log and a kernel's log of the test's own. */
static void make_logs(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	CHECK(mkdtemp(root));
	calls_root(root);
	calls_put("/dev/kmsg", "");
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/dev/log", root);
	syslog = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	CHECK_EQ(bind(syslog, (struct sockaddr *)&address, sizeof(address)), 0);
}

static const char *heard_by_syslog(void)
{
	static char text[1000];
	ssize_t n = recv(syslog, text, sizeof(text) - 1, 0);

	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static const char *heard_by_kernel(void)
{
	static char text[1000];
	char path[40];
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "%s/dev/kmsg", root);
	file = fopen(path, "r");
	n = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[n] = '\0';
	return text;
}

/* What is said once stays said: in a process of its own. What that says on standard error. */
static const char *heard_of_child(void (*speak)(void))
{
	static char text[1000];
	int ends[2];
	ssize_t n;
	pid_t pid;

	if (pipe(ends) < 0)
		return "";
	pid = fork();
	if (!pid) {
		dup2(ends[1], STDERR_FILENO);
		log_name("p");
		speak();
		_exit(0);
	}
	close(ends[1]);
	waitpid(pid, NULL, 0);
	n = read(ends[0], text, sizeof(text) - 1);
	text[n < 0 ? 0 : n] = '\0';
	close(ends[0]);
	return text;
}

static void say_to_syslog(void)
{
	if (log_open(LOG_TO_SYSLOG))
		return;
	say_plain();
	log_leave_stderr();		/* it has long been left */
	say_usage();
}

static void say_to_kernel(void)
{
	if (log_open(LOG_TO_KMSG) == 0)
		say_plain();
}

static void leave(void) { log_leave_stderr(); say_plain(); }
static void leave_prepared(void)
{
	log_prepare_leave();
	calls_fail_times("socket", 0, 1, EACCES);	/* as where nothing can be opened any more */
	leave();
}
static void leave_to_kernel(void) { log_leave_to_kernel(); leave(); }

static void other_places(void)
{
	calls_fail_times("open", 0, 1, EINTR);
	CHECK_TEXT(heard_of_child(say_to_kernel), "");
	CHECK_TEXT(heard_by_kernel(), "<27>p: it is 3\n");
	CHECK_TEXT(heard_of_child(say_to_syslog), "");
	CHECK_TEXT(heard_by_syslog(), "<27>p: it is 3");
	CHECK_TEXT(heard_by_syslog(), "<27>p: no");
	CHECK_TEXT(heard_by_syslog(), "<27>p: Try 'p --help'");
}

static void not_there(void)
{
	calls_fail_times("open", 0, 1, EACCES);
	CHECK_TEXT(heard_of_child(say_to_kernel), "p: cannot open /dev/kmsg for --log=kmsg: Permission denied\n");
	calls_fail_times("connect", 0, 1, ECONNREFUSED);
	CHECK(strstr(heard_of_child(say_to_syslog), "cannot reach the system log"));
	calls_fail_times("socket", 0, 1, EMFILE);
	CHECK(strstr(heard_of_child(say_to_syslog), "start a syslog daemon"));
}

static void standard_error_is_left(void)
{
	CHECK_TEXT(heard_of_child(leave), "");
	CHECK_TEXT(heard_by_syslog(), "<27>p: it is 3");
	CHECK_TEXT(heard_of_child(leave_prepared), "");
	CHECK_TEXT(heard_by_syslog(), "<27>p: it is 3");
	calls_fail_no_more();
	CHECK_TEXT(heard_of_child(leave_to_kernel), "");
	CHECK_TEXT(heard_by_kernel(), "<27>p: it is 3\n");
	calls_fail_times("connect", 0, 1, ECONNREFUSED);
	CHECK_TEXT(heard_of_child(leave), "p: it is 3\n");	/* nobody else would hear it */
}

static void interrupted(void)
{
	calls_fail_times("write", 0, 1, EINTR);
	CHECK_TEXT(heard_of_child(say_plain), "p: it is 3\n");
	calls_fail_times("write", 0, 1, EIO);
	CHECK_TEXT(heard_of_child(say_plain), "");		/* and that is all */
}

static char hooked[100];
static void take_line(int priority, const char *line) { snprintf(hooked, sizeof(hooked), "%d %s", priority, line); }

static void somebody_takes_it(void)
{
	log_hook = take_line;
	CHECK_TEXT(heard(say_fail), "");
	log_hook = NULL;
	CHECK_TEXT(hooked, "3 cannot open x: No such file or directory");
}

int main(void)
{
	static const struct test tests[] = {
		{ "an error is one line: who, what, why; and comes back to the caller", lines },
		{ "a line that is too long is cut, not its end", long_lines },
		{ "what a terminal might obey, in the name of something, is a question mark", others_names },
		{ "each level lets its own messages through", levels },
		{ "what nobody hears is not even evaluated", silence_is_free },
		{ "the system log and the kernel's take lines with their priority", other_places },
		{ "or are not there, which is told", not_there },
		{ "in the background standard error is left for another place", standard_error_is_left },
		{ "a line is written once more when it was interrupted, and no other time", interrupted },
		{ "somebody else may take all lines", somebody_takes_it },
	};
	int result;

	make_logs();
	result = check_main(tests, sizeof(tests) / sizeof(tests[0]));
	calls_clear();
	return result | rmdir(root);
}
