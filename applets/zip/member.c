/* SPDX-License-Identifier: MIT */
/* member.c - one member as the disk, and the way to every part of it */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "applets/zip/bytes.h"
#include "applets/zip/zip.h"
#include "core/backend.h"
#include "core/log.h"
#include "core/progress.h"
#include "core/text.h"
#include "core/util.h"

static int find_member(struct zip *z)
{
	int64_t number = tree_find(&z->tree, z->member);
	const struct node *node = &z->tree.nodes[number < 0 ? 0 : number];

	if (number < 0) {
		fail_plain(-ENOENT, "%s holds no %s", zip_name(z), z->member);
		remedy("--list shows what it holds");
		return -ENOENT;
	}
	if (!S_ISREG(node->mode))
		return fail_plain(-EINVAL, "%s is no file", z->member);
	if (!node->size)
		return fail_plain(-EINVAL, "%s is empty, and a disk is not", z->member);
	if (node->flags & NODE_UNREADABLE)
		return fail_plain(-EOPNOTSUPP, "%s is encrypted or of a method that is not supported", z->member);
	z->disk_node = (uint32_t)number;
	return zip_locate(z, z->disk_node);
}

static int wait_for_index(struct zip *z, const struct member *member)
{
	struct progress progress = { .verb = "indexing", .name = z->member, .whole = member->size, .on = z->progress };
	int64_t done = 0;

	while (done >= 0 && (uint64_t)done < member->size) {
		done = inflate_indexed_wait(z->inflate, member, (uint64_t)done);
		if (done > 0)
			progress_show(&progress, (uint64_t)done);
	}
	progress_end(&progress);
	if (done == -EIO)
		return fail_plain(-EIO, "%s cannot be read to its end", z->member);
	return done < 0 ? fail((int)done, "index %s", z->member) : 0;
}

static void load_index(struct zip *z, const struct member *member)
{
	int err;

	if (z->old_index < 0)
		return;
	(void)lseek(z->old_index, 0, SEEK_SET);	/* with --recovery, another server may have read it before; a pipe stays as it is */
	err = inflate_load(z->inflate, member, z->key, z->old_index);
	z->index_loaded = !err;
	if (err)
		note("%s is no index of this member, or takes more than --index-memory, and %s", z->index_file,
		     z->new_index < 0 ? "cannot be replaced" : "is made anew");
}

/* --- SOZip: an index that whoever packed the archive put into it, as a stored file of which the directory knows nothing --- */

/* "dir/.NAME.sozip.idx" of "dir/NAME" */
static int sozip_name(const char *member, char *to, size_t limit)
{
	const char *slash = strrchr(member, '/'), *base = slash ? slash + 1 : member;

	return text_format(to, limit, "%.*s.%s.sozip.idx", (int)(base - member), member, base);
}

/* Takes the index at @offset, if there is one that is of this member and good. */
static bool take_sozip(struct zip *z, const struct member *member, uint64_t offset)
{
	unsigned char header[LOCAL_HEADER + ARCHIVE_PATH_MAX];
	char path[ARCHIVE_PATH_MAX], name[ARCHIVE_PATH_MAX];
	int length = sozip_name(tree_path(&z->tree, z->disk_node, path, sizeof(path)), name, sizeof(name));

	if (length < 0 || (size_t)length >= sizeof(name) || z->source.read(&z->source, offset, header, LOCAL_HEADER + (uint32_t)length))
		return false;
	if (get32(header) != 0x04034b50 || get16(header + 8) != METHOD_STORED || get16(header + 26) != length ||
	    memcmp(header + LOCAL_HEADER, name, (size_t)length))
		return false;
	offset += LOCAL_HEADER + (uint32_t)length + get16(header + 28);
	return !inflate_sozip(z->inflate, member, offset, get32(header + 18));
}

/* Right behind the data, or behind the descriptor that may follow that. */
static bool find_sozip(struct zip *z, const struct member *member)
{
	static const uint32_t gaps[] = { 0, 16, 24 };

	for (size_t i = 0; i < ARRAY_SIZE(gaps); i++)
		if (take_sozip(z, member, member->data + member->packed + gaps[i]))
			return true;
	return false;
}

static int open_index_of(struct zip *z)
{
	const struct member member = zip_member(z, z->disk_node);
	int err;

	if (!(z->tree.nodes[z->disk_node].flags & NODE_DEFLATED))
		return 0;
	if (find_sozip(z, &member)) {
		info("%s has an index of its own (SOZip)", z->member);
		z->index_loaded = true;
		return 0;
	}
	load_index(z, &member);
	if (z->index_loaded || z->index == INDEX_LAZY)
		return 0;
	err = inflate_index(z->inflate, &member);
	if (err)
		return fail(err, "begin to index %s", z->member);
	return z->index == INDEX_WAIT ? wait_for_index(z, &member) : 0;
}

int zip_open_member(struct zip *z, struct disk *disk)
{
	int err = find_member(z);

	if (!err && z->verify)
		err = zip_verify(z, z->disk_node);
	if (!err)
		err = open_index_of(z);
	disk->size = round_up(z->tree.nodes[z->disk_node].size, z->sector_size);
	return err;
}

/* All of the index, if there is all of it; a part is of no use to the next start. */
int zip_save_index(struct zip *z)
{
	struct member member;
	int err;

	if (z->index_loaded || !(z->tree.nodes[z->disk_node].flags & NODE_DEFLATED))
		return 0;
	member = zip_member(z, z->disk_node);
	if (inflate_indexed(z->inflate, &member) != (int64_t)member.size)
		return 0;
	err = inflate_save(z->inflate, &member, z->key, z->new_index);
	return err && err != -ENOENT ? fail(err, "write the index %s", z->index_file) : 0;	/* so small that it needs none */
}
