/* SPDX-License-Identifier: MIT */
/* test_tree.c - from entries to directories, inodes and blocks */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "applets/zip/erofs.h"
#include "applets/zip/tree.h"
#include "tests/check.h"
#include "tests/unit/said.h"

/* --- an archive that is a list ------------------------------------------------------ */

struct archive {
	const struct entry *entries;
	uint32_t count, next;
	const char *prefix;	/* made up: of the number modulo that, and of the number */
	uint32_t modulo;
	char name[300];
};

int archive_next(struct archive *archive, struct entry *entry)
{
	if (archive->next == archive->count)
		return 0;
	if (archive->entries) {
		*entry = archive->entries[archive->next];
	} else {
		snprintf(archive->name, sizeof(archive->name), archive->prefix,
			 archive->modulo ? archive->next % archive->modulo : archive->next, archive->next);
		*entry = (struct entry){ .name = archive->name, .mode = S_IFREG | 0644, .header = 1000ULL * archive->next,
					 .size = archive->next % 3 * 5000, .packed = 5 };
	}
	entry->name_length = (uint16_t)strlen(entry->name);
	if (!entry->raw_length)
		entry->raw_length = entry->name_length;
	archive->next++;
	return 1;
}

#define FILE_AT(at, n) { .name = (n), .mode = S_IFREG | 0644, .header = (at), .size = 10, .packed = 10 }
#define DIRECTORY(n, bits) { .name = (n), .mode = S_IFDIR | (bits), .mtime = 7, .mtime_nsec = 8 }

static const struct tree_policy strict = { .max_nodes = 1 << 20 };
static const struct tree_policy lenient = { .max_nodes = 1 << 20, .skip_bad_names = true, .allow_overlap = true };

static int grow(struct tree *tree, const struct entry *entries, uint32_t count, const struct tree_policy *policy)
{
	struct archive archive = { .entries = entries, .count = count };

	said_nothing();
	return tree_open(tree, &archive, policy);
}

#define GROW(tree, entries, policy) grow(tree, entries, sizeof(entries) / sizeof((entries)[0]), policy)

static const struct node *at(const struct tree *tree, const char *path)
{
	int64_t number = tree_find(tree, path);

	return number < 0 ? NULL : &tree->nodes[number];
}

/* --- the kernel's way of finding a name, in its own words ------------------------------ */

static uint16_t get16(const unsigned char *from) { return (uint16_t)(from[0] | from[1] << 8); }
static uint32_t get32(const unsigned char *from) { return get16(from) | (uint32_t)get16(from + 2) << 16; }
static uint64_t get64(const unsigned char *from) { return get32(from) | (uint64_t)get32(from + 4) << 32; }

/* Of one block: how many names, and the name @i. */
static uint32_t names_in(const unsigned char *block) { return get16(block + 8) / 12; }

static uint32_t name_in(const unsigned char *block, uint32_t i, uint32_t end, const unsigned char **name)
{
	uint32_t start = get16(block + 12 * i + 8), stop = i + 1 < names_in(block) ? get16(block + 12 * (i + 1) + 8) : end;

	*name = block + start;
	return i + 1 < names_in(block) ? stop - start : (uint32_t)strnlen((const char *)*name, stop - start);
}

static int compare(const char *a, size_t a_length, const unsigned char *b, size_t b_length)
{
	int order = memcmp(a, b, a_length < b_length ? a_length : b_length);

	return order ? order : (a_length > b_length) - (a_length < b_length);
}

/* The node that the image says is called @name in @directory, or -1. Searches blocks by halves, then in the block. */
static int64_t look_up(const struct erofs *erofs, const struct node *directory, const char *name)
{
	unsigned char block[EROFS_BLOCK];
	int64_t low = 0, high = (int64_t)((directory->size + EROFS_BLOCK - 1) / EROFS_BLOCK) - 1, found = -1;
	const unsigned char *there;
	uint32_t length, end;

	while (low <= high) {
		int64_t middle = (low + high) / 2;

		erofs_block(erofs, directory->start + (uint32_t)middle, block);
		length = name_in(block, 0, EROFS_BLOCK, &there);
		if (compare(name, strlen(name), there, length) < 0) {
			high = middle - 1;
		} else {
			found = middle;
			low = middle + 1;
		}
	}
	if (found < 0)
		return -1;
	erofs_block(erofs, directory->start + (uint32_t)found, block);
	end = (uint64_t)(found + 1) * EROFS_BLOCK > directory->size ? (uint32_t)(directory->size % EROFS_BLOCK) : EROFS_BLOCK;
	for (low = 0, high = names_in(block) - 1; low <= high;) {
		int64_t middle = (low + high) / 2;
		int order;

		length = name_in(block, (uint32_t)middle, end, &there);
		order = compare(name, strlen(name), there, length);
		if (!order)
			return (int64_t)get64(block + 12 * middle) / 2;
		if (order < 0)
			high = middle - 1;
		else
			low = middle + 1;
	}
	return -1;
}

