/* SPDX-License-Identifier: MIT */
/*
 * archive.c - from the central directory to clean entries
 *
 * The directory is read once, from first to last, through a window that always
 * has the record at hand in one piece. Each record is read, then judged: it
 * becomes an entry, or is left out as the policy says, or ends everything.
 * What judges returns NULL, or what is wrong in words that go on after the
 * entry's name.
 */
#include <assert.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "applets/zip/archive.h"
#include "applets/zip/bytes.h"
#include "applets/zip/crc32.h"
#include "applets/zip/end.h"
#include "applets/zip/extra.h"
#include "applets/zip/meta.h"
#include "applets/zip/names.h"
#include "core/log.h"
#include "core/text.h"
#include "core/util.h"

#define SIGNED_SIGNATURE 0x05054b50	/* a digital signature may end the directory */
#define SIGNED_SIZE 6U

#define FLAG_ENCRYPTED 0x0001
#define FLAG_DESCRIPTOR 0x0008		/* sizes and checksum follow the data, and local headers need not have them */
#define FLAG_PATCH 0x0020
#define FLAG_STRONG 0x0040		/* encryption */
#define FLAG_UTF8 0x0800
#define FLAG_MASKED 0x2000		/* local headers are, as part of an encrypted directory */
#define FLAGS_ENCRYPTED (FLAG_ENCRYPTED | FLAG_STRONG | FLAG_MASKED)

#define METHOD_AES 99

#define CHUNK (128U << 10)		/* bytes read at a time */
#define RECORD_MAX (ENTRY_SIZE + 3 * UINT16_MAX)
static_assert(CHUNK >= END_BUFFER, "the window is also where the end record is looked for");

/* A line for each entry that is left out or changed; but an archive may be full of them. */
#define TOLD_MAX 10

enum told { TOLD_NAME, TOLD_UNSUPPORTED, TOLD_SPECIAL, TOLD_ABSOLUTE, TOLD_KINDS };

struct archive {
	const struct source *source;
	struct archive_policy policy;
	struct directory directory;
	uint64_t number;		/* of the entry at hand, from 1 */
	uint64_t unread;		/* bytes of the directory not yet in the window */
	uint32_t crc;			/* of what was */
	uint32_t begin, end;		/* what of the window is still to be used */
	uint32_t told[TOLD_KINDS];
	int error;			/* after one, there is no next entry */
	struct name name;
	unsigned char window[CHUNK + RECORD_MAX];
};

/* --- sources ----------------------------------------------------------------------- */

/* #syscalls pread64 */
static int read_file(const struct source *source, uint64_t offset, void *into, uint32_t length)
{
	char *to = into;

	while (length) {
		ssize_t n = RETRY(pread(source->fd, to, length, (off_t)offset));

		if (n <= 0)
			return n ? -errno : -EIO;
		to += n;
		offset += (uint64_t)n;
		length -= (uint32_t)n;
	}
	return 0;
}

struct source source_file(int fd, uint64_t size)
{
	return (struct source){ .read = read_file, .size = size, .fd = fd };
}

/* --- opening ----------------------------------------------------------------------- */

int archive_open(struct archive **archive, const struct source *source, const struct archive_policy *policy)
{
	struct archive *a = *archive = pages_get(sizeof(*a));
	int err;

	if (!a)
		return fail(-ENOMEM, "read the archive");
	a->source = source;
	a->policy = *policy;
	err = end_find(&a->directory, source, a->window);
	if (err)
		return a->error = err;
	a->unread = a->directory.size;
	if (a->directory.entries <= policy->max_entries)
		return 0;
	fail_plain(-EOPNOTSUPP, "the archive has %" PRIu64 " entries, and no more than %" PRIu32 " are allowed",
		   a->directory.entries, policy->max_entries);
	remedy("--max-entries=%" PRIu64 " allows them", a->directory.entries);
	return a->error = -EOPNOTSUPP;
}

