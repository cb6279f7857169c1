/* SPDX-License-Identifier: MIT */
/* state.c - tables into a sealed memory file, and back */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/log.h"
#include "core/state.h"
#include "core/text.h"
#include "core/util.h"

#define MAGIC 0x65746174736b6c62ULL	/* "blkstate" */
#define WORDS_MAX 4096
#define STATE_MAX (256U << 10)		/* bytes; nearly all of them may be arguments */
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

struct head {
	uint64_t magic;
	uint32_t version, used;		/* bytes of all */
};

struct item {
	uint32_t kind, size;		/* bytes that follow, without what fills up to 8 */
};

static uint32_t whole(const struct item *item)
{
	return (uint32_t)(sizeof(*item) + round_up(min_u64(item->size, STATE_MAX), 8));
}

int state_begin(struct state *s)
{
	*s = (struct state){ .page = pages_get(STATE_MAX), .used = sizeof(struct head) };
	return s->page ? 0 : -ENOMEM;
}

void state_close(struct state *s)
{
	pages_free(s->page, STATE_MAX);
	s->page = NULL;
}

/* --- one thing ---------------------------------------------------------------------- */

static bool is_sane(enum state_kind kind, const char *value, uint32_t size)
{
	int fd;

	switch (kind) {
	case STATE_BOOL:
		return (unsigned char)*value <= 1;
	case STATE_FILE:
		memcpy(&fd, value, sizeof(fd));
		return fd == -1 || (fd > STDERR_FILENO && fcntl(fd, F_GETFD) >= 0);
	case STATE_TEXT:
		return memchr(value, '\0', size);
	case STATE_NUMBER:
	case STATE_WORD:
	case STATE_PART:
		break;
	}
	return true;
}

static bool is_next(const struct state *s, const struct item *item, const char *value)
{
	const char *at = s->page + s->used;

	return !memcmp(at, item, sizeof(*item)) && is_sane((enum state_kind)item->kind, at + sizeof(*item), item->size) &&
	       (item->kind != STATE_PART || !memcmp(at + sizeof(*item), value, item->size));
}

static void carry(struct state *s, enum state_kind kind, uint32_t size, char *value)
{
	const struct item item = { .kind = kind, .size = size };
	char *at = s->page + s->used;

	if (!s->error && s->restoring && !is_next(s, &item, value))
		s->error = -EPROTO;
	if (!s->error && !s->restoring && (size > STATE_MAX || s->used + whole(&item) > STATE_MAX))
		s->error = -E2BIG;
	if (s->error)
		return;
	s->used += whole(&item);
	if (s->restoring && kind != STATE_PART)
		memcpy(value, at + sizeof(item), size);
	if (s->restoring)
		return;
	memcpy(at, &item, sizeof(item));
	memcpy(at + sizeof(item), value, size);
}

void state_carry(struct state *s, const char *part, const struct state_field *fields, void *self)
{
	carry(s, STATE_PART, (uint32_t)strlen(part) + 1, (char *)(uintptr_t)part);
	for (; fields && fields->size; fields++)
		carry(s, (enum state_kind)fields->kind, fields->size, (char *)self + fields->offset);
}

void state_save_words(struct state *s, char *const *words)
{
	for (; *words; words++)
		carry(s, STATE_WORD, (uint32_t)strlen(*words) + 1, *words);
}

/* --- the file ------------------------------------------------------------------------ */

int state_file(void)
{
	char name[80];
	int fd;

	text_format(name, sizeof(name), STATE_NAME "%d:%s", STATE_VERSION, UBLK_VERSION);
	fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return fd < 0 ? -errno : fd;
}