/* --- trees ----------------------------------------------------------------------------------- */

static void implied_directories(void)
{
	static const struct entry entries[] = {
		FILE_AT(0, "a/b/c"), FILE_AT(100, "a/d"), DIRECTORY("a/b", 0700), FILE_AT(200, "e"), DIRECTORY("f", 0750),
	};
	struct tree tree;

	CHECK_EQ(GROW(&tree, entries, &strict), 0);
	CHECK_EQ(tree.count, 7);
	CHECK_EQ(at(&tree, "a")->mode, S_IFDIR | 0755);		/* nobody said */
	CHECK_EQ(at(&tree, "a/b")->mode, S_IFDIR | 0700);
	CHECK_EQ(at(&tree, "a/b")->when, 7ULL << 30 | 8);
	CHECK_EQ(at(&tree, "a/b/c")->header, 0);
	CHECK_EQ(at(&tree, "/a//d")->header, 100);
	CHECK_EQ(at(&tree, "")->links, 4);
	CHECK_EQ(at(&tree, "a")->links, 3);
	CHECK_EQ(at(&tree, "f")->links, 2);
	CHECK(!at(&tree, "a/c") && !at(&tree, "e/f") && !at(&tree, "a/b/c/d"));
	tree_close(&tree);
}

static void last_one_counts(void)
{
	static const struct entry entries[] = { FILE_AT(0, "a"), FILE_AT(100, "b"), FILE_AT(200, "a"), FILE_AT(300, "a") };
	struct tree tree;

	CHECK_EQ(GROW(&tree, entries, &strict), 0);
	CHECK_EQ(at(&tree, "")->children, 2);
	CHECK_EQ(at(&tree, "a")->header, 300);
	CHECK(said("a is there more than once"));
	tree_close(&tree);
}

static void file_and_directory(void)
{
	static const struct entry first[] = { FILE_AT(0, "a"), FILE_AT(100, "a/b") };
	static const struct entry last[] = { FILE_AT(100, "a/b"), FILE_AT(200, "a") };
	struct tree tree;

	CHECK_EQ(GROW(&tree, first, &strict), -EINVAL);
	CHECK(said("a is both a file and a directory") && said("--bad-names=skip"));
	tree_close(&tree);
	CHECK_EQ(GROW(&tree, last, &strict), -EINVAL);
	tree_close(&tree);
	CHECK_EQ(GROW(&tree, first, &lenient), 0);
	CHECK_EQ(at(&tree, "a/b")->header, 100);
	CHECK(said("left out: the file a"));
	tree_close(&tree);
	CHECK_EQ(GROW(&tree, last, &lenient), 0);
	CHECK_EQ(at(&tree, "a/b")->header, 100);
	tree_close(&tree);
}

static void overlap(void)
{
	static const struct entry fits[] = { FILE_AT(0, "a"), FILE_AT(41, "b"), FILE_AT(41, "alias") };
	static const struct entry touches[] = { FILE_AT(40, "a"), FILE_AT(0, "b") };
	struct entry inside[] = { FILE_AT(0, "long"), FILE_AT(100, "b"), FILE_AT(200, "c") };
	struct tree tree;

	CHECK_EQ(GROW(&tree, fits, &strict), 0);
	tree_close(&tree);
	CHECK_EQ(GROW(&tree, touches, &strict), -EINVAL);	/* b ends at 0 + 30 + 1 + 10 */
	CHECK(said("share bytes") && said("--overlap=allow"));
	tree_close(&tree);
	inside[0].packed = 175;
	CHECK_EQ(GROW(&tree, inside, &strict), -EINVAL);
	CHECK(said("long and b share"));
	tree_close(&tree);
	inside[1].packed = 1;
	inside[0].packed = 167;		/* to 201: beyond b, which is not the last that began */
	inside[1].header = 1;
	CHECK_EQ(GROW(&tree, inside, &lenient), 0);
	tree_close(&tree);
}

