/* SPDX-License-Identifier: MIT */
/* test_text.c - our printf says what libc's says */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>

#include "core/text.h"
#include "core/util.h"
#include "tests/check.h"

/* The same arguments to both, at every limit around the end. */
#define SAME(...) do { \
	char ours[300], libc[300]; \
	int whole = snprintf(libc, sizeof(libc), __VA_ARGS__); \
	CHECK_EQ(text_format(ours, sizeof(ours), __VA_ARGS__), whole); \
	CHECK_TEXT(ours, libc); \
	for (int limit = 0; limit < whole + 3; limit++) { \
		memset(ours, '#', sizeof(ours)); \
		memset(libc, '#', sizeof(libc)); \
		CHECK_EQ(text_format(ours, (size_t)limit, __VA_ARGS__), snprintf(libc, (size_t)limit, __VA_ARGS__)); \
		CHECK(!memcmp(ours, libc, sizeof(ours))); \
	} \
} while (0)

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-truncation"
#pragma GCC diagnostic ignored "-Wformat"

static void formats_like_libc(void)
{
	static const long numbers[] = { 0, 1, -1, 7, 10, -10, 4095, 65536, INT_MAX, INT_MIN, LONG_MAX, LONG_MIN };

	SAME("plain");
	SAME("%%");
	SAME("a%sb%sc", "", "xyz");
	SAME("[%s] [%8s] [%-8s] [%2s]", "four", "four", "four", "four");
	SAME("[%.2s] [%.0s] [%.9s] [%-6.2s] [%6.2s]", "four", "four", "four", "four", "four");
	SAME("[%*s] [%-*s] [%.*s] [%*.*s]", 6, "ab", 6, "ab", 1, "ab", 5, 1, "ab");
	SAME("[%.*s]", -1, "all of it");
	SAME("%c%3c%-3c|", 'a', 'b', 'c');
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		long n = numbers[i];

		SAME("%d %u %x %o", (int)n, (unsigned int)n, (unsigned int)n, (unsigned int)n);
		SAME("%ld %lu %lx %lo", n, (unsigned long)n, (unsigned long)n, (unsigned long)n);
		SAME("%lld %llu %zu", (long long)n, (unsigned long long)n, (size_t)n);
		SAME("[%5d] [%-5d] [%05d] [%-05d]", (int)n, (int)n, (int)n, (int)n);
		SAME("[%24ld] [%-24ld] [%024ld] [%016lx]", n, n, n, (unsigned long)n);
		SAME("[%*d] [%0*d]", 7, (int)n, 7, (int)n);
		SAME("%" PRIu64 " %" PRId64 " %" PRIx64 " %" PRIu32, (uint64_t)n, (int64_t)n, (uint64_t)n, (uint32_t)n);
	}
}

static void formats_random_values_like_libc(void)
{
	uint64_t state = check_seed();

	for (int i = 0; i < 20000; i++) {
		uint64_t n = (uint64_t)check_random(&state) << 33 ^ check_random(&state);
		int width = (int)(check_random(&state) % 30), precision = (int)(check_random(&state) % 9);
		size_t limit = check_random(&state) % 60;
		char ours[100], libc[100];

		n >>= check_random(&state) % 64;
		CHECK_EQ(text_format(ours, limit, "%*ld|%-*lx|%.*s|%0*u", width, (long)n, width, n, precision, "abcdefgh", width,
				     (unsigned int)n),
			 snprintf(libc, limit, "%*ld|%-*lx|%.*s|%0*u", width, (long)n, width, n, precision, "abcdefgh", width,
				  (unsigned int)n));
		CHECK(!limit || !strcmp(ours, libc));
	}
}

#pragma GCC diagnostic pop

static void null_text_is_told(void)
{
	char text[20];
	const char *volatile none = NULL;

	text_format(text, sizeof(text), "%s", none);
	CHECK_TEXT(text, "(null)");
}

static void numbers_end_where_digits_end(void)
{
	const char *at = "123abc";
	uint64_t n;

	CHECK_EQ(text_number(&at, &n), 0);
	CHECK_EQ(n, 123);
	CHECK_TEXT(at, "abc");
	CHECK_EQ(text_number(&at, &n), -EINVAL);
	CHECK_TEXT(at, "abc");
}

