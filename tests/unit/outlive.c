/* SPDX-License-Identifier: MIT */
/* outlive.c - see outlive.h */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/outlive.h"

#define VARIABLE "OUTLIVES"		/* the descriptor of the memory, and where it is */
#define PLACE 0x200000000000UL		/* a wish: far away from what the kernel and sanitizers choose */
#define ALL (1UL << 30)
#define HEAD (64UL << 10)
#define ASIDE 900			/* descriptors of the program are below */

static struct memory {
	size_t used;
	struct part {
		char name[16];
		size_t at;
	} parts[8];
} *memory;

static void make(void)
{
	int fd = fcntl(memfd_create("outlives", 0), F_DUPFD, ASIDE);
	char text[64];

	if (fd < 0 || ftruncate(fd, ALL) < 0)
		abort();
	memory = mmap((void *)PLACE, ALL, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		abort();
	memory->used = HEAD;
	snprintf(text, sizeof(text), "%d:%lx", fd, (unsigned long)memory);
	setenv(VARIABLE, text, 1);
}

static void find(const char *text)
{
	char *end;
	int fd = (int)strtol(text, &end, 10);
	void *place = (void *)strtoul(end + 1, NULL, 16);

	memory = mmap(place, ALL, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0);
	if (memory != place)
		abort();
}

static bool another;

void *outlive_get(const char *name, size_t size)
{
	struct part *part;

	another |= !memory && getenv(VARIABLE);
	if (!memory && another)
		find(getenv(VARIABLE));
	else if (!memory)
		make();
	for (part = memory->parts; *part->name && strcmp(part->name, name); part++)
		;
	if (!*part->name) {
		strcpy(part->name, name);
		part->at = memory->used;
		memory->used += (size + 4095) & ~4095UL;
	}
	return (char *)memory + part->at;
}

bool outlive_is_another(void)
{
	return another;
}
