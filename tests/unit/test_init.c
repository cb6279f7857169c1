/* SPDX-License-Identifier: MIT */
/*
 * test_init.c - ublk-init, as process 1 of an initramfs: what is mounted, loaded, made, deleted and run, and in which order
 *
 * Its files are a tree of the test's own. What would change the machine is noted.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"

#ifndef UBLK_VERSION
#define UBLK_VERSION "unit"
#endif
#define GAVE_UP 90
#define WENT_ON 91

/* --- in the place of the machine: children are process 1 ------------------------------------ */

static char root[] = "/tmp/ublk-init-XXXXXX";

static struct {
	char log[8000];
	char cmdline[1000];
	int boot_status, boots;			/* the last: how often it was tried */
	int boot_late, ready_after;		/* times that there is no disk, and then no root, yet */
	int news;				/* nodes that come, each at once */
	int mount_error, root_error, switch_error;
	const char *fails;			/* what mount() fails for */
	bool no_root, is_root_in_memory, has_shell, is_process_1;
	int64_t now;
} *world;

__attribute__((format(printf, 1, 2))) static void note_that(const char *format, ...)
{
	size_t used = strlen(world->log);
	va_list args;

	va_start(args, format);
	vsnprintf(world->log + used, sizeof(world->log) - used, format, args);
	va_end(args);
}

static const char *in_tree(const char *path)
{
	static char here[2][400];
	static unsigned int turn;
	char *to = here[turn++ % 2];

	snprintf(to, sizeof(here[0]), "%s%s", root, path);
	return to;
}

static pid_t init_getpid(void)
{
	return world->is_process_1 ? 1 : 77;
}

static int init_mkdir(const char *path, mode_t mode)
{
	(void)mode;
	note_that("mkdir %s\n", path);
	return 0;
}

static int init_mount(const char *from, const char *to, const char *type, unsigned long flags, const void *options)
{
	note_that("%s %s %s%s%s\n", flags & MS_MOVE ? "move" : "mount", from, to, type ? " as " : "", type ? type : "");
	errno = world->mount_error;
	if (world->fails && !strcmp(to, world->fails))
		return -1;
	errno = world->switch_error;
	(void)options;
	return flags & MS_MOVE && world->switch_error && !strcmp(to, "/") ? -1 : 0;
}

static int init_umount2(const char *path, int flags)
{
	note_that("unmount %s%s\n", path, flags == MNT_DETACH ? "" : " badly");
	return 0;
}

static int init_chdir(const char *path)
{
	note_that("chdir %s\n", path);
	return 0;
}

static int init_chroot(const char *path)
{
	note_that("chroot %s\n", path);
	return 0;
}

static int init_execv(const char *path, char *const *words)
{
	if (!strcmp(path, "/bin/sh") && world->has_shell)
		_exit(WENT_ON);
	note_that("run %s:", path);
	for (; *words; words++)
		note_that(" %s", *words);
	note_that("\n");
	if (strcmp(path, "/sbin/broken") && strcmp(path, "/bin/sh"))
		_exit(WENT_ON);
	errno = ENOEXEC;
	return -1;
}

/* Who waits for nothing waits for ever. */
static int init_poll(struct pollfd *fds, nfds_t fds_count, int limit)
{
	(void)fds;
	(void)fds_count;
	if (limit < 0)
		_exit(GAVE_UP);
	if (world->news > 0)
		return world->news-- > 0;
	world->now += limit;
	return 0;
}

static int init_open(const char *path, int flags)
{
	return open(in_tree(path), flags);
}

static int init_access(const char *path, int how)
{
	return access(in_tree(path), how);
}

static int init_stat(const char *path, struct stat *st)
{
	return stat(in_tree(path), st);
}

static int init_lstat(const char *path, struct stat *st)
{
	return lstat(in_tree(path), st);
}

static int init_fstatat(int dir, const char *name, struct stat *st, int flags)
{
	int result = fstatat(dir, name, st, flags);

	if (!strcmp(name, "another-file-system"))
		st->st_dev++;
	return !strcmp(name, "gone-meanwhile") ? -1 : result;
}

