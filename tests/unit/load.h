/* SPDX-License-Identifier: MIT */
/*
 * load.h - random requests, as many as a server can take, and what must come of them
 *
 * Each slot of each queue has a part of the disk to itself, and remembers what it wrote there. After every answer the
 * bytes are compared. It lies in memory that processes share, and so survives the server.
 */
#ifndef TESTS_UNIT_LOAD_H
#define TESTS_UNIT_LOAD_H

#include <semaphore.h>

#include "tests/unit/model.h"

#define LOAD_QUEUES 4

enum load_disk {
	LOAD_KEEPS,	/* reads as what was written, and before that as zeroes */
	LOAD_FORGETS,	/* reads as zeroes, whatever is written */
	LOAD_IS_FIXED,	/* reads as what it is, and cannot be written */
};

struct load_plan {
	enum load_disk disk;
	unsigned int queues, depth;
	uint32_t max_io;
	uint64_t size;			/* of the disk */
	uint64_t requests;		/* of each queue; 0: until load_end() */
	bool may_fail;			/* a server may die with requests that are not done again */
	const char *contents;		/* of LOAD_IS_FIXED */
	uint64_t seed;
};

struct load;

struct load *load_new(const struct load_plan *plan);
struct model_load *load_base(struct load *load);
/* No more of them. */
void load_end(struct load *load);
/* Until all have been answered; false: they have not been, in a minute. */
bool load_wait(struct load *load);
void load_free(struct load *load);

struct load_count {
	uint64_t requests, bytes;	/* answered well */
	uint64_t failed, refused;	/* because their server died; for want of memory */
	uint64_t wrong;			/* answers that are not what they must be */
	char first_wrong[160];
};
struct load_count load_counted(const struct load *load);

#endif
