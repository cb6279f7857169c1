/* SPDX-License-Identifier: MIT */
/* features.c - one table, and the rules that read it */
#include <errno.h>
#include <string.h>

#include "core/features.h"
#include "core/log.h"
#include "core/text.h"
#include "core/uapi.h"
#include "core/util.h"

const struct feature feature_table[] = {
	{ UBLK_F_SUPPORT_ZERO_COPY,	"SUPPORT_ZERO_COPY",	"6.15",	"bytes are copied once" },
	{ UBLK_F_URING_CMD_COMP_IN_TASK,"URING_CMD_COMP_IN_TASK","6.0",	NULL },
	{ UBLK_F_NEED_GET_DATA,		"NEED_GET_DATA",	"6.0",	"a second copy and a buffer per tag" },
	{ UBLK_F_USER_RECOVERY,		"USER_RECOVERY",	"6.1",	"no --recovery" },
	{ UBLK_F_USER_RECOVERY_REISSUE,	"USER_RECOVERY_REISSUE","6.1",	"no --recovery=reissue" },
	{ UBLK_F_UNPRIVILEGED_DEV,	"UNPRIVILEGED_DEV",	"6.3",	"only root makes disks" },
	{ UBLK_F_CMD_IOCTL_ENCODE,	"CMD_IOCTL_ENCODE",	"6.4",	"bare command numbers" },
	{ UBLK_F_USER_COPY,		"USER_COPY",		"6.5",	"the driver copies" },
	{ UBLK_F_ZONED,			"ZONED",		"6.6",	NULL },
	{ UBLK_F_USER_RECOVERY_FAIL_IO,	"USER_RECOVERY_FAIL_IO","6.13",	"no --recovery=fail" },
	{ UBLK_F_UPDATE_SIZE,		"UPDATE_SIZE",		"6.16",	NULL },
	{ UBLK_F_AUTO_BUF_REG,		"AUTO_BUF_REG",		"6.16",	"two more commands per request" },
	{ UBLK_F_QUIESCE,		"QUIESCE",		"6.16",	"one tag is kept free, so that a death is noticed" },
	/*
	 * Several threads for the tags of one queue: measured with kublk, 4 of
	 * them get 16 % fewer requests done at 32 in flight and 8 % fewer at
	 * one, for there are fewer in each batch; 4 queues get as many done as
	 * one. Backends that compute have threads of their own: later().
	 */
	{ UBLK_F_PER_IO_DAEMON,		"PER_IO_DAEMON",	"6.16",	NULL },
	{ UBLK_F_BUF_REG_OFF_DAEMON,	"BUF_REG_OFF_DAEMON",	"6.17",	NULL },
	{ UBLK_F_BATCH_IO,		"BATCH_IO",		"7.0",	"a command per request" },
	{ UBLK_F_INTEGRITY,		"INTEGRITY",		"7.0",	NULL },
	{ UBLK_F_SAFE_STOP_DEV,		"SAFE_STOP_DEV",	"7.0",	"openers are looked for first" },
	{ UBLK_F_NO_AUTO_PART_SCAN,	"NO_AUTO_PART_SCAN",	"7.0",
		"rights are given up earlier, which has the same effect" },
	{ UBLK_F_SHMEM_ZC,		"SHMEM_ZC",		"7.1",	"no --shared-memory" },
	{ UBLK_F_IO_DESC_SIZE,		"IO_DESC_SIZE",		"7.3",	NULL },
	{ 0, NULL, NULL, NULL }
};

/* --- modes ------------------------------------------------------------------ */

#define NEEDS_RIGHTS (UBLK_F_USER_COPY | UBLK_F_SUPPORT_ZERO_COPY | UBLK_F_AUTO_BUF_REG)	/* users are refused these */

/* In the order of enum io_mode. */
static const struct {
	const char *name;
	uint64_t flags;		/* that it takes */
	const char *why;
} modes[IO_MODES] = {
	[IO_AUTO]      = { "auto", 0, "" },
	[IO_COPY]      = { "copy", 0, "nothing else is to be had: a buffer for every tag, and two copies" },
	[IO_GET_DATA]  = { "get-data", UBLK_F_NEED_GET_DATA,
		"the driver copies straight to and from memory, and users may have it" },
	[IO_USER_COPY] = { "user-copy", UBLK_F_USER_COPY,
		"what need not be copied is not, and the rest is copied once" },
	[IO_ZERO_COPY] = { "zero-copy", UBLK_F_SUPPORT_ZERO_COPY | UBLK_F_USER_COPY,
		"files are read into and written from the request's own pages" },
	[IO_AUTO_BUF]  = { "auto-buf", UBLK_F_AUTO_BUF_REG | UBLK_F_SUPPORT_ZERO_COPY | UBLK_F_USER_COPY,
		"files are read into and written from the request's own pages, which the driver announces by itself" },
	[IO_BATCH]     = { "batch", UBLK_F_BATCH_IO, "one command takes and gives back many requests" },
};

