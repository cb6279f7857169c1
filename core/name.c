/* SPDX-License-Identifier: MIT */
/* name.c - names of devices, as names of memory files */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "core/name.h"
#include "core/proc.h"
#include "core/text.h"
#include "core/util.h"

#define FORMAT "ublk:%" PRIu32 ":"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"
#define DELETED " (deleted)"	/* what /proc shows behind the name of every memory file */

static bool is_number(const char *text)
{
	return !text[strspn(text, DIGITS)];
}

bool name_is_valid(const char *name)
{
	bool node = !strncmp(name, "ublkb", 5) || !strncmp(name, "ublkc", 5);

	return strlen(name) < DEVICE_NAME_MAX && !name[strspn(name, LETTERS DIGITS "._+-")] &&
	       *name != '.' && *name != '-' && !is_number(node ? name + 5 : name);
}

int name_hold(const char *name, uint32_t id)
{
	char text[DEVICE_NAME_MAX + 32];
	int fd;

	text_format(text, sizeof(text), FORMAT "%s", id, name);
	fd = memfd_create(text, MFD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* What is read may be anybody's. */
bool name_read(pid_t keeper, uint32_t id, char name[DEVICE_NAME_MAX])
{
	char prefix[32], text[DEVICE_NAME_MAX + sizeof(DELETED)];
	size_t length;

	text_format(prefix, sizeof(prefix), "/memfd:" FORMAT, id);
	if (!keeper || !proc_find_link(keeper, prefix, text, sizeof(text)))
		return false;
	length = strlen(text);
	if (length < strlen(DELETED) || strcmp(text + length - strlen(DELETED), DELETED))
		return false;
	text[length - strlen(DELETED)] = '\0';
	if (!name_is_valid(text))
		return false;
	strcpy(name, text);
	return true;
}
