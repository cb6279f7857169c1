/* SPDX-License-Identifier: MIT */
/* inflate.c - questions, and what is known at once to answer them */
#include <errno.h>
#include <stdlib.h>

#include "applets/zip/crc32.h"
#include "applets/zip/engine.h"
#include "core/log.h"
#include "core/util.h"

#define TRACKS 1024		/* members with an index that nobody asks for at the moment */
#define COVERED_MAX 16		/* spans that are started because one question covers them */
#define AHEAD_MAX 64		/* spans that may be waiting when another is started that nobody waits for */

/* --- life --- */

static int open_parts(struct inflate *inflate)
{
	struct inflate_limits *limits = &inflate->limits;
	int err = cache_open(&inflate->cache, limits->cache_memory);

	pthread_mutex_init(&inflate->lock, NULL);
	link_init(&inflate->urgent);
	link_init(&inflate->background);
	link_init(&inflate->waking);
	link_init(&inflate->tracks);
	link_init(&inflate->tracks_free);
	link_init(&inflate->live);
	inflate->track_stock.size = sizeof(struct track);
	if (!err)
		err = stock_add(&inflate->cache.stock, AHEAD_MAX + COVERED_MAX + INFLATE_WORKERS_MAX);
	return err ? err : stock_add(&inflate->track_stock, TRACKS);
}

/* #syscalls:opening clone rt_sigprocmask mprotect */
static int start_workers(struct inflate *inflate)
{
	int err = 0;

	while (!err && inflate->worker_count < inflate->limits.workers) {
		struct worker *worker = &inflate->workers[inflate->worker_count];

		worker->inflate = inflate;
		err = decoder_open(&worker->decoder);
		if (!err)
			err = -pthread_create(&worker->thread, NULL, work, worker);
		if (err)
			decoder_close(&worker->decoder);
		else
			inflate->worker_count++;
	}
	return err;
}

int inflate_open(struct inflate **inflate, const struct source *source, const struct inflate_limits *limits)
{
	struct inflate *made = calloc(1, sizeof(*made));
	int err = made ? 0 : -ENOMEM;

	*inflate = made;
	must(limits->workers && limits->workers <= INFLATE_WORKERS_MAX);
	must(is_power_of_two(limits->span) && limits->span >= SCAN_SPAN_MIN && limits->span <= PIECE_MAX);
	if (!err) {
		made->source = source;
		made->limits = *limits;
		made->limits.piece = limits->piece ? limits->piece : PIECE_MAX;
		made->stats = limits->stats ? limits->stats : &made->own_stats;
		err = open_parts(made);
	}
	if (!err)
		err = scan_prepare();
	if (!err)
		err = start_workers(made);
	return err ? fail(err, "start the threads that decompress") : 0;
}

void inflate_close(struct inflate *inflate)
{
	if (!inflate)
		return;
	pthread_mutex_lock(&inflate->lock);
	inflate->stop = true;
	tell_all(&inflate->work);
	pthread_mutex_unlock(&inflate->lock);
	for (uint32_t i = 0; i < inflate->worker_count; i++) {
		pthread_join(inflate->workers[i].thread, NULL);
		decoder_close(&inflate->workers[i].decoder);
	}
	while (!link_none(&inflate->urgent)) {
		struct task *task = link_owner(inflate->urgent.next, struct task, link);

		link_remove(&task->link);
		if (task->job != JOB_SCAN)
			window_put(link_owner(task, struct piece, task)->window);
	}
	while (inflate->tracks.next && !link_none(&inflate->tracks))
		track_forget(inflate, link_owner(inflate->tracks.next, struct track, link));
	stock_close(&inflate->track_stock);
	cache_close(&inflate->cache);
	free(inflate);
}

void inflate_stats(struct inflate *inflate, struct inflate_stats *stats)
{
	pthread_mutex_lock(&inflate->lock);
	stats_note(inflate);
	*stats = *inflate->stats;
	pthread_mutex_unlock(&inflate->lock);
}

