/* SPDX-License-Identifier: MIT */
/* opt.c - option tables: parse them, print them */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/sysinfo.h>

#include "core/log.h"
#include "core/opt.h"
#include "core/size.h"
#include "core/text.h"
#include "core/util.h"

#define HELP_COLUMN 29	/* where the explanation begins */
#define HELP_WIDTH 80

/* What stands behind @text. */
static const char *behind(const char *text)
{
	return text + strlen(text) + 1;
}

const char *opt_arg(const struct opt *opt)
{
	const char *arg = behind(opt->name);

	return *arg ? arg : NULL;
}

const char *opt_about(const struct opt *opt)
{
	return behind(behind(opt->name));
}

static void *member(const struct opt_table *table, const struct opt *opt)
{
	return (char *)table->target + opt->offset;
}

static uint64_t machine_memory(void)
{
	struct sysinfo si;

	return sysinfo(&si) < 0 ? 0 : (uint64_t)si.totalram * si.mem_unit;
}

static int assign_number(const struct opt *opt, uint32_t *to, const char *value)
{
	uint64_t number;
	int err = text_is_number(value, &number);

	if (err == -EINVAL)
		return fail_usage("--%s takes a whole number, not '%s'", opt->name, value);
	if (err || number < opt->min || number > opt->max)
		return fail_usage("--%s is %" PRIu32 " to %" PRIu32 ", not %s",
				  opt->name, opt->min, opt->max, value);
	*to = (uint32_t)number;
	return 0;
}

static int assign_size(const struct opt *opt, uint64_t *to, const char *value)
{
	int err = opt->type == OPT_TYPE_MEMORY ? size_parse_of(value, machine_memory(), to)
					       : size_parse(value, to);

	if (err == -ERANGE)
		return fail_usage("--%s: '%s' is more than there can be", opt->name, value);
	if (err)
		return fail_usage("--%s: '%s' is no size; sizes are 4096, 512K, 1G, 1GB%s", opt->name, value,
				  opt->type == OPT_TYPE_MEMORY ? " or 50%" : "");
	if (!*to && opt->type == OPT_TYPE_MEMORY)	/* which would mean that it was not given */
		return fail_usage("--%s needs a size that is not 0", opt->name);
	return 0;
}

static int assign_choice(const struct opt *opt, int *to, const char *value)
{
	char list[160] = "";

	for (int i = 0; opt->choices[i]; i++) {
		if (!strcmp(opt->choices[i], value)) {
			*to = i;
			return 0;
		}
		strncat(list, i ? ", " : "", sizeof(list) - strlen(list) - 1);
		strncat(list, opt->choices[i], sizeof(list) - strlen(list) - 1);
	}
	return fail_usage("--%s is one of %s, not '%s'", opt->name, list, value);
}

static int assign(const struct opt_table *table, const struct opt *opt, const char *value)
{
	void *to = member(table, opt);

	switch (opt->type) {
	case OPT_TYPE_FLAG:
		*(bool *)to = true;
		return 0;
	case OPT_TYPE_CLEAR:
		*(bool *)to = false;
		return 0;
	case OPT_TYPE_COUNT:
		++*(int *)to;
		return 0;
	case OPT_TYPE_TEXT:
		*(const char **)to = value;
		return 0;
	case OPT_TYPE_U32:
		return assign_number(opt, to, value);
	case OPT_TYPE_SIZE:
	case OPT_TYPE_MEMORY:
		return assign_size(opt, to, value);
	case OPT_TYPE_CHOICE:
		return assign_choice(opt, to, value);
	case OPT_TYPE_END:
		break;
	}
	return -EUSAGE;
}

const struct opt *opt_find(const struct opt *rows, const char *name)
{
	for (; rows && rows->type != OPT_TYPE_END; rows++)
		if (!strcmp(rows->name, name))
			return rows;
	return NULL;
}

