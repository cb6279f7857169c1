/* SPDX-License-Identifier: MIT */
/*
 * fuzz_names.c - any bytes as a name: two that choose the rules, then the name and what else it may be called
 *
 * fuzz: -max_len=1000
 * brief: 700000
 */
#include <locale.h>
#include <stdint.h>

#include "applets/zip/crc32.h"
#include "applets/zip/names.h"
#include "tests/fuzz/names_clean.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	HOLDS(setlocale(LC_CTYPE, "C.UTF-8"));
	return 0;
}

/* In memory of this length, so that whoever reads on is seen. */
static unsigned char *copy(const uint8_t *bytes, size_t length)
{
	unsigned char *to = malloc(length ? length : 1);

	HOLDS(to);
	return memcpy(to, bytes, length);
}

/* A field that is about @raw, in memory of its own length. */
static struct extra_field unicode_for(const struct raw_name *raw, const uint8_t *name, size_t length)
{
	unsigned char *bytes = malloc(5 + length);

	HOLDS(bytes);
	bytes[0] = 1;
	for (int i = 0; i < 4; i++)
		bytes[1 + i] = (unsigned char)(raw->crc >> 8 * i);
	memcpy(bytes + 5, name, length);
	return (struct extra_field){ .bytes = bytes, .length = (uint16_t)(5 + length) };
}

static void show(const void *bytes, size_t length)
{
	char shown[NAME_SHOWN_MAX];

	name_shown(shown, bytes, length);
	length = strnlen(shown, sizeof(shown));
	HOLDS(length < sizeof(shown));
	name_is_utf8(shown, length);
	for (size_t i = 0; i < length; i++)
		HOLDS((unsigned char)shown[i] >= 0x20 && shown[i] != 0x7f);
}

/* What is clean stays as it is. */
static void again(const struct name *name)
{
	static struct name second;
	struct raw_name raw = { .bytes = (const unsigned char *)name->path, .length = name->length };

	if (!name->length)
		return;
	HOLDS(!name_clean(&second, &raw, ENCODING_RAW));
	HOLDS(second.length == name->length && !memcmp(second.path, name->path, name->length));
	HOLDS(!second.relative && !second.directory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct name name;
	enum encoding encoding;
	struct raw_name raw;
	size_t first;

	if (size < 2)
		return 0;
	encoding = data[0] % (ENCODING_RAW + 1);
	first = (size - 2) * (data[1] & 15) / 15;
	raw = (struct raw_name){ .length = (uint16_t)first, .utf8 = data[1] & 0x10, .dos = data[1] & 0x20 };
	raw.bytes = copy(data + 2, first);
	raw.crc = crc32_add(0, raw.bytes, first);
	if (data[1] & 0x40)
		raw.unicode = unicode_for(&raw, data + 2 + first, size - 2 - first);
	show(raw.bytes, first);
	if (!name_clean(&name, &raw, encoding)) {
		name_is_clean(name.path, name.length);
		if (encoding != ENCODING_RAW)
			name_is_utf8(name.path, name.length);
		again(&name);
	}
	free((void *)raw.bytes);
	free((void *)raw.unicode.bytes);
	return 0;
}