/* --- queues --- */

/* For each slot there is something to wait for, beside what is remembered. */
static int grow(struct inflate *inflate, uint32_t slots)
{
	uint32_t more = slots > inflate->spare_slots ? slots - inflate->spare_slots : 0;
	int err = 0;

	if (more) {
		err = stock_add(&inflate->cache.stock, more + 1);	/* and one that is looked at */
		if (!err)
			err = stock_add(&inflate->track_stock, more);
	}
	if (!err)
		inflate->spare_slots = inflate->spare_slots + more - slots;
	return err;
}

struct inflate_queue *inflate_queue_open(struct inflate *inflate, int wake_fd, uint32_t slots)
{
	struct inflate_queue *queue = calloc(1, sizeof(*queue) + slots * sizeof(queue->slots[0]));
	int err;

	if (!queue)
		return NULL;
	queue->inflate = inflate;
	queue->wake_fd = wake_fd;
	queue->count = slots;
	for (uint32_t i = 0; i < slots; i++)
		queue->slots[i].queue = queue;
	pthread_mutex_lock(&inflate->lock);
	err = grow(inflate, slots);
	pthread_mutex_unlock(&inflate->lock);
	if (!err)
		return queue;
	free(queue);
	return NULL;
}

static void cancel(struct inflate *inflate, struct piece *piece)
{
	inflate->queued--;
	link_remove(&piece->task.link);
	window_put(piece->window);
	piece->window = NULL;
	cache_fail(&inflate->cache, piece, 0, false);
}

/* Nobody asks for it any more. */
static void forget(struct inflate *inflate, struct slot *slot)
{
	struct piece *piece = slot->piece;

	link_remove(&slot->link);
	slot->piece = NULL;
	if (slot->state == SLOT_WOKEN && piece) {
		piece->pins--;
		cache_settle(&inflate->cache, piece);
	}
	if (slot->state == SLOT_WAITING && piece && piece->stage == STAGE_QUEUED && link_none(&piece->waiters))
		cancel(inflate, piece);
	slot->state = SLOT_IDLE;
}

static void unpin(struct inflate_queue *queue)
{
	struct piece *piece = queue->answer;

	if (!piece)
		return;
	queue->answer = NULL;
	piece->answers--;
	cache_settle(&queue->inflate->cache, piece);
}

/* What was thrown out or let go may be the room that a thread waits for. */
static void unlock(struct inflate *inflate)
{
	if (inflate->starved) {
		inflate->starved = false;
		tell_all(&inflate->work);
	}
	pthread_mutex_unlock(&inflate->lock);
}

void inflate_queue_close(struct inflate_queue *queue)
{
	struct inflate *inflate;

	if (!queue)
		return;
	inflate = queue->inflate;
	pthread_mutex_lock(&inflate->lock);
	for (uint32_t i = 0; i < queue->count; i++)
		forget(inflate, &queue->slots[i]);
	unpin(queue);
	link_remove(&queue->waking);
	while (queue->wakers)
		await(inflate, &inflate->progress);
	inflate->spare_slots += queue->count;
	unlock(inflate);
	free(queue);
}

/* --- a question --- */

struct question {
	struct inflate_queue *queue;
	struct slot *slot;
	const struct member *member;
	uint64_t offset;
	uint32_t length;
	const char **at;
};

static int64_t give(const struct question *ask, struct piece *piece)
{
	struct inflate *inflate = ask->queue->inflate;
	uint64_t inside = ask->offset - piece->start;
	uint64_t length = min_u64(ask->length, piece->length - inside);

	ask->queue->answer = piece;
	piece->answers++;
	piece->served += length;
	piece->cold = piece->served >= piece->length;
	cache_settle(&inflate->cache, piece);
	inflate->stats->served += length;
	*ask->at = piece->data + inside;
	return (int64_t)length;
}

static int64_t hit(const struct question *ask, struct piece *piece)
{
	ask->queue->inflate->stats->hits++;
	return give(ask, piece);
}

