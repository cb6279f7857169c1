/* SPDX-License-Identifier: MIT */
/* list.c - one table of columns feeds list, info, raw and JSON, so that they cannot disagree */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "applets/ctl/ctl.h"
#include "applets/ctl/device.h"
#include "core/applet.h"
#include "core/driver.h"
#include "core/features.h"
#include "core/log.h"
#include "core/proc.h"
#include "core/size.h"
#include "core/status.h"
#include "core/text.h"
#include "core/util.h"

#define VALUE_MAX 512

/* What a column's value is: how JSON writes it, and which way it is aligned. */
enum kind { TEXT, NUMBER, BYTES, BOOLEAN };

struct column {
	const char *name;	/* upper case; JSON's key in lower case */
	enum kind kind;
	bool usual;		/* printed unless asked otherwise */
	/* Into @text, "" for not known. Bytes as a plain number. */
	void (*get)(const struct found *device, char *text);
};

/* --- the values --------------------------------------------------------------------- */

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

static void get_mount(const struct found *d, char *text)
{
	proc_mount_point(d->block_path, text, VALUE_MAX);
}

static const struct column columns[] = {
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
	{ "OWNER",	TEXT,	 false, get_owner },
	{ "SECTOR",	BYTES,	 false, get_sector },
	{ "MAXIO",	BYTES,	 false, get_max_io },
	{ "MOUNT",	TEXT,	 true,  get_mount },
	{ "BACKING",	TEXT,	 true,  get_backing },
	{ "IO",		TEXT,	 false, get_io },
	{ "IO-WHY",	TEXT,	 false, get_why },
	{ "FLAGS",	TEXT,	 false, get_flags },
};

#define COLUMNS ARRAY_SIZE(columns)

/* --- which ones, and how wide -------------------------------------------------------- */

struct layout {
	bool shown[COLUMNS];
	int width[COLUMNS];
	bool bytes;		/* sizes as numbers of bytes */
};

static int choose_column(struct layout *layout, const char *name, size_t length)
{
	bool all = length == 3 && !strncasecmp(name, "all", 3), found = false;

	for (size_t i = 0; i < COLUMNS; i++) {
		if (!all && (strlen(columns[i].name) != length || strncasecmp(columns[i].name, name, length)))
			continue;
		layout->shown[i] = true;
		found = true;
	}
	return found ? 0 : -EINVAL;
}

static int choose_columns(struct layout *layout, const char *list)
{
	if (!list) {
		for (size_t i = 0; i < COLUMNS; i++)
			layout->shown[i] = columns[i].usual;
		return 0;
	}
	if (!*list)
		return fail_usage("--output needs the names of columns");
	while (*list) {
		size_t length = strcspn(list, ",");

		if (choose_column(layout, list, length))
			return fail_usage("there is no column '%.*s'", (int)length, list);
		list += length + (list[length] == ',');
	}
	return 0;
}

static void get_value(const struct column *column, const struct found *device, bool bytes, char *text)
{
	char size[SIZE_TEXT_MAX];
	uint64_t number;

	*text = '\0';
	column->get(device, text);
	if (column->kind == BYTES && !bytes && text_is_number(text, &number) == 0)
		text_format(text, VALUE_MAX, "%s", size_text(number, size));
}

static void measure(struct layout *layout, const struct found_list *list)
{
	char text[VALUE_MAX];

	for (size_t i = 0; i < COLUMNS; i++) {
		layout->width[i] = (int)strlen(columns[i].name);
		for (unsigned int d = 0; d < list->count && layout->shown[i]; d++) {
			get_value(&columns[i], &list->devices[d], layout->bytes, text);
			layout->width[i] = (int)max_u64((uint64_t)layout->width[i], strlen(text));
		}
	}
}

/* --- printing ------------------------------------------------------------------------ */

static bool is_last(const struct layout *layout, size_t column)
{
	for (size_t i = column + 1; i < COLUMNS; i++)
		if (layout->shown[i])
			return false;
	return true;
}

/* Blanks are owed until something follows: nobody wants them at the ends of lines. */
static void print_cell(const struct layout *layout, size_t i, const char *text)
{
	static int owed;
	int blanks = layout->width[i] - (int)strlen(text);
	bool left = columns[i].kind == TEXT;

	if (*text)
		text_out("%*s%s", owed + (left ? 0 : blanks), "", text);
	owed = *text ? (left ? blanks : 0) : owed + layout->width[i];
	owed++;
	if (!is_last(layout, i))
		return;
	text_out("\n");
	owed = 0;
}

static void print_table(const struct layout *layout, const struct found_list *list, bool headings)
{
	char text[VALUE_MAX];

	for (size_t i = 0; i < COLUMNS && headings; i++)
		if (layout->shown[i])
			print_cell(layout, i, columns[i].name);
	for (unsigned int d = 0; d < list->count; d++)
		for (size_t i = 0; i < COLUMNS; i++) {
			if (!layout->shown[i])
				continue;
			get_value(&columns[i], &list->devices[d], layout->bytes, text);
			print_cell(layout, i, text);
		}
}

