/* SPDX-License-Identifier: MIT */
/*
 * checksum.c - join CRC32s
 *
 * A CRC is the remainder of a polynomial over bits, with the highest power in
 * the lowest bit here. To append n bits is to multiply by x^n; x^n is made of
 * squares.
 */
#include "applets/zip/checksum.h"

#define POLYNOMIAL 0xedb88320
#define ONE 0x80000000U

static uint32_t multiply(uint32_t a, uint32_t b)
{
	uint32_t product = 0;

	for (; a; a <<= 1) {
		product ^= b & -(a >> 31);
		b = b >> 1 ^ (POLYNOMIAL & -(b & 1));
	}
	return product;
}

uint32_t checksum_join(uint32_t first, uint32_t second, uint64_t length)
{
	uint32_t power = ONE, square = ONE >> 8;	/* x^8: by a byte */

	for (; length; length >>= 1) {
		if (length & 1)
			power = multiply(square, power);
		square = multiply(square, square);
	}
	return multiply(first, power) ^ second;
}
