/* SPDX-License-Identifier: MIT */
/*
 * test_library.c - disks of other programs, over the model of the kernel
 *
 * A disk in memory, whose functions are as simple as they can be, under random requests that are compared with a
 * reference; and each function's answers by themselves.
 */
#include "lib/ublk-core.c"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "tests/check.h"
#include "tests/unit/load.h"
#include "tests/unit/model.h"

#define QUEUES 2
#define DEPTH 8
#define MAX_IO (64U << 10)
#define SIZE (4U << 20)
#define REQUESTS 2000		/* of each queue, in one life */
#define DEATHS 3
#define NEWEST (&model_kernels[5])

/* --- a disk -------------------------------------------------------------------------- */

static struct {
	unsigned char *at;
	bool flag;
	uint32_t number;
	uint64_t size;
	const char *text;
} memory;

static int answer;			/* of all functions, unless it is 0 */
static unsigned int reads, writes, flushes, discards, zeroes, opened;
static uint64_t last_offset;
static uint32_t last_length;

static int note_call(unsigned int *calls, uint32_t length, uint64_t offset)
{
	__atomic_fetch_add(calls, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&last_length, length, __ATOMIC_RELAXED);
	__atomic_store_n(&last_offset, offset, __ATOMIC_RELAXED);
	return answer;
}

static int prepare(struct ublk_disk *disk)
{
	(void)disk;
	memory.at = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return memory.at == MAP_FAILED ? -ENOMEM : 0;
}

/* Where a claim would not be heard of, in another process: what must be. */
static int open_it(struct ublk_disk *disk)
{
	must(disk->self == &memory);
	opened++;
	return 0;
}

static int read_it(void *self, void *buffer, uint32_t length, uint64_t offset)
{
	must(self == &memory && offset + length <= SIZE);
	memcpy(buffer, memory.at + offset, length);
	return note_call(&reads, length, offset);
}

static int write_it(void *self, const void *buffer, uint32_t length, uint64_t offset)
{
	must(self == &memory && offset + length <= SIZE);
	memcpy(memory.at + offset, buffer, length);
	return note_call(&writes, length, offset);
}

static int flush_it(void *self)
{
	must(self == &memory);
	return note_call(&flushes, 0, 0);
}

static int discard_it(void *self, uint32_t length, uint64_t offset)
{
	must(self == &memory && offset + length <= SIZE);
	return note_call(&discards, length, offset);
}

static int zero_it(void *self, uint32_t length, uint64_t offset)
{
	must(self == &memory && offset + length <= SIZE);
	memset(memory.at + offset, 0, length);
	return note_call(&zeroes, length, offset);
}

static struct ublk_disk whole(void)
{
	return (struct ublk_disk){
		.name = "test", .self = &memory, .size = SIZE, .parallel = true, .prepare = prepare, .open = open_it,
		.read = read_it, .write = write_it, .flush = flush_it, .discard = discard_it, .zero = zero_it,
	};
}

/* --- a life, in a process of its own ---------------------------------------------------- */

static char dir[] = "/tmp/ublk-library-XXXXXX", control[64], node[64], block[64], says[64];

static void make_file(char path[64], const char *name)
{
	snprintf(path, 64, "%s/%s", dir, name);
	close(open(path, O_RDWR | O_CREAT, 0600));
}

struct life {
	struct ublk_disk disk;
	const char *words[6];
	struct model_plan model;
	struct load *load;
	pid_t keeper;
	int out;
};

static int told_fd;

static void tell_ready(void *self, const char *path)
{
	must(self == &memory && !strcmp(path, block));
	must(write(told_fd, "r", 1) == 1);
}

static void keep(struct life *life)
{
	char dev_dir[80];
	const char *words[16] = { dev_dir, "--no-modprobe", "--depth=8", "--max-io=64K" };
	int count = 4, err = open(says, O_WRONLY | O_TRUNC | O_APPEND);

	snprintf(dev_dir, sizeof(dev_dir), "--dev-dir=%s", dir);
	if (life->disk.parallel)
		words[count++] = "--queues=2";
	for (size_t i = 0; i < ARRAY_SIZE(life->words) && life->words[i]; i++)
		words[count++] = life->words[i];
	life->disk.ready = tell_ready;
	dup2(err, STDERR_FILENO);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	_exit(-ublk_serve(&life->disk, words));
}

