/* SPDX-License-Identifier: MIT */
/*
 * sozip.c - an index that came with the archive (sozip.org)
 *
 * Such members are packed in chunks that refer to nothing outside, each at a
 * byte of its own. There are no checksums of chunks: what was altered and still
 * unpacks to the right length is not noticed, except by inflate_verify().
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "applets/zip/engine.h"
#include "core/util.h"

#define CHUNK_MIN 1024
#define CHUNK_MAX (16U << 20)

/* Little endian, as all of zip. */
struct head {
	unsigned char version[4], skip[4], chunk[4], offset_size[4], size[8], packed[8];
};

static uint64_t number(const unsigned char *bytes, size_t length)
{
	uint64_t value = 0;

	while (length--)
		value = value << 8 | bytes[length];
	return value;
}

/* All but the offsets. */
static bool head_valid(const struct head *head, const struct member *member, uint64_t length)
{
	uint64_t chunk = number(head->chunk, 4), width = number(head->offset_size, 4), skip = number(head->skip, 4);
	uint64_t offsets;

	if (number(head->version, 4) != 1 || (width != 4 && width != 8) || chunk < CHUNK_MIN || chunk > CHUNK_MAX)
		return false;
	if (number(head->size, 8) != member->size || number(head->packed, 8) != member->packed)
		return false;
	offsets = (member->size - 1) / chunk;
	return skip <= length - sizeof(*head) && (length - sizeof(*head) - skip) / width == offsets &&
		(length - sizeof(*head) - skip) % width == 0;
}

/* Chunk @i begins at chunks[i]; chunks[count] is the end. */
static bool chunks_valid(const uint64_t *chunks, uint64_t count, uint32_t chunk)
{
	for (uint64_t i = 0; i < count; i++)
		if (chunks[i + 1] <= chunks[i] || chunks[i + 1] - chunks[i] > packed_limit(chunk) + 64)
			return false;
	return true;
}

static int read_chunks(const struct source *source, const struct member *member, uint64_t data, size_t width, uint64_t count,
		       uint64_t *chunks)
{
	unsigned char bytes[8 * 512];
	uint64_t done = 0;

	chunks[0] = 0;
	chunks[count] = member->packed;
	while (done < count - 1) {
		uint32_t part = (uint32_t)min_u64(count - 1 - done, sizeof(bytes) / width);
		int err = source->read(source, data, bytes, (uint32_t)(part * width));

		if (err)
			return err;
		for (uint32_t i = 0; i < part; i++)
			chunks[++done] = number(bytes + i * width, width);
		data += part * width;
	}
	return 0;
}

static int read_index(const struct source *source, struct index *index, uint64_t data, uint64_t length, uint64_t most)
{
	const struct member *member = &index->member;
	struct head head;
	uint64_t count;
	int err;

	if (length < sizeof(head) || data > source->size || length > source->size - data)
		return -EINVAL;
	err = source->read(source, data, &head, sizeof(head));
	if (err)
		return err;
	if (!head_valid(&head, member, length))
		return -EINVAL;
	index->chunk = (uint32_t)number(head.chunk, 4);
	count = (member->size - 1) / index->chunk + 1;
	if (count >= most / sizeof(uint64_t) || count > UINT32_MAX)
		return -EINVAL;
	index->chunks = malloc((count + 1) * sizeof(uint64_t));
	if (!index->chunks)
		return -ENOMEM;
	index->memory = (count + 1) * sizeof(uint64_t);
	err = read_chunks(source, member, data + sizeof(head) + number(head.skip, 4), number(head.offset_size, 4), count,
			  index->chunks);
	if (!err && !chunks_valid(index->chunks, count, index->chunk))
		err = -EINVAL;
	index->frontier.at.out = member->size;
	index->complete = true;
	return err;
}

int inflate_sozip(struct inflate *inflate, const struct member *member, uint64_t data, uint64_t length)
{
	struct index index;
	int err;

	index_init(&index, member, inflate->limits.span, inflate->limits.piece);
	err = read_index(inflate->source, &index, data, length, inflate->limits.index_memory);
	if (!err)
		err = track_adopt(inflate, &index);
	if (err)
		index_clear(&index);
	return err;
}
