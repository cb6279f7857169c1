/* SPDX-License-Identifier: MIT */
/*
 * sidecar.c - a finished index as a file
 *
 * A head, a record with its window for each checkpoint, and the CRC32 of all
 * that. Numbers are as this machine has them: such a file is a cache, and one
 * from another kind of machine is not taken.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "applets/zip/crc32.h"
#include "applets/zip/engine.h"
#include "core/util.h"

#define MAGIC 0x785a6b6c6275ULL		/* "ublkZx" */
#define VERSION 2

struct head {
	uint64_t magic;
	uint32_t version, crc;
	uint64_t key, packed, size;
	uint32_t span_log, count;
};

struct record {
	uint64_t out, bit, header_bit;
	uint32_t crc, window, window_packed;	/* bytes of the window, and of what follows */
	uint16_t header_bits, stored;
	uint32_t where;
	uint32_t zero;
};

static_assert(sizeof(struct head) == 48 && sizeof(struct record) == 48, "no gaps");

/* A file that is read or written from first to last; once it fails it stays failed. */
struct stream {
	int fd;
	int error;
	uint32_t crc;
	size_t used, filled;
	unsigned char buffer[65536];
};

/* #syscalls write */
static void flush(struct stream *stream)
{
	size_t done = 0;

	while (!stream->error && done < stream->used) {
		ssize_t wrote = RETRY(write(stream->fd, stream->buffer + done, stream->used - done));

		if (wrote <= 0)
			stream->error = wrote ? -errno : -EIO;
		else
			done += (size_t)wrote;
	}
	stream->used = 0;
}

static void put(struct stream *stream, const void *bytes, size_t length)
{
	stream->crc = crc32_add(stream->crc, bytes, length);
	if (length > sizeof(stream->buffer) - stream->used)
		flush(stream);
	memcpy(stream->buffer + stream->used, bytes, length);
	stream->used += length;
}

/* #syscalls:opening read */
static void refill(struct stream *stream)
{
	ssize_t got = RETRY(read(stream->fd, stream->buffer, sizeof(stream->buffer)));

	if (got <= 0)
		stream->error = got ? -errno : -EINVAL;
	stream->used = 0;
	stream->filled = got > 0 ? (size_t)got : 0;
}

static void get(struct stream *stream, void *bytes, size_t length)
{
	unsigned char *to = bytes;

	memset(bytes, 0, length);
	for (size_t part; length && !stream->error; length -= part, to += part) {
		if (stream->used == stream->filled)
			refill(stream);
		part = min_u64(length, stream->filled - stream->used);
		memcpy(to, stream->buffer + stream->used, part);
		stream->used += part;
	}
	stream->crc = crc32_add(stream->crc, bytes, (size_t)(to - (unsigned char *)bytes));
}

/* The length of spans is a power of two. */
static struct head make_head(const struct member *member, uint64_t key, uint32_t span_log, uint32_t count)
{
	return (struct head){
		.magic = MAGIC, .version = VERSION, .crc = member->crc, .key = key, .packed = member->packed,
		.size = member->size, .span_log = span_log, .count = count,
	};
}

/* --- saving --- */

static void put_point(struct stream *stream, const struct checkpoint *point)
{
	const struct place *at = &point->at;
	const struct window *window = point->window;
	struct record record = {
		.out = at->out, .bit = at->bit, .header_bit = at->header_bit, .crc = point->crc, .where = at->where,
		.header_bits = at->header_bits, .stored = at->stored,
		.window = window ? window->size : 0, .window_packed = window ? window->packed : 0,
	};

	put(stream, &record, sizeof(record));
	if (window)
		put(stream, window->bytes, window->packed);
}

/* A finished index as it is now, with its windows held; the caller puts them with unhold(). */
static int hold(struct inflate *inflate, const struct member *member, struct index *copy)
{
	struct track *track = track_find(inflate, member->id);

	if (!track || !track->index.complete || track->index.chunks)
		return -ENOENT;
	*copy = track->index;
	copy->points = malloc(copy->count * sizeof(*copy->points));
	if (!copy->points)
		return -ENOMEM;
	copy->gap = 0;
	for (uint32_t i = 0; i < copy->count; i++) {
		copy->points[i] = *index_point(&track->index, i);
		if (copy->points[i].window)
			copy->points[i].window->refs++;
	}
	return 0;
}

static void unhold(struct inflate *inflate, struct index *copy)
{
	pthread_mutex_lock(&inflate->lock);
	for (uint32_t i = 0; i < copy->count; i++)
		window_put(copy->points[i].window);
	pthread_mutex_unlock(&inflate->lock);
	free(copy->points);
}

