/* SPDX-License-Identifier: MIT */
/* columns.c - one table feeds list, info, raw and JSON, so that they cannot disagree */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "applets/ctl/columns.h"
#include "core/applet.h"
#include "core/features.h"
#include "core/proc.h"
#include "core/state.h"
#include "core/stats.h"
#include "core/text.h"
#include "core/util.h"

static void get_id(const struct found *d, char *text)
{
	text_format(text, VALUE_MAX, "%" PRIu32, d->id);
}

static void get_dev(const struct found *d, char *text)
{
	text_format(text, VALUE_MAX, "%s", d->block_path);
}

static void get_name(const struct found *d, char *text)
{
	found_name(d, text);
}

static void get_type(const struct found *d, char *text)
{
	const struct applet *applet = found_applet(d);

	if (d->told)
		text_format(text, VALUE_MAX, "%s", applet ? applet->name : "other");
}

/* Its keeper has that open. */
static void get_backing(const struct found *d, char *text)
{
	const struct applet *applet = found_applet(d);
	int keeper = found_keeper(d);

	if (keeper && applet && applet->backend && applet->backend->mostly == IN_FILE)
		proc_own_file(keeper, text, VALUE_MAX);
}

static void get_state(const struct found *d, char *text)
{
	text_format(text, VALUE_MAX, "%s", found_state(d));
}

static void get_size(const struct found *d, char *text)
{
	char path[64];
	uint64_t sectors;

	text_format(path, sizeof(path), "/sys/block/ublkb%" PRIu32 "/size", d->id);
	if (proc_read_u64(path, &sectors) == 0)
		text_format(text, VALUE_MAX, "%" PRIu64, sectors << UBLK_SECTOR_SHIFT);
	else if (d->has_params)
		text_format(text, VALUE_MAX, "%" PRIu64, d->params.basic.dev_sectors << UBLK_SECTOR_SHIFT);
}

static void get_read_only(const struct found *d, char *text)
{
	char path[64];
	uint64_t read_only;

	text_format(path, sizeof(path), "/sys/block/ublkb%" PRIu32 "/ro", d->id);
	if (proc_read_u64(path, &read_only) == 0)
		text_format(text, VALUE_MAX, "%" PRIu64, read_only);
	else if (d->has_params)
		text_format(text, VALUE_MAX, "%d", !!(d->params.basic.attrs & UBLK_ATTR_READ_ONLY));
}

static void get_queues(const struct found *d, char *text)
{
	if (d->told)
		text_format(text, VALUE_MAX, "%u", d->info.nr_hw_queues);
}

static void get_depth(const struct found *d, char *text)
{
	if (d->told)
		text_format(text, VALUE_MAX, "%u", d->info.queue_depth);
}

static void get_pid(const struct found *d, char *text)
{
	if (d->told && d->info.ublksrv_pid > 0)
		text_format(text, VALUE_MAX, "%d", d->info.ublksrv_pid);
}

static void get_keeper(const struct found *d, char *text)
{
	int keeper = found_keeper(d);

	if (keeper)
		text_format(text, VALUE_MAX, "%d", keeper);
}

static void get_server(const struct found *d, char *text)
{
	if (d->told && proc_alive(d->info.ublksrv_pid))
		proc_name(d->info.ublksrv_pid, text);
}

/* Of the program; the keeper of a disk that can have another says so. */
static void get_version(const struct found *d, char *text)
{
	char link[80];
	int keeper = found_keeper(d);
	const char *version = keeper && proc_find_link(keeper, STATE_LINK, link, sizeof(link)) ? strchr(link, ':') : NULL;

	if (version)
		text_format(text, VALUE_MAX, "%.*s", (int)strcspn(version + 1, " "), version + 1);
}

static void get_owner(const struct found *d, char *text)
{
	if (d->told && device_is_unprivileged(&d->info))
		text_format(text, VALUE_MAX, "%" PRIu32 ":%" PRIu32, d->info.owner_uid, d->info.owner_gid);
}

static void get_sector(const struct found *d, char *text)
{
	if (d->has_params)
		text_format(text, VALUE_MAX, "%u", 1U << d->params.basic.logical_bs_shift);
}

static void get_max_io(const struct found *d, char *text)
{
	if (d->told)
		text_format(text, VALUE_MAX, "%" PRIu32, d->info.max_io_buf_bytes);
}

