/* SPDX-License-Identifier: MIT */
/*
 * test_tools.c - ublk-ctl, from its words to what it prints and its exit status
 *
 * The driver is the test's own (in the place of core/ctrl.c), and so is the tree in which devices are found. Keepers and
 * servers are real processes, which hold what such processes hold. Time passes as soon as nothing happens.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "core/applet.h"
#include "core/ctrl.h"
#include "core/device.h"
#include "core/log.h"
#include "core/name.h"
#include "core/proc.h"
#include "core/registry.h"
#include "core/state.h"
#include "core/stats.h"
#include "core/status.h"
#include "core/text.h"
#include "core/upgrade.h"
#include "core/util.h"
#include "tests/check.h"
#include "tests/unit/calls.h"

#define DEVICES 8
#define HANGS -ETIMEDOUT
#define ABSENT (DEVICES - 1)		/* no test makes this one */

/* --- programs that devices can be of ------------------------------------------------------ */

static uint64_t any_size(void *self)
{
	(void)self;
	return 0;
}

extern const struct applet applet_ctl;
static const struct backend of_file = { .mostly = IN_FILE, .size = any_size }, of_memory = { .mostly = IN_MEMORY };
static const struct applet file = { .name = "file", .number = APPLET_file, .backend = &of_file },
			   mem = { .name = "mem", .number = APPLET_mem, .backend = &of_memory };
const struct applet *const applets[] = { &file, &mem, &applet_ctl, NULL };

/* --- the driver: all processes have the same ------------------------------------------------ */

static struct driver {
	struct {
		struct ublksrv_ctrl_dev_info info;
		struct ublk_params params;
		int info_error, params_error, stop_error, try_error, del_error, resize_error, quiesce_error;
		unsigned int busy;		/* times that it is in use still */
		uint64_t sectors;
		bool gone_with_stop;
	} devices[DEVICES];
	uint64_t features;
	bool features_known;
	int open_error, reopen_error, ring_error, answer, ask_error;
	unsigned int opened;
	bool silent;				/* whoever is asked to do something does not answer */
	char sent[4000];			/* to whom which command went */
	char asked[40];
} *driver;

static char root[] = "/tmp/ublk-tools-XXXXXX", dev[64];

static void remove_node(uint32_t id)
{
	char path[200];

	snprintf(path, sizeof(path), "%s" REGISTRY "/ublkc%u", root, id);
	rmdir(path);
}

static void note_sent(const char *command, uint32_t id)
{
	size_t used = strlen(driver->sent);

	snprintf(driver->sent + used, sizeof(driver->sent) - used, "%s %u\n", command, id);
}

static int answered(struct ctrl *ctrl, enum ublk_cmd command, int error)
{
	ctrl->pending = error == HANGS ? command : 0;
	return error;
}

int ctrl_open(struct ctrl *ctrl, int fd)
{
	int error = driver->opened++ ? driver->reopen_error : driver->open_error;

	if (error)
		return error;
	*ctrl = (struct ctrl){ .fd = fd, .features = driver->features, .features_known = driver->features_known };
	return 0;
}

void ctrl_close(struct ctrl *ctrl)
{
	if (ctrl->fd >= 0)
		close(ctrl->fd);
	ctrl->fd = -1;
	ctrl->pending = 0;
}

const char *ctrl_name(enum ublk_cmd command)
{
	return command == UBLK_CMD_GET_DEV_INFO2 ? "GET_DEV_INFO2" : "another";
}

int ctrl_get_info(struct ctrl *ctrl, struct ctrl_device device, struct ublksrv_ctrl_dev_info *info)
{
	*info = driver->devices[device.id].info;
	return answered(ctrl, UBLK_CMD_GET_DEV_INFO2, driver->devices[device.id].info_error);
}

int ctrl_get_params(struct ctrl *ctrl, struct ctrl_device device, struct ublk_params *params)
{
	(void)ctrl;
	*params = driver->devices[device.id].params;
	return driver->devices[device.id].params_error;
}

static int stopped(uint32_t id, int error)
{
	if (!error || driver->devices[id].gone_with_stop)
		driver->devices[id].info.state = UBLK_S_DEV_DEAD;
	if (driver->devices[id].gone_with_stop)
		remove_node(id);
	return error;
}

int ctrl_stop(struct ctrl *ctrl, struct ctrl_device device, int limit_ms)
{
	(void)limit_ms;
	note_sent("stop", device.id);
	return answered(ctrl, UBLK_CMD_STOP_DEV, stopped(device.id, driver->devices[device.id].stop_error));
}

int ctrl_try_stop(struct ctrl *ctrl, struct ctrl_device device, int limit_ms)
{
	int error = driver->devices[device.id].try_error;

	(void)limit_ms;
	note_sent("try", device.id);
	if (driver->devices[device.id].busy) {
		driver->devices[device.id].busy--;
		error = -EBUSY;
	}
	return answered(ctrl, UBLK_CMD_TRY_STOP_DEV, stopped(device.id, error));
}

int ctrl_del(struct ctrl *ctrl, struct ctrl_device device, int limit_ms)
{
	(void)limit_ms;
	note_sent("del", device.id);
	if (!driver->devices[device.id].del_error)
		remove_node(device.id);
	return answered(ctrl, UBLK_CMD_DEL_DEV, driver->devices[device.id].del_error);
}

int ctrl_update_size(struct ctrl *ctrl, struct ctrl_device device, uint64_t sectors)
{
	note_sent("resize", device.id);
	driver->devices[device.id].sectors = sectors;
	return answered(ctrl, UBLK_CMD_UPDATE_SIZE, driver->devices[device.id].resize_error);
}

int ctrl_quiesce(struct ctrl *ctrl, struct ctrl_device device)
{
	(void)ctrl;
	note_sent("quiesce", device.id);
	if (driver->devices[device.id].busy)
		driver->devices[device.id].busy--;
	else
		driver->devices[device.id].info.state = UBLK_S_DEV_QUIESCED;
	return driver->devices[device.id].quiesce_error;
}

int ctrl_poll_fd(const struct ctrl *ctrl)
{
	(void)ctrl;
	return STDIN_FILENO;		/* the end of nothing: at once */
}

int ctrl_result(struct ctrl *ctrl)
{
	ctrl->pending = 0;
	return 0;
}

int ring_open(struct ring *ring, unsigned int entries, enum ring_kind kind)
{
	(void)ring;
	(void)entries;
	(void)kind;
	return driver->ring_error;
}

void ring_close(struct ring *ring)
{
	(void)ring;
}

/* In the place of core/upgrade.c: the answer is there as soon as the question. */
int upgrade_ask(int pidfd, const char *asker)
{
	snprintf(driver->asked, sizeof(driver->asked), "%s", pidfd >= 0 ? asker : "nobody");
	if (driver->ask_error)
		return driver->ask_error;
	return driver->silent ? 0 : sigqueue(getpid(), UPGRADE_SIGNAL, (union sigval){ .sival_int = -driver->answer });
}

bool upgrade_answered(const struct signalfd_siginfo *event, int *error)
{
	*error = -event->ssi_int;
	return true;
}

/* In the place of applets/ctl/become.c. */
static char became[1000];

int become(const char *const *words);
int become(const char *const *words)
{
	became[0] = '\0';
	for (; *words; words++)
		snprintf(became + strlen(became), sizeof(became) - strlen(became), "%s ", *words);
	return 0;
}

/* --- a tree, and devices in it ----------------------------------------------------------------- */

static void put_link(const char *path, const char *target)
{
	char full[300];

	calls_put(path, "");
	snprintf(full, sizeof(full), "%s%s", root, path);
	unlink(full);
	CHECK_EQ(symlink(target, full), 0);
}

/* A machine with the driver and no device. */
static void set_up(void)
{
	calls_clear();
	memset(driver, 0, sizeof(*driver));
	driver->features = 0xfffff;
	driver->features_known = true;
	calls_put("/sys/class/misc/ublk-control/dev", "10:123\n");
	calls_put(REGISTRY, NULL);
	calls_put("/dev/ublk-control", "");
	calls_put("/proc/self/mounts", "");
	calls_put("/proc/1/fd", NULL);
}

/* Device @id, live, of 1 MiB, whose keeper is @keeper, 0 for none of ours, and its server @server. */
static void add_device(uint32_t id, unsigned int applet, pid_t keeper, pid_t server)
{
	char path[100];

	driver->devices[id].info = (struct ublksrv_ctrl_dev_info){
		.dev_id = id, .state = UBLK_S_DEV_LIVE, .nr_hw_queues = 2, .queue_depth = 64, .max_io_buf_bytes = 512 << 10,
		.ublksrv_pid = server,
		.ublksrv_flags = keeper ? device_mark(applet, keeper, proc_pid_space(DEVICE_SPACE_BITS)) : 0,
	};
	driver->devices[id].params = (struct ublk_params){
		.types = UBLK_PARAM_TYPE_BASIC,
		.basic = { .logical_bs_shift = 12, .dev_sectors = 2048, .attrs = UBLK_ATTR_READ_ONLY },
	};
	snprintf(path, sizeof(path), REGISTRY "/ublkc%u", id);
	calls_put(path, NULL);
	snprintf(path, sizeof(path), "/dev/ublkb%u", id);
	calls_put(path, "");
	snprintf(path, sizeof(path), "/dev/ublkc%u", id);
	calls_put(path, "x");
}

