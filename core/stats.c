/* SPDX-License-Identifier: MIT */
/* stats.c - a table of fields, and their numbers */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/size.h"
#include "core/stats.h"
#include "core/text.h"
#include "core/util.h"

#define MAGIC 0x3274617473627575ULL
#define COPIES_MAX 4096			/* as many as there may be queues */
#define NUMBERS_MAX (1U << 22)

const struct stats_name stats_queue[STATS_QUEUE_NAMES] = {
	[STATS_REQUESTS + OP_READ] = { "reads", STATS_COUNTER },
	[STATS_REQUESTS + OP_WRITE] = { "writes", STATS_COUNTER },
	[STATS_REQUESTS + OP_FLUSH] = { "flushes", STATS_COUNTER },
	[STATS_REQUESTS + OP_DISCARD] = { "discards", STATS_COUNTER },
	[STATS_REQUESTS + OP_ZERO] = { "zeroes", STATS_COUNTER },
	[STATS_ERRORS + OP_READ] = { "read_errors", STATS_COUNTER },
	[STATS_ERRORS + OP_WRITE] = { "write_errors", STATS_COUNTER },
	[STATS_ERRORS + OP_FLUSH] = { "flush_errors", STATS_COUNTER },
	[STATS_ERRORS + OP_DISCARD] = { "discard_errors", STATS_COUNTER },
	[STATS_ERRORS + OP_ZERO] = { "zero_errors", STATS_COUNTER },
	[STATS_BYTES + OP_READ] = { "read_bytes", STATS_COUNTER },
	[STATS_BYTES + OP_WRITE] = { "written_bytes", STATS_COUNTER },
	[STATS_BYTES + OP_FLUSH] = { NULL, STATS_COUNTER },	/* it has none */
	[STATS_BYTES + OP_DISCARD] = { "discarded_bytes", STATS_COUNTER },
	[STATS_BYTES + OP_ZERO] = { "zeroed_bytes", STATS_COUNTER },
	[STATS_DIRECT] = { "direct_bytes", STATS_COUNTER },
	[STATS_IN_FLIGHT] = { "in_flight_max", STATS_MAX },
	[STATS_LATENCIES + OP_READ] = { "read_latency", STATS_LATENCY },
	[STATS_LATENCIES + OP_WRITE] = { "write_latency", STATS_LATENCY },
	[STATS_LATENCIES + OP_FLUSH] = { "flush_latency", STATS_LATENCY },
	[STATS_LATENCIES + OP_DISCARD] = { "discard_latency", STATS_LATENCY },
	[STATS_LATENCIES + OP_ZERO] = { "zero_latency", STATS_LATENCY },
};

struct stats_page {
	uint64_t magic;
	uint64_t began;			/* stats_now() */
	uint32_t room, used;		/* numbers */
	_Atomic uint32_t count;		/* fields */
	struct stats_field fields[STATS_FIELDS];
	_Alignas(64) _Atomic uint64_t numbers[];
};

static uint64_t size_for(uint32_t room)
{
	return round_up(sizeof(struct stats_page) + (uint64_t)room * sizeof(uint64_t), page_size());
}

static uint32_t room_of(uint32_t kind)
{
	return kind == STATS_LATENCY ? STATS_LATENCY_ROOM : 1;
}

/* #syscalls clock_gettime */
uint64_t stats_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* NULL if it cannot be. */
static struct stats_page *map_page(const struct stats *s)
{
	void *at = mmap(NULL, s->size, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);

	return at == MAP_FAILED ? NULL : at;
}

bool stats_resume(struct stats *s, uint32_t room)
{
	struct stat st;

	s->size = size_for(room);
	if (s->fd < 0 || fstat(s->fd, &st) < 0 || (uint64_t)st.st_size != s->size)
		return false;
	s->page = map_page(s);
	return s->page && s->page->magic == MAGIC;
}