/* For one member; what is not kept is judged all the same. */
static void one_of_all(void)
{
	static const struct tree_policy only = { .max_nodes = 1 << 20, .only = "a/b" };
	static const struct tree_policy any = { .max_nodes = 5, .only = "a/b", .allow_overlap = true };
	struct entry entries[] = { FILE_AT(0, "a/c"), FILE_AT(100, "x"), FILE_AT(200, "a/b"), FILE_AT(200, "a"), FILE_AT(300, "a/bc"),
				   DIRECTORY("a/", 0700), FILE_AT(400, "a/b/c"), FILE_AT(500, "a/b") };
	struct tree tree;

	CHECK_EQ(grow(&tree, entries, 3, &only), 0);
	CHECK_EQ(tree.count, 3);
	CHECK_EQ(at(&tree, "a/b")->header, 200);
	CHECK(!at(&tree, "a/c") && !at(&tree, "x"));
	tree_close(&tree);
	CHECK_EQ(grow(&tree, entries, 4, &only), -EINVAL);
	CHECK(said("a is both a file and a directory"));
	tree_close(&tree);
	entries[3] = (struct entry)FILE_AT(300, "other");
	entries[5].name = "a";
	CHECK_EQ(grow(&tree, entries, 6, &only), 0);
	CHECK_EQ(tree.count, 3);
	CHECK_EQ(at(&tree, "a")->mode, S_IFDIR | 0700);
	tree_close(&tree);
	CHECK_EQ(grow(&tree, entries, 7, &only), -EINVAL);
	CHECK(said("a/b is both a file and a directory"));
	tree_close(&tree);
	entries[6].name = "y";
	CHECK_EQ(GROW(&tree, entries, &only), 0);
	CHECK(said("a/b is there more than once: the last one counts"));
	CHECK_EQ(at(&tree, "a/b")->header, 500);
	tree_close(&tree);
	entries[6].header = 309;		/* in "a/bc" */
	CHECK_EQ(GROW(&tree, entries, &only), -EAGAIN);
	CHECK_EQ(said_nothing(), 0);
	tree_close(&tree);
	CHECK_EQ(GROW(&tree, entries, &any), 0);
	tree_close(&tree);
}

static void furthest_end_counts(void)
{
	struct entry entries[] = { FILE_AT(0, "long"), FILE_AT(0, "alias"), FILE_AT(300, "c") };
	struct tree tree;

	entries[0].packed = 300;	/* to 334; the alias, which comes later, says less */
	CHECK_EQ(GROW(&tree, entries, &strict), -EINVAL);
	CHECK(said("long and c share"));
	tree_close(&tree);
}

static void links_lead_somewhere(void)
{
	struct entry entries[] = { FILE_AT(0, "link"), FILE_AT(100, "file") };
	struct tree tree;

	entries[0].mode = S_IFLNK | 0777;
	CHECK_EQ(GROW(&tree, entries, &strict), 0);
	tree_close(&tree);
	entries[0].size = 4096;
	CHECK_EQ(GROW(&tree, entries, &strict), -EINVAL);
	CHECK(said("link cannot be served: it is a symbolic link"));
	tree_close(&tree);
	entries[0].size = 0;
	CHECK_EQ(GROW(&tree, entries, &lenient), 0);
	CHECK(!at(&tree, "link") && at(&tree, "file"));
	tree_close(&tree);
	entries[1].raw_length = 4096;
	CHECK_EQ(GROW(&tree, entries, &lenient), 0);
	CHECK_EQ(tree.count, 1);
	tree_close(&tree);
	entries[1].name = "\033[31mred";
	CHECK_EQ(grow(&tree, &entries[1], 1, &strict), -EINVAL);
	CHECK(said("\\x1b[31mred cannot be served") && !said("\033"));
	tree_close(&tree);
}

static void too_many(void)
{
	static const struct entry entries[] = { FILE_AT(0, "a/b/c/d/e/f/g") };
	const struct tree_policy few = { .max_nodes = 7 };
	struct tree tree;

	CHECK_EQ(GROW(&tree, entries, &few), -EINVAL);		/* the root is one, too */
	CHECK(said("more than 7") && said("--max-entries"));
	tree_close(&tree);
}

