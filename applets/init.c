/* SPDX-License-Identifier: MIT */
/*
 * init.c - /init of an initramfs that holds this program and little else
 *
 * The disks of the kernel's command line are made, the root is mounted and
 * becomes the root, and its init goes on as process 1.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "applets/ctl/boot.h"
#include "applets/ctl/volume.h"
#include "core/applet.h"
#include "core/cmdline.h"
#include "core/driver.h"
#include "core/file.h"
#include "core/log.h"
#include "core/status.h"
#include "core/text.h"
#include "core/util.h"

#define MODULES "/etc/modules"		/* a path in each line, in the order to load them in */
#define NEW_ROOT "/root"
#define WAIT_S 30
#define AGAIN_MS 1000		/* for what comes without a node of its own */
#define SOON_MS 50		/* a node comes before its device can be opened */
#define SOON_TIMES 20

static const char *const kept[] = { "/dev", "/proc", "/sys", "/run" };

/* What the command line says, or else what these begin with. */
static struct {
	const char *root, *type, *options, *init, *delay;
	unsigned long flags;
} plan = { .root = "/dev/ublkb0", .init = "/sbin/init", .flags = MS_RDONLY };

static void take(char *word)
{
	static const struct { const char *name; const char **value; } known[] = {
		{ "root=", &plan.root }, { "rootfstype=", &plan.type }, { "rootflags=", &plan.options },
		{ "init=", &plan.init }, { "rootdelay=", &plan.delay },
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (!strncmp(word, known[i].name, strlen(known[i].name)))
			*known[i].value = word + strlen(known[i].name);
	if (!strcmp(word, "rw"))
		plan.flags = 0;
	else if (!strcmp(word, "ro"))
		plan.flags = MS_RDONLY;
}

/* --- prepare ------------------------------------------------------------------------------- */

static void mount_all(void)
{
	static const char *const types[] = { "devtmpfs", "proc", "sysfs", "tmpfs" };

	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		mkdir(kept[i], 0755);
		if (mount(types[i], kept[i], types[i], i == 3 ? MS_NOSUID | MS_NODEV : 0, i == 3 ? "mode=755" : NULL) < 0 &&
		    errno != EBUSY)		/* the kernel may have mounted /dev */
			fail(-errno, "mount %s", kept[i]);
	}
}

/* The kernel opened it for us if it was in the archive, which it mostly is not. */
static void open_console(void)
{
	int fd = open("/dev/console", O_RDWR | O_CLOEXEC | O_NOCTTY);

	for (int to = STDIN_FILENO; to <= STDERR_FILENO && fd >= 0; to++)
		dup2(fd, to);
}

static void load_modules(void)
{
	static char text[8 * CMDLINE_MAX];
	char *at = text, *word;

	if (access(MODULES, F_OK) < 0 || boot_read_text(MODULES, text, sizeof(text)))
		return;
	while ((word = cmdline_word(&at))) {
		int err = driver_load_file(word, "");

		if (err)
			fail(err, "load %s", word);
	}
}

/* --- the root ------------------------------------------------------------------------------ */

/*
 * What is not there yet is not told, but for the last time. Who is new has a
 * node in /dev.
 */
static int await_root(char *node)
{
	struct pollfd news = { .fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), .events = POLLIN };
	char events[1024];
	uint64_t seconds = WAIT_S;
	int status = STATUS_NO_DEVICE, soon = 0;
	int64_t end;

	if (plan.delay)
		text_is_number(plan.delay, &seconds);
	inotify_add_watch(news.fd, "/dev", IN_CREATE);
	end = now_ms() + (int64_t)min_u64(seconds, 86400) * 1000;
	for (;;) {
		bool last = now_ms() >= end;

		log_level = last ? LOG_NORMAL : LOG_SILENT;
		if (status)
			status = boot("/dev", CMDLINE_PATH);
		if (status && (status != STATUS_NO_DEVICE || last))
			return -EIO;
		if (!status && volume_find(plan.root, node) == 0)
			return 0;
		if (last)
			return fail_plain(-ENODEV, "there is no %s, which is to be the root", plan.root);
		soon = poll(&news, 1, soon > 0 ? SOON_MS : AGAIN_MS) > 0 ? SOON_TIMES : soon - 1;
		while (read(news.fd, events, sizeof(events)) > 0)
			;
	}
}

