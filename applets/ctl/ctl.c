/* SPDX-License-Identifier: MIT */
/*
 * ublk-ctl - look at ublk devices, and take them away
 *
 * The kernel is the registry: devices are found in sysfs and asked about
 * through /dev/ublk-control, so those of other servers are listed as well.
 */
#include <errno.h>
#include <string.h>

#include "applets/ctl/boot.h"
#include "applets/ctl/child.h"
#include "applets/ctl/ctl.h"
#include "core/applet.h"
#include "core/cmdline.h"
#include "core/log.h"
#include "core/status.h"
#include "core/text.h"
#include "core/util.h"

static const struct opt list_opts[] = {
	OPT_FLAG('a', "all", struct ctl, all, "all devices, as without DEV"),
	OPT_FLAG('J', "json", struct ctl, json, "print JSON"),
	OPT_FLAG('n', "noheadings", struct ctl, no_headings, "print no headings"),
	OPT_TEXT('O', "output", struct ctl, columns, "COLS", "columns to print, separated by commas; after the usual ones with a + before them"),
	OPT_FLAG(0, "output-all", struct ctl, all_columns, "print all columns"),
	OPT_FLAG(0, "raw", struct ctl, raw, "print values separated by single spaces"),
	OPT_FLAG('b', "bytes", struct ctl, bytes, "print sizes in bytes"),
	OPT_END
};

static const struct opt info_opts[] = {
	OPT_FLAG('J', "json", struct ctl, json, "print JSON"),
	OPT_FLAG('b', "bytes", struct ctl, bytes, "print sizes in bytes"),
	OPT_END
};

static const struct opt json_opts[] = {
	OPT_FLAG('J', "json", struct ctl, json, "print JSON"),
	OPT_END
};

static const struct opt stats_opts[] = {
	OPT_FLAG('J', "json", struct ctl, json, "print JSON"),
	OPT_FLAG(0, "prometheus", struct ctl, prometheus, "print what Prometheus reads"),
	OPT_U32('w', "watch", struct ctl, interval, 1, 86400, "print again every N seconds what was done a second, until the devices are gone"),
	OPT_END
};

static const struct opt stop_opts[] = {
	OPT_FLAG('a', "all", struct ctl, all, "all devices"),
	OPT_TEXT('n', "number", struct ctl, number, "DEV", "the same as DEV, as ublksrv has it"),
	OPT_FLAG('f', "force", struct ctl, force, "even if it is in use; kill a server that does not answer"),
	OPT_U32('w', "wait", struct ctl, wait, 1, 86400, "wait up to N seconds until it is not in use any more"),
	OPT_END
};

static const struct opt resize_opts[] = {
	OPT_FLAG('f', "force", struct ctl, force, "make it smaller even if it is in use"),
	OPT_END
};

static const struct opt udev_opts[] = {
	OPT_FLAG(0, "export", struct ctl, export, "print properties, KEY=VALUE, and not the owner"),
	OPT_END
};

static const struct opt wait_opts[] = {
	OPT_U32(0, "timeout", struct ctl, timeout, 0, 86400, "give up after N seconds"),
	OPT_END
};

static const struct opt recover_opts[] = {
	OPT_U32(0, "timeout", struct ctl, timeout, 0, 86400, "give up after N seconds"),
	OPT_TEXT('n', "number", struct ctl, number, "DEV", "the same as DEV, as ublksrv has it"),
	OPT_END
};

static const struct opt upgrade_opts[] = {
	OPT_FLAG('a', "all", struct ctl, all, "all devices that can"),
	OPT_END
};