/* More directories than the first table of them has room for, each found again. */
static void many_directories(void)
{
	struct archive archive = { .count = 4000, .modulo = 2000, .prefix = "%u/%u" };
	struct tree tree;

	CHECK_EQ(tree_open(&tree, &archive, &strict), 0);
	CHECK_EQ(tree.count, 1 + 2000 + 4000);
	CHECK_EQ(at(&tree, "1999")->children, 2);
	tree_close(&tree);
}

static void directory_twice(void)
{
	static const struct entry entries[] = { DIRECTORY("a", 0700), FILE_AT(0, "a/b"), DIRECTORY("a", 0711) };
	struct tree tree;

	CHECK_EQ(GROW(&tree, entries, &strict), 0);
	CHECK(said("a is there more than once"));
	CHECK_EQ(at(&tree, "a")->mode, S_IFDIR | 0711);
	tree_close(&tree);
	CHECK_EQ(grow(&tree, entries, 2, &strict), 0);
	CHECK(!said("more than once"));
	tree_close(&tree);
}

static void many_owners(void)
{
	struct entry entries[] = { FILE_AT(0, "a"), FILE_AT(100, "b"), FILE_AT(200, "c"), FILE_AT(300, "d") };
	struct tree tree;

	entries[0].uid = 1;
	entries[1].uid = 1;
	entries[1].gid = 256;
	entries[2].gid = 31;
	CHECK_EQ(GROW(&tree, entries, &strict), 0);
	CHECK_EQ(tree.owners[at(&tree, "a")->owner].uid, 1);
	CHECK_EQ(tree.owners[at(&tree, "a")->owner].gid, 0);
	CHECK_EQ(tree.owners[at(&tree, "b")->owner].gid, 256);
	CHECK_EQ(tree.owners[at(&tree, "c")->owner].uid, 0);
	CHECK_EQ(tree.owners[at(&tree, "c")->owner].gid, 31);
	CHECK_EQ(tree.owners[at(&tree, "d")->owner].gid, 0);
	tree_close(&tree);
}

#define FILES 70000

/* As many files as that, of @owners whose user and group have the same number, in turns. */
static int grow_owned(struct tree *tree, uint32_t owners)
{
	static struct entry entries[FILES];
	static char names[FILES][8];

	for (uint32_t i = 0; i < FILES; i++) {
		snprintf(names[i], sizeof(names[i]), "%u", i);
		entries[i] = (struct entry)FILE_AT(1000ULL * i, names[i]);
		entries[i].uid = entries[i].gid = i % owners * 1000;
	}
	return GROW(tree, entries, &strict);
}

static void owners_in_turns(void)
{
	struct tree tree;

	CHECK_EQ(grow_owned(&tree, 2), 0);
	CHECK_EQ(tree.owner_count, 2);
	CHECK_EQ(tree.owners[at(&tree, "69999")->owner].uid, 1000);
	tree_close(&tree);
	CHECK_EQ(grow_owned(&tree, 6000), 0);
	CHECK_EQ(tree.owner_count, 6000);
	CHECK_EQ(tree.owners[at(&tree, "69999")->owner].gid, 69999 % 6000 * 1000);
	tree_close(&tree);
	CHECK_EQ(grow_owned(&tree, 65535), 0);		/* root is one of them */
	tree_close(&tree);
	CHECK_EQ(grow_owned(&tree, 65536), -EINVAL);
	CHECK(said("too many users"));
	tree_close(&tree);
}

static void not_too_deep(void)
{
	char path[2 * 600 + 1];
	struct entry entries[] = { FILE_AT(0, path) };
	struct tree tree;

	for (int i = 0; i < 600; i++)
		memcpy(path + 2 * i, "a/", 3);
	memcpy(path + 2 * 512, "f", 2);
	CHECK_EQ(GROW(&tree, entries, &strict), 0);
	tree_close(&tree);
	memcpy(path + 2 * 512, "a/f", 4);
	CHECK_EQ(GROW(&tree, entries, &strict), -EINVAL);
	CHECK(said("more than 512 deep"));
	tree_close(&tree);
}

