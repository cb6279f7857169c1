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

struct packer {
	unsigned char *at, *end;	/* where to write: NULL once there was no room */
};

static uint32_t four(const unsigned char *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static void put(struct packer *packer, const unsigned char *bytes, uint32_t length)
{
	if (packer->at && (size_t)(packer->end - packer->at) >= length) {
		memcpy(packer->at, bytes, length);
		packer->at += length;
	} else {
		packer->at = NULL;
	}
}

static void put_byte(struct packer *packer, unsigned int byte)
{
	put(packer, &(unsigned char){ (unsigned char)byte }, 1);
}

static void put_count(struct packer *packer, uint32_t count)
{
	if (count < 15)
		return;
	for (count -= 15; count >= 255; count -= 255)
		put_byte(packer, 255);
	put_byte(packer, count);
}

static uint32_t nibble(uint32_t count)
{
	return count < 15 ? count : 15;
}

/* @length 0: the last one. */
static void put_sequence(struct packer *packer, const unsigned char *literals, uint32_t count, uint32_t distance,
			 uint32_t length)
{
	uint32_t beyond = length ? length - MATCH_MIN : 0;

	put_byte(packer, nibble(count) << 4 | nibble(beyond));
	put_count(packer, count);
	put(packer, literals, count);
	if (!length)
		return;
	put_byte(packer, distance & 255);
	put_byte(packer, distance >> 8);
	put_count(packer, beyond);
}

static uint32_t match_length(const unsigned char *one, const unsigned char *two, const unsigned char *end)
{
	const unsigned char *from = two;

	while (end - two >= 8) {
		uint64_t a, b;

		memcpy(&a, one, 8);
		memcpy(&b, two, 8);
		if (a != b)
			break;
		one += 8;
		two += 8;
	}
	while (two < end && *one == *two) {
		one++;
		two++;
	}
	return (uint32_t)(two - from);
}

/* Returns how many bytes it took, or 0 if that were more than @room. */
static uint32_t pack(const unsigned char *bytes, uint32_t size, unsigned char *to, uint32_t room)
{
	uint16_t seen[1 << HASH_BITS] = { 0 };
	struct packer packer = { to, to + room };
	uint32_t done = 0, at = 1, missed = 0;

	while (packer.at && at + 12 < size) {
		uint32_t value = four(bytes + at), hash = value * 2654435761U >> (32 - HASH_BITS), from = seen[hash], length;

		seen[hash] = (uint16_t)at;
		if (four(bytes + from) != value || from >= at) {
			at += 1 + (missed++ >> 5);	/* where nothing repeats, look less closely */
			continue;
		}
		missed = 0;
		length = match_length(bytes + from, bytes + at, bytes + size);
		put_sequence(&packer, bytes + done, at - done, at - from, length);
		done = at += length;
	}
	put_sequence(&packer, bytes + done, size - done, 0, 0);
	return packer.at ? (uint32_t)(packer.at - to) : 0;
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
	unsigned char packed[WINDOW];
	uint32_t length = size ? pack(bytes, size, packed, size - 1) : 0;
	struct window *window = window_new(size, length ? length : size);

	if (window)
		memcpy(window->bytes, length ? packed : bytes, window->packed);
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
		memcpy(bytes + done, from.at, literals);
		from.at += literals;
		done += literals;
		if (from.at == from.end)
			return done == size && !length;
		if (from.end - from.at < 2)
			return false;
		distance = from.at[0] | (uint32_t)from.at[1] << 8;
		from.at += 2;
		if (!get_count(&from, &length) || !distance || distance > done || length + MATCH_MIN > size - done)
			return false;
		for (length += MATCH_MIN; length; length--, done++)
			bytes[done] = bytes[done - distance];
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