int stats_open(struct stats *s, uint32_t room)
{
	*s = (struct stats){ .size = size_for(room), .fd = memfd_create(STATS_NAME, MFD_CLOEXEC | MFD_ALLOW_SEALING) };
	/* Sealed, or whoever serves could have it shrink under us. */
	if (s->fd < 0 || RETRY(ftruncate(s->fd, (off_t)s->size)) < 0 || fcntl(s->fd, F_ADD_SEALS, F_SEAL_SHRINK) < 0)
		return -errno;
	s->page = map_page(s);
	if (!s->page)
		return -errno;
	s->page->room = room;
	s->page->began = stats_now();
	s->page->magic = MAGIC;
	return 0;
}

void stats_close(struct stats *s)
{
	if (s->page)
		munmap(s->page, s->size);
	if (s->fd >= 0)
		close(s->fd);
	*s = (struct stats)STATS_NONE;
}

/* Whoever wrote to the page may have been taken over: nothing of it is believed. */
void stats_restart(const struct stats *s)
{
	if (!s->page)
		return;
	s->page->room = (uint32_t)((s->size - sizeof(struct stats_page)) / sizeof(uint64_t));
	s->page->used = 0;
	s->page->count = 0;
}

static uint32_t numbers_in(const struct stats_name *names, uint32_t count)
{
	uint32_t numbers = 0;

	for (uint32_t i = 0; i < count; i++)
		numbers += room_of(names[i].kind);
	return numbers;
}

_Atomic uint64_t *stats_add(const struct stats *s, const struct stats_name *names, uint32_t count, uint32_t copies)
{
	struct stats_page *page = s->page;
	uint32_t stride = numbers_in(names, count), first = page->used, fields = page->count;

	if (copies > 1)
		stride = STATS_ROOM(stride);
	must(first + (uint64_t)stride * copies <= page->room && fields + count <= STATS_FIELDS);
	page->used += stride * copies;
	for (uint32_t i = 0, at = first; i < count; i++) {
		struct stats_field *field = &page->fields[fields];

		if (names[i].name) {
			must(strlen(names[i].name) < STATS_NAME_MAX);
			*field = (struct stats_field){ .kind = names[i].kind, .first = at, .copies = copies, .stride = stride };
			strcpy(field->name, names[i].name);
			fields++;
		}
		for (uint32_t copy = 0; copy < copies && names[i].kind == STATS_GAUGE; copy++)
			page->numbers[at + copy * stride] = 0;		/* as it was with another writer */
		at += room_of(names[i].kind);
	}
	atomic_store(&page->count, fields);	/* not before they are described */
	return &page->numbers[first];
}

/* --- taking one, which may be anybody's ------------------------------------------------ */

static bool is_name(const char *name)
{
	size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");

	return length && length < STATS_NAME_MAX && !name[length];
}

static bool is_field(const struct stats_page *page, const struct stats_field *field)
{
	uint64_t end = field->first + (uint64_t)(field->copies - 1) * field->stride + room_of(field->kind);

	return memchr(field->name, '\0', STATS_NAME_MAX) && is_name(field->name) && field->kind < STATS_KINDS &&
	       field->copies && field->copies <= COPIES_MAX && end <= page->room;
}

static bool is_page(const struct stats *s)
{
	const struct stats_page *page = s->page;

	if (page->magic != MAGIC || page->room > NUMBERS_MAX || size_for(page->room) != s->size || page->count > STATS_FIELDS)
		return false;
	for (uint32_t i = 0; i < page->count; i++)
		if (!is_field(page, &page->fields[i]) || stats_find(s, page->fields[i].name) != &page->fields[i])
			return false;
	return true;
}

/* A copy: who wrote it may change it under us. */
int stats_take(struct stats *copy, int fd)
{
	struct stat st;

	*copy = (struct stats)STATS_NONE;
	if (fstat(fd, &st) < 0 || st.st_size < (off_t)sizeof(*copy->page) || (uint64_t)st.st_size > size_for(NUMBERS_MAX))
		return -EINVAL;
	copy->size = (uint64_t)st.st_size;
	copy->page = pages_get(copy->size);
	if (!copy->page)
		return -ENOMEM;
	if (RETRY(pread(fd, copy->page, copy->size, 0)) == st.st_size && is_page(copy))
		return 0;
	stats_close(copy);
	return -EINVAL;
}