static void paths_for_messages(void)
{
	static const struct entry entries[] = { FILE_AT(0, "some/\033[2J/name") };
	struct tree tree;
	char path[NAME_SHOWN_MAX], small[8];

	CHECK_EQ(GROW(&tree, entries, &strict), 0);
	CHECK_TEXT(tree_path(&tree, 3, path, sizeof(path)), "some/\33[2J/name");
	CHECK_TEXT(tree_shown(&tree, 3, path), "some/\\x1b[2J/name");
	CHECK_TEXT(tree_path(&tree, 3, small, sizeof(small)), "2J/name");
	CHECK_TEXT(tree_path(&tree, NODE_ROOT, path, sizeof(path)), "");
	CHECK_TEXT(tree_shown(&tree, NODE_ROOT, path), "the top directory");
	tree_close(&tree);
}

/* --- images ------------------------------------------------------------------------------------- */

static void dots_in_their_places(void)
{
	static const struct entry entries[] = {
		FILE_AT(0, "!x"), FILE_AT(100, "-first"), FILE_AT(200, ".-"), FILE_AT(300, "..b"), FILE_AT(400, ".a"), FILE_AT(500, "zz"),
	};
	static const char *const wanted[] = { "!x", "-first", ".", ".-", "..", "..b", ".a", "zz" };
	struct tree tree;
	struct erofs erofs;
	unsigned char block[EROFS_BLOCK];
	const unsigned char *name;

	CHECK_EQ(GROW(&tree, entries, &strict), 0);
	CHECK_EQ(erofs_open(&erofs, &tree, 1, "label"), 0);
	erofs_block(&erofs, tree.nodes[NODE_ROOT].start, block);
	CHECK_EQ(names_in(block), 8);
	for (uint32_t i = 0; i < names_in(block); i++) {
		uint32_t length = name_in(block, i, (uint32_t)tree.nodes[NODE_ROOT].size, &name);

		CHECK(length == strlen(wanted[i]) && !memcmp(name, wanted[i], length));
	}
	CHECK_EQ(tree.nodes[NODE_ROOT].size, 8 * 12 + 2 + 6 + 1 + 2 + 2 + 3 + 2 + 2);
	CHECK_EQ(block[2 * 12 + 10], 2);
	CHECK_EQ(block[0 * 12 + 10], 1);
	erofs_close(&erofs);
	tree_close(&tree);
}

/* Names of all lengths, of which no block is just full, and one directory that is. */
static void every_name_is_found(void)
{
	static const char *const prefixes[] = { "%u", "dir/%09u", "a/b/%0200u", "%0255u" };

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		struct archive archive = { .count = 3000, .prefix = prefixes[i] };
		const char *last = strrchr(prefixes[i], '/');
		char path[300];
		struct tree tree;
		struct erofs erofs;
		int wrong = 0;

		said_nothing();
		CHECK_EQ(tree_open(&tree, &archive, &strict), 0);
		CHECK_EQ(erofs_open(&erofs, &tree, 1, ""), 0);
		for (unsigned int file = 0; file < archive.count; file++) {
			int64_t number, parent;

			snprintf(path, sizeof(path), prefixes[i], file);
			number = tree_find(&tree, path);
			parent = tree.nodes[number].parent;
			wrong += number < 0 || look_up(&erofs, &tree.nodes[parent], last ? strrchr(path, '/') + 1 : path) != number;
			wrong += look_up(&erofs, &tree.nodes[parent], ".") != parent;
			wrong += look_up(&erofs, &tree.nodes[parent], "..") != tree.nodes[parent].parent;
			wrong += look_up(&erofs, &tree.nodes[parent], "not there") != -1;
		}
		CHECK_EQ(wrong, 0);
		for (uint32_t node = 1; node < tree.count; node++) {
			snprintf(path, sizeof(path), "%.*s", tree.nodes[node].name_length, node_name(&tree, &tree.nodes[node]));
			wrong += look_up(&erofs, &tree.nodes[tree.nodes[node].parent], path) != node;
		}
		CHECK_EQ(wrong, 0);
		erofs_close(&erofs);
		tree_close(&tree);
	}
}

