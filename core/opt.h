/* SPDX-License-Identifier: MIT */
/*
 * opt.h - options are rows of a table
 *
 * The table is the parser, the text of --help, and the list that
 * tests/unit/help-matches-man.sh compares with the manual page. A row names
 * the member of the target struct that it fills; the default is whatever the
 * member held before, and --help prints it from there.
 */
#ifndef CORE_OPT_H
#define CORE_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum opt_type {
	OPT_TYPE_END,
	OPT_TYPE_FLAG,		/* bool */
	OPT_TYPE_CLEAR,		/* bool, set to false */
	OPT_TYPE_COUNT,		/* int, one more each time */
	OPT_TYPE_U32,		/* uint32_t within min and max */
	OPT_TYPE_SIZE,		/* uint64_t bytes */
	OPT_TYPE_MEMORY,	/* uint64_t bytes, or N% of the machine's memory */
	OPT_TYPE_TEXT,		/* const char *, into argv */
	OPT_TYPE_CHOICE,	/* int, index into choices */
};

/* As small as it can be: there are many. */
struct opt {
	uint8_t type;			/* enum opt_type */
	char letter;			/* 0: long only */
	uint16_t offset;
	uint32_t min;			/* OPT_TYPE_U32 */
	const char *name;		/* and behind its NUL what opt_arg() and opt_about() return */
	union {
		uint32_t max;			/* OPT_TYPE_U32 */
		const char *const *choices;	/* OPT_TYPE_CHOICE, NULL ends it */
	};
	const char *implied;		/* the value when "=VALUE" is left out; NULL: it must be there */
};

#define OPT_ROW(t, l, n, s, m, a, h, lo, more, i) \
	{ .type = OPT_TYPE_##t, .letter = l, .offset = offsetof(s, m), .min = lo, .name = n "\0" a "\0" h, more, .implied = i }

#define OPT_FLAG(l, n, s, m, h)    OPT_ROW(FLAG, l, n, s, m, "", h, 0, .max = 0, NULL)
#define OPT_CLEAR(l, n, s, m, h)   OPT_ROW(CLEAR, l, n, s, m, "", h, 0, .max = 0, NULL)
#define OPT_COUNT(l, n, s, m, h)   OPT_ROW(COUNT, l, n, s, m, "", h, 0, .max = 0, NULL)
#define OPT_U32(l, n, s, m, lo, hi, h) OPT_ROW(U32, l, n, s, m, "N", h, lo, .max = hi, NULL)
#define OPT_U32_OPTIONAL(l, n, s, m, lo, hi, i, h) OPT_ROW(U32, l, n, s, m, "N", h, lo, .max = hi, i)
#define OPT_SIZE(l, n, s, m, h)    OPT_ROW(SIZE, l, n, s, m, "SIZE", h, 0, .max = 0, NULL)
#define OPT_MEMORY(l, n, s, m, h)  OPT_ROW(MEMORY, l, n, s, m, "SIZE|N%", h, 0, .max = 0, NULL)
#define OPT_TEXT(l, n, s, m, a, h) OPT_ROW(TEXT, l, n, s, m, a, h, 0, .max = 0, NULL)
#define OPT_CHOICE(l, n, s, m, c, a, h) OPT_ROW(CHOICE, l, n, s, m, a, h, 0, .choices = c, NULL)
/* --name alone means --name=implied. */
#define OPT_CHOICE_OPTIONAL(l, n, s, m, c, a, i, h) OPT_ROW(CHOICE, l, n, s, m, a, h, 0, .choices = c, i)
#define OPT_MEMORY_OPTIONAL(l, n, s, m, i, h) OPT_ROW(MEMORY, l, n, s, m, "SIZE|N%", h, 0, .max = 0, i)
#define OPT_TEXT_OPTIONAL(l, n, s, m, a, i, h) OPT_ROW(TEXT, l, n, s, m, a, h, 0, .max = 0, i)
#define OPT_END { .type = OPT_TYPE_END }

/* Rows, the struct that they fill, and the heading over them in --help. */
struct opt_table {
	const char *heading;
	const struct opt *rows;		/* NULL: no more tables */
	void *target;
};

struct opt_words {
	char **words;			/* what is no option, in order, NULL-terminated; into argv */
	int count;
	char **command;			/* what follows "--", NULL if there is no "--" */
	const char *unknown;		/* the option that no table knows, as written, when -ENOENT */
	const char *watched;		/* in: an option's long name */
	bool seen;			/* out: it was there */
	bool (*elsewhere)(const char *word);	/* in: is "--name[=...]" an option of another program of ours? NULL: there is none */
	bool help, version;		/* --help and --version are known everywhere */
};

/*
 * Sort @argv (NULL-terminated, reordered in place) into the tables' targets
 * and @words. Options and words may be mixed; a long name may be shortened as
 * long as it is unambiguous. Returns 0; -EUSAGE after saying what is wrong;
 * -ENOENT for an option that nobody here knows, said by nobody yet.
 */
int opt_parse(const struct opt_table *tables, char **argv, struct opt_words *words);

/* Give the row @name of @tables the value @value, as "--name=value" would. */
int opt_assign(const struct opt_table *tables, const char *name, const char *value);

/* What the value of @opt is called; NULL: it takes none. And the text for --help. */
const char *opt_arg(const struct opt *opt);
const char *opt_about(const struct opt *opt);

/* The row called @name, or NULL. */
const struct opt *opt_find(const struct opt *rows, const char *name);

/* The option part of --help, on stdout, at most 80 columns. */
void opt_help(const struct opt_table *tables);

#endif