static struct ublksrv_ctrl_dev_info *info_of(uint32_t id)
{
	return &driver->devices[id].info;
}

/* --- processes -------------------------------------------------------------------------------------- */

struct person {
	const char *comm;
	const char *name;		/* of device @id, which it holds */
	uint32_t id;
	bool serves;			/* it has ublkcN mapped */
	bool counts, carries;		/* it has a page of statistics; a state */
	const char *opens;
};

static void hold_all(const struct person *who)
{
	static const struct stats_name more[] = { { "mem_used_bytes", STATS_GAUGE }, { "seccomp", STATS_GAUGE } };
	char path[100];
	struct stats page;
	int fd;

	if (who->name)
		name_hold(who->name, who->id);
	if (who->serves) {
		snprintf(path, sizeof(path), "%s/ublkc%u", dev, who->id);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		(void)mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	}
	if (who->counts) {
		stats_open(&page, STATS_QUEUE + 2);
		stats_count(&stats_add(&page, stats_queue, STATS_QUEUE_NAMES, 1)[STATS_REQUESTS], 42);
		stats_count(&stats_add(&page, more, 2, 1)[1], 1);
	}
	if (who->carries)
		memfd_create(STATE_NAME "1:9.8 a-program", MFD_CLOEXEC);
	if (who->opens)
		open(who->opens, O_RDONLY | O_CLOEXEC);
}

static pid_t begin(const struct person *who)
{
	int ends[2];
	pid_t pid;
	char c;

	CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		prctl(PR_SET_NAME, who->comm, 0, 0, 0);
		hold_all(who);
		close(ends[0]);
		if (write(ends[1], "", 1) == 1)
			for (;;)
				pause();
	}
	close(ends[1]);
	CHECK_EQ(read(ends[0], &c, 1), 1);
	close(ends[0]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
}

/* --- running it -------------------------------------------------------------------------------------- */

static int out_fd, err_fd;
static char out[64 << 10], err[16 << 10];

static void read_back(int fd, char *text, size_t limit)
{
	ssize_t n = pread(fd, text, limit - 1, 0);

	text[n > 0 ? n : 0] = '\0';
}

static pid_t run_begin(const char *const *words)
{
	pid_t pid;

	fflush(stdout);
	out_fd = memfd_create("out", MFD_CLOEXEC);
	err_fd = memfd_create("err", MFD_CLOEXEC);
	memset(driver->sent, 0, sizeof(driver->sent));
	driver->opened = 0;
	pid = fork();
	if (!pid) {
		int nothing = open("/dev/null", O_RDONLY);

		dup2(nothing, STDIN_FILENO);
		dup2(out_fd, STDOUT_FILENO);
		dup2(err_fd, STDERR_FILENO);
		log_name("ublk-ctl");
		nothing = applet_ctl.run((char **)(uintptr_t)words);
		_exit(text_out_flush() ? -1 : nothing);
	}
	return pid;
}

