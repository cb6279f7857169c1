/* SPDX-License-Identifier: MIT */
/*
 * upgrade.c - the keeper goes on as another program
 *
 * The worker serves meanwhile, and is the child of the new program as it was of
 * the old: exec() changes neither the process nor its children. The new one
 * then has a worker of its own made, and the old one leaves when that has all
 * but the device.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/keeping.h"
#include "core/kept.h"
#include "core/log.h"
#include "core/notify.h"
#include "core/proc.h"
#include "core/region.h"
#include "core/state.h"
#include "core/text.h"
#include "core/upgrade.h"
#include "core/user.h"
#include "core/util.h"
#include "core/words.h"

#define TRIAL_MS 10000

/* --- who asks ------------------------------------------------------------------------ */

void upgrade_answer(struct keeper *k, int error)
{
	if (k->asker < 0)
		return;
	upgrade_reply(k->asker, error);
	k->asker = -1;
}

static bool same_field(const char *status, const char *field)
{
	char his[80], own[80];

	return proc_read_field(status, field, his, sizeof(his)) == 0 &&
	       proc_read_field("/proc/self/status", field, own, sizeof(own)) == 0 && !strcmp(his, own);
}

/*
 * Who may send signals may not have us run a program of his for that: as for
 * looking into us he must be who we are, and may do what we may, which counts
 * where we are.
 */
static bool may_ask(int pid)
{
	char path[40];
	struct stat his, own;

	text_format(path, sizeof(path), "/proc/%d/ns/user", pid);
	if (stat(path, &his) < 0 || stat("/proc/self/ns/user", &own) < 0 || his.st_ino != own.st_ino)
		return false;
	text_format(path, sizeof(path), "/proc/%d/status", pid);
	return same_field(path, "Uid") && same_field(path, "Gid") &&
	       !(proc_capabilities("/proc/self/status", "CapPrm") & ~proc_capabilities(path, "CapPrm"));
}

/* What the process behind @asker, whose number is @pid as long as that can be sent signals, is running. */
static int open_program(int asker, int pid)
{
	char path[40];
	int fd;

	if (!may_ask(pid))
		return -EPERM;
	text_format(path, sizeof(path), "/proc/%d/exe", pid);
	fd = RETRY(open(path, O_RDONLY | O_CLOEXEC));
	if (fd < 0)
		return -errno;
	if (syscall(SYS_pidfd_send_signal, asker, 0, NULL, 0) == 0)
		return fd;
	close(fd);
	return -ESRCH;
}

static int check_asked(struct keeper *k, int asker, int pid)
{
	if (!(k->device.features.granted & UBLK_F_USER_RECOVERY_REISSUE))
		return -EOPNOTSUPP;
	k->program = open_program(asker, pid);
	return k->program < 0 ? k->program : 0;
}

/* 0: it is answered when that is done; 1: there is nothing to do; -errno. */
static int take_asked(struct keeper *k, int asker, int pid, const char *what)
{
	bool waits = k->held && k->worker.ended, recover = !strcmp(what, RECOVER_ASKER);

	if (recover && !waits && k->asker < 0 && may_ask(pid))		/* its server may be about to end */
		k->held = false;
	if (waits != recover && (recover || !strcmp(what, QUIESCE_ASKER)))
		return 1;
	if (!k->calm || k->stops || k->asker >= 0 || waits != recover)
		return -EBUSY;
	if (!strcmp(what, UPGRADE_ASKER))
		return check_asked(k, asker, pid);
	if (!may_ask(pid))
		return -EPERM;
	if (!(k->device.features.granted & UBLK_F_QUIESCE))
		return -EOPNOTSUPP;
	k->held = true;
	return 0;
}

void upgrade_asked(struct keeper *k, const struct signalfd_siginfo *event)
{
	char name[PROC_NAME_MAX];
	int asker = upgrade_asker(event, name), err;

	if (asker < 0) {
		note("signal %d alone means nothing; 'ublk-ctl upgrade %" PRIu32 "' has this server replaced", UPGRADE_SIGNAL,
		     k->device.info.dev_id);
		return;
	}
	err = take_asked(k, asker, (int)event->ssi_pid, name);
	if (!err) {
		k->asker = asker;
		return;
	}
	if (err < 0)
		info("no %s: %s", name, strerror(-err));
	upgrade_reply(asker, err < 0 ? err : 0);
}

