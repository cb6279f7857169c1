/* SPDX-License-Identifier: MIT */
/* test_proc.c - what other processes have open is theirs to choose */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/proc.h"
#include "core/util.h"
#include "tests/check.h"
#include "tests/unit/calls.h"

#define NODE "ublkb4242"	/* of no device that there is */

static void files_are_no_devices(void)
{
	char directory[] = "/tmp/ublk-test-XXXXXX";
	int go[2], ready[2], status;
	struct holder holder;
	char byte;
	pid_t pid;

	CHECK(mkdtemp(directory) && chdir(directory) == 0 && pipe(go) == 0 && pipe(ready) == 0);
	pid = fork();
	if (!pid) {
		close(go[1]);
		_exit(open(NODE, O_RDWR | O_CREAT, 0600) < 0 || write(ready[1], "", 1) != 1 || read(go[0], &byte, 1));
	}
	CHECK_EQ(read(ready[0], &byte, 1), 1);
	CHECK(!proc_find_holder("/dev/" NODE, 0, &holder));
	close(go[1]);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK(unlink(NODE) == 0 && rmdir(directory) == 0 && chdir("/") == 0);
}

static void only_files_are_opened(void)
{
	char path[] = "/tmp/ublk-test-XXXXXX";
	int fd = mkstemp(path), found = proc_open_link(getpid(), path);

	CHECK(fd >= 0 && found >= 0 && found != fd);
	close(found);
	close(fd);
	/* held open for both, so that nobody who opens it as well would wait */
	CHECK(unlink(path) == 0 && mkfifo(path, 0600) == 0);
	fd = open(path, O_RDWR);
	CHECK_EQ(proc_open_link(getpid(), path), -ENOENT);
	close(fd);
	unlink(path);
	fd = open("/dev/full", O_PATH);
	CHECK_EQ(proc_open_link(getpid(), "/dev/full"), -ENOENT);
	close(fd);
}

/* --- in a tree of our own ------------------------------------------------------------------ */

static char root[] = "/tmp/ublk-proc-XXXXXX";

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
}

static void who_holds_a_device(void)
{
	char path[100], shorter[100];
	struct holder holder;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/" NODE "1p2", root);
	snprintf(shorter, sizeof(shorter), "%s/" NODE, root);
	CHECK_EQ(calls_node(path, S_IFBLK | 0600, makedev(259, 7)), 0);
	pid = calls_holder(path, O_RDWR);
	CHECK(!proc_find_holder(shorter, 0, &holder));		/* that is another one */
	path[strlen(path) - 2] = '\0';				/* what it is a partition of */
	CHECK(proc_find_holder(path, 0, &holder));
	CHECK_EQ(holder.pid, pid);
	CHECK_TEXT(holder.name, "has-it");
	CHECK(proc_find_holder(strrchr(path, '/') + 1, 0, &holder));
	CHECK(!proc_find_holder(path, pid, &holder));
	calls_fail_times("openat", 0, 1, EMFILE);
	CHECK(!proc_find_holder(path, 0, &holder));
	end(pid);
	CHECK(!proc_find_holder(path, 0, &holder));
}

static void who_lives(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	CHECK(proc_alive(getpid()) && !proc_alive(0) && !proc_alive(-1) && !proc_alive((1 << 22) + 1));
	CHECK_EQ(waitid(P_PID, (id_t)pid, NULL, WEXITED | WNOWAIT), 0);
	CHECK(!proc_alive(pid));				/* though nobody has waited for it */
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	calls_fail_times("poll", 0, 1, EINTR);
	CHECK(proc_alive(getpid()));
}

static void what_it_is_called(void)
{
	char name[PROC_NAME_MAX];

	proc_name((1 << 22) + 1, name);
	CHECK_TEXT(name, "?");
	calls_put("/proc/4194305/comm", "a name\n");
	proc_name((1 << 22) + 1, name);
	CHECK_TEXT(name, "a name");
}

