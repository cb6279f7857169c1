/* SPDX-License-Identifier: MIT */
/* test_keeper.c - what a keeper makes of what it finds, of signals, and of what goes wrong */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/device.h"
#include "core/name.h"
#include "core/proc.h"
#include "core/registry.h"
#include "core/status.h"
#include "core/upgrade.h"
#include "core/util.h"
#include "core/worker.h"
#include "tests/check.h"
#include "tests/unit/calls.h"
#include "tests/unit/life.h"

static char tree[64];			/* what is found there is found first */

/* @words are separated by blanks. */
static struct life life_with(const char *words, const struct model_kernel *kernel)
{
	static char copy[400];
	struct life life = life_of(&life_kinds[NULL_DISK], kernel);
	char *rest = copy;

	calls_clear();
	calls_fail_no_more();
	snprintf(copy, sizeof(copy), "%s", words);
	for (size_t i = 0; i < ARRAY_SIZE(life.words); i++)
		life.words[i] = strtok_r(rest, " ", &rest);
	return life;
}

static bool told(const char *words)
{
	if (*words ? life_told(words) : !*life_words())
		return true;
	printf("#   not \"%s\" but: %s\n", words, life_words());
	return false;
}

/* It ends before it is ready, and has nothing left. */
static void check_refused(struct life *life, int status, const char *words)
{
	CHECK(!life_is_ready(life));
	CHECK_EQ(life_end(life), status);
	CHECK(told(words));
	CHECK(!model_is_added());
	model_close();
}

/*
 * It has seen all that came before and does not end: one that stops would answer EBUSY. Twice, for what is asked first
 * may be read before that which came together with it.
 */
static void check_goes_on(const struct life *life, int answer)
{
	bool goes_on = true;

	for (int i = 0; i < 2 && goes_on; i++)
		goes_on = CHECK_EQ(life_ask(life, UPGRADE_ASKER), answer);
}

static void put_slots(void)
{
	calls_put(REGISTRY "/ublkc0", "");
	calls_put(REGISTRY "/ublkc17", "");
	calls_put("/sys/block/ublkb17/dev", "");
	calls_put("/sys/module/ublk_drv/parameters/ublks_max", "64\n");
}

static void put_private_dev(void)
{
	calls_put("/proc/devices", "Character devices:\n244 ublk-char\n");
	calls_makes_nodes(EPERM);
}

static void put_little_memory(void)
{
	calls_put("/proc/meminfo", "MemTotal: 9 kB\nMemAvailable:\t1 kB\n");
}

/* --- it comes to be ------------------------------------------------------------------------ */

static void cannot_be_added(void)
{
	static const struct {
		int error, kernel, status;
		const char *words;
		void (*put)(void);
	} rows[] = {
		{ EACCES, 5, STATUS_BUSY, "in use (1 devices have no disk)\nublk-mem: 'ublk-ctl prune' deletes dead ones; "
					  "the limit of 64", put_slots },
		{ EACCES, 5, STATUS_BUSY, "in use (0 devices have no disk)", NULL },
		{ EEXIST, 5, STATUS_BUSY, "exists already", NULL },
		{ ENOSPC, 5, STATUS_BUSY, "there is no free device number", NULL },
		{ ECANCELED, 5, STATUS_FAILED, "the kernel may start no thread for it", NULL },
		{ ENOMEM, 5, STATUS_FAILED, "add a device of 2 queues with 8 tags each", NULL },
		{ ETIMEDOUT, 5, STATUS_FAILED, "ADD_DEV has not returned after", NULL },
		{ EIO, 5, STATUS_FAILED, "cannot add a device: Input/output error", NULL },
		{ EPERM, 0, STATUS_PERMISSION, "only root may make disks here", NULL },
		{ EPERM, 5, STATUS_PERMISSION, "only root may make disks here", NULL },
		{ EPERM, 5, STATUS_PERMISSION, "the device cgroup forbids the nodes of ublk disks", put_private_dev },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct life life = life_with("mem 4M --stop-timeout=1", &model_kernels[rows[i].kernel]);

		life.model.refused.command = UBLK_CMD_ADD_DEV;
		life.model.refused.error = -rows[i].error;
		if (rows[i].put)
			rows[i].put();
		life_begin(&life);
		check_refused(&life, rows[i].status, rows[i].words);
	}
	calls_makes_nodes(0);
}