/* Only the whole tree begins with "/". */
static int init_listing_open(struct file_listing *listing, int dir, const char *path)
{
	return *path == '/' ? file_listing_open(listing, AT_FDCWD, root) : file_listing_open(listing, dir, path);
}

static int64_t init_now_ms(void)
{
	return world->now;
}

#define getpid init_getpid
#define mkdir init_mkdir
#define mount init_mount
#define umount2 init_umount2
#define chdir init_chdir
#define chroot init_chroot
#define execv init_execv
#define poll(fds, count, limit) init_poll(fds, count, limit)
#define open(path, flags) init_open(path, flags)
#define access init_access
#define stat(path, st) init_stat(path, st)
#define lstat(path, st) init_lstat(path, st)
#define fstatat init_fstatat
#define file_listing_open init_listing_open
#define now_ms init_now_ms
#include "applets/init.c"
#undef getpid
#undef mkdir
#undef mount
#undef umount2
#undef chdir
#undef chroot
#undef execv
#undef poll
#undef open
#undef access
#undef stat
#undef lstat
#undef fstatat
#undef file_listing_open
#undef now_ms

#include "tests/check.h"

/* --- in the place of ublk-ctl boot ------------------------------------------------------------ */

int boot(const char *dev_dir, const char *cmdline)
{
	world->boots++;
	CHECK(!strcmp(dev_dir, "/dev") && !strcmp(cmdline, CMDLINE_PATH));
	return world->boots > world->boot_late ? world->boot_status : STATUS_NO_DEVICE;
}

int boot_read_text(const char *path, char *text, size_t limit)
{
	int n = file_read_text(in_tree(path), text, limit);

	if (!strcmp(path, CMDLINE_PATH))
		return snprintf(text, limit, "%s", world->cmdline) < 0;
	return n < 0 ? n : 0;
}

bool boot_in_memory(const char *path)
{
	return world->is_root_in_memory && !strcmp(path, "/");
}

int volume_find(const char *word, char node[DEVICE_PATH_MAX])
{
	snprintf(node, DEVICE_PATH_MAX, "/dev/of-%s", word);
	return world->ready_after-- > 0 ? -ENODEV : 0;
}

int volume_mount(const char *node, const char *dir, const char *type, unsigned long flags, const char *options)
{
	note_that("root %s at %s, %s,%s %s\n", node, dir, type ? type : "any", flags & MS_RDONLY ? " ro" : "", options ? options : "");
	return world->root_error;
}

int driver_load_file(const char *path, const char *parameters)
{
	note_that("load %s%s\n", path, parameters);
	return strstr(path, "bad") ? -ENOEXEC : 0;
}

/* --- a machine -------------------------------------------------------------------------------- */

static char said_text[8000];

