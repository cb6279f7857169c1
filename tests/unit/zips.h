/* SPDX-License-Identifier: MIT */
/*
 * zips.h - zip archives, byte by byte
 *
 * What is written is right; a claim makes it wrong by changing the bytes it is
 * about, whose places are kept. Data is not deflated here.
 *
 *   zip_begin(&z); zip_add(&z, &(struct member){ .name = "a" }); zip_end(&z, ""); put16(record(&z, 0) + 8, 1);
 */
#ifndef TESTS_UNIT_ZIPS_H
#define TESTS_UNIT_ZIPS_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "applets/zip/archive.h"
#include "applets/zip/crc32.h"

#define ZIP_MAX (6U << 20)
#define ZIP_ENTRIES 70000

struct zip {
	size_t length;
	size_t base;				/* bytes put before the archive */
	uint32_t entries;
	size_t directory, end, wide;		/* where they are, once there */
	size_t records_length;
	size_t at[ZIP_ENTRIES];			/* records, from the directory's beginning */
	size_t local[ZIP_ENTRIES];		/* local headers */
	unsigned char bytes[ZIP_MAX], records[ZIP_MAX];
};

struct member {
	const char *name;
	size_t name_length;			/* 0: up to its NUL */
	const char *data;			/* packed, if it is */
	uint64_t size;				/* 0: as long as it is */
	uint16_t method, flags;
	uint8_t host;
	uint16_t date, time;
	uint32_t attributes;			/* DOS's */
	uint32_t mode;				/* Unix's */
	const void *extra;
	size_t extra_length;
	size_t comment;				/* bytes */
};

static inline void put_bytes(unsigned char *to, uint64_t number, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		to[i] = (unsigned char)(number >> 8 * i);
}

static inline void put16(unsigned char *to, uint64_t number) { put_bytes(to, number, 2); }
static inline void put32(unsigned char *to, uint64_t number) { put_bytes(to, number, 4); }
static inline void put64(unsigned char *to, uint64_t number) { put_bytes(to, number, 8); }

static inline unsigned char *zip_append(struct zip *z, const void *bytes, size_t length)
{
	unsigned char *at = z->bytes + z->length;

	if (length > ZIP_MAX - z->length)
		abort();
	if (bytes)
		memcpy(at, bytes, length);
	else
		memset(at, 0, length);
	z->length += length;
	return at;
}

static inline void zip_begin(struct zip *z)
{
	z->length = z->base = z->records_length = 0;
	z->entries = 0;
	z->wide = 0;
}

/* What both headers of a member have in common, from its flags on. */
static inline void put_common(unsigned char *at, const struct member *m, size_t name_length, size_t packed)
{
	put16(at, m->flags);
	put16(at + 2, m->method);
	put16(at + 4, m->time);
	put16(at + 6, m->date);
	put32(at + 8, crc32_add(0, m->data, packed));
	put32(at + 12, packed);
	put32(at + 16, m->size ? m->size : packed);
	put16(at + 20, name_length);
}

static inline void zip_add_record(struct zip *z, const struct member *m, size_t name_length, size_t packed,
				  size_t offset)
{
	unsigned char *at = z->records + z->records_length;
	size_t length = 46 + name_length + m->extra_length + m->comment;

	if (length > ZIP_MAX - z->records_length || z->entries == ZIP_ENTRIES)
		abort();
	memset(at, 0, length);
	put32(at, 0x02014b50);
	at[4] = 20;
	at[5] = m->host;
	at[6] = 20;
	put_common(at + 8, m, name_length, packed);
	put16(at + 30, m->extra_length);
	put16(at + 32, m->comment);
	put32(at + 38, m->attributes | m->mode << 16);
	put32(at + 42, offset);
	memcpy(at + 46, m->name, name_length);
	if (m->extra_length)
		memcpy(at + 46 + name_length, m->extra, m->extra_length);
	z->at[z->entries++] = z->records_length;
	z->records_length += length;
}

static inline void zip_add(struct zip *z, const struct member *m)
{
	size_t name_length = m->name_length ? m->name_length : strlen(m->name), packed = m->data ? strlen(m->data) : 0;
	size_t offset = z->length - z->base;
	unsigned char *at = zip_append(z, NULL, 30);

	z->local[z->entries] = z->length - 30;
	put32(at, 0x04034b50);
	at[4] = 20;
	put_common(at + 6, m, name_length, packed);
	zip_append(z, m->name, name_length);
	zip_append(z, m->data, packed);
	zip_add_record(z, m, name_length, packed, offset);
}

static inline void zip_add_directory(struct zip *z)
{
	z->directory = z->length;
	zip_append(z, z->records, z->records_length);
}

/* The zip64 record and its locator, which the end record then need not agree with. */
static inline void zip_add_wide(struct zip *z)
{
	unsigned char *at = zip_append(z, NULL, 76);

	z->wide = z->length - 76;
	put32(at, 0x06064b50);
	put64(at + 4, 44);
	put64(at + 24, z->entries);
	put64(at + 32, z->entries);
	put64(at + 40, z->records_length);
	put64(at + 48, z->directory - z->base);
	put32(at + 56, 0x07064b50);
	put64(at + 64, z->wide - z->base);
	put32(at + 72, 1);
}

static inline void zip_add_end(struct zip *z, const char *comment)
{
	unsigned char *at = zip_append(z, NULL, 22);

	z->end = z->length - 22;
	put32(at, 0x06054b50);
	put16(at + 8, z->entries);
	put16(at + 10, z->entries);
	put32(at + 12, z->records_length);
	put32(at + 16, z->directory - z->base);
	put16(at + 20, strlen(comment));
	zip_append(z, comment, strlen(comment));
}

static inline void zip_end(struct zip *z, const char *comment)
{
	zip_add_directory(z);
	zip_add_end(z, comment);
}

/* The @i'th record, after zip_end(). */
static inline unsigned char *record(struct zip *z, uint32_t i) { return z->bytes + z->directory + z->at[i]; }
static inline unsigned char *local_header(struct zip *z, uint32_t i) { return z->bytes + z->local[i]; }
static inline unsigned char *end_record(struct zip *z) { return z->bytes + z->end; }
static inline unsigned char *wide_record(struct zip *z) { return z->bytes + z->wide; }

static inline int zip_read(const struct source *source, uint64_t offset, void *into, uint32_t length)
{
	if (offset > source->size || length > source->size - offset)
		return -5;		/* EIO */
	memcpy(into, source->bytes + offset, length);
	return 0;
}

static inline struct source zip_source(const struct zip *z)
{
	return (struct source){ .read = zip_read, .size = z->length, .fd = -1, .bytes = z->bytes };
}

#endif