static void too_little_memory(void)
{
	struct life life = life_with("mem 4M --io=copy", NEWEST);

	put_little_memory();
	life_begin(&life);
	check_refused(&life, STATUS_FAILED, "a buffer for every tag takes 1 MiB, and only 0 MiB are free");
	life = life_with("mem 4M --io=user-copy", NEWEST);	/* which needs none */
	put_little_memory();
	life_begin(&life);
	CHECK(life_is_ready(&life));
	life_end_well(&life);
}

/* Another device, whose keeper we are. */
static struct life beside_another(const char *words, uint64_t flags)
{
	struct life life = life_with(words, NEWEST);

	life.model.other = (struct ublksrv_ctrl_dev_info){
		.dev_id = 3, .nr_hw_queues = 1, .flags = flags,
		.ublksrv_flags = device_mark(1, getpid(), proc_pid_space(DEVICE_SPACE_BITS)),
	};
	calls_put(REGISTRY "/ublkc0", "");
	calls_put(REGISTRY "/ublkc3", "");
	return life;
}

static void another_has_it(void)
{
	int name = name_hold("scratch", 3);
	struct life life = beside_another("null 4M --id=3", 0);
	char words[100];

	prctl(PR_SET_NAME, "ublk-test", 0, 0, 0);
	snprintf(words, sizeof(words), "device 3 is in use by process %d (ublk-test)", (int)getpid());
	life_begin(&life);
	check_refused(&life, STATUS_BUSY, words);
	life = beside_another("null 4M --name=scratch", 0);
	life_begin(&life);
	check_refused(&life, STATUS_BUSY, "device 3 has the name scratch already");
	life = beside_another("null 4M --name=scratches", 0);
	life_begin(&life);
	CHECK(life_is_ready(&life));
	life_end_well(&life);
	life = beside_another("null 4M --name=scratch", UBLK_F_UNPRIVILEGED_DEV);	/* a user's, and names are his own */
	life_begin(&life);
	CHECK(life_is_ready(&life));
	life_end_well(&life);
	prctl(PR_SET_NAME, "somebody", 0, 0, 0);
	life = beside_another("null 4M --id=3", 0);
	life_begin(&life);
	check_refused(&life, STATUS_BUSY, "device 3 exists already");
	close(name);
	life = life_with("null 4M --name=scratch", NEWEST);
	calls_fail_times("memfd_create", 0, 1, EMFILE);
	life_begin(&life);
	check_refused(&life, STATUS_FAILED, "name the device scratch");
}

static void makes_its_node(void)
{
	struct life life = life_with("null 4M -v", NEWEST);
	char path[80];

	snprintf(path, sizeof(path), "%s/ublkb0", life_dir);
	CHECK_EQ(unlink(path), 0);
	calls_put("/sys/block/ublkb0/dev", "259:7\n");
	life_begin(&life);
	CHECK(life_is_ready(&life));
	CHECK(told("made the node"));
	life_end_well(&life);
	CHECK_EQ(unlink(path), -1);				/* it went with the disk */
	close(open(path, O_RDWR | O_CREAT, 0600));
}

static void cannot_be_started(void)
{
	struct life life = life_with("null 4M", NEWEST);

	life.model.refused.command = UBLK_CMD_START_DEV;
	life.model.refused.error = -EINVAL;
	calls_put("/proc/self/ns/pid", "");
	life_begin(&life);
	check_refused(&life, STATUS_FAILED, "Linux 6.16 starts no disk that is served from another pid namespace");
}

