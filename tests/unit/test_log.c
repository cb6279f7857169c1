/* SPDX-License-Identifier: MIT */
/* test_log.c - one line, one write, and who hears it */
#include <errno.h>

#include "core/log.h"
#include "tests/check.h"

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

TESTS(
	{ "an error is one line: who, what, why; and comes back to the caller", lines },
	{ "a line that is too long is cut, not its end", long_lines },
	{ "what a terminal might obey, in the name of something, is a question mark", others_names },
	{ "each level lets its own messages through", levels },
	{ "what nobody hears is not even evaluated", silence_is_free },
)