static void where_it_is_mounted(void)
{
	static char lines[10000];
	char where[40];

	calls_put("/proc/self/mounts", "nonsense\n/dev/ublkb31 /other ext4 rw 0 0\nublkb3 /bare ext4 rw 0 0\n");
	CHECK(proc_mount_point("/dev/ublkb3", where, sizeof(where)));
	CHECK_TEXT(where, "/bare");
	CHECK(!proc_mount_point("/dev/ublkb4", where, sizeof(where)));
	memset(lines, 'x', 9000);				/* longer than any that counts */
	strcpy(lines + 9000, " /x x\n/dev/ublkb4p1 /partition ext4 rw 0 0\n");
	calls_put("/proc/self/mounts", lines);
	CHECK(proc_mount_point("ublkb4", where, sizeof(where)));
	CHECK_TEXT(where, "/partition");
	calls_fail_times("open", 0, 1, EMFILE);
	CHECK(!proc_mount_point("/dev/ublkb4", where, sizeof(where)));
	calls_fail_times("read", 0, 1, EIO);
	CHECK(!proc_mount_point("/dev/ublkb4", where, sizeof(where)));
	calls_fail_times("read", 0, 1, EINTR);
	CHECK(proc_mount_point("/dev/ublkb4", where, sizeof(where)));
}

static void what_is_escaped(void)
{
	static const struct { const char *text, *plain; } texts[] = {
		{ "/a\\040b", "/a b" }, { "\\134\\011", "\\\t" }, { "\\", "\\" }, { "\\0", "\\0" }, { "\\04", "\\04" },
		{ "\\400", "\\400" }, { "\\080", "\\080" }, { "\\008", "\\008" }, { "\\ 40", "\\ 40" }, { "\\0 0", "\\0 0" },
		{ "\\00 ", "\\00 " }, { "", "" },
	};
	char text[20];

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		strcpy(text, texts[i].text);
		proc_unescape(text);
		CHECK_TEXT(text, texts[i].plain);
	}
}

static void what_a_disk_is_kept_in(void)
{
	char path[100], found[100];
	pid_t pid;

	snprintf(path, sizeof(path), "%s/kept", root);
	calls_put("/kept", "");
	pid = calls_holder(path, O_RDWR);				/* it was given that */
	CHECK(!proc_own_file(pid, found, sizeof(found)));
	end(pid);
	pid = calls_holder(path, O_RDWR | O_CLOEXEC);
	CHECK(proc_own_file(pid, found, sizeof(found)));
	CHECK_TEXT(found, path);
	calls_fail_times("fstatat", 0, 100, ENOENT);
	CHECK(!proc_own_file(pid, found, sizeof(found)));
	calls_fail_no_more();
	calls_fail_times("open", 0, 100, EMFILE);			/* of what it may have been given nothing is known */
	CHECK(!proc_own_file(pid, found, sizeof(found)));
	calls_fail_no_more();
	end(pid);
	pid = calls_holder("/dev/full", O_RDWR | O_CLOEXEC);
	CHECK(!proc_own_file(pid, found, sizeof(found)));
	end(pid);
	CHECK(!proc_own_file(pid, found, sizeof(found)));
}

