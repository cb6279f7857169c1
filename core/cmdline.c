/* SPDX-License-Identifier: MIT */
/* cmdline.c - words, and what they ask for */
#include <errno.h>
#include <string.h>

#include "core/cmdline.h"
#include "core/log.h"
#include "core/text.h"
#include "core/util.h"

#define ID_LIMIT (1U << 20)

char *cmdline_word(char **at)
{
	char *from = *at + strspn(*at, " \t\n"), *to = from, *word = from;
	bool quoted = false;

	for (; *from && (quoted || !strchr(" \t\n", *from)); from++) {
		if (*from == '"')
			quoted = !quoted;
		else
			*to++ = *from;
	}
	*at = from + !!*from;
	if (from == word)
		return NULL;
	*to = '\0';
	return strcmp(word, "--") ? word : NULL;
}

/* What follows @prefix in @word, or NULL. */
static char *behind(char *word, const char *prefix)
{
	size_t length = strlen(prefix);

	return strncmp(word, prefix, length) ? NULL : word + length;
}

static int take_id(struct wanted_disk *disk, const char *value)
{
	uint64_t id;

	if (text_is_number(value, &id) || id >= ID_LIMIT)
		return fail_usage("ublk.%s: '%s' is no number of a device", disk->applet, value);
	disk->id = (uint32_t)id;
	disk->id_given = true;
	return 0;
}

/* An empty word would become "--", which ends options; an empty first one is no size and no source. */
static int take_words(struct wanted_disk *disk, char *list)
{
	unsigned int count = 0;
	int err = 0;

	while (list && !err) {
		char *word = list, *value;

		list = strchr(list, ',');
		if (list)
			*list++ = '\0';
		value = behind(word, "id=");
		if (value)
			err = take_id(disk, value);
		else if (!*word || *word == '=')
			err = fail_usage("ublk.%s: something is missing", disk->applet);
		else if (count == CMDLINE_WORDS - 1)
			err = fail_usage("ublk.%s: '%s' is too much", disk->applet, word);
		else
			disk->words[count++] = word;
	}
	return !err && !count ? fail_usage("ublk.%s: something is missing", disk->applet) : err;
}

static struct wanted_disk *find_id(struct cmdline *c, uint32_t id)
{
	for (unsigned int i = 0; i < c->count; i++)
		if (c->disks[i].id_given && c->disks[i].id == id)
			return &c->disks[i];
	return NULL;
}

static int take_disk(struct cmdline *c, char *name, bool early)
{
	struct wanted_disk disk = { .early = early, .applet = name }, *same;
	char *value = strchr(name, '=');
	int err;

	if (value)
		*value++ = '\0';
	err = take_words(&disk, value);
	if (err)
		return err;
	same = disk.id_given ? find_id(c, disk.id) : NULL;
	if (!same && c->count == CMDLINE_DISKS)
		return fail_usage("ublk.%s: that is one too many", name);
	*(same ? same : &c->disks[c->count++]) = disk;
	return 0;
}

static void take_parameter(struct cmdline *c, const char *word)
{
	size_t used = strlen(c->parameters);

	text_format(c->parameters + used, sizeof(c->parameters) - used, "%s%s", used ? " " : "", word);
}

static int take(struct cmdline *c, char *word, bool early_now)
{
	char *parameter = behind(word, "ublk_drv."), *rest = behind(word, "rd.");
	bool early = rest;

	if (parameter)
		take_parameter(c, parameter);
	rest = behind(early ? rest : word, "ublk");
	if (!rest)
		return 0;
	if (!strcmp(rest, "=off"))
		c->off |= early_now || !early;
	else if (!strcmp(rest, ".debug"))
		c->debug |= early_now || !early;
	else if (*rest == '.')
		return take_disk(c, rest + 1, early);
	return 0;
}

static void number(struct cmdline *c)
{
	for (unsigned int i = 0; i < c->count; i++) {
		struct wanted_disk *disk = &c->disks[i];

		while (!disk->id_given && find_id(c, disk->id))
			disk->id++;
		disk->id_given = true;
	}
}

int cmdline_parse(struct cmdline *c, bool early)
{
	char *at = c->text, *word;
	int first = 0;

	while ((word = cmdline_word(&at))) {
		int err = take(c, word, early);

		first = first ? first : err;
	}
	number(c);
	return first;
}
