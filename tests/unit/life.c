/* SPDX-License-Identifier: MIT */
/* life.c - the program from its options to its exit status, as a process over the model of the kernel */
#include "core/file.h"

#define main ublk_main
#define file_note_inherited() ((void)0)	/* the model's descriptors are not to be closed */
#include "core/main.c"
#undef main

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>

#include "core/upgrade.h"
#include "core/util.h"
#include "tests/check.h"
#include "tests/unit/calls.h"
#include "tests/unit/deflater.h"
#include "tests/unit/life.h"
#include "tests/unit/outlive.h"

extern const struct applet applet_mem, applet_null, applet_file, applet_zip;
const struct applet *const applets[] = { &applet_mem, &applet_null, &applet_file, &applet_zip, NULL };

/* --- a place for it ------------------------------------------------------------------ */

char life_dir[] = "/tmp/ublk-life-XXXXXX", life_image[64], life_archive[64];
static char control[64], node[64], block[64], says[64];
static char *contents;		/* of what is in the archive */

static void life_make_file(char path[64], const char *name, const void *bytes, size_t length)
{
	int fd;

	snprintf(path, 64, "%s/%s", life_dir, name);
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
	life_make_file(life_archive, "archive.zip", bytes, length + 69);
	free(bytes);
	deflater_close(&d);
}

void life_make_place(void)
{
	CHECK(mkdtemp(life_dir));
	life_make_file(control, "ublk-control", "", 0);
	life_make_file(node, "ublkc0", "", 0);
	life_make_file(block, "ublkb0", "", 0);
	life_make_file(life_image, "image", "", 0);
	life_make_file(says, "says", "", 0);
	make_archive();
}

void life_leave_place(void)
{
	const char *const files[] = { control, node, block, life_image, life_archive, says };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		unlink(files[i]);
	CHECK_EQ(rmdir(life_dir), 0);
	free(contents);
}

const char *life_words(void)
{
	static char text[1 << 16];
	int fd = open(says, O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

int life_says(void)
{
	return open(says, O_WRONLY | O_APPEND | O_CLOEXEC);
}

bool life_told(const char *words)
{
	return strstr(life_words(), words);
}

/* --- a life -------------------------------------------------------------------------- */

static pid_t start_keeper(struct life *life, int out)
{
	static char dev_dir[80];
	static char name[] = "ublk";		/* which a disk of the root's changes */
	char *argv[32] = { name, NULL };
	int count = 1, err;
	pid_t pid = fork();

	if (pid)
		return pid;
	snprintf(dev_dir, sizeof(dev_dir), "--dev-dir=%s", life_dir);
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
	CHECK_EQ(truncate(says, 0), 0);
	err = life_says();
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	calls_begin();
	_exit(ublk_main(count, argv));
}

void life_go_on(int argc, char **argv)
{
	if (!outlive_is_another())
		return;
	model_go_on();
	calls_go_on(strchr(*environ, STATE_TRY));
	_exit(ublk_main(argc, argv));
}

void life_begin(struct life *life)
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
bool life_is_ready(const struct life *life)
{
	struct pollfd ready = { .fd = life->out, .events = POLLIN };
	char line[100];

	return CHECK_EQ(poll(&ready, 1, 60000), 1) && read(life->out, line, sizeof(line)) > 0;
}

bool life_is_there(const struct life *life)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, (id_t)life->keeper, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && !info.si_pid;
}

/* Its exit status; -1: it does not end. */
int life_end(struct life *life)
{
	struct pollfd gone = { .fd = (int)syscall(SYS_pidfd_open, life->keeper, 0), .events = POLLIN };
	int status = -1;

	if (!CHECK_EQ(poll(&gone, 1, 60000), 1))
		kill(life->keeper, SIGKILL);
	close(gone.fd);
	waitpid(life->keeper, &status, 0);
	model_halt();
	close(life->out);
	CHECK_TEXT(model_violation(), "");
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void life_tell(const struct life *life, int sig)
{
	kill(life->keeper, sig);
}

void life_end_well(struct life *life)
{
	life_tell(life, SIGTERM);
	CHECK_EQ(life_end(life), 0);
	CHECK(!model_is_added());
	CHECK_EQ(model_state(), UBLK_S_DEV_DEAD);
	model_close();
}

int life_await_answer(int fd)
{
	struct signalfd_siginfo event;
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	int err = 0;

	while (poll(&ready, 1, 60000) == 1 && read(fd, &event, sizeof(event)) == sizeof(event))
		if (upgrade_answered(&event, &err))
			return -err;
	return ETIMEDOUT;
}

int life_listen(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, UPGRADE_SIGNAL);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, 0);
}

pid_t life_ask_begin(const struct life *life, const char *what, void (*before)(void))
{
	pid_t pid = fork();
	int fd, err;

	if (pid)
		return pid;
	if (before)
		before();
	fd = life_listen();
	err = upgrade_ask((int)syscall(SYS_pidfd_open, life->keeper, 0), what);
	_exit(err ? -err : life_await_answer(fd));
}

int life_answer(pid_t asker)
{
	int status;

	waitpid(asker, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int life_ask(const struct life *life, const char *what)
{
	return life_answer(life_ask_begin(life, what, NULL));
}

/* All that is to be said of a life under load. */
void life_check_load(struct life *life, const char *name)
{
	struct load_count count = load_counted(life->load);

	CHECK_TEXT(count.first_wrong, "");
	printf("# %s, %s: %llu requests, %llu failed, %llu refused, %u deaths\n", name, life->model.kernel->name,
	       (unsigned long long)count.requests, (unsigned long long)count.failed, (unsigned long long)count.refused,
	       model_deaths());
	load_free(life->load);
}

/* --- disks -------------------------------------------------------------------------- */

const struct disk_kind life_kinds[LIFE_KINDS] = {
	{ "mem", LOAD_KEEPS, { "mem", "4M" } },
	{ "null", LOAD_FORGETS, { "null", "4M" } },
	{ "file", LOAD_KEEPS, { "file", life_image, "--create=4M" } },
	{ "file in memory", LOAD_KEEPS, { "file", "--cow=100%", life_image } },
	{ "zip", LOAD_IS_FIXED, { "zip", life_archive, "--member=a" } },
};

struct load *life_load(const struct disk_kind *kind, uint64_t requests, bool may_fail)
{
	struct load_plan plan = {
		.disk = kind->disk, .queues = QUEUES, .depth = DEPTH, .max_io = MAX_IO, .size = SIZE, .requests = requests,
		.may_fail = may_fail, .contents = kind->disk == LOAD_IS_FIXED ? contents : NULL, .seed = check_seed(),
	};

	return load_new(&plan);
}

struct life life_of(const struct disk_kind *kind, const struct model_kernel *kernel)
{
	struct life life = { .model = { .kernel = kernel, .rough = true } };
	static const char zeroes[SIZE];
	size_t n = 0;

	if (kind == &life_kinds[ON_FILE])
		unlink(life_image);
	else
		life_make_file(life_image, "image", zeroes, SIZE);
	while (kind->words[n]) {
		life.words[n] = kind->words[n];
		n++;
	}
	return life;
}

void life_add_word(struct life *life, const char *word)
{
	size_t n = 0;

	while (life->words[n])
		n++;
	life->words[n] = word;
}
