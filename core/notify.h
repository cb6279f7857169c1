/* SPDX-License-Identifier: MIT */
/*
 * notify.h - say that the device is ready, to everyone who wants to know
 *
 * Ready means: started, and its node can be opened. The outlets are a line on
 * stdout (which is then closed, so that $(...) returns), --ready-fd,
 * --pidfile, NOTIFY_SOCKET, and the parent that --background left waiting.
 */
#ifndef CORE_NOTIFY_H
#define CORE_NOTIFY_H

#include "core/spec.h"

/*
 * --background: fork; the parent waits in here and exits with the status that
 * notify_ready() or notify_failed() hands it. Returns in the child. -errno, said.
 */
int notify_background(void);

/* Remember the directory of --pidfile, before anybody changes into another. 0 or -errno, said. */
int notify_open(const struct spec *spec);

/* Save what there is of it, or restore that, where another program has been ready long ago. 0, or what is wrong with it. */
struct state;
int notify_carry(struct state *state, const struct spec *spec);

/* All outlets. @path: of the block device. 0, or -errno after saying which failed. */
int notify_ready(const struct spec *spec, const char *path);

/* NOTIFY_SOCKET: tell it, and send @fd along if that is one. Nobody there is no error. */
void notify_manager(const char *message, int fd);

/* NOTIFY_SOCKET: what is under way takes longer, at least until this is said again within NOTIFY_AGAIN_MS. */
#define NOTIFY_AGAIN_MS 10000
void notify_longer(void);

/* The waiting parent, if there still is one, exits with @status. */
void notify_failed(int status);

/* NOTIFY_SOCKET: going down. The pidfile goes. */
void notify_stopping(void);
void notify_close(void);

/* In the background, when there is no more to say to who started us: let go of what we have from there. */
void notify_leave(void);
/* For who will not be able to open anything then. */
void notify_prepare_leave(void);

/* In a process that has nothing to say: let go of the descriptors, or of those alone that somebody waits for. */
void notify_forget(bool all);

#endif