static int run_end(pid_t pid)
{
	int status = 0;

	CHECK_EQ(waitpid(pid, &status, 0), pid);
	read_back(out_fd, out, sizeof(out));
	read_back(err_fd, err, sizeof(err));
	close(out_fd);
	close(err_fd);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Its exit status; what it printed and said is in @out and @err. */
#define RUN(...) run_end(run_begin((const char *const []){ __VA_ARGS__, "--dev-dir", dev, NULL }))

static bool has(const char *text, const char *part)
{
	if (strstr(text, part))
		return true;
	printf("# there is no \"%s\" in:\n# %s\n", part, text);
	return false;
}

#define SAYS(part) CHECK(has(err, part))
#define PRINTS(part) CHECK(has(out, part))
#define SENT(commands) CHECK_TEXT(driver->sent, commands)

/* --- looking ------------------------------------------------------------------------------------------- */

static void devices_are_listed(void)
{
	const struct person keeper_is = { .comm = "ublk-mem", .name = "scratch", .id = 0, .counts = true, .carries = true };
	const struct person server_is = { .comm = "ublk-mem", .serves = true, .id = 0 };
	pid_t keeper, server;
	char line[200];

	set_up();
	CHECK_EQ(RUN("list"), STATUS_OK);
	CHECK_TEXT(out, "");
	CHECK_EQ(RUN("list", "--json"), STATUS_OK);
	CHECK_TEXT(out, "{\"ublk\": []}\n");
	calls_put("/dev/ublkc0", "x");
	keeper = begin(&keeper_is);
	server = begin(&server_is);
	add_device(3, APPLET_mem, 0, 0);
	add_device(0, APPLET_mem, keeper, server);
	calls_put("/sys/block/ublkb0/size", "4096\n");
	calls_put("/sys/block/ublkb0/ro", "0\n");
	snprintf(line, sizeof(line), "/dev/other / ext4 rw 0 0\nnonsense\n%s/ublkb0 /mnt/a\\040b ext4 rw 0 0\n", dev);
	calls_put("/proc/self/mounts", line);
	CHECK_EQ(RUN("list"), STATUS_OK);
	PRINTS("DEV ");
	PRINTS(" NAME    TYPE  STATE SIZE RO QUEUES DEPTH ");
	PRINTS("/ublkb0 scratch mem   live    2M  0      2    64 ");
	PRINTS("/mnt/a b\n");
	PRINTS("/ublkb3         other live    1M  1      2    64\n");
	CHECK(strstr(out, "ublkb0") < strstr(out, "ublkb3"));
	CHECK_EQ(RUN("list", "-n", "--raw", "-b", "-O", "id,size,SANDBOX,mount,MOUNT"), STATUS_OK);
	CHECK(has(out, "seccomp /mnt/a\\x20b\n3 1048576 - -\n"));
	CHECK(!strncmp(out, "0 2097152 ", 10));
	CHECK_EQ(RUN("list", "scratch", "-O", "+version,io,io-why,flags,keeper,server,owner,sector"), STATUS_OK);
	snprintf(line, sizeof(line), "9.8     copy ");
	PRINTS(line);
	PRINTS(" ublk-mem ");
	CHECK(!strstr(out, "ublkb3"));
	CHECK_EQ(RUN("list", "--raw", "-O", "version,uid,keeper", "0"), STATUS_OK);
	snprintf(line, sizeof(line), "VERSION UID KEEPER\n9.8 %d %d\n", (int)getuid(), (int)keeper);
	CHECK_TEXT(out, line);
	CHECK_EQ(RUN("list", "--json", "--output-all"), STATUS_OK);
	PRINTS("{\"ublk\": [\n  {\"id\": 0, \"dev\": \"");
	PRINTS("\"name\": \"scratch\", \"type\": \"mem\", \"state\": \"live\", \"size\": 2097152, \"ro\": false, ");
	PRINTS("\"name\": null, \"type\": \"other\", \"state\": \"live\", \"size\": 1048576, \"ro\": true, ");
	PRINTS("\"sector\": 4096, \"maxio\": 524288, \"mount\": null");
	PRINTS("}\n]}\n");
	CHECK_EQ(RUN("info", "scratch", "3"), STATUS_OK);
	PRINTS("\nNAME    scratch\n");
	PRINTS("\nSIZE    2M\n");
	PRINTS("\nOWNER   -\n");
	PRINTS("mem_used_bytes");		/* what its server counts besides requests */
	CHECK_EQ(RUN("info", "--json", "3", "5"), STATUS_NO_DEVICE);
	PRINTS("\"id\": 3");
	SAYS("there is no device 5");
	end(keeper);
	end(server);
}

/* Users' devices have an owner; what a terminal would obey is not sent to it. */
static void lists_are_safe_to_look_at(void)
{
	const struct person keeper_is = { .comm = "ublk-file", .opens = "/tmp/ublk-tools-\033[2J" };
	pid_t keeper;

	set_up();
	close(open(keeper_is.opens, O_CREAT | O_CLOEXEC, 0600));
	keeper = begin(&keeper_is);
	unlink(keeper_is.opens);
	add_device(1, APPLET_file, keeper, 0);
	info_of(1)->flags = UBLK_F_UNPRIVILEGED_DEV | UBLK_F_SHMEM_ZC;
	info_of(1)->owner_uid = 1000;
	info_of(1)->owner_gid = 100;
	info_of(1)->state = 77;
	driver->devices[1].params_error = -EINVAL;
	CHECK_EQ(RUN("list", "--raw", "-n", "-O", "type,state,owner,size,ro,sector,backing,io"), STATUS_OK);
	CHECK_TEXT(out, "file unknown 1000:100 - - - /tmp/ublk-tools-\\x1b[2J\\x20(deleted) copy+shared\n");
	CHECK_EQ(RUN("list", "-O", "io-why,flags"), STATUS_OK);
	PRINTS("; and what lies in shared memory stays there");
	PRINTS("UNPRIVILEGED_DEV");
	CHECK_EQ(RUN("udev", "1"), STATUS_OK);
	CHECK_TEXT(out, "1000 100\n");
	CHECK_EQ(RUN("udev", "--export", "1"), STATUS_OK);
	CHECK_TEXT(out, "UBLK_TYPE=file\nUBLK_UID=1000\nUBLK_GID=100\n");
	end(keeper);
}

static void what_makes_no_list(void)
{
	set_up();
	add_device(2, APPLET_mem, 0, 0);
	CHECK_EQ(RUN("list", "-O", "id,colour"), STATUS_USAGE);
	SAYS("there is no column 'colour'; there are ID DEV NAME");
	CHECK_EQ(RUN("list", "-O", "+"), STATUS_USAGE);
	SAYS("--output needs the names of columns");
	CHECK_EQ(RUN("list", "no/such"), STATUS_USAGE);
	SAYS("'no/such' is no device");
	CHECK_EQ(RUN("list", "nobody"), STATUS_NO_DEVICE);
	SAYS("there is no device nobody");
	CHECK_EQ(RUN("list", "4294967295"), STATUS_USAGE);
	CHECK_EQ(RUN("list", "2", "9"), STATUS_NO_DEVICE);
	PRINTS("/ublkb2");
	CHECK_EQ(RUN("info"), STATUS_USAGE);
	SAYS("info needs DEV...");
	CHECK_EQ(RUN("status", "2", "3"), STATUS_USAGE);
	SAYS("what is '3' for?");
	CHECK_EQ(RUN("list", "-a", "2"), STATUS_USAGE);
	SAYS("-a and '2' exclude each other");
	CHECK_EQ(RUN("dance"), STATUS_USAGE);
	SAYS("there is no subcommand or applet 'dance'");
	CHECK_EQ(RUN("prune", "--json"), STATUS_USAGE);
	SAYS("prune has no option --json");
	CHECK_EQ(RUN("list", "-O"), STATUS_USAGE);
	CHECK_EQ(run_end(run_begin((const char *const []){ "list", "--", "sh", NULL })), STATUS_USAGE);
	SAYS("a command makes no sense here");
}

static void help_is_there(void)
{
	set_up();
	CHECK_EQ(run_end(run_begin((const char *const []){ "--help", NULL })), STATUS_OK);
	PRINTS("\nSubcommands:\n");
	CHECK_EQ(RUN("stop", "--help"), STATUS_OK);
	PRINTS("ublk-ctl stop [options] DEV...|-a");
	PRINTS("--force");
	CHECK_EQ(RUN("status", "--help"), STATUS_OK);
	CHECK(!strstr(out, "--force"));
	CHECK_EQ(RUN("--version"), STATUS_OK);
	PRINTS("ublk ");
}

/* By its node, by a link to that as udev makes them, by a name; but a file that is called 3 is none. */
static void devices_have_many_names(void)
{
	const struct person one = { .comm = "ublk-mem", .name = "same", .id = 1 }, two = { .comm = "ublk-mem", .name = "same", .id = 2 };
	pid_t first, second;
	char link[100], node[100];

	set_up();
	first = begin(&one);
	second = begin(&two);
	add_device(1, APPLET_mem, first, 0);
	add_device(2, APPLET_mem, second, 0);
	snprintf(node, sizeof(node), "%s/ublkb1", dev);
	snprintf(link, sizeof(link), "%s/dev/of-mine", root);
	CHECK_EQ(symlink("ublkb1", link), 0);
	CHECK_EQ(RUN("list", "--raw", "-n", "-O", "id", node, link, "ublkc2", "same"), STATUS_OK);
	CHECK_TEXT(out, "1\n1\n2\n1\n");
	info_of(1)->flags = UBLK_F_UNPRIVILEGED_DEV;		/* root's goes before it */
	CHECK_EQ(RUN("list", "--raw", "-n", "-O", "id", "same"), STATUS_OK);
	CHECK_TEXT(out, "2\n");
	info_of(2)->flags = UBLK_F_UNPRIVILEGED_DEV;
	CHECK_EQ(RUN("list", "same"), STATUS_BUSY);
	SAYS("2 users have a device called same: say its number");
	end(second);
	CHECK_EQ(RUN("list", "--raw", "-n", "-O", "id", "same"), STATUS_OK);
	CHECK_TEXT(out, "1\n");
	CHECK_EQ(RUN("list", "/tmp/3"), STATUS_USAGE);
	end(first);
	put_link("/proc/1/fd/9", "/memfd:ublk:1:kept (deleted)");	/* by the service manager, when its keeper has gone */
	CHECK_EQ(RUN("list", "--raw", "-n", "-O", "id", "kept"), STATUS_OK);
	CHECK_TEXT(out, "1\n");
}

/* Without the driver's word sysfs tells a little. */
static void the_driver_may_be_silent(void)
{
	set_up();
	add_device(4, APPLET_mem, 0, 0);
	driver->devices[4].info_error = -EACCES;
	CHECK_EQ(RUN("list", "--raw", "-n", "-O", "id,type,state,queues,depth,pid,server,owner,uid,maxio,flags,io,io-why,sandbox"),
		 STATUS_OK);
	CHECK_TEXT(out, "4 - live - - - - - - - - - - -\n");
	CHECK_EQ(RUN("status", "4"), STATUS_OK);
	CHECK_EQ(RUN("udev", "4"), STATUS_PERMISSION);
	SAYS("cannot ask the driver about device 4");
	SAYS("root may, and the user who made it");
	driver->devices[4].info_error = -EIO;
	CHECK_EQ(RUN("stop", "4"), STATUS_FAILED);
	SAYS("cannot ask the driver about device 4");
	CHECK(!strstr(err, "root may"));
	driver->open_error = -EPERM;
	CHECK_EQ(RUN("list", "--raw", "-n", "-O", "id,state"), STATUS_OK);
	SAYS("what only the driver knows is left out");
	CHECK_TEXT(out, "4 live\n");
	CHECK_EQ(RUN("stop", "4"), STATUS_PERMISSION);
	CHECK_EQ(RUN("list", "nobody"), STATUS_NO_DEVICE);
	SAYS("only root sees the names");
	calls_clear();
	calls_put("/dev/ublkb4", "");
	CHECK_EQ(RUN("list"), STATUS_OK);
	CHECK_TEXT(err, "");
	CHECK_EQ(RUN("list", "4"), STATUS_NO_DEVICE);
	CHECK_EQ(RUN("stop", "4"), STATUS_NO_DEVICE);
	SAYS("there is no device 4: ublk_drv is not loaded");
	CHECK_EQ(RUN("stop", "-a"), STATUS_OK);
	CHECK_EQ(RUN("features"), STATUS_UNSUPPORTED);
	set_up();
	add_device(4, APPLET_mem, 0, 0);
	driver->devices[4].info_error = -EINVAL;
	snprintf(became, sizeof(became), "%s/dev/ublkb4", root);
	unlink(became);
	CHECK_EQ(RUN("status", "4"), STATUS_FAILED);
	CHECK_TEXT(out, "dead\n");
}

static void states_have_statuses(void)
{
	static const struct { int state; const char *word; int status; } states[] = {
		{ UBLK_S_DEV_DEAD, "dead\n", STATUS_FAILED }, { UBLK_S_DEV_LIVE, "live\n", STATUS_OK },
		{ UBLK_S_DEV_QUIESCED, "quiesced\n", STATUS_FAILED }, { UBLK_S_DEV_FAIL_IO, "fail-io\n", STATUS_FAILED },
	};

	set_up();
	add_device(0, APPLET_mem, 0, 0);
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		info_of(0)->state = (uint16_t)states[i].state;
		CHECK_EQ(RUN("status", "0"), states[i].status);
		CHECK_TEXT(out, states[i].word);
	}
	CHECK_EQ(RUN("status", "5"), STATUS_NO_DEVICE);
	CHECK_TEXT(out, "");
}

