/* SPDX-License-Identifier: MIT */
/* said.c - takes the place of core/log.c */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "tests/fake_log.h"
#include "tests/unit/said.h"

int log_level = LOG_NORMAL;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char all[1 << 16];
static size_t used;
static int messages;

static void heard(const char *format, va_list args)
{
	pthread_mutex_lock(&lock);
	if (used < sizeof(all)) {
		used += (size_t)vsnprintf(all + used, sizeof(all) - used, format, args);
		messages++;
	}
	if (used < sizeof(all))
		used += (size_t)snprintf(all + used, sizeof(all) - used, "\n");
	pthread_mutex_unlock(&lock);
}

bool said(const char *part)
{
	bool found;

	pthread_mutex_lock(&lock);
	found = strstr(all, part);
	pthread_mutex_unlock(&lock);
	return found;
}

int said_nothing(void)
{
	int count;

	pthread_mutex_lock(&lock);
	count = messages;
	messages = 0;
	used = 0;
	all[0] = '\0';
	pthread_mutex_unlock(&lock);
	return count;
}
