/* SPDX-License-Identifier: MIT */
/* names_clean.h - what every name that comes out must be like, checked without the code that made it so */
#ifndef TESTS_FUZZ_NAMES_CLEAN_H
#define TESTS_FUZZ_NAMES_CLEAN_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define HOLDS(condition) do { if (!(condition)) abort(); } while (0)

static inline void component_is_clean(const char *at, size_t length)
{
	HOLDS(length > 0 && length <= 255);
	HOLDS(!(length == 1 && at[0] == '.'));
	HOLDS(!(length == 2 && at[0] == '.' && at[1] == '.'));
}

static inline void name_is_clean(const char *name, size_t length)
{
	HOLDS(length <= 4095 && strlen(name) == length);
	while (length) {
		const char *slash = memchr(name, '/', length);
		size_t n = slash ? (size_t)(slash - name) : length;

		component_is_clean(name, n);
		HOLDS(!slash || n + 1 < length);	/* none at the end */
		n += slash != NULL;
		name += n;
		length -= n;
	}
}

/* As the C library sees it, in a locale of UTF-8. */
static inline void name_is_utf8(const char *name, size_t length)
{
	while (length) {
		wchar_t character;
		size_t n = mbrtowc(&character, name, length, &(mbstate_t){ 0 });

		HOLDS(n > 0 && n <= length);
		name += n;
		length -= n;
	}
}

#endif