int state_only_read(int fd)
{
	char path[32];
	int again;

	text_format(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = RETRY(open(path, O_RDONLY | O_CLOEXEC));	/* without /proc nobody would look for it either */
	close(fd);
	return again;
}

int state_write(struct state *s, int fd)
{
	struct head head = { MAGIC, STATE_VERSION, s->used };

	if (s->error)
		return s->error;
	memcpy(s->page, &head, sizeof(head));
	return RETRY(pwrite(fd, s->page, s->used, 0)) != (ssize_t)s->used || fcntl(fd, F_ADD_SEALS, SEALS) < 0 ? -errno : 0;
}

/* The next item behind @at, 0 to begin with; NULL at the end, or where there is none that fits. */
static const struct item *next(const struct state *s, uint32_t *at)
{
	const struct item *item;

	*at = *at ? *at + whole((const struct item *)(s->page + *at)) : (uint32_t)sizeof(struct head);
	item = (const struct item *)(s->page + *at);
	return *at + sizeof(*item) <= s->used && *at + whole(item) <= s->used ? item : NULL;
}

/* -1 if it is none. */
static int descriptor(const struct item *item)
{
	int fd = -1;

	if (item->kind == STATE_FILE && item->size == sizeof(fd))
		memcpy(&fd, item + 1, sizeof(fd));
	return fd;
}

/* Nothing but items. */
static bool is_whole(const struct state *s)
{
	uint32_t at = 0;

	while (next(s, &at))
		;
	return at == s->used;
}

int state_read(struct state *s, int fd)
{
	struct head head;
	struct stat st;
	int err = state_begin(s);

	if (err)
		return err;
	s->restoring = true;
	/* Who serves has other rights than who keeps, and so do the files that he makes. */
	if (fstat(fd, &st) < 0 || st.st_uid != geteuid() || (fcntl(fd, F_GET_SEALS) & SEALS) != SEALS || st.st_size < (off_t)sizeof(head) ||
	    st.st_size > (off_t)(STATE_MAX - sizeof(struct item)))	/* behind the last there is room to look */
		return -EPROTO;
	s->used = (uint32_t)st.st_size;
	if (RETRY(pread(fd, s->page, s->used, 0)) != st.st_size)
		return -EPROTO;
	memcpy(&head, s->page, sizeof(head));
	if (head.magic != MAGIC || head.version != STATE_VERSION || head.used != s->used || !is_whole(s))
		return -EPROTO;
	s->used = sizeof(head);
	return 0;
}

/* With all that the head says there is. */
static struct state all_of(const struct state *s)
{
	struct state all = *s;

	memcpy(&all.used, s->page + offsetof(struct head, used), sizeof(all.used));
	return all;
}

int state_next_file(const struct state *s, uint32_t *at)
{
	struct state all = all_of(s);
	const struct item *item;

	while ((item = next(&all, at)))
		if (descriptor(item) >= 0)
			return descriptor(item);
	return -1;
}

size_t state_read_words(const struct state *s, char **words, size_t limit)
{
	struct state all = all_of(s);
	const struct item *item;
	uint32_t at = 0;
	size_t count = 0;

	while ((item = next(&all, &at)) && count < limit)
		if (item->kind == STATE_WORD && item->size && !((const char *)(item + 1))[item->size - 1])
			words[count++] = (char *)(uintptr_t)(item + 1);
	return count;
}

void state_hand_on(const struct state *s, bool on)
{
	uint32_t at = 0;
	int fd;

	while ((fd = state_next_file(s, &at)) >= 0)
		fcntl(fd, F_SETFD, on ? 0 : FD_CLOEXEC);
}

int state_become(struct state *s, int fd, enum state_mark mark, int asker)
{
	char variable[48], *words[WORDS_MAX + 1] = { NULL };

	state_hand_on(s, true);
	fcntl(fd, F_SETFD, 0);
	words[state_read_words(s, words, WORDS_MAX)] = NULL;
	text_format(variable, sizeof(variable), STATE_VARIABLE "=%d%c%d", fd, mark, asker);
	execve("/proc/self/exe", words, text_environment(environ, variable));
	return fail(-errno, "go on where the last keeper was");
}

/* --- one that was given to us ---------------------------------------------------------- */

static struct state given;
static bool was_given;
enum state_mark state_mark;
int state_asker;

int state_receive(void)
{
	static const char variable[] = STATE_VARIABLE "=";
	const char *at = *environ;
	uint64_t fd = 0, asker = 0;
	int err;

	if (!at || strncmp(at, variable, strlen(variable)))	/* text_environment() has put it first */
		return 0;
	environ++;		/* it is not for the programs that we start */
	at += strlen(variable);
	err = text_number(&at, &fd) || fd > INT32_MAX ? -EPROTO : state_read(&given, (int)fd);
	if (err)
		return fail(err, "go on where another was: " STATE_VARIABLE);
	state_mark = (enum state_mark)*at;
	if (state_mark == STATE_ADOPT && (text_is_number(at + 1, &asker) || fcntl((int)asker, F_SETFD, FD_CLOEXEC) < 0))
		return fail(-EPROTO, "go on where another was");
	state_asker = (int)asker;
	close((int)fd);
	state_hand_on(&given, false);
	was_given = true;
	return 0;
}

struct state *state_given(void)
{
	return was_given ? &given : NULL;
}
