/* SPDX-License-Identifier: MIT */
/*
 * fuzz_words.c - any word as a size, a number, a list of CPUs, a name, a mount point, or an address to notify
 *
 * What is understood can be said again, and then means the same. The first byte says what it is taken for.
 *
 * fuzz: -max_len=200
 * brief: 1500000
 */
#include <inttypes.h>
#include <stdint.h>
#include <string.h>

#include "core/affinity.h"
#include "core/notify.h"
#include "core/proc.h"
#include "core/resident.h"
#include "core/size.h"
#include "core/text.h"
#include "tests/fuzz/names_clean.h"

static const char *linked;		/* what somebody called a file in memory */

static bool fake_find_link(pid_t pid, const char *prefix, char *text, size_t limit)
{
	size_t length = strlen(prefix);

	(void)pid;
	if (strncmp(linked, prefix, length))
		return false;
	text_format(text, limit, "%s", linked + length);
	return true;
}

#define proc_find_link fake_find_link
#include "core/name.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void as_size(const char *word)
{
	uint64_t bytes, again, part, number;
	const char *at = word;
	char text[32];

	if (!size_parse(word, &bytes)) {
		HOLDS(!text_number(&at, &number));
		HOLDS(number ? bytes >= number && bytes % number == 0 : !bytes);	/* so many of something */
		text_format(text, sizeof(text), "%" PRIu64, bytes);
		HOLDS(!size_parse(text, &again) && again == bytes);
		HOLDS(!size_parse_of(word, 1000, &again) && again == bytes);
		HOLDS(strlen(size_text(bytes, text)) < SIZE_TEXT_MAX);
	}
	if (!size_parse_of(word, UINT64_MAX, &part) && strchr(word, '%'))
		HOLDS(!size_parse_of(word, 100, &again) && again <= 100);
}

static void as_number(const char *word)
{
	uint64_t number, again;
	const char *at = word;
	char text[32];

	if (!text_number(&at, &number))
		HOLDS(at > word && at <= word + strlen(word));
	if (text_is_number(word, &number))
		return;
	text_format(text, sizeof(text), "%" PRIu64, number);
	HOLDS(!text_is_number(text, &again) && again == number);
}

static void as_cpus(const char *word)
{
	cpu_set_t cpus, again;
	char text[8192];

	if (affinity_parse(word, &cpus))
		return;
	HOLDS(CPU_COUNT(&cpus) > 0);
	affinity_text(&cpus, text, sizeof(text));
	HOLDS(!affinity_parse(text, &again) && CPU_EQUAL(&cpus, &again));
	affinity_text(&cpus, text, 16);
	HOLDS(strlen(text) < 16);
	HOLDS(affinity_choose(&cpus, &cpus, NULL, &again) && CPU_EQUAL(&cpus, &again));
}

static void as_name(const char *word)
{
	char name[DEVICE_NAME_MAX];
	uint64_t number;

	linked = word;
	if (name_read(1, 7, name))
		HOLDS(name_is_valid(name));
	if (!name_is_valid(word))
		return;
	HOLDS(*word && strlen(word) < DEVICE_NAME_MAX && !strpbrk(word, "/ \t\n\"\\%") && text_is_number(word, &number));
}

static void as_mount(const char *word)
{
	char text[256];

	text_format(text, sizeof(text), "%s", word);
	proc_unescape(text);
	HOLDS(strlen(text) <= strlen(word));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *word;

	if (!size)
		return 0;
	word = malloc(size);			/* of its length, so that whoever reads on is seen */
	memcpy(word, data + 1, size - 1);
	word[size - 1] = '\0';
	switch (data[0] % 8) {
	case 0:
	case 1: as_size(word); break;
	case 2: as_number(word); break;
	case 3:
	case 4: as_cpus(word); break;
	case 5: as_name(word); break;
	case 6: as_mount(word); break;
	case 7: resident_score_is_valid(word); break;
	}
	free(word);
	return 0;
}