void archive_close(struct archive *archive)
{
	if (archive)
		pages_free(archive, sizeof(*archive));
}

uint64_t archive_entries(const struct archive *archive)
{
	return archive->directory.entries;
}

uint64_t archive_directory(const struct archive *archive)
{
	return archive->directory.start;
}

uint32_t archive_crc(const struct archive *archive)
{
	return archive->crc;
}

/* --- the window -------------------------------------------------------------------- */

static uint32_t have(const struct archive *a)
{
	return a->end - a->begin;
}

static int read_on(struct archive *a, uint32_t length)
{
	uint64_t offset = a->directory.start + a->directory.size - a->unread;
	int err;

	memmove(a->window, a->window + a->begin, have(a));
	a->end = have(a);
	a->begin = 0;
	must(length <= a->unread && length <= sizeof(a->window) - a->end);
	err = a->source->read(a->source, offset, a->window + a->end, length);
	if (err)
		return fail(err, "read the archive's directory at %" PRIu64, offset);
	a->crc = crc32_add(a->crc, a->window + a->end, length);
	a->end += length;
	a->unread -= length;
	return 0;
}

/* Let the window have @length bytes, of a record at most. 1; 0 if the directory has no more so many; or -errno. */
static int want(struct archive *a, uint32_t length)
{
	int err;

	if (length <= have(a))
		return 1;
	if (length - have(a) > a->unread)
		return 0;
	err = read_on(a, (uint32_t)min_u64(a->unread, max_u64(CHUNK, length - have(a))));
	return err ? err : 1;
}

/* --- records ----------------------------------------------------------------------- */

struct record {
	struct raw_name name;
	struct raw_meta meta;
	struct extra extra;
	uint16_t flags, method;
	uint32_t crc, disk;
	uint64_t packed, size, offset;
};

static int damaged(const struct archive *a, const char *why)
{
	return fail_plain(-EINVAL, "the archive's directory is damaged at entry %" PRIu64 " of %" PRIu64 ": %s",
			  a->number, a->directory.entries, why);
}

static const char *parse(struct record *r, const unsigned char *at)
{
	const unsigned char *name = at + ENTRY_SIZE, *extra = name + get16(at + 28);

	*r = (struct record){
		.flags	= get16(at + 8),
		.method	= get16(at + 10),
		.crc	= get32(at + 16),
		.packed	= get32(at + 20),
		.size	= get32(at + 24),
		.disk	= get16(at + 34),
		.offset	= get32(at + 42),
		.name	= { .bytes = name, .length = get16(at + 28), .crc = crc32_add(0, name, get16(at + 28)) },
		.meta	= { .host = at[5], .time = get16(at + 12), .date = get16(at + 14) },
	};
	r->meta.attributes = get32(at + 38);
	r->meta.extra = &r->extra;
	r->name.utf8 = r->flags & FLAG_UTF8;
	r->name.dos = r->meta.host == HOST_DOS || r->meta.host == HOST_NTFS || r->meta.host == HOST_VFAT;
	return extra_find(&r->extra, extra, get16(at + 30));
}

/* The next one, which stays in the window until the next is asked for. 1, or -errno. */
static int read_record(struct archive *a, struct record *r, const char **why)
{
	const unsigned char *at;
	uint32_t length;
	int got = want(a, ENTRY_SIZE);

	if (got <= 0)
		return got ? got : damaged(a, "there are fewer");
	at = a->window + a->begin;
	if (get32(at) != ENTRY_SIGNATURE)
		return damaged(a, "something else is in its place");
	length = ENTRY_SIZE + get16(at + 28) + get16(at + 30) + get16(at + 32);
	got = want(a, length);
	if (got <= 0)
		return got ? got : damaged(a, "it is longer than what is left");
	*why = parse(r, a->window + a->begin);
	a->begin += length;
	return 1;
}