static void shares_memory(void)
{
	static char path[] = "/dev/shm/ublk-keeper-XXXXXX";
	static const struct { off_t size; const char *call; int error, status; const char *words; } rows[] = {
		{ 0, NULL, 0, STATUS_FAILED, "it must be whole pages" },
		{ 100, NULL, 0, STATUS_FAILED, "it must be whole pages" },
		{ 1 << 20, "mmap", EACCES, STATUS_PERMISSION, "cannot map" },
		{ 1 << 20, "madvise", ENOMEM, STATUS_FAILED, "there is no memory for all of" },
		{ 1 << 20, "madvise", EFAULT, STATUS_FAILED, "there is no memory for all of" },
		{ 1 << 20, "madvise", EIO, STATUS_FAILED, "fill the memory of" },
		{ 1 << 20, "fstat", EIO, STATUS_FAILED, "look at" },
	};
	char words[100];
	int fd = mkstemp(path);

	snprintf(words, sizeof(words), "null 4M -v --shared-memory=%s", path);
	for (size_t i = 0; fd >= 0 && i < ARRAY_SIZE(rows); i++) {
		struct life life = life_with(words, NEWEST);

		CHECK_EQ(ftruncate(fd, rows[i].size), 0);
		if (rows[i].call)
			calls_fail_times(rows[i].call, !strcmp(rows[i].call, "mmap") ? 1 : 0, 1, rows[i].error);
		life_begin(&life);
		CHECK(!life_is_ready(&life));
		CHECK(life_end(&life) > 0 && told(rows[i].words) && !model_is_added());
		model_close();
	}
	if (fd >= 0) {
		struct life life = life_with(words, NEWEST);

		life_begin(&life);
		CHECK(life_is_ready(&life));
		CHECK(told("requests from memory of") && told("1024 KiB"));
		life_end_well(&life);
		life = life_with(words, NEWEST);
		life.model.refused.command = UBLK_CMD_REG_BUF;
		life.model.refused.error = -ENOMEM;
		life_begin(&life);
		check_refused(&life, STATUS_FAILED, "have the kernel share");
		close(fd);
	}
	unlink(path);
}

/* --- it stays in memory --------------------------------------------------------------------- */

static void stays_in_memory(void)
{
	struct life life = life_with("mem 4M --oom-score-adj=5", NEWEST);

	calls_fail_times("write", 0, 1, EACCES);
	life_begin(&life);
	check_refused(&life, STATUS_PERMISSION, "CAP_SYS_RESOURCE");
	life = life_with("mem 4M --oom-score-adj=5", NEWEST);
	calls_fail_times("write", 0, 1, EINVAL);
	life_begin(&life);
	check_refused(&life, STATUS_FAILED, "set --oom-score-adj=5");
	life = life_with("mem 4M --supervise -v", NEWEST);
	calls_fail_times("write", 0, 1, EACCES);
	life_begin(&life);
	CHECK(life_is_ready(&life));
	CHECK(told("can be killed for memory"));
	life_end_well(&life);
	life = life_with("mem 4M --mlock", NEWEST);
	calls_fail_times("mlockall", 0, 1, ENOMEM);
	life_begin(&life);
	check_refused(&life, STATUS_FAILED, "raise RLIMIT_MEMLOCK");
	life = life_with("mem 4M --mlock -v", NEWEST);
	calls_fail_times("madvise", 0, 1, EINVAL);			/* before 5.14 */
	life_begin(&life);
	CHECK(life_is_ready(&life));
	CHECK(told("the program is loaded as it runs"));
	life_end_well(&life);
}

static void not_pinned(void)
{
	struct life life = life_with("null 4M --cpu-affinity=1023 -v", NEWEST);

	life_begin(&life);
	CHECK(life_is_ready(&life));
	CHECK(told("no CPU of --cpu-affinity may be used here"));
	life_end_well(&life);
	life = life_with("null 4M", NEWEST);
	calls_fail_times("sched_getaffinity", 0, 10, EINVAL);
	life_begin(&life);
	CHECK(life_is_ready(&life));
	life_end_well(&life);
}

static void not_counted(void)
{
	struct life life = life_with("null 4M -v --stats=0", NEWEST);

	calls_fail_times("memfd_create", 0, 1, EMFILE);
	life_begin(&life);
	CHECK(life_is_ready(&life));
	CHECK(told("nothing is counted: Too many open files"));
	life_tell(&life, SIGUSR1);
	life_end_well(&life);
	CHECK(told("nothing is counted\n"));
}

static void counted_every_second(void)
{
	struct life life = life_with("null 4M --stats=1", NEWEST);

	life_begin(&life);
	CHECK(life_is_ready(&life));
	CHECK(COMES(*life_words()));
	CHECK(told("read"));
	life_end_well(&life);
}

