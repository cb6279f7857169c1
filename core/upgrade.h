/* SPDX-License-Identifier: MIT */
/*
 * upgrade.h - how ublk-ctl and a keeper talk: of going on as another program, and of a pause
 *
 * There is no socket and no file: the program that is to go on sends a signal,
 * the keeper looks at who has sent it, becomes that program, and answers with
 * another, which has a value. A real-time signal, since of the others only one
 * is kept when several come. What is wanted is how the process is called that
 * has sent it; from anybody else the signal means nothing.
 */
#ifndef CORE_UPGRADE_H
#define CORE_UPGRADE_H

#include <stdbool.h>
#include <sys/signalfd.h>

#define UPGRADE_SIGNAL 40		/* SIGRTMIN+6, which each C library counts from another number */
#define UPGRADE_ASKER "ublk-upgrade"	/* go on as the program that asks */
#define QUIESCE_ASKER "ublk-quiesce"	/* have the disk wait */
#define RECOVER_ASKER "ublk-recover"	/* and no longer */

/* --- asking.c */

/* Ask whoever is behind @pidfd, as who @asker: 0 or -errno. From here on we have that name. */
int upgrade_ask(int pidfd, const char *asker);
/* Is it the answer? Then *@error is what was answered. */
bool upgrade_answered(const struct signalfd_siginfo *event, int *error);

/* A pidfd of who has sent it, if he is called as an asker is, and @name is that; else -1. */
int upgrade_asker(const struct signalfd_siginfo *event, char *name);
/* Answer him, with 0 or -errno, and let go of him. */
void upgrade_reply(int pidfd, int error);

/* --- upgrade.c, or stay.c in a program without ctl */

/* Were we started to go on where another was? Then state_given() has what it left. 0 or -errno, said. */
int upgrade_receive(void);

#endif
