/* SPDX-License-Identifier: MIT */
/* test_opt.c - option tables */
#include <errno.h>
#include <fcntl.h>

#include "core/log.h"
#include "core/opt.h"
#include "core/text.h"
#include "core/util.h"
#include "tests/check.h"
#include "tests/unit/said.h"

struct wishes {
	bool flag, clear;
	int count, choice, maybe;
	uint32_t number;
	uint64_t size, memory;
	const char *text, *optional;
};

static const char *const colours[] = { "red", "green", "blue", NULL };

static const struct opt rows[] = {
	OPT_FLAG('f', "flag", struct wishes, flag, "a flag"),
	OPT_CLEAR(0, "no-clear", struct wishes, clear, "clear it"),
	OPT_COUNT('v', "verbose", struct wishes, count, "more"),
	OPT_U32('n', "number", struct wishes, number, 3, 10, "a number"),
	OPT_SIZE('s', "size", struct wishes, size, "a size"),
	OPT_MEMORY('m', "memory", struct wishes, memory, "a part of memory"),
	OPT_TEXT('t', "text", struct wishes, text, "WORD", "a word of which this explanation is so long that it needs another line"),
	OPT_END
};

static const struct opt more[] = {
	OPT_TEXT_OPTIONAL('o', "optional", struct wishes, optional, "WORD", "implied", "maybe a word"),
	OPT_CHOICE('c', "colour", struct wishes, choice, colours, "WHICH", "one of them"),
	OPT_CHOICE_OPTIONAL(0, "colour-maybe", struct wishes, maybe, colours, "WHICH", "green", "one of them"),
	OPT_END
};

static struct wishes wishes;
static const struct opt_table tables[] = { { "First", rows, &wishes }, { "Second", more, &wishes }, { NULL, NULL, NULL } };
static struct opt_words words;
static char *argv[20];

/* Parse these words. */
#define PARSE(...) parse((const char *const[]){ __VA_ARGS__, NULL })

static int parse(const char *const *given)
{
	int n = 0;

	wishes = (struct wishes){ .clear = true, .number = 5, .choice = -1, .maybe = -1, .size = 4096 };
	said_nothing();
	for (; given[n]; n++)
		argv[n] = (char *)(uintptr_t)given[n];
	argv[n] = NULL;
	return opt_parse(tables, argv, &words);
}

static void every_type(void)
{
	CHECK_EQ(PARSE("--flag", "--no-clear", "-v", "--number=7", "--size=2K", "--text=abc", "--colour=blue"), 0);
	CHECK(wishes.flag && !wishes.clear);
	CHECK_EQ(wishes.count, 1);
	CHECK_EQ(wishes.number, 7);
	CHECK_EQ(wishes.size, 2048);
	CHECK_TEXT(wishes.text, "abc");
	CHECK_EQ(wishes.choice, 2);
	CHECK_EQ(words.count, 0);
	CHECK_EQ(PARSE("-m", "50%"), 0);
	CHECK(wishes.memory > 0);
}

static void mixed_with_words(void)
{
	CHECK_EQ(PARSE("one", "--flag", "two", "-n", "4", "-", "three"), 0);
	CHECK_EQ(words.count, 4);
	CHECK_TEXT(words.words[0], "one");
	CHECK_TEXT(words.words[1], "two");
	CHECK_TEXT(words.words[2], "-");
	CHECK_TEXT(words.words[3], "three");
	CHECK(!words.words[4] && !words.command);
	CHECK(wishes.flag && wishes.number == 4);
}

static void clusters(void)
{
	CHECK_EQ(PARSE("-vvfv"), 0);
	CHECK(wishes.count == 3 && wishes.flag);
	CHECK_EQ(PARSE("-fs1G"), 0);
	CHECK(wishes.flag && wishes.size == 1ULL << 30);
	CHECK_EQ(PARSE("-vs", "3K", "word"), 0);
	CHECK(wishes.count == 1 && wishes.size == 3072 && words.count == 1);
	CHECK_EQ(PARSE("-hV"), 0);
	CHECK(words.help && words.version);
	CHECK_EQ(PARSE("--help", "--version"), 0);
	CHECK(words.help && words.version);
}

static void shortened(void)
{
	CHECK_EQ(PARSE("--num", "9"), 0);
	CHECK_EQ(wishes.number, 9);
	CHECK_EQ(PARSE("--opt"), 0);
	CHECK_TEXT(wishes.optional, "implied");
	CHECK_EQ(PARSE("--colour=red"), 0);			/* the whole name beats the longer one */
	CHECK(wishes.choice == 0 && wishes.maybe == -1);
	CHECK_EQ(PARSE("--colour-=red"), 0);
	CHECK_EQ(wishes.maybe, 0);
	CHECK_EQ(PARSE("--col=red"), -EUSAGE);
	CHECK(said("could mean several"));
}

static void values_left_out(void)
{
	CHECK_EQ(PARSE("--optional", "word"), 0);		/* only "=" gives it one */
	CHECK_TEXT(wishes.optional, "implied");
	CHECK_EQ(words.count, 1);
	CHECK_EQ(PARSE("--optional=x", "-o"), 0);
	CHECK_TEXT(wishes.optional, "implied");
	CHECK_EQ(PARSE("-ox"), 0);
	CHECK_TEXT(wishes.optional, "x");
	CHECK_EQ(PARSE("--colour-maybe"), 0);
	CHECK_EQ(wishes.maybe, 1);
	CHECK_EQ(PARSE("--text="), 0);
	CHECK_TEXT(wishes.text, "");
	CHECK_EQ(PARSE("--text", "--flag"), 0);			/* a value may look like an option */
	CHECK_TEXT(wishes.text, "--flag");
}

