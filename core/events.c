/* SPDX-License-Identifier: MIT */
/* events.c - waiting for all that can happen to a keeper, at once */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/keeping.h"
#include "core/log.h"
#include "core/signals.h"
#include "core/stats.h"
#include "core/upgrade.h"
#include "core/util.h"

#define REPORTS_MAX 5			/* an honest worker has no more to say */

void events_tell_stats(const struct keeper *k)
{
	char line[512];

	if (!k->device.stats.page || stats_line(k->device.stats.fd, line, sizeof(line)))
		note("nothing is counted");
	else
		note("%s", line);
}

static void take_timer(struct keeper *k)
{
	uint64_t expired;

	if (RETRY(read(k->stats_timer, &expired, sizeof(expired))) == sizeof(expired))
		events_tell_stats(k);
}

static void take_signal(struct keeper *k)
{
	struct signalfd_siginfo event;
	int sig;

	while ((sig = signals_read(&event))) {
		if (sig == SIGUSR1)
			events_tell_stats(k);
		if (sig == UPGRADE_SIGNAL)
			upgrade_asked(k, &event);
		if (k->spec->root && k->ready)
			continue;
		if (sig == SIGHUP && k->ignore_hangup)
			continue;
		if (sig != SIGINT && sig != SIGTERM && sig != SIGHUP)
			continue;
		k->stops++;
		/*
		 * What a terminal sends, it sends to the command as well; what kill(1) sends, it does not. That has
		 * a code of SI_USER, SI_QUEUE or SI_TKILL; the kernel's own are positive.
		 */
		if (event.ssi_code <= 0 && k->command.pid && !k->command.ended)
			kill(k->command.pid, sig);
	}
}

int child_watch(struct child *child)
{
	child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
	return child->pidfd < 0 ? fail(-errno, "watch process %d", (int)child->pid) : 0;
}

void child_kill(const struct child *child)
{
	if (child->pidfd >= 0)
		syscall(SYS_pidfd_send_signal, child->pidfd, SIGKILL, NULL, 0);
	else if (child->pid && !child->ended)	/* it cannot be watched */
		kill(child->pid, SIGKILL);
}

void worker_kill(struct keeper *k, const char *why)
{
	if (!k->worker.pid || k->worker.ended)
		return;
	warn("killing the server process %d: %s", (int)k->worker.pid, why);
	child_kill(&k->worker);
	k->killed = true;
}

/* The worker may have been taken over: of what it says only what fits is believed. */
static void take_report(struct keeper *k, const struct report *message)
{
	if (message->kind < REPORT_PREPARED || message->kind > REPORT_FINISHED || message->error > 0)
		return;
	k->report = *message;
	if (message->kind == REPORT_FETCHED)
		k->fetched = true;
	if (message->kind == REPORT_STOPPED)
		worker_left(k);
	if (message->kind == REPORT_FINISHED) {
		k->finished = true;
		k->finish_error = message->error;
		if (message->error && !k->error)
			k->error = message->error;
	}
}

/* All that it has said so far. True if there was anything. */
static bool take_reports(struct keeper *k)
{
	struct report message;
	bool any = false;
	ssize_t n = 0;

	while (k->reports <= REPORTS_MAX &&
	       (n = RETRY(recv(k->pipe, &message, sizeof(message), MSG_DONTWAIT))) == (ssize_t)sizeof(message)) {
		take_report(k, &message);
		k->reports++;
		any = true;
	}
	if (k->reports > REPORTS_MAX)	/* it was taken over, and shall not keep us busy */
		worker_kill(k, "it talks nonsense");
	if (k->reports > REPORTS_MAX || n >= 0 || errno == ECONNRESET) {	/* its end is closed; anything else passes */
		close(k->pipe);
		k->pipe = -1;
	}
	return any;
}

void child_reap(struct child *child)
{
	if (RETRY(waitpid(child->pid, &child->status, 0)) < 0)
		child->status = 0;
	child->ended = true;
	close(child->pidfd);
	child->pidfd = -1;
}

unsigned int events_wait(struct keeper *k, int limit_ms)
{
	enum { SIGNALS, PIPE, WORKER, COMMAND, CTRL, WATCH, SPARER, HELPER, LEAVER, TIMER, FDS };
	struct pollfd ready[FDS] = {
		[SIGNALS] = { .fd = signals_fd(), .events = POLLIN },
		[PIPE] = { .fd = k->pipe, .events = POLLIN },
		[WORKER] = { .fd = k->worker.pidfd, .events = POLLIN },
		[COMMAND] = { .fd = k->command.pidfd, .events = POLLIN },
		[SPARER] = { .fd = k->sparer.pidfd, .events = POLLIN },
		[HELPER] = { .fd = k->helper.pidfd, .events = POLLIN },
		[LEAVER] = { .fd = k->leaver.pidfd, .events = POLLIN },
		[WATCH] = { .fd = k->watch, .events = POLLIN },
		[TIMER] = { .fd = k->stats_timer, .events = POLLIN },
		[CTRL] = { .fd = k->ctrl.pending ? ctrl_poll_fd(&k->ctrl) : -1, .events = POLLIN },
	};
	unsigned int seen;

	if (RETRY(poll(ready, FDS, limit_ms)) <= 0)
		return 0;
	seen = SAW_ANYTHING;
	if (ready[SIGNALS].revents) {
		take_signal(k);
		seen |= SAW_SIGNAL;
	}
	if (ready[PIPE].revents && take_reports(k))
		seen |= SAW_REPORT;
	if (ready[WORKER].revents) {
		if (k->pipe >= 0 && take_reports(k))	/* its last words first */
			seen |= SAW_REPORT;
		child_reap(&k->worker);
		seen |= SAW_WORKER_END;
	}
	if (ready[COMMAND].revents) {
		child_reap(&k->command);
		seen |= SAW_COMMAND_END;
	}
	if (ready[SPARER].revents)
		child_reap(&k->sparer);
	if (ready[HELPER].revents)
		child_reap(&k->helper);
	if (ready[LEAVER].revents)
		child_reap(&k->leaver);
	if (ready[WATCH].revents) {	/* one event is as good as many */
		close(k->watch);
		k->watch = -1;
		k->used = true;
	}
	if (ready[TIMER].revents)
		take_timer(k);
	if (ready[CTRL].revents) {
		k->result = ctrl_result(&k->ctrl);
		if (k->result != -EAGAIN)
			seen |= SAW_RESULT;
	}
	return seen;
}

int events_wait_ctrl(struct keeper *k, int limit_ms)
{
	int64_t end = now_ms() + limit_ms;
	bool killed = false;

	while (k->ctrl.pending) {
		int64_t left = end - now_ms();
		bool told = k->stops > 2 && !killed;	/* perhaps before there was anything to wait for */
		unsigned int seen = left > 0 ? events_wait(k, told ? 0 : (int)left) : 0;

		if (seen & SAW_RESULT)
			return k->result;
		if (left > 0 && !told)
			continue;
		if (killed)
			return -ETIMEDOUT;
		worker_kill(k, k->stops > 2 ? "as told" : "it does not answer");
		killed = true;
		end = now_ms() + KILLED_MS;
	}
	return k->result;
}

void child_end(struct keeper *k, const struct child *child)
{
	int64_t end = now_ms() + KILLED_MS;

	while (child->pid && !child->ended && now_ms() < end)
		events_wait(k, (int)(end - now_ms()));
}