/* Nothing but a digital signature may follow the entries that were promised, or others would see more of them. */
static int read_rest(struct archive *a)
{
	uint64_t left = have(a) + a->unread;
	int got = want(a, SIGNED_SIZE);
	const unsigned char *at = a->window + a->begin;

	if (got < 0 || !left)
		return got < 0 ? got : 0;
	if (got && get32(at) == SIGNED_SIGNATURE && left == SIGNED_SIZE + get16(at + 4))
		return a->unread ? read_on(a, (uint32_t)a->unread) : 0;
	fail_plain(-EINVAL, "the archive is ambiguous: its directory goes on after the %" PRIu64
		   " entries that it promises", a->directory.entries);
	remedy("other programs may see other files in it than this one would; pack it anew");
	return -EINVAL;
}

/* --- what is believed -------------------------------------------------------------- */

/* Each number that did not fit is in the zip64 field, in this order; those that did are not. */
static const char *widen(struct record *r)
{
	const struct extra_field *field = &r->extra.fields[EXTRA_ZIP64];
	uint64_t *wide[] = { &r->size, &r->packed, &r->offset };
	unsigned int at = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(wide); i++) {
		if (*wide[i] != UINT32_MAX)
			continue;
		if (field->length < at + 8)
			return "is damaged: its zip64 field is missing or too short";
		*wide[i] = get64(field->bytes + at);
		at += 8;
	}
	if (r->disk != UINT16_MAX)
		return NULL;
	if (field->length < at + 4)
		return "is damaged: its zip64 field is missing or too short";
	r->disk = get32(field->bytes + at);
	return NULL;
}

/* All data is before the directory. The local header's own extra field is not known yet. */
static const char *check_bounds(const struct archive *a, const struct record *r)
{
	uint64_t room = a->directory.start - a->directory.base, head = LOCAL_HEADER + r->name.length;

	if (r->size > INT64_MAX)
		return "is damaged: its size is impossible";
	if (r->offset > room || head > room - r->offset || r->packed > room - r->offset - head)
		return "is damaged: its data reaches beyond where the directory begins";
	return NULL;
}

static bool is_encrypted(const struct record *r)
{
	return r->flags & FLAGS_ENCRYPTED || r->method == METHOD_AES;
}

/* 1032: what two bits at best make of deflated data, two symbols of 258 bytes in a byte. 32: for what is tiny. */
static const char *check_sizes(const struct record *r)
{
	if (is_encrypted(r))
		return NULL;
	if (r->method == METHOD_STORED && r->packed != r->size)
		return "is damaged: it is stored, and has two sizes";
	if (r->method == METHOD_DEFLATED && (r->size > 32 && (r->size - 32 + 1031) / 1032 > r->packed))
		return "is damaged: so few bytes cannot unpack to its size";
	return NULL;
}

static const char *method_name(uint16_t method)
{
	switch (method) {
	case 9: return " (Deflate64)";
	case 12: return " (bzip2)";
	case 14: return " (LZMA)";
	case 93: return " (zstd)";
	case 95: return " (xz)";
	case 98: return " (PPMd)";
	default: return "";
	}
}

/* For what we cannot unpack, why not. */
static const char *unsupported(const struct record *r, char text[64])
{
	if (is_encrypted(r))
		return "is encrypted, which is not supported";
	if (r->flags & FLAG_PATCH)
		return "is a patch, which is not supported";
	if (r->method == METHOD_STORED || r->method == METHOD_DEFLATED)
		return NULL;
	text_format(text, 64, "is packed with method %u%s, which is not supported", r->method, method_name(r->method));
	return text;
}

static bool is_special(uint32_t mode)
{
	return !S_ISREG(mode) && !S_ISDIR(mode) && !S_ISLNK(mode);
}

static bool is_device_or_pipe(uint32_t mode)
{
	return S_ISCHR(mode) || S_ISBLK(mode) || S_ISFIFO(mode) || S_ISSOCK(mode);
}

