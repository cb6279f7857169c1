/* SPDX-License-Identifier: MIT */
/* spec.h - everything the user asked for, as plain data */
#ifndef CORE_SPEC_H
#define CORE_SPEC_H

#include <stdbool.h>
#include <stdint.h>

#include "core/applet.h"
#include "core/opt.h"

/* How bytes get from a request to the backend and back. The order is --io's. */
enum io_mode {
	IO_AUTO,
	IO_COPY,	/* the driver copies to and from a buffer per tag */
	IO_GET_DATA,	/* the driver copies straight to and from the backend's memory */
	IO_USER_COPY,	/* we copy, with a system call, between request and memory */
	IO_ZERO_COPY,	/* a file is read into and written from the request's own pages */
	IO_AUTO_BUF,	/* the same, and the driver makes the pages known by itself */
	IO_BATCH,	/* user-copy or copy, with many requests per command */
	IO_MODES
};

/* What becomes of requests when their server dies, and another goes on. The order is --recovery's. */
enum recovery {
	RECOVERY_UNSAID = -1,
	RECOVERY_OFF,		/* none does: the disk goes */
	RECOVERY_REISSUE,	/* all wait; what it had begun is done again */
	RECOVERY_REQUEUE,	/* what it had begun fails, the others wait */
	RECOVERY_FAIL,		/* all fail until another is there */
};

/* The order is --sandbox's. */
enum sandboxing { SANDBOX_ON, SANDBOX_OFF };

#define ID_ANY UINT32_MAX
#define SECTOR_ANY UINT64_MAX
#define FD_NONE UINT32_MAX
#define STATS_NEVER UINT32_MAX

struct spec {
	const struct applet *applet;
	char **command;			/* after "--"; NULL if there is none */

	uint32_t id;			/* ID_ANY: the kernel chooses */
	const char *name;		/* NULL: none */
	bool read_only;
	uint64_t sector_size;		/* bytes, a power of two, 512 .. 4096; SECTOR_ANY: what suits the disk */
	uint32_t queues;		/* 0: as many as are worth it */
	uint32_t depth;			/* requests in flight per queue */
	uint64_t max_io;		/* bytes of the largest single request; 0: chosen */
	const char *cpu_affinity;	/* "auto", "none" or a list of CPUs */
	int io_mode;			/* enum io_mode */
	uint32_t poll;			/* microseconds to spin before sleeping, 0: none */
	const char *shared_memory;	/* NULL: none */
	int recovery;			/* enum recovery */
	bool supervise;
	bool partscan;
	bool autoclear;			/* stop when it was in use and is no more */

	bool background;
	const char *pidfile;
	uint32_t ready_fd;		/* FD_NONE: no */
	int log_target;			/* enum log_target */
	int verbose;			/* -v count */
	bool quiet;
	uint32_t stop_timeout;		/* seconds */
	uint32_t stats;			/* seconds between lines of statistics; 0: at the end alone; STATS_NEVER: none */
	const char *dev_dir;
	bool modprobe, mknod;
	bool mlock;			/* what is touched stays in memory */
	const char *oom_score_adj;	/* NULL: as it is */
	const char *user;		/* NULL: chosen */
	int sandbox;			/* enum sandboxing */
	bool root;			/* to be served until the machine is off */
	bool progress_on, progress_off;	/* neither: if standard error is a terminal */
};

extern const struct opt spec_opts[];

void spec_init(struct spec *spec, const struct applet *applet);

/* What a table cannot check. 0, or -EUSAGE after saying what is wrong. */
int spec_check(const struct spec *spec);

/* Can a disk of @size bytes be? 0, or -EUSAGE after saying why not. */
int spec_check_size(const struct spec *spec, uint64_t size);

/* Of a disk that could do with @least, 0 if any will do. */
uint32_t spec_sector_size(const struct spec *spec, uint32_t least);

/* Should long work show how far it is? */
bool spec_progress(const struct spec *spec);

#endif