/* The driver's word takes for ever: that is said, and the other devices are looked at all the same. */
static void a_command_that_hangs_is_told(void)
{
	const struct person server_is = { .comm = "other-server", .serves = true, .id = 0 };
	pid_t server;
	int holder;

	set_up();
	calls_put("/dev/ublkc0", "x");
	server = begin(&server_is);
	add_device(0, APPLET_mem, 0, server);
	add_device(1, APPLET_mem, 0, 0);
	driver->devices[0].info_error = HANGS;
	CHECK_EQ(RUN("list", "--raw", "-n", "-O", "id,type"), STATUS_OK);
	CHECK_TEXT(out, "0 -\n1 other\n");
	SAYS("GET_DEV_INFO2 for device 0 has not returned after 10 s");
	SAYS("(other-server), does not answer; 'ublk-ctl del --force 0' kills it");
	put_link("/dev/ublkb0", "/dev/full");
	end(server);
	holder = open("/dev/full", O_RDWR | O_CLOEXEC);
	CHECK_EQ(RUN("list", "0"), STATUS_OK);
	SAYS("it is open in process ");
	SAYS("its server is gone");
	close(holder);
}

static void features_are_told(void)
{
	set_up();
	driver->features = UBLK_F_USER_RECOVERY;
	CHECK_EQ(RUN("features"), STATUS_OK);
	PRINTS("FEATURE                SINCE OFFERED USED FOR\n");
	PRINTS("USER_RECOVERY          ");
	PRINTS(" yes ");
	PRINTS("without: ");
	CHECK_EQ(RUN("features", "--json"), STATUS_OK);
	PRINTS("\"name\": \"USER_RECOVERY\", \"since\": \"6.1\", \"offered\": true, \"used\": true}");
	PRINTS("\"offered\": false");
	driver->features_known = false;
	CHECK_EQ(RUN("features"), STATUS_OK);
	PRINTS(" ? ");
	SAYS("this kernel does not tell what it offers");
	CHECK_EQ(RUN("features", "--json"), STATUS_OK);
	PRINTS("\"offered\": null");
}

/* --- taking away ------------------------------------------------------------------------------------------ */

static void devices_are_stopped(void)
{
	set_up();
	add_device(0, APPLET_mem, 0, 0);
	add_device(1, APPLET_mem, 0, 0);
	CHECK_EQ(RUN("stop"), STATUS_USAGE);
	SAYS("stop needs devices, or -a for all of them");
	CHECK_EQ(RUN("del"), STATUS_USAGE);
	SENT("");
	CHECK_EQ(RUN("stop", "-a"), STATUS_OK);
	SENT("try 0\ntry 1\n");
	CHECK_EQ(RUN("stop", "-a"), STATUS_OK);
	SENT("");					/* they are dead */
	CHECK_EQ(RUN("del", "-n", "1"), STATUS_OK);
	SENT("del 1\n");
	add_device(1, APPLET_mem, 0, 0);
	CHECK_EQ(RUN("del", "0", "5", "1"), STATUS_NO_DEVICE);
	SAYS("there is no device 5");
	SENT("del 0\ntry 1\ndel 1\n");
	add_device(1, APPLET_mem, 0, 0);
	driver->features = 0;				/* it cannot be asked to stop only what nobody uses */
	CHECK_EQ(RUN("stop", "1"), STATUS_OK);
	SENT("stop 1\n");
	add_device(1, APPLET_mem, 0, 0);
	driver->devices[1].stop_error = -EIO;
	CHECK_EQ(RUN("stop", "1"), STATUS_FAILED);
	SAYS("cannot stop device 1: ");
	driver->devices[1].gone_with_stop = true;	/* which is what was wanted */
	CHECK_EQ(RUN("del", "1"), STATUS_OK);
	CHECK_TEXT(err, "");
}

static void what_is_in_use_stays(void)
{
	char line[200];
	int holder;

	set_up();
	add_device(2, APPLET_mem, 0, 0);
	snprintf(line, sizeof(line), "%s/ublkb2p1 /mnt ext4 rw 0 0\n", dev);
	calls_put("/proc/self/mounts", line);
	driver->devices[2].try_error = -EBUSY;
	CHECK_EQ(RUN("del", "2"), STATUS_BUSY);
	SAYS("/ublkb2 is in use: mounted at /mnt");
	SAYS("close or unmount it first");
	SENT("try 2\n");
	calls_put("/proc/self/mounts", "");
	CHECK_EQ(RUN("stop", "2"), STATUS_BUSY);
	SAYS("/ublkb2 is in use: open\n");
	driver->devices[2].try_error = 0;
	driver->devices[2].busy = 3;
	CHECK_EQ(RUN("stop", "--wait=2", "2"), STATUS_BUSY);
	driver->devices[2].busy = 3;
	CHECK_EQ(RUN("stop", "--wait=3", "2"), STATUS_OK);
	SENT("try 2\ntry 2\ntry 2\ntry 2\n");
	add_device(2, APPLET_mem, 0, 0);
	driver->features = 0;
	put_link("/dev/ublkb2", "/dev/full");
	holder = open("/dev/full", O_RDWR | O_CLOEXEC);
	CHECK_EQ(RUN("stop", "2"), STATUS_BUSY);
	SAYS("is in use: open in process ");
	CHECK_EQ(RUN("stop", "--force", "2"), STATUS_OK);
	SENT("stop 2\n");
	close(holder);
	add_device(2, APPLET_mem, 0, 0);
	driver->features = UBLK_F_SAFE_STOP_DEV;
	driver->devices[2].try_error = HANGS;
	CHECK_EQ(RUN("stop", "2"), STATUS_FAILED);
	SAYS("TRY_STOP_DEV for device 2 has not returned");
	driver->devices[2].try_error = -EIO;		/* then as on kernels that do not know it */
	CHECK_EQ(RUN("stop", "2"), STATUS_OK);
	SENT("try 2\nstop 2\n");
}

/* What has to be written is, before a disk that would wait for another server is stopped by force. */
static void by_force(void)
{
	const struct person server_is = { .comm = "hanging", .serves = true, .id = 3 };
	pid_t server;

	set_up();
	calls_put("/dev/ublkc3", "x");
	server = begin(&server_is);
	add_device(3, APPLET_mem, 0, server);
	info_of(3)->flags = UBLK_F_USER_RECOVERY;
	calls_put("/sys/block/ublkb3/ublkb3p1", NULL);
	calls_put("/sys/block/ublkb3/queue", NULL);
	calls_put("/dev/ublkb3p1", "");
	CHECK_EQ(RUN("stop", "-v", "--force", "3"), STATUS_OK);
	SENT("stop 3\n");
	add_device(3, APPLET_mem, 0, server);
	driver->devices[3].stop_error = HANGS;
	CHECK_EQ(RUN("stop", "--force", "3"), STATUS_OK);
	SAYS("killed the server of device 3, process ");
	CHECK_EQ(waitpid(server, NULL, 0), server);
	add_device(3, APPLET_mem, 0, getpid());		/* who does not serve it is not killed for that */
	driver->devices[3].stop_error = HANGS;
	CHECK_EQ(RUN("stop", "--force", "3"), STATUS_FAILED);
	SAYS("STOP_DEV for device 3 has not returned");
	info_of(3)->ublksrv_pid = -1;
	add_device(4, APPLET_mem, 0, 0);
	CHECK_EQ(RUN("stop", "--force", "3", "4"), STATUS_FAILED);	/* the others all the same */
	SENT("stop 3\nstop 4\n");
	add_device(4, APPLET_mem, 0, 0);
	driver->reopen_error = -ENOMEM;			/* unless the driver is out of reach after that */
	CHECK_EQ(RUN("stop", "--force", "3", "4"), STATUS_FAILED);
	SENT("stop 3\n");
}

static void deletion_may_take_its_time(void)
{
	int holder;

	set_up();
	add_device(5, APPLET_mem, 0, 0);
	driver->devices[5].del_error = HANGS;
	CHECK_EQ(RUN("del", "5"), STATUS_OK);
	SAYS("device 5 is deleted and vanishes when nobody uses it any more");
	put_link("/dev/ublkb5", "/dev/full");
	holder = open("/dev/full", O_RDWR | O_CLOEXEC);
	CHECK_EQ(RUN("del", "5"), STATUS_OK);
	SAYS("device 5 is deleted and vanishes when process ");
	close(holder);
	driver->devices[5].del_error = -EPERM;
	CHECK_EQ(RUN("del", "5"), STATUS_PERMISSION);
	SAYS("cannot delete device 5");
	driver->devices[5].del_error = -ENODEV;
	CHECK_EQ(RUN("del", "5"), STATUS_OK);
	CHECK_TEXT(err, "");
}