static bool begin(struct life *life)
{
	int ends[2];
	char byte;

	life->model.queues = life->disk.parallel ? QUEUES : 1;
	life->model.depth = DEPTH;
	life->model.max_io = MAX_IO;
	life->model.node = node;
	life->model.rough = true;
	life->model.seed = check_seed();
	life->model.death_signal = SIGKILL;
	life->model.load = life->load ? load_base(life->load) : NULL;
	close(model_open(&life->model));
	CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
	told_fd = ends[1];
	life->keeper = fork();
	if (!life->keeper)
		keep(life);
	close(ends[1]);
	model_boot();
	byte = '\0';
	CHECK(read(ends[0], &byte, 1) >= 0);
	close(ends[0]);
	return byte == 'r';
}

/* What ublk_serve() returned. */
static int end(struct life *life)
{
	int status = -1;

	waitpid(life->keeper, &status, 0);
	model_halt();
	CHECK_TEXT(model_violation(), "");
	CHECK(!model_is_added());
	model_close();
	return WIFEXITED(status) ? -WEXITSTATUS(status) : 1;
}

static void end_well(struct life *life)
{
	struct load_count count = load_counted(life->load);

	kill(life->keeper, SIGTERM);
	CHECK_EQ(end(life), 0);
	CHECK_TEXT(count.first_wrong, "");
	printf("# %s %s: %llu requests\n", life->model.kernel->name, life->words[0], (unsigned long long)count.requests);
	load_free(life->load);
}

static struct load *load_for(const struct life *life, uint64_t requests)
{
	struct load_plan plan = {
		.disk = LOAD_KEEPS, .queues = life->disk.parallel ? QUEUES : 1, .depth = DEPTH, .max_io = MAX_IO, .size = SIZE,
		.requests = requests, .seed = check_seed(),
	};

	return load_new(&plan);
}

#define EVERY_KERNEL(kernel) (const struct model_kernel *kernel = model_kernels; kernel->name; kernel++)

static const struct { const char *word; uint64_t takes; } modes[] = {
	{ "--io=copy", 0 }, { "--io=get-data", 0 }, { "--io=user-copy", UBLK_F_USER_COPY }, { "--io=batch", UBLK_F_BATCH_IO },
};

static void serve(struct ublk_disk disk, const struct model_kernel *kernel, const char *mode)
{
	struct life life = { .disk = disk, .words = { mode }, .model = { .kernel = kernel } };

	life.load = load_for(&life, REQUESTS);
	if (CHECK(begin(&life)))
		CHECK(load_wait(life.load));
	end_well(&life);
}

/* --- claims, of lives --------------------------------------------------------------------- */

static void everywhere(void)
{
	for EVERY_KERNEL(kernel)
		for (size_t mode = 0; mode < ARRAY_SIZE(modes); mode++)
			if ((kernel->features & modes[mode].takes) == modes[mode].takes)
				serve(whole(), kernel, modes[mode].word);
}

/* As little as a disk can have, and one thread. */
static void bare_disk(void)
{
	struct ublk_disk disk = whole();

	disk.open = NULL;
	disk.flush = NULL;
	disk.discard = disk.zero = NULL;
	disk.parallel = false;
	for (size_t mode = 0; mode < ARRAY_SIZE(modes); mode++)
		serve(disk, NEWEST, modes[mode].word);
}

static void followed(void)
{
	for (size_t mode = 0; mode < ARRAY_SIZE(modes); mode++) {
		struct life life = {
			.disk = whole(), .words = { modes[mode].word, "--supervise" },
			.model = { .kernel = NEWEST, .mortality = 400, .deaths = DEATHS, .release = 2 },
		};

		life.load = load_for(&life, 0);
		if (CHECK(begin(&life))) {
			model_is_deadly();
			for (int i = 0; i < 60000 && model_deaths() < DEATHS; i++)
				poll(NULL, 0, 1);
			CHECK(model_is_served());
			load_end(life.load);
			CHECK(load_wait(life.load));
		}
		end_well(&life);
		CHECK_EQ(model_sent(UBLK_CMD_END_USER_RECOVERY), DEATHS);
	}
}