/* --- what is in it ------------------------------------------------------------------------ */

const struct stats_field *stats_field(const struct stats *s, uint32_t number)
{
	return number < s->page->count ? &s->page->fields[number] : NULL;
}

const struct stats_field *stats_find(const struct stats *s, const char *name)
{
	const struct stats_field *field;

	for (uint32_t i = 0; (field = stats_field(s, i)); i++)
		if (!strncmp(field->name, name, STATS_NAME_MAX))
			return field;
	return NULL;
}

/* Number @at of a copy of the field. */
static uint64_t number(const struct stats *s, const struct stats_field *field, uint32_t copy, uint32_t at)
{
	return atomic_load_explicit(&s->page->numbers[field->first + copy * field->stride + at], memory_order_relaxed);
}

uint64_t stats_copy_value(const struct stats *s, const struct stats_field *field, uint32_t copy)
{
	return number(s, field, copy, 0);
}

uint64_t stats_value(const struct stats *s, const struct stats_field *field)
{
	uint64_t merged = 0;

	for (uint32_t i = 0; field && i < field->copies; i++) {
		uint64_t value = number(s, field, i, 0);

		merged = field->kind == STATS_MAX ? max_u64(merged, value) : merged + value;
	}
	return merged;
}

void stats_histogram(const struct stats *s, const struct stats_field *field, struct histogram *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (uint32_t copy = 0; copy < field->copies; copy++) {
		sum->sum += number(s, field, copy, 0);
		for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
			sum->buckets[i] += number(s, field, copy, 1 + i);
	}
}

uint64_t stats_age(const struct stats *s)
{
	uint64_t now = stats_now();

	return now > s->page->began ? now - s->page->began : 0;
}

/* --- in a line ------------------------------------------------------------------------------ */

static uint64_t value_of(const struct stats *s, const char *name)
{
	return stats_value(s, stats_find(s, name));
}

/* "12 reads (48K), 99% within 20us, 99.9% within 30us" */
static void put_op(const struct stats *s, enum op op, char *text, size_t limit)
{
	const struct stats_field *latency = stats_find(s, stats_queue[STATS_LATENCIES + op].name);
	char size[SIZE_TEXT_MAX], most[TIME_TEXT_MAX], nearly_all[TIME_TEXT_MAX];
	struct histogram h = { 0 };

	if (latency && latency->kind == STATS_LATENCY)
		stats_histogram(s, latency, &h);
	text_format(text, limit, "%" PRIu64 " %s (%s), 99%% within %s, 99.9%% within %s",
		    value_of(s, stats_queue[STATS_REQUESTS + op].name), stats_queue[STATS_REQUESTS + op].name,
		    size_text(value_of(s, stats_queue[STATS_BYTES + op].name), size),
		    time_text(histogram_quantile(&h, 990), most), time_text(histogram_quantile(&h, 999), nearly_all));
}

static uint64_t errors_of(const struct stats *s)
{
	uint64_t errors = 0;

	for (unsigned int op = 0; op < OPS; op++)
		errors += value_of(s, stats_queue[STATS_ERRORS + op].name);
	return errors;
}

int stats_line(int fd, char *text, size_t limit)
{
	char reads[128], writes[128];
	struct stats now;
	int err = stats_take(&now, fd);

	if (err)
		return err;
	put_op(&now, OP_READ, reads, sizeof(reads));
	put_op(&now, OP_WRITE, writes, sizeof(writes));
	text_format(text, limit, "%s; %s; %" PRIu64 " flushes, %" PRIu64 " discards, %" PRIu64 " zeroes, %" PRIu64
		    " errors; at most %" PRIu64 " in flight in a queue", reads, writes, value_of(&now, "flushes"),
		    value_of(&now, "discards"), value_of(&now, "zeroes"), errors_of(&now), value_of(&now, "in_flight_max"));
	stats_close(&now);
	return 0;
}