/* --- it goes --------------------------------------------------------------------------------- */

/* How it ends when DEL_DEV says @error, with @node, if any, open somewhere. */
static void cannot_delete(int error, const char *node, void (*put)(void), int status, const char *words)
{
	struct life life = life_with("null 4M", NEWEST);
	char path[80], saved[90];
	pid_t holder = 0;

	life.model.refused.command = UBLK_CMD_DEL_DEV;
	life.model.refused.error = -error;
	if (put)
		put();
	life_begin(&life);
	CHECK(life_is_ready(&life));
	if (node) {
		snprintf(path, sizeof(path), "%s/%s", life_dir, node);
		snprintf(saved, sizeof(saved), "%s.saved", path);
		CHECK(rename(path, saved) == 0 && calls_node(path, S_IFBLK | 0600, makedev(259, 7)) == 0);
		holder = calls_holder(path, O_RDONLY);
	}
	life_tell(&life, SIGTERM);
	CHECK_EQ(life_end(&life), status);
	CHECK(told(words));
	model_close();
	if (!node)
		return;
	kill(holder, SIGKILL);
	waitpid(holder, NULL, 0);
	CHECK_EQ(rename(saved, path), 0);
}

static void put_mount(void) { calls_put("/proc/self/mounts", "/dev/ublkb0 /mnt ext4 rw 0 0\n"); }
static void put_driver(void) { calls_put("/sys/class/misc/ublk-control/dev", "10:123\n"); }
static void put_device(void) { put_driver(); calls_put(REGISTRY "/ublkc0", ""); }

static void cannot_be_deleted(void)
{
	cannot_delete(ETIMEDOUT, NULL, put_mount, STATUS_OK, "is stopped but still mounted at /mnt");
	cannot_delete(ETIMEDOUT, "ublkb0", NULL, STATUS_OK, "is stopped but still open in process");
	cannot_delete(ETIMEDOUT, "ublkc0", NULL, STATUS_FAILED, "is still open in process");
	cannot_delete(ETIMEDOUT, NULL, NULL, STATUS_FAILED, "it is left behind; run 'ublk-ctl del 0'");
	cannot_delete(EIO, NULL, NULL, STATUS_FAILED, "it is left behind; run 'ublk-ctl del 0'");
	cannot_delete(EIO, NULL, put_device, STATUS_FAILED, "it is left behind; run 'ublk-ctl del 0'");
	cannot_delete(EIO, NULL, put_driver, STATUS_OK, "");	/* somebody was quicker */
	cannot_delete(ENODEV, NULL, put_device, STATUS_OK, "");
}

static void cannot_be_stopped(void)
{
	struct life life = life_with("null 4M --stop-timeout=1", NEWEST);

	life.model.refused.command = UBLK_CMD_TRY_STOP_DEV;	/* then STOP_DEV does it */
	life.model.refused.error = -EOPNOTSUPP;
	life_begin(&life);
	CHECK(life_is_ready(&life));
	life_end_well(&life);
	for (int i = 0; i < 2; i++) {
		life = life_with("null 4M --stop-timeout=1", &model_kernels[2]);
		life.model.refused.command = UBLK_CMD_STOP_DEV;
		life.model.refused.error = i ? -ETIMEDOUT : -EIO;
		life_begin(&life);
		CHECK(life_is_ready(&life));
		life_tell(&life, SIGTERM);
		CHECK_EQ(life_end(&life), STATUS_FAILED);
		CHECK(told(i ? "STOP_DEV has not returned: the kernel waits" : "cannot stop the device: Input/output error"));
		CHECK(told("killing the server process") && told("it does not end"));
		CHECK(!model_is_added());
		model_close();
	}
}

/* Of each signal only one is kept when several come. */
static void tell_thrice(const struct life *life)
{
	life_tell(life, SIGINT);
	life_tell(life, SIGTERM);
	life_tell(life, SIGHUP);
}

static void third_signal(void)
{
	struct life life = life_with("mem 4M --stop-timeout=1000", &model_kernels[2]);

	life_begin(&life);
	CHECK(life_is_ready(&life));
	CHECK(model_freeze_server());
	tell_thrice(&life);
	CHECK(life_end(&life) >= 0);
	CHECK(told("killing the server process") && told("as told") && !model_is_added());
	model_close();
}