static void save(struct stream *stream, const struct index *index, uint64_t key)
{
	struct head head = make_head(&index->member, key, log2_u64(index->span), index->count);

	put(stream, &head, sizeof(head));
	for (uint32_t i = 0; i < index->count; i++)
		put_point(stream, &index->points[i]);
	put(stream, &(uint32_t){ stream->crc }, sizeof(uint32_t));
	flush(stream);
}

int inflate_save(struct inflate *inflate, const struct member *member, uint64_t key, int fd)
{
	struct stream *stream = calloc(1, sizeof(*stream));
	struct index copy;
	int err = -ENOMEM;

	pthread_mutex_lock(&inflate->lock);
	if (stream)
		err = hold(inflate, member, &copy);
	pthread_mutex_unlock(&inflate->lock);
	if (!err) {
		stream->fd = fd;
		save(stream, &copy, key);
		err = stream->error;
		unhold(inflate, &copy);
	}
	free(stream);
	return err;
}

/* --- loading --- */

/* A window of which all is right but perhaps the bytes. */
static struct window *get_window(struct stream *stream, const struct record *record)
{
	unsigned char plain[WINDOW];
	struct window *window = NULL;

	if (record->window <= WINDOW && record->window_packed && record->window_packed <= record->window)
		window = malloc(sizeof(*window) + record->window_packed);
	if (!window)
		return NULL;
	*window = (struct window){ .refs = 1, .size = record->window, .packed = record->window_packed };
	get(stream, window->bytes, window->packed);
	if (!stream->error && window_unpack(window, plain))
		return window;
	free(window);
	return NULL;
}

static int get_point(struct stream *stream, struct checkpoint *point)
{
	struct record record;

	get(stream, &record, sizeof(record));
	if (record.where > IN_LAST_STORED || record.zero)
		return -EINVAL;
	*point = (struct checkpoint){
		.at = {
			.out = record.out, .bit = record.bit, .header_bit = record.header_bit,
			.header_bits = record.header_bits, .stored = record.stored, .where = (uint8_t)record.where,
		},
		.crc = record.crc,
	};
	if (!record.window)
		return 0;
	point->window = get_window(stream, &record);
	return point->window ? 0 : -EINVAL;
}

/* The place and window of a checkpoint end the span before it. */
static int get_points(struct stream *stream, struct index *index, uint32_t count, uint64_t most)
{
	struct checkpoint point;
	uint32_t crc = 0;
	int err = 0;

	for (uint32_t i = 0; i <= count && !err; i++) {
		point = (struct checkpoint){ .at = { .out = index->member.size, .bit = index->member.packed * 8 } };
		if (i < count)
			err = get_point(stream, &point);
		if (!err && i && (point.at.out <= index_reach(index) || index->memory > most))
			err = -EINVAL;
		if (!err && !i)
			index->frontier = point;
		else if (!err)
			err = index_add(index, &point.at, crc, point.window);
		else
			window_put(point.window);
		crc = point.crc;
	}
	return err;
}

static int load(struct stream *stream, struct index *index, uint64_t key, uint64_t most)
{
	struct head head, wanted;
	uint32_t crc, ours;
	int err;

	get(stream, &head, sizeof(head));
	wanted = make_head(&index->member, key, head.span_log, head.count);
	if (stream->error || memcmp(&head, &wanted, sizeof(head)))
		return -EINVAL;
	if (!head.count || head.span_log < log2_u64(SCAN_SPAN_MIN) || head.span_log > 62)
		return -EINVAL;
	index->span = 1ULL << head.span_log;
	err = get_points(stream, index, head.count, most);
	if (err)
		return err;
	ours = stream->crc;
	get(stream, &crc, sizeof(crc));
	if (stream->error || crc != ours || !index_valid(index))
		return -EINVAL;
	index->complete = true;
	return 0;
}

int inflate_load(struct inflate *inflate, const struct member *member, uint64_t key, int fd)
{
	struct stream *stream = calloc(1, sizeof(*stream));
	struct index index;
	int err = -ENOMEM;

	index_init(&index, member, inflate->limits.span, inflate->limits.piece);
	if (stream) {
		stream->fd = fd;
		err = load(stream, &index, key, inflate->limits.index_memory);
	}
	if (!err)
		err = track_adopt(inflate, &index);
	if (err)
		index_clear(&index);
	free(stream);
	return err;
}