void upgrade_hold(struct keeper *k)
{
	while (k->held && !k->stopped && !k->stops && !k->command.ended && k->asker < 0) {
		k->calm = true;
		events_wait(k, RECHECK_MS);
		k->calm = false;
		k->stopped = keeper_disk_is_gone(k);
	}
}

/* --- what is carried --------------------------------------------------------------------- */

#define CHILD(member) \
	STATE_FIELD(struct keeper, member.pid, STATE_NUMBER), \
	STATE_FIELD(struct keeper, member.pidfd, STATE_FILE), \
	STATE_FIELD(struct keeper, member.ended, STATE_BOOL)

static const struct state_field keeper_carried[] = {
	STATE_FIELD(struct keeper, device.info.dev_id, STATE_NUMBER),
	STATE_FIELD(struct keeper, disk.size, STATE_NUMBER),
	STATE_FIELD(struct keeper, disk.sector_size, STATE_NUMBER),
	STATE_FIELD(struct keeper, disk.discard_size, STATE_NUMBER),
	STATE_FIELD(struct keeper, disk.physical_size, STATE_NUMBER),
	STATE_FIELD(struct keeper, disk.optimal_size, STATE_NUMBER),
	STATE_FIELD(struct keeper, disk.dma_size, STATE_NUMBER),
	STATE_FIELD(struct keeper, disk.read_only, STATE_BOOL),
	STATE_FIELD(struct keeper, disk.write_cache, STATE_BOOL),
	STATE_FIELD(struct keeper, disk.rotational, STATE_BOOL),
	STATE_FIELD(struct keeper, disk.shared, STATE_BOOL),
	STATE_FIELD(struct keeper, disk.hurried, STATE_BOOL),
	STATE_FIELD(struct keeper, char_made, STATE_BOOL),
	STATE_FIELD(struct keeper, block_made, STATE_BOOL),
	STATE_FIELD(struct keeper, used, STATE_BOOL),
	STATE_FIELD(struct keeper, score_found, STATE_TEXT),
	STATE_FIELD(struct keeper, name, STATE_FILE),
	STATE_FIELD(struct keeper, pipe, STATE_FILE),
	STATE_FIELD(struct keeper, asker, STATE_FILE),
	STATE_FIELD(struct keeper, watch, STATE_FILE),
	STATE_FIELD(struct keeper, stats_timer, STATE_FILE),
	STATE_FIELD(struct keeper, device.stats.fd, STATE_FILE),
	STATE_FIELD(struct keeper, device.region.fd, STATE_FILE),
	CHILD(worker),
	CHILD(command),
	CHILD(sparer),
	STATE_END
};

static void carry(struct keeper *k, struct state *s)
{
	const struct applet *applet = k->spec->applet;

	state_carry(s, applet->name, keeper_carried, k);
	state_carry(s, "disk", applet->backend->carried, applet->self);
}

static int save(struct keeper *k, struct state *s, int fd)
{
	int err = state_begin(s);

	if (err)
		return err;
	carry(k, s);
	notify_carry(s, k->spec);
	state_save_words(s, words_noted());
	return state_write(s, fd);
}

/* The name is how others see that it is kept. No worker's number, nor what leads to it, is of use when it is gone. */
static void keep(struct keeper *theirs)
{
	struct state state = { 0 };
	int fd = state_file();

	theirs->pipe = -1;
	theirs->worker = (struct child){ .pidfd = -1, .ended = true };
	if (save(theirs, &state, fd) == 0)
		kept_give(&state, fd);
	state_close(&state);
	close(fd);
}

void upgrade_prepare(struct keeper *k)
{
	if (k->state_fd >= 0)
		close(k->state_fd);
	k->state_fd = k->spec->recovery == RECOVERY_REISSUE ? state_file() : -1;
}

void upgrade_leave(struct keeper *k)
{
	if (k->state_fd >= 0)
		k->state_fd = state_only_read(k->state_fd);
}

/*
 * For those who find nothing but the worker, which has all descriptors that
 * there were when it was made: what was opened since then they do without.
 */
