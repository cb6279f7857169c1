/* SPDX-License-Identifier: MIT */
/* end.c - the records at the end of an archive */
#include <inttypes.h>
#include <stdbool.h>

#include "applets/zip/bytes.h"
#include "applets/zip/end.h"
#include "core/log.h"
#include "core/util.h"

#define END_SIGNATURE 0x06054b50
#define WIDE_SIGNATURE 0x06064b50	/* the zip64 record */
#define WIDE_SIZE 56
#define WIDE_HEAD 12			/* signature, and how many bytes follow */
#define LOCATOR_SIGNATURE 0x07064b50
#define LOCATOR_SIZE 20
#define SPANNED_SIGNATURE 0x08074b50	/* what a first part begins with */

/* What either end record says. */
struct end {
	uint64_t at;			/* where in the file it is, and the directory ends */
	uint32_t disk, directory_disk;
	uint64_t entries_here, entries, size, offset;
};

static int read_at(const struct source *source, uint64_t offset, void *into, uint32_t length)
{
	int err = source->read(source, offset, into, length);

	return err ? fail(err, "read the archive at %" PRIu64, offset) : 0;
}

static int damaged(const char *why)
{
	return fail_plain(-EINVAL, "the archive is damaged: %s", why);
}

static int ambiguous(const char *why)
{
	fail_plain(-EINVAL, "the archive is ambiguous: %s", why);
	remedy("other programs may see other files in it than this one would; pack it anew");
	return -EINVAL;
}

/* --- the end record ---------------------------------------------------------------- */

static struct end parse_end(const unsigned char *at, uint64_t where)
{
	return (struct end){
		.at		= where,
		.disk		= get16(at + 4),
		.directory_disk	= get16(at + 6),
		.entries_here	= get16(at + 8),
		.entries	= get16(at + 10),
		.size		= get32(at + 12),
		.offset		= get32(at + 16),
	};
}

/* There is none that ends where the file ends: @nearest is what would be one elsewhere, or NULL. */
static int explain_missing(const struct source *source, const unsigned char *nearest, uint64_t where)
{
	unsigned char first[4] = { 0 };
	uint64_t end = nearest ? where + END_SIZE + get16(nearest + 20) : 0;

	if (nearest && end < source->size) {
		fail_plain(-EINVAL, "the archive ends at byte %" PRIu64 ", but %" PRIu64 " more bytes follow", end,
			   source->size - end);
		remedy("if they do not belong to it, cut them off a copy of it: truncate --size=%" PRIu64 " COPY", end);
		return -EINVAL;
	}
	if (source->size >= sizeof(first)) {
		int err = read_at(source, 0, first, sizeof(first));

		if (err)
			return err;
	}
	if (get32(first) == SPANNED_SIGNATURE)
		return fail_plain(-EOPNOTSUPP, "the archive is split into several files, which is not supported");
	if (nearest || get32(first) == LOCAL_SIGNATURE)
		return fail_plain(-EINVAL, "the archive is not complete: its end is missing");
	return fail_plain(-EINVAL, "this is no zip archive: it has no end record");
}

static int find_end(const struct source *source, unsigned char *tail, struct end *end)
{
	uint32_t length = (uint32_t)min_u64(source->size, END_BUFFER);
	uint64_t begin = source->size - length;
	const unsigned char *nearest = NULL;
	int found = 0, err = read_at(source, begin, tail, length);

	if (err)
		return err;
	for (uint32_t at = 0; at + END_SIZE <= length; at++) {
		if (get32(tail + at) != END_SIGNATURE)
			continue;
		nearest = tail + at;
		if (at + END_SIZE + get16(tail + at + 20) != length)
			continue;
		*end = parse_end(tail + at, begin + at);
		found++;
	}
	if (!found)
		return explain_missing(source, nearest, nearest ? begin + (uint64_t)(nearest - tail) : 0);
	return found > 1 ? ambiguous("it has two end records") : 0;
}

/* --- zip64 ------------------------------------------------------------------------- */

struct wide {
	struct end end;
	uint64_t stated;		/* where in the archive its locator says that it is */
	bool found;
};

/* Is there a record at @at that ends where the locator begins? 1, 0, or -errno. */
static int read_wide(const struct source *source, uint64_t at, uint64_t locator, struct wide *wide)
{
	unsigned char bytes[WIDE_SIZE];
	int err;

	if (locator < WIDE_SIZE || at > locator - WIDE_SIZE)
		return 0;
	err = read_at(source, at, bytes, sizeof(bytes));
	if (err)
		return err;
	if (get32(bytes) != WIDE_SIGNATURE || get64(bytes + 4) != locator - at - WIDE_HEAD)
		return 0;
	wide->found = true;
	wide->end = (struct end){
		.at		= at,
		.disk		= get32(bytes + 16),
		.directory_disk	= get32(bytes + 20),
		.entries_here	= get64(bytes + 24),
		.entries	= get64(bytes + 32),
		.size		= get64(bytes + 40),
		.offset		= get64(bytes + 48),
	};
	return 1;
}