/* A keeper of ours tidies up before ublk-ctl ends, but is not waited for for ever. */
static void a_keeper_is_waited_for(void)
{
	const struct person keeper_is = { .comm = "ublk-mem" };
	pid_t keeper = begin(&keeper_is);
	char line[200];

	set_up();
	add_device(0, APPLET_mem, keeper, 0);
	CHECK_EQ(RUN("stop", "0"), STATUS_OK);
	SAYS("device 0 is stopped, and its server still busy");
	CHECK_EQ(RUN("del", "0"), STATUS_OK);
	SAYS("and its server still busy");
	add_device(0, APPLET_mem, keeper, 0);
	driver->devices[0].del_error = -ENOENT;
	CHECK_EQ(RUN("del", "0"), STATUS_FAILED);
	SAYS("cannot delete device 0");
	add_device(0, APPLET_mem, keeper, 0);
	snprintf(line, sizeof(line), "%s/ublkb0 /mnt ext4 rw 0 0\n", dev);
	calls_put("/proc/self/mounts", line);
	CHECK_EQ(RUN("stop", "--force", "0"), STATUS_OK);
	SAYS("device 0 is stopped and vanishes when it is no longer mounted at /mnt");
	add_device(0, APPLET_mem, keeper, 0);
	driver->devices[0].stop_error = driver->devices[0].try_error = -EIO;
	CHECK_EQ(RUN("stop", "0"), STATUS_FAILED);
	CHECK_EQ(RUN("del", "0"), STATUS_FAILED);
	end(keeper);
}

static void only_the_lost_are_pruned(void)
{
	const struct person keeper_is = { .comm = "ublk-mem" }, server_is = { .comm = "ublk-mem", .serves = true, .id = 2 };
	pid_t keeper, server;
	char node[100];

	set_up();
	calls_put("/dev/ublkc2", "x");
	keeper = begin(&keeper_is);
	server = begin(&server_is);
	add_device(0, APPLET_mem, keeper, 0);
	add_device(1, APPLET_mem, 0, 0);		/* somebody else's, and live */
	add_device(2, APPLET_mem, (1 << 22) - 1, server);	/* without a keeper, and served on */
	info_of(2)->flags = UBLK_F_USER_RECOVERY_REISSUE;
	add_device(3, APPLET_mem, (1 << 22) - 1, 0);	/* lost */
	add_device(4, APPLET_mem, (1 << 22) - 1, 0);	/* its unit will be started again */
	put_link("/proc/1/fd/9", "/memfd:ublk:4:kept (deleted)");
	add_device(5, APPLET_mem, 0, 0);
	driver->devices[5].info_error = -EACCES;
	add_device(6, APPLET_mem, 0, 0);
	info_of(6)->state = UBLK_S_DEV_DEAD;		/* somebody else's, and too young to be lost */
	CHECK_EQ(RUN("prune"), STATUS_OK);
	SENT("stop 3\ndel 3\n");
	SAYS("deleted device 3");
	info_of(2)->flags = 0;				/* its server will end, and has not yet */
	CHECK_EQ(RUN("prune"), STATUS_OK);
	SAYS("device 2 has no keeper, but its server, process ");
	SENT("");
	CHECK_EQ(RUN("status", "2"), STATUS_OK);
	info_of(2)->flags = UBLK_F_USER_RECOVERY_REISSUE;
	CHECK_EQ(RUN("status", "2"), STATUS_FAILED);
	CHECK_TEXT(out, "orphaned\n");
	info_of(2)->flags = 0;
	end(server);
	driver->devices[2].stop_error = -EIO;
	CHECK_EQ(RUN("prune"), STATUS_FAILED);
	SENT("stop 2\n");
	driver->devices[2].stop_error = -ENODEV;
	driver->devices[2].del_error = -EBUSY;
	CHECK_EQ(RUN("prune"), STATUS_BUSY);
	SAYS("cannot delete device 2");
	driver->devices[2].del_error = -ENODEV;
	CHECK_EQ(RUN("prune"), STATUS_OK);
	remove_node(2);
	snprintf(node, sizeof(node), "%s/ublkc6", dev);
	CHECK_EQ(unlink(node), 0);			/* of no age that anybody could tell */
	CHECK_EQ(RUN("prune"), STATUS_OK);
	SENT(proc_in_namespace("pid") ? "" : "stop 6\ndel 6\n");	/* nobody has it open, if that can be seen */
	end(keeper);
	add_device(0, APPLET_mem, keeper, 0);
	info_of(0)->state = UBLK_S_DEV_QUIESCED;
	CHECK_EQ(RUN("prune"), STATUS_OK);
	SENT("stop 0\ndel 0\n");
}

/* --- changing what is there ----------------------------------------------------------------------------------- */

static void a_disk_gets_another_size(void)
{
	const struct person keeper_is = { .comm = "ublk-file" };
	pid_t keeper = begin(&keeper_is);
	char line[200], node[100];

	set_up();
	add_device(1, APPLET_file, keeper, 0);
	calls_put("/sys/block/ublkb1/size", "2048\n");
	CHECK_EQ(RUN("resize", "1", "wide"), STATUS_USAGE);
	SAYS("'wide' is no size");
	CHECK_EQ(RUN("resize", "1", "0"), STATUS_USAGE);
	CHECK_EQ(RUN("resize", "1", "8E"), STATUS_USAGE);
	CHECK_EQ(RUN("resize", "1", "3M"), STATUS_OK);
	SENT("resize 1\n");
	CHECK_EQ(driver->devices[1].sectors, 6144);
	CHECK_EQ(RUN("resize", "1", "1025K"), STATUS_FAILED);
	SAYS("1049600 bytes are no multiple of the sector size, 4096");
	snprintf(line, sizeof(line), "%s/ublkb1 /mnt ext4 rw 0 0\n", dev);
	calls_put("/proc/self/mounts", line);
	CHECK_EQ(RUN("resize", "1", "512K"), STATUS_BUSY);
	SAYS("/ublkb1 is in use (mounted at /mnt), and what is beyond the new end would be lost to it");
	CHECK_EQ(RUN("resize", "--force", "1", "512K"), STATUS_OK);
	CHECK_EQ(RUN("resize", "1", "2M"), STATUS_OK);
	calls_put("/proc/self/mounts", "");
	CHECK_EQ(RUN("resize", "1", "512K"), STATUS_OK);
	driver->devices[1].params_error = -EIO;
	CHECK_EQ(RUN("resize", "1", "512"), STATUS_OK);		/* too short to have an end to look at */
	snprintf(node, sizeof(node), "%s/ublkb1", dev);
	CHECK_EQ(unlink(node), 0);
	CHECK_EQ(RUN("resize", "1", "2M"), STATUS_OK);		/* what cannot be looked at is believed */
	calls_put("/dev/ublkb1", "");
	calls_fail("pread", 1, EIO);
	CHECK_EQ(RUN("resize", "1", "2M"), STATUS_FAILED);
	SAYS("what is behind device 1 is smaller than 2097152 bytes");
	SENT("resize 1\nresize 1\n");
	CHECK_EQ(driver->devices[1].sectors, 2048);
	calls_fail(NULL, 0, 0);
	driver->devices[1].resize_error = -EIO;
	CHECK_EQ(RUN("resize", "1", "2M"), STATUS_FAILED);
	SAYS("cannot resize device 1");
	driver->devices[1].resize_error = HANGS;
	CHECK_EQ(RUN("resize", "1", "2M"), STATUS_FAILED);
	SAYS("UPDATE_SIZE for device 1 has not returned");
	info_of(1)->ublksrv_flags = device_mark(APPLET_mem, keeper, proc_pid_space(DEVICE_SPACE_BITS));
	CHECK_EQ(RUN("resize", "1", "2M"), STATUS_UNSUPPORTED);
	SAYS("device 1 is no disk of ublk-file");
	info_of(1)->ublksrv_flags = 0;
	CHECK_EQ(RUN("resize", "1", "2M"), STATUS_UNSUPPORTED);
	info_of(1)->state = UBLK_S_DEV_QUIESCED;
	CHECK_EQ(RUN("resize", "1", "2M"), STATUS_FAILED);
	SAYS("device 1 is not live");
	driver->features = 0;
	CHECK_EQ(RUN("resize", "1", "2M"), STATUS_UNSUPPORTED);
	SAYS("this kernel cannot resize a device");
	driver->devices[1].info_error = -EPERM;
	CHECK_EQ(RUN("resize", "1", "2M"), STATUS_PERMISSION);
	end(keeper);
}

