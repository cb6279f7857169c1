/* SPDX-License-Identifier: MIT */
/* test_paths.c - files that appear whole or not at all, and descriptors that are there or not */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "core/util.h"
#include "tests/check.h"
#include "tests/unit/calls.h"

static char root[] = "/tmp/ublk-file-XXXXXX", path[64];

static void begin(void)
{
	calls_clear();
	calls_fail_no_more();
}

/* How many files there are. */
static int count(void)
{
	struct file_listing listing;
	int files = 0;

	CHECK_EQ(file_listing_open(&listing, AT_FDCWD, root), 0);
	while (file_listing_next(&listing))
		files++;
	file_listing_close(&listing);
	return files;
}

static void check_contents(const char *text)
{
	char contents[40] = "";

	CHECK(file_read_text(path, contents, sizeof(contents)) >= 0);
	CHECK_TEXT(contents, text);
}

/* --- one that is to be replaced ----------------------------------------------------------- */

static int write_to(struct file_target *target, const char *text)
{
	int fd = file_target_create(target, 0600);

	if (fd < 0)
		return fd;
	CHECK_EQ(file_write_all(fd, text, strlen(text)), 0);
	return close(fd);
}

static int replace(const char *text)
{
	struct file_target target;
	int err = file_target_open(&target, path);

	if (!err)
		err = write_to(&target, text);
	if (!err)
		err = file_target_commit(&target);
	file_target_close(&target);
	file_target_close(&target);
	return err;
}

static void whole_or_not_at_all(void)
{
	static const int without[] = { EOPNOTSUPP, EISDIR, ENOENT };
	struct file_target target;

	begin();
	CHECK_EQ(replace("first"), 0);
	check_contents("first");
	for (size_t i = 0; i < ARRAY_SIZE(without); i++) {	/* no files without a name on this file system */
		calls_fail_times("openat", 0, 1, without[i]);
		CHECK_EQ(replace("second"), 0);
		check_contents("second");
		CHECK_EQ(count(), 1);
	}
	calls_fail_times("openat", 0, 1, EOPNOTSUPP);
	CHECK_EQ(file_target_open(&target, path), 0);
	CHECK_EQ(write_to(&target, "never"), 0);
	CHECK_EQ(count(), 2);					/* under a name of its own */
	file_target_close(&target);
	CHECK_EQ(count(), 1);
	check_contents("second");
	CHECK_EQ(file_target_open(&target, path), 0);
	CHECK_EQ(file_target_remove(&target), 0);
	CHECK_EQ(file_target_remove(&target), -ENOENT);
	CHECK_EQ(count(), 0);
	file_target_close(&target);
}

static void whatever_fails_it_is_as_it_was(void)
{
	static const struct { const char *call; unsigned int times; int error, result; } failures[] = {
		{ "open", 1, EACCES, -EACCES },
		{ "openat", 1, EACCES, -EACCES },
		{ "openat", 2, EOPNOTSUPP, -EOPNOTSUPP },
		{ "fcntl", 1, EMFILE, -EMFILE },
		{ "linkat", 2, EACCES, -EACCES },
		{ "renameat", 1, EACCES, -EACCES },
	};

	begin();
	CHECK_EQ(replace("first"), 0);
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
		calls_fail_times(failures[i].call, 0, failures[i].times, failures[i].error);
		CHECK_EQ(replace("second"), failures[i].result);
		CHECK_EQ(count(), 1);
		check_contents("first");
		calls_fail_no_more();
	}
	calls_fail_times("fsync", 0, 1, EIO);				/* it is there, but for how long? */
	CHECK_EQ(replace("third"), -EIO);
	calls_fail_times("fsync", 0, 1, EINVAL);			/* there is nothing to write on such a file system */
	CHECK_EQ(replace("fourth"), 0);
	calls_fail_times("linkat", 0, 1, ENOENT);		/* without /proc it takes a right, before Linux 6.10 */
	check_contents(replace("fifth") ? "fourth" : "fifth");
	CHECK_EQ(count(), 1);
}

static void interrupted_or_not(void)
{
	static const char *const calls[] = { "open", "openat", "fcntl", "write", "read" };

	begin();
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		calls_fail_times(calls[i], 0, 2, EINTR);
		CHECK_EQ(replace(calls[i]), 0);
		check_contents(calls[i]);
	}
}

static void what_cannot_be_replaced(void)
{
	static char long_path[5000];
	struct file_target target;
	char there[80];

	begin();
	CHECK_EQ(file_target_open(&target, "/tmp/"), -EISDIR);
	CHECK_EQ(file_target_open(&target, root), -EEXIST);
	CHECK_EQ(file_target_open(&target, "/nowhere/at/all"), -ENOENT);
	CHECK_EQ(file_target_open(&target, "/nothing-that-is-there"), 0);
	file_target_close(&target);
	CHECK_EQ(file_target_open(&target, "nothing-that-is-there"), 0);
	file_target_close(&target);
	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[4500] = '/';
	CHECK_EQ(file_target_open(&target, long_path), -ENAMETOOLONG);
	snprintf(there, sizeof(there), "%s/link", root);
	CHECK_EQ(symlink("/nowhere", there), 0);
	CHECK_EQ(file_target_open(&target, there), -EEXIST);
}

