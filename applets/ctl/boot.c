/* SPDX-License-Identifier: MIT */
/*
 * boot.c - the disks that the kernel's command line asks for
 *
 * Whatever makes an initramfs calls this, once or until it succeeds: what is
 * there already is let be, and a source that is not there yet has an exit
 * status of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "applets/ctl/become.h"
#include "applets/ctl/boot.h"
#include "applets/ctl/device.h"
#include "applets/ctl/volume.h"
#include "core/applet.h"
#include "core/cmdline.h"
#include "core/driver.h"
#include "core/file.h"
#include "core/log.h"
#include "core/status.h"
#include "core/text.h"
#include "core/util.h"

#define HOSTS "/run/initramfs/ublk"	/* systemd does not try to unmount what is below /run/initramfs */
#define HOST_FLAGS (MS_NOSUID | MS_NODEV)
#define ROOM 8192

/* The words of a command, which lie in @text. */
struct words {
	const char *list[CMDLINE_WORDS + 8];
	unsigned int count;
	char text[ROOM];
	size_t used;
};

__attribute__((format(printf, 2, 3))) static void say(struct words *words, const char *format, ...)
{
	size_t left = ROOM - words->used;
	va_list args;

	va_start(args, format);
	words->list[words->count++] = words->text + words->used;
	words->used += min_u64((uint64_t)text_vformat(words->text + words->used, left, format, args) + 1, left - 1);
	va_end(args);
}

/* --- where the source is ------------------------------------------------------------------ */

/* Is nothing written to where it is? */
static bool only_reads(const struct wanted_disk *disk)
{
	for (const char *const *word = disk->words; *word; word++)
		if (!strcmp(*word, "ro") || !strcmp(*word, "read-only") || !strncmp(*word, "cow", 3))
			return true;
	return strcmp(disk->applet, "file");
}

/* Mounted already, for another disk? Then it may have to become writable. */
static int mount_host(const char *node, const char *dir, bool read_only)
{
	struct stat hosts, mounted;

	if (stat(HOSTS, &hosts) < 0 || stat(dir, &mounted) < 0 || mounted.st_dev == hosts.st_dev)
		return volume_mount(node, dir, NULL, HOST_FLAGS | (read_only ? MS_RDONLY : 0), NULL);
	if (!read_only && mount(NULL, dir, NULL, MS_REMOUNT | HOST_FLAGS, NULL) < 0)
		return fail(-errno, "mount %s", node);
	return 0;
}

static int not_there(const char *what)
{
	note("%s is not there yet", what);
	return -ENODEV;
}

/* /path, DEV:/path or DEV, to a path into @path. 0; -ENODEV if it may come still, said; or -errno, said. */
static int reach(const struct wanted_disk *disk, const char *source, char *path, size_t limit)
{
	char device[DEVICE_PATH_MAX], node[DEVICE_PATH_MAX], dir[DEVICE_PATH_MAX];
	const char *colon = NULL;
	int err;

	for (const char *at = *source == '/' || volume_is_named(source) ? source : ""; (at = strchr(at, ':')); at++)
		colon = at[1] == '/' ? at : colon;
	if (!colon && !volume_is_named(source)) {
		text_format(path, limit, "%s", source);
		return access(path, F_OK) < 0 ? not_there(path) : 0;
	}
	text_format(device, sizeof(device), "%.*s", (int)(colon ? colon - source : (long)strlen(source)), source);
	err = volume_find(device, node);
	if (err)
		return err == -ENODEV ? not_there(device) : err;
	if (!colon) {
		text_format(path, limit, "%s", node);
		return 0;
	}
	text_format(dir, sizeof(dir), HOSTS "/%s", strrchr(node, '/') + 1);
	err = mount_host(node, dir, only_reads(disk));
	text_format(path, limit, "%s%s", dir, colon + 1);
	return err;
}

/* --- make one ----------------------------------------------------------------------------- */

static const struct applet *find_applet(const char *name)
{
	for (size_t i = 0; applets[i]; i++)
		if (applets[i]->backend && !strcmp(applets[i]->name, name))
			return applets[i];
	return NULL;
}

/* Is @word what its disk is made of? Then where that begins, or else NULL. */
static const char *source_in(const struct applet *applet, const char *word, bool first)
{
	bool of_paths = applet->bare && !strcmp(applet->bare, "path");

	if (first && of_paths)
		return word;
	if (of_paths && !strncmp(word, "path=", 5))
		return word + 5;
	return !strncmp(word, "image=", 6) ? word + 6 : NULL;
}

