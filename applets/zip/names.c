/* SPDX-License-Identifier: MIT */
/* names.c - from any encoding and any system's habits to a clean path */
#include <string.h>

#include "applets/zip/bytes.h"
#include "applets/zip/names.h"
#include "core/text.h"
#include "core/util.h"

/* --- encodings --------------------------------------------------------------------- */

/* The upper half of IBM's code page 437, which is what names without any hint are in. */
static const uint16_t cp437[128] = {
	0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7,
	0x00ea, 0x00eb, 0x00e8, 0x00ef, 0x00ee, 0x00ec, 0x00c4, 0x00c5,
	0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb, 0x00f9,
	0x00ff, 0x00d6, 0x00dc, 0x00a2, 0x00a3, 0x00a5, 0x20a7, 0x0192,
	0x00e1, 0x00ed, 0x00f3, 0x00fa, 0x00f1, 0x00d1, 0x00aa, 0x00ba,
	0x00bf, 0x2310, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab, 0x00bb,
	0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562, 0x2556,
	0x2555, 0x2563, 0x2551, 0x2557, 0x255d, 0x255c, 0x255b, 0x2510,
	0x2514, 0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f,
	0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256c, 0x2567,
	0x2568, 0x2564, 0x2565, 0x2559, 0x2558, 0x2552, 0x2553, 0x256b,
	0x256a, 0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590, 0x2580,
	0x03b1, 0x00df, 0x0393, 0x03c0, 0x03a3, 0x03c3, 0x00b5, 0x03c4,
	0x03a6, 0x0398, 0x03a9, 0x03b4, 0x221e, 0x03c6, 0x03b5, 0x2229,
	0x2261, 0x00b1, 0x2265, 0x2264, 0x2320, 0x2321, 0x00f7, 0x2248,
	0x00b0, 0x2219, 0x00b7, 0x221a, 0x207f, 0x00b2, 0x25a0, 0x00a0,
};

/* How many bytes there are before the first that is not ASCII: in most names, all. */
static size_t ascii_run(const unsigned char *bytes, size_t length)
{
	size_t n = 0;

	while (n < length && bytes[n] < 0x80)
		n++;
	return n;
}

static bool utf8_valid(const unsigned char *bytes, size_t length)
{
	uint32_t character;

	for (;;) {
		size_t n = ascii_run(bytes, length);

		bytes += n;
		length -= n;
		if (!length)
			return true;
		n = text_utf8(bytes, length, &character);
		if (!n)
			return false;
		bytes += n;
		length -= n;
	}
}

/* One of the 16-bit ones that take more than a byte. */
static size_t utf8_put(char *to, uint16_t character)
{
	if (character < 0x800) {
		to[0] = (char)(0xc0 | character >> 6);
		to[1] = (char)(0x80 | (character & 0x3f));
		return 2;
	}
	to[0] = (char)(0xe0 | character >> 12);
	to[1] = (char)(0x80 | (character >> 6 & 0x3f));
	to[2] = (char)(0x80 | (character & 0x3f));
	return 3;
}

/* --- which name, in which encoding ------------------------------------------------- */

/* Version, checksum of the name that it stands for, the name. It goes for nothing if somebody renamed the entry. */
#define UNICODE_HEAD 5

static bool take_unicode(struct raw_name *raw)
{
	const struct extra_field *field = &raw->unicode;

	if (!field->bytes || field->length <= UNICODE_HEAD || field->bytes[0] != 1 ||
	    get32(field->bytes + 1) != raw->crc)
		return false;
	raw->bytes = field->bytes + UNICODE_HEAD;
	raw->length = (uint16_t)(field->length - UNICODE_HEAD);
	return true;
}

/* Decides @encoding, which is one that can be decoded from then on: not ENCODING_AUTO. */
static const char *choose(struct raw_name *raw, enum encoding *encoding)
{
	if (*encoding == ENCODING_RAW)
		return NULL;
	if (raw->utf8 || take_unicode(raw))
		*encoding = ENCODING_UTF8;
	if (*encoding == ENCODING_AUTO)
		*encoding = utf8_valid(raw->bytes, raw->length) ? ENCODING_UTF8 : ENCODING_CP437;
	if (*encoding == ENCODING_UTF8 && !utf8_valid(raw->bytes, raw->length))
		return "has a name that should be UTF-8 and is not";
	return NULL;
}

static size_t decode(char *to, unsigned char byte, enum encoding encoding)
{
	if (byte >= 0x80 && encoding == ENCODING_CP437)
		return utf8_put(to, cp437[byte - 0x80]);
	if (byte >= 0x80 && encoding == ENCODING_LATIN1)
		return utf8_put(to, byte);
	*to = (char)byte;
	return 1;
}