/*
 * The record usually is right before its locator, wherever the base may be. One
 * that has more to say is longer, and can only be where the locator says, in
 * a file that has nothing before the archive.
 */
static int find_wide(const struct source *source, uint64_t locator, struct wide *wide)
{
	uint64_t near = locator - WIDE_SIZE;
	int is_near = locator < WIDE_SIZE ? 0 : read_wide(source, near, locator, wide), is_far;

	if (is_near < 0 || wide->stated == near)
		return is_near;
	is_far = read_wide(source, wide->stated, locator, wide);
	if (is_far < 0)
		return is_far;
	return is_near && is_far ? ambiguous("it has two zip64 records") : 0;
}

static bool agrees(uint64_t narrow, uint64_t sentinel, uint64_t wide)
{
	return narrow == sentinel || narrow == wide;
}

static bool ends_agree(const struct end *narrow, const struct end *wide)
{
	return agrees(narrow->disk, UINT16_MAX, wide->disk) &&
	       agrees(narrow->directory_disk, UINT16_MAX, wide->directory_disk) &&
	       agrees(narrow->entries_here, UINT16_MAX, wide->entries_here) &&
	       agrees(narrow->entries, UINT16_MAX, wide->entries) && agrees(narrow->size, UINT32_MAX, wide->size) &&
	       agrees(narrow->offset, UINT32_MAX, wide->offset);
}

/* The end record says so by a number that means "see there". */
static bool has_sentinel(const struct end *end)
{
	return end->entries == UINT16_MAX || end->size == UINT32_MAX || end->offset == UINT32_MAX;
}

/*
 * Let the zip64 record, if there is one, take the place of the end record. It
 * is believed in even where nothing hints at it, as some programs do and others
 * do not: so both must say the same.
 */
static int widen(const struct source *source, struct end *end, struct wide *wide)
{
	unsigned char locator[LOCATOR_SIZE];
	int err;

	if (end->at < LOCATOR_SIZE)
		return 0;
	err = read_at(source, end->at - LOCATOR_SIZE, locator, sizeof(locator));
	if (err || get32(locator) != LOCATOR_SIGNATURE)
		return err;
	wide->stated = get64(locator + 8);
	err = find_wide(source, end->at - LOCATOR_SIZE, wide);
	if (err < 0)
		return err;
	if (!wide->found)
		return has_sentinel(end) ? damaged("its zip64 end record is not where it should be") : 0;
	if (!ends_agree(end, &wide->end))
		return ambiguous("its end record and its zip64 end record contradict each other");
	if (get32(locator + 4) || get32(locator + 16) > 1)
		wide->end.disk = 1;		/* its parts are told by check_parts() */
	*end = wide->end;
	return 0;
}

/* --- the directory ----------------------------------------------------------------- */

static int check_parts(const struct end *end)
{
	if (!end->disk && !end->directory_disk && end->entries_here == end->entries)
		return 0;
	fail_plain(-EOPNOTSUPP, "the archive is the last of several parts, which is not supported");
	remedy("join them first: zip -s 0 ARCHIVE --out JOINED");
	return -EOPNOTSUPP;
}

static int place(struct directory *directory, const struct end *end)
{
	uint64_t start = end->at - end->size;

	if (end->size > end->at)
		return damaged("its directory is larger than all that is before its end");
	if (end->offset > start)
		return fail_plain(-EINVAL, "the archive is not complete: %" PRIu64
				  " bytes are missing before its directory", end->offset - start);
	if (end->entries > end->size / ENTRY_SIZE)
		return damaged("it promises more entries than its directory has room for");
	*directory = (struct directory){
		.base = start - end->offset, .start = start, .size = end->size, .entries = end->entries,
	};
	return 0;
}

static int is_entry(const struct source *source, uint64_t at)
{
	unsigned char signature[4];
	int err = read_at(source, at, signature, sizeof(signature));

	return err ? err : get32(signature) == ENTRY_SIGNATURE;
}

/*
 * Nothing says that the archive does not begin with the file, so there must
 * be no directory where it would be if it did: some programs look there first.
 */
static int check_place(const struct directory *directory, const struct source *source)
{
	int there = is_entry(source, directory->start), elsewhere;

	if (there < 0)
		return there;
	if (!there)
		return damaged("its directory is not where its end record says");
	elsewhere = directory->base ? is_entry(source, directory->start - directory->base) : 0;
	return elsewhere > 0 ? ambiguous("it has two directories") : elsewhere;
}

int end_find(struct directory *directory, const struct source *source, unsigned char *buffer)
{
	struct end end = { 0 };
	struct wide wide = { .found = false };
	int err = find_end(source, buffer, &end);

	if (!err)
		err = widen(source, &end, &wide);
	if (!err)
		err = check_parts(&end);
	if (!err)
		err = place(directory, &end);
	if (!err && wide.found && (wide.stated > wide.end.at || wide.end.at - wide.stated != directory->base))
		err = damaged("its zip64 records contradict each other");
	if (!err && directory->entries)
		err = check_place(directory, source);
	return err;
}