static int say_option(struct words *words, const struct applet *applet, const struct wanted_disk *disk, const char *word, bool first)
{
	const char *source = source_in(applet, word, first);
	char path[DEVICE_PATH_MAX + CMDLINE_MAX];
	int err = 0;

	if (source) {
		err = reach(disk, source, path, sizeof(path));
		say(words, "--%s=%s", first && source == word ? applet->bare : strncmp(word, "image", 5) ? "path" : "image", path);
	} else if (first && !strchr(word, '=')) {
		say(words, "--%s=%s", applet->bare, word);
	} else {
		say(words, "--%s", strcmp(word, "ro") ? word : "read-only");
	}
	return err;
}

/* Serve it. Its path comes as the line that each disk prints when it is there. */
static int run(const struct words *words, char *line, size_t limit)
{
	int ends[2], status = 0;
	size_t used = 0;
	ssize_t n = 0;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail(-errno, "make a pipe");
	pid = fork();
	if (!pid) {
		dup2(ends[1], STDOUT_FILENO);
		become(words->list);
		_exit(STATUS_FAILED);
	}
	if (pid < 0)
		fail(-errno, "start a process");	/* and there is nothing to read */
	close(ends[1]);
	while (used < limit - 1 && (n = RETRY(read(ends[0], line + used, limit - 1 - used))) > 0)
		used += (size_t)n;
	close(ends[0]);
	line[used] = '\0';
	if (pid < 0 || RETRY(waitpid(pid, &status, 0)) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) || !used)
		return -EIO;
	return 0;
}

static int make(const char *dev_dir, const struct applet *applet, const struct wanted_disk *disk, bool debug)
{
	struct words words = { .list = { NULL, "--background", "--root", "--no-progress" } };
	char line[DEVICE_PATH_MAX + 1];
	int err = 0;

	say(&words, "@ublk-%s", applet->name);
	words.count += 3;
	say(&words, "--id=%" PRIu32, disk->id);
	say(&words, "--dev-dir=%s", dev_dir);
	if (debug)
		say(&words, "--verbose");
	for (unsigned int i = 0; disk->words[i] && !err; i++)
		err = say_option(&words, applet, disk, disk->words[i], !i);
	if (!err)
		err = run(&words, line, sizeof(line));
	if (!err)
		text_out("%s", line);
	return err;
}

/* One that somebody has made already is as good, if it is of the kind. */
static int check_there(const char *dev_dir, const struct applet *applet, const struct wanted_disk *disk)
{
	struct ctrl ctrl = { .fd = -1 };
	struct found device;
	int err = driver_try(&ctrl, dev_dir);

	if (err)
		return fail(err, "reach the driver");
	found_look(&device, &ctrl, dev_dir, disk->id);
	if (found_applet(&device) != applet)
		err = fail_plain(-EEXIST, "device %" PRIu32 " is there already, and no ublk-%s", disk->id, applet->name);
	else if (device.info.state == UBLK_S_DEV_DEAD)
		err = fail_plain(-EBUSY, "device %" PRIu32 " is dead", disk->id);
	else
		text_out("%s\n", device.block_path);
	ctrl_close(&ctrl);
	return err;
}

static int want(const char *dev_dir, const struct wanted_disk *disk, bool debug)
{
	const struct applet *applet = find_applet(disk->applet);

	if (!applet)
		return fail_usage("ublk.%s: there is no such disk", disk->applet);
	return found_exists(disk->id) ? check_there(dev_dir, applet, disk) : make(dev_dir, applet, disk, debug);
}

/* --- all of them -------------------------------------------------------------------------- */

int boot_read_text(const char *path, char *text, size_t limit)
{
	int n = file_read_text(path, text, limit);

	if (n == (int)limit - 1)
		n = -E2BIG;		/* the rest would be missing */
	return n < 0 ? fail(n, "read %s", path) : 0;
}

bool boot_in_memory(const char *path)
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	bool in_memory = fd >= 0 && file_in_memory(fd);

	if (fd >= 0)
		close(fd);
	return in_memory;
}

/* That there is this file is how the systems that make one tell; in others the root is in memory. */
static bool in_initramfs(void)
{
	return access("/etc/initrd-release", F_OK) == 0 || boot_in_memory("/");
}

/* What is not there yet counts less than what went wrong. */
static int worse(int one, int other)
{
	return !one || (one == -ENODEV && other) ? other : one;
}

int boot(const char *dev_dir, const char *cmdline)
{
	static struct cmdline c;
	bool early = in_initramfs();
	int err;

	memset(&c, 0, sizeof(c));
	err = boot_read_text(cmdline, c.text, sizeof(c.text));
	if (err)
		return (int)status_of(err);
	err = cmdline_parse(&c, early);
	if (c.off)
		return STATUS_OK;
	if (c.debug)
		log_level = LOG_VERBOSE;
	if (c.count && !driver_present())
		driver_load(c.parameters);	/* a disk tells what became of that */
	for (unsigned int i = 0; i < c.count; i++)
		if (early || !c.disks[i].early)
			err = worse(err, want(dev_dir, &c.disks[i], c.debug));
	return (int)status_of(err);
}
