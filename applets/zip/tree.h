/* SPDX-License-Identifier: MIT */
/*
 * tree.h - the files and directories of an archive
 *
 * Made from the entries of archive.h: directories that are only implied are
 * added, what is there twice is there once (the last one), what contradicts
 * itself is refused by name. A node takes 64 bytes and its name.
 */
#ifndef APPLETS_ZIP_TREE_H
#define APPLETS_ZIP_TREE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "applets/zip/archive.h"

enum node_flag {
	NODE_DEFLATED	= 1,	/* else stored */
	NODE_DESCRIPTOR	= 2,	/* its local header leaves out the sizes (flag 3 of the archive) */
	NODE_UTF8	= 4,	/* flag 11 of the archive */
	NODE_UNREADABLE	= 8,	/* reading it fails */
	NODE_EXPLICIT	= 16,	/* a directory that has an entry of its own */
};

#define NODE_ROOT 0
#define LOCATED_NOWHERE 1U	/* the header was looked at, and is wrong; no data begins so early */

struct node {
	union {
		uint64_t header;		/* a member: where its local header begins */
		struct {
			uint32_t first;		/* a directory: where in tree.order its children begin */
			uint32_t children;	/* and how many there are */
		};
	};
	union {
		uint64_t packed;		/* a member: bytes of data in the archive */
		struct {
			uint32_t links;		/* a directory: of its own, of its parent's and its children's ".." */
			uint32_t unused;
		};
	};
	uint64_t size;				/* bytes; of a directory when its place on the disk is known */
	uint64_t when;				/* seconds since 1970, 34 bits with a sign, and 30 bits of nanoseconds */
	uint32_t crc, raw_crc;			/* of the member, of its name as the archive has it */
	uint32_t parent;			/* the root is its own */
	uint32_t name;				/* where in tree.names */
	uint32_t start;				/* where on the disk, in blocks */
	_Atomic uint32_t located;		/* how far behind the header the data begins; 0: the header was not looked at */
	uint16_t mode;				/* with the type */
	uint16_t raw_length;
	uint16_t owner;				/* in tree.owners */
	uint8_t name_length;
	uint8_t flags;				/* enum node_flag */
};

struct ids {
	uint32_t uid, gid;
};

struct names {
	char *bytes;
	uint64_t length, room;
};

struct tree {
	struct node *nodes;
	uint32_t count, room;
	struct names names;
	uint32_t *order;		/* the children of every directory, by name */
	uint32_t *members;		/* what is no directory, in the order of the archive */
	uint32_t member_count;
	struct ids *owners;
	uint32_t owner_count, owner_room;
};

struct tree_policy {
	bool skip_bad_names;		/* leave out what contradicts another entry, instead of refusing the archive */
	bool allow_overlap;		/* of members */
	uint32_t max_nodes;		/* more are refused */
	const char *only;		/* a path: what is neither on the way to it nor below it is not kept; NULL: all is */
};

/*
 * From all that is left in @archive. To be closed in any case. 0, or -errno
 * after fail() said why; with policy->only also -EAGAIN, nothing said, if
 * members are in such an order that only all of them can tell whether they overlap.
 */
int tree_open(struct tree *tree, struct archive *archive, const struct tree_policy *policy);
void tree_close(struct tree *tree);

static inline bool node_is_directory(const struct node *node)
{
	return S_ISDIR(node->mode);
}

static inline const char *node_name(const struct tree *tree, const struct node *node)
{
	return tree->names.bytes + node->name;
}

/* By the bytes of their names; a shorter name goes before those that begin with it. */
int names_order(const char *a, uint32_t a_length, const char *b, uint32_t b_length);

/* The path of a node, as it is in the archive; its end, if there is not room for all of it. Returns @to. */
const char *tree_path(const struct tree *tree, uint32_t node, char *to, uint32_t limit);
/* The same for messages, as name_shown() has it. Returns @shown. */
const char *tree_shown(const struct tree *tree, uint32_t node, char shown[NAME_SHOWN_MAX]);

/* What local_data() wants to know of a member. */
struct local node_local(const struct node *node);

/* The node at @path, or -ENOENT. */
int64_t tree_find(const struct tree *tree, const char *path);

#endif
