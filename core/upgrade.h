/* SPDX-License-Identifier: MIT */
/*
 * upgrade.h - how ublk-ctl and a keeper talk about going on as another program
 *
 * There is no socket and no file: the program that is to go on sends a signal,
 * the keeper looks at who has sent it, becomes that program, and answers with
 * another, which has a value. A real-time signal, since of the others only one
 * is kept when several come.
 */
#ifndef CORE_UPGRADE_H
#define CORE_UPGRADE_H

#include <stdbool.h>
#include <sys/signalfd.h>

#define UPGRADE_SIGNAL 40		/* SIGRTMIN+6, which each C library counts from another number */
#define UPGRADE_ASKER "ublk-upgrade"	/* is called so: of others the signal means nothing */

/* Ask whoever is behind @pidfd: 0 or -errno. From here on we have that name. */
int upgrade_ask(int pidfd);
/* Is it the answer? Then *@error is what was answered. */
bool upgrade_answered(const struct signalfd_siginfo *event, int *error);

#endif