/* As another program goes on with it. */
static void what_is_taken_over_must_fit(void)
{
	static const struct { const char *path; int dir; const char *temporary; int result; } rows[] = {
		{ "/a/b", 5, "", 0 }, { "b", 5, ".ublk-1", 0 }, { NULL, -1, "", 0 },
		{ NULL, 5, "", -EPROTO }, { "/a/b", -1, "", -EPROTO }, { "/a/b", 5, "../b", -EPROTO },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct file_target target = { .dir = rows[i].dir };

		snprintf(target.temporary, sizeof(target.temporary), "%s", rows[i].temporary);
		CHECK_EQ(file_target_resume(&target, rows[i].path), rows[i].result);
		if (rows[i].path)
			CHECK_TEXT(target.name, "b");
	}
}

/* --- descriptors ------------------------------------------------------------------------------ */

static bool is_null(int fd)
{
	struct stat st, null;

	return fstat(fd, &st) == 0 && stat("/dev/null", &null) == 0 && st.st_rdev == null.st_rdev;
}

static bool is_there(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* In a process of its own, which may lose its descriptors. */
static bool holds(bool (*claim)(void))
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(!claim());
	waitpid(pid, &status, 0);
	return status == 0;
}

static bool standard_ones_are_filled(void)
{
	close(0);
	close(2);
	return file_fill_standard() == 0 && is_null(0) && is_null(2) && !(fcntl(0, F_GETFD) & FD_CLOEXEC) && is_there(1);
}

static bool without_null_they_are_something(void)
{
	close(1);
	calls_fail_times("open", 0, 1, ENOENT);
	return file_fill_standard() == 0 && is_there(1) && !is_null(1) && write(1, "", 1) < 0;
}

static bool that_they_cannot_be_is_told(void)
{
	bool told;

	close(0);
	calls_fail_times("open", 0, 2, EMFILE);
	told = file_fill_standard() == -EMFILE;
	calls_fail_times("fcntl", 1, 1, EMFILE);	/* behind the look at it */
	return told && file_fill_standard() == -EMFILE;
}

static void the_first_three(void)
{
	CHECK(holds(standard_ones_are_filled));
	CHECK(holds(without_null_they_are_something));
	CHECK(holds(that_they_cannot_be_is_told));
	calls_fail_no_more();
}

static bool null_in_its_place(void)
{
	int fd = memfd_create("test", 0), high = fcntl(fd, F_DUPFD, 50);

	if (file_to_null(fd) || !is_null(fd))
		return false;
	calls_fail_times("open", 0, 2, EMFILE);
	if (file_to_null(high) != -EMFILE)
		return false;
	calls_fail_times("dup2", 0, 1, EBUSY);
	if (file_to_null(high) != -EBUSY || is_null(high))
		return false;
	close(high);
	return file_to_null(high) == 0 && is_null(high);
}

static bool one_that_was_kept(void)
{
	int fd = memfd_create("test", 0);

	file_keep_null();
	calls_fail_times("open", 0, 100, EACCES);	/* as where nothing can be opened any more */
	return file_to_null(fd) == 0 && is_null(fd) && file_to_null(STDIN_FILENO) == 0 && is_null(STDIN_FILENO);
}

static void null_devices(void)
{
	CHECK(holds(null_in_its_place));
	CHECK(holds(one_that_was_kept));
	calls_fail_no_more();
}

static bool what_was_there_is_closed(void)
{
	int ours = memfd_create("with", 0), closed = memfd_create("without", MFD_CLOEXEC), later;

	file_note_inherited();
	later = memfd_create("later", 0);
	file_close_inherited();
	return !is_there(ours) && is_there(closed) && is_there(later) && is_null(0) && is_null(1) && is_there(2);
}

static bool who_cannot_look_closes_nothing(void)
{
	int ours = memfd_create("with", 0);

	calls_fail_times("openat", 0, 1, EACCES);
	file_note_inherited();
	file_close_inherited();
	return is_there(ours);
}

static void what_was_inherited(void)
{
	CHECK(holds(what_was_there_is_closed));
	CHECK(holds(who_cannot_look_closes_nothing));
	calls_fail_no_more();
}

static void failures_of_texts(void)
{
	char text[10];

	begin();
	calls_put("/text", "0123456789");
	snprintf(path, sizeof(path), "%s/text", root);
	CHECK_EQ(file_read_text(path, text, sizeof(text)), 9);
	CHECK_TEXT(text, "012345678");
	calls_fail_times("read", 0, 1, EIO);
	CHECK_EQ(file_read_text(path, text, sizeof(text)), -EIO);
	calls_fail_times("open", 0, 1, EACCES);
	CHECK_EQ(file_read_text(path, text, sizeof(text)), -EACCES);
	calls_fail_times("write", 0, 1, ENOSPC);
	CHECK_EQ(file_write_all(STDERR_FILENO, "", 1), -ENOSPC);
	snprintf(path, sizeof(path), "%s/file", root);
}

int main(void)
{
	static const struct test tests[] = {
		{ "a file is there whole or as it was", whole_or_not_at_all },
		{ "whatever fails, nothing is left", whatever_fails_it_is_as_it_was },
		{ "what is interrupted is done all the same", interrupted_or_not },
		{ "what is no file is not replaced", what_cannot_be_replaced },
		{ "what another program began must fit", what_is_taken_over_must_fit },
		{ "the first three descriptors are always there", the_first_three },
		{ "any descriptor can be null", null_devices },
		{ "what was inherited is let go of, and nothing else", what_was_inherited },
		{ "texts that cannot be read or written", failures_of_texts },
	};
	int result;

	CHECK(mkdtemp(root));
	calls_root(root);
	snprintf(path, sizeof(path), "%s/file", root);
	result = check_main(tests, ARRAY_SIZE(tests));
	calls_clear();
	return result | rmdir(root);
}
