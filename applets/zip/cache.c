/* SPDX-License-Identifier: MIT */
/* cache.c - what is found, what is thrown out, and what it all takes */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "applets/zip/cache.h"
#include "core/util.h"

#define LOOSE_MAX 65536			/* pieces, however small */
#define FAILED_MAX 1024

/* --- lists --- */

void link_init(struct link *head)
{
	head->next = head->prev = head;
}

void link_add(struct link *head, struct link *link)
{
	*link = (struct link){ .next = head, .prev = head->prev };
	head->prev->next = link;
	head->prev = link;
}

void link_add_first(struct link *head, struct link *link)
{
	link_add(head->next, link);
}

void link_remove(struct link *link)
{
	if (!link->next)
		return;
	link->next->prev = link->prev;
	link->prev->next = link->next;
	*link = (struct link){ 0 };
}

/* --- stock --- */

struct stock_block {
	struct stock_block *next;
	uint32_t left;
	size_t bytes;
	char *at;
};

int stock_add(struct stock *stock, uint32_t count)
{
	size_t bytes = sizeof(struct stock_block) + count * stock->size;
	struct stock_block *block = pages_get(bytes);

	if (!block)
		return -ENOMEM;
	*block = (struct stock_block){ .next = stock->blocks, .left = count, .bytes = bytes, .at = (char *)(block + 1) };
	stock->blocks = block;
	return 0;
}

void *stock_take(struct stock *stock)
{
	struct stock_block *block = stock->blocks;

	while (block && !block->left)
		block = block->next;
	if (!block)
		return NULL;
	block->left--;
	block->at += stock->size;
	return block->at - stock->size;
}

void stock_close(struct stock *stock)
{
	while (stock->blocks) {
		struct stock_block *block = stock->blocks;

		stock->blocks = block->next;
		pages_free(block, block->bytes);
	}
}

/* --- pieces --- */

int cache_open(struct cache *cache, uint64_t limit)
{
	uint32_t most = (uint32_t)min_u64(limit / page_size() + 1, LOOSE_MAX), buckets = 2U << log2_u64(most);

	*cache = (struct cache){
		.limit = limit, .loose_max = most, .bucket_mask = buckets - 1, .stock.size = sizeof(struct piece),
	};
	link_init(&cache->free);
	link_init(&cache->loose);
	link_init(&cache->failed);
	cache->buckets = pages_get(buckets * sizeof(void *));
	return cache->buckets ? stock_add(&cache->stock, most + FAILED_MAX) : -ENOMEM;
}

struct buffer *cache_thrown(struct cache *cache)
{
	struct buffer *thrown = cache->thrown;

	cache->thrown = NULL;
	return thrown;
}

void buffers_free(struct buffer *buffers)
{
	while (buffers) {
		struct buffer *next = buffers->next;

		free(buffers);
		buffers = next;
	}
}

/* Nobody needs any of it; what is ready is loose, then. */
void cache_close(struct cache *cache)
{
	if (!cache->buckets)
		return;
	while (!link_none(&cache->loose))
		cache_drop(cache, link_owner(cache->loose.next, struct piece, link));
	buffers_free(cache->thrown);
	stock_close(&cache->stock);
	pages_free(cache->buckets, ((size_t)cache->bucket_mask + 1) * sizeof(void *));
}

static struct piece **bucket(const struct cache *cache, uint32_t member, uint64_t start)
{
	uint64_t hash = (start ^ (uint64_t)member << 32) * 0x9e3779b97f4a7c15ULL;

	return &cache->buckets[hash >> 32 & cache->bucket_mask];
}

struct piece *cache_find(const struct cache *cache, uint32_t member, uint64_t start)
{
	struct piece *piece = *bucket(cache, member, start);

	while (piece && (piece->member.id != member || piece->start != start))
		piece = piece->next_same;
	return piece;
}

static void unhash(struct cache *cache, struct piece *piece)
{
	struct piece **at = bucket(cache, piece->member.id, piece->start);

	if (!piece->hashed)
		return;
	while (*at != piece)
		at = &(*at)->next_same;
	*at = piece->next_same;
	piece->hashed = false;
}

static void throw_buffer(struct cache *cache, struct piece *piece)
{
	struct buffer *buffer = (struct buffer *)(void *)piece->buffer;

	if (!piece->room)
		return;
	cache->used -= piece->room;
	*buffer = (struct buffer){ .next = cache->thrown, .room = piece->room };
	cache->thrown = buffer;
	piece->buffer = NULL;
	piece->room = 0;
}

static enum standing standing(const struct piece *piece)
{
	if (!piece->room)
		return STANDING_NONE;
	if (piece->answers)
		return STANDING_HELD;
	return piece->pins || piece->stage == STAGE_DECODING ? STANDING_FIXED : STANDING_LOOSE;
}

