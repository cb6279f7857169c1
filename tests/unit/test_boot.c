/* SPDX-License-Identifier: MIT */
/*
 * test_boot.c - ublk-ctl boot: from the kernel's command line to the words that disks are made with
 *
 * In a tree of the test's own, with the volumes that are to be found in it. Nothing is mounted and nothing is started:
 * what would be is noted.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "applets/ctl/boot.h"
#include "applets/ctl/volume.h"
#include "core/applet.h"
#include "core/ctrl.h"
#include "core/device.h"
#include "core/log.h"
#include "core/registry.h"
#include "core/status.h"
#include "core/text.h"
#include "core/util.h"
#include "tests/check.h"
#include "tests/unit/calls.h"

#define HOSTS "/run/initramfs/ublk"
#define HEAD (68U << 10)

static const struct backend backend = { .mostly = IN_FILE };
static const struct applet file = { .name = "file", .number = APPLET_file, .bare = "path", .backend = &backend },
			   mem = { .name = "mem", .number = APPLET_mem, .bare = "size", .backend = &backend },
			   ctl = { .name = "ctl", .number = APPLET_ctl };
const struct applet *const applets[] = { &ctl, &file, &mem, NULL };

/* What became of it, also in children. */
static struct {
	char words[4000];		/* of the disks that were made, a line each */
	char mounted[1000];
	int disk_status, mount_error, ring_error;
	bool silent;			/* a disk does not tell its path */
	struct ublksrv_ctrl_dev_info info;
	unsigned int memory;		/* the type of the root's file system */
} *world;

static char root[] = "/tmp/ublk-boot-XXXXXX", dev[64], cmdline[64];

/* --- in the place of the driver, of exec() and of what changes the machine --------------------- */

int ctrl_open(struct ctrl *ctrl, int fd)
{
	ctrl->fd = fd;
	return world->ring_error;
}

void ctrl_close(struct ctrl *ctrl)
{
	close(ctrl->fd);
}

const char *ctrl_name(enum ublk_cmd command)
{
	(void)command;
	return "a command";
}

int ctrl_get_info(struct ctrl *ctrl, struct ctrl_device device, struct ublksrv_ctrl_dev_info *info)
{
	(void)ctrl;
	(void)device;
	*info = world->info;
	return 0;
}

int ctrl_get_params(struct ctrl *ctrl, struct ctrl_device device, struct ublk_params *params)
{
	(void)ctrl;
	(void)device;
	(void)params;
	return -EINVAL;
}

static void note_word(char *to, size_t limit, const char *word)
{
	size_t used = strlen(to);

	snprintf(to + used, limit - used, "%s%s", used && to[used - 1] != '\n' ? " " : "", word);
}

int become(const char *const *words);
int become(const char *const *words)
{
	for (; *words; words++)
		note_word(world->words, sizeof(world->words), *words);
	strcat(world->words, "\n");
	if (!world->silent && write(STDOUT_FILENO, "/dev/ublkb7\n", 12) != 12)
		return -EIO;
	_exit(world->disk_status);
}

int mount(const char *from, const char *to, const char *type, unsigned long flags, const void *options)
{
	char line[300];

	snprintf(line, sizeof(line), "%s at %s, %s%s%s%s\n", from ? from : "the same", to, type ? type : "as it is",
		 flags & MS_REMOUNT ? " again" : "", flags & MS_RDONLY ? " ro" : "", options ? (const char *)options : "");
	note_word(world->mounted, sizeof(world->mounted), line);
	errno = world->mount_error;
	return world->mount_error ? -1 : 0;
}

int mkdir(const char *path, mode_t mode)
{
	char here[400];

	snprintf(here, sizeof(here), "%s%s", strncmp(path, "/tmp/", 5) ? root : "", path);	/* mkdtemp() is with us as well */
	return mkdirat(AT_FDCWD, here, mode);
}

ssize_t readlink(const char *restrict path, char *restrict to, size_t limit)
{
	char here[400];

	snprintf(here, sizeof(here), "%s%s", root, path);
	return readlinkat(AT_FDCWD, here, to, limit);
}

int fstatfs(int fd, struct statfs *fs)
{
	CHECK(fd >= 0);
	memset(fs, 0, sizeof(*fs));
	memcpy(&fs->f_type, &(long){ (long)world->memory }, sizeof(fs->f_type));
	return 0;
}

/* --- a tree ------------------------------------------------------------------------------------------ */

