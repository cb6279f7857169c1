/* SPDX-License-Identifier: MIT */
/*
 * crc32.c - eight bytes at a time
 *
 * table[n][b] is what a byte b does to the checksum when n more bytes follow
 * it, so that the effects of eight bytes can be looked up independently of each
 * other. The tables are made when first used: 8 KiB in the binary cost more.
 */
#include <pthread.h>

#include "applets/zip/bytes.h"
#include "applets/zip/crc32.h"

#define POLYNOMIAL 0xedb88320U		/* reflected */

static uint32_t table[8][256];
static pthread_once_t made = PTHREAD_ONCE_INIT;

static void make(void)
{
	for (uint32_t byte = 0; byte < 256; byte++) {
		uint32_t crc = byte;

		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
		table[0][byte] = crc;
	}
	for (int n = 1; n < 8; n++)
		for (int byte = 0; byte < 256; byte++)
			table[n][byte] = table[n - 1][byte] >> 8 ^ table[0][table[n - 1][byte] & 0xff];
}

static uint32_t add_eight(uint32_t crc, const unsigned char *at)
{
	uint32_t low = get32(at) ^ crc, high = get32(at + 4);

	return table[7][low & 0xff] ^ table[6][low >> 8 & 0xff] ^ table[5][low >> 16 & 0xff] ^ table[4][low >> 24] ^
	       table[3][high & 0xff] ^ table[2][high >> 8 & 0xff] ^ table[1][high >> 16 & 0xff] ^ table[0][high >> 24];
}

uint32_t crc32_add(uint32_t crc, const void *bytes, size_t length)
{
	const unsigned char *at = bytes;

	pthread_once(&made, make);
	crc = ~crc;
	for (; length >= 8; length -= 8, at += 8)
		crc = add_eight(crc, at);
	for (; length; length--)
		crc = crc >> 8 ^ table[0][(crc ^ *at++) & 0xff];
	return ~crc;
}
