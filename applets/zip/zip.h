/* SPDX-License-Identifier: MIT */
/* zip.h - what the parts of ublk-zip share */
#ifndef APPLETS_ZIP_ZIP_H
#define APPLETS_ZIP_ZIP_H

#include <stdbool.h>
#include <stdint.h>

#include "applets/file/backing.h"
#include "applets/zip/archive.h"
#include "applets/zip/erofs.h"
#include "applets/zip/inflate.h"
#include "applets/zip/tree.h"
#include "applets/zip/watch.h"
#include "core/file.h"

enum index { INDEX_AUTO, INDEX_BACKGROUND, INDEX_WAIT, INDEX_LAZY };
enum overlap { OVERLAP_REFUSE, OVERLAP_ALLOW };
enum on_change { ON_CHANGE_EIO, ON_CHANGE_IGNORE };

struct zip {
	/* options */
	const char *path, *member, *owner, *index_file;
	uint32_t from_fd;
	int index;				/* enum index */
	int unsupported, bad_names, encoding;	/* those of archive.h */
	int overlap;				/* enum overlap */
	int on_change;				/* enum on_change */
	uint64_t index_memory, cache_memory;	/* bytes */
	uint32_t workers;			/* 0: as many as are worth it */
	uint32_t max_entries;
	bool list, verify, preserve_special;

	/* from prepare() on */
	char name[32];				/* of a descriptor, for messages */
	struct archive_policy policy;
	struct backing backing;
	uint32_t layout;		/* EROFS_LAYOUT of the program that made the disk */
	struct watch watch;			/* whether it stays as it was when it was opened */
	struct file_target index_target;	/* where a new index goes */
	int old_index, new_index;		/* descriptors, -1: none */
	uint32_t depth;				/* of a queue */
	uint32_t sector_size;			/* bytes */
	bool progress;

	/* from open() on */
	struct source source;
	uint64_t directory;			/* where the data of the archive ends, in bytes */
	uint64_t key;				/* tells archives apart */
	struct tree tree;
	struct erofs erofs;
	struct inflate *inflate;
	struct inflate_stats *counted;		/* where the engine counts, NULL: nowhere that can be looked at */
	_Atomic uint64_t *numbers;		/* of the archive: members, directories, bytes of the disk's member */
	uint32_t disk_node;			/* with --member: which it is */
	bool index_loaded;
	_Atomic uint32_t told;			/* files that it was said of that they cannot be read */
};

/* What the disk is called in messages. */
const char *zip_name(const struct zip *zip);

/* A deflated member whose data was located. */
struct member zip_member(const struct zip *zip, uint32_t node);

/* Look at a member's local header now, blocking. 0, or -errno after fail() said why. */
int zip_locate(struct zip *zip, uint32_t node);
/* The same with the bytes of the header read already. 0, or -EIO after it was said. */
int zip_located(struct zip *zip, uint32_t node, const unsigned char *header);

/* For --member: find it, and begin its index. 0, or -errno after fail() said why. */
struct disk;
int zip_open_member(struct zip *zip, struct disk *disk);
/* For --index-file: write the index to new_index, if it is new and complete. 0, or -errno after fail() said why. */
int zip_save_index(struct zip *zip);

/* For --list: what is in the archive, to standard output. 0, or -errno after fail() said why. */
int zip_list(struct zip *zip);

/* For --verify: every byte of every member, or of one. 0, or -errno after fail() named what is damaged. */
int zip_verify(struct zip *zip, uint32_t node);
int zip_verify_all(struct zip *zip);

#endif