/* Times and owner are the first 12 bytes of the field; a regular file with more is another name for what that says. */
static bool is_hard_link(const struct record *r, uint32_t mode)
{
	return S_ISREG(mode) && r->extra.fields[EXTRA_PKWARE_UNIX].length > 12;
}

static const char *check_kind(const struct entry *entry)
{
	if (S_ISDIR(entry->mode))
		return entry->size ? "is a directory, and has data like a file" : NULL;
	if (!entry->name_length)
		return "has no name but the root's, and is no directory";
	if (S_ISLNK(entry->mode) && (!entry->size || entry->size > ARCHIVE_PATH_MAX))
		return "is a symbolic link to a path of no possible length";
	return NULL;
}

/* --- what follows from it ---------------------------------------------------------- */

static bool may_tell(struct archive *a, enum told kind)
{
	if (a->told[kind] < TOLD_MAX)
		return ++a->told[kind];
	if (a->told[kind] == TOLD_MAX) {
		a->told[kind]++;
		warn("more entries are like this; they are not named");
	}
	return false;
}

static void tell(struct archive *a, enum told kind, const struct record *r, const char *what, const char *then)
{
	char shown[NAME_SHOWN_MAX];

	if (may_tell(a, kind))
		warn("entry %s %s; %s", name_shown(shown, r->name.bytes, r->name.length), what, then);
}

static int refuse(const struct record *r, int error, const char *why, const char *how)
{
	char shown[NAME_SHOWN_MAX];

	fail_plain(error, "entry %s %s", name_shown(shown, r->name.bytes, r->name.length), why);
	if (how)
		remedy("%s", how);
	return error;
}

static int judge_name(struct archive *a, const struct record *r, const char *why)
{
	if (a->policy.bad_names == BAD_NAMES_REFUSE)
		return refuse(r, -EINVAL, why, "--bad-names=skip leaves such entries out");
	tell(a, TOLD_NAME, r, why, "it is left out");
	return 0;
}

/* Can its bytes be had? 1, perhaps as unreadable; 0 to leave it out; or -errno. */
static int judge_method(struct archive *a, const struct record *r, struct entry *entry)
{
	char text[64];
	const char *why = unsupported(r, text);

	if (!why)
		return 1;
	if (a->policy.unsupported == UNSUPPORTED_REFUSE)
		return refuse(r, -EOPNOTSUPP, why,
			      "--unsupported=hide leaves such entries out, --unsupported=eio lets reads of them fail");
	entry->unreadable = a->policy.unsupported == UNSUPPORTED_EIO;
	tell(a, TOLD_UNSUPPORTED, r, why, entry->unreadable ? "reads of it fail" : "it is left out");
	return entry->unreadable;
}

static int judge_hard_link(struct archive *a, const struct record *r)
{
	const char *why = "is a hard link, which is not supported";

	if (a->policy.unsupported != UNSUPPORTED_HIDE)
		return refuse(r, -EOPNOTSUPP, why, "--unsupported=hide leaves such entries out");
	tell(a, TOLD_UNSUPPORTED, r, why, "it is left out");
	return 0;
}

/* They have no data, whatever is said. */
static int judge_special(struct archive *a, const struct record *r, struct entry *entry)
{
	if (!is_device_or_pipe(entry->mode)) {
		tell(a, TOLD_SPECIAL, r, "is of a type that nobody knows", "it is left out");
		return 0;
	}
	if (!a->policy.preserve_special) {
		tell(a, TOLD_SPECIAL, r, "is a device, pipe or socket", "it is left out without --preserve-special");
		return 0;
	}
	entry->size = 0;
	return 1;
}

static void fill(struct entry *entry, const struct archive *a, const struct record *r)
{
	*entry = (struct entry){
		.header		= a->directory.base + r->offset,
		.packed		= r->packed,
		.size		= r->size,
		.crc		= r->crc,
		.raw_crc	= r->name.crc,
		.raw_length	= r->name.length,
		.method		= r->method,
		.flags		= r->flags,
	};
}