static void get_flags(const struct found *d, char *text)
{
	if (d->told)
		features_text(d->info.flags, text, VALUE_MAX);
}

/* How bytes travel, which follows from the flags; of servers that are not ours nothing does. */
static void get_io(const struct found *d, char *text)
{
	if (d->told && device_is_ours(d->info.ublksrv_flags))
		text_format(text, VALUE_MAX, "%s%s", io_mode_name(io_mode_of(d->info.flags)),
			    d->info.flags & UBLK_F_SHMEM_ZC ? "+shared" : "");
}

static void get_why(const struct found *d, char *text)
{
	if (d->told && device_is_ours(d->info.ublksrv_flags))
		text_format(text, VALUE_MAX, "%s%s", io_mode_why(io_mode_of(d->info.flags)),
			    d->info.flags & UBLK_F_SHMEM_ZC ? "; and what lies in shared memory stays there" : "");
}

static bool threads_are(const struct found *d, const char *field, const char *so)
{
	char text[80];

	return proc_threads_say(d->info.ublksrv_pid, field, text, sizeof(text)) && !strcmp(text, so);
}

static void get_uid(const struct found *d, char *text)
{
	char uid[80];

	if (d->told && d->info.ublksrv_pid > 0 && proc_threads_say(d->info.ublksrv_pid, "Uid", uid, sizeof(uid)))
		text_format(text, VALUE_MAX, "%.*s", (int)strcspn(uid, "\t"), uid);
}

/* What is in force, of every thread; what the kernel tells nobody else, its server has written down. */
static void get_sandbox(const struct found *d, char *text)
{
	static const struct { const char *name, *field, *so; } kept[] = {
		{ "no_capabilities", "CapEff", "0000000000000000" }, { "no_new_privs", "NoNewPrivs", "1" },
		{ "seccomp", NULL, NULL }, { "landlock", NULL, NULL }, { "restricted_rings", NULL, NULL },
	};
	struct stats page = STATS_NONE;
	bool noted;
	int used = 0;

	if (!d->told || d->info.ublksrv_pid <= 0)
		return;
	noted = found_take_stats(d, &page) == 0;
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		if (kept[i].field ? threads_are(d, kept[i].field, kept[i].so)
				  : noted && stats_value(&page, stats_find(&page, kept[i].name)))
			used += text_format(text + used, (size_t)(VALUE_MAX - used), "%s%s", used ? "," : "", kept[i].name);
	stats_close(&page);
}

static void get_mount(const struct found *d, char *text)
{
	proc_mount_point(d->block_path, text, VALUE_MAX);
	proc_unescape(text);
}

const struct column columns[] = {
	{ "ID",		NUMBER,	 false, get_id },
	{ "DEV",	TEXT,	 true,  get_dev },
	{ "NAME",	TEXT,	 true,  get_name },
	{ "TYPE",	TEXT,	 true,  get_type },
	{ "STATE",	TEXT,	 true,  get_state },
	{ "SIZE",	BYTES,	 true,  get_size },
	{ "RO",		BOOLEAN, true,  get_read_only },
	{ "QUEUES",	NUMBER,	 true,  get_queues },
	{ "DEPTH",	NUMBER,	 true,  get_depth },
	{ "PID",	NUMBER,	 true,  get_pid },
	{ "KEEPER",	NUMBER,	 false, get_keeper },
	{ "SERVER",	TEXT,	 false, get_server },
	{ "VERSION",	TEXT,	 false, get_version },
	{ "OWNER",	TEXT,	 false, get_owner },
	{ "UID",	NUMBER,	 false, get_uid },
	{ "SANDBOX",	TEXT,	 false, get_sandbox },
	{ "SECTOR",	BYTES,	 false, get_sector },
	{ "MAXIO",	BYTES,	 false, get_max_io },
	{ "MOUNT",	TEXT,	 true,  get_mount },
	{ "BACKING",	TEXT,	 true,  get_backing },
	{ "IO",		TEXT,	 false, get_io },
	{ "IO-WHY",	TEXT,	 false, get_why },
	{ "FLAGS",	TEXT,	 false, get_flags },
	{ NULL, TEXT, false, NULL }
};

static_assert(ARRAY_SIZE(columns) <= COLUMNS_MAX, "all of them can be asked for");