/* What becomes of it is returned, @said, and nothing is left. */
static void returns(struct ublk_disk disk, const char *word, int error, const char *said)
{
	struct life life = { .disk = disk, .words = { word }, .model = { .kernel = NEWEST } };
	char text[1000] = "";
	int fd;

	if (!CHECK(!begin(&life)))
		kill(life.keeper, SIGTERM);
	CHECK_EQ(end(&life), error);
	fd = open(says, O_RDONLY);
	CHECK(read(fd, text, sizeof(text) - 1) >= 0);
	close(fd);
	if (!CHECK(strstr(text, said)))
		printf("# '%s', not '%s'\n", text, said);
}

static int refuse(struct ublk_disk *disk)
{
	(void)disk;
	return ublk_fail(-EACCES, "do that");
}

static void refusals(void)
{
	struct ublk_disk disk = whole();

	returns(disk, "--unknown", -EINVAL, "unknown option --unknown");
	returns(disk, "a word", -EINVAL, "what is 'a word' for?");
	returns(disk, "--", -EINVAL, "no command");
	disk.parallel = false;
	returns(disk, "--queues=2", -EINVAL, "served by one thread");
	disk.size = 0;
	returns(disk, NULL, -EIO, "no size");
	disk = whole();
	disk.size = SIZE + 1;
	returns(disk, NULL, -EIO, "no multiple of the sector size");
	disk = whole();
	disk.prepare = refuse;
	returns(disk, NULL, -EACCES, "cannot do that: Permission denied");
	disk = whole();
	disk.open = refuse;
	returns(disk, NULL, -EACCES, "cannot do that: Permission denied");
	disk = whole();
	disk.read = NULL;
	returns(disk, NULL, -EINVAL, "a function that reads");
}

/* --- claims, of requests ------------------------------------------------------------------ */

static struct ublk_disk one;
static struct queue *queue;

static void open_one(void)
{
	struct spec spec = { .queues = 1 };
	struct disk description;

	one = whole();
	served.disk = &one;
	CHECK_EQ(disk_prepare(NULL, &spec), 0);
	CHECK_EQ(disk_open(NULL, &description), 0);
	queue = disk_queue_open(NULL, -1);
	answer = 0;
	reads = writes = flushes = discards = zeroes = 0;
}

static void close_one(void)
{
	disk_queue_close(queue);
	munmap(memory.at, SIZE);
}

static struct place ask(enum op op, uint32_t length, uint64_t offset, bool fua)
{
	struct span span = { .op = op, .length = length, .offset = offset, .fua = fua };

	return disk_where(queue, &span);
}

/* However the bytes come, the function gets all of them at once. */
static void writes_in_pieces(void)
{
	struct place place;

	open_one();
	place = ask(OP_WRITE, 8192, 4096, false);
	CHECK_EQ(place.kind, IN_MEMORY);
	memset(place.memory, 'a', 1000);
	place = ask(OP_WRITE, 8192 - 1000, 4096 + 1000, false);
	memset(place.memory, 'b', 8192 - 1000);
	CHECK_EQ(writes, 0);
	CHECK_EQ(disk_written(queue, OP_WRITE, 4096, 8192), 0);
	CHECK(writes == 1 && last_length == 8192 && last_offset == 4096 && !flushes);
	CHECK(memory.at[4096] == 'a' && memory.at[5095] == 'a' && memory.at[5096] == 'b' && memory.at[12287] == 'b');
	CHECK(!memory.at[4095] && !memory.at[12288]);
	/* Another of the same tag that ends where that did is another. */
	place = ask(OP_WRITE, 4096, 8192, false);
	CHECK(place.memory == queue->buffer);
	memset(place.memory, 'c', 4096);
	CHECK_EQ(disk_written(queue, OP_WRITE, 8192, 4096), 0);
	CHECK(memory.at[8191] == 'b' && memory.at[8192] == 'c');
	close_one();
}