/* By what it is called and what it is. As all of these. */
static int judge_kind(struct archive *a, struct record *r, struct entry *entry)
{
	const char *why;

	r->name.unicode = r->extra.fields[EXTRA_UNICODE_PATH];
	why = name_clean(&a->name, &r->name, a->policy.encoding);
	if (why)
		return judge_name(a, r, why);
	entry->name = a->name.path;
	entry->name_length = a->name.length;
	r->meta.directory = a->name.directory;
	meta_read(entry, &r->meta, &a->policy);
	if (S_ISFIFO(entry->mode) && entry->size)	/* what zip has read from a pipe, it calls a pipe */
		entry->mode = S_IFREG | (entry->mode & 07777);
	why = check_kind(entry);
	if (why)
		return judge_name(a, r, why);
	if (is_hard_link(r, entry->mode))
		return judge_hard_link(a, r);
	if (a->name.relative)
		tell(a, TOLD_ABSOLUTE, r, "has an absolute name", "what makes it so is dropped");
	return is_special(entry->mode) ? judge_special(a, r, entry) : 1;
}

static int judge(struct archive *a, struct record *r, const char *why, struct entry *entry)
{
	int taken;

	if (!why)
		why = widen(r);
	if (!why)
		why = check_bounds(a, r);
	if (!why)
		why = check_sizes(r);
	if (why)
		return refuse(r, -EINVAL, why, NULL);
	if (r->disk)
		return refuse(r, -EOPNOTSUPP, "is in another part of the archive, which is not supported", NULL);
	fill(entry, a, r);
	taken = judge_method(a, r, entry);
	return taken > 0 ? judge_kind(a, r, entry) : taken;
}

int archive_next(struct archive *a, struct entry *entry)
{
	int taken = a->error;

	while (!taken && a->number < a->directory.entries) {
		struct record record;
		const char *why = NULL;

		a->number++;
		taken = read_record(a, &record, &why);
		if (taken > 0)
			taken = judge(a, &record, why, entry);
	}
	if (!taken)
		taken = read_rest(a);
	a->error = taken < 0 ? taken : 0;
	return taken;
}

/* --- local headers ----------------------------------------------------------------- */

/* What a local header says twice, it has in a zip64 field, which is not looked for. */
static bool agrees(uint32_t here, uint64_t there)
{
	return here == there || here == UINT32_MAX;
}

static const char *disagrees(const struct local *local, const unsigned char *at)
{
	uint16_t flags = get16(at + 6);

	if (get32(at) != LOCAL_SIGNATURE)
		return "there is no local header where the directory says";
	if ((flags ^ local->flags) & (FLAGS_ENCRYPTED | FLAG_PATCH))
		return "its local header has other flags than the directory";
	if (get16(at + 8) != local->method)
		return "its local header has another method than the directory";
	if (get16(at + 26) != local->raw_length || crc32_add(0, at + LOCAL_HEADER, local->raw_length) != local->raw_crc)
		return "its local header has another name than the directory";
	if (flags & FLAG_DESCRIPTOR)
		return NULL;
	if (get32(at + 14) != local->crc)
		return "its local header has another checksum than the directory";
	if (!agrees(get32(at + 18), local->packed) || !agrees(get32(at + 22), local->size))
		return "its local header has another size than the directory";
	return NULL;
}

int local_data(const struct local *local, const unsigned char *bytes, uint64_t directory, const char **why)
{
	uint32_t head = LOCAL_HEADER + local->raw_length + get16(bytes + 28);

	*why = disagrees(local, bytes);
	if (*why)
		return -EINVAL;
	if (local->header > directory || head > directory - local->header ||
	    local->packed > directory - local->header - head) {
		*why = "its data reaches beyond where the directory begins";
		return -EINVAL;
	}
	return (int)head;
}