static void put_bytes(const char *path, const void *bytes, size_t length)
{
	char full[300];
	int fd;

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (char *slash = strchr(full + strlen(root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		CHECK(mkdirat(AT_FDCWD, full, 0755) == 0 || errno == EEXIST);
		*slash = '/';
	}
	if (!bytes) {
		CHECK(mkdirat(AT_FDCWD, full, 0755) == 0 || errno == EEXIST);
		return;
	}
	fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	CHECK_EQ(write(fd, bytes, length), length);
	close(fd);
}

static void put(const char *path, const char *text)
{
	put_bytes(path, text, text ? strlen(text) : 0);
}

static void put_link(const char *path, const char *target)
{
	char full[300];

	put(path, "");
	snprintf(full, sizeof(full), "%s%s", root, path);
	CHECK_EQ(unlink(full), 0);
	CHECK_EQ(symlink(target, full), 0);
}

/* A device with @mark and @name at these places of it. */
static void put_volume(const char *name, size_t mark_at, const char *mark, size_t called_at, const char *called, size_t length)
{
	static char head[HEAD];
	char path[100];

	memset(head, 0, sizeof(head));
	memcpy(head + mark_at, mark, strlen(mark));
	memcpy(head + called_at, called, length);
	snprintf(path, sizeof(path), "/dev/%s", name);
	put_bytes(path, head, sizeof(head));
	snprintf(path, sizeof(path), "/sys/class/block/%s/uevent", name);
	put(path, "DEVTYPE=partition\n");
}

static void tear_down(void)
{
	char command[100];

	snprintf(command, sizeof(command), "rm -rf %s/*", root);
	CHECK_EQ(system(command), 0);
}

static void set_up(void)
{
	tear_down();
	memset(world, 0, sizeof(*world));
	put("/dev/ublk-control", "");
	put(REGISTRY, NULL);
	put("/sys/class/misc/ublk-control/dev", "10:123\n");
	put("/etc/initrd-release", "");
}

/* --- booting ------------------------------------------------------------------------------------------- */

static char said[8 << 10], printed[8 << 10];

static int boot_with(const char *text)
{
	int status, out = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC), fds[2];
	ssize_t n;

	put("/proc/cmdline", text);
	world->words[0] = world->mounted[0] = '\0';
	fflush(stdout);
	fds[0] = dup(STDOUT_FILENO);
	fds[1] = dup(STDERR_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	log_level = LOG_NORMAL;
	status = boot(dev, cmdline);
	CHECK_EQ(text_out_flush(), 0);
	dup2(fds[0], STDOUT_FILENO);
	dup2(fds[1], STDERR_FILENO);
	close(fds[0]);
	close(fds[1]);
	n = pread(out, printed, sizeof(printed) - 1, 0);
	printed[n > 0 ? n : 0] = '\0';
	n = pread(err, said, sizeof(said) - 1, 0);
	said[n > 0 ? n : 0] = '\0';
	close(out);
	close(err);
	return status;
}

static bool has(const char *text, const char *part)
{
	if (strstr(text, part))
		return true;
	printf("# there is no \"%s\" in:\n# %s\n", part, text);
	return false;
}

#define SAYS(part) CHECK(has(said, part))
#define MAKES(part) CHECK(has(world->words, part))

static void disks_are_made(void)
{
	char words[300];

	set_up();
	put("/root.img", "x");
	CHECK_EQ(boot_with("quiet ublk.mem=50%,id=7,image=/dev/ublk-control,huge=2M"), STATUS_OK);
	snprintf(words, sizeof(words), "@ublk-mem --background --root --no-progress --id=7 --dev-dir=%s --size=50%% "
		 "--image=/dev/ublk-control --huge=2M\n", dev);
	CHECK_TEXT(world->words, words);
	CHECK_TEXT(printed, "/dev/ublkb7\n");
	CHECK_EQ(boot_with("ublk.debug ublk.file=/dev/ublk-control,ro,offset=1M ublk.mem=size=1M"), STATUS_OK);
	MAKES(" --verbose --path=/dev/ublk-control --read-only --offset=1M\n");
	MAKES(" --id=1 ");
	MAKES(" --size=1M\n");
	CHECK_EQ(boot_with("ublk.file=/dev/ublk-control,path=/dev/none"), STATUS_NO_DEVICE);
	SAYS("/dev/none is not there yet");
	CHECK_EQ(boot_with("ublk=off ublk.mem=1G"), STATUS_OK);
	CHECK_TEXT(world->words, "");
	CHECK_EQ(boot_with(""), STATUS_OK);
	CHECK_EQ(boot_with("ublk.stripe=4"), STATUS_USAGE);
	SAYS("ublk.stripe: there is no such disk");
	CHECK_EQ(boot_with("ublk.ctl=4"), STATUS_USAGE);
}

static void what_fails_has_a_status(void)
{
	static char endless[5000];

	set_up();
	world->disk_status = 3;
	CHECK_EQ(boot_with("ublk.mem=1G"), STATUS_FAILED);
	CHECK_TEXT(printed, "");
	world->disk_status = 0;
	world->silent = true;
	CHECK_EQ(boot_with("ublk.mem=1G"), STATUS_FAILED);
	world->silent = false;
	CHECK_EQ(boot_with("ublk.file=/dev/none"), STATUS_NO_DEVICE);
	SAYS("/dev/none is not there yet");
	CHECK_TEXT(world->words, "");
	CHECK_EQ(boot_with("ublk.file=/dev/none ublk.mem=1G"), STATUS_NO_DEVICE);
	MAKES("@ublk-mem");			/* the others all the same */
	CHECK_EQ(boot_with("ublk.stripe=1 ublk.file=/dev/none"), STATUS_USAGE);
	CHECK_EQ(boot_with("ublk.file=/dev/none ublk.stripe=1"), STATUS_USAGE);
	calls_fail("pipe2", 1, EMFILE);
	CHECK_EQ(boot_with("ublk.mem=1G"), STATUS_FAILED);
	SAYS("cannot make a pipe");
	calls_fail("fork", 1, EAGAIN);
	CHECK_EQ(boot_with("ublk.mem=1G"), STATUS_FAILED);
	SAYS("cannot start a process");
	calls_fail("waitpid", 1, ECHILD);
	CHECK_EQ(boot_with("ublk.mem=1G"), STATUS_FAILED);
	calls_fail(NULL, 0, 0);
	memset(endless, 'a', sizeof(endless) - 1);
	CHECK_EQ(boot_with(endless), STATUS_FAILED);
	SAYS("cannot read ");
	calls_fail("open", 1, EACCES);
	CHECK_EQ(boot_with(""), STATUS_PERMISSION);
	SAYS("cannot read ");
	calls_fail(NULL, 0, 0);
}

/* What somebody has made already is as good, if it is of the kind. */
static void what_is_there_is_let_be(void)
{
	set_up();
	put(REGISTRY "/ublkc7", NULL);
	world->info = (struct ublksrv_ctrl_dev_info){ .state = UBLK_S_DEV_LIVE, .ublksrv_flags = device_mark(APPLET_mem, 1, 0) };
	CHECK_EQ(boot_with("ublk.mem=1G,id=7"), STATUS_OK);
	CHECK(has(printed, "/dev/ublkb7\n"));
	CHECK_TEXT(world->words, "");
	CHECK_EQ(boot_with("ublk.file=/dev/none,id=7"), STATUS_BUSY);
	SAYS("device 7 is there already, and no ublk-file");
	world->info.state = UBLK_S_DEV_DEAD;
	CHECK_EQ(boot_with("ublk.mem=1G,id=7"), STATUS_BUSY);
	SAYS("device 7 is dead");
	world->ring_error = -EPERM;
	CHECK_EQ(boot_with("ublk.mem=1G,id=7"), STATUS_PERMISSION);
	SAYS("cannot reach the driver");
}

/* What is for the initramfs alone is not made later; and where there is no driver yet it is loaded, with its parameters. */
static void an_initramfs_is_known(void)
{
	char full[100];

	set_up();
	CHECK_EQ(boot_with("rd.ublk.mem=1G"), STATUS_OK);
	MAKES("--size=1G");
	snprintf(full, sizeof(full), "%s/etc/initrd-release", root);
	CHECK_EQ(unlink(full), 0);
	CHECK_EQ(boot_with("rd.ublk.mem=1G ublk.mem=2G"), STATUS_OK);
	CHECK(!strstr(world->words, "--size=1G"));
	MAKES("--size=2G");
	world->memory = 0x858458f6;
	CHECK_EQ(boot_with("rd.ublk.mem=1G"), STATUS_OK);
	MAKES("--size=1G");
	world->memory = 0x01021994;
	CHECK_EQ(boot_with("rd.ublk.mem=1G"), STATUS_OK);
	MAKES("--size=1G");
	snprintf(full, sizeof(full), "%s/sys/class/misc/ublk-control/dev", root);
	CHECK_EQ(unlink(full), 0);
	*strrchr(full, '/') = '\0';
	CHECK_EQ(rmdir(full), 0);
	calls_loads(EPERM);
	CHECK_EQ(boot_with("ublk_drv.ublks_max=9 ublk.mem=2G"), STATUS_OK);	/* the disk says what became of that */
	MAKES("--size=2G");
}

/* --- volumes ----------------------------------------------------------------------------------------------- */

#define UUID "\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef"
#define UUID_TEXT "01234567-89aB-CDEF-0123-456789abcdef"

static void volumes(void)
{
	set_up();
	put_volume("fd0", 0x438, "\x53\xef", 0x478, "floppy", 6);
	put_volume("sda1", 0x438, "\x53\xef", 0x478, "ROOT", 4);
	put_volume("sda2", 0, "XFSB", 32, UUID, 16);
	put_volume("sda3", 82, "FAT32", 67, "\xef\xbe\xad\xde", 4);
	put_volume("sda4", 54, "FAT16", 43, "EFI        ", 11);
	put_volume("sda5", 0, "hsqs", 100, "", 0);
	put_volume("sda6", 0, "", 100, "", 0);
	put_volume("sr0", 0x8001, "CD001", 0x8028, "MEDIUM                          ", 32);
	put("/sys/class/block/gone/uevent", "");
	put("/sys/class/block/sda6/uevent", "DEVTYPE=partition\nPARTUUID=00aa11bb-02\nPARTN=6\n");
}

/* Where a word is found; "": nowhere. */
static const char *find(const char *word)
{
	static char node[DEVICE_PATH_MAX];

	return volume_find(word, node) == 0 ? node : "";
}

static void volumes_are_found_by_what_is_on_them(void)
{
	char full[100];

	volumes();
	CHECK(volume_is_named("LABEL=a") && volume_is_named("UUID=a") && volume_is_named("PARTUUID=a") && !volume_is_named("/dev/a"));
	CHECK_TEXT(find("LABEL=ROOT"), "/dev/sda1");
	CHECK_TEXT(find("LABEL=ROO"), "");
	CHECK_TEXT(find("LABEL=ROOTS"), "");
	CHECK_TEXT(find("LABEL=root"), "");
	CHECK_TEXT(find("LABEL="), "");
	CHECK_TEXT(find("LABEL=floppy"), "");
	CHECK_TEXT(find("LABEL=EFI"), "/dev/sda4");
	CHECK_TEXT(find("LABEL=MEDIUM"), "/dev/sr0");
	CHECK_TEXT(find("UUID=" UUID_TEXT), "/dev/sda2");
	CHECK_TEXT(find("UUID=" UUID_TEXT "0"), "");
	CHECK_TEXT(find("UUID=0123"), "");
	CHECK_TEXT(find("UUID="), "");
	CHECK_TEXT(find("UUID=g1234567-89aB-CDEF-0123-456789abcdef"), "");
	CHECK_TEXT(find("UUID=:1234567-89aB-CDEF-0123-456789abcdef"), "");
	CHECK_TEXT(find("UUID=/1234567-89aB-CDEF-0123-456789abcdef"), "");
	CHECK_TEXT(find("UUID=DEAD-BEEF"), "/dev/sda3");
	CHECK_TEXT(find("PARTUUID=00AA11BB-02"), "/dev/sda6");
	CHECK_TEXT(find("PARTUUID=00AA11BB-0"), "");
	CHECK_TEXT(find("/dev/sda1"), "/dev/sda1");
	CHECK_TEXT(find("/dev/sda9"), "");
	put("/run/udev/control", "");			/* udev knows, and has its reasons */
	CHECK_TEXT(find("LABEL=ROOT"), "");
	put_link("/dev/disk/by-label/ROOT", "../../sda6");
	CHECK_TEXT(find("LABEL=ROOT"), "/dev/sda6");
	put_link("/dev/disk/by-label/two\\x20words", "../../sda5");
	CHECK_TEXT(find("LABEL=two words"), "/dev/sda5");
	put_link("/dev/disk/by-uuid/x", "bare");
	CHECK_TEXT(find("UUID=x"), "");
	snprintf(full, sizeof(full), "rm -rf %s/sys/class/block %s/run", root, root);
	CHECK_EQ(system(full), 0);
	CHECK(!*find("LABEL=no-such-thing") || !access("/sys/class/block", F_OK));
}

static void disks_are_on_volumes(void)
{
	volumes();
	CHECK_EQ(boot_with("ublk.file=LABEL=ROOT"), STATUS_OK);		/* the device itself */
	MAKES("--path=/dev/sda1\n");
	CHECK_TEXT(world->mounted, "");
	CHECK_EQ(boot_with("ublk.file=LABEL=ROOT:/images/a:b.img"), STATUS_OK);
	CHECK_TEXT(world->mounted, "/dev/sda1 at " HOSTS "/sda1, ext4\n");
	MAKES("--path=" HOSTS "/sda1/images/a:b.img\n");
	CHECK_EQ(boot_with("ublk.file=/dev/sda2:/a.img,cow=1G ublk.file=/dev/sda3:/b,read-only ublk.mem=1G,image=/dev/sda4:/c"),
		 STATUS_OK);
	CHECK_TEXT(world->mounted, "/dev/sda2 at " HOSTS "/sda2, xfs ro\n/dev/sda3 at " HOSTS "/sda3, vfat ro\n"
		   "/dev/sda4 at " HOSTS "/sda4, vfat ro\n");
	MAKES("--path=" HOSTS "/sda2/a.img --cow=1G\n");
	MAKES("--image=" HOSTS "/sda4/c\n");
	CHECK_EQ(boot_with("ublk.file=UUID=ffff:/a.img"), STATUS_NO_DEVICE);
	SAYS("UUID=ffff is not there yet");
	CHECK_EQ(boot_with("ublk.file=/dev/sda6:/a.img"), STATUS_FAILED);
	SAYS("there is no file system known here on /dev/sda6");
	CHECK_EQ(boot_with("ublk.mem=1G,image=/dev/gone:/a.img"), STATUS_NO_DEVICE);
	world->mount_error = ENODEV;
	CHECK_EQ(boot_with("ublk.file=/dev/sda5:/a.img"), STATUS_UNSUPPORTED);	/* waiting does not help */
	SAYS("cannot mount /dev/sda5 at " HOSTS "/sda5 as squashfs");
	world->mount_error = EIO;
	CHECK_EQ(boot_with("ublk.file=/dev/sda5:/a.img"), STATUS_FAILED);
	CHECK_TEXT(world->words, "");
}

/* It may have to become writable, and does not become read-only. */
static void a_volume_may_be_mounted_already(void)
{
	volumes();
	put(HOSTS, NULL);
	put_link(HOSTS "/sda1", "/proc");		/* another file system */
	CHECK_EQ(boot_with("ublk.file=/dev/sda1:/a,ro"), STATUS_OK);
	CHECK_TEXT(world->mounted, "");
	CHECK_EQ(boot_with("ublk.file=/dev/sda1:/a"), STATUS_OK);
	CHECK_TEXT(world->mounted, "the same at " HOSTS "/sda1, as it is again\n");
	world->mount_error = EROFS;
	CHECK_EQ(boot_with("ublk.file=/dev/sda1:/a"), STATUS_FAILED);
	SAYS("cannot mount /dev/sda1");
	put(HOSTS "/sda2", NULL);			/* a directory, and nothing on it */
	world->mount_error = 0;
	CHECK_EQ(boot_with("ublk.file=/dev/sda2:/a"), STATUS_OK);
	CHECK_TEXT(world->mounted, "/dev/sda2 at " HOSTS "/sda2, xfs\n");
}

static void memory_may_be_short(void)
{
	char node[DEVICE_PATH_MAX];

	volumes();
	calls_fail("mmap", 1, ENOMEM);
	CHECK_EQ(volume_find("LABEL=ROOT", node), -ENOMEM);
	CHECK(calls_failed());
	calls_fail("mmap", 1, ENOMEM);
	CHECK_EQ(boot_with("ublk.file=/dev/sda1:/a"), STATUS_FAILED);
	SAYS("there is no file system known here on /dev/sda1");
	calls_fail("open", 2, EIO);			/* the first is the command line */
	CHECK_EQ(boot_with("ublk.file=/dev/sda1:/a"), STATUS_FAILED);
	CHECK(calls_failed());
	calls_fail(NULL, 0, 0);
}

int main(void)
{
	static const struct test tests[] = {
		{ "disks are made in words of their own", disks_are_made },
		{ "what fails has a status, and what may come still another", what_fails_has_a_status },
		{ "what is there already is let be", what_is_there_is_let_be },
		{ "an initramfs is known", an_initramfs_is_known },
		{ "volumes are found by what is on them, or by udev's links", volumes_are_found_by_what_is_on_them },
		{ "disks are on volumes, which are mounted for them", disks_are_on_volumes },
		{ "a volume may be mounted already", a_volume_may_be_mounted_already },
		{ "what cannot be looked at has no file system", memory_may_be_short },
	};
	int result;

	CHECK(mkdtemp(root));
	snprintf(dev, sizeof(dev), "%s/dev", root);
	snprintf(cmdline, sizeof(cmdline), "%s/proc/cmdline", root);
	world = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	calls_root(root);
	result = check_main(tests, ARRAY_SIZE(tests));
	tear_down();
	return rmdir(root) ? 1 : result;
}
