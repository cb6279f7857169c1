/* SPDX-License-Identifier: MIT */
/* test_proc.c - what other processes have open is theirs to choose */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/proc.h"
#include "tests/check.h"

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
	CHECK(unlink(NODE) == 0 && rmdir(directory) == 0);
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

TESTS(
	{ "a file that is called as a device does not hold the device", files_are_no_devices },
	{ "of what another process shows as a file, only a file is opened", only_files_are_opened }
)
