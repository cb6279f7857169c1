/* SPDX-License-Identifier: MIT */
/* test_watch.c - which changes of a file are noticed, and when it is looked at */
#include <errno.h>
#include <sys/stat.h>

#include "applets/zip/watch.h"
#include "tests/check.h"
#include "tests/unit/said.h"

static char path[] = "/tmp/test_watch.XXXXXX", other[sizeof(path) + 6];
static int fd;
static struct watch watch;
static const struct timespec long_ago[2] = { { .tv_sec = 1000000 }, { .tv_sec = 1000000, .tv_nsec = 5 } };

/* A file of ten bytes that was written long ago, at time 0. */
static void begin(void)
{
	strcpy(path, "/tmp/test_watch.XXXXXX");
	fd = mkstemp(path);
	snprintf(other, sizeof(other), "%s.other", path);
	CHECK_EQ(write(fd, "0123456789", 10), 10);
	CHECK_EQ(futimens(fd, long_ago), 0);
	watch = (struct watch){ 0 };
	CHECK_EQ(watch_begin(&watch, fd, "app.zip"), 0);
	said_nothing();
}

static void end(void)
{
	close(fd);
	unlink(path);
	unlink(other);
}

static void written_in_place(void)
{
	begin();
	CHECK(!watch_changed(&watch, 5));
	CHECK_EQ(pwrite(fd, "x", 1, 3), 1);
	CHECK(watch_changed(&watch, 5 + WATCH_EVERY));
	CHECK(said("app.zip was changed while it is served: it was written to"));
	CHECK(said("--on-change=ignore"));
	CHECK_EQ(said_nothing(), 2);
	CHECK(watch_changed(&watch, 6 + WATCH_EVERY));
	CHECK_EQ(futimens(fd, long_ago), 0);			/* as if nothing had been: too late */
	CHECK(watch_changed(&watch, 10 * WATCH_EVERY));
	CHECK(watch_changed_now(&watch));
	CHECK_EQ(said_nothing(), 0);
	end();
}

static void shorter_and_longer(void)
{
	begin();
	CHECK_EQ(ftruncate(fd, 4), 0);
	CHECK_EQ(futimens(fd, long_ago), 0);
	CHECK(watch_changed(&watch, 0));
	CHECK(said("it had 10 bytes, and has 4"));
	end();
	begin();
	CHECK_EQ(ftruncate(fd, 4), 0);
	CHECK_EQ(ftruncate(fd, 10), 0);				/* zeroes, where there were none */
	CHECK(watch_changed(&watch, 0));
	end();
}

/* A new archive takes the name of this one, which lives on without. */
static void replaced(void)
{
	begin();
	CHECK_EQ(rename(path, other), 0);
	CHECK_EQ(fchmod(fd, 0400), 0);
	CHECK_EQ(unlink(other), 0);
	CHECK(!watch_changed(&watch, WATCH_EVERY));
	CHECK_EQ(pread(fd, other, 1, 0), 1);
	CHECK(!watch_changed_now(&watch));
	CHECK_EQ(said_nothing(), 0);
	end();
}

static void looked_at_once_a_second(void)
{
	begin();
	CHECK(!watch_changed(&watch, 0));
	CHECK_EQ(ftruncate(fd, 4), 0);
	CHECK(!watch_changed(&watch, 1));
	CHECK(!watch_changed(&watch, WATCH_EVERY - 1));
	CHECK(watch_changed(&watch, WATCH_EVERY));
	end();
	begin();
	CHECK(!watch_changed(&watch, 0));
	CHECK_EQ(ftruncate(fd, 4), 0);
	CHECK(watch_changed_now(&watch));
	CHECK(watch_changed(&watch, 1));			/* what is known is known to all */
	CHECK_EQ(said_nothing(), 2);
	end();
}

static void no_file(void)
{
	CHECK_EQ(watch_begin(&watch, -1, "app.zip"), -EBADF);
	CHECK(said("look at app.zip"));
}

TESTS(
	{ "an archive that is written to in place is noticed, said once, and never trusted again", written_in_place },
	{ "so is one that becomes shorter, and one that is as long again afterwards", shorter_and_longer },
	{ "one that is renamed, replaced, deleted or read is not changed", replaced },
	{ "it is looked at once a second, or when something is wrong", looked_at_once_a_second },
	{ "what cannot be looked at is an error at the start", no_file },
)