/* @piece is what it waits for; NULL: whom @waiters belong to. */
static int64_t wait_for(const struct question *ask, struct piece *piece, struct link *waiters)
{
	struct slot *slot = ask->slot;

	slot->state = SLOT_WAITING;
	slot->member = ask->member->id;
	slot->offset = ask->offset;
	slot->piece = piece;
	link_add(waiters, &slot->link);
	ask->queue->inflate->stats->misses++;
	return 0;
}

static int64_t ask_piece(const struct question *ask, struct piece *piece)
{
	switch (piece->stage) {
	case STAGE_READY:
		return hit(ask, piece);
	case STAGE_FAILED:
		return piece->error;
	default:
		return wait_for(ask, piece, &piece->waiters);
	}
}

static int64_t ask_small(const struct question *ask)
{
	struct inflate *inflate = ask->queue->inflate;
	struct piece *piece = cache_find(&inflate->cache, ask->member->id, 0);

	return ask_piece(ask, piece ? piece : member_wanted(inflate, ask->member));
}

/* Begin with what will be asked for next: [from, to) of the member, as far as there is room to keep it. */
static void look_ahead(struct inflate *inflate, struct track *track, uint64_t from, uint64_t to, uint32_t most)
{
	const struct index *index = &track->index;
	uint64_t fit = inflate->limits.cache_memory / 4 / (index->chunks ? index->chunk : index->span);

	if (index->span > index->piece)		/* it is known where to find the last piece that was gone through, and no other */
		return;
	to = min_u64(to, index->member.size);
	for (most = (uint32_t)min_u64(most, fit); most && from < to && from < index_reach(index); most--) {
		const struct piece *piece;

		if (inflate->queued >= AHEAD_MAX)
			return;
		piece = span_wanted(inflate, track, from);
		from = piece->start + piece->length;
	}
	if (!most || from >= to)
		return;
	track->ahead = max_u64(track->ahead, min_u64(to, index_reach(index) + (uint64_t)most * index->span));
	scan_wanted(inflate, track);
}

/* Another span than last time is asked for, which ends at @end: the one behind it?  */
static void follow(const struct question *ask, struct track *track, uint64_t start, uint64_t end)
{
	struct inflate *inflate = ask->queue->inflate;
	bool follows = start == track->next;
	uint64_t span = end - start;

	look_ahead(inflate, track, end, ask->offset + ask->length, COVERED_MAX);
	if (follows && start != track->last)
		look_ahead(inflate, track, end, end + inflate->limits.workers * span, inflate->limits.workers);
	track->last = start;
	track->next = end;
}

static int64_t ask_span(const struct question *ask, struct track *track)
{
	struct inflate *inflate = ask->queue->inflate;
	struct piece *piece = span_wanted(inflate, track, ask->offset);
	int64_t answer;

	if (piece->start != track->last)
		piece->served = 0;		/* read anew: whether to its end is to be seen */
	answer = ask_piece(ask, piece);
	follow(ask, track, piece->start, piece->start + piece->length);
	return answer;
}

static int64_t ask_frontier(const struct question *ask, struct track *track)
{
	struct inflate *inflate = ask->queue->inflate;
	uint64_t reach = index_reach(&track->index);

	wait_for(ask, NULL, &track->waiters);
	if (ask->offset < reach + track->index.span)
		follow(ask, track, reach, reach + track->index.span);
	scan_wanted(inflate, track);
	return 0;
}

static int64_t ask_track(const struct question *ask)
{
	struct track *track = track_get(ask->queue->inflate, ask->member);

	if (track->error)
		return track->error;
	return ask->offset < index_reach(&track->index) ? ask_span(ask, track) : ask_frontier(ask, track);
}

/* It was woken: what for, or with what error? 0: neither, but what it waited for will not come that way. */
static int64_t ask_woken(const struct question *ask)
{
	struct slot *slot = ask->slot;
	struct piece *piece = slot->piece;
	int error = slot->error;

	slot->piece = NULL;
	slot->state = SLOT_IDLE;
	if (!piece)
		return error;
	piece->pins--;
	return give(ask, piece);
}

