/* SPDX-License-Identifier: MIT */
/*
 * life.h - lives of the whole program over the model of the kernel, from its options to its exit status
 *
 * Keeper and server are processes, which get signals and die, under random requests whose answers are compared with a
 * reference. One life at a time.
 */
#ifndef TESTS_UNIT_LIFE_H
#define TESTS_UNIT_LIFE_H

#include "tests/unit/load.h"
#include "tests/unit/model.h"

#define QUEUES 2
#define DEPTH 8
#define MAX_IO (64U << 10)
#define SIZE (4U << 20)

#define NEWEST (&model_kernels[5])
#define EVERY_KERNEL(kernel) (const struct model_kernel *kernel = model_kernels; kernel->name; kernel++)

/* A directory of its own, with what stands for nodes, an image and an archive; in the end there must be nothing else. */
extern char life_dir[], life_image[64], life_archive[64];
void life_make_place(void);
void life_leave_place(void);

#define LIFE_KINDS 5
enum { MEM, NULL_DISK, ON_FILE, OVER_FILE, OF_ZIP };
extern const struct disk_kind {
	const char *name;
	enum load_disk disk;
	const char *words[6];
} life_kinds[LIFE_KINDS];

struct life {
	const char *words[12];		/* of the command line, after those of all */
	struct model_plan model;
	struct load *load;
	pid_t keeper;
	int status;			/* how it ended */
	int out;			/* its standard output */
};

/* First of all in main(): a process of the program's that has executed this test goes on as the program, to its end. */
void life_go_on(int argc, char **argv);
struct life life_of(const struct disk_kind *kind, const struct model_kernel *kernel);
void life_add_word(struct life *life, const char *word);
struct load *life_load(const struct disk_kind *kind, uint64_t requests, bool may_fail);
void life_begin(struct life *life);
/* Until it says that the disk is there; false: it has ended, or hangs. */
bool life_is_ready(const struct life *life);
bool life_is_there(const struct life *life);	/* it has not ended */
void life_tell(const struct life *life, int sig);
/* What the keeper answers, as ublk-ctl would be: 0 or an errno. */
int life_ask(const struct life *life, const char *what);
/* The same in two steps: who asks does @before in his process, if that is not NULL, and can be waited for. */
pid_t life_ask_begin(const struct life *life, const char *what, void (*before)(void));
int life_answer(pid_t asker);
/* And for who asks in another way, in a process of its own: a descriptor, and what has come there. */
int life_listen(void);
int life_await_answer(int fd);
/* The program's main(). */
int ublk_main(int argc, char **argv);
/* Its exit status; -1: it does not end. */
int life_end(struct life *life);
/* It is told to, and has nothing to complain of. */
void life_end_well(struct life *life);
/* What the program has said on standard error, and whether it has said so. */
const char *life_words(void);
bool life_told(const char *words);
/* To say something there. */
int life_says(void);
/* All that is to be said of a life under load. */
void life_check_load(struct life *life, const char *name);

#endif
