/* SPDX-License-Identifier: MIT */
/* erofs.c - where everything is in the image, and what its metadata looks like */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "applets/zip/erofs.h"
#include "core/log.h"
#include "core/util.h"

#define BLOCK_SHIFT 12
#define GUARD (8U << 20 >> BLOCK_SHIFT)		/* blkid's probes of the beginning end at 4 MiB */
#define TAIL (4U << 20 >> BLOCK_SHIFT)		/* those of the end begin 1.6 MB before it */
#define WHOLE (64U << 10 >> BLOCK_SHIFT)	/* the largest page: what is read with a directory shall be no file's */
#define INODE 64
#define INODES (EROFS_BLOCK / INODE)
#define DIRENT 12
#define SUPER 1024

#define MAGIC 0xe0f5e1e2U
#define COMPAT_CHECKSUM 1U
#define COMPAT_MTIME 2U
#define INODE_EXTENDED 1U			/* and the layout, in the bits above, is 0: plain */
#define LABEL 15

static void put16(unsigned char *at, uint16_t value)
{
	for (int i = 0; i < 2; i++)
		at[i] = (unsigned char)(value >> 8 * i);
}

static void put32(unsigned char *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (unsigned char)(value >> 8 * i);
}

static void put64(unsigned char *at, uint64_t value)
{
	put32(at, (uint32_t)value);
	put32(at + 4, (uint32_t)(value >> 32));
}

/* --- what is in a directory ------------------------------------------------------------- */

struct name {
	const char *bytes;
	uint32_t length;
	uint32_t node;
};