/* File systems are written while the disk serves: who does it may hang as well. */
static void flushed_in_the_end(void)
{
	unsigned int before = calls_flushed();
	char path[80], saved[90];

	snprintf(path, sizeof(path), "%s/ublkb0", life_dir);
	snprintf(saved, sizeof(saved), "%s.saved", path);
	CHECK_EQ(rename(path, saved), 0);
	for (int hangs = 0; hangs < 2; hangs++) {
		struct life life = life_with("mem 4M --supervise --stop-timeout=1", NEWEST);

		life.model.refused.command = UBLK_CMD_TRY_STOP_DEV;	/* nobody looks who uses it */
		life.model.refused.error = -EOPNOTSUPP;
		CHECK_EQ(hangs ? mkfifo(path, 0600) : calls_node(path, S_IFBLK | 0600, makedev(259, 7)), 0);
		life_begin(&life);
		CHECK(life_is_ready(&life));
		life_tell(&life, SIGTERM);
		life_end(&life);
		CHECK(!model_is_added());
		CHECK_EQ(life_told("it does not answer"), hangs);
		CHECK_EQ(calls_flushed() - before, 1);
		model_close();
		close(open(path, O_RDWR));			/* who hangs ends now */
		while (waitpid(-1, NULL, 0) > 0)
			;
		CHECK_EQ(unlink(path), 0);
	}
	CHECK_EQ(rename(saved, path), 0);
}

static void ends_with_its_last_user(void)
{
	struct life life = life_with("null 4M --autoclear", NEWEST);
	char path[80];

	snprintf(path, sizeof(path), "%s/ublkb0", life_dir);
	life_begin(&life);
	CHECK(life_is_ready(&life));
	close(open(path, O_RDONLY));				/* nobody has used it yet: blkid, say */
	check_goes_on(&life, EOPNOTSUPP);
	close(open(path, O_WRONLY));
	CHECK_EQ(life_end(&life), STATUS_OK);
	CHECK(!model_is_added());
	model_close();
	life = life_with("null 4M --autoclear", NEWEST);
	put_mount();
	life_begin(&life);
	CHECK(life_is_ready(&life));
	close(open(path, O_WRONLY));
	check_goes_on(&life, EOPNOTSUPP);			/* mounted */
	calls_clear();
	CHECK_EQ(life_end(&life), STATUS_OK);
	model_close();
}

/* --- its command ------------------------------------------------------------------------------- */

static struct life life_of_command(const char *script)
{
	struct life life = life_with("null 4M --oom-score-adj=5 --", NEWEST);

	life_add_word(&life, "sh");
	life_add_word(&life, "-c");
	life_add_word(&life, script);
	return life;
}

/* Reading from it waits until we write. */
static char fifo[80];

static void commands(void)
{
	static char script[300];
	struct life life = life_of_command("kill -9 $$");
	char score[16];
	int fd;

	life_begin(&life);
	CHECK_EQ(life_end(&life), 128 + SIGKILL);
	model_close();
	CHECK(proc_read("/proc/self/oom_score_adj", score, sizeof(score)) > 0);
	snprintf(script, sizeof(script), "test $(cat /proc/self/oom_score_adj) = %s", score);	/* the disk's is not its own */
	life = life_of_command(script);
	life_begin(&life);
	CHECK_EQ(life_end(&life), 0);
	model_close();
	snprintf(script, sizeof(script), "trap 'exit 7' TERM; : >%s; while :; do read x <%s; done", fifo, fifo);
	for (int i = 0; i < 2; i++) {
		life = life_of_command(script);
		life_begin(&life);
		fd = open(fifo, O_RDONLY | O_CLOEXEC);		/* it has set its trap */
		if (i)
			model_stop();				/* its disk ends without it */
		else
			life_tell(&life, SIGTERM);		/* it is passed on */
		CHECK_EQ(life_end(&life), 7);
		CHECK(!model_is_added());
		close(fd);
		model_close();
	}
	snprintf(script, sizeof(script), "trap '' INT TERM HUP; : >%s; while :; do read x <%s; done", fifo, fifo);
	life = life_of_command(script);
	life_begin(&life);
	fd = open(fifo, O_RDONLY | O_CLOEXEC);
	tell_thrice(&life);					/* two are enough for the disk, and the third for it */
	CHECK_EQ(life_end(&life), 128 + SIGKILL);
	CHECK(!model_is_added());
	close(fd);
	model_close();
}