static void descriptors_by_their_links(void)
{
	int fd = memfd_create("ublk-test:seven", MFD_CLOEXEC);
	char text[40];

	CHECK_EQ(proc_find_descriptor(getpid(), "/memfd:ublk-test:"), fd);
	CHECK(proc_find_link(getpid(), "/memfd:ublk-test:", text, sizeof(text)));
	CHECK_TEXT(text, "seven (deleted)");
	CHECK(!proc_find_link(getpid(), "/memfd:ublk-none:", text, sizeof(text)));
	CHECK_EQ(proc_find_descriptor((1 << 22) + 1, "/memfd:"), -ENOENT);
	calls_fail_times("readlinkat", 0, 1000, EACCES);
	CHECK_EQ(proc_find_descriptor(getpid(), "/memfd:ublk-test:"), -ENOENT);
	calls_fail_no_more();
	calls_fail_times("openat", 0, 1, EACCES);
	CHECK_EQ(proc_open_link(getpid(), "/memfd:ublk-test:seven (deleted)"), -EACCES);
	calls_fail_times("openat", 1, 1, EMFILE);			/* the descriptor, not the directory */
	CHECK_EQ(proc_open_link(getpid(), "/memfd:ublk-test:seven (deleted)"), -EMFILE);
	calls_fail_times("open", 0, 1, EMFILE);
	CHECK_EQ(proc_open_link(getpid(), "/memfd:ublk-test:seven (deleted)"), -EMFILE);
	calls_fail_times("fstat", 0, 1, EIO);
	CHECK_EQ(proc_open_link(getpid(), "/memfd:ublk-test:seven (deleted)"), -ENOENT);
	close(fd);
}