/* How many children go before @name. */
static uint32_t children_before(const struct tree *tree, const struct node *directory, const char *name)
{
	uint32_t low = 0, high = directory->children;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct node *child = &tree->nodes[tree->order[directory->first + middle]];

		if (names_order(node_name(tree, child), child->name_length, name, (uint32_t)strlen(name)) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* All names of a directory by number, "." and ".." in their places, which need not be the first. */
struct walk {
	const struct tree *tree;
	uint32_t number;
	const struct node *directory;
	uint32_t dot, dots, count;	/* the numbers of "." and ".."; how many there are in all */
};

static struct walk walk(const struct tree *tree, uint32_t number)
{
	const struct node *directory = &tree->nodes[number];

	return (struct walk){
		.tree = tree,
		.number = number,
		.directory = directory,
		.dot = children_before(tree, directory, "."),
		.dots = children_before(tree, directory, "..") + 1,
		.count = directory->children + 2,
	};
}

static struct name name_at(const struct walk *w, uint32_t i)
{
	const struct node *child;
	uint32_t number;

	if (i == w->dot)
		return (struct name){ ".", 1, w->number };
	if (i == w->dots)
		return (struct name){ "..", 2, w->directory->parent };
	number = w->tree->order[w->directory->first + i - (i > w->dot) - (i > w->dots)];
	child = &w->tree->nodes[number];
	return (struct name){ node_name(w->tree, child), child->name_length, number };
}

/* --- places ---------------------------------------------------------------------------------- */

static uint64_t blocks_of(uint64_t size)
{
	return size / EROFS_BLOCK + (size % EROFS_BLOCK != 0);
}

static int add_listing(struct erofs *e, uint32_t directory, uint32_t first)
{
	if (e->listing_count == e->listing_room) {
		uint64_t room = (uint64_t)e->listing_room * 2 + 16;
		void *more = room <= UINT32_MAX ? realloc(e->listings, room * sizeof(*e->listings)) : NULL;

		if (!more)
			return fail(-ENOMEM, "get memory for the directories of the archive");
		e->listings = more;
		e->listing_room = (uint32_t)room;
	}
	e->listings[e->listing_count++] = (struct listing){ .directory = directory, .first = first };
	return 0;
}

/* As many names into each block as there is room for. */
static int place_directory(struct erofs *e, struct tree *tree, uint32_t number)
{
	struct walk w = walk(tree, number);
	uint32_t before = e->listing_count, used = EROFS_BLOCK;
	int err = 0;

	for (uint32_t i = 0; i < w.count && !err; i++) {
		uint32_t length = DIRENT + name_at(&w, i).length;

		if (used + length > EROFS_BLOCK) {
			err = add_listing(e, number, i);
			used = 0;
		}
		used += length;
	}
	tree->nodes[number].start = e->names + before;
	tree->nodes[number].size = (uint64_t)(e->listing_count - before - 1) * EROFS_BLOCK + used;
	return err;
}

static int place_directories(struct erofs *e, struct tree *tree)
{
	int err = 0;

	for (uint32_t i = 0; i < tree->count && !err; i++)
		if (node_is_directory(&tree->nodes[i]))
			err = place_directory(e, tree, i);
	return err;
}

/* A block has a number of 32 bits: the format for more is not known to all kernels. */
static int place_members(struct erofs *e, struct tree *tree)
{
	uint64_t next = round_up((uint64_t)e->names + e->listing_count, WHOLE);

	e->data = (uint32_t)next;
	for (uint32_t i = 0; i < tree->member_count; i++) {
		struct node *node = &tree->nodes[tree->members[i]];

		if (next + TAIL >= UINT32_MAX || blocks_of(node->size) > UINT32_MAX - next - TAIL)
			return fail_plain(-EFBIG, "its files are more than 16 TiB together, which is more than a disk can hold");
		node->start = (uint32_t)next;
		next += blocks_of(node->size);
	}
	e->end = (uint32_t)next + TAIL;
	return 0;
}

/* --- the superblock ------------------------------------------------------------------------------ */

/* CRC32C as EROFS has it, without the last inversion; bit by bit, for it is made once. */
static uint32_t crc32c(const unsigned char *bytes, uint32_t length)
{
	uint32_t crc = UINT32_MAX;

	for (uint32_t i = 0; i < length; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78U : 0);
	}
	return crc;
}

/*
 * The same for the same archive. Its version and variant bits are those of a
 * random UUID; they also keep byte 8, at 1080 of the disk, from ever being
 * where the magic number of ext4 is looked for.
 */
static void make_uuid(unsigned char *uuid, uint64_t identity, uint64_t size)
{
	put64(uuid, identity * 0x9e3779b97f4a7c15ULL ^ size);
	put64(uuid + 8, (identity ^ size * 0xc2b2ae3d27d4eb4fULL) * 0x9e3779b97f4a7c15ULL);
	uuid[6] = (unsigned char)((uuid[6] & 0x0f) | 0x40);
	uuid[8] = (unsigned char)((uuid[8] & 0x3f) | 0x80);
}

/* Where the number of inodes is, minix has its magic number, in either order of bytes. The kernel only shows it. */
static uint64_t told_inodes(uint64_t count)
{
	uint16_t low = (uint16_t)count;

	return count + (low == 0x137f || low == 0x138f || low == 0x7f13 || low == 0x8f13);
}

static void make_super(struct erofs *e, uint64_t identity, const char *label)
{
	unsigned char block[EROFS_BLOCK - SUPER] = { 0 };
	size_t length = strlen(label);

	put32(block, MAGIC);
	put32(block + 8, COMPAT_CHECKSUM | COMPAT_MTIME);
	block[12] = BLOCK_SHIFT;
	put16(block + 14, NODE_ROOT);
	put64(block + 16, told_inodes(e->tree->count));
	put32(block + 36, e->end);
	put32(block + 40, e->inodes);
	make_uuid(block + 48, identity, erofs_size(e));
	memcpy(block + 64, label, length < LABEL ? length : LABEL);
	put32(block + 4, crc32c(block, sizeof(block)));
	memcpy(e->super, block, sizeof(e->super));
}

int erofs_open(struct erofs *e, struct tree *tree, uint64_t identity, const char *label)
{
	int err;

	*e = (struct erofs){ .tree = tree, .inodes = GUARD };
	e->names = e->inodes + (uint32_t)blocks_of((uint64_t)tree->count * INODE);
	err = place_directories(e, tree);
	if (!err)
		err = place_members(e, tree);
	if (!err)
		make_super(e, identity, label);
	return err;
}

void erofs_close(struct erofs *e)
{
	free(e->listings);
	e->listings = NULL;
}

/* --- what is where ------------------------------------------------------------------------------------ */

/* The last member that begins at or before @block: those before it in the same block are empty. */
static uint32_t member_at(const struct erofs *e, uint64_t block)
{
	const struct tree *tree = e->tree;
	uint32_t low = 0, high = tree->member_count;

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (tree->nodes[tree->members[middle]].start <= block)
			low = middle;
		else
			high = middle;
	}
	return tree->members[low];
}

