/* SPDX-License-Identifier: MIT */
/* leaving.c - the worker leaves because somebody has asked: for a while, or for that of another program */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "core/keeping.h"
#include "core/log.h"
#include "core/proc.h"
#include "core/text.h"
#include "core/util.h"

#define DRAIN_MS 1000			/* how long a server that is exchanged may take to answer what it has begun */
#define QUIESCE_MS 10000		/* and one that leaves, before it is killed */
#define LOOK_MS 5			/* nothing tells when it has */

/* Has it answered all that it was given? Who cannot be asked has. */
static bool is_drained(const struct keeper *k)
{
	char path[64], text[64];

	text_format(path, sizeof(path), "/sys/block/ublkb%" PRIu32 "/inflight", k->device.info.dev_id);
	return proc_read(path, text, sizeof(text)) <= 0 || !text[strspn(text, " 0\n")];
}

/*
 * Until all is answered, at most @limit_ms. The driver gives no more to it, and
 * may take back what is idle, but tags that are fetched later stay. So it is
 * killed, which is no harm to anybody then but for a flush, which the block
 * layer does not count: unless requests are reissued it fails.
 */
static int drain(struct keeper *k, const struct child *worker, int limit_ms)
{
	int64_t end = now_ms() + limit_ms;
	int err = ctrl_quiesce(&k->ctrl, keeper_target(k));

	if (err && err != -EBUSY && err != -EINTR)
		return err;
	while (!worker->ended && !is_drained(k) && !k->stops && now_ms() < end)
		events_wait(k, LOOK_MS);
	return 0;
}

/* --- for a while ----------------------------------------------------------------- */

void worker_quiesce(struct keeper *k)
{
	int err = drain(k, &k->worker, QUIESCE_MS);

	if (err) {
		k->held = false;
	} else {
		note("the disk waits until 'ublk-ctl recover %" PRIu32 "'", k->device.info.dev_id);
		child_kill(&k->worker);
		child_end(k, &k->worker);
	}
	upgrade_answer(k, err);
}

/* --- for another ----------------------------------------------------------------- */

/*
 * The last one, if it serves still; that it may answer takes no longer than to
 * kill it at once. What it has begun and not answered in its
 * time is done again, which is no harm: the driver waits until nothing of it is
 * under way any more. If the disk was stopped it has to save it, and is let be.
 */
static int dismiss(struct keeper *k)
{
	if (!k->leaver.pid || k->leaver.ended)
		return 0;
	if (k->device.features.granted & UBLK_F_QUIESCE)
		drain(k, &k->leaver, DRAIN_MS);
	/* What waits for another server waits for ever if there is none. */
	if (keeper_disk_is_gone(k))
		return fail(-ENODEV, "replace the server");
	child_kill(&k->leaver);
	k->dismissed = true;
	return 0;
}

int worker_exchange(struct keeper *k)
{
	int pipe = k->pipe, err;

	k->leaver = k->worker;
	k->dismissed = false;
	k->pipe = -1;
	err = worker_succeed(k, dismiss);
	k->born = now_ms();
	if (err && !k->dismissed) {
		k->worker = k->leaver;
		k->leaver = (struct child){ .pidfd = -1 };
		k->pipe = pipe;
		k->killed = false;
		events_wait(k, 0);	/* its last words, if it has ended */
	} else {
		close(pipe);
	}
	return err;
}