void upgrade_publish(struct keeper *k)
{
	const struct child none = { .pidfd = -1 };
	struct keeper theirs = *k;
	struct state state = { 0 };
	int err;

	if (k->state_fd < 0)
		return;
	theirs.worker.pidfd = theirs.asker = theirs.watch = theirs.stats_timer = -1;
	theirs.command = theirs.sparer = none;
	err = save(&theirs, &state, k->state_fd);
	state_close(&state);
	if (err)
		info("nobody could adopt the disk: %s", strerror(-err));
	/* A program of others would not take it back. */
	if (k->spec->name && !k->spec->applet->backend->foreign && getenv("NOTIFY_SOCKET"))
		keep(&theirs);
}

/* --- as the old program -------------------------------------------------------------------- */

/* @mark: what stands behind the number of the descriptor. Returns -errno. */
static int become(struct keeper *k, const char *mark)
{
	struct state state = { 0 };
	char variable[32];
	int fd = state_file(), err = fd < 0 ? fd : save(k, &state, fd);

	text_format(variable, sizeof(variable), STATE_VARIABLE "=%d%s", fd, mark);
	if (!err) {
		state_hand_on(&state, true);
		fcntl(fd, F_SETFD, 0);
		syscall(SYS_execveat, k->program, "", words_noted(), text_environment(environ, variable), AT_EMPTY_PATH);
		err = -errno;
		state_hand_on(&state, false);
	}
	state_close(&state);
	if (fd >= 0)
		close(fd);
	return fail(err, "become the other program");
}

static void try(struct keeper *k)
{
	become(k, "?");
}

/* Does it understand what we tell it? A child tries, so that nothing is lost if not. */
static int try_out(struct keeper *k)
{
	int64_t end = now_ms() + TRIAL_MS, left;

	keeper_hand_over(k, &k->helper, "ublk-try", try);
	while (k->helper.pid && !k->helper.ended && !k->stops && (left = end - now_ms()) > 0)
		events_wait(k, (int)left);
	child_kill(&k->helper);
	child_end(k, &k->helper);
	if (WIFEXITED(k->helper.status) && WEXITSTATUS(k->helper.status) == STATE_UNDERSTOOD)
		return 0;
	return fail_plain(-EPROTO, "the other program cannot go on with this disk");
}

static void start(struct keeper *k)
{
	int err = try_out(k);

	if (!err)		/* what has happened meanwhile was seen, and is told to it as well */
		err = k->stops || k->worker.ended || k->stopped || k->command.ended ? -EBUSY : become(k, "");
	close(k->program);
	k->program = -1;
	upgrade_answer(k, err);
}

void upgrade_do(struct keeper *k)
{
	if (k->program >= 0)
		start(k);
	else if (k->asker >= 0)
		worker_quiesce(k);
}

/* --- as the new one -------------------------------------------------------------------------- */

int upgrade_receive(void)
{
	int err = kept_receive();

	return err ? err : state_receive();
}

static int check_carried(struct keeper *k)
{
	const struct spec *spec = k->spec;
	const struct applet *applet = spec->applet;
	int err = user_choose(&k->device.user, spec);

	if (err)
		return err;
	if (spec->shared_memory)
		err = region_resume(&k->device.region, spec->shared_memory);
	if (!err && applet->backend->resume)
		err = applet->backend->resume(applet->self, spec);
	return err;
}

static int carried_up(void *self)
{
	struct keeper *k = self;
	struct state *s = state_given();
	int err;

	carry(k, s);
	err = notify_carry(s, k->spec);
	if (!err)
		err = check_carried(k);
	state_close(s);
	if (err)
		return fail(err, "go on where the last program was");
	if (state_mark == STATE_ADOPT)
		k->asker = state_asker;
	return state_mark == STATE_TRY ? -ECANCELED : 0;
}

static void finish(struct keeper *k)
{
	int err = k->stopped ? -ENODEV : worker_exchange(k);

	if (err)
		warn("the server process is still that of the last program");
	upgrade_answer(k, err);
	if (state_mark == STATE_KEPT)		/* or another server will be tried */
		notify_manager("READY=1\n", -1);
	if (state_mark == STATE_ADOPT)		/* what it reported to is gone with the last keeper */
		notify_leave();
}

/* The steps that another program has been through, but for what of it is ours. */
int upgrade_resume(struct keeper *k)
{
	static int (*const again[])(void *self) = { carried_up, memory_up, settle_up, ctrl_up, find_up, cpus_up, stats_up, watches_up };
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(again) && !err && !k->stopped; i++)
		err = again[i](k);
	if (!err)
		finish(k);
	return err;
}
