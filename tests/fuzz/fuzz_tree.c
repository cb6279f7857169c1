/* SPDX-License-Identifier: MIT */
/*
 * fuzz_tree.c - any list of clean paths as a tree and its image
 *
 * Each line is an entry: a letter that says what it is, and its path. Whatever
 * is accepted must be an image in which every name can be found, whose places
 * follow each other from its start to its end.
 *
 * fuzz: -max_len=2000
 * brief: 60000
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "applets/zip/bytes.h"
#include "applets/zip/erofs.h"
#include "applets/zip/tree.h"

#define HOLDS(what) do { if (!(what)) { fprintf(stderr, "does not hold: %s\n", #what); abort(); } } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct archive {
	const uint8_t *at, *end;
	uint64_t header;
	char path[ARCHIVE_PATH_MAX + 1];
};

/* Clean, as the reader of archives gives them out: components of 1 to 255 bytes that are not "." or "..". */
static uint16_t take_path(struct archive *archive)
{
	uint32_t length = 0, component = 0;

	for (; archive->at < archive->end && *archive->at != '\n'; archive->at++) {
		char c = *archive->at ? (char)*archive->at : 'x';

		if (c == '/' && !component)
			continue;
		if (length >= ARCHIVE_PATH_MAX || (c != '/' && component >= ARCHIVE_NAME_MAX))
			continue;
		if (c == '/' && ((component == 1 && archive->path[length - 1] == '.') ||
				 (component == 2 && !memcmp(archive->path + length - 2, "..", 2))))
			archive->path[length - 1] = '_';
		archive->path[length++] = c;
		component = c == '/' ? 0 : component + 1;
	}
	archive->at += archive->at < archive->end;
	if (length && archive->path[length - 1] == '/')
		length--;
	if (length && archive->path[length - 1] == '.')
		archive->path[length - 1] = '_';
	archive->path[length] = '\0';
	return (uint16_t)length;
}

int archive_next(struct archive *archive, struct entry *entry)
{
	static const uint32_t modes[] = { S_IFREG | 0644, S_IFDIR | 0755, S_IFLNK | 0777, S_IFREG | 0600 };
	uint8_t kind;

	if (archive->at == archive->end)
		return 0;
	kind = *archive->at++;
	*entry = (struct entry){
		.mode = modes[kind % 4],
		.header = archive->header,
		.size = kind % 4 == 1 ? 0 : kind % 64 * 700U,
		.packed = kind / 64,
		.mtime = kind,
		.uid = kind,
		.name = archive->path,
	};
	entry->name_length = take_path(archive);
	entry->raw_length = entry->name_length;
	if (!entry->name_length)
		entry->mode = S_IFDIR;
	if (kind % 16)
		archive->header += LOCAL_HEADER + entry->raw_length + entry->packed;
	return 1;
}

static uint32_t name_at(const unsigned char *block, uint32_t i, uint32_t end, const unsigned char **name)
{
	uint32_t count = get16(block + 8) / 12, start = get16(block + 12 * i + 8);
	uint32_t stop = i + 1 < count ? get16(block + 12 * (i + 1) + 8) : end;

	HOLDS(i < count && start >= count * 12 && stop > start && stop <= end);
	*name = block + start;
	return stop - start;
}

/* In order over all blocks, "." and ".." among them, each once; and each leads to a node whose parent this is. */
static void directory_is_right(const struct erofs *erofs, uint32_t number)
{
	const struct tree *tree = erofs->tree;
	const struct node *directory = &tree->nodes[number];
	unsigned char blocks[2][EROFS_BLOCK];
	char before[256] = "";
	uint32_t names = 0, before_length = 0;

	for (uint64_t at = 0; at < directory->size; at += EROFS_BLOCK) {
		unsigned char *block = blocks[at / EROFS_BLOCK % 2];
		uint32_t end = directory->size - at < EROFS_BLOCK ? (uint32_t)(directory->size - at) : EROFS_BLOCK;

		erofs_block(erofs, directory->start + (uint32_t)(at / EROFS_BLOCK), block);
		if (end == EROFS_BLOCK)
			while (!block[end - 1])
				end--;
		for (uint32_t i = 0; i < get16(block + 8) / 12u; i++) {
			const unsigned char *name;
			uint32_t length = name_at(block, i, end, &name), child = get32(block + 12 * i) / 2;

			HOLDS(length <= 255 && (!names || names_order(before, before_length, (const char *)name, length) < 0));
			HOLDS(child < tree->count);
			if (length == 1 && *name == '.')
				HOLDS(child == number);
			else if (length == 2 && name[0] == '.' && name[1] == '.')
				HOLDS(child == directory->parent);
			else
				HOLDS(tree->nodes[child].parent == number && tree->nodes[child].name_length == length);
			memcpy(before, name, length);
			before_length = length;
			names++;
		}
	}
	HOLDS(names == directory->children + 2);
}

static void image_is_right(const struct erofs *erofs)
{
	for (uint32_t i = 0; i < erofs->tree->count; i++)
		if (node_is_directory(&erofs->tree->nodes[i]))
			directory_is_right(erofs, i);
	for (uint64_t at = 0; at < erofs_size(erofs);) {
		struct spot spot = erofs_at(erofs, at);

		HOLDS(spot.length && spot.length <= erofs_size(erofs) - at);
		if (spot.kind == SPOT_MEMBER) {
			const struct node *node = &erofs->tree->nodes[spot.node];

			HOLDS(!node_is_directory(node) && spot.offset + spot.length == node->size);
			HOLDS((uint64_t)node->start * EROFS_BLOCK + spot.offset == at);
		}
		at += spot.length;
	}
}

static void grow(const uint8_t *data, size_t size, const struct tree_policy *policy)
{
	struct archive archive = { .at = data, .end = data + size };
	struct tree tree;
	struct erofs erofs = { 0 };

	if (!tree_open(&tree, &archive, policy)) {
		HOLDS(!erofs_open(&erofs, &tree, 1, "label"));
		image_is_right(&erofs);
	}
	erofs_close(&erofs);
	tree_close(&tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct tree_policy strict = { .max_nodes = 1000 };
	static const struct tree_policy lenient = { .max_nodes = 100000, .skip_bad_names = true, .allow_overlap = true };

	grow(data, size, &strict);
	grow(data, size, &lenient);
	return 0;
}