static void count(struct cache *cache, const struct piece *piece, int by)
{
	if (piece->standing == STANDING_HELD)
		cache->held += by * (int64_t)piece->room;
	if (piece->standing == STANDING_FIXED)
		cache->fixed += (uint32_t)by;
	if (piece->standing == STANDING_LOOSE)
		cache->loose_count += (uint32_t)by;
}

static void release(struct cache *cache, struct piece *piece)
{
	throw_buffer(cache, piece);
	piece->stage = STAGE_FREE;
	link_remove(&piece->link);
	link_add_first(&cache->free, &piece->link);
}

/* Is somebody going to do something with it? */
static bool needed(const struct piece *piece)
{
	return piece->pins || piece->answers || piece->stage == STAGE_QUEUED || piece->stage == STAGE_DECODING;
}

void cache_settle(struct cache *cache, struct piece *piece)
{
	enum standing now = standing(piece);

	if (now != piece->standing) {
		count(cache, piece, -1);
		if (piece->standing == STANDING_LOOSE)
			link_remove(&piece->link);
		piece->standing = now;
		count(cache, piece, 1);
		if (now == STANDING_LOOSE && piece->cold)
			link_add_first(&cache->loose, &piece->link);
		else if (now == STANDING_LOOSE)
			link_add(&cache->loose, &piece->link);
	}
	if (!piece->hashed && !needed(piece))
		cache_drop(cache, piece);
}

void cache_drop(struct cache *cache, struct piece *piece)
{
	unhash(cache, piece);
	if (needed(piece))
		return;
	if (piece->stage == STAGE_FAILED)
		cache->failed_count--;
	count(cache, piece, -1);
	piece->standing = STANDING_NONE;
	release(cache, piece);
}

void cache_fail(struct cache *cache, struct piece *piece, int error, bool remember)
{
	count(cache, piece, -1);
	piece->standing = STANDING_NONE;
	throw_buffer(cache, piece);
	piece->stage = STAGE_FAILED;
	piece->error = error;
	cache->failed_count++;
	link_add(&cache->failed, &piece->link);
	if (!remember || !piece->hashed)
		cache_drop(cache, piece);
	else if (cache->failed_count > FAILED_MAX)
		cache_drop(cache, link_owner(cache->failed.next, struct piece, link));
}

/* There are enough for all that can be needed at once, and for some that are not. */
static struct piece *take(struct cache *cache)
{
	struct piece *piece;

	if (link_none(&cache->free)) {
		piece = stock_take(&cache->stock);
		if (piece)
			return piece;
		cache_drop(cache, link_owner(link_none(&cache->loose) ? cache->failed.next : cache->loose.next,
					     struct piece, link));
	}
	must(!link_none(&cache->free));
	piece = link_owner(cache->free.next, struct piece, link);
	link_remove(&piece->link);
	return piece;
}

struct piece *cache_new(struct cache *cache, const struct member *member, uint64_t start, uint32_t length)
{
	struct piece *old = cache_find(cache, member->id, start), *piece, **at;

	if (old)
		cache_drop(cache, old);
	piece = take(cache);
	at = bucket(cache, member->id, start);
	*piece = (struct piece){ .member = *member, .start = start, .length = length, .hashed = true, .next_same = *at };
	link_init(&piece->waiters);
	*at = piece;
	return piece;
}

/* --- memory --- */

static bool throw_out(struct cache *cache)
{
	if (link_none(&cache->loose))
		return false;
	cache_drop(cache, link_owner(cache->loose.next, struct piece, link));
	return true;
}

/* A cold one of the right size is used again before more memory is taken: who reads on needs no cache. */
static void reuse_cold(struct cache *cache, uint32_t room)
{
	const struct piece *first = link_owner(cache->loose.next, struct piece, link);

	if (!link_none(&cache->loose) && first->cold && first->room == room)
		throw_out(cache);
}

static struct buffer *take_thrown(struct cache *cache, uint32_t room)
{
	for (struct buffer **at = &cache->thrown; *at; at = &(*at)->next) {
		struct buffer *buffer = *at;

		if (buffer->room == room) {
			*at = buffer->next;
			return buffer;
		}
	}
	return NULL;
}

bool cache_room(struct cache *cache, uint32_t room, uint32_t workers, struct buffer **buffer)
{
	bool fits;

	reuse_cold(cache, room);
	do
		fits = cache->used - cache->held + room <= cache->limit && cache->loose_count < cache->loose_max;
	while (!fits && throw_out(cache));
	if (!fits && cache->fixed >= workers)
		return false;
	*buffer = take_thrown(cache, room);
	return true;
}

void cache_lend(struct cache *cache, uint32_t room)
{
	cache->used += room;
	cache->fixed++;
}

void cache_unlend(struct cache *cache, uint32_t room)
{
	cache->used -= room;
	cache->fixed--;
}

void cache_give(struct cache *cache, struct piece *piece, char *buffer, uint32_t room, uint32_t front)
{
	piece->buffer = buffer;
	piece->room = room;
	piece->data = buffer + front;
	cache->used += room;
	cache_settle(cache, piece);
}