static void commands_that_are_not_there(void)
{
	struct life life = life_with("null 4M -- /nowhere/at/all", NEWEST);

	life_begin(&life);
	CHECK_EQ(life_end(&life), STATUS_NO_COMMAND);
	model_close();
	life = life_with("null 4M -- /etc/passwd", NEWEST);
	life_begin(&life);
	CHECK_EQ(life_end(&life), STATUS_NO_EXEC);
	model_close();
	life = life_with("null 4M -- true", NEWEST);
	calls_fail_times("fork", 1, 1, EAGAIN);
	life_begin(&life);
	CHECK_EQ(life_end(&life), STATUS_OURS);
	CHECK(told("cannot start true"));
	model_close();
}

/* --- a server that was taken over ------------------------------------------------------------------ */

static void send_as_server(const void *message, size_t length, int times)
{
	int pidfd = (int)syscall(SYS_pidfd_open, model_server(), 0);
	bool sent = false;

	for (int number = 3; number < 100; number++) {
		int fd = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0), type = 0;
		socklen_t room = sizeof(type);

		if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &room) == 0 && type == SOCK_SEQPACKET)
			for (int i = 0; i < times; i++)
				sent |= send(fd, message, length, MSG_NOSIGNAL) > 0;
		close(fd);
	}
	close(pidfd);
	CHECK(sent);
}

static void talks_nonsense(void)
{
	static const struct report nonsense[] = {
		{ .kind = 77 }, { .kind = 0 }, { .kind = REPORT_FINISHED, .error = 5 }, { .kind = REPORT_READY, .error = 1 },
	};
	struct life life;

	for (size_t i = 0; i < ARRAY_SIZE(nonsense); i++) {
		life = life_with("null 4M", NEWEST);
		life_begin(&life);
		CHECK(life_is_ready(&life));
		send_as_server(&nonsense[i], sizeof(nonsense[i]), 20);
		CHECK_EQ(life_end(&life), STATUS_FAILED);
		CHECK(told("it talks nonsense") && told("died of signal 9") && !model_is_added());
		model_close();
	}
	life = life_with("null 4M", NEWEST);			/* what has another length is not even listened to */
	life_begin(&life);
	CHECK(life_is_ready(&life));
	send_as_server("x", 1, 20);
	life_end_well(&life);
}

/* --- who is told ------------------------------------------------------------------------------------- */

static int manager;			/* as systemd would be */
static char manager_told[2000];

static void listen_as_manager(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));

	memcpy(address.sun_path, name, strlen(name));
	if (*name == '@')
		*address.sun_path = '\0';
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	CHECK_EQ(bind(manager, (struct sockaddr *)&address, length), 0);
	setenv("NOTIFY_SOCKET", name, 1);
}

static const char *heard_by_manager(void)
{
	size_t used = 0;
	ssize_t n;

	while ((n = recv(manager, manager_told + used, sizeof(manager_told) - used - 1, 0)) > 0)
		used += (size_t)n;
	manager_told[used] = '\0';
	close(manager);
	unsetenv("NOTIFY_SOCKET");
	return manager_told;
}

