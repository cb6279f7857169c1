/* SPDX-License-Identifier: MIT */
/*
 * ublk-core.h - a disk of your own, served through the Linux ublk driver
 *
 *	static int zeroes(void *self, void *buffer, uint32_t length, uint64_t offset)
 *	{
 *		memset(buffer, 0, length);
 *		return 0;
 *	}
 *
 *	int main(int argc, char **argv)
 *	{
 *		struct ublk_disk disk = { .name = "zero", .size = 1 << 30, .read = zeroes };
 *
 *		return ublk_main(argc, argv, &disk);
 *	}
 *
 *	cc zero.c $(pkg-config --cflags --libs ublk-core)
 *
 * Sizes, lengths and offsets are bytes. What can fail returns 0 or a negative
 * errno. Strings and structs that are given stay the caller's, and must stay
 * as they are until the call returns.
 *
 * Two processes make a disk. The one that calls, the keeper, talks to the
 * driver and waits for signals. It forks the worker, which gives up all rights
 * and then serves:
 *
 *	in the keeper, with the caller's rights     in the worker, with no rights left
 *
 *	prepare()
 *	   +------------------------------------------> open()
 *	   |                                              |
 *	ready()                                         read() write() flush() discard() zero() ...
 *	   |                                              |
 *	   |  <-------- the disk is stopped ----------- close()
 *	returns
 *
 * Manual pages: ublk-core(3), ublk_serve(3), ublk_delete(3), ublk_log(3).
 */
#ifndef UBLK_CORE_H
#define UBLK_CORE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The version of this interface, which is not that of the program ublk. What
 * works with one works with every later one of the same MAJOR. Within that,
 * structs get members only at their end, which mean "as before" when they are 0;
 * the archive must be that of the header a program was compiled with.
 */
#define UBLK_CORE_MAJOR 1
#define UBLK_CORE_MINOR 0
#define UBLK_CORE_PATCH 0
#define UBLK_CORE_VERSION (UBLK_CORE_MAJOR << 16 | UBLK_CORE_MINOR << 8 | UBLK_CORE_PATCH)

/* UBLK_CORE_VERSION of the archive. */
unsigned int ublk_core_version(void);

/* --- what a disk is -------------------------------------------------------------- */

enum ublk_option_type {
	UBLK_FLAG = 1,		/* bool: true if it is there */
	UBLK_NUMBER,		/* uint32_t */
	UBLK_SIZE,		/* uint64_t: bytes, which may be written 64M or 1GiB */
	UBLK_TEXT		/* const char *, into the words that were given */
};

/* An option of the disk's own, for ublk_main() and ublk_serve(). What *value holds before is the default. */
struct ublk_option {
	enum ublk_option_type type;
	char letter;			/* 0: none */
	const char *name;		/* without "--"; NULL ends a table */
	void *value;			/* what it fills in */
	const char *argument;		/* what --help calls its value; not of a flag */
	const char *help;
};

#define UBLK_OPTIONS_MAX 32		/* with no more than 16 KiB of names, arguments and help in all */

struct ublk_disk {
	const char *name;		/* up to 10 bytes: the keeper's process is called ublk-NAME. NULL: as the program */
	const char *about;		/* one sentence for --help, without a full stop; may be NULL */
	const struct ublk_option *options;	/* may be NULL */
	const char *bare;		/* the one that a word without "--" is for; may be NULL */
	void *self;			/* handed to every function below */

	/* These may also be set in prepare() or open(). */
	uint64_t size;			/* a multiple of the sector size, more than 0 */
	uint32_t sector_size;		/* smallest that can be read or written, 512 to 4096, a power of two; 0: 512 */
	uint32_t discard_size;		/* granularity of discard() and zero(), a power of two; 0: 4096 */
	bool read_only;
	/*
	 * May the functions be called by several threads at once? If not, there
	 * is one queue, and one thread.
	 */
	bool parallel;

