/* SPDX-License-Identifier: MIT */
/*
 * fuzz_options.c - any words as a command line: the first byte is the disk, and each line a word
 *
 * fuzz: -max_len=400
 * brief: 500000
 */
#include <stdint.h>
#include <unistd.h>

#include "core/run.c"

#include "core/affinity.h"
#include "core/file.h"
#include "core/name.h"
#include "tests/fuzz/names_clean.h"

extern const struct applet applet_mem, applet_null, applet_file, applet_zip;
const struct applet *const applets[] = { &applet_mem, &applet_null, &applet_file, &applet_zip, NULL };

/* Nothing is served. */
int keeper_main(const struct spec *unused)
{
	(void)unused;
	return 0;
}

/* No driver is asked. */
int root_recovery(const struct spec *unused)
{
	(void)unused;
	return RECOVERY_OFF;
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --help is printed, and nobody wants to see it. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	HOLDS(file_to_null(STDOUT_FILENO) == 0);
	return 0;
}

static void makes_sense(const struct spec *spec)
{
	cpu_set_t cpus;

	HOLDS(spec->depth >= 1 && spec->depth <= 4096 && spec->queues <= 4096);
	HOLDS(spec->id == ID_ANY || spec->id < 1U << 20);
	HOLDS(spec->sector_size == SECTOR_ANY || (spec->sector_size >= 512 && spec->sector_size <= 4096));
	HOLDS(spec->max_io <= 32 << 20 && spec->max_io % 4096 == 0);
	HOLDS(spec->io_mode >= IO_AUTO && spec->io_mode < IO_MODES && spec->recovery >= RECOVERY_OFF && spec->recovery <= RECOVERY_FAIL);
	HOLDS(!spec->name || name_is_valid(spec->name));
	HOLDS(spec->stop_timeout >= 1 && spec->stop_timeout <= 86400 && spec->poll <= 1000000);
	HOLDS(!strcmp(spec->cpu_affinity, "auto") || !strcmp(spec->cpu_affinity, "none") || !affinity_parse(spec->cpu_affinity, &cpus));
	HOLDS(!spec->command || *spec->command);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char words[512];		/* stays, as what an applet keeps points into it */
	char *argv[64];
	struct opt_words parsed;
	struct spec spec;
	int count = 0, err;

	if (!size || size > sizeof(words))
		return 0;
	memcpy(words, data + 1, size - 1);
	words[size - 1] = '\0';
	for (char *word = words; word && count < 63; word = strchr(word, '\n')) {
		if (*word == '\n')
			*word++ = '\0';
		argv[count++] = word;
	}
	argv[count] = NULL;
	spec_init(&spec, applets[data[0] % 4]);
	err = parse_disk(applets[data[0] % 4], "ublk-disk", argv, &spec, &parsed);
	HOLDS(err == 0 || err == -EUSAGE);
	if (!err && !parsed.help && !parsed.version)
		makes_sense(&spec);
	return 0;
}
