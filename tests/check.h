/* SPDX-License-Identifier: MIT */
/*
 * check.h - claims, and whether they hold
 *
 * A test program is a table of claims and a main that prints TAP. A check that
 * does not hold is told and makes its claim fail; the rest of the claim still
 * runs, so a claim must not depend on a check to stay out of trouble.
 *
 *   static void half_is_less(void) { CHECK(1 / 2.0 < 1); CHECK_EQ(4 / 2, 2); }
 *   TESTS({ "a half is less than the whole", half_is_less });
 */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct test {
	const char *claim;
	void (*run)(void);
};

static _Atomic unsigned int check_failures;	/* any thread may check */

#define CHECK(condition) check_that((condition), __FILE__, __LINE__, #condition)
#define CHECK_EQ(got, wanted) \
	check_equal((long long)(got), (long long)(wanted), __FILE__, __LINE__, #got " is " #wanted)
#define CHECK_TEXT(got, wanted) check_text((got), (wanted), __FILE__, __LINE__, #got)
/* Does not return: what @code calls must end the process. */
#define CHECK_DIES(code) do { \
	pid_t pid_ = fork(); \
	int how_ = 0; \
	if (!pid_) { code; _exit(0); } \
	waitpid(pid_, &how_, 0); \
	check_that(WIFSIGNALED(how_) || WEXITSTATUS(how_), __FILE__, __LINE__, "dies: " #code); \
} while (0)

static inline bool check_that(bool holds, const char *file, int line, const char *claim)
{
	if (holds)
		return true;
	check_failures++;
	printf("# %s:%d: does not hold: %s\n", file, line, claim);
	return false;
}

static inline bool check_equal(long long got, long long wanted, const char *file, int line, const char *claim)
{
	if (check_that(got == wanted, file, line, claim))
		return true;
	printf("#   it is %lld (%#llx), not %lld (%#llx)\n", got, (unsigned long long)got, wanted, (unsigned long long)wanted);
	return false;
}

static inline bool check_text(const char *got, const char *wanted, const char *file, int line, const char *claim)
{
	if (check_that(!strcmp(got, wanted), file, line, claim))
		return true;
	printf("#   it is \"%s\", not \"%s\"\n", got, wanted);
	return false;
}

/* The same numbers in every run, unless CHECK_SEED says otherwise. */
static inline uint32_t check_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(*state >> 33);
}

static inline uint64_t check_seed(void)
{
	const char *seed = getenv("CHECK_SEED");

	return seed ? strtoull(seed, NULL, 0) : 1;
}

/* CHECK_ONLY="words": the claims that have these words, and no others. */
static inline int check_main(const struct test *tests, unsigned int count)
{
	const char *only = getenv("CHECK_ONLY");
	unsigned int failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("1..%u\n", count);
	for (unsigned int i = 0; i < count; i++) {
		check_failures = 0;
		if (only && !strstr(tests[i].claim, only))
			continue;
		tests[i].run();
		failed += check_failures > 0;
		printf("%sok %u - %s\n", check_failures ? "not " : "", i + 1, tests[i].claim);
	}
	return failed ? 1 : 0;
}

#define TESTS(...) \
	int main(void) \
	{ \
		static const struct test tests[] = { __VA_ARGS__ }; \
		return check_main(tests, sizeof(tests) / sizeof(tests[0])); \
	}

#endif