/* All below @name of @device, and nothing that is mounted there. */
static void delete(int dir, const char *name, dev_t device)
{
	struct file_listing listing;
	struct stat st;

	if (file_listing_open(&listing, dir, name))
		return;
	while ((name = file_listing_next(&listing))) {
		if (fstatat(listing.fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_dev != device)
			continue;
		if (S_ISDIR(st.st_mode))
			delete(listing.fd, name, device);
		unlinkat(listing.fd, name, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0);
	}
	file_listing_close(&listing);
}

/* What is in the initramfs takes memory until it is deleted. Anywhere else it is somebody's. */
static void switch_root(void)
{
	struct stat root;
	char to[20];

	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		text_format(to, sizeof(to), NEW_ROOT "%s", kept[i]);
		if (mount(kept[i], to, NULL, MS_MOVE, NULL) < 0)
			umount2(kept[i], MNT_DETACH);
	}
	if (boot_in_memory("/") && stat("/", &root) == 0)
		delete(AT_FDCWD, "/", root.st_dev);
}

static int go_on(char **argv)
{
	char node[DEVICE_PATH_MAX], path[CMDLINE_MAX];
	struct stat st;
	int err = await_root(node);

	log_level = LOG_NORMAL;
	if (!err)
		err = volume_mount(node, NEW_ROOT, plan.type, plan.flags, plan.options);
	if (err)
		return err;
	text_format(path, sizeof(path), NEW_ROOT "%s", plan.init);
	if (lstat(path, &st) < 0)	/* where a link leads can be seen later */
		return fail(-errno, "find %s on %s", plan.init, node);
	switch_root();
	if (chdir(NEW_ROOT) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return fail(-errno, "make %s the root", node);
	argv[0] = (char *)(uintptr_t)plan.init;
	execv(plan.init, argv);
	return fail(-errno, "run %s", plan.init);
}

/* The kernel panics when process 1 ends, and scrolls away what was said. */
static void give_up(void)
{
	static const char *const shell[] = { "sh", NULL };

	note("there is no root to go on with");
	execv("/bin/sh", (char *const *)shell);
	for (;;)
		poll(NULL, 0, -1);
}

static int help(void)
{
	static const struct opt none = OPT_END;
	const struct opt_table tables[] = { { "Options", &none, NULL }, { NULL, NULL, NULL } };

	text_out("\nUsage:\n ublk-init [word...]\n\n/init of an initramfs: mount a root on disks of the kernel's command line.\n");
	opt_help(tables);
	text_out("\nFor more details see ublk-init(8).\n");
	return STATUS_OK;
}

/* @argv is what the kernel gives process 1: words that it and modules do not know, for init. */
static int run(char **argv)
{
	static char text[CMDLINE_MAX];
	char *at = text, *word;

	if (argv[0] && (!strcmp(argv[0], "--version") || !strcmp(argv[0], "-V")))
		return text_out("ublk %s\n", UBLK_VERSION) < 0;
	if (getpid() != 1 || (argv[0] && !strcmp(argv[0], "--help")))
		return help();
	mount_all();
	open_console();
	if (!boot_read_text(CMDLINE_PATH, text, sizeof(text)))
		while ((word = cmdline_word(&at)))
			take(word);
	load_modules();
	go_on(argv - 1);
	give_up();
	return STATUS_FAILED;
}

const struct applet applet_init = {
	.name	= "init",
	.about	= "Be /init of an initramfs, with a root on such disks",
	.run	= run,
};
