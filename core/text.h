/* SPDX-License-Identifier: MIT */
/*
 * text.h - text out of values, and numbers out of text
 *
 * The part of printf that this program needs, and no more: libc's brings
 * floating point, locales and buffered streams, a sixth of the whole binary.
 */
#ifndef CORE_TEXT_H
#define CORE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * As snprintf(): at most @limit bytes with the NUL, and the length of the whole
 * is returned. Knows %s %c %d %u %x %o %% with -, 0, width and precision (also
 * as *), and the lengths l, ll and z.
 */
int text_format(char *to, size_t limit, const char *format, ...) __attribute__((format(printf, 3, 4)));
int text_vformat(char *to, size_t limit, const char *format, va_list args);

/* To standard output, in few writes. Returns the length. */
int text_out(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A JSON string, with its quotes, whatever @text holds: what is no UTF-8 becomes U+FFFD, which says so. */
void text_out_json(const char *text);
/* What is left of it. 0, or the -errno of the first write that failed. */
int text_out_flush(void);

/*
 * The decimal digits at *@at, which moves behind them. 0; -EINVAL if there are
 * none; -ERANGE for more than 2^64 - 1.
 */
int text_number(const char **at, uint64_t *number);

/* The character of UTF-8 that begins at @bytes, of which there are @left, 1 or more. How many it takes, 0 if it is none. */
size_t text_utf8(const void *bytes, size_t left, uint32_t *character);

/* Does it move the cursor, or turn around or hide what is near it? */
bool text_acts(uint32_t character);

/* Does @part occur in @text? libc's strstr() is for long ones, and large. */
bool text_has(const char *text, const char *part);

/* All of @text is one number. 0, -EINVAL or -ERANGE. */
int text_is_number(const char *text, uint64_t *number);

/* @environment and @variable ("NAME=VALUE"), which is the first, and hides any of that name. @environment alone if there is no memory. */
char **text_environment(char **environment, char *variable);

#endif
