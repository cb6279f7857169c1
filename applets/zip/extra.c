/* SPDX-License-Identifier: MIT */
/* extra.c - the extra fields of an entry */
#include "applets/zip/bytes.h"
#include "applets/zip/extra.h"

#define HEAD 4		/* number and length */

static const uint16_t numbers[EXTRA_KINDS] = {
	[EXTRA_ZIP64]		= 0x0001,
	[EXTRA_NTFS]		= 0x000a,
	[EXTRA_PKWARE_UNIX]	= 0x000d,
	[EXTRA_TIME]		= 0x5455,
	[EXTRA_UNIX_OLD]	= 0x5855,
	[EXTRA_UNICODE_PATH]	= 0x7075,
	[EXTRA_OWNER_16]	= 0x7855,
	[EXTRA_OWNER]		= 0x7875,
};

static enum extra_kind kind_of(uint16_t number)
{
	int kind = 0;

	while (kind < EXTRA_KINDS && numbers[kind] != number)
		kind++;
	return kind;
}

/* Of two times it does not matter much which is taken; of two sizes or names, others may take the other. */
static const char *remember(struct extra *extra, enum extra_kind kind, const unsigned char *bytes, uint16_t length)
{
	if (kind == EXTRA_KINDS)
		return NULL;
	if (!extra->fields[kind].bytes)
		extra->fields[kind] = (struct extra_field){ bytes, length };
	else if (kind == EXTRA_ZIP64 || kind == EXTRA_UNICODE_PATH)
		return "is ambiguous: it has the same extra field twice";
	return NULL;
}

/* Up to three bytes at the end, too few for a field, are padding that some tools leave. */
const char *extra_find(struct extra *extra, const unsigned char *bytes, size_t length)
{
	*extra = (struct extra){ 0 };
	while (length >= HEAD) {
		uint16_t number = get16(bytes), size = get16(bytes + 2);
		const char *why;

		bytes += HEAD;
		length -= HEAD;
		if (size > length)
			return "is damaged: its extra field reaches beyond its end";
		why = remember(extra, kind_of(number), bytes, size);
		if (why)
			return why;
		bytes += size;
		length -= size;
	}
	return NULL;
}
