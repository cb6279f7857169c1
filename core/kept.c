/* SPDX-License-Identifier: MIT */
/* kept.c - descriptors to the service manager, and back */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/kept.h"
#include "core/log.h"
#include "core/notify.h"
#include "core/proc.h"
#include "core/state.h"
#include "core/text.h"
#include "core/util.h"

#define OURS "ublk"
#define FILE_NAME OURS "."		/* and the number that it has with us */
#define STATE_NAME_OF OURS "-state."	/* and the number of the process */
#define FIRST 3				/* where what we are given begins */

static char names[1024];		/* of all that is kept, with a ':' behind each */

static void give(int fd, const char *prefix, int number)
{
	char message[80];

	text_format(message, sizeof(message), "FDSTORE=1\nFDPOLL=0\nFDNAME=%s%d\n", prefix, number);
	notify_manager(message, fd);
	text_format(names + strlen(names), (unsigned int)(sizeof(names) - strlen(names)), "%s%d:", prefix, number);
}

/* The next of @names, which end with ':' or with the text. */
static size_t name_length(const char *name)
{
	return strcspn(name, ":");
}

static void take_back(const char *name)
{
	char message[80];

	text_format(message, sizeof(message), "FDSTOREREMOVE=1\nFDNAME=%.*s\n", (int)name_length(name), name);
	notify_manager(message, -1);
}

void kept_forget(void)
{
	const char *given = getenv("LISTEN_FDNAMES"), *at = *names || !given ? names : given;

	for (; *at; at += name_length(at), at += *at == ':')
		if (!strncmp(at, OURS, strlen(OURS)))
			take_back(at);
}

void kept_give(const struct state *state, int fd)
{
	char name[40];
	uint32_t at = 0;
	int file;

	if (*names)		/* nothing of it changes while we are the same program */
		return;
	text_format(name, sizeof(name), STATE_NAME_OF "%d", getpid());
	take_back(name);
	while ((file = state_next_file(state, &at)) >= 0)
		give(file, FILE_NAME, file);
	give(fd, STATE_NAME_OF, getpid());
}

/* --- back ------------------------------------------------------------------------------- */

/* The number behind @prefix in a name; 0: it is none of those. */
static int number_in(const char *name, const char *prefix)
{
	uint64_t number;

	if (strncmp(name, prefix, strlen(prefix)))
		return 0;
	name += strlen(prefix);
	return text_number(&name, &number) || number >= STATE_ASIDE || (*name && *name != ':') ? 0 : (int)number;
}

/* All of them aside, and then those that are ours where they were. That of the state; -1 if there is none. */
static int arrange(const char *given, int *keeper)
{
	int count = 0, state = -1;
	const char *at = given;

	for (; *at; at += name_length(at), at += *at == ':', count++) {
		int fd = fcntl(FIRST + count, F_DUPFD_CLOEXEC, STATE_ASIDE + count);

		if (fd != STATE_ASIDE + count)
			return -1;
		close(FIRST + count);
		if (!strncmp(at, STATE_NAME_OF, strlen(STATE_NAME_OF)))
			state = fd;
	}
	for (at = given, count = 0; *at; at += name_length(at), at += *at == ':', count++) {
		int number = number_in(at, FILE_NAME);
		const char *process = at + strlen(STATE_NAME_OF);
		uint64_t pid;

		if (number >= FIRST)
			dup2(STATE_ASIDE + count, number);
		if (state == STATE_ASIDE + count && text_number(&process, &pid) == 0 && pid < INT32_MAX)
			*keeper = (int)pid;
	}
	return state;
}

int kept_receive(void)
{
	const char *pid = getenv("LISTEN_PID"), *given = getenv("LISTEN_FDNAMES");
	char message[40];
	uint64_t number;
	struct pollfd ended = { .events = POLLIN };
	struct state state;
	int keeper = 0, fd, err;
	pid_t us = getpid();

	if (!pid || !given || text_is_number(pid, &number) || number != (uint64_t)us || !text_has(given, STATE_NAME_OF))
		return 0;
	fd = arrange(given, &keeper);
	err = state_read(&state, fd);
	if (err)
		return fail(err, "take what the last keeper left with the service manager");
	ended.fd = (int)syscall(SYS_pidfd_open, us, 0);
	err = proc_fork_as(keeper, true);	/* the manager is to see it end */
	if (!err) {
		poll(&ended, 1, 10000);		/* until the manager has been told who we are, and then believes what we say */
		return state_become(&state, fd, STATE_KEPT, 0);
	}
	if (err < 0)
		return fail(err, "start a process with the number %d of the last keeper", keeper);
	text_format(message, sizeof(message), "MAINPID=%d\n", keeper);
	notify_manager(message, -1);
	_exit(0);
}
