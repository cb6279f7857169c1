/* SPDX-License-Identifier: MIT */
/*
 * test_life.c - the whole program over the model of the kernel, from its options to its exit status
 *
 * Keeper and server are processes, which get signals and die, under random requests whose answers are compared with a
 * reference. Each life is on a kernel of the model's list.
 */
#include "core/file.h"

#define main ublk_main
#define file_note_inherited() ((void)0)	/* the model's descriptors are not to be closed */
#include "core/main.c"
#undef main

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "core/keeper.h"
#include "core/notify.h"
#include "core/util.h"
#include "tests/check.h"
#include "tests/unit/deflater.h"
#include "tests/unit/load.h"
#include "tests/unit/model.h"

extern const struct applet applet_mem, applet_null, applet_file, applet_zip;
const struct applet *const applets[] = { &applet_mem, &applet_null, &applet_file, &applet_zip, NULL };

/* Whoever the keeper kills ends between two things that the kernel does at once. */
int __real_kill(pid_t pid, int sig);
int __wrap_kill(pid_t pid, int sig);

int __wrap_kill(pid_t pid, int sig)
{
	if (sig != SIGKILL || pid == getpid())
		return __real_kill(pid, sig);
	model_kill(pid, sig);
	return 0;
}

#define QUEUES 2
#define DEPTH 8
#define MAX_IO (64U << 10)
#define SIZE (4U << 20)
#define REQUESTS 2000		/* of each queue, in one life */
#define DEATHS 5

#define NEWEST (&model_kernels[5])

/* --- a place for it ------------------------------------------------------------------ */

static char dir[] = "/tmp/ublk-life-XXXXXX", control[64], node[64], block[64], image[64], archive[64], says[64];
static char *contents;		/* of what is in the archive */

static void make_file(char path[64], const char *name, const void *bytes, size_t length)
{
	int fd;

	snprintf(path, 64, "%s/%s", dir, name);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	CHECK_EQ(write(fd, bytes, length), length);
	close(fd);
}

static void put(unsigned char *to, uint64_t number, int count)
{
	for (int i = 0; i < count; i++)
		to[i] = (unsigned char)(number >> 8 * i);
}

/* One deflated member, "a". */
static void make_archive(void)
{
	struct deflater d;
	unsigned char *bytes;
	uint32_t crc;
	size_t length;

	deflater_open(&d, check_seed());
	deflater_random(&d, SIZE);
	CHECK(d.size >= SIZE);
	contents = malloc(d.size);
	memcpy(contents, d.plain, d.size);
	crc = plain_crc(d.plain, d.size);
	bytes = calloc(1, d.packed_size + 200);
	put(bytes, 0x04034b50, 4);
	put(bytes + 4, 20, 2);
	put(bytes + 8, 8, 2);
	put(bytes + 14, crc, 4);
	put(bytes + 18, d.packed_size, 4);
	put(bytes + 22, d.size, 4);
	put(bytes + 26, 1, 2);
	bytes[30] = 'a';
	memcpy(bytes + 31, d.packed, d.packed_size);
	length = 31 + d.packed_size;
	put(bytes + length, 0x02014b50, 4);
	memcpy(bytes + length + 6, bytes + 4, 26);	/* what both have in common */
	bytes[length + 46] = 'a';
	put(bytes + length + 47, 0x06054b50, 4);
	put(bytes + length + 55, 1, 2);
	put(bytes + length + 57, 1, 2);
	put(bytes + length + 59, 47, 4);
	put(bytes + length + 63, length, 4);
	make_file(archive, "archive.zip", bytes, length + 69);
	free(bytes);
	deflater_close(&d);
}

static void make_place(void)
{
	CHECK(mkdtemp(dir));
	make_file(control, "ublk-control", "", 0);
	make_file(node, "ublkc0", "", 0);
	make_file(block, "ublkb0", "", 0);
	make_file(image, "image", "", 0);
	make_file(says, "says", "", 0);
	make_archive();
}

