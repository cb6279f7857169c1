/* SPDX-License-Identifier: MIT */
/*
 * backend.h - what a disk is made of
 *
 * A backend answers one question: where do these bytes live?
 *
 * Core asks, moves the bytes itself by whatever route the running kernel
 * offers, and asks again from where it got to, until the request is done.
 * Short reads, extents and retries are therefore core's business. A backend
 * never sees io_uring, tags, queues or request buffers, and nothing in it
 * calls back up into core.
 *
 *   in the keeper, with the caller's rights       in the worker
 *
 *   prepare()  descriptors only
 *      |           (device added, worker forked)
 *      +---------------------------------------->  commit()    with the caller's rights
 *      |                                             |
 *      |                                           open()      with no rights left, from here on
 *      |                                             +- queue_open()  where() where() ...
 *      |                                             +- queue_open()  where() where() ...
 *      |           (device stopped, queues closed)   |
 *      |                                           stopped()
 *      <-------------------------------------------close()
 *   conclude()
 *
 * All of it but open() and where() is optional. "self" is the applet's own
 * struct, which the option table filled in; the worker has a copy of it.
 */
#ifndef CORE_BACKEND_H
#define CORE_BACKEND_H

#include <stdbool.h>
#include <stdint.h>

enum op {
	OP_READ,
	OP_WRITE,
	OP_FLUSH,	/* length is 0 */
	OP_DISCARD,	/* contents no longer matter */
	OP_ZERO,	/* must read back as zeroes */
};

/* What is left to do of one request. Always inside the disk. */
struct span {
	enum op op;
	uint32_t length;	/* bytes */
	uint64_t offset;	/* bytes */
	uint32_t fetched;	/* bytes that needs() brought since the span last became shorter; it may take several */
	uint16_t slot;		/* tells apart the requests in flight on one queue */
	bool fua;		/* a write that must be on the medium before it is answered */
	bool keep;		/* a zero that must keep the space it takes */
};

enum place_kind {
	IN_MEMORY,	/* at @memory; discard and zero give whole pages of it back to the system */
	NOWHERE,	/* reads as zeroes, swallows the rest */
	IN_FILE,	/* in @fd at @offset; flush, discard and zero act on that file */
	NEEDS,		/* read @fd at @offset into @memory, then ask again */
	LATER,		/* not known yet: ask again when the queue's wake_fd is written to */
	FAILED,		/* the request ends with @error */
	PLACE_KINDS
};

/* Where the first @length bytes of a span live. Build one with a helper below. */
struct place {
	enum place_kind kind;
	uint32_t length;
	int error;		/* negative errno */
	int fd;
	uint64_t offset;
	char *memory;		/* of IN_FILE: where this part of the file is mapped, if it is */
};

/* What open() learned about the disk. Zero means "no" or "the usual". All sizes are in bytes, and but for the first powers of two. */
struct disk {
	uint64_t size;			/* a multiple of the sector size */
	uint32_t sector_size;		/* smallest that can be written, 512 .. 4096; the user's wish goes before */
	uint32_t discard_size;		/* granularity, zero if discard is no use */
	uint32_t physical_size;		/* best written at once, the sector size if zero */
	uint32_t optimal_size;		/* best for long transfers, the physical size if zero */
	uint32_t dma_size;		/* what the memory of a request must be aligned to if it is not copied */
	bool read_only;
	bool write_cache;		/* a flush is needed to make writes last */
	bool rotational;
	bool shared;			/* the memory of IN_MEMORY is mapped MAP_SHARED */
	bool hurried;			/* told to open(): the kernel kills a server that leaves a request unanswered for 30 s */
};

/* How it ended in the worker, as the keeper has seen it. */
enum outcome {
	NEVER_SERVED,	/* something failed before there was a disk, and was said */
	STOPPED_WELL,	/* stopped() returned 0 */
	STOPPED_BADLY,	/* stopped() returned an error, and said why */
	CUT_SHORT,	/* the worker ended before stopped() did */
};

struct request;
struct serving;
struct spec;
struct state_field;
struct stats;

#define BACKEND_NUMBERS 24

struct backend {
	/*
	 * What where() mostly answers: decides, before the device exists, how
	 * bytes travel. With IN_MEMORY the backend promises that such memory
	 * stays put until close(): the driver may copy after where() returned.
	 */
	enum place_kind mostly;

	/*
	 * Not of this program, but of one that is linked with core: nobody here
	 * knows its name, nor what it asks of the kernel while it serves.
	 */
	bool foreign;

	/*
	 * Open what the disk is made of; parse nothing. Runs in the keeper,
	 * before any kernel state exists, with the rights of the caller. The
	 * place to refuse options that make no sense.
	 * Returns 0, or -errno after saying why with fail().
	 */
	int (*prepare)(void *self, const struct spec *spec);

	/*
	 * What prepare() has made of the options, for another program that is
	 * to go on with a disk that has been served (core/state.h). There it is
	 * restored, and then resume() is called and prepare() is not; what it
	 * was given may be anybody's. Returns as prepare() does.
	 */
	const struct state_field *carried;
	int (*resume)(void *self, const struct spec *spec);

