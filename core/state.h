/* SPDX-License-Identifier: MIT */
/*
 * state.h - what a program must know to go on where another was
 *
 * Each part of a program says in a table which of its numbers, texts and
 * descriptors count. That table is gone through to save and to restore, so the
 * two cannot disagree. What is saved stands in a memory file that is sealed:
 * it can be anybody's, and nobody changes it while it is looked at. Nothing is
 * opened by its path again: descriptors keep their numbers.
 */
#ifndef CORE_STATE_H
#define CORE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STATE_VERSION 1			/* of all tables together: another one for each change in any of them */
#define STATE_VARIABLE "UBLK_STATE"	/* names the descriptor of it to a program that is to go on */
#define STATE_NAME "ublk-state:"	/* of the memory file; STATE_VERSION, ':' and that of the program follow */
#define STATE_LINK "/memfd:" STATE_NAME

enum state_kind {
	STATE_BOOL = 1,
	STATE_NUMBER,			/* of 2, 4 or 8 bytes */
	STATE_FILE,			/* an int: a descriptor, -1 for none; only one table may have it */
	STATE_TEXT,			/* an array with a NUL in it */
	STATE_WORD,			/* of the program's arguments */
	STATE_PART,			/* what follows is of it */
};

struct state_field {
	uint16_t offset;		/* in the struct that the table is about */
	uint8_t kind, size;		/* size 0 ends a table */
};

#define STATE_FIELD(struct_, member, kind_) \
	{ .offset = offsetof(struct_, member), .kind = (kind_), .size = sizeof(((struct_ *)NULL)->member) }
#define STATE_END { .size = 0 }

struct state {
	char *page;
	uint32_t used;			/* bytes */
	bool restoring;
	int error;			/* the first that there was; no more is done then */
};

/* An empty one to save into. Close it in any case. 0 or -errno. */
int state_begin(struct state *state);
void state_close(struct state *state);

/* Save what @fields, NULL for none, tell of @self, or restore it, which sets state->error if something else was saved. */
void state_carry(struct state *state, const char *part, const struct state_field *fields, void *self);
void state_save_words(struct state *state, char *const *words);

/* A memory file for what state_write() is to have in it, sealed. A descriptor or -errno; 0 or -errno. */
int state_file(void);
int state_write(struct state *state, int fd);
/* For who keeps it for others, and could write to it before us: a descriptor instead, or -1, that only reads. */
int state_only_read(int fd);
/* To restore from: a copy, checked. 0; -EPROTO if it is none of ours or of another version; or -errno. */
int state_read(struct state *state, int fd);

/* The descriptors in one that was read: the next behind *@at, 0 to begin with; -1 at the end. And @limit words; their number. */
int state_next_file(const struct state *state, uint32_t *at);
size_t state_read_words(const struct state *state, char **words, size_t limit);

/* Shall what exec() makes of us have the descriptors in it? */
void state_hand_on(const struct state *state, bool on);

/*
 * If STATE_VARIABLE, first in the environment, says that we are to go on: take
 * that, and the variable out of it. 0 or -errno, said. Then state_given() has it.
 */
int state_receive(void);
struct state *state_given(void);

/* What stands behind the number of the descriptor in STATE_VARIABLE. */
extern enum state_mark {
	STATE_BECOME = '\0',		/* the process was another program before */
	STATE_TRY = '?',		/* could we go on? The program ends with STATE_UNDERSTOOD, and touches nothing */
	STATE_KEPT = '+',		/* the same, and what it had was kept by the service manager */
	STATE_ADOPT = '!',		/* the process that knew all that is gone; a pidfd of who waits for us follows */
} state_mark;
extern int state_asker;			/* that pidfd */
#define STATE_UNDERSTOOD 86

/*
 * Become the program that goes on with @state, which is in @fd, by its own
 * words; all descriptors that it names have their numbers. @asker counts for
 * STATE_ADOPT. Returns -errno, said.
 */
int state_become(struct state *state, int fd, enum state_mark mark, int asker);
#define STATE_ASIDE 512			/* descriptors from here on are none that a state names */

#endif
