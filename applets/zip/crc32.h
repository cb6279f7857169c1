/* SPDX-License-Identifier: MIT */
/* crc32.h - the checksum that zip archives use */
#ifndef APPLETS_ZIP_CRC32_H
#define APPLETS_ZIP_CRC32_H

#include <libdeflate.h>
#include <stddef.h>
#include <stdint.h>

/* Of what @crc is the checksum of (0: of nothing), followed by @length bytes. */
static inline uint32_t crc32_add(uint32_t crc, const void *bytes, size_t length)
{
	return libdeflate_crc32(crc, bytes, length);
}

/* To be called by who has rights: the first checksum finds out what the processor can do, on ARM by opening a file. */
static inline void crc32_prepare(void)
{
#ifdef __aarch64__
	(void)libdeflate_crc32(0, "", 1);
#endif
}

#endif
