/* SPDX-License-Identifier: MIT */
/*
 * window.c - pack and unpack 32 KiB
 *
 * A sequence is a byte with two counts, literals, and where to copy from: the
 * high four bits count literals, the low four what is copied beyond MATCH_MIN;
 * 15 of either is continued in bytes that are added, until one is not 255. The
 * last sequence has literals only.
 */
#include <stdlib.h>
#include <string.h>

#include "applets/zip/window.h"

#define MATCH_MIN 4
#define HASH_BITS 12

/* Of a known size, so that these are loads and stores; memcpy() is a call here. */
static uint32_t four(const unsigned char *bytes)
{
	uint32_t value;

	__builtin_memcpy(&value, bytes, sizeof(value));
	return value;
}

static uint64_t eight(const unsigned char *bytes)
{
	uint64_t value;

	__builtin_memcpy(&value, bytes, sizeof(value));
	return value;
}

/* Up to STRIDE - 1 bytes more than @length are read and written; @from is at least that far before @to, or elsewhere. */
#define STRIDE 8
static void copy(unsigned char *to, const unsigned char *from, uint32_t length)
{
	for (const unsigned char *end = to + length; to < end; to += STRIDE, from += STRIDE)
		__builtin_memcpy(to, from, STRIDE);
}

static unsigned char *put_count(unsigned char *to, uint32_t count)
{
	if (count < 15)
		return to;
	for (count -= 15; count >= 255; count -= 255)
		*to++ = 255;
	*to++ = (unsigned char)count;
	return to;
}

static uint32_t nibble(uint32_t count)
{
	return count < 15 ? count : 15;
}

/* @length 0: the last one. */
static unsigned char *put_sequence(unsigned char *to, const unsigned char *literals, uint32_t count, uint32_t distance,
				   uint32_t length)
{
	uint32_t beyond = length ? length - MATCH_MIN : 0;

	*to++ = (unsigned char)(nibble(count) << 4 | nibble(beyond));
	to = put_count(to, count);
	if (!length) {
		memcpy(to, literals, count);
		return to + count;
	}
	copy(to, literals, count);
	to += count;
	*to++ = (unsigned char)distance;
	*to++ = (unsigned char)(distance >> 8);
	return put_count(to, beyond);
}

static uint32_t match_length(const unsigned char *one, const unsigned char *two, const unsigned char *end)
{
	const unsigned char *from = two;

	for (; end - two >= 8; one += 8, two += 8) {
		uint64_t differ = eight(one) ^ eight(two);

		if (differ && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
			return (uint32_t)(two - from) + (uint32_t)__builtin_ctzll(differ) / 8;
		if (differ)
			break;
	}
	while (two < end && *one == *two) {
		one++;
		two++;
	}
	return (uint32_t)(two - from);
}

/* What incompressible bytes take: counts, and what copy() writes too much. */
#define PACKED_MAX (WINDOW + WINDOW / 255 + 64)

/* Returns how many bytes it took. */
static uint32_t pack(const unsigned char *bytes, uint32_t size, unsigned char *packed)
{
	uint16_t seen[1 << HASH_BITS] = { 0 };
	unsigned char *to = packed;
	uint32_t done = 0, at = 1, missed = 0;

	while (at + 2 * STRIDE < size) {
		uint32_t value = four(bytes + at), hash = value * 2654435761U >> (32 - HASH_BITS), from = seen[hash], length;

		seen[hash] = (uint16_t)at;
		if (four(bytes + from) != value || from >= at) {
			at += 1 + (missed++ >> 5);	/* where nothing repeats, look less closely */
			continue;
		}
		missed = 0;
		length = MATCH_MIN + match_length(bytes + from + MATCH_MIN, bytes + at + MATCH_MIN, bytes + size);
		to = put_sequence(to, bytes + done, at - done, at - from, length);
		done = at += length;
	}
	return (uint32_t)(put_sequence(to, bytes + done, size - done, 0, 0) - packed);
}

static struct window *window_new(uint32_t size, uint32_t packed)
{
	struct window *window = malloc(sizeof(*window) + packed);

	if (window)
		*window = (struct window){ .refs = 1, .size = size, .packed = packed };
	return window;
}

struct window *window_pack(const unsigned char *bytes, uint32_t size)
{
	unsigned char packed[PACKED_MAX];
	uint32_t length = pack(bytes, size, packed);
	struct window *window = window_new(size, length < size ? length : size);

	if (window)
		memcpy(window->bytes, length < size ? packed : bytes, window->packed);
	return window;
}

/* --- unpacking: a window may come from a file that is anybody's --- */

struct unpacker {
	const unsigned char *at, *end;
};

static bool get_count(struct unpacker *from, uint32_t *count)
{
	unsigned char more = 255;

	if (*count < 15)
		return true;
	while (more == 255 && from->at < from->end && *count < 2 * WINDOW)
		*count += more = *from->at++;
	return more != 255;
}

static void put_literals(struct unpacker *from, unsigned char *to, uint32_t length, uint32_t room)
{
	if (room - length >= STRIDE && (size_t)(from->end - from->at) - length >= STRIDE)
		copy(to, from->at, length);
	else
		memcpy(to, from->at, length);
	from->at += length;
}

static void put_match(unsigned char *to, uint32_t distance, uint32_t length, uint32_t room)
{
	if (distance >= STRIDE && room - length >= STRIDE)
		copy(to, to - distance, length);
	else
		for (; length; length--, to++)
			*to = *(to - distance);
}

bool window_unpack(const struct window *window, unsigned char *bytes)
{
	struct unpacker from = { window->bytes, window->bytes + window->packed };
	uint32_t done = 0, size = window->size;

	if (window->packed == size) {
		memcpy(bytes, window->bytes, size);
		return true;
	}
	while (from.at < from.end) {
		uint32_t literals = *from.at >> 4, length = *from.at & 15, distance;

		from.at++;
		if (!get_count(&from, &literals) || literals > size - done || literals > (size_t)(from.end - from.at))
			return false;
		put_literals(&from, bytes + done, literals, size - done);
		done += literals;
		if (from.at == from.end)
			return done == size && !length;
		if (from.end - from.at < 2)
			return false;
		distance = from.at[0] | (uint32_t)from.at[1] << 8;
		from.at += 2;
		if (!get_count(&from, &length) || !distance || distance > done || length + MATCH_MIN > size - done)
			return false;
		put_match(bytes + done, distance, length + MATCH_MIN, size - done);
		done += length + MATCH_MIN;
	}
	return false;
}

uint64_t window_memory(const struct window *window)
{
	return window ? sizeof(*window) + window->packed + 2 * sizeof(void *) : 0;
}

void window_put(struct window *window)
{
	if (window && !--window->refs)
		free(window);
}
