/* SPDX-License-Identifier: MIT */
/* size.h - "4G", "512KiB", "8sectors" and bytes */
#ifndef CORE_SIZE_H
#define CORE_SIZE_H

#include <stdint.h>

/*
 * Like util-linux: 1K = 1KiB = 1024, 1KB = 1000, case does not matter, no
 * suffix means bytes; s or sectors is 512. A decimal fraction is not taken.
 * Returns 0; -EINVAL for what is no size; -ERANGE for more than 2^64 - 1.
 */
int size_parse(const char *text, uint64_t *bytes);

/* As size_parse(), or "N%", which is that part of @whole (0 to 100). */
int size_parse_of(const char *text, uint64_t whole, uint64_t *bytes);

#define SIZE_TEXT_MAX 24

/* "1G", "1.5M", "512B": at most one decimal, exact or rounded down. Returns @text. */
const char *size_text(uint64_t bytes, char text[SIZE_TEXT_MAX]);

#endif
