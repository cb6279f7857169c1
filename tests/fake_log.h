/* SPDX-License-Identifier: MIT */
/*
 * fake_log.h - what takes the place of core/log.c, once in a program
 *
 * Who includes it defines heard(), which gets every message.
 */
#ifndef TESTS_FAKE_LOG_H
#define TESTS_FAKE_LOG_H

#include <stdarg.h>

#include "core/log.h"

static void heard(const char *format, va_list args);

#define HEAR(value)				\
	do {					\
		va_list args;			\
						\
		va_start(args, format);		\
		heard(format, args);		\
		va_end(args);			\
		return value;			\
	} while (0)

void log_name(const char *program) { (void)program; }
void log_device(int id) { (void)id; }
int log_open(enum log_target target) { (void)target; return 0; }
void log_leave_stderr(void) { }

int fail(int error, const char *format, ...) { HEAR(error); }
int fail_plain(int error, const char *format, ...) { HEAR(error); }
int fail_usage(const char *format, ...) { HEAR(-EUSAGE); }
void remedy(const char *format, ...) { HEAR(); }
void warn(const char *format, ...) { HEAR(); }
void note(const char *format, ...) { HEAR(); }
void log_info(const char *format, ...) { HEAR(); }
void log_trace(const char *format, ...) { HEAR(); }

#endif
