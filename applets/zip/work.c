/* SPDX-License-Identifier: MIT */
/* work.c - the threads that read, decode and wake */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "applets/zip/crc32.h"
#include "applets/zip/engine.h"
#include "core/log.h"
#include "core/util.h"

/* --- news --- */

static void tell(struct news *news, int many)
{
	atomic_fetch_add(&news->count, 1);
	if (news->waiting)
		syscall(SYS_futex, &news->count, FUTEX_WAKE_PRIVATE, many, NULL, NULL, 0);
}

void tell_one(struct news *news) { tell(news, 1); }
void tell_all(struct news *news) { tell(news, INT_MAX); }

void await(struct inflate *inflate, struct news *news)
{
	uint32_t seen = atomic_load(&news->count);

	news->waiting++;
	pthread_mutex_unlock(&inflate->lock);
	syscall(SYS_futex, &news->count, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
	pthread_mutex_lock(&inflate->lock);
	news->waiting--;
}

/* --- tasks --- */

void task_add(struct inflate *inflate, struct link *list, struct task *task)
{
	link_add(list, &task->link);
	tell_one(&inflate->work);
}

static struct track *track_of(struct task *task) { return link_owner(task, struct track, task); }
static struct piece *piece_of(struct task *task) { return link_owner(task, struct piece, task); }

static bool is_wanted(const struct track *track)
{
	return !link_none(&track->waiters) || track->ahead > index_reach(&track->index);
}

/* All of it came out, but the end of the stream is still to be seen. */
static bool is_unfinished(const struct track *track)
{
	return !track->index.complete && index_reach(&track->index) == track->index.member.size;
}

void scan_wanted(struct inflate *inflate, struct track *track)
{
	bool wanted = is_wanted(track);
	struct link *list = wanted ? &inflate->urgent : &inflate->background;

	if (track->scanning || track->error || track->index.complete || !(wanted || track->background || is_unfinished(track)))
		return;
	if (track->list == list || track->list == &inflate->urgent)
		return;
	link_remove(&track->task.link);
	track->task.job = JOB_SCAN;
	track->list = list;
	task_add(inflate, list, &track->task);
}

static struct piece *piece_queue(struct inflate *inflate, const struct member *member, uint64_t start, uint32_t length,
				 enum job job)
{
	struct piece *piece = cache_new(&inflate->cache, member, start, length);

	piece->stage = STAGE_QUEUED;
	piece->task.job = job;
	inflate->queued++;
	task_add(inflate, &inflate->urgent, &piece->task);
	return piece;
}

static struct piece *chunk_queue(struct inflate *inflate, const struct index *index, uint32_t i, uint32_t length)
{
	struct piece *piece = piece_queue(inflate, &index->member, (uint64_t)i * index->chunk, length, JOB_CHUNK);

	piece->span.begin.bit = index->chunks[i] * 8;
	piece->span.packed_end = index->chunks[i + 1];
	return piece;
}

/* All of it at once, packed and not: that is too much of a long one, even if hardly anything comes out of it. */
static bool fits_at_once(const struct index *index, const struct span *span)
{
	return span->end.out - span->begin.out <= index->piece &&
		span->packed_end - span->begin.bit / 8 <= packed_limit(index->piece) + PACKED_SLACK;
}

static struct piece *span_queue(struct inflate *inflate, const struct index *index, uint32_t i, uint64_t start, uint32_t length)
{
	const struct span span = index_span(index, i);
	struct piece *piece = piece_queue(inflate, &index->member, start, length, fits_at_once(index, &span) ? JOB_SPAN : JOB_PART);

	piece->span = span;
	piece->window = index_point(index, i)->window;
	if (piece->window)
		piece->window->refs++;
	return piece;
}

struct piece *member_wanted(struct inflate *inflate, const struct member *member)
{
	return piece_queue(inflate, member, 0, (uint32_t)member->size, JOB_MEMBER);
}

/* Of spans that are longer than a piece: the one that was gone through last may be any part of them. */
static struct piece *fresh_piece(struct inflate *inflate, const struct track *track, uint64_t offset)
{
	struct piece *piece = cache_find(&inflate->cache, track->index.member.id, track->fresh);

	return piece && offset >= piece->start && offset - piece->start < piece->length ? piece : NULL;
}

struct piece *span_wanted(struct inflate *inflate, struct track *track, uint64_t offset)
{
	const struct index *index = &track->index;
	uint32_t i = index_find(index, offset), length;
	uint64_t start = index_start(index, i), whole = index_length(index, i), skipped = (offset - start) / index->piece;
	struct piece *piece = whole > index->piece ? fresh_piece(inflate, track, offset) : NULL;

	start += skipped * index->piece;
	length = (uint32_t)min_u64(whole - skipped * index->piece, index->piece);
	if (!piece)
		piece = cache_find(&inflate->cache, index->member.id, start);
	if (piece && (piece->length >= length || piece->start != start))
		return piece;
	return index->chunks ? chunk_queue(inflate, index, i, length) : span_queue(inflate, index, i, start, length);
}

/* --- waking --- */

static void wake(struct inflate *inflate, struct slot *slot, struct piece *piece, int error)
{
	link_remove(&slot->link);
	slot->state = SLOT_WOKEN;
	slot->piece = piece;
	slot->error = error;
	if (piece)
		piece->pins++;
	if (!slot->queue->waking.next)
		link_add(&inflate->waking, &slot->queue->waking);
}

static void wake_all(struct inflate *inflate, struct link *waiters, struct piece *piece, int error)
{
	while (!link_none(waiters))
		wake(inflate, link_owner(waiters->next, struct slot, link), piece, error);
}

/* #syscalls write */
static void wake_queues(struct inflate *inflate)
{
	while (!link_none(&inflate->waking)) {
		struct inflate_queue *queue = link_owner(inflate->waking.next, struct inflate_queue, waking);

		link_remove(&queue->waking);
		queue->wakers++;
		pthread_mutex_unlock(&inflate->lock);
		if (RETRY(write(queue->wake_fd, &(uint64_t){ 1 }, sizeof(uint64_t))) < 0)
			trace("an eventfd is full");		/* so its reader is awake */
		pthread_mutex_lock(&inflate->lock);
		queue->wakers--;
		tell_all(&inflate->progress);	/* it may be being closed */
	}
}

/* --- damage --- */

/* Once for each member, as long as these are not too many to remember. */
static void say(struct worker *worker, uint32_t id, const char *damage)
{
	struct inflate *inflate = worker->inflate;

	for (size_t i = 0; i < ARRAY_SIZE(inflate->said) && i < inflate->said_count; i++)
		if (inflate->said[i] == id)
			return;
	inflate->said[inflate->said_count++ % ARRAY_SIZE(inflate->said)] = id;
	worker->damage = damage;
	worker->damaged = id;
}

static void speak(struct worker *worker)
{
	struct inflate *inflate = worker->inflate;
	const char *damage = worker->damage;

	if (!damage)
		return;
	worker->damage = NULL;
	pthread_mutex_unlock(&inflate->lock);
	if (inflate->limits.damaged)
		inflate->limits.damaged(inflate->limits.context, worker->damaged, damage);
	else
		fail_plain(-EIO, "member %u of the archive cannot be read: %s", worker->damaged, damage);
	pthread_mutex_lock(&inflate->lock);
}

/* What those who ask are told. */
static int answer_error(int error)
{
	return error == -ENOMEM ? error : -EIO;
}

static void track_fail(struct worker *worker, struct track *track, int error, const char *damage)
{
	struct inflate *inflate = worker->inflate;

	say(worker, track->index.member.id, damage);
	track->ahead = 0;
	if (track->background)
		track->pass_error = answer_error(error);
	track->background = false;
	if (error == -EBADMSG) {
		track->error = -EIO;
		inflate->stats->crc_failures++;
		track_clear(inflate, track);
	}
	wake_all(inflate, &track->waiters, NULL, answer_error(error));
	tell_all(&inflate->progress);
}

/* --- decoding what can be decoded by itself --- */

static int decode(struct worker *worker, const struct piece *piece, char *data)
{
	const struct source *source = worker->inflate->source;
	uint64_t first = piece->span.begin.bit / 8;

	switch (piece->task.job) {
	case JOB_MEMBER:
		return decode_member(&worker->decoder, source, &piece->member, data);
	case JOB_PART:
		return scan_part(source, &piece->member, &piece->span, piece->start, piece->length, data);
	case JOB_CHUNK:
		return decode_chunk(&worker->decoder, source, &piece->member, first, (uint32_t)(piece->span.packed_end - first),
				    piece->length, data);
	default:
		return decode_span(&worker->decoder, source, &piece->member, &piece->span, data);
	}
}

/* How far a thread goes through a member at once. */
static uint32_t scan_step(const struct index *index)
{
	return (uint32_t)min_u64(index->span, index->piece);
}

static uint32_t room_for_span(uint32_t span)
{
	return WINDOW + (uint32_t)round_up(span, 4096);
}

/* Bytes of the buffer that a task needs. */
static uint32_t room_for(struct task *task)
{
	if (task->job == JOB_SCAN)
		return room_for_span(scan_step(&track_of(task)->index));
	if (task->job == JOB_SPAN)
		return room_for_span(piece_of(task)->length);
	return (uint32_t)round_up(piece_of(task)->length, 4096);
}

/* An index that others made is wrong, or the data is: the way through it will tell. Who waits is to ask again. */
static void chunk_failed(struct inflate *inflate, struct piece *piece)
{
	struct track *track = track_find(inflate, piece->member.id);

	if (track && track->index.chunks)
		track_clear(inflate, track);
	wake_all(inflate, &piece->waiters, NULL, 0);
	cache_fail(&inflate->cache, piece, 0, false);
}

static void piece_failed(struct worker *worker, struct piece *piece, int error)
{
	struct inflate *inflate = worker->inflate;
	struct track *track = track_find(inflate, piece->member.id);
	bool damaged = error == -EBADMSG, small = piece->task.job == JOB_MEMBER;
	const char *why = damaged ? "its data is damaged" : error == -ENOMEM ? "there is no memory" : "reading the archive failed";

	wake_all(inflate, &piece->waiters, NULL, answer_error(error));
	if (damaged && !small && track)
		track_fail(worker, track, error, why);
	else
		say(worker, piece->member.id, why);
	inflate->stats->crc_failures += damaged && small;
	cache_fail(&inflate->cache, piece, answer_error(error), damaged && small);
}

/* Let go of the lock, with a buffer in hand; NULL: there is no memory. */
static char *begin(struct inflate *inflate, struct buffer *buffer, uint32_t room)
{
	struct buffer *thrown = cache_thrown(&inflate->cache);

	cache_lend(&inflate->cache, room);
	pthread_mutex_unlock(&inflate->lock);
	buffers_free(thrown);
	return buffer ? (char *)buffer : malloc(room);
}

static void end(struct inflate *inflate, uint32_t room)
{
	pthread_mutex_lock(&inflate->lock);
	cache_unlend(&inflate->cache, room);
}

static void run_piece(struct worker *worker, struct piece *piece, struct buffer *given, uint32_t room)
{
	struct inflate *inflate = worker->inflate;
	uint32_t front = piece->task.job == JOB_SPAN ? WINDOW : 0;
	char *buffer;
	int err;

	piece->stage = STAGE_DECODING;
	inflate->queued--;
	buffer = begin(inflate, given, room);
	err = buffer ? decode(worker, piece, buffer + front) : -ENOMEM;
	end(inflate, room);
	window_put(piece->window);
	piece->window = NULL;
	if (err) {
		free(buffer);
		if (err == -EBADMSG && piece->task.job == JOB_CHUNK)
			chunk_failed(inflate, piece);
		else
			piece_failed(worker, piece, err);
		return;
	}
	inflate->stats->decoded += piece->task.job == JOB_PART ? piece->span.end.out - piece->span.begin.out : piece->length;
	inflate->stats->spans++;
	piece->stage = STAGE_READY;
	wake_all(inflate, &piece->waiters, piece, 0);
	cache_give(&inflate->cache, piece, buffer, room, front);
	stats_note(inflate);
}

/* --- going through a member --- */

/* One span further; what is needed of it without the lock. */
struct advance {
	struct member member;
	struct checkpoint from;
	uint32_t span;
	struct scan *scan;
	bool begin;
	char *buffer;
	struct place end;
	uint32_t crc;
	struct window *window;
	int result;		/* as of scan_span() */
	const char *why;
};

static void advance(struct advance *to, const struct source *source)
{
	char *data = to->buffer + WINDOW;
	uint32_t length;

	to->why = "its data is damaged";
	to->result = -ENOMEM;
	if (!to->buffer)
		return;
	if (!to->scan)
		to->scan = scan_new();
	if (!to->scan)
		return;
	to->result = to->begin ? scan_begin(to->scan, source, &to->member, &to->from.at, to->from.window) : 0;
	if (!to->result)
		to->result = scan_span(to->scan, source, &to->member, to->span, data, &to->end, &to->why);
	if (to->result < 0)
		return;
	length = (uint32_t)(to->end.out - to->from.at.out);
	to->crc = crc32_add(0, data, length);
	if (!length || to->result)
		return;
	length += (uint32_t)min_u64(to->from.at.out, WINDOW);		/* from where on the buffer is filled */
	data = to->buffer + WINDOW + (to->end.out - to->from.at.out);
	length = length < WINDOW ? length : WINDOW;
	to->window = window_pack((unsigned char *)data - length, length);
	if (!to->window)
		to->result = -ENOMEM;
}

/* The span is there: keep it, for those who wait for it or as the first to be thrown out. */
static void keep_span(struct inflate *inflate, struct track *track, const struct advance *done, uint32_t room)
{
	uint32_t length = (uint32_t)(done->end.out - done->from.at.out);
	struct link *link = track->waiters.next;
	bool wanted = track->ahead > done->from.at.out;
	struct piece *piece = cache_new(&inflate->cache, &done->member, done->from.at.out, length);

	track->fresh = piece->start;
	piece->stage = STAGE_READY;
	piece->pins++;
	cache_give(&inflate->cache, piece, done->buffer, room, WINDOW);
	while (link != &track->waiters) {
		struct slot *slot = link_owner(link, struct slot, link);

		link = link->next;
		if (slot->offset >= done->end.out)
			continue;
		wake(inflate, slot, piece, 0);
		wanted = true;
	}
	piece->cold = !wanted;
	piece->pins--;
	cache_settle(&inflate->cache, piece);
}

static void advanced(struct worker *worker, struct track *track, struct advance *done, uint32_t room)
{
	struct inflate *inflate = worker->inflate;
	int err;

	track_changes(inflate, track);
	err = index_add(&track->index, &done->end, done->crc, done->window);
	track_changed(inflate, track);
	if (err) {
		done->result = err;
		return;
	}
	if (done->result && track->index.crc != done->member.crc) {
		done->result = -EBADMSG;
		done->why = "its checksum is wrong";
		return;
	}
	track->index.complete = done->result;
	track->pass_error = 0;
	inflate->stats->decoded += done->end.out - done->from.at.out;
	inflate->stats->spans++;
	inflate->stats->gone_through = done->end.out;
	if (done->end.out > done->from.at.out) {
		keep_span(inflate, track, done, room);
		done->buffer = NULL;
	}
	tracks_fit(inflate);
	stats_note(inflate);
}

static void keep_scan(struct inflate *inflate, struct track *track, struct scan *scan)
{
	track->scan = scan;
	link_add(&inflate->live, &track->live);
}

static void scan_failed(struct worker *worker, struct track *track, const struct advance *done)
{
	const char *why = done->why;

	if (done->result == -ENOMEM)
		why = "there is no memory";
	else if (done->result != -EBADMSG)
		why = "reading the archive failed";
	track_fail(worker, track, done->result, why);
}

static void run_scan(struct worker *worker, struct track *track, struct buffer *given, uint32_t room)
{
	struct inflate *inflate = worker->inflate;
	struct advance to = { .member = track->index.member, .from = track->index.frontier, .span = scan_step(&track->index) };

	track->list = NULL;
	track->scanning = true;
	to.begin = !track->scan;
	to.scan = scan_take(inflate, track);
	if (to.from.window)
		to.from.window->refs++;
	to.buffer = begin(inflate, given, room);
	advance(&to, inflate->source);
	end(inflate, room);
	window_put(to.from.window);
	if (track->error) {
		to.result = track->error;	/* found in what was indexed before, meanwhile */
		window_put(to.window);
	} else if (to.result >= 0) {
		advanced(worker, track, &to, room);
	}
	if (to.result) {
		scan_free(to.scan);
		inflate->live_count--;
	} else {
		keep_scan(inflate, track, to.scan);
	}
	track->scanning = false;
	if (to.result < 0 && !track->error)
		scan_failed(worker, track, &to);
	if (track->index.complete)
		track->background = false;
	free(to.buffer);
	tell_all(&inflate->progress);
	if (to.result >= 0)	/* else it goes on when somebody asks: by itself it would fail again, and at once */
		scan_wanted(inflate, track);
}

/* --- a thread --- */

/* The first task there is room for. */
static struct task *next_task(struct inflate *inflate, struct buffer **buffer)
{
	struct link *list = link_none(&inflate->urgent) ? &inflate->background : &inflate->urgent;
	struct task *task = link_owner(list->next, struct task, link);

	if (link_none(list))
		return NULL;
	if (!cache_room(&inflate->cache, room_for(task), inflate->limits.workers, buffer)) {
		inflate->starved = true;
		return NULL;
	}
	link_remove(&task->link);
	return task;
}

static void run(struct worker *worker, struct task *task, struct buffer *buffer)
{
	struct inflate *inflate = worker->inflate;
	uint32_t room = room_for(task);

	if (task->job == JOB_SCAN)
		run_scan(worker, track_of(task), buffer, room);
	else
		run_piece(worker, piece_of(task), buffer, room);
	wake_queues(inflate);
	speak(worker);		/* where that goes may be slow, and nobody has to wait for it */
	if (inflate->starved)
		tell_all(&inflate->work);
	inflate->starved = false;
}

/*
 * It allocates and frees as it goes, and its end is libc's.
 * #syscalls futex mmap munmap mremap mprotect madvise brk exit rt_sigprocmask
 */
void *work(void *arg)
{
	struct worker *worker = arg;
	struct inflate *inflate = worker->inflate;

	pthread_mutex_lock(&inflate->lock);
	while (!inflate->stop) {
		struct buffer *buffer;
		struct task *task = next_task(inflate, &buffer);

		if (task)
			run(worker, task, buffer);
		else
			await(inflate, &inflate->work);
	}
	pthread_mutex_unlock(&inflate->lock);
	return NULL;
}
