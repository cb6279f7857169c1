/* SPDX-License-Identifier: MIT */
/*
 * silence.c - takes the place of core/log.c, where messages are made, so that what they are made of is read, and not
 * shown
 */
#include "core/text.h"
#include "tests/fake_log.h"

int log_level = LOG_TRACE;

static void heard(const char *format, va_list args)
{
	char line[1024];

	text_vformat(line, sizeof(line), format, args);
}

void log_prepare_leave(void) { }
void log_leave_to_kernel(void) { }
