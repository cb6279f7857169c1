/* SPDX-License-Identifier: MIT */
/*
 * ublk-null - a disk that reads zeroes and forgets writes
 *
 * For measuring what the rest of the way costs, and for trying things out on
 * disks larger than any. What it reads as are zeroes indeed, never what some
 * buffer held before.
 */
#include <stddef.h>

#include "core/applet.h"
#include "core/spec.h"

struct null {
	uint64_t size;
};

static const struct opt null_opts[] = {
	OPT_SIZE('s', "size", struct null, size, "size of the disk, up to 8E less a sector"),
	OPT_END
};

static int null_prepare(void *self, const struct spec *spec)
{
	const struct null *n = self;

	return spec_check_size(spec, n->size);
}

static int null_open(void *self, struct disk *disk)
{
	const struct null *n = self;

	*disk = (struct disk){ .size = n->size, .discard_size = 4096, .physical_size = 4096 };
	return 0;
}

static struct place null_where(void *self, const struct span *span)
{
	(void)self;
	return nowhere(span->length);
}

static const struct backend null_backend = {
	.mostly	 = NOWHERE,
	.prepare = null_prepare,
	.open	 = null_open,
	.where	 = null_where,
};

const struct applet applet_null = {
	.name	  = "null",
	.number = APPLET_null,
	.synopsis = "[--size SIZE]",
	.about	  = "A disk that reads zeroes and forgets writes",
	.opts	  = null_opts,
	.self	  = &(struct null){ .size = 250ULL << 30 },
	.bare	  = "size",
	.backend  = &null_backend,
};