/* Its bytes never came; what looks like the rest of it is none. */
static void writes_that_failed(void)
{
	struct place place;

	open_one();
	ask(OP_WRITE, 8192, 0, true);
	place = ask(OP_WRITE, 4096, 4096, false);
	memset(place.memory, 'd', 4096);
	CHECK_EQ(disk_written(queue, OP_WRITE, 4096, 4096), 0);
	CHECK(memory.at[4096] == 'd' && memory.at[8191] == 'd' && !memory.at[0] && !flushes);
	close_one();
}

static void durable_writes(void)
{
	open_one();
	ask(OP_WRITE, 4096, 0, true);
	CHECK_EQ(disk_written(queue, OP_WRITE, 0, 4096), 0);
	CHECK(writes == 1 && flushes == 1);
	one.flush = NULL;
	ask(OP_WRITE, 4096, 0, true);
	CHECK_EQ(disk_written(queue, OP_WRITE, 0, 4096), 0);
	CHECK(writes == 2 && flushes == 1);
	close_one();
}

static void errors_reach_requests(void)
{
	static const struct { int given, taken; } errors[] = { { -ENOSPC, -ENOSPC }, { 1, -EIO }, { 4096, -EIO } };

	open_one();
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		answer = errors[i].given;
		for (enum op op = OP_READ; op <= OP_ZERO; op++) {
			struct place place = ask(op, op == OP_FLUSH ? 0 : 4096, 0, false);

			if (op == OP_WRITE)
				CHECK_EQ(disk_written(queue, OP_WRITE, 0, 4096), errors[i].taken);
			else
				CHECK(place.kind == FAILED && place.error == errors[i].taken);
		}
	}
	close_one();
}

/* Zeroes are written where there is no other way, however many; a discard is nothing then. */
static void without_functions(void)
{
	struct place place;

	open_one();
	memset(memory.at, 'x', SIZE);
	one.zero = NULL;
	place = ask(OP_ZERO, SIZE, 0, false);
	CHECK(place.kind == NOWHERE && place.length == BUFFER_LEAST && writes == 1 && last_length == BUFFER_LEAST);
	CHECK(!memory.at[0] && !memory.at[BUFFER_LEAST - 1] && memory.at[BUFFER_LEAST] == 'x');
	one.discard = NULL;
	place = ask(OP_DISCARD, SIZE, 0, false);
	CHECK(place.kind == NOWHERE && place.length == SIZE && !discards);
	one.flush = NULL;
	CHECK_EQ(ask(OP_FLUSH, 0, 0, false).kind, NOWHERE);
	CHECK_EQ(ask(OP_READ, BUFFER_LEAST + 4096, 0, false).kind, FAILED);
	close_one();
}

static void descriptions(void)
{
	struct disk description;

	open_one();
	CHECK_EQ(disk_open(NULL, &description), 0);
	CHECK(description.size == SIZE && description.discard_size == 4096);
	CHECK(description.write_cache && !description.read_only);
	one.write = NULL;
	one.flush = NULL;
	one.discard = one.zero = NULL;
	one.sector_size = 4096;
	CHECK_EQ(disk_open(NULL, &description), 0);
	CHECK(description.read_only && !description.write_cache);
	CHECK(!description.discard_size && description.sector_size == 4096);
	close_one();
}

/* --- claims, of words --------------------------------------------------------------------- */

static const struct ublk_option options[] = {
	{ UBLK_FLAG, 'f', "flag", &memory.flag, NULL, "a flag" },
	{ UBLK_NUMBER, 0, "number", &memory.number, "N", "a number" },
	{ UBLK_SIZE, 0, "length", &memory.size, "SIZE", "a size" },
	{ UBLK_TEXT, 0, "text", &memory.text, NULL, "a text" },
	{ 0 }
};

