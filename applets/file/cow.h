/* SPDX-License-Identifier: MIT */
/*
 * cow.h - what was written to a disk whose file stays as it is
 *
 * The bytes are in a store in memory, as those of ublk-mem; a bit for each
 * sector says whether it is to be found there or still in the file. A sector
 * belongs to the store only when its bytes have come, so that whoever reads
 * meanwhile gets what was there before. Safe from every queue at once.
 */
#ifndef APPLETS_FILE_COW_H
#define APPLETS_FILE_COW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "applets/mem/budget.h"
#include "applets/mem/store.h"
#include "core/backend.h"

struct cow {
	struct store store;
	_Atomic uint64_t *written;	/* a bit for each sector of 512 bytes */
	uint64_t map_size;		/* bytes */
};

/* For a disk of @size bytes, of which at most @limit may be written. @numbers: of store_count(), or NULL. 0, or -errno after saying why. */
int cow_open(struct cow *cow, uint64_t size, uint64_t limit, const struct budget *budget, _Atomic uint64_t *numbers);
void cow_close(struct cow *cow);

/* Where the beginning of a read is: in the store, or in @fd at @start + its offset. */
struct place cow_read(const struct cow *cow, const struct span *span, int fd, uint64_t start);
/* Where a write, discard or zero goes. */
struct place cow_change(struct cow *cow, const struct span *span);
/* It was done. */
void cow_changed(struct cow *cow, uint64_t offset, uint32_t length);

#endif