static void a_disk_is_quiesced(void)
{
	const struct person keeper_is = { .comm = "ublk-mem" }, server_is = { .comm = "ublk-mem", .serves = true, .id = 0 };
	pid_t keeper = begin(&keeper_is), server;

	set_up();
	calls_put("/dev/ublkc0", "x");
	server = begin(&server_is);
	add_device(0, APPLET_mem, 0, server);
	CHECK_EQ(RUN("quiesce", "0"), STATUS_UNSUPPORTED);
	SAYS("device 0 cannot be quiesced: its server has not asked for that");
	info_of(0)->flags = UBLK_F_QUIESCE | UBLK_F_USER_RECOVERY | UBLK_F_USER_RECOVERY_REISSUE;
	driver->devices[0].busy = 3;			/* told again until it is */
	CHECK_EQ(RUN("quiesce", "0"), STATUS_OK);
	SENT("quiesce 0\nquiesce 0\nquiesce 0\nquiesce 0\n");
	add_device(0, APPLET_mem, 0, server);
	info_of(0)->flags = UBLK_F_QUIESCE;
	driver->devices[0].busy = 1000000;
	driver->devices[0].quiesce_error = -EBUSY;
	CHECK_EQ(RUN("quiesce", "--timeout=1", "0"), STATUS_BUSY);
	SAYS("device 0 has requests under way still");
	driver->devices[0].quiesce_error = -EIO;
	CHECK_EQ(RUN("quiesce", "0"), STATUS_FAILED);
	SAYS("cannot quiesce device 0");
	info_of(0)->state = UBLK_S_DEV_DEAD;
	CHECK_EQ(RUN("quiesce", "0"), STATUS_FAILED);
	SAYS("device 0 is dead");
	add_device(0, APPLET_mem, (1 << 22) - 1, server);
	info_of(0)->flags = UBLK_F_QUIESCE | UBLK_F_USER_RECOVERY_REISSUE;
	CHECK_EQ(RUN("quiesce", "0"), STATUS_UNSUPPORTED);
	SAYS("device 0 has no keeper");
	SAYS("'ublk-ctl adopt 0' gives it another one");
	add_device(0, APPLET_mem, keeper, server);
	info_of(0)->flags = UBLK_F_QUIESCE;
	info_of(0)->state = UBLK_S_DEV_QUIESCED;
	CHECK_EQ(RUN("quiesce", "0"), STATUS_OK);
	CHECK_TEXT(driver->asked, QUIESCE_ASKER);
	SENT("");					/* its keeper does it */
	driver->answer = -EBUSY;
	CHECK_EQ(RUN("quiesce", "0"), STATUS_BUSY);
	SAYS("device 0 is being stopped, upgraded, quiesced or recovered just now");
	driver->features = 0;
	CHECK_EQ(RUN("quiesce", "0"), STATUS_UNSUPPORTED);
	SAYS("this kernel cannot quiesce a device");
	driver->devices[0].info_error = -EPERM;
	CHECK_EQ(RUN("quiesce", "0"), STATUS_PERMISSION);
	end(keeper);
	end(server);
}

static void a_disk_is_upgraded(void)
{
	const struct person keeper_is = { .comm = "ublk-mem" };
	pid_t keeper = begin(&keeper_is);

	set_up();
	add_device(0, APPLET_mem, keeper, 0);
	add_device(1, APPLET_mem, 0, 0);
	CHECK_EQ(RUN("upgrade"), STATUS_USAGE);
	SAYS("upgrade needs a device, or -a for all of them");
	CHECK_EQ(RUN("upgrade", "0"), STATUS_UNSUPPORTED);
	SAYS("only a disk that was made with --supervise can");
	CHECK_EQ(RUN("upgrade", "1"), STATUS_FAILED);
	SAYS("device 1 has no server of ours");
	CHECK_EQ(RUN("upgrade", "-a"), STATUS_OK);
	SAYS("device 0 stays as it is");
	SAYS("device 1 stays as it is");
	info_of(0)->flags = UBLK_F_USER_RECOVERY_REISSUE;
	CHECK_EQ(RUN("upgrade", "-a"), STATUS_OK);
	CHECK_TEXT(driver->asked, UPGRADE_ASKER);
	CHECK_EQ(RUN("upgrade", "0"), STATUS_OK);
	driver->answer = -EACCES;
	CHECK_EQ(RUN("upgrade", "0"), STATUS_PERMISSION);
	SAYS("cannot have device 0 served by another process");
	SAYS("has told why, where its messages go");
	driver->ask_error = -EPERM;
	CHECK_EQ(RUN("upgrade", "0"), STATUS_PERMISSION);
	driver->ask_error = 0;
	driver->silent = true;
	CHECK_EQ(RUN("upgrade", "0"), STATUS_FAILED);
	SAYS("timed out");
	driver->devices[1].info_error = -EPERM;
	CHECK_EQ(RUN("upgrade", "1"), STATUS_PERMISSION);
	CHECK_EQ(RUN("upgrade", "0", "/nonexistent/ublk"), STATUS_FAILED);
	SAYS("cannot run /nonexistent/ublk");
	end(keeper);
}

/* Its keeper's number is a process that ended, and what it left with the server cannot be read. */
static void only_who_is_served_on_is_adopted(void)
{
	const struct person keeper_is = { .comm = "ublk-mem" };
	struct person server_is = { .comm = "ublk-mem", .serves = true, .id = 0 };
	pid_t keeper = begin(&keeper_is), server;

	set_up();
	calls_put("/dev/ublkc0", "x");
	server = begin(&server_is);
	add_device(0, APPLET_mem, keeper, server);
	CHECK_EQ(RUN("adopt", "0"), STATUS_BUSY);
	SAYS("device 0 has its keeper, process ");
	end(keeper);
	CHECK_EQ(RUN("adopt", "0"), STATUS_FAILED);
	SAYS("nobody serves device 0 whom another keeper could go on with");
	info_of(0)->flags = UBLK_F_USER_RECOVERY_REISSUE;
	CHECK_EQ(RUN("adopt", "0"), STATUS_FAILED);
	SAYS("cannot take what the last keeper of device 0 left with process ");
	end(server);
	server_is.carries = true;		/* something, but no state */
	server = begin(&server_is);
	info_of(0)->ublksrv_pid = server;
	CHECK_EQ(RUN("adopt", "0"), STATUS_FAILED);
	SAYS("cannot take what the last keeper of device 0 left with process ");
	driver->devices[0].info_error = -EPERM;
	CHECK_EQ(RUN("adopt", "0"), STATUS_PERMISSION);
	end(server);
}

/* --- waiting ---------------------------------------------------------------------------------------------------- */

static void a_device_is_waited_for(void)
{
	const struct person server_is = { .comm = "other" };
	pid_t server = begin(&server_is);

	set_up();
	CHECK_EQ(RUN("wait", "0"), STATUS_NO_DEVICE);
	SAYS("there is no device 0 after 30 s");
	CHECK_EQ(RUN("wait", "no/such"), STATUS_USAGE);
	add_device(0, APPLET_mem, 0, server);
	CHECK_EQ(RUN("wait", "--timeout=0", "0"), STATUS_OK);
	info_of(0)->state = UBLK_S_DEV_QUIESCED;
	CHECK_EQ(RUN("wait", "--timeout=2", "0"), STATUS_FAILED);
	SAYS("device 0 is there, but not live after 2 s");
	info_of(0)->state = UBLK_S_DEV_LIVE;
	driver->open_error = driver->reopen_error = -ENOENT;	/* sysfs tells enough */
	CHECK_EQ(RUN("wait", "0"), STATUS_OK);
	driver->open_error = driver->reopen_error = 0;
	driver->devices[0].info_error = HANGS;
	CHECK_EQ(RUN("wait", "--timeout=1", "0"), STATUS_OK);
	driver->devices[0].info_error = 0;
	end(server);
	info_of(0)->ublksrv_flags = device_mark(APPLET_mem, server, proc_pid_space(DEVICE_SPACE_BITS));
	CHECK_EQ(RUN("wait", "--timeout=1", "0"), STATUS_FAILED);	/* called live for a moment */
}

static void a_disk_is_recovered(void)
{
	const struct person keeper_is = { .comm = "ublk-mem" }, server_is = { .comm = "ublk-mem", .serves = true, .id = 0 };
	pid_t keeper = begin(&keeper_is), server;

	set_up();
	calls_put("/dev/ublkc0", "x");
	server = begin(&server_is);
	CHECK_EQ(RUN("recover", "0"), STATUS_NO_DEVICE);
	add_device(0, APPLET_mem, keeper, server);
	CHECK_EQ(RUN("recover", "0"), STATUS_OK);
	CHECK_TEXT(driver->asked, "");
	info_of(0)->state = UBLK_S_DEV_QUIESCED;
	CHECK_EQ(RUN("recover", "0"), STATUS_UNSUPPORTED);
	SAYS("/ublkb0 is quiesced, and nobody who could serve it again is left");
	SAYS("'ublk-ctl del --force 0' deletes this one");
	info_of(0)->flags = UBLK_F_USER_RECOVERY;
	CHECK_EQ(RUN("recover", "-n", "0", "--timeout=1"), STATUS_FAILED);
	SAYS("device 0 is there, but not live after 1 s");
	info_of(0)->flags |= UBLK_F_QUIESCE;
	info_of(0)->state = UBLK_S_DEV_LIVE;
	CHECK_EQ(RUN("recover", "0"), STATUS_OK);
	CHECK_TEXT(driver->asked, RECOVER_ASKER);
	end(keeper);
	info_of(0)->flags = UBLK_F_USER_RECOVERY | UBLK_F_USER_RECOVERY_REISSUE;
	CHECK_EQ(RUN("recover", "0"), STATUS_UNSUPPORTED);
	SAYS("/ublkb0 is orphaned, and nobody");
	SAYS("'ublk-ctl adopt 0' gives it another keeper");
	end(server);
}