static void numbers_within_64_bits(void)
{
	static const struct { const char *text; int result; uint64_t number; } table[] = {
		{ "0", 0, 0 }, { "00012", 0, 12 }, { "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", -ERANGE, 0 }, { "99999999999999999999999", -ERANGE, 0 },
		{ "28446744073709551615", -ERANGE, 0 },
		{ "", -EINVAL, 0 }, { "-1", -EINVAL, 0 }, { "+1", -EINVAL, 0 }, { " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 }, { "0x10", -EINVAL, 0 }, { "x", -EINVAL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		uint64_t n = 0;

		CHECK_EQ(text_is_number(table[i].text, &n), table[i].result);
		CHECK(table[i].result || n == table[i].number);
	}
}

/* What text_out() writes to @path while @say runs. Returns what the flush said. */
static int output_to(const char *path, void (*say)(void))
{
	int saved, to, result;

	fflush(stdout);
	saved = dup(STDOUT_FILENO);
	to = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	dup2(to, STDOUT_FILENO);
	say();
	result = text_out_flush();
	dup2(saved, STDOUT_FILENO);
	close(to);
	close(saved);
	return result;
}

static void say_much(void)
{
	for (int i = 0; i < 5000; i++)
		text_out("line %d\n", i);
}

static void output_comes_whole(void)
{
	char path[] = "/tmp/ublk-unit-XXXXXX", line[40], wanted[40];
	int fd = mkstemp(path), n = 0;
	FILE *file;

	CHECK_EQ(output_to(path, say_much), 0);
	file = fdopen(fd, "r");
	while (fgets(line, sizeof(line), file)) {
		snprintf(wanted, sizeof(wanted), "line %d\n", n++);
		CHECK_TEXT(line, wanted);
	}
	CHECK_EQ(n, 5000);
	fclose(file);
	unlink(path);
}

static void say_strings(void)
{
	text_out_json("");
	text_out_json("plain /dev/ublkb0");
	text_out_json("\"\\\n\t\001\177");
	text_out_json("\303\244 \342\202\254 \360\237\230\200");
	text_out_json("a\377b\303");			/* no UTF-8, and half a character */
	text_out_json("\355\240\200\300\200");		/* half of a pair, and a NUL in two bytes */
}

static void strings_are_json(void)
{
	static const char wanted[] = "\"\"\"plain /dev/ublkb0\"\"\\\"\\\\\\u000a\\u0009\\u0001\\u007f\""
		"\"\303\244 \342\202\254 \360\237\230\200\"\"a\\ufffdb\\ufffd\"\"\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\"";
	char path[] = "/tmp/ublk-unit-XXXXXX", text[sizeof(wanted) + 1] = "";
	int fd = mkstemp(path);

	CHECK_EQ(output_to(path, say_strings), 0);
	CHECK(read(fd, text, sizeof(text)) > 0);
	CHECK_TEXT(text, wanted);
	close(fd);
	unlink(path);
}

static void parts_are_found_as_by_libc(void)
{
	static const char *const texts[] = { "", "a", "aa", "aab", "aaab", "ab", "b", "a//b", "/", "//", "a/b" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		for (size_t j = 0; j < sizeof(texts) / sizeof(*texts); j++)
			CHECK_EQ(text_has(texts[i], texts[j]), strstr(texts[i], texts[j]) != NULL);
}

static void full_disk_is_noticed(void)
{
	CHECK_EQ(output_to("/dev/full", say_much), -ENOSPC);
}

TESTS(
	{ "text_format says what snprintf says, at every limit", formats_like_libc },
	{ "text_format says what snprintf says about random values", formats_random_values_like_libc },
	{ "a missing text is told as one", null_text_is_told },
	{ "text_number stops behind the digits", numbers_end_where_digits_end },
	{ "numbers are decimal and of 64 bits", numbers_within_64_bits },
	{ "what is written in many pieces comes out whole and in order", output_comes_whole },
	{ "any text makes a string of JSON", strings_are_json },
	{ "a part of a text is found as strstr finds it", parts_are_found_as_by_libc },
	{ "output that cannot be written is an error", full_disk_is_noticed },
)
