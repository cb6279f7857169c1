/* SPDX-License-Identifier: MIT */
/* list.c - what is in the archive, a line each */
#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "applets/zip/names.h"
#include "applets/zip/zip.h"
#include "core/log.h"
#include "core/text.h"

/* "drwxr-xr-x" */
static const char *mode_text(uint32_t mode, char text[11])
{
	static const char types[16] = "?pc?d?b?-?l?s???";

	text_format(text, 11, "%c%s", types[(mode & S_IFMT) >> 12], "rwxrwxrwx");
	for (int bit = 0; bit < 9; bit++)
		if (!(mode & (0400U >> bit)))
			text[1 + bit] = '-';
	return text;
}

struct date {
	int64_t year;
	unsigned int month, day, hour, minute;
};

/* Of seconds since 1970 in UTC. Years begin in March, so that a leap day is the last of its year. */
static struct date date_of(int64_t seconds)
{
	int64_t days = seconds / 86400 - (seconds % 86400 < 0), time = seconds - days * 86400;
	int64_t since = days + 719468;				/* since 1 March of the year 0 */
	int64_t era = (since >= 0 ? since : since - 146096) / 146097;
	unsigned int day = (unsigned int)(since - era * 146097);	/* of 400 years */
	unsigned int year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	unsigned int of_year = day - (365 * year + year / 4 - year / 100);
	unsigned int month = (5 * of_year + 2) / 153;

	return (struct date){
		.year = (int64_t)year + era * 400 + (month >= 10),
		.month = month < 10 ? month + 3 : month - 9,
		.day = of_year - (153 * month + 2) / 5 + 1,
		.hour = (unsigned int)(time / 3600),
		.minute = (unsigned int)(time / 60 % 60),
	};
}

static const char *method_text(const struct entry *entry, char text[16])
{
	if (entry->flags & 1)
		return "encrypted";
	if (entry->method == METHOD_STORED)
		return "stored";
	if (entry->method == METHOD_DEFLATED)
		return "deflated";
	text_format(text, 16, "method-%u", entry->method);
	return text;
}

/* All of it, and so that it is one line and nothing else, whatever is in it. */
static void print_name(const unsigned char *at, size_t left)
{
	char one[CHARACTER_SHOWN_MAX + 1];
	size_t taken;

	for (; left; left -= taken, at += taken) {
		size_t length = character_shown(one, at, left, &taken);

		text_out("%.*s", (int)length, one);
	}
}

static void print(const struct entry *entry)
{
	struct date date = date_of(entry->mtime);
	char mode[11], method[16];

	text_out("%s %12" PRIu64 " %12" PRIu64 " %-9s %08" PRIx32 " %04" PRId64 "-%02u-%02u %02u:%02u ", mode_text(entry->mode, mode),
		 entry->size, entry->packed, method_text(entry, method), entry->crc, date.year, date.month, date.day, date.hour,
		 date.minute);
	print_name((const unsigned char *)entry->name, entry->name_length);
	text_out("%s\n", S_ISDIR(entry->mode) ? "/" : "");
}

int zip_list(struct zip *z)
{
	const struct source source = source_file(z->backing.fd, z->backing.size);
	struct archive_policy policy = z->policy;
	struct archive *archive;
	struct entry entry;
	int more = 0;

	if (policy.unsupported == UNSUPPORTED_REFUSE)
		policy.unsupported = UNSUPPORTED_EIO;	/* they can be named, if not read */
	more = archive_open(&archive, &source, &policy);
	if (!more)
		text_out("%-10s %12s %12s %-9s %-8s %-16s %s\n", "MODE", "SIZE", "PACKED", "METHOD", "CRC32", "MODIFIED (UTC)", "NAME");
	while (!more && (more = archive_next(archive, &entry)) > 0) {
		print(&entry);
		more = 0;
	}
	archive_close(archive);
	return more;
}
