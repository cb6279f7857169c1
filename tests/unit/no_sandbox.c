/* SPDX-License-Identifier: MIT */
/* no_sandbox.c - core/sandbox.c for tests, which have other things to lose */
#include <stdatomic.h>

#include "core/sandbox.h"
#include "tests/unit/model.h"

int sandbox_early(void)
{
	return 0;
}

int sandbox_thread(void)
{
	model_sandboxed();
	return 0;
}
