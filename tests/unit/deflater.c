/* SPDX-License-Identifier: MIT */
/* deflater.c - write deflated streams at random */
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/unit/deflater.h"

#define LITERALS 286
#define DISTANCES 30
#define END 256

static const uint16_t length_base[] = {
	3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
};
static const uint8_t length_extra[] = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0 };
static const uint16_t distance_base[] = {
	1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
	8193, 12289, 16385, 24577,
};

struct code {
	uint8_t lengths[320];
	uint16_t codes[320];
	uint16_t used[320];		/* symbols that have a code */
	unsigned int count;
};

static unsigned int below(struct deflater *to, unsigned int n)
{
	return check_random(&to->random) % n;
}

void deflater_open(struct deflater *to, uint64_t seed)
{
	*to = (struct deflater){ .random = seed * 77777 + 5 };
}

void deflater_close(struct deflater *to)
{
	free(to->packed);
	free(to->plain);
}

static void *grown(void *bytes, size_t size, size_t *room)
{
	if (size + 8 <= *room)
		return bytes;
	*room = 2 * size + 4096;
	return realloc(bytes, *room);
}

void deflater_bits(struct deflater *to, uint64_t value, unsigned int count)
{
	for (; count; count--, value >>= 1) {
		if (!to->bits && count >= 8) {
			to->packed = grown(to->packed, to->packed_size, &to->packed_room);
			to->packed[to->packed_size++] = (unsigned char)value;
			value >>= 7;
			count -= 7;
			continue;
		}
		if (!to->bits) {
			to->packed = grown(to->packed, to->packed_size, &to->packed_room);
			to->packed[to->packed_size++] = 0;
		}
		to->packed[to->packed_size - 1] |= (unsigned char)((value & 1) << to->bits);
		to->bits = (to->bits + 1) % 8;
	}
}

void deflater_align(struct deflater *to)
{
	to->bits = 0;
}

static void out(struct deflater *to, unsigned int byte)
{
	to->plain = grown(to->plain, to->size, &to->room);
	to->plain[to->size++] = (unsigned char)byte;
}

/* --- codes --- */

static void put_symbol(struct deflater *to, const struct code *code, unsigned int symbol)
{
	for (int i = code->lengths[symbol] - 1; i >= 0; i--)
		deflater_bits(to, code->codes[symbol] >> i & 1, 1);
}

static void make_codes(struct code *code, unsigned int symbols)
{
	unsigned int next = 0;

	code->count = 0;
	for (unsigned int length = 1; length <= 15; length++, next <<= 1)
		for (unsigned int i = 0; i < symbols; i++)
			if (code->lengths[i] == length)
				code->codes[i] = (uint16_t)next++;
	for (unsigned int i = 0; i < symbols; i++)
		if (code->lengths[i])
			code->used[code->count++] = (uint16_t)i;
}

/* A tree with @leaves, split at random, none deeper than @deepest. Its leaves go to symbols at random, @must among them. */
static void random_code(struct deflater *to, struct code *code, unsigned int symbols, unsigned int leaves, unsigned int must,
			unsigned int deepest)
{
	uint8_t depth[320] = { 1, 1 };
	unsigned int count = 2;

	*code = (struct code){ 0 };
	while (count < leaves) {
		unsigned int i = below(to, 2) ? below(to, count) : count - 1;

		if (depth[i] == deepest)
			continue;
		depth[count++] = ++depth[i];
	}
	for (unsigned int i = 0; i < leaves; i++) {
		unsigned int symbol = i ? below(to, symbols) : must;

		while (code->lengths[symbol])
			symbol = (symbol + 1) % symbols;
		code->lengths[symbol] = depth[i];
	}
	make_codes(code, symbols);
}

static void fixed_codes(struct code *literals, struct code *distances)
{
	*literals = *distances = (struct code){ 0 };
	for (unsigned int i = 0; i < 288; i++)
		literals->lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
	for (unsigned int i = 0; i < 30; i++)
		distances->lengths[i] = 5;
	make_codes(literals, 288);
	make_codes(distances, 30);
}

static void put_lengths(struct deflater *to, const struct code *literals, const struct code *distances)
{
	static const uint8_t order[] = { 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15 };
	uint8_t all[LITERALS + DISTANCES];
	struct code code;
	unsigned int total = LITERALS + DISTANCES;

	memcpy(all, literals->lengths, LITERALS);
	memcpy(all + LITERALS, distances->lengths, DISTANCES);
	random_code(to, &code, 19, 19, 0, 7);
	deflater_bits(to, LITERALS - 257, 5);
	deflater_bits(to, DISTANCES - 1, 5);
	deflater_bits(to, 19 - 4, 4);
	for (unsigned int i = 0; i < 19; i++)
		deflater_bits(to, code.lengths[order[i]], 3);
	for (unsigned int i = 0; i < total;) {
		unsigned int run = 1;

		while (i + run < total && all[i + run] == all[i] && run < 138)
			run++;
		if (!all[i] && run >= 11) {
			put_symbol(to, &code, 18);
			deflater_bits(to, run - 11, 7);
		} else if (!all[i] && run >= 3) {
			put_symbol(to, &code, 17);
			deflater_bits(to, run - 3, 3);
		} else if (i && all[i] == all[i - 1] && run >= 3) {
			run = run > 6 ? 6 : run;
			put_symbol(to, &code, 16);
			deflater_bits(to, run - 3, 2);
		} else {
			run = 1;
			put_symbol(to, &code, all[i]);
		}
		i += run;
	}
}

