/* SPDX-License-Identifier: MIT */
/*
 * log.h - who is speaking, what failed, why, and the remedy
 *
 * A message completes the sentence "PROGRAM: cannot ...". Everything goes to
 * one place (--log), one line per call and one write per line, so that lines
 * of several threads and of both processes never mix. Safe from any thread.
 */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include <stdarg.h>
#include <stdbool.h>

enum log_target { LOG_TO_STDERR, LOG_TO_SYSLOG, LOG_TO_KMSG };

enum log_level {
	LOG_SILENT = -1,	/* --quiet: errors only */
	LOG_NORMAL,
	LOG_VERBOSE,		/* -v: what was negotiated and chosen */
	LOG_TRACE,		/* -vv: every control command and request */
};

/*
 * What our own failures are called among the negative errnos: a usage error
 * has no errno of its own, because EINVAL may also come from the kernel.
 */
#define EUSAGE 4095

extern int log_level;

/* Who takes every line instead, without the name before it and the newline; NULL: nobody. @priority as syslog has it. */
extern void (*log_hook)(int priority, const char *line);

void log_name(const char *program);	/* kept, not copied */
void log_device(int id);		/* messages say "program[id]" from now on; -1 ends it */
int log_open(enum log_target target);	/* 0 or -errno, after saying why */
/* After readiness in the background stderr is gone: what would go there goes to syslog. */
void log_leave_stderr(void);
/* What it takes is opened now, because it cannot be then. */
void log_prepare_leave(void);
/* Or to the kernel's log, as the one who reads syslog may need us to go on. */
void log_leave_to_kernel(void);

/* "PROGRAM: cannot FORMAT: ERROR TEXT". Returns @error, a negative errno. */
int fail(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "PROGRAM: FORMAT", for what no errno describes. Returns @error. */
int fail_plain(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "PROGRAM: FORMAT" and "Try 'PROGRAM --help'". Returns -EUSAGE. */
int fail_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The line after an error: what to do about it. */
void remedy(const char *format, ...) __attribute__((format(printf, 1, 2)));

void warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Worth knowing without -v, silenced by --quiet. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_trace(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The arguments are not evaluated when nobody listens. */
#define info(...)  do { if (log_level >= LOG_VERBOSE) log_info(__VA_ARGS__); } while (0)
#define trace(...) do { if (__builtin_expect(log_level >= LOG_TRACE, 0)) log_trace(__VA_ARGS__); } while (0)

#endif
