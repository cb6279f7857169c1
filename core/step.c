/* SPDX-License-Identifier: MIT */
/* step.c - up the list and down again */
#include <stddef.h>

#include "core/log.h"
#include "core/step.h"

int steps_up(const struct step *steps, void *self, int *reached)
{
	for (*reached = 0; steps[*reached].name; ++*reached) {
		int err;

		info("%s", steps[*reached].name);
		err = steps[*reached].up(self);
		if (err)
			return err;
	}
	--*reached;
	return 0;
}

void steps_down(const struct step *steps, void *self, int reached)
{
	for (; reached >= 0; reached--) {
		if (!steps[reached].down)
			continue;
		info("undo: %s", steps[reached].name);
		steps[reached].down(self);
	}
}