/* --- blocks --- */

/* A copy from no further back than is allowed. False: none of the codes can say one. */
static bool put_copy(struct deflater *to, const struct code *literals, const struct code *distances)
{
	unsigned int symbol = literals->used[below(to, literals->count)], far, length, distance, extra;

	if (symbol <= END || symbol >= LITERALS || !distances->count)
		return false;
	far = distances->used[below(to, distances->count)];
	if (far >= DISTANCES || distance_base[far] > to->size)
		return false;
	put_symbol(to, literals, symbol);
	extra = below(to, 1U << length_extra[symbol - 257]);
	if (symbol == 284 && extra == 31)
		extra = 30;			/* 258 has a code of its own */
	deflater_bits(to, extra, length_extra[symbol - 257]);
	length = length_base[symbol - 257] + extra;
	put_symbol(to, distances, far);
	extra = far < 4 ? 0 : below(to, 1U << (far / 2 - 1));
	if (distance_base[far] + extra > to->size)
		extra = 0;
	deflater_bits(to, extra, far < 4 ? 0 : far / 2 - 1);
	for (distance = distance_base[far] + extra; length; length--)
		out(to, to->plain[to->size - distance]);
	return true;
}

static void put_literal(struct deflater *to, const struct code *literals)
{
	unsigned int symbol = literals->used[below(to, literals->count)];

	for (unsigned int i = 0; i < literals->count && symbol >= END; i++)
		symbol = literals->used[i];
	if (symbol >= END)
		return;			/* this block has none */
	put_symbol(to, literals, symbol);
	out(to, symbol);
}

static void put_stored(struct deflater *to, size_t size, bool last)
{
	size = size > 65535 ? 65535 : size;
	deflater_bits(to, last, 3);
	deflater_align(to);
	deflater_bits(to, size, 16);
	deflater_bits(to, ~size, 16);
	for (size_t i = 0; i < size; i++) {
		unsigned int byte = below(to, 256);

		deflater_bits(to, byte, 8);
		out(to, byte);
	}
}

void deflater_block(struct deflater *to, enum block block, size_t size, unsigned int repeats, bool last)
{
	size_t end = to->size + size;
	struct code literals, distances;

	if (block == BLOCK_STORED) {
		put_stored(to, size, last);
		return;
	}
	deflater_bits(to, last | (unsigned int)block << 1, 3);
	if (block == BLOCK_DYNAMIC) {
		random_code(to, &literals, LITERALS, 2 + below(to, LITERALS - 2), END, 15);
		random_code(to, &distances, DISTANCES, 2 + below(to, DISTANCES - 2), 0, 15);
		put_lengths(to, &literals, &distances);
	} else {
		fixed_codes(&literals, &distances);
	}
	for (size_t tries = 0; to->size < end && tries < 2 * size + 100; tries++)
		if (below(to, 256) >= repeats || !put_copy(to, &literals, &distances))
			put_literal(to, &literals);
	put_symbol(to, &literals, END);
}

void deflater_zeros(struct deflater *to, size_t size, bool last)
{
	struct code literals = { .lengths = { [0] = 2, [END] = 2, [285] = 1 } };
	struct code distances = { .lengths = { [0] = 1, [1] = 1 } };

	make_codes(&literals, LITERALS);
	make_codes(&distances, DISTANCES);
	deflater_bits(to, last | BLOCK_DYNAMIC << 1, 3);
	put_lengths(to, &literals, &distances);
	put_symbol(to, &literals, 0);
	out(to, 0);
	for (size_t i = 0; i + 258 <= size; i += 258) {
		put_symbol(to, &literals, 285);
		put_symbol(to, &distances, 0);
		for (unsigned int n = 0; n < 258; n++)
			out(to, to->plain[to->size - 1]);
	}
	put_symbol(to, &literals, END);
}

void deflater_random(struct deflater *to, size_t size)
{
	while (to->size < size) {
		unsigned int kind = below(to, 8), repeats = below(to, 4) * 80;

		if (kind == 7)
			deflater_zeros(to, below(to, 20000), false);
		else
			deflater_block(to, kind % 3, below(to, 3) ? below(to, 3000) : below(to, 40) * 1000, repeats, false);
	}
	deflater_block(to, below(to, 3), below(to, 500), 0, true);
}

uint32_t plain_crc(const void *bytes, size_t size)
{
	static uint32_t table[256];
	const unsigned char *at = bytes;
	uint32_t crc = ~0U;

	for (uint32_t i = 0; !table[255] && i < 256; i++) {
		uint32_t value = i;

		for (int bit = 0; bit < 8; bit++)
			value = value >> 1 ^ (0xedb88320U & -(value & 1));
		table[i] = value;
	}
	for (size_t i = 0; i < size; i++)
		crc = crc >> 8 ^ table[(crc ^ at[i]) & 255];
	return ~crc;
}