static void leave_place(void)
{
	const char *const files[] = { control, node, block, image, archive, says };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		unlink(files[i]);
	CHECK_EQ(rmdir(dir), 0);
	free(contents);
}

/* Has the program said so, on standard error? */
static bool told(const char *words)
{
	static char text[1 << 16];
	int fd = open(says, O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return strstr(text, words);
}

/* --- a life -------------------------------------------------------------------------- */

struct life {
	const char *words[12];		/* of the command line, after those of all */
	struct model_plan model;
	struct load *load;
	pid_t keeper;
	int status;			/* how it ended */
	int out;			/* its standard output */
};

static pid_t start_keeper(struct life *life, int out)
{
	static char dev_dir[80];
	char *argv[32] = { "ublk", NULL };
	int count = 1, err;
	pid_t pid = fork();

	if (pid)
		return pid;
	snprintf(dev_dir, sizeof(dev_dir), "--dev-dir=%s", dir);
	for (size_t i = 0; i < ARRAY_SIZE(life->words) && life->words[i]; i++) {
		argv[count++] = (char *)life->words[i];
		if (i)
			continue;
		argv[count++] = dev_dir;
		argv[count++] = "--no-modprobe";
		argv[count++] = "--queues=2";
		argv[count++] = "--depth=8";
		argv[count++] = "--max-io=64K";
	}
	err = open(says, O_WRONLY | O_TRUNC | O_APPEND);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	_exit(ublk_main(count, argv));
}

static void begin(struct life *life)
{
	int ends[2];

	life->model.queues = QUEUES;
	life->model.depth = DEPTH;
	life->model.max_io = MAX_IO;
	life->model.node = node;
	life->model.seed = check_seed();
	life->model.load = life->load ? load_base(life->load) : NULL;
	if (!life->model.death_signal)
		life->model.death_signal = SIGKILL;
	close(model_open(&life->model));
	CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
	life->out = ends[0];
	life->keeper = start_keeper(life, ends[1]);
	close(ends[1]);
	model_boot();
}

/* Until it says that the disk is there; false: it has ended. */
static bool is_ready(const struct life *life)
{
	char line[100];

	return read(life->out, line, sizeof(line)) > 0;
}

/* Its exit status; -1: it does not end. */
static int end_of(struct life *life)
{
	struct pollfd gone = { .fd = (int)syscall(SYS_pidfd_open, life->keeper, 0), .events = POLLIN };
	int status = -1;

	if (!CHECK_EQ(poll(&gone, 1, 60000), 1))
		__real_kill(life->keeper, SIGKILL);
	close(gone.fd);
	waitpid(life->keeper, &status, 0);
	model_halt();
	close(life->out);
	CHECK_TEXT(model_violation(), "");
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void tell(const struct life *life, int sig)
{
	__real_kill(life->keeper, sig);
}

static void end_well(struct life *life)
{
	tell(life, SIGTERM);
	CHECK_EQ(end_of(life), 0);
	CHECK(!model_is_added());
	CHECK_EQ(model_state(), UBLK_S_DEV_DEAD);
	model_close();
}

/* All that is to be said of a life under load. */
static void check_load(struct life *life, const char *name)
{
	struct load_count count = load_counted(life->load);

	CHECK_TEXT(count.first_wrong, "");
	printf("# %s, %s: %llu requests, %llu failed, %llu refused, %u deaths\n", name, life->model.kernel->name,
	       (unsigned long long)count.requests, (unsigned long long)count.failed, (unsigned long long)count.refused,
	       model_deaths());
	load_free(life->load);
}

#define EVERY_KERNEL(kernel) (const struct model_kernel *kernel = model_kernels; kernel->name; kernel++)

/* --- disks -------------------------------------------------------------------------- */

static const struct disk_kind {
	const char *name;
	enum load_disk disk;
	const char *words[6];
} kinds[] = {
	{ "mem", LOAD_KEEPS, { "mem", "4M" } },
	{ "null", LOAD_FORGETS, { "null", "4M" } },
	{ "file", LOAD_KEEPS, { "file", image, "--create=4M" } },
	{ "file in memory", LOAD_KEEPS, { "file", "--cow=100%", image } },
	{ "zip", LOAD_IS_FIXED, { "zip", archive, "--member=a" } },
};

static struct load *load_for(const struct disk_kind *kind, uint64_t requests, bool may_fail)
{
	struct load_plan plan = {
		.disk = kind->disk, .queues = QUEUES, .depth = DEPTH, .max_io = MAX_IO, .size = SIZE, .requests = requests,
		.may_fail = may_fail, .contents = kind->disk == LOAD_IS_FIXED ? contents : NULL, .seed = check_seed(),
	};

	return load_new(&plan);
}

static struct life life_of(const struct disk_kind *kind, const struct model_kernel *kernel)
{
	struct life life = { .model = { .kernel = kernel, .rough = true } };
	static const char zeroes[SIZE];
	size_t n = 0;

	if (kind == &kinds[2])
		unlink(image);
	else
		make_file(image, "image", zeroes, SIZE);
	while (kind->words[n]) {
		life.words[n] = kind->words[n];
		n++;
	}
	return life;
}

static void add_word(struct life *life, const char *word)
{
	size_t n = 0;

	while (life->words[n])
		n++;
	life->words[n] = word;
}

/* --- claims ------------------------------------------------------------------------- */

static const char *const modes[] = { "--io=copy", "--io=get-data", "--io=user-copy", "--io=zero-copy", "--io=auto-buf", "--io=batch" };

/* What an option asks for that this kernel has not. */
static bool has_mode(const struct model_kernel *kernel, size_t mode)
{
	static const uint64_t takes[] = {
		0, 0, UBLK_F_USER_COPY, UBLK_F_SUPPORT_ZERO_COPY, UBLK_F_AUTO_BUF_REG, UBLK_F_BATCH_IO,
	};

	return (kernel->features & takes[mode]) == takes[mode];
}

/* Under load to its end. */
static void serve(const struct disk_kind *kind, const struct model_kernel *kernel, size_t mode)
{
	struct life life = life_of(kind, kernel);

	life.load = load_for(kind, REQUESTS, false);
	add_word(&life, modes[mode]);
	begin(&life);
	if (CHECK(is_ready(&life)))
		CHECK(load_wait(life.load));
	end_well(&life);
	check_load(&life, modes[mode]);
}

static void serve_everywhere(const struct disk_kind *kind)
{
	for EVERY_KERNEL(kernel)
		for (size_t mode = 0; mode < ARRAY_SIZE(modes); mode++)
			if (has_mode(kernel, mode))
				serve(kind, kernel, mode);
}

static void mem_everywhere(void) { serve_everywhere(&kinds[0]); }

/* On the newest, which can do all; what differs between kernels has been seen. */
static void others_in_all_modes(void)
{
	for (size_t kind = 1; kind < ARRAY_SIZE(kinds); kind++)
		for (size_t mode = 0; mode < ARRAY_SIZE(modes); mode++)
			serve(&kinds[kind], NEWEST, mode);
}

/* --- death -------------------------------------------------------------------------- */

static const uint64_t recovery_takes[] = {
	UBLK_F_USER_RECOVERY | UBLK_F_USER_RECOVERY_REISSUE, UBLK_F_USER_RECOVERY, UBLK_F_USER_RECOVERY | UBLK_F_USER_RECOVERY_FAIL_IO,
};
static const char *const recoveries_words[] = { "--recovery=reissue", "--recovery=requeue", "--recovery=fail" };

static bool may_recover(const struct model_kernel *kernel, size_t way, size_t mode)
{
	if ((kernel->features & recovery_takes[way]) != recovery_takes[way] || !has_mode(kernel, mode))
		return false;
	return mode != 1 || kernel->features & UBLK_F_QUIESCE;	/* get-data loses reads before */
}

/* Its servers begin to, so often, and then there is one that goes on. */
static bool has_died(unsigned int deaths)
{
	model_is_deadly();
	for (int i = 0; i < 60000 && model_deaths() < deaths; i++)
		poll(NULL, 0, 1);
	return model_deaths() >= deaths && model_is_served();
}

static void end_load(struct life *life)
{
	load_end(life->load);
	CHECK(load_wait(life->load));
}

/* Killed at any entry into the kernel, again and again. */
static void die_and_follow(const struct disk_kind *kind, const struct model_kernel *kernel, size_t way, size_t mode)
{
	struct life life = life_of(kind, kernel);

	life.model.mortality = 400;
	life.model.deaths = DEATHS;
	life.model.release = 2;
	life.load = load_for(kind, 0, way);
	add_word(&life, modes[mode]);
	add_word(&life, recoveries_words[way]);
	begin(&life);
	if (CHECK(is_ready(&life)) && CHECK(has_died(DEATHS)))
		end_load(&life);
	end_well(&life);
	CHECK_EQ(model_sent(UBLK_CMD_END_USER_RECOVERY), DEATHS);
	check_load(&life, modes[mode]);
}

static void followed_everywhere(void)
{
	for EVERY_KERNEL(kernel)
		for (size_t way = 0; way < ARRAY_SIZE(recovery_takes); way++)
			for (size_t mode = 0; mode < ARRAY_SIZE(modes); mode++)
				if (may_recover(kernel, way, mode) && (!way || mode == 2))
					die_and_follow(&kinds[0], kernel, way, mode);
}

static void others_followed(void)
{
	for (size_t kind = 1; kind < ARRAY_SIZE(kinds); kind++)
		if (kind != 3)		/* what was written lies in its server's memory */
			for (size_t mode = 0; mode < ARRAY_SIZE(modes); mode += 2)
				die_and_follow(&kinds[kind], NEWEST, 0, mode);
}

/* Wherever it is, also in the middle of its own work. */
static void killed_from_outside(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct life life = life_of(&kinds[i], NEWEST);
		unsigned int killed = 0;

		if (i == 3)
			continue;
		life.load = load_for(&kinds[i], 0, false);
		add_word(&life, "--supervise");
		begin(&life);
		if (CHECK(is_ready(&life)))
			while (killed < DEATHS)
				killed += model_is_served() && model_kill_server(SIGKILL);
		CHECK(model_is_served());
		CHECK_EQ(model_deaths(), DEATHS);
		end_load(&life);
		end_well(&life);
		check_load(&life, kinds[i].name);
	}
}

static void not_followed(void)
{
	for EVERY_KERNEL(kernel) {
		struct life life = life_of(&kinds[0], kernel);

		life.load = load_for(&kinds[0], 0, true);
		life.model.mortality = 400;
		life.model.deaths = 1;
		begin(&life);
		CHECK(is_ready(&life));
		model_is_deadly();
		CHECK_EQ(end_of(&life), STATUS_FAILED);
		CHECK(told("died of signal 9") && !model_is_added());
		CHECK_EQ(model_deaths(), 1);
		model_close();
		check_load(&life, "not followed");
	}
}

/* A disk that crashes each of its servers is given up. */
static void crashes_again_and_again(void)
{
	struct life life = life_of(&kinds[0], NEWEST);

	life.load = load_for(&kinds[0], 0, true);
	life.model.mortality = 10;
	life.model.deaths = 100;
	life.model.death_signal = SIGTRAP;
	add_word(&life, "--supervise");
	begin(&life);
	CHECK(is_ready(&life));
	model_is_deadly();
	CHECK_EQ(end_of(&life), STATUS_FAILED);
	CHECK(told("giving up: every server of this disk dies") && !model_is_added());
	CHECK(model_deaths() >= 5 && model_deaths() < 10);
	model_close();
	check_load(&life, "crashing");
}

/* --- signals, commands of others ------------------------------------------------------- */

static void stopped_by_somebody_else(void)
{
	for EVERY_KERNEL(kernel) {
		struct life life = life_of(&kinds[0], kernel);

		begin(&life);
		CHECK(is_ready(&life));
		model_stop();
		CHECK_EQ(end_of(&life), 0);
		CHECK(!model_is_added());
		model_close();
	}
}

/* The first signal waits for the last user, the second does not. */
static void in_use(void)
{
	struct life life = life_of(&kinds[0], NEWEST);

	life.model.in_use = true;
	begin(&life);
	CHECK(is_ready(&life));
	tell(&life, SIGTERM);
	while (!model_sent(UBLK_CMD_TRY_STOP_DEV))
		poll(NULL, 0, 1);
	CHECK_EQ(model_state(), UBLK_S_DEV_LIVE);
	end_well(&life);
	CHECK(told("is in use (open)"));
}

/* It is stopped when nothing is under way any more, and what was has been answered. */
static void stopped_under_load(void)
{
	for EVERY_KERNEL(kernel) {
		struct life life = life_of(&kinds[2], kernel);

		life.load = load_for(&kinds[2], 0, true);
		begin(&life);
		CHECK(is_ready(&life));
		end_well(&life);
		CHECK_EQ(model_deaths(), 1);
		check_load(&life, "stopped under load");
	}
}

/* A server that hangs does not keep it from ending. */
static void hangs_at_the_end(void)
{
	struct life life = life_of(&kinds[0], &model_kernels[2]);

	add_word(&life, "--stop-timeout=1");
	begin(&life);
	CHECK(is_ready(&life));
	CHECK(model_freeze_server());
	tell(&life, SIGTERM);
	end_of(&life);
	CHECK(told("killing the server process") && !model_is_added());
	model_close();
}

/* Without it there is nobody to take the disk away. */
static void keeper_dies(void)
{
	struct life life = life_of(&kinds[0], NEWEST);

	begin(&life);
	CHECK(is_ready(&life));
	model_kill(life.keeper, SIGKILL);
	while (!model_deaths())
		poll(NULL, 0, 1);
	CHECK_EQ(end_of(&life), -1);
	model_close();
}

static void with_a_command(void)
{
	struct life life = life_of(&kinds[1], NEWEST);

	add_word(&life, "--");
	add_word(&life, "sh");
	add_word(&life, "-c");
	add_word(&life, "test -e \"$UBLK_DEV\" && exit 42");
	begin(&life);
	CHECK_EQ(end_of(&life), 42);
	CHECK(!model_is_added());
	model_close();
}

static void without_rights(void)
{
	for EVERY_KERNEL(kernel) {
		struct life life = life_of(&kinds[0], kernel);

		if (!(kernel->features & UBLK_F_UNPRIVILEGED_DEV))
			continue;
		life.model.without_rights = true;
		life.load = load_for(&kinds[0], REQUESTS, false);
		begin(&life);
		if (CHECK(is_ready(&life)))
			CHECK(load_wait(life.load));
		end_well(&life);
		check_load(&life, "without rights");
	}
}

/* --- what can be asked for ---------------------------------------------------------- */

static void all_that_can_be_asked_for(void)
{
	static char pid[80], ready[] = "--ready-fd=1", save[80];
	static const char *const lives[][6] = {
		{ "mem", "4M", "-vv", "--name=a.life", "--stats=1", pid },
		{ "mem", "4M", "--quiet", "--cpu-affinity=0", "--mlock", "--oom-score-adj=5" },
		{ "mem", "4M", ready, "--no-partscan", "--sector-size=4096", "--read-only" },
		{ "mem", "4M", "--populate", "--cpu-affinity=none", "--poll=5", save },
		{ "mem", "--verbose", "--stats", "--io=get-data", "--limit=1M", "8M" },
		{ "null", "1T", "-v", "--recovery=fail", "--stats=0", "--autoclear" },
		{ "file", image, "--direct-io=off", "--discard=ignore", "-vv", "--share" },
		{ "file", image, "--read-only", "--offset=1M", "--sizelimit=1M", "-v" },
		{ "zip", archive, "-vv", "--stats=1", "--verify", "--max-entries=5" },
		{ "zip", archive, "--member=a", "--index=wait", "-v", "--workers=1" },
	};

	snprintf(pid, sizeof(pid), "--pidfile=%s/pid", dir);
	snprintf(save, sizeof(save), "--save=%s/saved", dir);
	for (size_t i = 0; i < ARRAY_SIZE(lives); i++) {
		struct life life = life_of(&kinds[1], NEWEST);
		char path[80];

		for (size_t word = 0; word < ARRAY_SIZE(lives[i]); word++)
			life.words[word] = lives[i][word];
		life.model.spin_us = i == 3 ? 5 : 0;
		begin(&life);
		if (!CHECK(is_ready(&life)))
			printf("#   ublk-%s %s\n", lives[i][0], lives[i][1]);
		tell(&life, SIGUSR1);
		end_well(&life);
		snprintf(path, sizeof(path), "%s/saved", dir);
		CHECK_EQ(unlink(path) == 0, i == 3);
		snprintf(path, sizeof(path), "%s/pid", dir);
		CHECK(unlink(path) < 0);		/* it went with the disk */
	}
}

/* What it refuses before there is anything, and how it ends then. */
static void what_cannot_be(void)
{
	static const struct { const char *words[3]; int status; } refused[] = {
		{ { "mem" }, STATUS_USAGE },
		{ { "mem", "0" }, STATUS_USAGE },
		{ { "mem", "4M", "--image=/nowhere/at/all" }, STATUS_FAILED },
		{ { "mem", "4M", "--save=/nowhere/at/all" }, STATUS_FAILED },
		{ { "file", "/nowhere/at/all" }, STATUS_FAILED },
		{ { "file", "/" }, STATUS_FAILED },
		{ { "zip", image }, STATUS_FAILED },
		{ { "zip", archive, "--member=b" }, STATUS_FAILED },
		{ { "null", "4M", "--pidfile=/nowhere/at/all" }, STATUS_FAILED },
		{ { "null", "4M", "--shared-memory=/nowhere" }, STATUS_FAILED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct life life = life_of(&kinds[1], NEWEST);
		int status;

		memset(life.words, 0, sizeof(life.words));
		for (size_t word = 0; word < ARRAY_SIZE(refused[i].words); word++)
			life.words[word] = refused[i].words[word];
		begin(&life);
		CHECK(!is_ready(&life));
		status = end_of(&life);
		if (!CHECK(refused[i].status == STATUS_USAGE ? status == STATUS_USAGE : status != 0))
			printf("#   row %zu: %d\n", i, status);
		CHECK(!model_is_added());
		model_close();
	}
}

/* --- commands that fail ---------------------------------------------------------------- */

static void every_command_fails(void)
{
	static const enum ublk_cmd sent[] = {
		UBLK_CMD_ADD_DEV, UBLK_CMD_SET_PARAMS, UBLK_CMD_START_DEV, UBLK_CMD_STOP_DEV, UBLK_CMD_GET_QUEUE_AFFINITY,
	};
	static const int errors[] = { EPERM, ENOENT, EINTR, EIO, ENOMEM, EACCES, EBUSY, EEXIST, ENODEV, EINVAL, ENOSPC, EOPNOTSUPP, ECANCELED };

	for (size_t i = 0; i < ARRAY_SIZE(sent) * ARRAY_SIZE(errors); i++) {
		struct life life = life_of(&kinds[0], &model_kernels[1]);
		enum ublk_cmd command = sent[i / ARRAY_SIZE(errors)];
		bool matters = command != UBLK_CMD_GET_QUEUE_AFFINITY && command != UBLK_CMD_STOP_DEV;
		int error = errors[i % ARRAY_SIZE(errors)];
		bool again = command == UBLK_CMD_START_DEV && error == EINTR;
		int status;

		life.model.refused.command = command;
		life.model.refused.error = -error;
		life.model.refused.times = again ? 3 : 0;
		if (command == UBLK_CMD_STOP_DEV) {	/* the server is waited for, and then killed */
			if (error != EIO && error != ENODEV)
				continue;
			add_word(&life, "--stop-timeout=1");
		}
		begin(&life);
		CHECK_EQ(is_ready(&life), !matters || again);
		tell(&life, SIGTERM);
		status = end_of(&life);
		if (!CHECK(matters && !again ? status != 0 : status == 0 || command == UBLK_CMD_STOP_DEV))
			printf("#   command %#x failed with %s: exit status %d\n", command, strerror(error), status);
		CHECK(!model_is_added());
		model_close();
	}
}

/* What it says of a device that it cannot delete, and ends all the same. */
static void cannot_be_deleted(void)
{
	struct life life = life_of(&kinds[0], NEWEST);

	life.model.refused.command = UBLK_CMD_DEL_DEV;
	life.model.refused.error = -EIO;
	begin(&life);
	CHECK(is_ready(&life));
	tell(&life, SIGTERM);
	end_of(&life);
	CHECK(told("it is left behind") || told("delete device"));
	model_close();
}

static void cannot_be_recovered(void)
{
	static const enum ublk_cmd fails[] = { UBLK_CMD_START_USER_RECOVERY, UBLK_CMD_END_USER_RECOVERY };

	for (size_t i = 0; i < ARRAY_SIZE(fails); i++) {
		struct life life = life_of(&kinds[0], NEWEST);

		life.load = load_for(&kinds[0], 0, true);
		life.model.refused.command = fails[i];
		life.model.refused.error = -EINVAL;
		life.model.mortality = 100;
		life.model.deaths = 1;
		add_word(&life, "--supervise");
		begin(&life);
		CHECK(is_ready(&life));
		model_is_deadly();
		CHECK_EQ(end_of(&life), STATUS_FAILED);
		CHECK(!model_is_added());
		model_close();
		check_load(&life, "cannot be recovered");
	}
}

/* A successor that dies before it has all tags: those kernels that crash of it are not told of another. */
static void successor_dies_early(void)
{
	for EVERY_KERNEL(kernel) {
		struct life life = life_of(&kinds[0], kernel);

		if (!kernel->features)
			continue;
		life.load = load_for(&kinds[0], 0, true);
		life.model.mortality = 100;
		life.model.deaths = 1;
		life.model.stillborn = kernel->dies_fetching == RETRIES ? 2 : 1;
		add_word(&life, "--supervise");
		begin(&life);
		CHECK(is_ready(&life));
		if (kernel->dies_fetching == RETRIES) {
			CHECK(has_died(3));
			end_load(&life);
			end_well(&life);
		} else {
			model_is_deadly();
			CHECK_EQ(end_of(&life), STATUS_FAILED);
			CHECK_EQ(model_deaths(), 2);
			model_close();
		}
		check_load(&life, "stillborn");
	}
}

int main(void)
{
	static const struct test tests[] = {
		{ "a disk in memory, on every kernel, in every mode", mem_everywhere },
		{ "disks that keep nothing, of files, and of a member of an archive, in every mode", others_in_all_modes },
		{ "servers die at any point and others follow, on every kernel, in every mode", followed_everywhere },
		{ "so do those of other disks", others_followed },
		{ "and those that are killed wherever they are", killed_from_outside },
		{ "a disk without another server goes when its server dies", not_followed },
		{ "a disk that crashes all its servers is given up", crashes_again_and_again },
		{ "a successor that dies half-way is followed where the kernel survives that", successor_dies_early },
		{ "a disk that cannot be recovered goes", cannot_be_recovered },
		{ "a disk that somebody else stops ends well", stopped_by_somebody_else },
		{ "a disk in use goes at the second signal", in_use },
		{ "a disk is stopped under load", stopped_under_load },
		{ "a server that hangs is killed at the end", hangs_at_the_end },
		{ "a server does not outlive its keeper", keeper_dies },
		{ "a command's exit status is that of the disk", with_a_command },
		{ "users without rights have their disks", without_rights },
		{ "disks with options of all kinds live and end", all_that_can_be_asked_for },
		{ "what cannot be is refused, and nothing is left", what_cannot_be },
		{ "whatever command fails, nothing is left", every_command_fails },
		{ "a disk that cannot be deleted is told of", cannot_be_deleted },
	};
	int result;

	make_place();
	result = check_main(tests, ARRAY_SIZE(tests));
	leave_place();
	return result;
}
