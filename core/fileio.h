/* SPDX-License-Identifier: MIT */
/*
 * fileio.h - how bytes move between a request and a file
 *
 * For backends some of whose places are IN_FILE or NEEDS: their move() is this.
 * A program without such a backend is linked without all of it.
 */
#ifndef CORE_FILEIO_H
#define CORE_FILEIO_H

#include "core/backend.h"

int64_t fileio_move(struct serving *serving, struct request *request, const struct place *place);

#endif