	/*
	 * In the keeper, with the caller's rights, before there is a device: open
	 * files and sockets, map memory that is to outlive a worker. May be NULL.
	 * 0, or a negative errno after saying why with ublk_fail().
	 */
	int (*prepare)(struct ublk_disk *disk);

	/*
	 * In the worker, when all rights are gone: no path leads anywhere. May be
	 * NULL. Called again, in another process, if a worker died and there is to
	 * be another (--supervise); then it must be the same disk. Returns as prepare().
	 */
	int (*open)(struct ublk_disk *disk);

	/*
	 * In the worker, in a thread of a queue, whose other requests wait meanwhile.
	 * What is asked for lies inside the disk and consists of whole sectors; a
	 * buffer is @length bytes, the library's, and to be used during the call
	 * alone. 0, or a negative errno, which whoever uses the disk gets.
	 * A request that has been answered with 0 is done: until the next flush()
	 * it may be in memory if there is a flush(), else it must last at once.
	 */
	int (*read)(void *self, void *buffer, uint32_t length, uint64_t offset);
	int (*write)(void *self, const void *buffer, uint32_t length, uint64_t offset);	/* NULL: the disk is read-only */
	int (*flush)(void *self);					/* NULL: it needs none */
	int (*discard)(void *self, uint32_t length, uint64_t offset);	/* contents no longer matter. NULL: nothing is done */
	int (*zero)(void *self, uint32_t length, uint64_t offset);	/* is zeroes now. NULL: these are written */

	/* In the worker: no more requests will come. May take long. May be NULL. 0, or a negative errno after saying why. */
	int (*close)(void *self);

	/* In the keeper: the disk can be used, at @path. NULL: @path is printed to standard output, which then ends. */
	void (*ready)(void *self, const char *path);
};

/* --- create and serve ------------------------------------------------------------ */

/*
 * The whole of main(): make the disk that the words of argv ask for, serve it
 * until it is stopped, delete it. Understands the options of every disk (ublk(8)
 * has them), those of @disk, --help, --version and "-- COMMAND". Returns the
 * exit status of ublk(8). The process must have one thread.
 */
int ublk_main(int argc, char **argv, struct ublk_disk *disk);

/*
 * The same for a program with words of its own: @options are those of every
 * disk and those of @disk, but no command, NULL-terminated; NULL: none. Returns
 * when the disk is gone: 0; -EINVAL: the options make no sense; -EACCES;
 * -EOPNOTSUPP: not by this kernel; -EBUSY: in use, or there already; -ENODEV;
 * -EIO: anything else. What it was has been said.
 */
int ublk_serve(struct ublk_disk *disk, const char *const options[]);

/* --- stop and delete ------------------------------------------------------------- */

/*
 * From another process: stop @device ("/dev/ublkb3", "3"), whoever serves it,
 * and delete it. -EBUSY if somebody uses it, who with @force gets errors instead; -ENODEV if there
 * is none. What was wrong has been said. SIGTERM to the keeper does the same.
 */
int ublk_delete(const char *device, bool force);

/* --- say something --------------------------------------------------------------- */

/* As syslog has them. */
enum ublk_level { UBLK_ERROR = 3, UBLK_WARNING, UBLK_NOTICE, UBLK_INFO, UBLK_DEBUG };

/* "PROGRAM: cannot FORMAT: WHAT ERROR IS". Returns @error, a negative errno. Safe from any thread of both processes. */
int ublk_fail(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "PROGRAM: FORMAT", unless there is --quiet. */
void ublk_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * From now on @hook gets every line, without a newline, in place of standard error and --log; NULL: as before. Called
 * from any thread of both processes. INFO comes with -v only, DEBUG with -vv, and with --quiet nothing but ERROR.
 */
void ublk_log(void (*hook)(enum ublk_level level, const char *line));

#ifdef __cplusplus
}
#endif

#endif
