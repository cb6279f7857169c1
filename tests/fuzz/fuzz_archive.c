/* SPDX-License-Identifier: MIT */
/*
 * fuzz_archive.c - any bytes as an archive, under three policies
 *
 * fuzz: -max_len=1024
 * brief: 400000
 */
#include <errno.h>
#include <locale.h>
#include <stdint.h>
#include <sys/stat.h>

#include "applets/zip/archive.h"
#include "tests/fuzz/names_clean.h"

static const struct archive_policy policies[] = {
	{ .max_entries = 100 },
	{ .max_entries = 1000000, .unsupported = UNSUPPORTED_HIDE, .bad_names = BAD_NAMES_SKIP, .owner = OWNER_ARCHIVE,
	  .encoding = ENCODING_CP437, .preserve_special = true },
	{ .max_entries = 1000000, .unsupported = UNSUPPORTED_EIO, .bad_names = BAD_NAMES_SKIP, .encoding = ENCODING_RAW,
	  .owner = OWNER_GIVEN, .uid = 1, .gid = 2 },
};

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	HOLDS(setlocale(LC_CTYPE, "C.UTF-8"));
	return 0;
}

static int read_bytes(const struct source *source, uint64_t offset, void *into, uint32_t length)
{
	HOLDS(offset <= source->size && length <= source->size - offset);	/* there is no reason to ask for more */
	memcpy(into, source->bytes + offset, length);
	return 0;
}

static void is_honest(const struct entry *entry, uint64_t directory, const struct archive_policy *policy)
{
	name_is_clean(entry->name, entry->name_length);
	if (policy->encoding != ENCODING_RAW)
		name_is_utf8(entry->name, entry->name_length);
	HOLDS(entry->name_length || S_ISDIR(entry->mode));
	HOLDS(entry->size <= INT64_MAX && entry->mtime_nsec < 1000000000);
	HOLDS(entry->header <= directory && LOCAL_HEADER + (uint64_t)entry->raw_length <= directory - entry->header);
	HOLDS(entry->packed <= directory - entry->header - LOCAL_HEADER - entry->raw_length);
	HOLDS(!entry->unreadable || policy->unsupported == UNSUPPORTED_EIO);
	HOLDS(entry->unreadable || entry->method == METHOD_STORED || entry->method == METHOD_DEFLATED);
	if (!policy->preserve_special) {
		HOLDS(S_ISREG(entry->mode) || S_ISDIR(entry->mode) || S_ISLNK(entry->mode));
		HOLDS(!(entry->mode & (S_ISUID | S_ISGID)));
		HOLDS(entry->unreadable || entry->method != METHOD_STORED || entry->size == entry->packed);
	}
	HOLDS(!S_ISDIR(entry->mode) || !entry->size);
	HOLDS(!S_ISLNK(entry->mode) || (entry->size && entry->size <= 4095));
	if (policy->owner != OWNER_ARCHIVE)
		HOLDS(entry->uid == policy->uid && entry->gid == policy->gid);
}

/* With a copy of the length that it may read. */
static void local_is_honest(const struct entry *entry, const uint8_t *data, uint64_t directory)
{
	struct local local = {
		.header = entry->header, .packed = entry->packed, .size = entry->size,
		.crc = entry->crc, .raw_crc = entry->raw_crc, .raw_length = entry->raw_length,
		.method = entry->method, .flags = entry->flags,
	};
	size_t length = LOCAL_HEADER + (size_t)entry->raw_length;
	unsigned char *bytes = malloc(length);
	const char *why = NULL;
	int got;

	HOLDS(bytes);
	memcpy(bytes, data + entry->header, length);
	got = local_data(&local, bytes, directory, &why);
	free(bytes);
	HOLDS((got < 0) == (why != NULL));
	HOLDS(got == -EINVAL || (got >= (int)length && entry->header + (uint64_t)got + entry->packed <= directory));
}

static void walk(const struct source *source, const struct archive_policy *policy)
{
	struct archive *archive;
	struct entry entry;
	uint64_t count = 0;
	int got = archive_open(&archive, source, policy);

	HOLDS(archive);
	HOLDS(got == 0 || got == -EINVAL || got == -EOPNOTSUPP);
	if (!got) {
		uint64_t directory = archive_directory(archive);

		HOLDS(directory <= source->size && archive_entries(archive) <= policy->max_entries);
		HOLDS(archive_entries(archive) <= (source->size - directory) / 46);
		while ((got = archive_next(archive, &entry)) > 0) {
			is_honest(&entry, directory, policy);
			local_is_honest(&entry, source->bytes, directory);
			count++;
		}
		HOLDS(got == 0 || got == -EINVAL || got == -EOPNOTSUPP);
		HOLDS(count <= archive_entries(archive));
	}
	HOLDS(archive_next(archive, &entry) == got);
	archive_close(archive);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct source source = { .read = read_bytes, .size = size, .fd = -1, .bytes = data };

	for (unsigned int i = 0; i < sizeof(policies) / sizeof(policies[0]); i++)
		walk(&source, &policies[i]);
	return 0;
}
