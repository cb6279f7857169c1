/* SPDX-License-Identifier: MIT */
/*
 * extra.h - the extra fields of an entry
 *
 * Each has a number, a length, and bytes that mean something to those who know
 * the number. Here they are only found.
 */
#ifndef APPLETS_ZIP_EXTRA_H
#define APPLETS_ZIP_EXTRA_H

#include <stddef.h>
#include <stdint.h>

enum extra_kind {
	EXTRA_ZIP64,		/* 0x0001: what 32 bits do not hold */
	EXTRA_NTFS,		/* 0x000a: times of 100 ns */
	EXTRA_PKWARE_UNIX,	/* 0x000d: times, owner, and where a link leads */
	EXTRA_TIME,		/* 0x5455: times, as of Unix */
	EXTRA_UNIX_OLD,		/* 0x5855: times and 16-bit owner */
	EXTRA_UNICODE_PATH,	/* 0x7075: the name in UTF-8, and the checksum of the other one */
	EXTRA_OWNER_16,		/* 0x7855 */
	EXTRA_OWNER,		/* 0x7875: of any width */
	EXTRA_KINDS
};

struct extra_field {
	const unsigned char *bytes;	/* NULL: there is none */
	uint16_t length;
};

struct extra {
	struct extra_field fields[EXTRA_KINDS];		/* the first of each */
};

/* Into the @length @bytes, which must stay. NULL; or what is wrong with them, for a message about the entry. */
const char *extra_find(struct extra *extra, const unsigned char *bytes, size_t length);

#endif
