/* SPDX-License-Identifier: MIT */
/* size.c - sizes in and out */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "core/size.h"
#include "core/text.h"

/* What one unit of @suffix is in bytes, 0 if it is no suffix. */
static uint64_t unit_bytes(const char *suffix)
{
	static const char letters[] = "KMGTPE";
	uint64_t base = 1024, unit = 1;
	const char *letter;

	if (!*suffix || !strcasecmp(suffix, "B"))
		return 1;
	if (!strcasecmp(suffix, "s") || !strcasecmp(suffix, "sector") || !strcasecmp(suffix, "sectors"))
		return 512;
	letter = strchr(letters, *suffix & ~0x20);
	if (!letter || !*letter)
		return 0;
	if (!strcasecmp(suffix + 1, "B"))
		base = 1000;
	else if (suffix[1] && strcasecmp(suffix + 1, "iB"))
		return 0;
	for (long i = 0; i <= letter - letters; i++)
		unit *= base;
	return unit;
}

int size_parse(const char *text, uint64_t *bytes)
{
	uint64_t number, unit;
	int err = text_number(&text, &number);

	if (err)
		return err;
	unit = unit_bytes(text);
	if (!unit)
		return -EINVAL;
	if (__builtin_mul_overflow(number, unit, bytes))
		return -ERANGE;
	return 0;
}

int size_parse_of(const char *text, uint64_t whole, uint64_t *bytes)
{
	const char *at = text;
	uint64_t number;
	int err = text_number(&at, &number);

	if (err || strcmp(at, "%"))
		return size_parse(text, bytes);
	if (number > 100)
		return -ERANGE;
	*bytes = whole / 100 * number + whole % 100 * number / 100;
	return 0;
}

const char *size_text(uint64_t bytes, char text[SIZE_TEXT_MAX])
{
	static const char letters[] = "BKMGTPE";
	unsigned int power = 0;
	uint64_t whole = bytes, tenths = 0;

	while (whole >= 1024) {
		tenths = whole % 1024 * 10 / 1024;
		whole /= 1024;
		power++;
	}
	if (tenths)
		text_format(text, SIZE_TEXT_MAX, "%" PRIu64 ".%" PRIu64 "%c", whole, tenths, letters[power]);
	else
		text_format(text, SIZE_TEXT_MAX, "%" PRIu64 "%c", whole, letters[power]);
	return text;
}