static void the_manager_is_told(void)
{
	char path[80], abstract[100], long_path[200];
	struct life life;

	snprintf(path, sizeof(path), "%s/manager", life_dir);
	snprintf(abstract, sizeof(abstract), "@%s", path);
	for (int i = 0; i < 2; i++) {
		life = life_with("null 4M", NEWEST);
		listen_as_manager(i ? abstract : path);
		life_begin(&life);
		CHECK(life_is_ready(&life));
		life_end_well(&life);
		CHECK_TEXT(heard_by_manager(), "READY=1\nSTOPPING=1\n");
	}
	setenv("NOTIFY_SOCKET", path, 1);			/* nobody reads there any more */
	life = life_with("null 4M", NEWEST);
	life_begin(&life);
	CHECK(life_is_ready(&life));
	life_end_well(&life);
	CHECK(told("the service manager at NOTIFY_SOCKET does not listen"));
	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	setenv("NOTIFY_SOCKET", long_path, 1);
	life = life_with("null 4M", NEWEST);
	life_begin(&life);
	CHECK(life_is_ready(&life));
	life_end_well(&life);
	CHECK(!life_told("NOTIFY_SOCKET"));
	setenv("NOTIFY_SOCKET", path, 1);
	life = life_with("null 4M", NEWEST);
	calls_fail_times("socket", 0, 2, EMFILE);
	life_begin(&life);
	CHECK(life_is_ready(&life));
	life_end_well(&life);
	unsetenv("NOTIFY_SOCKET");
	unlink(path);
}

/* The keeper of a disk in the background, which is nobody's child but ours. */
static pid_t keeper_in(const char *pidfile)
{
	char text[20] = "";

	return proc_read(pidfile, text, sizeof(text)) > 0 ? atoi(text) : 0;
}

static void in_the_background(void)
{
	static char words[150];
	struct life life;
	char path[80];

	snprintf(path, sizeof(path), "%s/pid", life_dir);
	snprintf(words, sizeof(words), "null 4M --background --pidfile=%s", path);
	life = life_with(words, NEWEST);
	life_begin(&life);
	CHECK(life_is_ready(&life));
	CHECK_EQ(waitpid(life.keeper, &life.status, 0), life.keeper);
	CHECK_EQ(life.status, 0);				/* who started it goes on */
	life.keeper = keeper_in(path);
	CHECK(life.keeper > 0 && model_is_live());
	life_tell(&life, SIGHUP);
	life_tell(&life, SIGUSR1);
	check_goes_on(&life, EOPNOTSUPP);
	life_end_well(&life);
	CHECK(access(path, F_OK) < 0);
	life = life_with("null 4M --background", NEWEST);	/* how it fails is told, too */
	life.model.refused.command = UBLK_CMD_START_DEV;
	life.model.refused.error = -EIO;
	life_begin(&life);
	CHECK(!life_is_ready(&life));
	CHECK_EQ(life_end(&life), STATUS_FAILED);
	model_close();
	while (waitpid(-1, NULL, 0) > 0)
		;
}

static void pidfiles(void)
{
	static const struct { const char *call, *words; } rows[] = {
		{ "openat", "create the pidfile" },
		{ "renameat", "write the pidfile" },
	};
	char words[150], path[80];

	snprintf(path, sizeof(path), "%s/pid", life_dir);
	snprintf(words, sizeof(words), "null 4M --pidfile=%s", path);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct life life = life_with(words, NEWEST);

		calls_fail_times(rows[i].call, 0, 1, EACCES);
		life_begin(&life);
		CHECK(!life_is_ready(&life));
		CHECK(life_end(&life) > 0 && told(rows[i].words) && !model_is_added());
		CHECK(access(path, F_OK) < 0);
		model_close();
	}
}

static void nobody_hears_that_it_is_ready(void)
{
	struct life life = life_with("null 4M --ready-fd=50", NEWEST);
	int ends[2], fd;
	char line[100] = "";

	CHECK(pipe(ends) == 0 && dup2(ends[1], 50) == 50);
	close(ends[1]);
	life_begin(&life);
	close(50);
	CHECK(life_is_ready(&life));
	CHECK(read(ends[0], line, sizeof(line) - 1) > 0 && strstr(line, "/ublkb0\n"));
	life_end_well(&life);
	close(ends[0]);
	fd = open("/dev/full", O_WRONLY);
	CHECK_EQ(dup2(fd, 50), 50);
	life = life_with("null 4M --ready-fd=50", NEWEST);
	life_begin(&life);
	check_refused(&life, STATUS_FAILED, "write the device path to --ready-fd");
	close(50);
	close(fd);
	life = life_with("null 4M", NEWEST);
	calls_fail_times("dup2", 0, 10, EBUSY);
	life_begin(&life);
	life_is_ready(&life);
	CHECK_EQ(life_end(&life), STATUS_BUSY);
	CHECK(told("close standard output") && !model_is_added());
	model_close();
}

