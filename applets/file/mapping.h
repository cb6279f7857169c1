/* SPDX-License-Identifier: MIT */
/*
 * mapping.h - a file that is in memory anyway, mapped
 *
 * So that its bytes are copied once on their way, as those of ublk-mem. A bit
 * for each page says that the page is known to be there: to read a hole
 * through a mapping would fill it, and to write to one could fail in a way
 * that tells nothing. Safe from every queue at once. If others punch holes
 * meanwhile, reading fills them again; nothing else happens.
 */
#ifndef APPLETS_FILE_MAPPING_H
#define APPLETS_FILE_MAPPING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/backend.h"

struct mapping {
	int fd;
	char *base;			/* of byte 0 of the file; NULL: not mapped */
	uint64_t size;			/* bytes, whole pages */
	_Atomic uint64_t *present;	/* a bit for each page */
	uint64_t map_size;		/* bytes of the bits */
};

/* The first @size bytes of @fd. If that cannot be, or what is there cannot be asked for, nothing is mapped, and all is as before. */
void mapping_open(struct mapping *mapping, int fd, uint64_t size, bool writable);
void mapping_close(struct mapping *mapping);

/* Where a read or write of @length bytes at @offset of the file goes. */
struct place mapping_where(struct mapping *mapping, enum op op, uint64_t offset, uint32_t length);
/* Pages of this range are about to go. */
void mapping_forget(struct mapping *mapping, uint64_t offset, uint64_t length);

#endif