/* "." and ".." take 27 bytes; then 18 names of 204 take 3888, and the last one what is left, or one more. */
static void full_blocks(void)
{
	for (unsigned int more = 0; more < 2; more++) {
		struct entry entries[19];
		char names[19][256];
		struct tree tree;
		struct erofs erofs;
		unsigned char block[EROFS_BLOCK];
		const unsigned char *name = NULL;

		memset(names, 0, sizeof(names));
		for (unsigned int i = 0; i < 19; i++) {
			memset(names[i], 'x', i == 18 ? 4096 - 27 - 3888 - 12 + more : 204);
			names[i][0] = (char)('a' + i);
			entries[i] = (struct entry)FILE_AT(1000 * i, names[i]);
		}
		CHECK_EQ(GROW(&tree, entries, &strict), 0);
		CHECK_EQ(erofs_open(&erofs, &tree, 1, ""), 0);
		CHECK_EQ(erofs.listing_count, 1 + more);
		CHECK_EQ(tree.nodes[NODE_ROOT].size, more ? 4096 + 12 + 170 : 4096);
		erofs_block(&erofs, erofs.names, block);
		CHECK_EQ(names_in(block), more ? 20 : 21);
		CHECK_EQ(name_in(block, 19, EROFS_BLOCK, &name), 204);
		CHECK(look_up(&erofs, &tree.nodes[NODE_ROOT], names[18]) == 19);
		erofs_close(&erofs);
		tree_close(&tree);
	}
}

static void inodes(void)
{
	struct entry entries[] = { FILE_AT(0, "file"), FILE_AT(100, "link"), DIRECTORY("dir", 0711) };
	struct tree tree;
	struct erofs erofs;
	unsigned char block[EROFS_BLOCK];
	const unsigned char *inode;

	entries[0].size = 5000;
	entries[0].uid = 1000;
	entries[0].gid = 100;
	entries[0].mtime = -5;
	entries[0].mtime_nsec = 999999999;
	entries[1].mode = S_IFLNK | 0777;
	CHECK_EQ(GROW(&tree, entries, &strict), 0);
	CHECK_EQ(erofs_open(&erofs, &tree, 1, ""), 0);
	CHECK_EQ(erofs.inodes, 2048);
	erofs_block(&erofs, erofs.inodes, block);
	inode = block + 64;
	CHECK_EQ(get16(inode), 1);
	CHECK_EQ(get16(inode + 4), S_IFREG | 0644);
	CHECK_EQ(get64(inode + 8), 5000);
	CHECK_EQ(get32(inode + 16), erofs.data);
	CHECK_EQ(get32(inode + 24), 1000);
	CHECK_EQ(get32(inode + 28), 100);
	CHECK_EQ((int64_t)get64(inode + 32), -5);
	CHECK_EQ(get32(inode + 40), 999999999);
	CHECK_EQ(get32(inode + 44), 1);
	CHECK_EQ(get16(block + 4), S_IFDIR | 0755);
	CHECK_EQ(get32(block + 44), 3);
	CHECK_EQ(get32(block + 16), erofs.names);
	CHECK_EQ(get32(block + 128 + 16), erofs.data + 2);
	for (size_t i = 4 * 64; i < sizeof(block); i++)
		CHECK_EQ(block[i], 0);
	erofs_close(&erofs);
	tree_close(&tree);
}

/* What no archive tells where it can be trusted: a device is number 0. */
static void devices_are_nobodys(void)
{
	struct entry entries[] = { FILE_AT(0, "file"), FILE_AT(100, "block"), FILE_AT(200, "char"), FILE_AT(300, "fifo") };
	static const uint32_t modes[] = { S_IFREG, S_IFBLK, S_IFCHR, S_IFIFO };
	struct tree tree;
	struct erofs erofs;
	unsigned char block[EROFS_BLOCK];

	for (int i = 0; i < 4; i++)
		entries[i].mode = modes[i] | 0666;
	CHECK_EQ(GROW(&tree, entries, &strict), 0);
	CHECK_EQ(erofs_open(&erofs, &tree, 1, ""), 0);
	erofs_block(&erofs, erofs.inodes, block);
	CHECK_EQ(get32(block + 64 + 16), erofs.data);
	for (int i = 2; i <= 4; i++)
		CHECK_EQ(get32(block + 64 * i + 16), 0);
	erofs_close(&erofs);
	tree_close(&tree);
}