/* --- as users of ublksrv have it ------------------------------------------------------------------------------------ */

/* In this process, so that it is seen what it would become. */
static int add(const char *const *words)
{
	char *argv[24] = { (char *)(uintptr_t)"add" };
	int n = 1, status, before = dup(STDERR_FILENO);

	while (*words)
		argv[n++] = (char *)(uintptr_t)*words++;
	became[0] = '\0';
	err_fd = memfd_create("err", MFD_CLOEXEC);
	dup2(err_fd, STDERR_FILENO);
	status = applet_ctl.run(argv);
	dup2(before, STDERR_FILENO);
	close(before);
	read_back(err_fd, err, sizeof(err));
	close(err_fd);
	return status;
}

#define ADD(...) add((const char *const []){ __VA_ARGS__, NULL })

static void disks_are_added(void)
{
	set_up();
	CHECK_EQ(ADD("-t", "null"), STATUS_OK);
	CHECK_TEXT(became, "ublk-null --background --dev-dir /dev ");
	CHECK_EQ(ADD("-t", "null", "-f", "/ignored", "--foreground", "--quiet"), STATUS_OK);
	CHECK_TEXT(became, "ublk-null --dev-dir /dev --quiet ");
	CHECK_EQ(ADD("-t", "loop", "-n", "3", "-q", "2", "-d", "32", "-f", "/disk", "--offset", "1M", "--max_io_buf_bytes", "1M",
		     "--buffered_io", "-z", "-r", "1"), STATUS_OK);
	CHECK_TEXT(became, "ublk-file --id 3 --queues 2 --depth 32 --max-io 1M --offset 1M --io zero-copy --recovery requeue "
		   "--direct-io=off --background --dev-dir /dev /disk ");
	CHECK_EQ(ADD("-t", "mem", "-s", "1G", "-b", "-r", "1", "-i", "1", "--no_auto_part_scan", "-v", "-v", "-v"), STATUS_OK);
	CHECK_TEXT(became, "ublk-mem --size 1G --io batch --recovery reissue --no-partscan --background --dev-dir /dev "
		   "--verbose --verbose ");
	CHECK_EQ(ADD("-t", "mem", "--auto_zc", "-r", "1", "-e", "1", "2G"), STATUS_OK);
	CHECK_TEXT(became, "ublk-mem --io auto-buf --recovery fail --background --dev-dir /dev 2G ");
	CHECK_EQ(ADD("-t", "zip", "--usercopy", "-f", "/a.zip", "-u", "1", "--unprivileged"), STATUS_OK);
	CHECK_TEXT(became, "ublk-zip --io user-copy --background --dev-dir /dev /a.zip ");
	SAYS("-u: the kernel decides that by itself");
	CHECK(geteuid() || has(err, "--unprivileged: the disk is root's"));
	CHECK_EQ(ADD("-t", "file", "-g", "1", "--htlb", "/huge"), STATUS_OK);
	CHECK_TEXT(became, "ublk-file --io get-data --shared-memory /huge --background --dev-dir /dev ");
	CHECK_EQ(RUN("add"), STATUS_USAGE);
	SAYS("add needs the type of the disk: -t null, loop, file, mem or zip\n");
	CHECK_EQ(RUN("add", "-t", "stripe"), STATUS_USAGE);
	SAYS("mem or zip, not stripe\n");
}

/* --- numbers ------------------------------------------------------------------------------------------------------------ */

static void servers_numbers_are_told(void)
{
	const struct person counting = { .comm = "ublk-mem", .name = "busy", .id = 0, .counts = true }, silent = { .comm = "ublk-mem" };
	pid_t keeper = begin(&counting), other = begin(&silent);

	set_up();
	add_device(0, APPLET_mem, keeper, 0);
	add_device(1, APPLET_mem, 0, 0);
	calls_put("/sys/block/ublkb1/stat", "7 0 8 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n");
	CHECK_EQ(RUN("stats"), STATUS_OK);
	PRINTS("/ublkb0 busy: mem, counted for ");
	PRINTS("  reads             42 ");
	PRINTS("/ublkb1: other");
	CHECK_EQ(RUN("stats", "--json", "busy"), STATUS_OK);
	PRINTS("\"source\": \"server\"");
	PRINTS("\"name\": \"busy\"");
	CHECK_EQ(RUN("stats", "--prometheus"), STATUS_OK);
	PRINTS("ublk_");
	CHECK_EQ(RUN("stats", "--prometheus", "--json"), STATUS_USAGE);
	CHECK_EQ(RUN("stats", "--prometheus", "-w", "1"), STATUS_USAGE);
	SAYS("--prometheus excludes --json and --watch");
	add_device(2, APPLET_mem, other, 0);
	add_device(3, APPLET_mem, 0, 0);		/* nothing is told of it, and nobody asked */
	add_device(4, APPLET_mem, 0, 0);
	driver->devices[4].info_error = -ENODEV;	/* has just gone */
	CHECK_EQ(RUN("stats", "--json"), STATUS_FAILED);
	SAYS("the server of ");
	SAYS("counts nothing");
	PRINTS(",\n  null");
	CHECK_EQ(RUN("stats", "--prometheus"), STATUS_FAILED);
	CHECK(!strstr(out, "ublkb3"));
	CHECK_EQ(RUN("stats", "3"), STATUS_FAILED);
	SAYS("cannot read what the kernel has counted of ");
	CHECK_EQ(RUN("stats", "4"), STATUS_NO_DEVICE);
	SAYS("cannot ask the driver about device 4");
	put_link("/sys/block/ublkb3/stat", "/proc/self/mem");
	CHECK_EQ(RUN("stats"), STATUS_FAILED);
	SAYS("cannot read what the kernel has counted of ");
	end(keeper);
	end(other);
}

/* Until its server is gone. */
static void numbers_are_watched(void)
{
	const struct person counting = { .comm = "ublk-mem", .counts = true };
	pid_t keeper = begin(&counting), watcher;
	const char *const words[] = { "stats", "--watch", "1", "--json", "0", "1", "--dev-dir", dev, NULL };
	int left = 60000;
	char node[100];

	set_up();
	add_device(0, APPLET_mem, keeper, 0);
	add_device(1, APPLET_mem, 0, 0);
	calls_put("/sys/block/ublkb1/stat", "7 0 8 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n");
	watcher = run_begin(words);
	do {
		read_back(out_fd, out, sizeof(out));
		poll(NULL, 0, 1);
	} while (!strstr(out, "]}\n{") && --left);	/* once more */
	CHECK(left);
	end(keeper);
	snprintf(node, sizeof(node), "%s/sys/block/ublkb1/stat", root);
	CHECK_EQ(unlink(node), 0);
	CHECK_EQ(run_end(watcher), STATUS_OK);
	PRINTS("\"source\": \"kernel\"");
	CHECK_EQ(RUN("stats", "-w", "1", "0"), STATUS_FAILED);	/* there is nobody to be watched */
}

/* --- the doctor ------------------------------------------------------------------------------------------------------------ */

static void locks_are_looked_for(void)
{
	char line[200];

	set_up();
	calls_put("/proc/devices", "Character devices:\n244 ublk-char\n\nBlock devices:\n");
	calls_put("/proc/meminfo", "MemTotal: 9 kB\nMemFree: 9 kB\nMemAvailable:   1048576 kB\n");
	calls_put("/proc/self/cgroup", "");
	calls_put("/proc/self/status", "CapEff:\t0000000000000000\n");
	calls_makes_nodes(0);
	CHECK_EQ(RUN("check"), STATUS_OK);
	PRINTS("PASS  driver    ublk_drv is there\n");
	PRINTS("PASS  io_uring  works\n");
	PRINTS("PASS  features  0xfffff\n");
	PRINTS("WARN  rights    ");
	PRINTS(": disks of a user only\n                -> such a disk works");
	PRINTS("is private, and they can be made there\n");
	PRINTS("PASS  udev      not needed here\n");
	PRINTS("PASS  memory    992M can be taken\n");
	PRINTS("PASS  devices   0, of which 0 dead and without a server\n");
	CHECK_EQ(RUN("check", "--size=1G"), STATUS_FAILED);
	PRINTS("FAIL  memory ");
	PRINTS("1G is more: raise the memory of the machine");
	calls_put("/proc/self/cgroup", "0::/box\n");
	calls_put("/sys/fs/cgroup/box/memory.max", "67108864\n");
	calls_put("/sys/fs/cgroup/box/memory.current", "1048576\n");
	CHECK_EQ(RUN("check", "--size=1G", "--json"), STATUS_FAILED);
	PRINTS("{\"checks\": [\n  {\"name\": \"kernel\", \"result\": ");
	PRINTS("{\"name\": \"memory\", \"result\": \"FAIL\", \"detail\": \"31M can be taken, which a memory cgroup limits\", "
	       "\"remedy\": \"1G is more: raise the limit of the container (--memory), or have a smaller disk\"}");
	PRINTS("\"name\": \"io_uring\", \"result\": \"PASS\", \"detail\": \"works\", \"remedy\": null}");
	driver->ring_error = -ENOMEM;
	driver->features_known = false;
	add_device(0, APPLET_mem, (1 << 22) - 1, 0);
	calls_put("/sys/module/ublk_drv/parameters/ublks_max", "1\n");
	CHECK_EQ(RUN("check"), STATUS_FAILED);
	PRINTS("FAIL  io_uring  cannot set up io_uring: ");
	PRINTS("PASS  features  not told (before Linux 6.5)\n");
	PRINTS("WARN  devices   1, of which 1 dead and without a server\n");
	PRINTS("all 1 slots may be taken: ublk-ctl prune, or a larger ublks_max");
	driver->open_error = driver->reopen_error = -EPERM;
	calls_put("/proc/devices", "Character devices:\nBlock devices:\n");
	CHECK_EQ(RUN("check"), STATUS_FAILED);
	PRINTS("WARN  features  the driver cannot be asked\n");
	PRINTS("WARN  nodes     nothing can be known without the driver\n");
	snprintf(line, sizeof(line), "%s/ublk-control", dev);
	CHECK_EQ(unlink(line), 0);
	CHECK_EQ(RUN("check"), STATUS_FAILED);
	PRINTS("FAIL  control   the driver is there, but not its node ");
}