	/*
	 * The one file of IN_FILE and NEEDS, -1 for none: a server can reach no
	 * other. NULL: there is none. Asked after prepare().
	 */
	int (*file)(const void *self);

	/*
	 * Moves the bytes. fileio_move (core/fileio.h) if where() may answer
	 * IN_FILE or NEEDS; NULL: it never does.
	 */
	int64_t (*move)(struct serving *serving, struct request *request, const struct place *place);

	/*
	 * Are the files of IN_FILE in memory, so that reading and writing them
	 * takes no longer than copying does? Then it is done at once, which
	 * saves what asynchronous I/O costs. Asked after prepare().
	 */
	bool (*at_once)(const void *self);

	/* Is what was written gone with its worker, whatever --recovery says? NULL: no. Asked before prepare(). */
	bool (*forgets)(const void *self);

	/*
	 * Do what open() may not, and what is better not done in vain. Runs in
	 * the worker, the only time with the rights of the caller: there is a
	 * device, and memory and rings for its queues. What may fail still is
	 * the sandbox, open(), and what the keeper does then: it sets the
	 * parameters, starts the disk, and makes its node and its files. Not
	 * for a disk that has been served.
	 * Returns 0, or -errno after saying why.
	 */
	int (*commit)(void *self);

	/*
	 * Read, parse, allocate, check, and describe the disk. Runs in the
	 * worker after every right is gone and before the block device exists.
	 * If @disk has a size already, a server of this disk died, with
	 * --recovery: then it must be the same disk again.
	 * Returns 0, or -errno after saying why.
	 */
	int (*open)(void *self, struct disk *disk);

	/*
	 * Add the backend's own numbers (core/stats.h), BACKEND_NUMBERS at most.
	 * Runs in the worker before open().
	 */
	void (*count)(void *self, const struct stats *stats);

	/*
	 * Answer the question. Called from every queue thread at once: no
	 * blocking, no allocation, no locks, no new files. The answer may cover
	 * less than the span, but never nothing of it (flush has no length).
	 */
	struct place (*where)(void *self, const struct span *span);

	/*
	 * All of a write, discard or zero was done where where() said, and is
	 * about to be answered. For those who must know that the bytes have
	 * come. From the queue's thread. 0, or -errno with which the request
	 * ends instead.
	 */
	int (*written)(void *self, enum op op, uint64_t offset, uint32_t length);

	/*
	 * A flush failed below. Who answers the next one knows whether what
	 * could not be written is still there to be. From the queue's thread.
	 */
	void (*unflushed)(void *self, int error);

	/* How large the disk is now, in bytes; asked when a request lies beyond what it was. */
	uint64_t (*size)(void *self);

	/* The last request was answered and no more will come. May take long; 0 or -errno. */
	int (*stopped)(void *self);

	/* Undo open(), however far it got. */
	void (*close)(void *self);

	/*
	 * A self of its own for each queue, made by the queue's thread, so that
	 * where() can keep scratch space without locks. NULL return: out of
	 * memory. @wake_fd is an eventfd, core's; add to it after later().
	 * Without these two all queues share one self.
	 */
	void *(*queue_open)(void *self, int wake_fd);
	void (*queue_close)(void *queue_self);

	/* In the keeper: the disk can be used, at @path. False, or NULL: that is to stand on standard output, and nothing more. */
	bool (*ready)(void *self, const char *path);

	/*
	 * Undo prepare(), however far it got, and finish what stopped() began.
	 * Runs in the keeper when the device is gone. Returns 0, or -errno
	 * after saying why.
	 */
	int (*conclude)(void *self, enum outcome outcome);
};

/* @at stays put until this queue is asked again; if the backend is mostly IN_MEMORY, until close(). */
static inline struct place in_memory(char *at, uint32_t length)
{
	return (struct place){ .kind = IN_MEMORY, .length = length, .memory = at };
}

static inline struct place in_file(int fd, uint64_t offset, uint32_t length)
{
	return (struct place){ .kind = IN_FILE, .length = length, .fd = fd, .offset = offset };
}

/*
 * The same, and the bytes are mapped at @at until close(), for reads and, if
 * asked about a write, for writes. Nobody but the kernel will touch them
 * there: if the file shrinks that is an error, and no signal. Only for a file
 * that is in memory: what is written so is made no more durable by fua.
 */
static inline struct place in_mapped_file(int fd, uint64_t offset, uint32_t length, char *at)
{
	return (struct place){ .kind = IN_FILE, .length = length, .fd = fd, .offset = offset, .memory = at };
}

static inline struct place nowhere(uint32_t length)
{
	return (struct place){ .kind = NOWHERE, .length = length };
}

static inline struct place needs(int fd, uint64_t offset, uint32_t length, char *into)
{
	return (struct place){ .kind = NEEDS, .length = length, .fd = fd, .offset = offset, .memory = into };
}

static inline struct place later(void)
{
	return (struct place){ .kind = LATER };
}

static inline struct place failed(int error)
{
	return (struct place){ .kind = FAILED, .error = error };
}

#endif
