/* SPDX-License-Identifier: MIT */
/*
 * end.h - the records at the end of an archive, which say where its directory is
 *
 *   [anything] [entries' data] [directory] [zip64 record, zip64 locator] [end record with a comment]
 *   0          base            start       start + size                                             end of file
 *
 * All offsets in an archive count from its base. Where that is nothing says;
 * it follows from the directory's size and offset, and from where it ends.
 */
#ifndef APPLETS_ZIP_END_H
#define APPLETS_ZIP_END_H

#include <stdint.h>

#include "applets/zip/archive.h"

#define LOCAL_SIGNATURE 0x04034b50	/* a local header begins so */
#define ENTRY_SIGNATURE 0x02014b50	/* an entry of the directory */
#define ENTRY_SIZE 46			/* at least */

struct directory {
	uint64_t base, start, size;	/* in the file */
	uint64_t entries;		/* promised, and there is room for them */
};

#define END_SIZE 22
#define END_BUFFER (END_SIZE + UINT16_MAX)	/* an end record with the longest comment */

/* 0, or -errno after fail() said why. @buffer has END_BUFFER bytes. */
int end_find(struct directory *directory, const struct source *source, unsigned char *buffer);

#endif
