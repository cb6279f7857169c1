/* SPDX-License-Identifier: MIT */
/* test_size.c - sizes in and out */
#include <errno.h>

#include "core/size.h"
#include "core/util.h"
#include "tests/check.h"

static const struct { const char *text; int result; uint64_t bytes; } sizes[] = {
	{ "0", 0, 0 }, { "1", 0, 1 }, { "4096", 0, 4096 }, { "7B", 0, 7 }, { "7b", 0, 7 },
	{ "1K", 0, 1024 }, { "1k", 0, 1024 }, { "1KiB", 0, 1024 }, { "1kib", 0, 1024 }, { "1KB", 0, 1000 }, { "1kb", 0, 1000 },
	{ "3M", 0, 3ULL << 20 }, { "3MiB", 0, 3ULL << 20 }, { "3MB", 0, 3000000 },
	{ "2G", 0, 2ULL << 30 }, { "2GiB", 0, 2ULL << 30 }, { "2gb", 0, 2000000000 },
	{ "5T", 0, 5ULL << 40 }, { "5TB", 0, 5000000000000 }, { "6P", 0, 6ULL << 50 }, { "6PB", 0, 6000000000000000 },
	{ "1E", 0, 1ULL << 60 }, { "1EiB", 0, 1ULL << 60 }, { "9EB", 0, 9000000000000000000ULL },
	{ "15E", 0, 15ULL << 60 }, { "16E", -ERANGE, 0 }, { "18EB", 0, 18000000000000000000ULL }, { "19EB", -ERANGE, 0 },
	{ "8s", 0, 4096 }, { "1sector", 0, 512 }, { "8sectors", 0, 4096 }, { "8Sectors", 0, 4096 },
	{ "36028797018963968s", -ERANGE, 0 }, { "18446744073709551615", 0, UINT64_MAX }, { "18446744073709551616", -ERANGE, 0 },
	{ "18014398509481984K", -ERANGE, 0 }, { "18014398509481983K", 0, 18446744073709550592ULL },
	{ "", -EINVAL, 0 }, { "K", -EINVAL, 0 }, { "-1", -EINVAL, 0 }, { "1.5G", -EINVAL, 0 }, { "1 K", -EINVAL, 0 },
	{ "1KK", -EINVAL, 0 }, { "1Ki", -EINVAL, 0 }, { "1Z", -EINVAL, 0 }, { "1X", -EINVAL, 0 }, { "1 ", -EINVAL, 0 },
	{ "0x10", -EINVAL, 0 }, { "1G\n", -EINVAL, 0 }, { "1+", -EINVAL, 0 }, { "1iB", -EINVAL, 0 }, { "50%", -EINVAL, 0 },
	{ "1sect", -EINVAL, 0 }, { "1\x0b", -EINVAL, 0 },
};

static void every_suffix(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint64_t bytes = 0, of = 0;

		if (!CHECK_EQ(size_parse(sizes[i].text, &bytes), sizes[i].result) ||
		    (!sizes[i].result && !CHECK_EQ(bytes, sizes[i].bytes)))
			printf("#   '%s'\n", sizes[i].text);
		if (strchr(sizes[i].text, '%'))
			continue;
		CHECK_EQ(size_parse_of(sizes[i].text, 1000, &of), sizes[i].result);	/* no per cent: as ever */
		CHECK(sizes[i].result || of == sizes[i].bytes);
	}
}

static void per_cent(void)
{
	uint64_t bytes;

	CHECK(!size_parse_of("50%", 1000, &bytes) && bytes == 500);
	CHECK(!size_parse_of("0%", 1000, &bytes) && bytes == 0);
	CHECK(!size_parse_of("100%", UINT64_MAX, &bytes) && bytes == UINT64_MAX);
	CHECK(!size_parse_of("33%", 1000, &bytes) && bytes == 330);
	CHECK(!size_parse_of("50%", UINT64_MAX - 1, &bytes) && bytes == (UINT64_MAX - 1) / 2);
	CHECK_EQ(size_parse_of("101%", 1000, &bytes), -ERANGE);
	CHECK_EQ(size_parse_of("%", 1000, &bytes), -EINVAL);
	CHECK_EQ(size_parse_of("5%%", 1000, &bytes), -EINVAL);
	CHECK_EQ(size_parse_of("99999999999999999999%", 1000, &bytes), -ERANGE);
}

static void words(void)
{
	char text[SIZE_TEXT_MAX];

	CHECK_TEXT(size_text(0, text), "0B");
	CHECK_TEXT(size_text(512, text), "512B");
	CHECK_TEXT(size_text(1023, text), "1023B");
	CHECK_TEXT(size_text(1024, text), "1K");
	CHECK_TEXT(size_text(1536, text), "1.5K");
	CHECK_TEXT(size_text(2047, text), "1.9K");		/* never rounded up */
	CHECK_TEXT(size_text(1ULL << 30, text), "1G");
	CHECK_TEXT(size_text((1ULL << 40) - 1, text), "1023.9G");
	CHECK_TEXT(size_text(INT64_MAX, text), "7.9E");
	CHECK_TEXT(size_text(UINT64_MAX, text), "15.9E");
}

static void there_and_back(void)
{
	for (unsigned int power = 0; power < 64; power++) {
		char text[SIZE_TEXT_MAX];
		uint64_t bytes = 0;

		CHECK_EQ(size_parse(size_text(1ULL << power, text), &bytes), 0);
		CHECK_EQ(bytes, 1ULL << power);
	}
}

TESTS(
	{ "sizes with every suffix, and what is no size", every_suffix },
	{ "per cent of a whole", per_cent },
	{ "sizes as words, rounded down", words },
	{ "a size that was told can be given", there_and_back },
)