int opt_assign(const struct opt_table *tables, const char *name, const char *value)
{
	for (; tables->rows; tables++) {
		const struct opt *opt = opt_find(tables->rows, name);

		if (opt)
			return assign(tables, opt, value);
	}
	return -EUSAGE;
}

/* A row and the table it stands in. */
struct match {
	const struct opt_table *table;
	const struct opt *opt;
	int count;			/* rows that the name could mean */
};

static struct match match_long(const struct opt_table *tables, const char *name, size_t length)
{
	struct match match = { 0 };

	for (; tables->rows; tables++) {
		for (const struct opt *opt = tables->rows; opt->type != OPT_TYPE_END; opt++) {
			if (strncmp(opt->name, name, length))
				continue;
			if (!opt->name[length])		/* the whole name beats any longer one */
				return (struct match){ tables, opt, 1 };
			if (!match.count++) {
				match.table = tables;
				match.opt = opt;
			}
		}
	}
	return match;
}

static struct match match_letter(const struct opt_table *tables, char letter)
{
	for (; tables->rows; tables++)
		for (const struct opt *opt = tables->rows; opt->type != OPT_TYPE_END; opt++)
			if (opt->letter && opt->letter == letter)
				return (struct match){ tables, opt, 1 };
	return (struct match){ 0 };
}

/* "--name", "--name=value" or "--name value". @next is the word after it; says in *@used whether it took it. */
static int parse_long(const struct opt_table *tables, char *word, char *next, bool *used, struct opt_words *words)
{
	const char *name = word + 2;
	const char *value = strchr(name, '=');
	size_t length = value ? (size_t)(value - name) : strlen(name);
	struct match match = match_long(tables, name, length);

	if (!match.count && !value && !strcmp(name, "help")) {
		words->help = true;
		return 0;
	}
	if (!match.count && !value && !strcmp(name, "version")) {
		words->version = true;
		return 0;
	}
	if (match.count && match.opt->name[length] && words->elsewhere && words->elsewhere(word))
		match.count = 0;	/* no short form of ours, but the whole name of another's */
	if (!match.count) {
		words->unknown = word;
		return -ENOENT;
	}
	if (words->watched && !strcmp(match.opt->name, words->watched))
		words->seen = true;
	if (match.count > 1)
		return fail_usage("'%s' could mean several options; write it out", word);
	if (value && !opt_arg(match.opt))
		return fail_usage("--%s takes no value", match.opt->name);
	if (value)
		return assign(match.table, match.opt, value + 1);
	if (!opt_arg(match.opt))
		return assign(match.table, match.opt, NULL);
	if (match.opt->implied)
		return assign(match.table, match.opt, match.opt->implied);
	if (!next)
		return fail_usage("--%s needs a value: %s", match.opt->name, opt_arg(match.opt));
	*used = true;
	return assign(match.table, match.opt, next);
}

/* "-v", "-vv", "-s1G" or "-s 1G" */
static int parse_letters(const struct opt_table *tables, char *word, char *next, bool *used,
			 struct opt_words *words)
{
	for (char *at = word + 1; *at; at++) {
		struct match match = match_letter(tables, *at);
		int err;

		if (!match.count && (*at == 'h' || *at == 'V')) {
			*(*at == 'h' ? &words->help : &words->version) = true;
			continue;
		}
		if (!match.count) {
			words->unknown = word;
			return -ENOENT;
		}
		if (words->watched && !strcmp(match.opt->name, words->watched))
			words->seen = true;
		if (!opt_arg(match.opt)) {
			err = assign(match.table, match.opt, NULL);
			if (err)
				return err;
			continue;
		}
		if (at[1])
			return assign(match.table, match.opt, at + 1);
		if (match.opt->implied)
			return assign(match.table, match.opt, match.opt->implied);
		if (!next)
			return fail_usage("-%c needs a value: %s", *at, opt_arg(match.opt));
		*used = true;
		return assign(match.table, match.opt, next);
	}
	return 0;
}