static struct spot in_data(const struct erofs *e, uint64_t offset)
{
	uint32_t number = member_at(e, offset / EROFS_BLOCK);
	const struct node *node = &e->tree->nodes[number];
	uint64_t start = (uint64_t)node->start * EROFS_BLOCK, room = blocks_of(node->size) * EROFS_BLOCK;

	if (offset - start < node->size)
		return (struct spot){ SPOT_MEMBER, number, offset - start, node->size - (offset - start) };
	return (struct spot){ SPOT_ZEROES, 0, 0, room - (offset - start) };	/* what is left of its last block */
}

static struct spot until(uint32_t kind, uint64_t offset, uint64_t block)
{
	return (struct spot){ .kind = kind, .length = block * EROFS_BLOCK - offset };
}

struct spot erofs_at(const struct erofs *e, uint64_t offset)
{
	uint64_t block = offset / EROFS_BLOCK;

	if (!block)
		return until(SPOT_METADATA, offset, 1);
	if (block < e->inodes)
		return until(SPOT_ZEROES, offset, e->inodes);
	if (block < e->names + e->listing_count)
		return until(SPOT_METADATA, offset, e->names + e->listing_count);
	if (block < e->data)
		return until(SPOT_ZEROES, offset, e->data);
	if (block < e->end - TAIL)
		return in_data(e, offset);
	return until(SPOT_ZEROES, offset, e->end);
}

/* --- blocks of metadata ------------------------------------------------------------------------------------ */

static void put_inode(const struct erofs *e, uint32_t number, unsigned char *at)
{
	const struct node *node = &e->tree->nodes[number];
	const struct ids *owner = &e->tree->owners[node->owner];

	put16(at, INODE_EXTENDED);
	put16(at + 4, node->mode);
	put64(at + 8, node->size);
	/* of a device this would be its number, and no archive tells that where it can be trusted */
	put32(at + 16, S_ISREG(node->mode) || S_ISDIR(node->mode) || S_ISLNK(node->mode) ? node->start : 0);
	put32(at + 20, number + 1);
	put32(at + 24, owner->uid);
	put32(at + 28, owner->gid);
	put64(at + 32, (uint64_t)((int64_t)node->when >> 30));
	put32(at + 40, (uint32_t)node->when & ((1U << 30) - 1));
	put32(at + 44, node_is_directory(node) ? node->links : 1);
}

static void put_inodes(const struct erofs *e, uint32_t first, unsigned char *into)
{
	for (uint32_t i = 0; i < INODES && first + i < e->tree->count; i++)
		put_inode(e, first + i, into + (size_t)i * INODE);
}

/* The type of a directory entry, which is one more of the numbers that all file systems have agreed on. */
static unsigned char type_of(const struct node *node)
{
	switch (node->mode & S_IFMT) {
	case S_IFDIR:
		return 2;
	case S_IFCHR:
		return 3;
	case S_IFBLK:
		return 4;
	case S_IFIFO:
		return 5;
	case S_IFSOCK:
		return 6;
	case S_IFLNK:
		return 7;
	}
	return 1;
}

static void put_names(const struct erofs *e, uint32_t number, unsigned char *into)
{
	const struct listing *listing = &e->listings[number];
	struct walk w = walk(e->tree, listing->directory);
	uint32_t end = w.count, at;

	if (number + 1 < e->listing_count && listing[1].directory == listing->directory)
		end = listing[1].first;
	at = (end - listing->first) * DIRENT;
	for (uint32_t i = listing->first; i < end; i++) {
		unsigned char *entry = into + (size_t)(i - listing->first) * DIRENT;
		struct name name = name_at(&w, i);

		put64(entry, (uint64_t)name.node * 2);	/* inode numbers count in steps of 32 bytes */
		put16(entry + 8, (uint16_t)at);
		entry[10] = type_of(&e->tree->nodes[name.node]);
		memcpy(into + at, name.bytes, name.length);
		at += name.length;
	}
}

void erofs_block(const struct erofs *e, uint32_t block, unsigned char *into)
{
	memset(into, 0, EROFS_BLOCK);
	if (!block)
		memcpy(into + SUPER, e->super, sizeof(e->super));
	else if (block < e->names)
		put_inodes(e, (block - e->inodes) * INODES, into);
	else
		put_names(e, block - e->names, into);
}