const char *io_mode_name(enum io_mode mode) { return modes[mode].name; }
const char *io_mode_why(enum io_mode mode) { return modes[mode].why; }

static enum io_mode moves_of(enum io_mode mode, uint64_t flags)
{
	return mode != IO_BATCH ? mode : flags & UBLK_F_USER_COPY ? IO_USER_COPY : IO_COPY;
}

/* What is best for each kind of disk, best first. IO_COPY ends a list: it can always be had. */
static const enum io_mode *preferred(enum place_kind mostly, bool at_once)
{
	static const enum io_mode memory[] = { IO_GET_DATA, IO_COPY };
	static const enum io_mode nothing[] = { IO_USER_COPY, IO_GET_DATA, IO_COPY };
	static const enum io_mode file[] = { IO_AUTO_BUF, IO_ZERO_COPY, IO_GET_DATA, IO_COPY };
	static const enum io_mode file_at_once[] = { IO_GET_DATA, IO_COPY };

	switch (mostly) {
	case IN_MEMORY:
	case NEEDS:	/* from where it comes to lie in memory */
		return memory;
	case NOWHERE:
		return nothing;
	case IN_FILE:
		return at_once ? file_at_once : file;
	case LATER:
	case FAILED:
	case PLACE_KINDS:
		break;
	}
	return memory + ARRAY_SIZE(memory) - 1;
}

/* The flags of it that this kernel does not know. Before Linux 6.5 it cannot be asked, and then knows little. */
static uint64_t missing(const struct features *features, enum io_mode mode)
{
	uint64_t offered = features->offered_known ? features->offered : UBLK_F_NEED_GET_DATA;

	return modes[mode].flags & ~offered;
}

/*
 * Before Linux 6.16 a READ fails, and is not done again, if the driver copies
 * its bytes from the memory of a server that is being killed: no page can be
 * mapped then. What we copy ourselves we simply never answer.
 */
static bool loses_reads(const struct features *features, const struct spec *spec, enum io_mode mode)
{
	return spec->recovery && mode == IO_GET_DATA && !(features->offered & UBLK_F_QUIESCE);
}

static enum io_mode best_mode(const struct features *features, const struct spec *spec, bool unprivileged)
{
	static const enum io_mode ours[] = { IO_USER_COPY, IO_COPY };
	const enum io_mode *mode = loses_reads(features, spec, IO_GET_DATA)
					   ? ours : preferred(spec->applet->backend->mostly, features->at_once);

	while (*mode != IO_COPY && (missing(features, *mode) || (unprivileged && modes[*mode].flags & NEEDS_RIGHTS)))
		mode++;
	return *mode;
}

enum io_mode io_mode_of(uint64_t granted)
{
	static const enum io_mode richest[] = { IO_BATCH, IO_AUTO_BUF, IO_ZERO_COPY, IO_USER_COPY, IO_GET_DATA, IO_COPY };
	const enum io_mode *mode = richest;

	while ((granted & modes[*mode].flags) != modes[*mode].flags)
		mode++;
	return *mode;
}

/* The youngest of them: who has that has the others. NULL if there are none. */
static const struct feature *youngest_of(uint64_t flags)
{
	const struct feature *youngest = NULL;

	for (const struct feature *f = feature_table; f->name; f++)
		if (flags & f->flag)
			youngest = f;
	return youngest;
}

/* What the user insists on and cannot have. */
static int check_mode(const struct features *features, const struct spec *spec, bool unprivileged)
{
	enum io_mode mode = features->mode;
	const struct feature *absent = youngest_of(missing(features, mode));

	if (absent)
		return fail_plain(-EOPNOTSUPP, "--io=%s: this kernel has no %s, which came with Linux %s", modes[mode].name,
				  absent->name, absent->since);
	if (loses_reads(features, spec, mode))
		return fail_plain(-EOPNOTSUPP, "--io=get-data: with --recovery it loses reads before Linux 6.16; use user-copy");
	if (unprivileged && modes[mode].flags & NEEDS_RIGHTS)
		return fail_plain(-EPERM, "--io=%s: only root may have it; others have get-data and copy", modes[mode].name);
	return 0;
}

/* Without it the driver would copy, and nobody would know. */
static int check_shared(uint64_t has)
{
	const struct feature *absent = youngest_of(UBLK_F_SHMEM_ZC & ~has);

	return absent ? fail_plain(-EOPNOTSUPP, "--shared-memory: this kernel has no %s, which came with Linux %s", absent->name,
				   absent->since) : 0;
}

