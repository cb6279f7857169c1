/* SPDX-License-Identifier: MIT */
/* meta.h - mode, owner and time of an entry, of all that tools of three systems write */
#ifndef APPLETS_ZIP_META_H
#define APPLETS_ZIP_META_H

#include <stdbool.h>
#include <stdint.h>

#include "applets/zip/archive.h"
#include "applets/zip/extra.h"

enum host { HOST_DOS = 0, HOST_UNIX = 3, HOST_NTFS = 10, HOST_VFAT = 14, HOST_MACOS = 19 };

struct raw_meta {
	uint8_t host;			/* the system it was packed on */
	bool directory;			/* its name says that it is one */
	uint16_t time, date;		/* as of DOS */
	uint32_t attributes;		/* DOS's, and above them Unix's mode */
	const struct extra *extra;
};

/* Mode, owner and time of @entry. */
void meta_read(struct entry *entry, const struct raw_meta *raw, const struct archive_policy *policy);

#endif