static const struct opt add_opts[] = {
	OPT_TEXT('t', "type", struct ctl, add.type, "TYPE", "null, loop or file, mem, zip"),
	OPT_TEXT('n', "number", struct ctl, add.number, "N", "number of the device"),
	OPT_TEXT('q', "queues", struct ctl, add.queues, "N", "queues"),
	OPT_TEXT('d', "depth", struct ctl, add.depth, "N", "requests in flight per queue"),
	OPT_TEXT('f', "file", struct ctl, add.file, "FILE", "what a disk of type loop or zip is made of"),
	OPT_TEXT('s', "size", struct ctl, add.size, "SIZE", "size of a disk of type null or mem"),
	OPT_TEXT(0, "offset", struct ctl, add.offset, "SIZE", "where in FILE the disk begins"),
	OPT_FLAG(0, "buffered_io", struct ctl, add.buffered, "the file's bytes through the page cache"),
	OPT_TEXT(0, "max_io_buf_bytes", struct ctl, add.max_io, "SIZE", "largest single request"),
	OPT_FLAG('z', "zero_copy", struct ctl, add.zero_copy, "insist on --io=zero-copy"),
	OPT_FLAG(0, "usercopy", struct ctl, add.user_copy, "insist on --io=user-copy"),
	OPT_FLAG(0, "auto_zc", struct ctl, add.auto_buf, "insist on --io=auto-buf"),
	OPT_FLAG('b', "batch", struct ctl, add.batch, "insist on --io=batch"),
	OPT_U32('g', "need_get_data", struct ctl, add.get_data, 0, 1, "1: insist on --io=get-data"),
	OPT_TEXT(0, "htlb", struct ctl, add.shared, "FILE", "the same as --shared-memory"),
	OPT_FLAG(0, "no_auto_part_scan", struct ctl, add.no_partscan, "the same as --no-partscan"),
	OPT_U32('u', "uring_comp", struct ctl, add.in_task, 0, 1, "changes nothing: the kernel decides"),
	OPT_U32('r', "user_recovery", struct ctl, add.recovery, 0, 1, "1: --recovery=requeue"),
	OPT_U32('i', "user_recovery_reissue", struct ctl, add.reissue, 0, 1, "1: --recovery=reissue"),
	OPT_U32('e', "user_recovery_fail_io", struct ctl, add.fail_io, 0, 1, "1: --recovery=fail"),
	OPT_FLAG(0, "unprivileged", struct ctl, add.unprivileged, "changes nothing: so it is where there are no rights"),
	OPT_FLAG(0, "foreground", struct ctl, add.foreground, "serve until told to end, not in the background"),
	OPT_END
};

static const struct opt check_opts[] = {
	OPT_FLAG('J', "json", struct ctl, json, "print JSON"),
	OPT_MEMORY('s', "size", struct ctl, size, "of a disk in memory that there should be room for"),
	OPT_END
};

static const struct opt boot_opts[] = {
	OPT_TEXT(0, "cmdline", struct ctl, cmdline, "FILE", "what to read instead of the kernel's command line"),
	OPT_END
};

static const struct opt common_opts[] = {
	OPT_TEXT(0, "dev-dir", struct ctl, dev_dir, "DIR", "where the device nodes are"),
	OPT_COUNT('v', "verbose", struct ctl, verbose, "tell what is done; twice: trace every command"),
	OPT_FLAG(0, "quiet", struct ctl, quiet, "tell nothing but errors"),
	OPT_END
};

static int run_boot(const struct ctl *ctl)
{
	return boot(ctl->dev_dir, ctl->cmdline);
}

static const struct subcommand subcommands[] = {
	{ "list",     "[DEV...]",   "list devices (what is done without a subcommand)", list_opts, 0, -1, ctl_list },
	{ "info",     "DEV...",     "tell everything about a device", info_opts, 1, -1, ctl_info },
	{ "status",   "DEV",        "tell the state: exit 0 live, 1 dead or quiesced, 6 absent", NULL, 1, 1, ctl_status },
	{ "features", "",           "what this kernel offers and what it is used for", json_opts, 0, 0, ctl_features },
	{ "stats",    "[DEV...]",   "tell what servers have counted", stats_opts, 0, -1, ctl_stats },
	{ "stop",     "DEV...|-a",  "stop devices that nobody uses", stop_opts, 0, -1, ctl_stop },
	{ "del",      "DEV...|-a",  "stop and delete devices that nobody uses", stop_opts, 0, -1, ctl_del },
	{ "resize",   "DEV SIZE",   "let a disk of ublk-file have another size, as its file has", resize_opts, 2, 2, ctl_resize },
	{ "prune",    "",           "delete dead devices whose server is gone", NULL, 0, 0, ctl_prune },
	{ "check",    "",           "look for what would keep ublk from working", check_opts, 0, 0, ctl_check },
	{ "udev",     "DEV",        "tell udev's rules about a device", udev_opts, 1, 1, ctl_udev },
	{ "wait",     "DEV",        "wait until a device is live", wait_opts, 1, 1, ctl_wait },
	{ "quiesce",  "DEV",        "have a disk made with --recovery wait, without a server", recover_opts, 1, 1, ctl_quiesce },
	{ "recover",  "DEV",        "have it served again, or wait until it is", recover_opts, 1, 1, ctl_recover },
	{ "upgrade",  "DEV [BINARY]|-a",	"let this program, or BINARY, serve a running disk", upgrade_opts, 0, 2, ctl_upgrade },
	{ "adopt",    "DEV",	"go on with a disk whose keeper was killed", NULL, 1, 1, ctl_adopt },
	{ "add",      "-t TYPE [SIZE|FILE]",   "make a disk as users of ublksrv do", add_opts, 0, 1, ctl_add },
	{ "boot",     "",           "make the disks that the kernel's command line asks for", boot_opts, 0, 0, run_boot },
};

