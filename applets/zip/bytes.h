/* SPDX-License-Identifier: MIT */
/* bytes.h - numbers as zip archives have them: little endian, wherever they happen to lie */
#ifndef APPLETS_ZIP_BYTES_H
#define APPLETS_ZIP_BYTES_H

#include <endian.h>
#include <stdint.h>

/* The compiler's own memcpy() is one instruction here; the library's, which the rest of us uses, is a call. */
static inline uint16_t get16(const unsigned char *at)
{
	uint16_t number;

	__builtin_memcpy(&number, at, sizeof(number));
	return le16toh(number);
}

static inline uint32_t get32(const unsigned char *at)
{
	uint32_t number;

	__builtin_memcpy(&number, at, sizeof(number));
	return le32toh(number);
}

static inline uint64_t get64(const unsigned char *at)
{
	uint64_t number;

	__builtin_memcpy(&number, at, sizeof(number));
	return le64toh(number);
}

#endif
