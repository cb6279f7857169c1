/* SPDX-License-Identifier: MIT */
/*
 * archive.h - what a zip archive says it holds
 *
 * Reads the end record and the central directory of an archive that may be
 * anybody's, from first to last and with a bounded buffer, and gives out one
 * clean entry after the other. What is ambiguous or not supported is refused
 * by name; nothing is guessed. Sizes and offsets are in bytes, and every one
 * that is given out lies inside the file.
 */
#ifndef APPLETS_ZIP_ARCHIVE_H
#define APPLETS_ZIP_ARCHIVE_H

#include <stdbool.h>
#include <stdint.h>

/* Where the archive's bytes come from. */
struct source {
	/* Fill @into with @length bytes from @offset. 0 or -errno; -EIO if they are not all there. */
	int (*read)(const struct source *source, uint64_t offset, void *into, uint32_t length);
	uint64_t size;
	int fd;				/* for source_file(), which makes one that reads a file */
	const unsigned char *bytes;	/* for those that read from memory */
};

/* A source that reads an open file or block device; the caller keeps @fd open. */
struct source source_file(int fd, uint64_t size);

enum { METHOD_STORED = 0, METHOD_DEFLATED = 8 };

enum unsupported { UNSUPPORTED_REFUSE, UNSUPPORTED_EIO, UNSUPPORTED_HIDE };
enum bad_names { BAD_NAMES_REFUSE, BAD_NAMES_SKIP };
enum encoding { ENCODING_AUTO, ENCODING_CP437, ENCODING_LATIN1, ENCODING_UTF8, ENCODING_RAW };
enum owner { OWNER_ROOT, OWNER_ARCHIVE, OWNER_GIVEN };

/* What the user wishes. */
struct archive_policy {
	enum unsupported unsupported;
	enum bad_names bad_names;
	enum encoding encoding;
	enum owner owner;
	uint32_t uid, gid;		/* with OWNER_GIVEN */
	bool preserve_special;		/* keep setuid, setgid, and device nodes, fifos and sockets */
	uint32_t max_entries;		/* more are refused before anything is allocated */
};

#define ARCHIVE_PATH_MAX 4095		/* bytes of a whole path, without NUL */
#define ARCHIVE_NAME_MAX 255		/* bytes of one component */
#define NAME_SHOWN_MAX 200		/* bytes of a name in a message, with NUL: names.h */

struct entry {
	uint64_t header;		/* where in the file its local header begins */
	uint64_t packed;		/* bytes of data in the archive */
	uint64_t size;			/* bytes it unpacks to */
	uint32_t crc;			/* of what it unpacks to */
	uint32_t raw_crc;		/* of the name as the archive has it, to be compared with the local header's */
	uint16_t raw_length;		/* bytes of that */
	uint16_t method;		/* as the archive has it */
	uint16_t flags;
	bool unreadable;		/* encrypted or of another method: with UNSUPPORTED_EIO, reads fail */
	uint32_t mode;			/* as of stat(2), with its type */
	uint32_t uid, gid;
	int64_t mtime;			/* seconds since 1970 */
	uint32_t mtime_nsec;
	/* Clean: UTF-8 (or raw), '/' between components, none at the ends, none empty, no "." or "..". NUL at the end. */
	const char *name;		/* until the next entry is asked for */
	uint16_t name_length;		/* 0: the root itself, which such archives name "./" */
};

struct archive;

/*
 * Find the end record and check what it says. *archive is to be closed in any
 * case, and is NULL if there was no memory; @source must outlive it. 0, or -errno after fail() said why:
 * -EINVAL for no archive or a damaged one, -EOPNOTSUPP for what is refused,
 * else what reading it gave.
 */
int archive_open(struct archive **archive, const struct source *source, const struct archive_policy *policy);
void archive_close(struct archive *archive);

/* How many entries the end record promises, checked against the space there is for them. */
uint64_t archive_entries(const struct archive *archive);
/* Where the central directory begins: all data is before it. */
uint64_t archive_directory(const struct archive *archive);
/* A number that another archive hardly has: the directory's CRC32; of all of it once archive_next() has returned 0. */
uint32_t archive_crc(const struct archive *archive);

/*
 * The next entry: 1; or 0 after the last; or -errno after fail() said why,
 * naming the entry. What is to be skipped is, with a warning.
 */
int archive_next(struct archive *archive, struct entry *entry);

/*
 * Local headers are read when their data is wanted, not before. The first
 * LOCAL_HEADER + raw_length bytes of one are enough to check it and to tell
 * where the data is.
 */
#define LOCAL_HEADER 30

/* What is needed of an entry to check its local header. */
struct local {
	uint64_t header, packed, size;
	uint32_t crc, raw_crc;
	uint16_t raw_length, method, flags;
};

/*
 * @bytes are the first LOCAL_HEADER + raw_length of the local header. Returns
 * how far behind the header's start the data begins, or -EINVAL if it does not
 * agree with what the central directory said, *why naming what does not; or
 * if the data would reach beyond @directory.
 */
int local_data(const struct local *local, const unsigned char *bytes, uint64_t directory, const char **why);

#endif
