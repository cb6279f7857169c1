/* SPDX-License-Identifier: MIT */
/*
 * stay.c - a keeper that stays what it is
 *
 * In a program without ctl this takes the place of upgrade.c, leaving.c,
 * state.c and kept.c. Nobody could ask it to be another program, nor have that
 * adopt its disk; should the ctl of another ask, the answer is no.
 */
#include <errno.h>

#include "core/keeping.h"
#include "core/kept.h"
#include "core/log.h"
#include "core/proc.h"
#include "core/state.h"
#include "core/upgrade.h"

enum state_mark state_mark;

int upgrade_receive(void) { return 0; }
struct state *state_given(void) { return NULL; }
int upgrade_resume(struct keeper *k) { return k->error; }
void upgrade_prepare(struct keeper *k) { (void)k; }
void upgrade_leave(struct keeper *k) { (void)k; }
void upgrade_publish(struct keeper *k) { (void)k; }
void upgrade_do(struct keeper *k) { (void)k; }
void upgrade_answer(struct keeper *k, int error) { (void)k; (void)error; }
void kept_forget(void) {}

/* Nobody will ask for it: it is served again at once. */
void upgrade_hold(struct keeper *k)
{
	k->held = false;
}

void upgrade_asked(struct keeper *k, const struct signalfd_siginfo *event)
{
	char name[PROC_NAME_MAX];
	int asker = upgrade_asker(event, name);

	(void)k;
	if (asker < 0)
		return;
	note("no %s: this program was made without ctl", name);
	upgrade_reply(asker, -EOPNOTSUPP);
}
