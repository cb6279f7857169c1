/* SPDX-License-Identifier: MIT */
/* sort.h - numbers of things, put in the order of the things */
#ifndef APPLETS_ZIP_SORT_H
#define APPLETS_ZIP_SORT_H

#include <stddef.h>
#include <stdint.h>

typedef int sort_order(const void *things, uint32_t a, uint32_t b);

/*
 * Stable, and next to nothing when they are in order already, as archives
 * mostly are; musl's qsort() is neither. @spare has room for @count, too.
 */
void sort_numbers(uint32_t *numbers, size_t count, uint32_t *spare, sort_order *order, const void *things);

#endif
