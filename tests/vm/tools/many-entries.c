/* SPDX-License-Identifier: MIT */
/*
 * many-entries N - an archive of N stored files, to standard output: d000/file-0000000 and so on, a thousand in a
 * directory, and in each the number that its name ends with
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME 17
#define DATA 8			/* seven digits and a newline */
#define LOCAL (30 + NAME + DATA)
#define RECORD (46 + NAME)

/* What all entries have in common; the rest is filled in for each. */
static unsigned char local[LOCAL], record[RECORD];

static void put(unsigned char *to, uint64_t number, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++)
		to[i] = (unsigned char)(number >> 8 * i);
}

static uint32_t crc_of(const unsigned char *bytes, unsigned int length)
{
	uint32_t crc = UINT32_MAX;

	while (length--) {
		crc ^= *bytes++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

/* From the version on, both headers have the same for 26 bytes. */
static void put_common(unsigned char *to)
{
	put(to, 20, 2);
	put(to + 8, 0x5221, 2);		/* 1 January 2021 */
	put(to + 14, DATA, 4);
	put(to + 18, DATA, 4);
	put(to + 22, NAME, 2);
}

static void prepare(void)
{
	put(local, 0x04034b50, 4);
	put_common(local + 4);
	put(record, 0x02014b50, 4);
	put(record + 4, 20, 2);
	put_common(record + 6);
}

static void put_digits(unsigned char *to, uint32_t number, unsigned int digits)
{
	for (; digits; number /= 10)
		to[--digits] = (unsigned char)('0' + number % 10);
}

static void fill(uint32_t i)
{
	unsigned char *name = local + 30, *data = name + NAME;

	memcpy(name, "d000/file-", 10);
	put_digits(name + 1, i / 1000, 3);
	put_digits(name + 10, i, 7);
	memcpy(data, name + 10, 7);
	data[7] = '\n';
	put(local + 14, crc_of(data, DATA), 4);
	memcpy(record + 16, local + 14, 4);
	memcpy(record + 46, name, NAME);
	put(record + 42, (uint64_t)i * LOCAL, 4);
}

/* The record with 64 bits, where it is, and the one that all archives have */
static void put_end(uint32_t count)
{
	uint64_t directory = (uint64_t)count * LOCAL, size = (uint64_t)count * RECORD;
	unsigned char end[56 + 20 + 22] = { 0 };

	put(end, 0x06064b50, 4);
	put(end + 4, 44, 8);
	put(end + 24, count, 8);
	put(end + 32, count, 8);
	put(end + 40, size, 8);
	put(end + 48, directory, 8);
	put(end + 56, 0x07064b50, 4);
	put(end + 64, directory + size, 8);
	put(end + 72, 1, 4);
	put(end + 76, 0x06054b50, 4);
	memset(end + 84, 0xff, 12);
	fwrite(end, sizeof(end), 1, stdout);
}

int main(int argc, char **argv)
{
	uint32_t count = argc == 2 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;

	if (!count || count > 1000000)
		return 2;
	prepare();
	for (uint32_t i = 0; i < count; i++) {
		fill(i);
		fwrite(local, LOCAL, 1, stdout);
	}
	for (uint32_t i = 0; i < count; i++) {
		fill(i);
		fwrite(record, RECORD, 1, stdout);
	}
	put_end(count);
	return fflush(stdout) || ferror(stdout);
}