static int64_t ask_again(const struct question *ask)
{
	struct slot *slot = ask->slot;
	bool same = slot->member == ask->member->id && slot->offset == ask->offset;
	int64_t answer = 0;

	if (same && slot->state == SLOT_WAITING)
		return 0;
	if (same && slot->state == SLOT_WOKEN)
		answer = ask_woken(ask);
	if (answer)
		return answer;
	forget(ask->queue->inflate, slot);
	return is_small(ask->queue->inflate, ask->member) ? ask_small(ask) : ask_track(ask);
}

int64_t inflate_ask(struct inflate_queue *queue, uint32_t slot, const struct member *member, uint64_t offset,
		    uint32_t length, const char **at)
{
	const struct question ask = { queue, &queue->slots[slot], member, offset, length, at };
	int64_t answer;

	must(slot < queue->count && length && offset < member->size && length <= member->size - offset);
	pthread_mutex_lock(&queue->inflate->lock);
	unpin(queue);
	answer = ask_again(&ask);
	unlock(queue->inflate);
	return answer;
}

/* --- the whole of a member --- */

int inflate_index(struct inflate *inflate, const struct member *member)
{
	struct track *track;

	if (is_small(inflate, member))
		return 0;
	pthread_mutex_lock(&inflate->lock);
	track = track_get(inflate, member);
	track->background = !track->error && !track->index.complete;
	track->pass_error = 0;
	scan_wanted(inflate, track);
	pthread_mutex_unlock(&inflate->lock);
	return 0;
}

static int64_t indexed(struct inflate *inflate, const struct member *member, bool *under_way)
{
	const struct track *track = track_find(inflate, member->id);

	if (is_small(inflate, member))
		return (int64_t)member->size;
	*under_way = track && track->background;
	if (!track)
		return 0;
	if (track->error || track->pass_error)
		return track->error ? track->error : track->pass_error;
	/* all of it is not said before the checksum is known to be right */
	return (int64_t)index_reach(&track->index) - (!track->index.complete && index_reach(&track->index) == member->size);
}

int64_t inflate_indexed(struct inflate *inflate, const struct member *member)
{
	bool under_way;
	int64_t answer;

	pthread_mutex_lock(&inflate->lock);
	answer = indexed(inflate, member, &under_way);
	pthread_mutex_unlock(&inflate->lock);
	return answer;
}

int64_t inflate_indexed_wait(struct inflate *inflate, const struct member *member, uint64_t than)
{
	bool under_way = false;
	int64_t answer;

	pthread_mutex_lock(&inflate->lock);
	for (;;) {
		answer = indexed(inflate, member, &under_way);
		if (answer < 0 || (uint64_t)answer > than || !under_way)
			break;
		await(inflate, &inflate->progress);
	}
	pthread_mutex_unlock(&inflate->lock);
	return answer;
}

static int verify_scan(struct scan *scan, const struct inflate *inflate, const struct member *member, char *data)
{
	struct place end = { 0 };
	const char *why;
	uint32_t crc = 0;
	int result = scan_begin(scan, inflate->source, member, &end, NULL);

	while (!result) {
		uint64_t from = end.out;

		result = scan_span(scan, inflate->source, member, inflate->limits.span, data, &end, &why);
		if (result >= 0)
			crc = crc32_add(crc, data, end.out - from);
	}
	return result < 0 ? result : crc == member->crc ? 0 : -EIO;
}

int inflate_verify(struct inflate *inflate, const struct member *member)
{
	struct scan *scan = scan_new();
	char *buffer = malloc(WINDOW + inflate->limits.span);
	int err = -ENOMEM;

	if (scan && buffer)
		err = verify_scan(scan, inflate, member, buffer + WINDOW);
	scan_free(scan);
	free(buffer);
	return err == -EBADMSG ? -EIO : err;
}
