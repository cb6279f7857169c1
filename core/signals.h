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

#include <stdbool.h>

/* Block everything, make the descriptor. 0 or -errno, said. */
int signals_block(void);
int signals_fd(void);
void signals_close(void);

/* What arrived: a signal's number, 0 if none. *@from_user: sent by kill(2), not by a terminal. */
int signals_read(bool *from_user);

/* In a child that becomes another program: as we found them. */
void signals_restore(void);

#endif
