/* SPDX-License-Identifier: MIT */
/* become.h - this program once more, with other words */
#ifndef APPLETS_CTL_BECOME_H
#define APPLETS_CTL_BECOME_H

/* NULL ends them; the first is the name. Returns -errno, said. */
int become(const char *const *words);

#endif
