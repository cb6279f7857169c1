/* SPDX-License-Identifier: MIT */
/*
 * step.h - a life is a list, and teardown is the list read backwards
 *
 * Going up stops at the first failure; coming down runs every "down" from
 * there back, including the one of the step that failed, so a down must cope
 * with half a job and nobody else cleans up.
 */
#ifndef CORE_STEP_H
#define CORE_STEP_H

struct step {
	const char *name;		/* completes "cannot ..."; NULL ends the list */
	int (*up)(void *self);		/* 0, or -errno after saying why */
	void (*down)(void *self);	/* may be NULL */
};

/* Returns 0 or the error of the step that failed. *@reached is for steps_down(). */
int steps_up(const struct step *steps, void *self, int *reached);
void steps_down(const struct step *steps, void *self, int reached);

#endif