static void put(const char *path, const char *text)
{
	char full[300];
	FILE *to;

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (char *slash = strchr(full + strlen(root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		CHECK(mkdir(full, 0755) == 0 || errno == EEXIST);
		*slash = '/';
	}
	to = fopen(full, "w");
	fputs(text, to);
	fclose(to);
}

static void set_up(void)
{
	char command[100];

	snprintf(command, sizeof(command), "rm -rf %s/*", root);
	CHECK_EQ(system(command), 0);
	memset(world, 0, sizeof(*world));
	world->is_process_1 = true;
	put("/root/sbin/init", "");
	put("/root/sbin/broken", "");
}

/* How it ended; @said_text is what it printed and said. */
static int begin_with(const char *cmdline, const char *word)
{
	char *argv[] = { (char *)(uintptr_t)"/init", (char *)(uintptr_t)word, NULL };
	int file = memfd_create("said", MFD_CLOEXEC), status = 0;
	ssize_t n;
	pid_t pid;

	world->log[0] = '\0';
	world->boots = 0;
	snprintf(world->cmdline, sizeof(world->cmdline), "%s", cmdline);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		dup2(file, STDOUT_FILENO);
		dup2(file, STDERR_FILENO);
		status = applet_init.run(argv + 1);
		text_out_flush();
		_exit(status);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	n = pread(file, said_text, sizeof(said_text) - 1, 0);
	said_text[n > 0 ? n : 0] = '\0';
	close(file);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool has(const char *text, const char *part)
{
	if (strstr(text, part))
		return true;
	printf("# there is no \"%s\" in:\n# %s\n", part, text);
	return false;
}

#define DID(part) CHECK(has(world->log, part))
#define SAYS(part) CHECK(has(said_text, part))

static void a_root_is_gone_on_with(void)
{
	set_up();
	CHECK_EQ(begin_with("quiet root=LABEL=x rootfstype=ext4 rootflags=noatime rw", "single"), WENT_ON);
	CHECK_TEXT(world->log, "mkdir /dev\nmount devtmpfs /dev as devtmpfs\nmkdir /proc\nmount proc /proc as proc\n"
		   "mkdir /sys\nmount sysfs /sys as sysfs\nmkdir /run\nmount tmpfs /run as tmpfs\n"
		   "root /dev/of-LABEL=x at /root, ext4, noatime\n"
		   "move /dev /root/dev\nmove /proc /root/proc\nmove /sys /root/sys\nmove /run /root/run\n"
		   "chdir /root\nmove . /\nchroot .\nchdir /\nrun /sbin/init: /sbin/init single\n");
	CHECK_EQ(world->boots, 1);
	put("/root/bin/other", "");
	CHECK_EQ(begin_with("rw ro init=/bin/other", NULL), WENT_ON);
	DID("root /dev/of-/dev/ublkb0 at /root, any, ro \n");
	DID("run /bin/other: /bin/other\n");
}

static void a_root_may_come_late(void)
{
	set_up();
	world->ready_after = 5;
	CHECK_EQ(begin_with("", NULL), WENT_ON);
	CHECK_EQ(world->boots, 1);		/* all disks are there: no more of that */
	CHECK_EQ(world->now, 5000);
	world->boot_late = 3;
	world->ready_after = 2;
	world->now = 0;
	CHECK_EQ(begin_with("", NULL), WENT_ON);
	CHECK_EQ(world->boots, 4);
	CHECK_EQ(world->now, 5000);
	world->news = 1;			/* which cannot be opened yet: short pauses, 20 at most */
	world->ready_after = 3;
	world->now = 0;
	CHECK_EQ(begin_with("", NULL), WENT_ON);
	CHECK_EQ(world->now, 5 * 50);
	world->ready_after = 24;
	world->news = 1;
	world->now = 0;
	CHECK_EQ(begin_with("", NULL), WENT_ON);
	CHECK_EQ(world->now, 20 * 50 + 6 * 1000);
	world->boot_late = 0;
	world->boot_status = STATUS_NO_DEVICE;	/* for ever */
	world->ready_after = 0;
	world->now = 0;
	CHECK_EQ(begin_with("rootdelay=2", NULL), GAVE_UP);
	CHECK_EQ(world->now, 2000);
	world->boot_status = STATUS_OK;
	world->ready_after = 1000;
	world->now = 0;
	CHECK_EQ(begin_with("root=/dev/sda1", NULL), GAVE_UP);
	SAYS("there is no /dev/sda1, which is to be the root");
	CHECK_EQ(world->now, 30000);
	SAYS("there is no root to go on with");
	world->boot_status = STATUS_FAILED;	/* which waiting does not help */
	CHECK_EQ(begin_with("", NULL), GAVE_UP);
	CHECK_EQ(world->boots, 1);
	world->has_shell = true;
	CHECK_EQ(begin_with("", NULL), WENT_ON);
}

static void what_may_go_wrong(void)
{
	set_up();
	world->fails = "/proc";
	world->mount_error = EPERM;
	CHECK_EQ(begin_with("", NULL), WENT_ON);
	SAYS("cannot mount /proc");
	world->mount_error = EBUSY;		/* the kernel has done it */
	CHECK_EQ(begin_with("", NULL), WENT_ON);
	CHECK_TEXT(said_text, "");
	world->fails = "/root/run";
	CHECK_EQ(begin_with("", NULL), WENT_ON);
	DID("move /run /root/run\nunmount /run\n");
	world->fails = NULL;
	world->root_error = -EIO;
	CHECK_EQ(begin_with("", NULL), GAVE_UP);
	world->root_error = 0;
	world->switch_error = EINVAL;
	CHECK_EQ(begin_with("", NULL), GAVE_UP);
	SAYS("cannot make /dev/of-/dev/ublkb0 the root");
	world->switch_error = 0;
	CHECK_EQ(begin_with("init=/sbin/none", NULL), GAVE_UP);
	SAYS("cannot find /sbin/none on /dev/of-/dev/ublkb0");
	CHECK(!strstr(world->log, "move"));
	CHECK_EQ(begin_with("init=/sbin/broken", NULL), GAVE_UP);
	SAYS("cannot run /sbin/broken");
}

static void modules_are_loaded(void)
{
	set_up();
	put("/etc/modules", "/lib/a.ko\n/lib/bad.ko\n/lib/c.ko.xz\n");
	CHECK_EQ(begin_with("", NULL), WENT_ON);
	DID("load /lib/a.ko\nload /lib/bad.ko\nload /lib/c.ko.xz\nroot");
	SAYS("cannot load /lib/bad.ko");
}

/* All of the initramfs, and nothing that is mounted in it. */
static void what_is_in_memory_is_deleted(void)
{
	char path[100];

	set_up();
	put("/bin/busybox", "x");
	put("/etc/deep/er/file", "x");
	put("/another-file-system/precious", "x");
	put("/gone-meanwhile", "x");
	CHECK_EQ(begin_with("", NULL), WENT_ON);
	snprintf(path, sizeof(path), "%s/bin/busybox", root);
	CHECK_EQ(access(path, F_OK), 0);
	world->is_root_in_memory = true;
	CHECK_EQ(begin_with("", NULL), WENT_ON);
	CHECK_EQ(access(path, F_OK), -1);
	snprintf(path, sizeof(path), "%s/etc", root);
	CHECK_EQ(access(path, F_OK), -1);
	snprintf(path, sizeof(path), "%s/another-file-system/precious", root);
	CHECK_EQ(access(path, F_OK), 0);
}

static void a_console_is_opened(void)
{
	set_up();
	put("/dev/console", "");
	world->boot_status = STATUS_FAILED;
	CHECK_EQ(begin_with("", NULL), GAVE_UP);
	CHECK_TEXT(said_text, "");
	set_up();
	world->boot_status = STATUS_FAILED;
	CHECK_EQ(begin_with("", NULL), GAVE_UP);
	SAYS("there is no root");
}

static void it_is_not_for_everybody(void)
{
	set_up();
	CHECK_EQ(begin_with("", "--version"), STATUS_OK);
	SAYS("ublk ");
	CHECK_EQ(begin_with("", "-V"), STATUS_OK);
	CHECK_EQ(begin_with("", "--help"), STATUS_OK);
	SAYS("/init of an initramfs");
	world->is_process_1 = false;
	CHECK_EQ(begin_with("", NULL), STATUS_OK);
	SAYS("/init of an initramfs");
	CHECK_TEXT(world->log, "");
}

int main(void)
{
	static const struct test tests[] = {
		{ "a root is mounted, becomes the root, and its init goes on", a_root_is_gone_on_with },
		{ "a root may come late, or never", a_root_may_come_late },
		{ "what may go wrong is said", what_may_go_wrong },
		{ "modules are loaded, as far as they can be", modules_are_loaded },
		{ "what is in memory is deleted, and nothing else", what_is_in_memory_is_deleted },
		{ "messages go to the console", a_console_is_opened },
		{ "who is not process 1 is told what it is for", it_is_not_for_everybody },
	};
	char command[100];
	int result;

	CHECK(mkdtemp(root));
	world = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	result = check_main(tests, ARRAY_SIZE(tests));
	snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command) ? 1 : result;
}
