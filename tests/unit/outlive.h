/* SPDX-License-Identifier: MIT */
/*
 * outlive.h - memory of all processes of a test, and of the programs that they become
 *
 * It is where it was when one of them executes the test once more, which is linked so that what lies in the program does
 * so, too. What points to memory of a process's own means nothing then.
 */
#ifndef TESTS_UNIT_OUTLIVE_H
#define TESTS_UNIT_OUTLIVE_H

#include <stdbool.h>
#include <stddef.h>

/* What is called @name, of @size bytes; zeroes the first time. Untouched, it costs nothing. */
void *outlive_get(const char *name, size_t size);
/* This program is one that a process of the test has become. */
bool outlive_is_another(void);

#endif