/* --- cleaning ---------------------------------------------------------------------- */

/* What of a path is there: its last component is being made, behind all others and their slashes. */
struct draft {
	char *path;
	size_t begin, end;		/* of that */
};

static bool separates(unsigned char byte, bool backslash)
{
	return byte == '/' || (backslash && byte == '\\');
}

/* The component is complete: it counts, or is as if it had never been. */
static const char *finish(struct name *name, struct draft *draft)
{
	const char *component = draft->path + draft->begin;
	size_t length = draft->end - draft->begin;

	if (!length || (length == 1 && *component == '.')) {
		draft->end = draft->begin;
		return NULL;
	}
	if (length == 2 && !memcmp(component, "..", 2))
		return "has a \"..\" in its name";
	if (draft->end > ARCHIVE_PATH_MAX)
		return "has a name of more than 4095 bytes";
	name->length = (uint16_t)draft->end;
	draft->path[draft->end] = '/';
	draft->begin = ++draft->end;
	return NULL;
}

/* Copies what stays as it is: most names are made of a few such runs. Returns how many bytes that are. */
static size_t copy_run(char *to, const unsigned char *from, size_t length, bool backslash)
{
	size_t n = 0;

	for (; n < length && from[n] && from[n] < 0x80 && !separates(from[n], backslash); n++)
		to[n] = (char)from[n];
	return n;
}

/* Adds one character, or as many as need no decoding. Returns how many bytes it took. */
static size_t add(struct draft *draft, const unsigned char *bytes, size_t length, bool backslash, enum encoding encoding)
{
	size_t room = ARCHIVE_NAME_MAX + 1 - (draft->end - draft->begin);
	size_t n = copy_run(draft->path + draft->end, bytes, length < room ? length : room, backslash);

	if (n)
		draft->end += n;
	else
		draft->end += decode(draft->path + draft->end, *bytes, encoding);
	return n ? n : 1;
}

static bool is_letter(unsigned char byte)
{
	return (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
}

/* How many bytes make it absolute. A colon is a letter like others where there are no drives. */
static size_t absolute_part(const struct raw_name *raw, bool backslash)
{
	size_t at = raw->dos && raw->length >= 2 && is_letter(raw->bytes[0]) && raw->bytes[1] == ':' ? 2 : 0;

	while (at < raw->length && separates(raw->bytes[at], backslash))
		at++;
	return at;
}

const char *name_clean(struct name *name, const struct raw_name *given, enum encoding encoding)
{
	struct raw_name raw = *given;
	struct draft draft = { .path = name->path };
	const char *why = choose(&raw, &encoding);
	bool backslash = raw.dos && !memchr(raw.bytes, '/', raw.length);
	size_t first = absolute_part(&raw, backslash);

	name->length = 0;
	name->relative = first > 0;
	name->directory = raw.length && separates(raw.bytes[raw.length - 1], backslash);
	if (!raw.length)
		return "has no name";
	for (size_t i = first; i < raw.length && !why;) {
		if (!raw.bytes[i])
			return "has a NUL in its name";
		if (separates(raw.bytes[i], backslash)) {
			why = finish(name, &draft);
			i++;
		} else {
			i += add(&draft, raw.bytes + i, raw.length - i, backslash, encoding);
		}
		if (draft.end - draft.begin > ARCHIVE_NAME_MAX)
			return "has a name with more than 255 bytes between two slashes";
	}
	if (!why)
		why = finish(name, &draft);
	name->path[name->length] = '\0';
	return why;
}

/* --- showing ----------------------------------------------------------------------- */

size_t character_shown(char one[CHARACTER_SHOWN_MAX + 1], const unsigned char *at, size_t left, size_t *taken)
{
	uint32_t character;

	*taken = text_utf8(at, left, &character);
	if (*taken && !text_acts(character) && character != '\\') {
		memcpy(one, at, *taken);
		return *taken;
	}
	*taken = 1;		/* the rest of a character that acts is none by itself, and escaped as well */
	return (size_t)text_format(one, CHARACTER_SHOWN_MAX + 1, *at == '\\' ? "\\\\" : "\\x%02x", *at);
}

#define CUT "..."

const char *name_shown(char shown[NAME_SHOWN_MAX], const void *bytes, size_t length)
{
	const unsigned char *at = bytes;
	size_t used = 0, taken;

	for (; length; length -= taken, at += taken) {
		if (used + CHARACTER_SHOWN_MAX + sizeof(CUT) > NAME_SHOWN_MAX) {
			memcpy(shown + used, CUT, sizeof(CUT));
			return shown;
		}
		used += character_shown(shown + used, at, length, &taken);
	}
	shown[used] = '\0';
	return shown;
}
