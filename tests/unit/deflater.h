/* SPDX-License-Identifier: MIT */
/*
 * deflater.h - deflated streams as no program makes them, and what they unpack to
 *
 * Blocks of every kind with random codes, lengths and distances, so that all
 * that the format allows comes up, and bits fall in every way.
 */
#ifndef TESTS_UNIT_DEFLATER_H
#define TESTS_UNIT_DEFLATER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct deflater {
	unsigned char *packed;
	size_t packed_size, packed_room;
	unsigned int bits;		/* of the last byte */
	unsigned char *plain;
	size_t size, room;
	uint64_t random;
};

enum block { BLOCK_STORED, BLOCK_FIXED, BLOCK_DYNAMIC };

void deflater_open(struct deflater *to, uint64_t seed);
void deflater_close(struct deflater *to);
/* A block of about @size bytes; @repeats of 256 symbols are copies of something before. */
void deflater_block(struct deflater *to, enum block block, size_t size, unsigned int repeats, bool last);
/* Zeros, in as few bits as can be, in one block. */
void deflater_zeros(struct deflater *to, size_t size, bool last);
/* Many of them, to at least @size bytes, and the end. */
void deflater_random(struct deflater *to, size_t size);
/* Add what is not checked: bits of a stream made by hand. */
void deflater_bits(struct deflater *to, uint64_t value, unsigned int count);
/* To a byte's end. */
void deflater_align(struct deflater *to);

/* The CRC32 of bytes; for one thread at a time. */
uint32_t plain_crc(const void *bytes, size_t size);

#endif