static void print_raw(const struct layout *layout, const struct found_list *list, bool headings)
{
	char text[VALUE_MAX];

	for (size_t i = 0; i < COLUMNS && headings; i++)
		if (layout->shown[i])
			text_out("%s%s", columns[i].name, is_last(layout, i) ? "\n" : " ");
	for (unsigned int d = 0; d < list->count; d++)
		for (size_t i = 0; i < COLUMNS; i++) {
			if (!layout->shown[i])
				continue;
			get_value(&columns[i], &list->devices[d], layout->bytes, text);
			for (const char *at = *text ? text : "-"; *at; at++)
				text_out(*at == ' ' ? "\\x20" : "%c", *at);	/* as lsblk does, so that words are values */
			text_out(is_last(layout, i) ? "\n" : " ");
		}
}

/* What others chose (a process' name, a mount point) may hold anything. */
static void print_json_string(const char *text)
{
	text_out("\"");
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			text_out("\\%c", *text);
		else if ((unsigned char)*text < 0x20)
			text_out("\\u%04x", (unsigned int)*text);
		else
			text_out("%c", *text);
	}
	text_out("\"");
}

static void print_json_key(const char *name)
{
	text_out("\"");
	for (; *name; name++)
		text_out("%c", *name | 0x20);
	text_out("\": ");
}

static void print_json_value(const struct column *column, const char *text)
{
	if (!*text)
		text_out("null");
	else if (column->kind == BOOLEAN)
		text_out(*text == '0' ? "false" : "true");
	else if (column->kind == TEXT)
		print_json_string(text);
	else
		text_out("%s", text);
}

static void print_json(const struct layout *layout, const struct found_list *list)
{
	char text[VALUE_MAX];

	text_out("{\"ublk\": [");
	for (unsigned int d = 0; d < list->count; d++) {
		bool first = true;

		text_out("%s\n  {", d ? "," : "");
		for (size_t i = 0; i < COLUMNS; i++) {
			if (!layout->shown[i])
				continue;
			get_value(&columns[i], &list->devices[d], true, text);
			text_out(first ? "" : ", ");
			first = false;
			print_json_key(columns[i].name);
			print_json_value(&columns[i], text);
		}
		text_out("}");
	}
	text_out("%s]}\n", list->count ? "\n" : "");
}

static void print_info(const struct layout *layout, const struct found_list *list)
{
	char text[VALUE_MAX];

	for (unsigned int d = 0; d < list->count; d++)
		for (size_t i = 0; i < COLUMNS; i++) {
			get_value(&columns[i], &list->devices[d], layout->bytes, text);
			text_out("%-7s %s\n", columns[i].name, *text ? text : "-");
		}
}

/* --- the subcommands ------------------------------------------------------------------- */

/* Without the driver, or the right to talk to it, sysfs still tells something. */
static struct ctrl *reach(struct ctrl *ctrl, const struct ctl *ctl)
{
	int err = driver_try(ctrl, ctl->dev_dir);

	if (!err)
		return ctrl;
	if (driver_present())
		note("%s/ublk-control: %s; what only the driver knows is left out", ctl->dev_dir, strerror(-err));
	return NULL;
}

int ctl_look(const struct ctl *ctl, struct found_list *list)
{
	struct ctrl ctrl = { .fd = -1 };
	int err = found_collect(list, reach(&ctrl, ctl), ctl->dev_dir, ctl->devices, ctl->count);

	ctrl_close(&ctrl);
	return err;
}

int ctl_list(const struct ctl *ctl)
{
	struct layout layout = { .bytes = ctl->bytes };
	struct found_list list = { 0 };
	int err = choose_columns(&layout, ctl->columns);

	if (!err)
		err = ctl_look(ctl, &list);
	if (err && err != -ENODEV)
		return (int)status_of(err);
	measure(&layout, &list);
	if (ctl->json)
		print_json(&layout, &list);
	else if (ctl->raw)
		print_raw(&layout, &list, !ctl->no_headings);
	else if (list.count)
		print_table(&layout, &list, !ctl->no_headings);
	found_free(&list);
	return (int)status_of(err);
}

int ctl_info(const struct ctl *ctl)
{
	struct layout layout = { .bytes = ctl->bytes };
	struct found_list list = { 0 };
	int err = choose_columns(&layout, "all");

	if (!err)
		err = ctl_look(ctl, &list);
	if (ctl->json && (!err || err == -ENODEV))
		print_json(&layout, &list);
	else
		print_info(&layout, &list);
	found_free(&list);
	return (int)status_of(err);
}

int ctl_status(const struct ctl *ctl)
{
	struct found_list list = { 0 };
	int err = ctl_look(ctl, &list), status = (int)status_of(err);

	if (list.count) {
		text_out("%s\n", found_state(&list.devices[0]));
		status = strcmp(found_state(&list.devices[0]), "live") ? STATUS_FAILED : STATUS_OK;
	}
	found_free(&list);
	return status;
}
