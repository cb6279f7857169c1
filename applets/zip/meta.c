/* SPDX-License-Identifier: MIT */
/* meta.c - mode, owner and time of an entry */
#include <sys/stat.h>

#include "applets/zip/bytes.h"
#include "applets/zip/meta.h"

/* --- mode -------------------------------------------------------------------------- */

#define DOS_READ_ONLY 0x01
#define DOS_DIRECTORY 0x10

static uint32_t type_of(const struct raw_meta *raw, uint32_t mode)
{
	const uint32_t type = mode & S_IFMT;

	if (raw->directory)
		return S_IFDIR;
	if (type)
		return type;
	return raw->attributes & DOS_DIRECTORY ? S_IFDIR : S_IFREG;
}

static uint32_t permissions_of(const struct raw_meta *raw, uint32_t mode, uint32_t type, bool preserve_special)
{
	if (mode)
		return mode & (preserve_special ? 07777 : 07777 & ~(S_ISUID | S_ISGID));
	if (S_ISDIR(type))
		return 0755;
	return raw->attributes & DOS_READ_ONLY ? 0444 : 0644;
}

static uint32_t mode_of(const struct raw_meta *raw, bool preserve_special)
{
	bool unix_mode = raw->host == HOST_UNIX || raw->host == HOST_MACOS;
	uint32_t mode = unix_mode ? raw->attributes >> 16 : 0;
	uint32_t type = type_of(raw, mode);

	return type | permissions_of(raw, mode, type, preserve_special);
}

/* --- time -------------------------------------------------------------------------- */

#define DAY 86400
#define NTFS_SECOND 10000000U		/* in units of 100 ns */
#define NTFS_EPOCH 11644473600		/* seconds from 1601 to 1970 */

/* Since 1970-01-01. A year that begins in March has its leap day last. */
static int64_t days_of(unsigned int year, unsigned int month, unsigned int day)
{
	unsigned int y = year - (month < 3), of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;

	return (int64_t)y * 365 + y / 4 - y / 100 + y / 400 + of_year - 719468;
}

/* Nobody says in which time zone: UTC. A month or day of 0 is no time at all, and stands for the first. */
static int64_t dos_time(uint16_t date, uint16_t time)
{
	unsigned int month = date >> 5 & 15, day = date & 31;

	month = month < 1 ? 1 : month > 12 ? 12 : month;
	return days_of(1980 + (date >> 9), month, day ? day : 1) * DAY +
	       (time >> 11) * 3600 + (time >> 5 & 63) * 60 + (time & 31) * 2;
}

/* Attributes with number and length, after four bytes of nothing; the first is the times, beginning with mtime. */
static uint64_t ntfs_time(const struct extra_field *field)
{
	const unsigned char *at = field->bytes;

	for (unsigned int left = field->length, used = 4; left >= used + 4; used = 4U + get16(at + 2)) {
		at += used;
		left -= used;
		if (get16(at) == 1 && get16(at + 2) >= 8 && left >= 12)
			return get64(at + 4);
	}
	return 0;
}

static void read_time(struct entry *entry, const struct raw_meta *raw)
{
	const struct extra_field *fields = raw->extra->fields;
	const struct extra_field *time = &fields[EXTRA_TIME], *old = &fields[EXTRA_UNIX_OLD];
	uint64_t ntfs;

	entry->mtime_nsec = 0;
	if (time->length >= 5 && (time->bytes[0] & 1)) {
		entry->mtime = (int32_t)get32(time->bytes + 1);
	} else if ((ntfs = ntfs_time(&fields[EXTRA_NTFS])) != 0) {
		entry->mtime = (int64_t)(ntfs / NTFS_SECOND) - NTFS_EPOCH;
		entry->mtime_nsec = (uint32_t)(ntfs % NTFS_SECOND) * 100;
	} else if (old->length >= 8) {
		entry->mtime = (int32_t)get32(old->bytes + 4);
	} else {
		entry->mtime = dos_time(raw->date, raw->time);
	}
}

/* --- owner ------------------------------------------------------------------------- */

/* A length and so many bytes at *@at, which moves behind them. */
static bool take_id(const unsigned char **at, const unsigned char *end, uint32_t *id)
{
	unsigned int width;
	uint64_t value = 0;

	if (*at == end)
		return false;
	width = *(*at)++;
	if (width > sizeof(value) || width > end - *at)
		return false;
	for (unsigned int i = width; i > 0; i--)
		value = value << 8 | (*at)[i - 1];
	*at += width;
	*id = (uint32_t)value;
	return value <= UINT32_MAX;
}

/* Of version 1, which is the first byte. */
static bool take_owner(struct entry *entry, const struct extra_field *field)
{
	const unsigned char *at = field->bytes + 1, *end = field->bytes + field->length;
	uint32_t uid, gid;

	if (!take_id(&at, end, &uid) || !take_id(&at, end, &gid))
		return false;
	entry->uid = uid;
	entry->gid = gid;
	return true;
}

static bool take_owner_16(struct entry *entry, const struct extra_field *field, unsigned int at)
{
	if (field->length < at + 4)
		return false;
	entry->uid = get16(field->bytes + at);
	entry->gid = get16(field->bytes + at + 2);
	return true;
}

static void read_owner(struct entry *entry, const struct extra_field *fields, const struct archive_policy *policy)
{
	entry->uid = policy->owner == OWNER_GIVEN ? policy->uid : 0;
	entry->gid = policy->owner == OWNER_GIVEN ? policy->gid : 0;
	if (policy->owner != OWNER_ARCHIVE)
		return;
	if (fields[EXTRA_OWNER].length && fields[EXTRA_OWNER].bytes[0] == 1 && take_owner(entry, &fields[EXTRA_OWNER]))
		return;
	if (!take_owner_16(entry, &fields[EXTRA_OWNER_16], 0))
		take_owner_16(entry, &fields[EXTRA_UNIX_OLD], 8);
}

void meta_read(struct entry *entry, const struct raw_meta *raw, const struct archive_policy *policy)
{
	entry->mode = mode_of(raw, policy->preserve_special);
	read_time(entry, raw);
	read_owner(entry, raw->extra->fields, policy);
}