static void the_driver_may_be_missing(void)
{
	struct stat st;
	char line[300];

	calls_clear();
	calls_put("/dev", NULL);
	calls_put("/proc/self/status", "CapEff:\tffffffffffffffff\n");
	calls_loads(EPERM);
	calls_put("/lib/modules/none", "");
	CHECK_EQ(RUN("check"), STATUS_FAILED);
	PRINTS("FAIL  driver    ublk_drv is not loaded and could not be: ");
	PRINTS("as root: modprobe ublk_drv");
	PRINTS("FAIL  control   not there without the driver\n");
	set_up();
	calls_put("/proc/self/status", "CapEff:\t0000000000000000\n");
	CHECK_EQ(stat(dev, &st), 0);
	snprintf(line, sizeof(line), "22 1 %u:%u / /dev rw - devtmpfs none rw\n", major(st.st_dev), minor(st.st_dev));
	calls_put("/proc/self/mountinfo", line);
	calls_put("/proc/devices", "Character devices:\n244 ublk-char\n");
	CHECK_EQ(RUN("check"), STATUS_OK);
	PRINTS("the kernel makes them in ");
	PRINTS("WARN  udev      there is no 60-ublk.rules here that gives disks to the users who made them\n");
	calls_put("/etc/udev/rules.d/60-ublk.rules", "");
	CHECK_EQ(RUN("check"), STATUS_OK);
	PRINTS("PASS  udev      /etc/udev/rules.d/60-ublk.rules\n");
}

/* --- and all of it where something fails -------------------------------------------------------------------------------- */

#define MOST 3

/* Devices as they may be, all at once. */
static void usual_machine(pid_t keeper, pid_t server)
{
	set_up();
	calls_put("/proc/devices", "Character devices:\n244 ublk-char\n\nBlock devices:\n");
	add_device(0, APPLET_file, keeper, server);
	add_device(1, APPLET_mem, 0, 0);
	add_device(2, APPLET_mem, (1 << 22) - 1, server);
	info_of(0)->flags = UBLK_F_USER_RECOVERY | UBLK_F_USER_RECOVERY_REISSUE | UBLK_F_QUIESCE;
	info_of(2)->flags = UBLK_F_USER_RECOVERY_REISSUE;
	calls_put("/sys/block/ublkb0/size", "2048\n");
	calls_put("/sys/block/ublkb1/stat", "7 0 8 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n");
}

/* It ends, with a status that is documented; one that is not 0 is explained, or printed. */
static void any_call_may_fail(void)
{
	static const struct { const char *words[6]; } commands[] = {
		{ { "list", "--json", "--output-all" } }, { { "info", "busy" } }, { { "status", "0" } }, { { "stats" } },
		{ { "stop", "-a" } }, { { "del", "--force", "-a" } }, { { "prune" } }, { { "resize", "0", "2M" } },
		{ { "check" } }, { { "udev", "--export", "0" } }, { { "wait", "--timeout=1", "busy" } }, { { "quiesce", "0" } },
		{ { "recover", "--timeout=1", "0" } }, { { "upgrade", "0" } }, { { "adopt", "2" } }, { { "features" } },
	};
	static const struct { const char *call; int error; } calls[] = {
		{ "write", EIO }, { "read", EIO },	/* which may be what says so */
		{ "open", EMFILE }, { "openat", EMFILE }, { "stat", EACCES }, { "fstat", EIO },
		{ "readlinkat", EACCES }, { "mmap", ENOMEM }, { "pipe2", EMFILE }, { "fork", EAGAIN }, { "syscall", ENOSYS },
		{ "access", EACCES }, { "signalfd", EMFILE }, { "inotify_init1", EMFILE }, { "memfd_create", EMFILE },
		{ "poll", EINTR }, { "fcntl", EMFILE }, { "uname", EFAULT }, { "fstatat", EACCES },
	};
	const struct person keeper_is = { .comm = "ublk-file", .name = "busy", .id = 0, .counts = true, .carries = true };
	const struct person server_is = { .comm = "ublk-file", .serves = true, .id = 2, .carries = true };
	pid_t keeper = begin(&keeper_is), server;
	unsigned int runs = 0, failures = 0;

	set_up();
	calls_put("/dev/ublkc2", "x");
	server = begin(&server_is);
	for (size_t c = 0; c < ARRAY_SIZE(commands); c++)
		for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
			for (unsigned int nth = 1; nth <= MOST; nth++) {
				const char *words[9];
				int status, n = 0;

				for (; commands[c].words[n]; n++)
					words[n] = commands[c].words[n];
				words[n] = "--dev-dir";
				words[n + 1] = dev;
				words[n + 2] = NULL;
				usual_machine(keeper, server);
				calls_fail(calls[i].call, nth, calls[i].error);
				status = run_end(run_begin(words));
				if (!CHECK(status >= 0 && status <= STATUS_NO_DEVICE && (!status || *err || *out || i < 2)))
					printf("#   %s, with %s failing the %uth time: %d, %s\n", commands[c].words[0], calls[i].call,
					       nth, status, err);
				runs++;
				failures += status != 0;
				if (!calls_failed())
					break;
			}
	calls_fail(NULL, 0, 0);
	printf("# %u runs, %u failures\n", runs, failures);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	end(keeper);
}

int main(void)
{
	static const struct test tests[] = {
		{ "devices are listed: as a table, as words, as JSON, one by one", devices_are_listed },
		{ "what a terminal would obey is not sent to it", lists_are_safe_to_look_at },
		{ "what makes no list is refused", what_makes_no_list },
		{ "there is help for each subcommand", help_is_there },
		{ "a device has a number, a node, links to that, and a name", devices_have_many_names },
		{ "without the driver's word a little is told", the_driver_may_be_silent },
		{ "each state has its word and its status", states_have_statuses },
		{ "a command that hangs is told, and who is to blame", a_command_that_hangs_is_told },
		{ "what the kernel offers is told", features_are_told },
		{ "devices are stopped and deleted", devices_are_stopped },
		{ "what is in use stays", what_is_in_use_stays },
		{ "by force it does not, nor does a server that hangs", by_force },
		{ "a deletion may take its time", deletion_may_take_its_time },
		{ "a keeper is waited for, but not for ever", a_keeper_is_waited_for },
		{ "only what is lost is pruned", only_the_lost_are_pruned },
		{ "a disk gets another size, if its file has it", a_disk_gets_another_size },
		{ "a disk is quiesced, by its keeper or by the driver", a_disk_is_quiesced },
		{ "a disk is upgraded by its keeper", a_disk_is_upgraded },
		{ "only a disk that is served without a keeper is adopted", only_who_is_served_on_is_adopted },
		{ "a device is waited for", a_device_is_waited_for },
		{ "a disk is recovered by its keeper alone", a_disk_is_recovered },
		{ "disks are added in the words of ublksrv", disks_are_added },
		{ "what servers and the kernel have counted is told", servers_numbers_are_told },
		{ "and again until they are gone", numbers_are_watched },
		{ "the locks that may be shut are looked at", locks_are_looked_for },
		{ "and the driver may be missing altogether", the_driver_may_be_missing },
		{ "any call may fail, and then it is said what could not be done", any_call_may_fail },
	};
	int result;

	CHECK(mkdtemp(root));
	snprintf(dev, sizeof(dev), "%s/dev", root);
	driver = mmap(NULL, sizeof(*driver), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	calls_root(root);
	calls_hurry(true);
	result = check_main(tests, ARRAY_SIZE(tests));
	calls_clear();
	return rmdir(root) ? 1 : result;
}
