/* SPDX-License-Identifier: MIT */
/* util.h - the handful of things every file wants */
#ifndef CORE_UTIL_H
#define CORE_UTIL_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Repeat a system call that a signal interrupted. Yields what it returned. */
#define RETRY(call) ({ \
	__typeof__(call) retry_; \
	do { retry_ = (call); } while (retry_ < 0 && errno == EINTR); \
	retry_; })

static inline uint64_t min_u64(uint64_t a, uint64_t b) { return a < b ? a : b; }
static inline uint64_t max_u64(uint64_t a, uint64_t b) { return a > b ? a : b; }

/* @to is a power of two. The caller knows that rounding up cannot overflow. */
static inline uint64_t round_up(uint64_t n, uint64_t to) { return (n + to - 1) & ~(to - 1); }
static inline uint64_t round_down(uint64_t n, uint64_t to) { return n & ~(to - 1); }
static inline bool is_power_of_two(uint64_t n) { return n && !(n & (n - 1)); }

/* Position of the highest bit of @n, which is not 0. */
static inline unsigned log2_u64(uint64_t n) { return 63 - (unsigned)__builtin_clzll(n); }

/* A mistake of ours, not of the kernel's or the user's: better no server than a wrong one. Stays in every build. */
#define must(condition) do { if (__builtin_expect(!(condition), 0)) must_failed(#condition, __FILE__, __LINE__); } while (0)
__attribute__((noreturn, cold)) void must_failed(const char *condition, const char *file, int line);

/* Bytes in a page of memory. */
uint64_t page_size(void);

/* Zeroed memory of whole pages, straight from the kernel: nothing here allocates often. NULL: there is none. */
void *pages_get(size_t bytes);
void pages_free(void *pages, size_t bytes);

/* Pointers travel through the kernel's ABI as 64-bit numbers. */
static inline uint64_t ptr_to_u64(const void *p) { return (uint64_t)(uintptr_t)p; }

/* Milliseconds, of a clock that nobody sets. */
int64_t now_ms(void);

#endif
