/* SPDX-License-Identifier: MIT */
/* test_name.c - what a device may be called, and who says so */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/name.h"
#include "tests/check.h"

static void names_that_are_some(void)
{
	char longest[DEVICE_NAME_MAX + 1] = "";

	CHECK(name_is_valid("scratch"));
	CHECK(name_is_valid("3com"));
	CHECK(name_is_valid("a.b_c+d-e"));
	CHECK(name_is_valid("_"));
	CHECK(name_is_valid("ublk"));
	CHECK(name_is_valid("ublkbook"));
	memset(longest, 'x', DEVICE_NAME_MAX - 1);
	CHECK(name_is_valid(longest));
	longest[DEVICE_NAME_MAX - 1] = 'x';
	CHECK(!name_is_valid(longest));
}

static void names_that_are_none(void)
{
	static const char *const bad[] = {
		"", "3", "0042", "ublkb3", "ublkc3", "ublkb", ".", "..", ".hidden", "-n", "a b", "a/b", "a\nb", "\303\244", "a:b",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK(!name_is_valid(bad[i]));
}

static void held_and_read(void)
{
	char name[DEVICE_NAME_MAX] = "before";
	int three = name_hold("scratch", 3), other;

	CHECK(three >= 0);
	CHECK(name_read(getpid(), 3, name));
	CHECK_TEXT(name, "scratch");
	CHECK(!name_read(getpid(), 4, name));	/* that of another device */
	CHECK(!name_read(getpid(), 33, name));
	CHECK(!name_read(0, 3, name));
	close(three);
	CHECK(!name_read(getpid(), 3, name));
	other = memfd_create("ublk:3:two\nlines", MFD_CLOEXEC);	/* anybody's */
	CHECK(!name_read(getpid(), 3, name));
	CHECK_TEXT(name, "scratch");
	close(other);
}

TESTS(
	{ "letters, digits and some signs are a name", names_that_are_some },
	{ "numbers, nodes, paths and what a terminal or udev may take for something else are none", names_that_are_none },
	{ "a name is held for one device, until it is let go, and may be anybody's", held_and_read }
)
