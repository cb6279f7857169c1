/* SPDX-License-Identifier: MIT */
/* log.c - one line, one write */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/log.h"
#include "core/text.h"
#include "core/util.h"

#define LINE_MAX_BYTES 1024	/* the kernel's own limit for a kmsg record is close to it */
#define FACILITY_DAEMON (3 << 3)

/* As syslog and the kernel number them. */
enum priority { LOG_ERR = 3, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG };

int log_level = LOG_NORMAL;
void (*log_hook)(int priority, const char *line);

static const char *program = "ublk";
static int device = -1;
static enum log_target target = LOG_TO_STDERR;
static int fd = STDERR_FILENO;	/* a datagram or a record in each write, where it is not stderr */

void log_name(const char *name)
{
	program = name;
}

void log_device(int id)
{
	device = id;
}

/* Never waited for: whoever reads it may be waiting for our disk. Connected now: the worker may open nothing later. Not libc's syslog(), which brings half of libc's time zones along. */
static int connect_syslog(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
	int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (s >= 0 && connect(s, (struct sockaddr *)&address, sizeof(address)) < 0) {
		int err = -errno;

		close(s);
		return err;
	}
	return s < 0 ? -errno : s;
}

static int open_kmsg(void)
{
	int opened = RETRY(open("/dev/kmsg", O_WRONLY | O_CLOEXEC));

	return opened < 0 ? -errno : opened;
}

int log_open(enum log_target to)
{
	int opened = STDERR_FILENO;

	if (to == LOG_TO_KMSG) {
		opened = open_kmsg();
		if (opened < 0)
			return fail(opened, "open /dev/kmsg for --log=kmsg");
	} else if (to == LOG_TO_SYSLOG) {
		opened = connect_syslog();
		if (opened < 0) {
			fail(opened, "reach the system log at /dev/log for --log=syslog");
			remedy("start a syslog daemon, or use --log=stderr or --log=kmsg");
			return opened;
		}
	}
	fd = opened;
	target = to;
	return 0;
}

#define NOT_PREPARED INT_MIN

static int prepared = NOT_PREPARED;
static enum log_target later = LOG_TO_SYSLOG;

void log_leave_to_kernel(void)
{
	later = LOG_TO_KMSG;
}

static int open_later(void)
{
	return later == LOG_TO_KMSG ? open_kmsg() : connect_syslog();
}

void log_prepare_leave(void)
{
	prepared = open_later();
}

void log_leave_stderr(void)
{
	int opened;

	if (target != LOG_TO_STDERR)
		return;
	opened = prepared == NOT_PREPARED ? open_later() : prepared;
	if (opened < 0)
		return;
	fd = opened;
	target = later;
}

/* "<3>" where the priority is told, then who speaks. */
static int put_head(char *line, size_t limit, enum priority priority)
{
	char id[24] = "";

	if (device >= 0)
		text_format(id, sizeof(id), "[%d]", device);
	if (target == LOG_TO_STDERR)
		return text_format(line, limit, "%s%s: ", program, id);
	return text_format(line, limit, "<%d>%s%s: ", FACILITY_DAEMON | (int)priority, program, id);
}

/* Names of files, processes and mounts may be anybody's: what a terminal might obey is a question mark. */
static void tame(char *line, size_t used)
{
	for (size_t at = 0; at < used;) {
		uint32_t code = 0;
		size_t length = text_utf8(line + at, used - at, &code);
		bool harmless = length && !text_acts(code);

		length = length ? length : 1;
		if (!harmless)
			memset(line + at, '?', length);
		at += length;
	}
}

/* #syscalls write */
static void put(enum priority priority, const char *prefix, const char *format, va_list args, int error)
{
	char line[LINE_MAX_BYTES];
	const size_t limit = sizeof(line) - 1;	/* room for the newline */
	size_t used = log_hook ? 0 : (size_t)put_head(line, limit, priority);
	ssize_t written;

	used += (size_t)text_format(line + used, limit - used, "%s", prefix);
	used += (size_t)text_vformat(line + used, limit - used, format, args);
	if (error && used < limit)
		used += (size_t)text_format(line + used, limit - used, ": %s", strerror(-error));
	used = min_u64(used, limit - 1);	/* what did not fit is cut off */
	tame(line, used);
	if (log_hook) {
		line[used] = '\0';
		log_hook((int)priority, line);
		return;
	}
	if (target != LOG_TO_SYSLOG)
		line[used++] = '\n';
	written = RETRY(write(fd, line, used));
	(void)written;				/* a log that cannot be written is not worth failing for */
}

int fail(int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put(LOG_ERR, "cannot ", format, args, error);
	va_end(args);
	return error;
}

int fail_plain(int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put(LOG_ERR, "", format, args, 0);
	va_end(args);
	return error;
}

int fail_usage(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put(LOG_ERR, "", format, args, 0);
	va_end(args);
	remedy("Try '%s --help'", program);
	return -EUSAGE;
}

#define SPEAK(name, least, priority, prefix)			\
	void name(const char *format, ...)			\
	{							\
		va_list args;					\
								\
		if (log_level < (least))			\
			return;					\
		va_start(args, format);				\
		put(priority, prefix, format, args, 0);		\
		va_end(args);					\
	}

SPEAK(remedy, LOG_SILENT, LOG_ERR, "")
SPEAK(warn, LOG_NORMAL, LOG_WARNING, "warning: ")
SPEAK(note, LOG_NORMAL, LOG_NOTICE, "")
SPEAK(log_info, LOG_VERBOSE, LOG_INFO, "")
SPEAK(log_trace, LOG_TRACE, LOG_DEBUG, "")