static void two_dashes(void)
{
	CHECK_EQ(PARSE("word", "--flag", "--", "cmd", "--size", "-x"), 0);
	CHECK_EQ(words.count, 1);
	CHECK(words.command && !strcmp(words.command[0], "cmd") && !strcmp(words.command[2], "-x") && !words.command[3]);
	CHECK(!words.words[1]);
	CHECK_EQ(PARSE("--"), 0);
	CHECK(words.command && !words.command[0] && !words.count);
}

static void mistakes(void)
{
	CHECK_EQ(PARSE("--bogus"), -ENOENT);
	CHECK_TEXT(words.unknown, "--bogus");
	CHECK_EQ(said_nothing(), 0);				/* the caller knows better what to say */
	CHECK_EQ(PARSE("-vq"), -ENOENT);
	CHECK_TEXT(words.unknown, "-vq");
	CHECK_EQ(PARSE("--bogus=3"), -ENOENT);
	CHECK_EQ(PARSE("--flag=yes"), -EUSAGE);
	CHECK(said("takes no value"));
	CHECK_EQ(PARSE("--text"), -EUSAGE);
	CHECK(said("needs a value"));
	CHECK_EQ(PARSE("-s"), -EUSAGE);
	CHECK_EQ(PARSE("--number=2"), -EUSAGE);
	CHECK_EQ(PARSE("--number=11"), -EUSAGE);
	CHECK_EQ(PARSE("--number=99999999999999999999"), -EUSAGE);
	CHECK(said("is 3 to 10"));
	CHECK_EQ(PARSE("--number=4294967301"), -EUSAGE);		/* 2^32 + 5 */
	CHECK_EQ(PARSE("--number="), -EUSAGE);
	CHECK_EQ(PARSE("--number=five"), -EUSAGE);
	CHECK_EQ(wishes.number, 5);
	CHECK_EQ(PARSE("--size=1X"), -EUSAGE);
	CHECK_EQ(PARSE("--size=50%"), -EUSAGE);
	CHECK_EQ(PARSE("--size=16E"), -EUSAGE);
	CHECK(said("more than there can be"));
	CHECK_EQ(PARSE("--colour=gren"), -EUSAGE);
	CHECK(said("red, green, blue"));
	CHECK_EQ(PARSE("--flag", "--bogus", "--number=9"), -ENOENT);	/* the first one counts */
	CHECK_EQ(wishes.number, 5);
}

static void by_name(void)
{
	CHECK_EQ(PARSE("x"), 0);
	CHECK_EQ(opt_assign(tables, "colour", "green"), 0);
	CHECK_EQ(wishes.choice, 1);
	CHECK_EQ(opt_assign(tables, "colou", "green"), -EUSAGE);
	CHECK(opt_find(rows, "size") == &rows[4]);
	CHECK(!opt_find(rows, "siz"));
	CHECK(!opt_find(NULL, "size"));
}

/* What opt_help() prints. */
static const char *help(void)
{
	static char text[8192];
	FILE *file = tmpfile();
	int saved;
	size_t n;

	fflush(stdout);
	saved = dup(STDOUT_FILENO);
	dup2(fileno(file), STDOUT_FILENO);
	opt_help(tables);
	text_out_flush();
	dup2(saved, STDOUT_FILENO);
	close(saved);
	rewind(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	text[n] = '\0';
	fclose(file);
	return text;
}

static void help_tells_defaults(void)
{
	const char *text;

	wishes = (struct wishes){ .number = 7, .size = 1536, .text = "abc", .choice = 1, .maybe = -1, .memory = 0 };
	text = help();
	CHECK(strstr(text, "First:\n -f, --flag                  a flag\n"));
	CHECK(strstr(text, " -n, --number=N              a number (default 7)\n"));
	CHECK(strstr(text, "a size (default 1.5K)\n"));
	CHECK(strstr(text, "(default abc)\n"));
	CHECK(strstr(text, "Second:\n -o, --optional[=WORD]       maybe a word\n"));
	CHECK(strstr(text, " -c, --colour=WHICH          one of them (default green)\n"));
	CHECK(strstr(text, "     --colour-maybe[=WHICH]  one of them\n"));
	CHECK(strstr(text, "a part of memory\n"));
	CHECK(strstr(text, " -h, --help"));
	wishes.number = 0;					/* out of range: not given */
	CHECK(strstr(help(), "a number\n"));
}

static void help_fits_80_columns(void)
{
	const char *at = help();

	while (*at) {
		size_t length = strcspn(at, "\n");

		CHECK(length < 80);
		at += length + (at[length] == '\n');
	}
	CHECK(strstr(help(), "\n                             "));	/* something was broken, and goes on below itself */
}

TESTS(
	{ "each type of option fills in its member", every_type },
	{ "options and words may be mixed", mixed_with_words },
	{ "letters in clusters, a value behind the last", clusters },
	{ "long names may be shortened as long as they are unambiguous", shortened },
	{ "a value that may be left out is taken from '=' only", values_left_out },
	{ "what follows '--' is a command", two_dashes },
	{ "each mistake is refused, and only unknown options are left to the caller", mistakes },
	{ "rows are found by their whole names", by_name },
	{ "--help shows defaults from the struct", help_tells_defaults },
	{ "--help fits 80 columns", help_fits_80_columns },
)