static const struct opt none = OPT_END;

static const struct subcommand *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(subcommands); i++)
		if (!strcmp(subcommands[i].name, name))
			return &subcommands[i];
	return NULL;
}

static int help(void)
{
	const struct opt_table tables[] = {
		{ "Options of every subcommand", common_opts, &(struct ctl){ .dev_dir = "/dev" } },
		{ NULL, NULL, NULL },
	};

	text_out("\nUsage:\n ublk-ctl [SUBCOMMAND] [options] [DEV...]\n\n"
		 "Look at ublk devices and take them away. DEV is 3, ublkb3,\n/dev/ublkb3 or its name.\n\nSubcommands:\n");
	for (size_t i = 0; i < ARRAY_SIZE(subcommands); i++)
		text_out(" %-9s %-10s %s\n", subcommands[i].name, subcommands[i].synopsis, subcommands[i].about);
	opt_help(tables);
	text_out("\nFor more details see ublk-ctl(8).\n");
	return STATUS_OK;
}

static int help_subcommand(const struct subcommand *sub, const struct opt_table *tables)
{
	text_out("\nUsage:\n ublk-ctl %s [options] %s\n\nublk-ctl %s: %s.\n", sub->name, sub->synopsis, sub->name, sub->about);
	opt_help(tables);
	text_out("\nFor more details see ublk-ctl(8).\n");
	return STATUS_OK;
}

static int check_words(const struct subcommand *sub, const struct ctl *ctl)
{
	if (sub->devices_max >= 0 && ctl->count > sub->devices_max)
		return fail_usage("what is '%s' for?", ctl->devices[sub->devices_max]);
	if (ctl->count < sub->devices_min)
		return fail_usage("%s needs %s; DEV is a number, ublkbN, /dev/ublkbN or a name", sub->name, sub->synopsis);
	if (ctl->all && ctl->count)
		return fail_usage("-a and '%s' exclude each other", ctl->devices[0]);
	return 0;
}

static int run(char **argv)
{
	bool named = argv[0] && argv[0][0] != '-';
	const struct subcommand *sub = find(named ? argv[0] : "list");
	struct ctl ctl = { .dev_dir = "/dev", .cmdline = CMDLINE_PATH, .timeout = 30 };
	const struct opt_table tables[] = {
		{ "Options", sub && sub->opts ? sub->opts : &none, &ctl },
		{ "Options of every subcommand", common_opts, &ctl },
		{ NULL, NULL, NULL },
	};
	struct opt_words words = { 0 };
	int err;

	if (!sub)
		return (int)status_of(fail_usage("there is no subcommand or applet '%s'", argv[0]));
	err = opt_parse(tables, argv + named, &words);
	if (err == -ENOENT)
		return (int)status_of(fail_usage("%s has no option %s", sub->name, words.unknown));
	if (err)
		return (int)status_of(err);
	if (words.help)
		return named ? help_subcommand(sub, tables) : help();
	if (words.version)
		return text_out("ublk %s\n", UBLK_VERSION) < 0;
	log_level = ctl.quiet ? LOG_SILENT : (int)min_u64((uint64_t)ctl.verbose, LOG_TRACE);
	ctl.devices = words.words;
	ctl.count = words.count;
	if (ctl.number) {		/* it had a place of its own in argv */
		ctl.devices[ctl.count++] = ctl.number;
		ctl.devices[ctl.count] = NULL;
	}
	err = words.command ? fail_usage("a command makes no sense here") : check_words(sub, &ctl);
	if (err)
		return (int)status_of(err);
	if (sub->run == ctl_add || sub->run == ctl_upgrade)	/* which may become another program */
		return sub->run(&ctl);
	return child_run(sub->run, &ctl);
}

const struct applet applet_ctl = {
	.name	= "ctl",
	.number = APPLET_ctl,
	.about	= "Look at devices, stop and delete them",
	.run	= run,
};
