/* SPDX-License-Identifier: MIT */
/* test_scan.c - unpacking in spans, where zlib or memory fail: both are stood in for when a claim wants it */
#include <stdlib.h>
#include <zlib.h>

static int init_result, inflate_result, dictionary_result;	/* 0: as it is */
static unsigned int allocations;				/* until one fails, 0: none does */
static int when_full;						/* what becomes of a step that fills its room */

static int inflate_init(z_streamp zlib, int bits, const char *version, int size)
{
	return init_result ? init_result : inflateInit2_(zlib, bits, version, size);
}

static int inflate_step(z_streamp zlib, int flush)
{
	int result = inflate_result ? inflate_result : inflate(zlib, flush);

	return when_full && !zlib->avail_out ? when_full : result;
}

static int inflate_dictionary(z_streamp zlib, const Bytef *bytes, uInt length)
{
	return dictionary_result ? dictionary_result : inflateSetDictionary(zlib, bytes, length);
}

static void *get(void *memory)
{
	if (!allocations || --allocations)
		return memory;
	free(memory);
	return NULL;
}

#define inflateInit2_ inflate_init
#define inflate inflate_step
#define inflateSetDictionary inflate_dictionary
#define malloc(size) get(malloc(size))
#define calloc(count, size) get(calloc(count, size))
#include "applets/zip/scan.c"
#undef inflateInit2_
#undef inflate
#undef inflateSetDictionary
#undef malloc
#undef calloc

#include "applets/zip/crc32.h"
#include "tests/check.h"
#include "tests/unit/deflater.h"

static struct deflater d;
static struct source source;
static struct member member;
static int read_error;

static int read_packed(const struct source *from, uint64_t offset, void *into, uint32_t length)
{
	(void)from;
	if (read_error)
		return read_error;
	memcpy(into, d.packed + offset, length);
	return 0;
}

/* A member of at least @size bytes. */
static void set_up(size_t size)
{
	deflater_open(&d, check_seed());
	deflater_random(&d, size);
	source = (struct source){ .read = read_packed, .size = d.packed_size, .fd = -1 };
	member = (struct member){ .packed = d.packed_size, .size = d.size, .crc = plain_crc(d.plain, d.size) };
	init_result = inflate_result = dictionary_result = when_full = read_error = 0;
	allocations = 0;
}

static struct span whole(void)
{
	return (struct span){ .end = { .out = d.size }, .crc = crc32_add(0, (const char *)d.plain, d.size) };
}

static void zlib_makes_its_tables(void)
{
	set_up(1000);
	CHECK_EQ(scan_prepare(), 0);
	init_result = Z_MEM_ERROR;
	CHECK_EQ(scan_prepare(), -ENOMEM);
	init_result = 0;
	inflate_result = Z_MEM_ERROR;
	CHECK_EQ(scan_prepare(), -ENOMEM);
	CHECK_EQ(adler32(1, NULL, 0), 1);	/* which raw data has no use for */
	deflater_close(&d);
}

static void there_may_be_no_memory(void)
{
	char *to;
	struct span span;

	set_up(100000);
	span = whole();
	to = malloc(d.size);
	init_result = Z_MEM_ERROR;
	CHECK(!scan_new());
	CHECK_EQ(scan_part(&source, &member, &span, 0, 1000, to), -ENOMEM);
	init_result = 0;
	for (unsigned int nth = 1; nth <= 2; nth++) {
		allocations = nth;
		CHECK_EQ(scan_part(&source, &member, &span, 0, 1000, to), -ENOMEM);
	}
	inflate_result = Z_MEM_ERROR;
	CHECK_EQ(scan_part(&source, &member, &span, 0, 1000, to), -ENOMEM);
	inflate_result = 0;
	CHECK_EQ(scan_part(&source, &member, &span, 5000, 1000, to), 0);
	CHECK(!memcmp(to, d.plain + 5000, 1000));
	scan_free(NULL);
	free(to);
	deflater_close(&d);
}

/* A part that is not what its checksum says, or ends too soon, is no part. */
static void a_part_is_right_or_none(void)
{
	struct span span;
	char *to;

	set_up(1 << 20);
	span = whole();
	to = malloc(d.size);
	CHECK_EQ(scan_part(&source, &member, &span, 0, (uint32_t)d.size, to), 0);
	CHECK(!memcmp(to, d.plain, d.size));
	memset(to, 'x', 20);
	CHECK_EQ(scan_part(&source, &member, &span, d.size - 10, 10, to), 0);
	CHECK(!memcmp(to, d.plain + d.size - 10, 10) && to[10] == 'x');
	span.crc++;
	CHECK_EQ(scan_part(&source, &member, &span, 0, 10, to), -EBADMSG);
	span.crc--;
	span.end.out++;				/* more than there is */
	CHECK_EQ(scan_part(&source, &member, &span, 0, 10, to), -EBADMSG);
	span.end.out--;
	read_error = -EIO;
	CHECK_EQ(scan_part(&source, &member, &span, 0, 10, to), -EIO);
	read_error = 0;
	when_full = Z_DATA_ERROR;		/* in the very step that fills a span */
	CHECK_EQ(scan_part(&source, &member, &span, 0, 10, to), -EBADMSG);
	free(to);
	deflater_close(&d);
}

/* What was before has to be unpacked itself. */
static void what_was_before_may_be_damaged(void)
{
	struct scan *scan;
	struct window *window;
	struct place place = { 0 };

	set_up(100000);
	scan = scan_new();
	window = window_pack(d.plain, 1000);
	CHECK_EQ(scan_begin(scan, &source, &member, &place, window), 0);
	dictionary_result = Z_DATA_ERROR;
	CHECK_EQ(scan_begin(scan, &source, &member, &place, window), -EBADMSG);
	dictionary_result = 0;
	window->packed = 1;			/* which cannot be 1000 bytes */
	CHECK_EQ(scan_begin(scan, &source, &member, &place, window), -EBADMSG);
	window_put(window);
	scan_free(scan);
	deflater_close(&d);
}

int main(void)
{
	static const struct test tests[] = {
		{ "zlib makes its tables, or has no memory for them", zlib_makes_its_tables },
		{ "there may be no memory", there_may_be_no_memory },
		{ "a part is right or none", a_part_is_right_or_none },
		{ "what was before may be damaged", what_was_before_may_be_damaged },
	};

	return check_main(tests, sizeof(tests) / sizeof(tests[0]));
}
