/* SPDX-License-Identifier: MIT */
/*
 * signals.h - signals become numbers read from a descriptor
 *
 * All are blocked before anything else happens, in every process and thread of
 * ours; there is not one handler. The keeper reads them; the worker never does,
 * so what a terminal sends to both reaches the one that knows what to do.
 */
#ifndef CORE_SIGNALS_H
#define CORE_SIGNALS_H

#include <sys/signalfd.h>

/* Block everything, make the descriptor. 0 or -errno, said. */
int signals_block(void);
int signals_fd(void);
void signals_close(void);

/* What arrived: a signal's number, 0 if none. */
int signals_read(struct signalfd_siginfo *event);

/* In a child that becomes another program: as we found them. */
void signals_restore(void);

#endif