int opt_parse(const struct opt_table *tables, char **argv, struct opt_words *words)
{
	int kept = 0, err = 0;

	*words = (struct opt_words){ .words = argv, .watched = words->watched, .elsewhere = words->elsewhere };
	for (int i = 0; argv[i] && !err; i++) {
		bool used = false;

		if (!strcmp(argv[i], "--")) {
			words->command = argv + i + 1;
			break;
		}
		if (argv[i][0] != '-' || !argv[i][1])	/* "-" alone is a word: standard input */
			argv[kept++] = argv[i];
		else if (argv[i][1] == '-')
			err = parse_long(tables, argv[i], argv[i + 1], &used, words);
		else
			err = parse_letters(tables, argv[i], argv[i + 1], &used, words);
		i += used;
	}
	argv[kept] = NULL;	/* at most the "--" or what has been read already */
	words->count = kept;
	return err;
}

/* The default as --help shows it, or nothing when it says nothing. */
static void default_text(const struct opt_table *table, const struct opt *opt, char *text, size_t limit)
{
	const void *at = member(table, opt);
	char size[SIZE_TEXT_MAX];

	*text = '\0';
	switch (opt->type) {
	case OPT_TYPE_U32:	/* what is outside the range stands for "not given" */
		if (*(const uint32_t *)at >= opt->min && *(const uint32_t *)at <= opt->max)
			text_format(text, limit, " (default %" PRIu32 ")", *(const uint32_t *)at);
		break;
	case OPT_TYPE_SIZE:
	case OPT_TYPE_MEMORY:
		if (*(const uint64_t *)at && *(const uint64_t *)at != UINT64_MAX)	/* which stand for "not given" */
			text_format(text, limit, " (default %s)", size_text(*(const uint64_t *)at, size));
		break;
	case OPT_TYPE_TEXT:
		if (*(const char *const *)at)
			text_format(text, limit, " (default %s)", *(const char *const *)at);
		break;
	case OPT_TYPE_CHOICE:
		if (*(const int *)at >= 0)
			text_format(text, limit, " (default %s)", opt->choices[*(const int *)at]);
		break;
	case OPT_TYPE_FLAG:
	case OPT_TYPE_CLEAR:
	case OPT_TYPE_COUNT:
	case OPT_TYPE_END:
		break;
	}
}

/* @text from HELP_COLUMN on, broken between words; the cursor stands at @column. */
static void print_wrapped(const char *text, int column)
{
	if (column >= HELP_COLUMN) {
		text_out("\n");
		column = 0;
	}
	while (*text) {
		int length = (int)strcspn(text, " ");

		if (column < HELP_COLUMN)
			column += text_out("%*s", HELP_COLUMN - column, "");
		else if (column + 1 + length > HELP_WIDTH - 1) {
			text_out("\n");
			column = text_out("%*s", HELP_COLUMN, "");
		} else
			column += text_out(" ");
		column += text_out("%.*s", length, text);
		text += length + (text[length] == ' ');
	}
	text_out("\n");
}

static void help_row(const struct opt_table *table, const struct opt *opt)
{
	char text[400], fallback[64];
	const char *arg = opt_arg(opt);
	int column;

	column = opt->letter ? text_out(" -%c, --%s", opt->letter, opt->name) : text_out("     --%s", opt->name);
	if (arg)
		column += text_out(opt->implied ? "[=%s]" : "=%s", arg);
	default_text(table, opt, fallback, sizeof(fallback));
	text_format(text, sizeof(text), "%s%s", opt_about(opt), fallback);
	print_wrapped(text, column);
}

void opt_help(const struct opt_table *tables)
{
	for (; tables->rows; tables++) {
		if (tables->rows->type == OPT_TYPE_END)
			continue;
		text_out("\n%s:\n", tables->heading);
		for (const struct opt *opt = tables->rows; opt->type != OPT_TYPE_END; opt++)
			help_row(tables, opt);
	}
	text_out("\n");
	print_wrapped("show this help", text_out(" -h, --help"));
	print_wrapped("show the version", text_out(" -V, --version"));
}
