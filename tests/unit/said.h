/* SPDX-License-Identifier: MIT */
/* said.h - core/log.c for tests: nothing is printed, all is remembered */
#ifndef TESTS_UNIT_SAID_H
#define TESTS_UNIT_SAID_H

#include <stdbool.h>

/* Was @part in a message since the last said_nothing()? */
bool said(const char *part);
/* Forget. Returns how many messages there were. */
int said_nothing(void);

#endif