/* Where blkid looks for minix is the number of inodes. */
static void no_magic_number(void)
{
	static const uint16_t magic[] = { 0x137f, 0x138f, 0x7f13, 0x8f13 };

	for (size_t i = 0; i < sizeof(magic) / sizeof(magic[0]); i++)
		for (unsigned int more = 0; more < 2; more++) {
			struct archive archive = { .count = magic[i] - 2 + more, .modulo = 1, .prefix = "%u/%u" };
			struct tree tree;
			struct erofs erofs;
			unsigned char block[EROFS_BLOCK];

			CHECK_EQ(tree_open(&tree, &archive, &strict), 0);
			CHECK_EQ(tree.count, magic[i] + more);
			CHECK_EQ(erofs_open(&erofs, &tree, 1, ""), 0);
			erofs_block(&erofs, 0, block);
			CHECK_EQ(get16(block + 1040), magic[i] + 1);
			erofs_close(&erofs);
			tree_close(&tree);
		}
}

static uint32_t crc32c(const unsigned char *bytes, size_t length)
{
	uint32_t crc = UINT32_MAX;

	while (length--) {
		crc ^= *bytes++;
		for (int i = 0; i < 8; i++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
	}
	return crc;
}

static void superblock(void)
{
	static const struct entry entries[] = { FILE_AT(0, "file") };
	struct tree tree;
	struct erofs erofs, other;
	unsigned char block[EROFS_BLOCK], copy[EROFS_BLOCK];
	unsigned char *super = block + 1024;

	CHECK_EQ(~crc32c((const unsigned char *)"123456789", 9), 0xe3069283);
	CHECK_EQ(GROW(&tree, entries, &strict), 0);
	CHECK_EQ(erofs_open(&erofs, &tree, 1, "a label of more than fifteen"), 0);
	erofs_block(&erofs, 0, block);
	CHECK_EQ(get32(super), 0xe0f5e1e2);
	CHECK_EQ(get32(super + 8), 3);
	CHECK_EQ(super[12], 12);
	CHECK_EQ(get16(super + 14), 0);
	CHECK_EQ(get64(super + 16), 2);
	CHECK_EQ(get32(super + 36), erofs.end);
	CHECK_EQ(get32(super + 40), 2048);
	CHECK_EQ(get32(super + 80), 0);
	CHECK(!memcmp(super + 64, "a label of more", 16));
	CHECK(super[48 + 8] >= 0x80 && super[48 + 8] <= 0xbf && super[48 + 6] >> 4 == 4);
	memcpy(copy, block, sizeof(copy));
	memset(copy + 1024 + 4, 0, 4);
	CHECK_EQ(get32(super + 4), crc32c(copy + 1024, 4096 - 1024));
	CHECK_EQ(erofs_open(&other, &tree, 2, "a label of more than fifteen"), 0);
	erofs_block(&other, 0, copy);
	CHECK(memcmp(copy + 1024 + 48, super + 48, 16));		/* another archive, another UUID */
	erofs_close(&other);
	erofs_close(&erofs);
	tree_close(&tree);
}

static void places_of_data(void)
{
	struct entry entries[] = { FILE_AT(500, "second"), FILE_AT(0, "first"), FILE_AT(400, "empty"), FILE_AT(700, "none") };
	struct tree tree;
	struct erofs erofs;
	struct spot spot;
	uint64_t data;

	entries[1].size = 4097;
	entries[2].size = entries[3].size = 0;
	CHECK_EQ(GROW(&tree, entries, &strict), 0);
	CHECK_EQ(erofs_open(&erofs, &tree, 1, ""), 0);
	data = (uint64_t)erofs.data * EROFS_BLOCK;
	spot = erofs_at(&erofs, data);
	CHECK(spot.kind == SPOT_MEMBER && spot.node == 2 && spot.offset == 0 && spot.length == 4097);
	spot = erofs_at(&erofs, data + 4096);
	CHECK(spot.kind == SPOT_MEMBER && spot.node == 2 && spot.offset == 4096 && spot.length == 1);
	spot = erofs_at(&erofs, data + 4608);
	CHECK(spot.kind == SPOT_ZEROES && spot.length == 4096 - 512);
	spot = erofs_at(&erofs, data + 8192);
	CHECK(spot.kind == SPOT_MEMBER && spot.node == 1 && spot.length == 10);
	spot = erofs_at(&erofs, data + 8192 + 512);
	CHECK(spot.kind == SPOT_ZEROES && spot.length == 4096 - 512);
	spot = erofs_at(&erofs, data + 12288);			/* the end: nothing is where blkid looks */
	CHECK(spot.kind == SPOT_ZEROES && spot.length == 4 << 20);
	CHECK_EQ(erofs_size(&erofs), data + 12288 + (4 << 20));
	spot = erofs_at(&erofs, 0);
	CHECK(spot.kind == SPOT_METADATA && spot.length == 4096);
	spot = erofs_at(&erofs, 4096);
	CHECK(spot.kind == SPOT_ZEROES && spot.length == (8 << 20) - 4096);
	spot = erofs_at(&erofs, (8 << 20) + 512);
	CHECK(spot.kind == SPOT_METADATA && spot.length == 2 * EROFS_BLOCK - 512);
	spot = erofs_at(&erofs, (8 << 20) + 2 * EROFS_BLOCK);	/* no page, however large, has both */
	CHECK(spot.kind == SPOT_ZEROES && spot.length == (64 << 10) - 2 * EROFS_BLOCK);
	CHECK_EQ(data, (8 << 20) + (64 << 10));
	erofs_close(&erofs);
	tree_close(&tree);
}

static void nothing_at_all(void)
{
	struct tree tree;
	struct erofs erofs;
	struct spot spot;

	CHECK_EQ(grow(&tree, NULL, 0, &strict), 0);
	CHECK_EQ(erofs_open(&erofs, &tree, 1, ""), 0);
	CHECK_EQ(tree.nodes[NODE_ROOT].size, 12 + 1 + 12 + 2);
	spot = erofs_at(&erofs, (uint64_t)erofs.data * EROFS_BLOCK);
	CHECK(spot.kind == SPOT_ZEROES && spot.length == 4 << 20);
	erofs_close(&erofs);
	tree_close(&tree);
}

static void too_large(void)
{
	struct entry entries[] = { FILE_AT(0, "a"), FILE_AT(100, "b") };
	struct tree tree;
	struct erofs erofs;

	entries[0].size = 15ULL << 40;
	CHECK_EQ(GROW(&tree, entries, &strict), 0);
	CHECK_EQ(erofs_open(&erofs, &tree, 1, ""), 0);
	erofs_close(&erofs);
	tree_close(&tree);
	entries[1].size = INT64_MAX;
	CHECK_EQ(GROW(&tree, entries, &strict), 0);
	CHECK_EQ(erofs_open(&erofs, &tree, 1, ""), -EFBIG);
	CHECK(said("16 TiB"));
	erofs_close(&erofs);
	tree_close(&tree);
}

TESTS(
	{ "directories that are only implied are there; what an entry says of one counts, whenever it comes", implied_directories },
	{ "of files of one name the last counts, and that is said", last_one_counts },
	{ "what is both a file and a directory is refused, or the file left out", file_and_directory },
	{ "members that share bytes are refused by name, unless that is allowed; two names for one are fine", overlap },
	{ "for one member no others are kept, and what contradicts it or overlaps anything is found", one_of_all },
	{ "what shares bytes is measured from the furthest end so far", furthest_end_counts },
	{ "a symbolic link has 1 to 4095 bytes, and so has a name", links_lead_somewhere },
	{ "implied directories count as entries do", too_many },
	{ "a directory is one directory, however many there are", many_directories },
	{ "of entries of one directory the last counts, and that is said", directory_twice },
	{ "every file has its own owner", many_owners },
	{ "owners are as many as there are, in whatever order they come", owners_in_turns },
	{ "directories are 512 deep at most", not_too_deep },
	{ "a path is as the archive has it, or its end if it is too long; in a message it is harmless", paths_for_messages },
	{ "'.' and '..' stand where their bytes belong", dots_in_their_places },
	{ "a search as the kernel's finds every name, also over many blocks, and no other", every_name_is_found },
	{ "a block may be full to its last byte, and is not fuller", full_blocks },
	{ "an inode says what the entry said", inodes },
	{ "a device has no number", devices_are_nobodys },
	{ "however many files there are, their number is nobody's magic number", no_magic_number },
	{ "the superblock has its magic, checksum, label, and a UUID of the archive's own", superblock },
	{ "data is in the order of the archive, each file from a block of its own, with zeroes after it", places_of_data },
	{ "an empty archive is an empty file system", nothing_at_all },
	{ "more than 16 TiB are refused", too_large }
)
