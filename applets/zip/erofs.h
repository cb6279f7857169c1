/* SPDX-License-Identifier: MIT */
/*
 * erofs.h - a tree as an EROFS file system, made while it is read
 *
 * Nothing of the image is stored: an inode, a block of a directory or a file's
 * bytes are made from the tree, or found in the archive, when somebody reads
 * where they would be. The layout is the plain one that every Linux with EROFS
 * mounts: no compression, extended inodes, each file's bytes in one piece. The
 * formats are those of fs/erofs/erofs_fs.h of Linux 7.2.
 *
 *   block 0        the superblock, at byte 1024
 *   .. 8 MiB       zeroes
 *   inodes         64 bytes each: node N of the tree is inode N
 *   directories    blocks of sorted names
 *   .. 64 KiB      zeroes: a page of the kernel's that holds metadata holds no file's bytes, which may be unreadable
 *   data           each file from a block of its own, in the order of the archive
 *   4 MiB          zeroes
 *
 * The zeroes take no space, and are where blkid and udev look for other file
 * systems, RAIDs and partition tables: there is no place where an archive could
 * put the signature of one, and looking for them unpacks nothing.
 */
#ifndef APPLETS_ZIP_EROFS_H
#define APPLETS_ZIP_EROFS_H

#include <stdint.h>

#include "applets/zip/tree.h"

#define EROFS_BLOCK 4096
#define EROFS_LAYOUT 2			/* another number for each change in it: a disk stays what it is under its users */

/* A block of a directory: whose, and which of its names is the first, "." and ".." among them. */
struct listing {
	uint32_t directory, first;
};

struct erofs {
	const struct tree *tree;
	struct listing *listings;
	uint32_t listing_count;
	uint32_t listing_room;
	uint32_t inodes, names, data, end;	/* where these begin, in blocks; end: of the disk */
	unsigned char super[128];
};

/*
 * Give everything in @tree, which must outlive it, its place: sets start, and
 * size of directories. @identity tells archives apart, @label is the volume's
 * name, as much of it as there is room for. To be closed in any case. 0, or
 * -errno after fail() said why.
 */
int erofs_open(struct erofs *erofs, struct tree *tree, uint64_t identity, const char *label);
void erofs_close(struct erofs *erofs);

static inline uint64_t erofs_size(const struct erofs *erofs)
{
	return (uint64_t)erofs->end * EROFS_BLOCK;
}

struct spot {
	enum { SPOT_ZEROES, SPOT_METADATA, SPOT_MEMBER } kind;
	uint32_t node;			/* SPOT_MEMBER: which */
	uint64_t offset;		/* and where in what it unpacks to */
	uint64_t length;		/* bytes for which this holds */
};

/* What is at a place of the disk, which is inside it. */
struct spot erofs_at(const struct erofs *erofs, uint64_t offset);

/* Make a block of metadata: EROFS_BLOCK bytes at @into. */
void erofs_block(const struct erofs *erofs, uint32_t block, unsigned char *into);

#endif