static uint64_t recovery_flags(int recovery)
{
	static const uint64_t flags[] = {
		[RECOVERY_OFF] = 0,
		[RECOVERY_REISSUE] = UBLK_F_USER_RECOVERY | UBLK_F_USER_RECOVERY_REISSUE,
		[RECOVERY_REQUEUE] = UBLK_F_USER_RECOVERY,
		[RECOVERY_FAIL] = UBLK_F_USER_RECOVERY | UBLK_F_USER_RECOVERY_FAIL_IO,
	};

	return flags[recovery];
}

/* Users are granted none of it, silently. */
static int check_recovery(int recovery, uint64_t has, bool unprivileged)
{
	const struct feature *absent = youngest_of(recovery_flags(recovery) & ~has);

	if (absent && unprivileged)
		return fail_plain(-EPERM, "--recovery: only disks that root makes can have another server");
	return absent ? fail_plain(-EOPNOTSUPP, "--recovery: this kernel has no %s, which came with Linux %s", absent->name,
				   absent->since) : 0;
}

int features_ask(struct features *features, const struct spec *spec, bool unprivileged)
{
	uint64_t asked = 0;
	int err = 0;

	features->mode = (enum io_mode)spec->io_mode;
	if (features->mode == IO_AUTO)
		features->mode = best_mode(features, spec, unprivileged);
	else
		err = check_mode(features, spec, unprivileged);
	asked |= modes[features->mode].flags;
	if (features->mode == IO_BATCH && !unprivileged)
		asked |= UBLK_F_USER_COPY;
	features->moves = moves_of(features->mode, asked);
	if (spec->shared_memory && !err)
		err = check_shared(features->offered);
	if (spec->shared_memory)
		asked |= UBLK_F_SHMEM_ZC;
	if (!err && features->offered_known)
		err = check_recovery(spec->recovery, unprivileged ? 0 : features->offered, unprivileged);
	asked |= recovery_flags(spec->recovery);
	/* Of batches Linux 7.2 and 7.3 fail all that come to a quiesced disk until another server is there. */
	if (recovery_flags(spec->recovery) && features->mode != IO_BATCH)
		asked |= UBLK_F_QUIESCE & features->offered;
	if (!spec->partscan)
		asked |= UBLK_F_NO_AUTO_PART_SCAN;
	if (unprivileged)
		asked |= UBLK_F_UNPRIVILEGED_DEV;
	if (features->offered_known)
		asked |= UBLK_F_CMD_IOCTL_ENCODE;
	features->asked = asked;
	return err;
}

/* --- what came back ----------------------------------------------------------- */

static void tell_refused(uint64_t refused)
{
	for (const struct feature *f = feature_table; f->name; f++)
		if (refused & f->flag)
			info("the kernel does not grant %s (Linux %s): %s", f->name, f->since, f->without);
}

int features_settle(struct features *features, const struct spec *spec, uint64_t granted)
{
	char text[400];

	features->granted = granted;
	if (modes[features->mode].flags & ~granted) {
		if (spec->io_mode != IO_AUTO)
			return fail_plain(-EOPNOTSUPP, "--io=%s: the kernel does not grant %s", modes[features->mode].name,
					  youngest_of(modes[features->mode].flags & ~granted)->name);
		features->mode = io_mode_of(granted);
	}
	features->moves = moves_of(features->mode, granted);
	if (spec->shared_memory && !(granted & UBLK_F_SHMEM_ZC))
		return check_shared(granted);
	if (recovery_flags(spec->recovery) & ~granted)
		return check_recovery(spec->recovery, granted, granted & UBLK_F_UNPRIVILEGED_DEV);
	if (log_level < LOG_VERBOSE)
		return 0;
	features_text(features->offered, text, sizeof(text));
	info("the kernel offers %s", features->offered_known ? text : "features it does not tell (before Linux 6.5)");
	features_text(features->asked, text, sizeof(text));
	info("asked for %s", text);
	features_text(granted, text, sizeof(text));
	info("granted %s", text);
	tell_refused(features->asked & ~granted);
	info("bytes travel by %s: %s", io_mode_name(features->mode), io_mode_why(features->mode));
	return 0;
}

void features_text(uint64_t flags, char *text, unsigned int limit)
{
	unsigned int used = 0;

	text_format(text, limit, "nothing");
	for (const struct feature *f = feature_table; f->name; f++) {
		if (!(flags & f->flag))
			continue;
		used += (unsigned int)text_format(text + used, limit - used, "%s%s", used ? "|" : "", f->name);
		if (used >= limit)
			return;
	}
}
