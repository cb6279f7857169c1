/* SPDX-License-Identifier: MIT */
/* checksum.h - CRC32 of what was checksummed in pieces */
#ifndef APPLETS_ZIP_CHECKSUM_H
#define APPLETS_ZIP_CHECKSUM_H

#include <stdint.h>

/* The CRC32 of two pieces, one after the other: of each its own, and the length of the second. */
uint32_t checksum_join(uint32_t first, uint32_t second, uint64_t length);

#endif
