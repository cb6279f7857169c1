/* SPDX-License-Identifier: MIT */
/* track.c - which members have an index, and what all of these may take */
#include <errno.h>

#include "applets/zip/engine.h"
#include "core/util.h"

#define WHOLE_SPANS 4		/* a member of so many spans is decoded as a whole */
#define THIN_AT_ONCE 256	/* spans that are looked at while nobody else may look anything up */
#define THIN_SHARE 8		/* an index that takes this part of the memory for all is thinned; smaller ones are dropped */

bool is_small(const struct inflate *inflate, const struct member *member)
{
	return member->size <= (uint64_t)WHOLE_SPANS * inflate->limits.span && member->packed <= packed_limit(member->size) + 64;
}

struct track *track_find(struct inflate *inflate, uint32_t id)
{
	struct track *track = inflate->buckets[id % TRACK_BUCKETS];

	while (track && track->index.member.id != id)
		track = track->next_same;
	return track;
}

void track_changes(struct inflate *inflate, const struct track *track)
{
	inflate->index_memory -= track->index.memory;
	inflate->checkpoints -= track->index.count;
}

void track_changed(struct inflate *inflate, const struct track *track)
{
	inflate->index_memory += track->index.memory;
	inflate->checkpoints += track->index.count;
}

static void drop_scan(struct inflate *inflate, struct track *track)
{
	if (!track->scan)
		return;
	scan_free(track->scan);
	track->scan = NULL;
	link_remove(&track->live);
	inflate->live_count--;
}

void track_clear(struct inflate *inflate, struct track *track)
{
	link_remove(&track->task.link);
	track->list = NULL;
	drop_scan(inflate, track);
	track_changes(inflate, track);
	index_clear(&track->index);
	track_changed(inflate, track);
}

static bool idle(const struct track *track)
{
	return !track->scanning && !track->list && !track->background && link_none(&track->waiters);
}

void track_forget(struct inflate *inflate, struct track *track)
{
	struct track **at = &inflate->buckets[track->index.member.id % TRACK_BUCKETS];

	while (*at != track)
		at = &(*at)->next_same;
	*at = track->next_same;
	track_clear(inflate, track);
	link_remove(&track->link);
	*track = (struct track){ 0 };
	link_add(&inflate->tracks_free, &track->link);
}

static struct track *oldest(struct inflate *inflate, bool with_memory)
{
	for (struct link *link = inflate->tracks.next; link != &inflate->tracks; link = link->next) {
		struct track *track = link_owner(link, struct track, link);

		if (idle(track) && (track->index.memory || !with_memory))
			return track;
	}
	return NULL;
}

/* The one that nobody waits for and no thread is at: that it goes on is only a wish. */
static struct track *oldest_unasked(struct inflate *inflate)
{
	for (struct link *link = inflate->tracks.next; link != &inflate->tracks; link = link->next) {
		struct track *track = link_owner(link, struct track, link);

		if (!track->scanning && !track->background && link_none(&track->waiters))
			return track;
	}
	return NULL;
}

static struct track *take(struct inflate *inflate)
{
	struct track *track;

	if (link_none(&inflate->tracks_free)) {
		track = stock_take(&inflate->track_stock);
		if (track)
			return track;
		track = oldest(inflate, true);	/* what is known to be damaged has none, and stays known */
		if (!track)
			track = oldest(inflate, false);
		if (!track)
			track = oldest_unasked(inflate);
		must(track);			/* there are more than can be asked for */
		track_forget(inflate, track);
	}
	track = link_owner(inflate->tracks_free.next, struct track, link);
	link_remove(&track->link);
	return track;
}

struct track *track_get(struct inflate *inflate, const struct member *member)
{
	struct track *track = track_find(inflate, member->id);

	if (!track) {
		track = take(inflate);
		*track = (struct track){ .next_same = inflate->buckets[member->id % TRACK_BUCKETS], .last = UINT64_MAX };
		inflate->buckets[member->id % TRACK_BUCKETS] = track;
		index_init(&track->index, member, inflate->limits.span, inflate->limits.piece);
		link_init(&track->waiters);
	}
	link_remove(&track->link);
	link_add(&inflate->tracks, &track->link);
	return track;
}

static struct track *largest(struct inflate *inflate)
{
	struct track *best = NULL;

	for (struct link *link = inflate->tracks.next; link != &inflate->tracks; link = link->next) {
		struct track *track = link_owner(link, struct track, link);

		if (track->index.count > 1 && (!best || track->index.memory > best->index.memory))
			best = track;
	}
	return best;
}

static bool thin(struct inflate *inflate, struct track *track)
{
	bool thinned;

	track_changes(inflate, track);
	thinned = index_thin(&track->index, THIN_AT_ONCE);
	track_changed(inflate, track);
	return thinned;
}

void tracks_fit(struct inflate *inflate)
{
	while (inflate->index_memory > inflate->limits.index_memory) {
		struct track *large = largest(inflate), *old = oldest(inflate, true);
		bool worth = large && large->index.memory >= inflate->limits.index_memory / THIN_SHARE;

		if (large && (worth || !old) && thin(inflate, large))
			continue;
		if (!old)
			return;
		track_forget(inflate, old);
	}
}

struct scan *scan_take(struct inflate *inflate, struct track *track)
{
	struct track *from = track;
	struct scan *scan;

	if (!track->scan) {
		if (inflate->live_count < LIVE_MAX || link_none(&inflate->live)) {
			inflate->live_count++;
			return NULL;
		}
		from = link_owner(inflate->live.next, struct track, live);
	}
	scan = from->scan;
	from->scan = NULL;
	link_remove(&from->live);
	return scan;
}

static int adopt(struct inflate *inflate, struct index *index)
{
	struct track *track = track_get(inflate, &index->member);

	if (track->scanning || track->list || track->error || !link_none(&track->waiters))
		return -EBUSY;
	track_clear(inflate, track);
	track_changes(inflate, track);
	track->index = *index;
	track_changed(inflate, track);
	tracks_fit(inflate);
	return 0;
}

int track_adopt(struct inflate *inflate, struct index *index)
{
	int err;

	if (is_small(inflate, &index->member)) {
		index_clear(index);		/* it is decoded as a whole anyway, and then its checksum is checked */
		return 0;
	}
	pthread_mutex_lock(&inflate->lock);
	err = adopt(inflate, index);
	pthread_mutex_unlock(&inflate->lock);
	return err;
}
