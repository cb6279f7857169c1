/* SPDX-License-Identifier: MIT */
/* no_sandbox.c - core/sandbox.c for tests, which have other things to lose */
#include <stdatomic.h>

#include "core/sandbox.h"

/* Where there is a model of the kernel, it is told. */
int model_sandboxed(void) __attribute__((weak));

int sandbox_early(struct sandbox *sandbox)
{
	(void)sandbox;
	return 0;
}

int sandbox_thread(struct sandbox *sandbox)
{
	(void)sandbox;
	return model_sandboxed ? model_sandboxed() : 0;
}

int sandbox_process(struct sandbox *sandbox, enum sandbox_stage stage)
{
	(void)sandbox;
	(void)stage;
	return 0;
}

void sandbox_without(struct sandbox *sandbox, enum sandbox_part part, int error)
{
	(void)error;
	sandbox->lacks |= (uint32_t)part;
}
