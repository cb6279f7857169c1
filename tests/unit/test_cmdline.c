/* SPDX-License-Identifier: MIT */
/* test_cmdline.c - what the kernel's command line asks for */
#include <fcntl.h>
#include <errno.h>

#include "core/cmdline.h"
#include "core/log.h"
#include "tests/check.h"
#include "tests/unit/said.h"

static struct cmdline c;

/* Each is something to begin with for the fuzzer. */
static void leave_seed(const char *text)
{
	const char *dir = getenv("SEEDS_TO");
	static int number;
	char path[400];
	FILE *file;

	if (!dir)
		return;
	snprintf(path, sizeof(path), "%s/%d", dir, number++);
	file = fopen(path, "w");
	if (file) {
		fprintf(file, "\001%s", text);
		fclose(file);
	}
}

static int parse(const char *text, bool early)
{
	leave_seed(text);
	said_nothing();
	memset(&c, 0, sizeof(c));
	snprintf(c.text, sizeof(c.text), "%s", text);
	return cmdline_parse(&c, early);
}

/* All words of disk @i, with blanks between. */
static const char *words(unsigned int i)
{
	static char text[CMDLINE_MAX];
	const struct wanted_disk *disk = &c.disks[i];

	snprintf(text, sizeof(text), "%s%u %s:", disk->early ? "rd." : "", disk->id, disk->applet);
	for (const char *const *word = disk->words; *word; word++) {
		strcat(text, " ");
		strcat(text, *word);
	}
	return text;
}

static void disks_and_their_options(void)
{
	CHECK_EQ(parse("BOOT_IMAGE=/vmlinuz root=/dev/ublkb0 ro ublk.mem=50%,id=3,image=/root.img quiet\n", true), 0);
	CHECK_EQ(c.count, 1);
	CHECK_TEXT(words(0), "3 mem: 50% image=/root.img");
	CHECK(c.disks[0].id_given && !c.disks[0].early && !c.off && !c.debug);
	CHECK_EQ(parse("ublk.file=LABEL=host:/disk.img,ro,offset=1M\tublk.zip=/a.zip,member=root.img ublk.null=4E", false), 0);
	CHECK_EQ(c.count, 3);
	CHECK_TEXT(words(0), "0 file: LABEL=host:/disk.img ro offset=1M");
	CHECK_TEXT(words(1), "1 zip: /a.zip member=root.img");
	CHECK_TEXT(words(2), "2 null: 4E");
}

static void nothing_of_ours(void)
{
	CHECK_EQ(parse("", true), 0);
	CHECK_EQ(parse("   \n", true), 0);
	CHECK_EQ(parse("ublk ublkb.x=1 xublk.mem=1G rd.live ublk_drv rd. quiet", true), 0);
	CHECK_EQ(c.count, 0);
	CHECK_TEXT(c.parameters, "");
	CHECK_EQ(said_nothing(), 0);
}

static void numbers(void)
{
	CHECK_EQ(parse("ublk.mem=1M ublk.mem=2M,id=1 ublk.mem=3M ublk.mem=4M,id=0", true), 0);
	CHECK_EQ(c.count, 4);
	CHECK_TEXT(words(0), "2 mem: 1M");
	CHECK_TEXT(words(1), "1 mem: 2M");
	CHECK_TEXT(words(2), "3 mem: 3M");
	CHECK_TEXT(words(3), "0 mem: 4M");
}

static void the_last_of_a_number(void)
{
	CHECK_EQ(parse("ublk.mem=1M,id=7,ro ublk.null=2M ublk.file=/x,id=7", true), 0);
	CHECK_EQ(c.count, 2);
	CHECK_TEXT(words(0), "7 file: /x");
	CHECK_TEXT(words(1), "0 null: 2M");
}

static void quotes_and_the_end(void)
{
	CHECK_EQ(parse("\"ublk.file=/a b\" ublk.file=\"/c  d\",ro x=\"ublk.null=1\" -- ublk.mem=1G", true), 0);
	CHECK_EQ(c.count, 2);
	CHECK_TEXT(words(0), "0 file: /a b");
	CHECK_TEXT(words(1), "1 file: /c  d ro");
	CHECK_EQ(parse("ublk.file=\"/a b", true), 0);	/* the kernel takes it so, too */
	CHECK_TEXT(words(0), "0 file: /a b");
}

static void for_the_initramfs(void)
{
	CHECK_EQ(parse("rd.ublk.mem=1M ublk.mem=2M rd.ublk=off", false), 0);
	CHECK_EQ(c.count, 2);
	CHECK_TEXT(words(0), "rd.0 mem: 1M");
	CHECK_TEXT(words(1), "1 mem: 2M");
	CHECK(!c.off);
	CHECK_EQ(parse("rd.ublk=off rd.ublk.debug", true), 0);
	CHECK(c.off && c.debug);
	CHECK_EQ(parse("ublk=off ublk.debug", false), 0);
	CHECK(c.off && c.debug);
	CHECK_EQ(parse("ublk=on", false), 0);
	CHECK(!c.off);
}

static void parameters_of_the_module(void)
{
	CHECK_EQ(parse("ublk_drv.ublks_max=256 x ublk_drv.other=\"a b\"", true), 0);
	CHECK_TEXT(c.parameters, "ublks_max=256 other=a b");
	CHECK_EQ(c.count, 0);
}

static void what_makes_no_sense(void)
{
	static const char *const bad[] = {
		"ublk.mem", "ublk.mem=", "ublk.mem=,ro", "ublk.mem=1G,", "ublk.mem=1G,,ro", "ublk.mem=1G,=x", "ublk.mem=id=3",
		"ublk.mem=1G,id=", "ublk.mem=1G,id=x", "ublk.mem=1G,id=1048576", "ublk.mem=1G,id=-1", "ublk.",
		"ublk.mem=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char text[200];

		CHECK_EQ(parse(bad[i], true), -EUSAGE);
		CHECK(said_nothing() > 0);
		CHECK_EQ(c.count, 0);
		snprintf(text, sizeof(text), "%s ublk.null=1G", bad[i]);	/* the rest is there */
		CHECK_EQ(parse(text, true), -EUSAGE);
		CHECK_EQ(c.count, 1);
		CHECK_TEXT(words(0), "0 null: 1G");
	}
}

static void too_many(void)
{
	char text[2000] = "";

	for (int i = 0; i < CMDLINE_DISKS; i++)
		strcat(text, "ublk.null=1G ");
	CHECK_EQ(parse(text, true), 0);
	CHECK_EQ(c.count, CMDLINE_DISKS);
	CHECK_EQ(c.disks[CMDLINE_DISKS - 1].id, CMDLINE_DISKS - 1);
	strcat(text, "ublk.null=1G");
	CHECK_EQ(parse(text, true), -EUSAGE);
	CHECK_EQ(c.count, CMDLINE_DISKS);
}

TESTS(
	{ "disks are asked for with what they are made of, and with options", disks_and_their_options },
	{ "what only looks alike asks for nothing", nothing_of_ours },
	{ "disks without a number get the lowest that nobody asks for, in their order", numbers },
	{ "of several disks with the same number the last is meant", the_last_of_a_number },
	{ "quotes keep blanks, and what follows -- is somebody else's", quotes_and_the_end },
	{ "what begins with rd. counts in an initramfs, and for the numbers elsewhere", for_the_initramfs },
	{ "parameters of the module are collected", parameters_of_the_module },
	{ "what makes no sense is said, and the rest is taken", what_makes_no_sense },
	{ "there is a limit to the number of disks", too_many }
)