static int see_options(struct ublk_disk *disk)
{
	bool texts = memory.text && !strcmp(memory.text, "words");

	(void)disk;
	if (memory.flag && memory.number == 7 && memory.size == 2 << 20 && texts)
		return -EBUSY;
	return !memory.flag && memory.number == 3 && !memory.size && !memory.text ? -ENODEV : -EIO;
}

static void options_of_its_own(void)
{
	static const struct ublk_option wrong[] = { { UBLK_SIZE, 0, "nothing", NULL, NULL, "fills in nothing" }, { 0 } };
	static const char *const given[] = { "-f", "--number=7", "2M", "--text", "words", NULL };
	static const char *const none[] = { NULL };
	struct ublk_disk disk = whole();

	memory.number = 3;
	disk.options = options;
	disk.bare = "length";
	disk.prepare = see_options;
	CHECK_EQ(ublk_serve(&disk, none), -ENODEV);
	CHECK_EQ(ublk_serve(&disk, NULL), -ENODEV);
	CHECK_EQ(ublk_serve(&disk, given), -EBUSY);
	disk.options = wrong;
	disk.bare = NULL;
	CHECK_EQ(ublk_serve(&disk, none), -EINVAL);
}

static enum ublk_level heard_level;
static char heard[200];

static void hear(enum ublk_level level, const char *line)
{
	heard_level = level;
	snprintf(heard, sizeof(heard), "%s", line);
}

static void said_elsewhere(void)
{
	ublk_log(hear);
	CHECK_EQ(ublk_fail(-ENOENT, "open %s, %.2f", "a\033b", 0.5), -ENOENT);
	CHECK_TEXT(heard, "cannot open a?b, 0.50: No such file or directory");
	CHECK_EQ(heard_level, UBLK_ERROR);
	log_level = LOG_NORMAL;
	ublk_note("%0600d", 1);
	CHECK_EQ(strlen(heard), sizeof(heard) - 1);
	CHECK_EQ(heard_level, UBLK_NOTICE);
	*heard = '\0';
	log_level = LOG_SILENT;
	ublk_note("quiet");
	CHECK_TEXT(heard, "");
	log_level = LOG_NORMAL;
	ublk_log(NULL);
}

static void names_of_devices(void)
{
	uint32_t id = 9;

	CHECK(parse_device("/dev/ublkb3", &id) == 0 && id == 3);
	CHECK(parse_device("ublkb4", &id) == 0 && id == 4);
	CHECK(parse_device("5", &id) == 0 && id == 5);
	CHECK_EQ(parse_device("/dev/sda", &id), -EINVAL);
	CHECK_EQ(parse_device("", &id), -EINVAL);
	CHECK_EQ(parse_device("ublkb99999999999", &id), -EINVAL);
	CHECK_EQ(parse_device("/dev/ublkb3p1", &id), -EINVAL);
}

int main(void)
{
	static const struct test tests[] = {
		{ "a disk of functions, under load, on every kernel, in every mode", everywhere },
		{ "so does one that can but read and write, with one thread", bare_disk },
		{ "its servers die, and others follow", followed },
		{ "what cannot be is returned, and nothing is left", refusals },
		{ "a write comes in pieces, and is handed on as a whole", writes_in_pieces },
		{ "nothing of a write that failed comes into the next", writes_that_failed },
		{ "a write that must last is flushed, if there is something to flush", durable_writes },
		{ "what a function returns is what the request ends with", errors_reach_requests },
		{ "what there is no function for is done by others, or not at all", without_functions },
		{ "a disk is described as its functions can", descriptions },
		{ "options of a disk's own are filled in before prepare() is called", options_of_its_own },
		{ "a hook gets lines as they are", said_elsewhere },
		{ "a device is a number, or the path of one", names_of_devices },
	};
	int result;

	CHECK(mkdtemp(dir));
	make_file(control, "ublk-control");
	make_file(node, "ublkc0");
	make_file(block, "ublkb0");
	make_file(says, "says");
	result = check_main(tests, ARRAY_SIZE(tests));
	unlink(control);
	unlink(node);
	unlink(block);
	unlink(says);
	rmdir(dir);
	return result;
}
