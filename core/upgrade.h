/* SPDX-License-Identifier: MIT */
/*
 * upgrade.h - how ublk-ctl and a keeper talk about going on as another program
 *
 * There is no socket and no file: the program that is to go on sends a signal
 * with a value, the keeper looks at who has sent it, becomes that program, and
 * answers in the same way. A real-time signal, since of the others only one is
 * kept when several come.
 */
#ifndef CORE_UPGRADE_H
#define CORE_UPGRADE_H

#include <stdbool.h>
#include <sys/signalfd.h>

#define UPGRADE_SIGNAL 40		/* SIGRTMIN+6, which each C library counts from another number */

/* Ask whoever is behind @pidfd, with 0, or answer: 0 or -errno. */
int upgrade_send(int pidfd, int error);
/* Was it sent so? Then *@error is what was sent. */
bool upgrade_sent(const struct signalfd_siginfo *event, int *error);

#endif
