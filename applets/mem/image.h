/* SPDX-License-Identifier: MIT */
/* image.h - a disk's contents from a file, and into one */
#ifndef APPLETS_MEM_IMAGE_H
#define APPLETS_MEM_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "applets/mem/store.h"

/* Bytes in the file or block device behind @fd; 0 if only reading to its end can tell (a pipe). -errno. */
int64_t image_size(int fd);

/*
 * All of @fd into @store; holes and zeroes take no memory. A pipe may grow the
 * store. @consume: what has come in is cut off a file that nobody else uses,
 * so that no more of it than a chunk is there twice. *@loaded: bytes. @name is
 * for messages. 0, or -errno after saying why.
 */
int image_load(struct store *store, int fd, const char *name, bool progress, bool consume, uint64_t *loaded);

/* Says so, and returns -ENOSPC. */
int image_too_large(const char *name);

/* The first @size bytes of @store into @fd, sparsely, and onto the medium. 0, or -errno after saying why. */
int image_save(const struct store *store, uint64_t size, int fd, const char *name, bool progress);

#endif
