/* SPDX-License-Identifier: MIT */
/* mapping.c - a mapping, and what is known about its pages */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "applets/file/mapping.h"
#include "core/util.h"

#define BITS 64				/* in a word */
#define LEARN_PAGES 256			/* looked at together */

static void *map(uint64_t size, int protection, int flags, int fd)
{
	void *at = size > SIZE_MAX / 2 ? MAP_FAILED : mmap(NULL, (size_t)size, protection, flags | MAP_NORESERVE, fd, 0);

	return at == MAP_FAILED ? NULL : at;
}

/*
 * Does mincore() tell which pages are there? Of files that are neither ours
 * nor writable for us it says that all are, and what opened them, a right to
 * open anything, is gone by now. Then reading would fill holes.
 */
static bool can_learn(int fd)
{
	struct stat stat;

	return (fstat(fd, &stat) == 0 && stat.st_uid == geteuid()) ||
	       syscall(SYS_faccessat2, fd, "", W_OK, AT_EMPTY_PATH | AT_EACCESS) == 0;
}

void mapping_open(struct mapping *m, int fd, uint64_t size, bool writable)
{
	*m = (struct mapping){ .fd = fd, .size = round_down(size, page_size()) };
	if (!can_learn(fd))
		return;
	m->map_size = round_up(m->size / page_size() / 8 + 8, page_size());
	m->present = map(m->map_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	if (m->present && m->size)
		m->base = map(m->size, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED, fd);
}

void mapping_close(struct mapping *m)
{
	if (m->base)
		munmap(m->base, m->size);
	if (m->present)
		munmap((void *)m->present, m->map_size);
	m->base = NULL;
	m->present = NULL;
}

static bool is_present(const struct mapping *m, uint64_t first, uint64_t last)
{
	for (uint64_t page = first; page < last; page++)
		if (!(atomic_load_explicit(&m->present[page / BITS], memory_order_relaxed) >> page % BITS & 1))
			return false;
	return true;
}

static void mark(struct mapping *m, uint64_t first, uint64_t last, bool present)
{
	for (uint64_t page = first; page < last; page++)
		if (present)
			atomic_fetch_or_explicit(&m->present[page / BITS], 1ULL << page % BITS, memory_order_relaxed);
		else
			atomic_fetch_and_explicit(&m->present[page / BITS], ~(1ULL << page % BITS), memory_order_relaxed);
}

static uint64_t first_page(uint64_t offset) { return offset / page_size(); }
static uint64_t last_page(uint64_t end) { return (end + page_size() - 1) / page_size(); }

/* Note which pages of a range, and of some more after it, are there. */
static void learn(struct mapping *m, uint64_t first, uint64_t last)
{
	uint64_t end = m->size / page_size();
	unsigned char there[LEARN_PAGES];

	for (uint64_t page = first; page < last; page += LEARN_PAGES) {
		uint64_t count = min_u64(LEARN_PAGES, end - page);

		if (mincore(m->base + page * page_size(), count * page_size(), there) < 0)
			return;
		for (uint64_t i = 0; i < count; i++)
			if (there[i] & 1)
				mark(m, page + i, page + i + 1, true);
	}
}

/* A read of what may be a hole. */
static struct place look(struct mapping *m, uint64_t offset, uint32_t length)
{
	uint64_t first = first_page(offset), last = last_page(offset + length);
	off_t data;

	learn(m, first, last);
	if (is_present(m, first, last))
		return in_mapped_file(m->fd, offset, length, m->base + offset);
	data = lseek(m->fd, (off_t)offset, SEEK_DATA);
	if (data > (off_t)offset)
		return nowhere((uint32_t)min_u64(length, (uint64_t)data - offset));
	return in_file(m->fd, offset, length);	/* a mixture, the last hole, what was swapped out: the file itself knows */
}

/* A write to what may be a hole: take its memory first, so that want of it is told. */
static struct place take(struct mapping *m, uint64_t offset, uint32_t length)
{
	if (RETRY(fallocate(m->fd, FALLOC_FL_KEEP_SIZE, (off_t)offset, length)) < 0)
		return errno == ENOSPC || errno == EDQUOT ? failed(-errno) : in_file(m->fd, offset, length);
	mark(m, first_page(offset), last_page(offset + length), true);
	return in_mapped_file(m->fd, offset, length, m->base + offset);
}

struct place mapping_where(struct mapping *m, enum op op, uint64_t offset, uint32_t length)
{
	if (!m->base || offset + length > m->size)
		return in_file(m->fd, offset, length);
	if (is_present(m, first_page(offset), last_page(offset + length)))
		return in_mapped_file(m->fd, offset, length, m->base + offset);
	return op == OP_READ ? look(m, offset, length) : take(m, offset, length);
}

void mapping_forget(struct mapping *m, uint64_t offset, uint64_t length)
{
	if (m->base && offset < m->size)
		mark(m, first_page(offset), min_u64(last_page(offset + length), m->size / page_size()), false);
}
