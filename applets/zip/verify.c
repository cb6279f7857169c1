/* SPDX-License-Identifier: MIT */
/* verify.c - all that is in the archive, against its checksums */
#include <errno.h>

#include "applets/zip/crc32.h"
#include "applets/zip/zip.h"
#include "core/log.h"
#include "core/progress.h"
#include "core/util.h"

#define CHUNK (1U << 20)

static int verify_stored(struct zip *z, const struct member *member)
{
	char *chunk = pages_get(CHUNK);
	uint32_t crc = 0;
	int err = chunk ? 0 : -ENOMEM;

	for (uint64_t at = 0; at < member->size && !err; at += CHUNK) {
		uint32_t n = (uint32_t)min_u64(CHUNK, member->size - at);

		err = z->source.read(&z->source, member->data + at, chunk, n);
		if (!err)
			crc = crc32_add(crc, chunk, n);
	}
	if (chunk)
		pages_free(chunk, CHUNK);
	return err ? err : crc == member->crc ? 0 : -EIO;
}

static int verify_data(struct zip *z, uint32_t number)
{
	const struct member member = zip_member(z, number);
	char shown[NAME_SHOWN_MAX];
	int err = 0;

	if (z->tree.nodes[number].flags & NODE_DEFLATED)
		err = inflate_verify(z->inflate, &member);
	else if (member.size)
		err = verify_stored(z, &member);
	if (err == -EIO)
		return fail_plain(err, "%s is damaged: it is not what its checksum says", tree_shown(&z->tree, number, shown));
	return err ? fail(err, "verify %s", tree_shown(&z->tree, number, shown)) : 0;
}

int zip_verify(struct zip *z, uint32_t number)
{
	int err;

	if (z->tree.nodes[number].flags & NODE_UNREADABLE)
		return 0;
	err = zip_locate(z, number);
	return err ? err : verify_data(z, number);
}

/* All are looked at before it is said that one is damaged, so that all that are can be told. */
int zip_verify_all(struct zip *z)
{
	struct progress progress = { .verb = "verifying", .name = zip_name(z), .whole = z->directory, .on = z->progress };
	int err = 0;

	for (uint32_t i = 0; i < z->tree.member_count; i++) {
		int failed = zip_verify(z, z->tree.members[i]);

		err = failed ? failed : err;
		progress_show(&progress, z->tree.nodes[z->tree.members[i]].header);
	}
	progress_end(&progress);
	return err;
}
