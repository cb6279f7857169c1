/* SPDX-License-Identifier: MIT */
/* list.c - devices as a table, as words, as JSON */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "applets/ctl/columns.h"
#include "applets/ctl/ctl.h"
#include "core/driver.h"
#include "core/log.h"
#include "core/size.h"
#include "core/status.h"
#include "core/text.h"
#include "core/util.h"

#define ESCAPED_MAX (4 * VALUE_MAX)

/* --- which columns, in which order ---------------------------------------------------- */

struct layout {
	const struct column *columns[COLUMNS_MAX];
	unsigned int count;
	bool bytes;		/* sizes as numbers of bytes */
};

static void choose(struct layout *layout, const struct column *column)
{
	for (unsigned int i = 0; i < layout->count; i++)
		if (layout->columns[i] == column)
			return;
	layout->columns[layout->count++] = column;
}

static void choose_several(struct layout *layout, bool all)
{
	for (const struct column *column = columns; column->name; column++)
		if (all || column->usual)
			choose(layout, column);
}

static int choose_named(struct layout *layout, const char *name, size_t length)
{
	const struct column *column = columns;
	char known[300] = "";

	if (length == 3 && !strncasecmp(name, "all", length)) {
		choose_several(layout, true);
		return 0;
	}
	for (; column->name; column++) {
		if (strlen(column->name) == length && !strncasecmp(column->name, name, length)) {
			choose(layout, column);
			return 0;
		}
		text_format(known + strlen(known), sizeof(known) - strlen(known), " %s", column->name);
	}
	return fail_usage("there is no column '%.*s'; there are%s and ALL", (int)length, name, known);
}

/* "A,B", "+A,B" for these after the usual ones, or NULL for the usual ones alone. */
static int choose_columns(struct layout *layout, const char *list)
{
	int err = 0;

	if (!list || *list == '+')
		choose_several(layout, false);
	if (!list)
		return 0;
	list += *list == '+';
	if (!*list)
		return fail_usage("--output needs the names of columns");
	while (*list && !err) {
		size_t length = strcspn(list, ",");

		err = choose_named(layout, list, length);
		list += length + (list[length] == ',');
	}
	return err;
}

/* --- values in a line ------------------------------------------------------------------- */

static void get_value(const struct column *column, const struct found *device, bool bytes, char *text)
{
	char size[SIZE_TEXT_MAX];
	uint64_t number;

	*text = '\0';
	column->get(device, text);
	if (column->kind == BYTES && !bytes && text_is_number(text, &number) == 0)
		text_format(text, VALUE_MAX, "%s", size_text(number, size));
}

/*
 * As lsblk does: what a terminal might obey, what is no UTF-8, and the letters
 * in @also are \xHH. Returns how many characters wide it is.
 */
static int escape(const char *text, const char *also, char *to)
{
	int width = 0;

	while (*text) {
		uint32_t code = 0;
		size_t length = text_utf8(text, strlen(text), &code);

		if (length && !text_acts(code) && !strchr(also, *text)) {
			memcpy(to, text, length);
			to += length;
			width++;
		} else {
			length = length ? length : 1;
			for (size_t i = 0; i < length; i++)
				to += text_format(to, 5, "\\x%02x", (unsigned char)text[i]);
			width += 4 * (int)length;
		}
		text += length;
	}
	*to = '\0';
	return width;
}

/* Longer than text_out() takes at once. */
static void put(const char *text)
{
	for (size_t left = strlen(text); left;) {
		size_t some = min_u64(left, 1024);

		text_out("%.*s", (int)some, text);
		text += some;
		left -= some;
	}
}

/* The value of a device, or the heading for none. Returns its width. */
static int cell(const struct layout *layout, unsigned int column, const struct found *device, const char *also, char *to)
{
	char text[VALUE_MAX];

	if (device)
		get_value(layout->columns[column], device, layout->bytes, text);
	return escape(device ? text : layout->columns[column]->name, also, to);
}

/* --- printing ------------------------------------------------------------------------ */

static int width_of(const struct layout *layout, unsigned int column, const struct found_list *list)
{
	char text[ESCAPED_MAX];
	int width = cell(layout, column, NULL, "", text);

	for (unsigned int d = 0; d < list->count; d++)
		width = (int)max_u64((uint64_t)width, (uint64_t)cell(layout, column, &list->devices[d], "", text));
	return width;
}

/* Blanks are owed until something follows: nobody wants them at the ends of lines. */
static void print_line(const struct layout *layout, const int *widths, const struct found *device)
{
	char text[ESCAPED_MAX];
	int owed = 0;

	for (unsigned int i = 0; i < layout->count; i++) {
		int blanks = widths[i] - cell(layout, i, device, "", text);
		bool left = layout->columns[i]->kind == TEXT;

		if (*text) {
			text_out("%*s", owed + (left ? 0 : blanks), "");
			put(text);
		}
		owed = *text ? (left ? blanks : 0) : owed + widths[i];
		owed++;
	}
	text_out("\n");
}

static void print_table(const struct layout *layout, const struct found_list *list, bool headings)
{
	int widths[COLUMNS_MAX];

	for (unsigned int i = 0; i < layout->count; i++)
		widths[i] = width_of(layout, i, list);
	if (headings)
		print_line(layout, widths, NULL);
	for (unsigned int d = 0; d < list->count; d++)
		print_line(layout, widths, &list->devices[d]);
}

/* Words are values. */
static void print_words(const struct layout *layout, const struct found *device)
{
	char text[ESCAPED_MAX];

	for (unsigned int i = 0; i < layout->count; i++) {
		cell(layout, i, device, " \\", text);
		put(*text ? text : "-");
		text_out(i + 1 < layout->count ? " " : "\n");
	}
}

static void print_raw(const struct layout *layout, const struct found_list *list, bool headings)
{
	if (headings)
		print_words(layout, NULL);
	for (unsigned int d = 0; d < list->count; d++)
		print_words(layout, &list->devices[d]);
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
		text_out_json(text);
	else
		text_out("%s", text);
}

static void print_json(const struct layout *layout, const struct found_list *list)
{
	char text[VALUE_MAX];

	text_out("{\"ublk\": [");
	for (unsigned int d = 0; d < list->count; d++) {
		text_out("%s\n  {", d ? "," : "");
		for (unsigned int i = 0; i < layout->count; i++) {
			get_value(layout->columns[i], &list->devices[d], true, text);
			text_out(i ? ", " : "");
			print_json_key(layout->columns[i]->name);
			print_json_value(layout->columns[i], text);
		}
		text_out("}");
	}
	text_out("%s]}\n", list->count ? "\n" : "");
}

static void print_info(const struct layout *layout, const struct found_list *list)
{
	char text[ESCAPED_MAX];

	for (unsigned int d = 0; d < list->count; d++) {
		for (unsigned int i = 0; i < layout->count; i++) {
			cell(layout, i, &list->devices[d], "", text);
			text_out("%-7s ", layout->columns[i]->name);
			put(*text ? text : "-");
			text_out("\n");
		}
		ctl_tell_rest(&list->devices[d]);
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
	int err = choose_columns(&layout, ctl->all_columns ? "all" : ctl->columns);

	if (!err)
		err = ctl_look(ctl, &list);
	if (err && err != -ENODEV)
		return (int)status_of(err);
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
