/* SPDX-License-Identifier: MIT */
/* names.h - what an entry is called, in a form that is safe as a path and as a message */
#ifndef APPLETS_ZIP_NAMES_H
#define APPLETS_ZIP_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "applets/zip/archive.h"
#include "applets/zip/extra.h"

/* What the archive has. */
struct raw_name {
	const unsigned char *bytes;
	uint16_t length;
	uint32_t crc;			/* of them */
	bool utf8;			/* it says that they are */
	bool dos;			/* from a system where '\' separates and paths begin with a drive */
	struct extra_field unicode;	/* the same in UTF-8, perhaps */
};

#define CHARACTER_MAX 3		/* bytes of UTF-8 that one of another encoding becomes */

struct name {
	/* with a NUL, and with room for a component before it is known to be too long */
	char path[ARCHIVE_PATH_MAX + 1 + ARCHIVE_NAME_MAX + CHARACTER_MAX];
	uint16_t length;
	bool directory;			/* it ended in a separator */
	bool relative;			/* it was absolute, and is not any more */
};

/* NULL; or what is wrong with the name, for a message about the entry. */
const char *name_clean(struct name *name, const struct raw_name *raw, enum encoding encoding);

/*
 * The first character of @left bytes, one or more, so that it does nothing to a
 * terminal and is told from all others: what could act there is \x1b and so on
 * for each byte, as is what is no UTF-8, and a backslash is two. Returns how
 * many bytes it takes in @one, without NUL; *taken is how many it was.
 */
#define CHARACTER_SHOWN_MAX 4
size_t character_shown(char one[CHARACTER_SHOWN_MAX + 1], const unsigned char *at, size_t left, size_t *taken);

/* A name for messages, in such characters; what is too long is cut. Returns @shown. */
const char *name_shown(char shown[NAME_SHOWN_MAX], const void *bytes, size_t length);

#endif
