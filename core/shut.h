/* SPDX-License-Identifier: MIT */
/*
 * shut.h - which lock is shut, and how to open it
 *
 * Found in one place and said in two: as the error of who needed it open, and
 * as a line of 'ublk-ctl check'.
 */
#ifndef CORE_SHUT_H
#define CORE_SHUT_H

struct shut {
	int error;		/* a negative errno; 0: it is open */
	char what[300];		/* a sentence */
	char cure[400];		/* "": there is none */
};

/* Returns @error. */
int shut_for(struct shut *shut, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));
void shut_cure(struct shut *shut, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* As the program's own error. Returns shut->error. */
int shut_say(const struct shut *shut);

#endif
