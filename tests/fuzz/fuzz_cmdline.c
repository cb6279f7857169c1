/* SPDX-License-Identifier: MIT */
/*
 * fuzz_cmdline.c - any text as the kernel's command line; the first byte says whether it is an initramfs
 *
 * fuzz: -max_len=600
 * brief: 500000
 */
#include <stdint.h>
#include <string.h>

#include "core/cmdline.h"
#include "core/log.h"
#include "tests/fuzz/names_clean.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool lies_in(const struct cmdline *c, const char *word)
{
	return word >= c->text && word < c->text + sizeof(c->text);
}

/* What becomes a command's words: none empty, so that none is the "--" that ends options. */
static void makes_sense(const struct cmdline *c, const struct wanted_disk *disk)
{
	unsigned int count = 0;

	HOLDS(disk->id_given && disk->id < (1U << 20) + CMDLINE_DISKS);
	HOLDS(lies_in(c, disk->applet) && !strchr(disk->applet, '='));
	for (; disk->words[count]; count++) {
		HOLDS(count < CMDLINE_WORDS - 1);
		HOLDS(lies_in(c, disk->words[count]) && *disk->words[count] && *disk->words[count] != '=');
		HOLDS(!strchr(disk->words[count], ',') && strncmp(disk->words[count], "id=", 3));
	}
	HOLDS(count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct cmdline c;
	int err;

	if (!size || size > sizeof(c.text))
		return 0;
	memset(&c, 0, sizeof(c));
	memcpy(c.text, data + 1, size - 1);
	err = cmdline_parse(&c, *data & 1);
	HOLDS(err == 0 || err == -EUSAGE);
	HOLDS(c.count <= CMDLINE_DISKS && strlen(c.parameters) < sizeof(c.parameters));
	for (unsigned int i = 0; i < c.count; i++) {
		makes_sense(&c, &c.disks[i]);
		for (unsigned int j = 0; j < i; j++)
			HOLDS(c.disks[i].id != c.disks[j].id);
	}
	return 0;
}