static void numbers_of_devices(void)
{
	static const struct { const char *text; int result; } texts[] = {
		{ "259:7\n", 0 }, { "x:7\n", -EINVAL }, { "259\n", -EINVAL }, { "259;7\n", -EINVAL },
		{ "259:\n", -EINVAL }, { "", -EINVAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		dev_t device = 0;

		calls_put("/sys/block/ublkb3/dev", texts[i].text);
		CHECK_EQ(proc_read_device("/sys/block/ublkb3/dev", &device), texts[i].result);
		CHECK(texts[i].result || device == makedev(259, 7));
	}
	calls_put("/proc/devices", "Character devices:\n  1 mem\n 5\n6;ublk-char\n244 ublk-chart\n 245 ublk-char\n\n"
		  "Block devices:\n259 ublk-char\n");
	CHECK_EQ(proc_char_major("ublk-char"), 245);
	CHECK_EQ(proc_char_major("none"), 0);
	calls_put("/proc/devices", "  1 mem\n");
	CHECK_EQ(proc_char_major("mem"), 1);
	calls_fail_times("open", 0, 1, EACCES);
	CHECK_EQ(proc_char_major("mem"), 0);
}

static void whether_nodes_appear_there(void)
{
	char line[200];
	struct stat st;

	CHECK_EQ(stat(root, &st), 0);
	snprintf(line, sizeof(line), "20 1 %u:%u / /dev rw - tmpfs x rw\n", major(st.st_dev), minor(st.st_dev));
	calls_put("/proc/self/mountinfo", line);
	CHECK(!proc_is_devtmpfs(root));
	snprintf(line, sizeof(line), "20 1 %u:%u / /dev rw - tmpfs x rw\n21 1 %u:%u / /dev rw - devtmpfs x rw\n",
		 major(st.st_dev), minor(st.st_dev) + 1, major(st.st_dev), minor(st.st_dev));
	calls_put("/proc/self/mountinfo", line);
	CHECK(proc_is_devtmpfs(root));
	CHECK(!proc_is_devtmpfs("/nowhere/at/all"));
	calls_fail_times("open", 0, 1, EACCES);
	CHECK(!proc_is_devtmpfs(root));
}

static void what_threads_say(void)
{
	char text[40];

	calls_put("/proc/4194305/task/1/status", "Name:\ta\nSeccomp:\t2\n");
	calls_put("/proc/4194305/task/2/status", "Seccomp:\t2\n");
	calls_put("/proc/4194305/task/3/gone", "");
	CHECK(proc_threads_say((1 << 22) + 1, "Seccomp", text, sizeof(text)));
	CHECK_TEXT(text, "2");
	calls_put("/proc/4194305/task/2/status", "Seccomp:\t0\n");
	CHECK(!proc_threads_say((1 << 22) + 1, "Seccomp", text, sizeof(text)));
	CHECK(!proc_threads_say((1 << 22) + 1, "NoNewPrivs", text, sizeof(text)));
	CHECK(!proc_threads_say((1 << 22) + 2, "Seccomp", text, sizeof(text)));
}

static void what_it_may(void)
{
	calls_put("/proc/self/status", "CapEff:\t000000000000a0c1\nCapPrm:\t00000000000000ff\nCapEffort\n");
	CHECK(proc_capable(0) && proc_capable(6) && proc_capable(15) && !proc_capable(1) && !proc_capable(14));
	CHECK_EQ(proc_capabilities("/proc/self/status", "CapBnd"), 0);
	CHECK_EQ(proc_capabilities("/proc/self/status", "CapPrm"), 0xff);
}

static void who_has_mapped_it(void)
{
	calls_put("/proc/4194305/maps", "7f00-7f10 rw-s 0 00:05 1   /dev/ublkc31\n7f10-7f20 rw-p 0 00:00 0\n");
	CHECK(!proc_has_mapped((1 << 22) + 1, "/dev/ublkc3"));
	CHECK(proc_has_mapped((1 << 22) + 1, "/dev/ublkc31"));
	calls_put("/proc/4194305/maps", "7f00-7f10 rw-s 0 00:05 1   /dev/ublkc3 (deleted)\n");
	CHECK(proc_has_mapped((1 << 22) + 1, "ublkc3"));
	CHECK(!proc_has_mapped((1 << 22) + 2, "/dev/ublkc3"));
}

static void which_namespace(void)
{
	calls_put("/proc/self/ns/pid", "");
	CHECK(proc_in_namespace("pid"));			/* that is not the first one's inode */
	calls_fail_times("stat", 0, 2, EACCES);
	CHECK(!proc_in_namespace("user"));
	CHECK_EQ(proc_pid_space(8), 0);
	CHECK(proc_pid_space(20) < 1U << 20);
}

static void what_is_written(void)
{
	char text[10];

	calls_put("/sys/number", "");
	CHECK_EQ(proc_write("/sys/number", "7"), 0);
	CHECK_EQ(proc_read("/sys/number", text, sizeof(text)), 1);
	calls_fail_times("write", 0, 1, EINVAL);
	CHECK_EQ(proc_write("/sys/number", "7"), -EINVAL);
	calls_fail_times("write", 0, 1, EINTR);
	CHECK_EQ(proc_write("/sys/number", "7"), 0);
	calls_fail_times("open", 0, 1, EINTR);
	CHECK_EQ(proc_write("/sys/number", "7"), 0);
	CHECK_EQ(proc_write("/sys/none", "7"), -ENOENT);
}

int main(void)
{
	static const struct test tests[] = {
		{ "a file that is called as a device does not hold the device", files_are_no_devices },
		{ "of what another process shows as a file, only a file is opened", only_files_are_opened },
		{ "who holds a device, or a partition of it, is found", who_holds_a_device },
		{ "who has ended does not live, though nobody has waited for him", who_lives },
		{ "a process has a name, or '?'", what_it_is_called },
		{ "where a device is mounted is found among lines of any length", where_it_is_mounted },
		{ "what the kernel escapes is unescaped, and nothing else", what_is_escaped },
		{ "a disk is kept in a file of its server's own", what_a_disk_is_kept_in },
		{ "descriptors are found by what they lead to", descriptors_by_their_links },
		{ "numbers of devices are read, and nonsense is not", numbers_of_devices },
		{ "whether nodes appear in a directory", whether_nodes_appear_there },
		{ "what all threads of a process say, if they agree", what_threads_say },
		{ "capabilities are bits of a hexadecimal number", what_it_may },
		{ "who has mapped a device is found", who_has_mapped_it },
		{ "namespaces are known by their inodes", which_namespace },
		{ "numbers are written, whatever interrupts", what_is_written },
	};
	int result;

	CHECK(mkdtemp(root));
	calls_root(root);
	result = check_main(tests, ARRAY_SIZE(tests));
	calls_clear();
	return result | rmdir(root);
}
