/* SPDX-License-Identifier: MIT */
/*
 * silence.c - takes the place of core/log.c, where messages are made, so that what they are made of is read, and not
 * shown; and of core/sandbox.c, for a fuzzer has other things to lose
 */
#include "core/sandbox.h"
#include "core/text.h"
#include "tests/fake_log.h"

int log_level = LOG_TRACE;

static void heard(const char *format, va_list args)
{
	char line[1024];

	text_vformat(line, sizeof(line), format, args);
}

void log_prepare_leave(void) { }

int sandbox_early(struct sandbox *sandbox) { (void)sandbox; return 0; }
int sandbox_thread(struct sandbox *sandbox) { (void)sandbox; return 0; }
int sandbox_process(struct sandbox *sandbox, enum sandbox_stage stage) { (void)sandbox; (void)stage; return 0; }
void sandbox_without(struct sandbox *sandbox, enum sandbox_part part, int error) { (void)sandbox; (void)part; (void)error; }
