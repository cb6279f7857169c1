/* SPDX-License-Identifier: MIT */
/* mapping.c - a mapping, and what is known about its pages */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "applets/file/mapping.h"
#include "core/util.h"

#define BITS 64				/* in a word */
#define LEARN (1U << 20)		/* bytes looked at together */

/* #syscalls:opening mmap */
static void *map(uint64_t size, int protection, int flags, int fd)
{
	void *at = size > SIZE_MAX / 2 ? MAP_FAILED : mmap(NULL, (size_t)size, protection, flags | MAP_NORESERVE, fd, 0);

	return at == MAP_FAILED ? NULL : at;
}

void mapping_open(struct mapping *m, int fd, uint64_t size, bool writable)
{
	*m = (struct mapping){ .fd = fd, .size = round_down(size, page_size()) };
	m->map_size = round_up(m->size / page_size() / 8 + 8, page_size());
	m->present = map(m->map_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	if (m->present && m->size)
		m->base = map(m->size, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED, fd);
}

/* #syscalls munmap */
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

/*
 * Note that a read of this range finds pages, and so do those that follow. The
 * file tells, and not mincore(), which says of files of others, who are all
 * others by now, that everything is there. #syscalls lseek
 */
static void learn(struct mapping *m, uint64_t offset, uint64_t length)
{
	off_t hole = lseek(m->fd, (off_t)offset, SEEK_HOLE);
	uint64_t end = hole < 0 ? 0 : min_u64((uint64_t)hole, min_u64(m->size, offset + max_u64(length, LEARN)));

	if (end > offset)
		mark(m, offset / page_size(), end / page_size(), true);
}

/* A read of what may be a hole. #syscalls lseek */
static struct place look(struct mapping *m, uint64_t offset, uint32_t length)
{
	off_t data = lseek(m->fd, (off_t)offset, SEEK_DATA);

	if (data > (off_t)offset)
		return nowhere((uint32_t)min_u64(length, (uint64_t)data - offset));
	learn(m, offset, length);
	if (is_present(m, first_page(offset), last_page(offset + length)))
		return in_mapped_file(m->fd, offset, length, m->base + offset);
	return in_file(m->fd, offset, length);	/* a mixture, the last hole, what was swapped out: the file itself knows */
}

/* A write to what may be a hole: take its memory first, so that want of it is told. #syscalls fallocate */
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
