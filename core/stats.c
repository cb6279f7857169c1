/* SPDX-License-Identifier: MIT */
/* stats.c - a page of names and numbers */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/backend.h"
#include "core/stats.h"
#include "core/util.h"

#define MAGIC 0x7374617473627575ULL
#define NUMBERS_MAX (1U << 16)	/* the most queues, eight each, and some */

typedef char name[STATS_NAME_MAX];

const char *const stats_queue[STATS_QUEUE] = {
	[OP_READ] = "reads", [OP_WRITE] = "writes", [OP_FLUSH] = "flushes", [OP_DISCARD] = "discards", [OP_ZERO] = "zeroes",
	[STATS_BYTES + OP_READ] = "read_bytes", [STATS_BYTES + OP_WRITE] = "written_bytes",
	[STATS_ERRORS] = "errors",
};

/* Behind it the numbers, then their names. */
struct stats_page {
	uint64_t magic;
	uint32_t room;
	_Atomic uint32_t count;
	uint64_t unused[6];		/* so that eight numbers share a cache line, and no more */
	_Atomic uint64_t numbers[];
};

static uint64_t size_for(uint32_t room)
{
	return round_up(sizeof(struct stats_page) + (uint64_t)room * (sizeof(uint64_t) + sizeof(name)), page_size());
}

static name *names_of(struct stats_page *page)
{
	return (name *)&page->numbers[page->room];
}

int stats_open(struct stats *s, uint32_t room)
{
	*s = (struct stats){ .size = size_for(room), .fd = memfd_create(STATS_NAME, MFD_CLOEXEC) };
	if (s->fd < 0)
		return -errno;
	if (RETRY(ftruncate(s->fd, (off_t)s->size)) < 0)
		return -errno;
	s->page = mmap(NULL, s->size, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
	if (s->page == MAP_FAILED) {
		s->page = NULL;
		return -errno;
	}
	s->page->room = room;
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

_Atomic uint64_t *stats_add(const struct stats *s, const char *const *names, uint32_t count)
{
	uint32_t first = atomic_load(&s->page->count);

	must(first + count <= s->page->room);
	for (uint32_t i = 0; i < count; i++) {
		must(strlen(names[i]) < STATS_NAME_MAX);
		strcpy(names_of(s->page)[first + i], names[i]);
	}
	atomic_store(&s->page->count, first + count);	/* not before they have their names */
	return &s->page->numbers[first];
}

/* --- reading one, which may be anybody's ------------------------------------------------ */

static bool is_page(const struct stats_page *page, uint64_t size)
{
	return page->magic == MAGIC && page->room <= NUMBERS_MAX && size_for(page->room) == size;
}

/* A copy: who wrote it may change it under us. */
static struct stats_page *copy_page(int fd, uint64_t *size)
{
	struct stats_page *page;
	struct stat st;

	if (fstat(fd, &st) < 0 || st.st_size < (off_t)sizeof(*page) || (uint64_t)st.st_size > size_for(NUMBERS_MAX))
		return NULL;
	*size = round_up((uint64_t)st.st_size, page_size());
	page = pages_get(*size);
	if (page && RETRY(pread(fd, page, (size_t)st.st_size, 0)) == st.st_size && is_page(page, *size))
		return page;
	pages_free(page, *size);
	return NULL;
}

static void tell(struct stats_page *page, void (*each)(void *, const char *, uint64_t), void *context)
{
	name *names = names_of(page);
	uint32_t count = (uint32_t)min_u64(page->count, page->room);

	for (uint32_t i = 0; i < count; i++) {
		uint64_t sum = page->numbers[i];

		if (!names[i][0])
			continue;
		names[i][STATS_NAME_MAX - 1] = '\0';
		for (uint32_t j = i + 1; j < count; j++) {
			if (strncmp(names[i], names[j], STATS_NAME_MAX - 1))
				continue;
			sum += page->numbers[j];
			names[j][0] = '\0';
		}
		each(context, names[i], sum);
	}
}

int stats_read(int fd, void (*each)(void *context, const char *name, uint64_t value), void *context)
{
	uint64_t size;
	struct stats_page *page = copy_page(fd, &size);

	if (!page)
		return -EINVAL;
	tell(page, each, context);
	pages_free(page, size);
	return 0;
}
