/* SPDX-License-Identifier: MIT */
/* volume.c - what is on block devices */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "applets/ctl/boot.h"
#include "applets/ctl/volume.h"
#include "core/file.h"
#include "core/log.h"
#include "core/text.h"
#include "core/util.h"

#define LINKS "/dev/disk/by-"
#define HEAD (68U << 10)	/* bytes of a device that tell all that is asked here */

/* Where file systems have their marks, and where what they are called by. Sizes of 0: nowhere. */
static const struct kind {
	char type[9];
	uint8_t magic_size, uuid_size, label_size;
	uint32_t magic_at, uuid_at, label_at;
	char magic[8];
} kinds[] = {
	{ "ext4", 2, 16, 16, 0x438, 0x468, 0x478, "\x53\xef" },		/* and 2 and 3 */
	{ "xfs", 4, 16, 12, 0, 32, 108, "XFSB" },
	{ "btrfs", 8, 16, 255, 0x10040, 0x10020, 0x1012b, "_BHRfS_M" },
	{ "erofs", 4, 16, 16, 0x400, 0x430, 0x440, "\xe2\xe1\xf5\xe0" },
	{ "squashfs", 4, 0, 0, 0, 0, 0, "hsqs" },
	{ "vfat", 5, 4, 11, 82, 67, 71, "FAT32" },
	{ "vfat", 4, 4, 11, 54, 39, 43, "FAT1" },
	{ "iso9660", 5, 0, 32, 0x8001, 0, 0x8028, "CD001" },
};

/* --- what is on a device ------------------------------------------------------------- */

static const struct kind *kind_of(const char *head)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!memcmp(head + kinds[i].magic_at, kinds[i].magic, kinds[i].magic_size))
			return &kinds[i];
	return NULL;
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* @text is hexadecimal, with dashes anywhere. What FAT has is a number, and so the other way round. */
static bool same_uuid(const char *text, const unsigned char *uuid, unsigned int size)
{
	unsigned int count = 0;

	for (; *text; text++) {
		unsigned char byte = uuid[size == 4 ? 3 - count / 2 % 4 : count / 2 % 16];

		if (*text == '-')
			continue;
		if (count == 2 * size || digit(*text) != (count % 2 ? byte & 15 : byte >> 4))
			return false;
		count++;
	}
	return size && count == 2 * size;
}

static bool same_label(const char *text, const char *label, unsigned int size)
{
	size = (unsigned int)strnlen(label, size);
	while (size && label[size - 1] == ' ')
		size--;
	return size && size == strlen(text) && !memcmp(text, label, size);
}

static bool matches(const struct kind *kind, const char *head, const char *word)
{
	if (!strncmp(word, "LABEL=", 6))
		return same_label(word + 6, head + kind->label_at, kind->label_size);
	return !strncmp(word, "UUID=", 5) && same_uuid(word + 5, (const unsigned char *)head + kind->uuid_at, kind->uuid_size);
}

/* What is at the beginning of @node. A short one is zeroes from its end on. */
static bool read_head(const char *node, char *head)
{
	int fd = RETRY(open(node, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
	ssize_t n;

	if (fd < 0)
		return false;
	memset(head, 0, HEAD);
	n = RETRY(read(fd, head, HEAD));
	close(fd);
	return n > 0;
}

/* --- which device it is ---------------------------------------------------------------- */

bool volume_is_named(const char *word)
{
	return !strncmp(word, "LABEL=", 6) || !strncmp(word, "UUID=", 5) || !strncmp(word, "PARTUUID=", 9);
}

/* What udev finds out by itself the kernel tells in newer releases: 6.16 does, 6.12 does not. */
static bool is_partition(const char *word, const char *name, char *text)
{
	char path[80], line[DEVICE_PATH_MAX];

	text_format(path, sizeof(path), "/sys/class/block/%s/uevent", name);
	text_format(line, sizeof(line), "%s", word);
	for (char *at = strchr(line, '='); at && *at; at++)	/* as the kernel writes it */
		*at |= *at >= 'A' && *at <= 'F' ? 32 : 0;
	text_format(line + strlen(line), sizeof(line) - (unsigned int)strlen(line), "\n");
	return !boot_read_text(path, text, HEAD) && text_has(text, line);
}

/* Floppies are left out: one that is not there takes seconds. */
static int look_at_all(const char *word, char *head, char *node)
{
	struct file_listing listing;
	const char *entry;
	int err = -ENODEV;

	if (file_listing_open(&listing, AT_FDCWD, "/sys/class/block") < 0)
		return err;
	while (err && (entry = file_listing_next(&listing))) {
		const struct kind *kind;

		text_format(node, DEVICE_PATH_MAX, "/dev/%s", entry);
		if (!strncmp(entry, "fd", 2))
			continue;
		if (*word == 'P')
			err = is_partition(word, entry, head) ? 0 : -ENODEV;
		else if (read_head(node, head) && (kind = kind_of(head)))
			err = matches(kind, head, word) ? 0 : -ENODEV;
	}
	file_listing_close(&listing);
	return err;
}

/* What udev has made a link to, as "../../sda1". */
static bool find_link(const char *word, char *node)
{
	char path[DEVICE_PATH_MAX], target[DEVICE_PATH_MAX], *at = path + strlen(LINKS);
	ssize_t n;

	text_format(path, sizeof(path), LINKS);
	for (bool named = false; *word && at < path + sizeof(path) - 5; word++) {
		char c = named ? *word : *word == '=' ? '/' : (char)(*word | 32);

		named |= *word == '=';
		at += text_format(at, 5, named && c == ' ' ? "\\x20" : "%c", c);
	}
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return false;
	target[n] = '\0';
	at = strrchr(target, '/');
	text_format(node, DEVICE_PATH_MAX, "/dev%s", at ? at : target);
	return at;
}

int volume_find(const char *word, char node[DEVICE_PATH_MAX])
{
	char *head;
	int err;

	if (!volume_is_named(word)) {
		text_format(node, DEVICE_PATH_MAX, "%s", word);
		return access(node, F_OK) < 0 ? -ENODEV : 0;
	}
	if (find_link(word, node))
		return 0;
	if (access("/run/udev/control", F_OK) == 0)	/* it has its reasons, such as that there is a RAID on it */
		return -ENODEV;
	head = pages_get(HEAD);
	err = head ? look_at_all(word, head, node) : -ENOMEM;
	pages_free(head, HEAD);
	return err;
}

/* --- mount it ---------------------------------------------------------------------------- */

static void make_directories(const char *dir)
{
	char path[DEVICE_PATH_MAX];

	for (const char *at = dir + 1; *at; at++) {
		at += strcspn(at, "/");
		text_format(path, sizeof(path), "%.*s", (int)(at - dir), dir);
		mkdir(path, 0755);
		at -= !*at;
	}
}

static const char *type_of(const char *node)
{
	char *head = pages_get(HEAD);
	const struct kind *kind = head && read_head(node, head) ? kind_of(head) : NULL;

	pages_free(head, HEAD);
	return kind ? kind->type : NULL;
}

int volume_mount(const char *node, const char *dir, const char *type, unsigned long flags, const char *options)
{
	int err;

	if (!type)
		type = type_of(node);
	if (!type)
		return fail_plain(-EINVAL, "there is no file system known here on %s", node);
	make_directories(dir);
	if (mount(node, dir, type, flags, options) == 0)
		return 0;
	err = fail(-errno, "mount %s at %s as %s", node, dir, type);
	return err == -ENODEV ? -EOPNOTSUPP : err;	/* the kernel has no such file system: waiting does not help */
}