static bool has_in_tree(const char *path, const char *text)
{
	char full[150], line[100] = "";

	snprintf(full, sizeof(full), "%s%s", tree, path);
	return proc_read(full, line, sizeof(line)) > 0 && !strcmp(line, text);
}

/* It outlives what started it, and heeds no signal: the device's end is its own. */
static void of_the_root(void)
{
	static const char *const words[] = { "null 4M --root", "null 4M --root --recovery=reissue", "file --root -v " };

	for (size_t i = 0; i < ARRAY_SIZE(words) * 2; i++) {
		char all[150], name[PROC_NAME_MAX];
		struct life life;

		snprintf(all, sizeof(all), "%s%s", words[i / 2], i / 2 == 2 ? life_image : "");
		life = life_of(&life_kinds[OVER_FILE], NEWEST);
		life = life_with(all, i % 2 ? &model_kernels[0] : NEWEST);
		if (i == 3)
			continue;				/* that one recovers nothing */
		calls_put("/dev/kmsg", "");
		calls_put("/proc/self/oom_score_adj", "0\n");
		if (i == 4)
			calls_fail_times("chdir", 0, 1, EACCES);
		life_begin(&life);
		CHECK(life_is_ready(&life));
		CHECK(has_in_tree("/proc/self/oom_score_adj", "-1000"));
		tell_thrice(&life);
		check_goes_on(&life, i == 2 ? 0 : EOPNOTSUPP);
		CHECK(model_is_live());
		proc_name(life.keeper, name);
		CHECK(i != 2 || !strcmp(name, "ublk"));		/* the sign before it is none of the name's */
		model_stop();
		CHECK_EQ(life_end(&life), STATUS_OK);
		CHECK(!model_is_added());
		model_close();
	}
}

static void progress_is_shown(void)
{
	static char words[150];
	struct life life = life_of(&life_kinds[OVER_FILE], NEWEST);

	snprintf(words, sizeof(words), "mem --image=%s --progress", life_image);
	life = life_with(words, NEWEST);
	life_begin(&life);
	CHECK(life_is_ready(&life));
	CHECK(told("100%"));
	life_end_well(&life);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "why a device cannot be added is told", cannot_be_added },
		{ "buffers that there is no memory for", too_little_memory },
		{ "numbers and names that another one has", another_has_it },
		{ "a node that it has made goes with it", makes_its_node },
		{ "why a device cannot be started is told", cannot_be_started },
		{ "memory is shared with users, or it is said why not", shares_memory },
		{ "what stays in memory, or does not", stays_in_memory },
		{ "queues that cannot be pinned are served", not_pinned },
		{ "a disk that nobody can count is a disk", not_counted },
		{ "it counts every second, if it shall", counted_every_second },
		{ "why a device cannot be deleted, and whether that matters", cannot_be_deleted },
		{ "a device that cannot be stopped", cannot_be_stopped },
		{ "the third signal kills a server that hangs", third_signal },
		{ "who uses a disk that could have another server writes first", flushed_in_the_end },
		{ "a disk ends with its last user", ends_with_its_last_user },
		{ "signals and scores are its command's own", commands },
		{ "commands that are not there", commands_that_are_not_there },
		{ "a server that talks nonsense is killed", talks_nonsense },
		{ "the service manager is told", the_manager_is_told },
		{ "a disk in the background", in_the_background },
		{ "pidfiles are there whole or not at all", pidfiles },
		{ "who waits for a disk hears of it, or it does not come to be", nobody_hears_that_it_is_ready },
		{ "a disk with the root on it outlives all but its device", of_the_root },
		{ "progress is shown", progress_is_shown },
	};
	int result;

	life_go_on(argc, argv);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	life_make_place();
	snprintf(tree, sizeof(tree), "%s/tree", life_dir);
	snprintf(fifo, sizeof(fifo), "%s/fifo", life_dir);
	CHECK(mkdir(tree, 0700) == 0 && mkfifo(fifo, 0600) == 0);
	calls_root(tree);
	result = check_main(tests, ARRAY_SIZE(tests));
	calls_clear();
	CHECK(rmdir(tree) == 0 && unlink(fifo) == 0);
	life_leave_place();
	return result;
}
