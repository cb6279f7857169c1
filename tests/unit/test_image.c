/* SPDX-License-Identifier: MIT */
/* test_image.c - files into the store and out again, and files that appear whole */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

#include "applets/mem/image.h"
#include "core/file.h"
#include "core/util.h"
#include "tests/check.h"
#include "tests/unit/said.h"

static struct store store_of(uint64_t size, uint64_t limit)
{
	struct store store;

	said_nothing();
	CHECK_EQ(store_open(&store, &(struct store_plan){ .size = size, .node = -1, .limit = limit }), 0);
	return store;
}

static int scratch(void)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	CHECK(fd >= 0);
	return fd;
}

static char pattern(uint64_t at)
{
	return (char)(at * 2654435761U >> 7 | 1);
}

static void put(int fd, uint64_t offset, size_t length)
{
	char data[9000];

	for (size_t i = 0; i < length; i++)
		data[i] = pattern(offset + i);
	CHECK_EQ(pwrite(fd, data, length, (off_t)offset), (ssize_t)length);
}

static bool holds(const struct store *store, uint64_t offset, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (store->base[offset + i] != pattern(offset + i))
			return false;
	return true;
}

/* 5 MiB and a bit: data at both ends and in the middle, holes between. */
static int sparse_file(void)
{
	int fd = scratch();

	put(fd, 0, 100);
	put(fd, (2U << 20) - 50, 5000);
	put(fd, (5U << 20), 777);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

#define SPARSE_SIZE ((5U << 20) + 777)

static bool holds_sparse(const struct store *store)
{
	return holds(store, 0, 100) && holds(store, (2U << 20) - 50, 5000) && holds(store, 5U << 20, 777);
}

static void load_sparse(void)
{
	int fd = sparse_file();
	struct store store = store_of(8U << 20, UINT64_MAX);
	uint64_t loaded = 0;

	CHECK_EQ(image_size(fd), SPARSE_SIZE);
	CHECK_EQ(image_load(&store, fd, "sparse", false, false, &loaded), 0);
	CHECK_EQ(loaded, SPARSE_SIZE);
	CHECK(holds_sparse(&store));
	CHECK_EQ(store.base[3000000], 0);
	CHECK(store.tally->used <= 5 * page_size());
	store_close(&store);
	close(fd);
}

#ifdef BRIEFLY
#define HUGE (1ULL << 33)	/* valgrind maps no more */
#else
#define HUGE (1ULL << 40)
#endif

/* Reading all of it would take minutes. */
static void load_huge_hole(void)
{
	const uint64_t size = HUGE;
	int fd = scratch();
	struct store store = store_of(size, UINT64_MAX);
	uint64_t loaded = 0;

	put(fd, 0, 100);
	put(fd, size - 100, 100);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	alarm(10);
	CHECK_EQ(image_load(&store, fd, "huge", false, false, &loaded), 0);
	alarm(0);
	CHECK_EQ(loaded, size);
	CHECK(holds(&store, 0, 100) && holds(&store, size - 100, 100));
	CHECK_EQ(store.tally->used, 2 * page_size());
	store_close(&store);
	close(fd);
}

static void load_trailing_hole(void)
{
	int fd = scratch();
	struct store store = store_of(4U << 20, UINT64_MAX);
	uint64_t loaded = 0;

	put(fd, 512, 512);
	CHECK_EQ(ftruncate(fd, 3U << 20), 0);
	CHECK_EQ(image_load(&store, fd, "tail", false, false, &loaded), 0);
	CHECK_EQ(loaded, 3U << 20);
	CHECK(holds(&store, 512, 512));
	CHECK_EQ(store.tally->used, page_size());
	store_close(&store);
	close(fd);
}

static void load_zeroes_take_nothing(void)
{
	static char zeroes[1 << 16];
	int fd = scratch();
	struct store store = store_of(1U << 20, 0);
	uint64_t loaded = 0;

	CHECK_EQ(write(fd, zeroes, sizeof(zeroes)), (ssize_t)sizeof(zeroes));
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK_EQ(image_load(&store, fd, "zeroes", false, false, &loaded), 0);
	CHECK_EQ(store.tally->used, 0);
	store_close(&store);
	close(fd);
}

/* Wherever it is, also behind the last whole word. */
static void load_one_byte(void)
{
	static const uint64_t places[] = { 0, 7, 8, 4095, 8184, 8191, 8196 };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		int fd = scratch();
		struct store store = store_of(1U << 20, UINT64_MAX);
		uint64_t loaded = 0;

		CHECK_EQ(ftruncate(fd, 8197), 0);
		put(fd, places[i], 1);
		CHECK_EQ(image_load(&store, fd, "byte", false, false, &loaded), 0);
		CHECK_EQ(loaded, 8197);
		CHECK(holds(&store, places[i], 1));
		CHECK_EQ(store.tally->used, page_size());
		store_close(&store);
		close(fd);
	}
}

static void *feed(void *arg)
{
	int to = *(int *)arg, from = sparse_file();
	char data[7001];
	ssize_t n;

	while ((n = read(from, data, sizeof(data))) > 0)
		if (file_write_all(to, data, (size_t)n))
			break;
	close(from);
	close(to);
	return NULL;
}

static void load_pipe(void)
{
	int fds[2];
	pthread_t feeder;
	struct store store = store_of(1U << 20, UINT64_MAX);	/* must grow */
	uint64_t loaded = 0;

	CHECK_EQ(pipe(fds), 0);
	CHECK_EQ(image_size(fds[0]), 0);
	pthread_create(&feeder, NULL, feed, &fds[1]);
	CHECK_EQ(image_load(&store, fds[0], "-", false, false, &loaded), 0);
	pthread_join(feeder, NULL);
	CHECK_EQ(loaded, SPARSE_SIZE);
	CHECK(store.size >= SPARSE_SIZE && holds_sparse(&store));
	CHECK(store.tally->used <= 5 * page_size());
	store_close(&store);
	close(fds[0]);
}

static void load_too_large(void)
{
	int fd = sparse_file(), directory = open("/", O_RDONLY | O_CLOEXEC);
	struct store store = store_of(8U << 20, 2 * page_size());
	uint64_t loaded = 0;

	CHECK_EQ(image_load(&store, fd, "big", false, false, &loaded), -ENOSPC);
	CHECK(said("big does not fit"));
	CHECK(store.tally->used <= store.limit);
	CHECK_EQ(image_load(&store, directory, "dir", false, false, &loaded), -EISDIR);
	CHECK(said("load dir"));
	store_close(&store);
	close(directory);
	close(fd);
}

/* --- a file that goes while it is loaded --- */

#define CHUNKS 5
#define CHUNK_SIZE (1ULL << 20)

/* Data in every chunk, but not everywhere, and an end that is no chunk's. */
static int chunks_file(void)
{
	int fd = scratch();

	for (uint64_t i = 0; i < CHUNKS; i++)
		put(fd, i * CHUNK_SIZE + 300000, 9000);
	put(fd, CHUNKS * CHUNK_SIZE, 777);
	return fd;
}

static uint64_t length_of(int fd)
{
	struct stat st;

	CHECK_EQ(fstat(fd, &st), 0);
	return (uint64_t)st.st_size;
}

static void consume_all(void)
{
	int fd = chunks_file();
	struct store store = store_of(8U << 20, UINT64_MAX);
	uint64_t loaded = 0;

	CHECK_EQ(image_load(&store, fd, "eaten", false, true, &loaded), 0);
	CHECK_EQ(loaded, CHUNKS * CHUNK_SIZE + 777);
	CHECK_EQ(length_of(fd), 0);
	for (uint64_t i = 0; i < CHUNKS; i++) {
		CHECK(holds(&store, i * CHUNK_SIZE + 300000, 9000));
		CHECK(!store.base[i * CHUNK_SIZE + 299999] && !store.base[i * CHUNK_SIZE + 309000]);
	}
	CHECK(holds(&store, CHUNKS * CHUNK_SIZE, 777));
	CHECK_EQ(store.tally->used, (CHUNKS * 3 + 1) * page_size());
	store_close(&store);
	close(fd);
}

/* Each byte is in the file until it is in the store, and what is in the store is no longer in the file. */
static void consume_until_it_fails(void)
{
	for (uint64_t fits = 0; fits <= CHUNKS; fits++) {
		int fd = chunks_file();
		struct store store = store_of(8U << 20, fits ? ((fits - 1) * 3 + 1) * page_size() : 0);
		uint64_t loaded = 0, left;

		CHECK_EQ(image_load(&store, fd, "eaten", false, true, &loaded), -ENOSPC);
		CHECK(said("eaten does not fit"));
		left = length_of(fd);
		CHECK_EQ(left, fits ? (CHUNKS + 1 - fits) * CHUNK_SIZE : CHUNKS * CHUNK_SIZE + 777);
		for (uint64_t i = 0; i < CHUNKS; i++) {
			char byte = 0;

			CHECK_EQ(pread(fd, &byte, 1, (off_t)(i * CHUNK_SIZE + 308999)), i * CHUNK_SIZE < left);
			CHECK(i * CHUNK_SIZE < left ? byte == pattern(i * CHUNK_SIZE + 308999)
						    : holds(&store, i * CHUNK_SIZE + 300000, 9000));
		}
		CHECK(holds(&store, CHUNKS * CHUNK_SIZE, fits ? 777 : 0));
		store_close(&store);
		close(fd);
	}
}

/* Of a hole not every byte is looked at, and nothing is where there is nothing to be cut off. */
static void consume_holes(void)
{
	const uint64_t size = HUGE >> 8;
	int fd = scratch(), empty = scratch();
	struct store store = store_of(size, UINT64_MAX);
	uint64_t loaded = 1;

	put(fd, 0, 100);
	put(fd, size - 5 * CHUNK_SIZE, 100);
	CHECK_EQ(ftruncate(fd, (off_t)size), 0);
	alarm(10);
	CHECK_EQ(image_load(&store, fd, "huge", false, true, &loaded), 0);
	alarm(0);
	CHECK_EQ(loaded, size);
	CHECK_EQ(length_of(fd), 0);
	CHECK(holds(&store, 0, 100) && holds(&store, size - 5 * CHUNK_SIZE, 100));
	CHECK_EQ(store.tally->used, 2 * page_size());
	CHECK_EQ(image_load(&store, empty, "empty", false, true, &loaded), 0);
	CHECK_EQ(loaded, 0);
	store_close(&store);
	close(empty);
	close(fd);
}

static void consume_what_cannot_be_cut(void)
{
	char self[40];
	int fd = chunks_file(), to_read;
	struct store store = store_of(8U << 20, UINT64_MAX);
	uint64_t loaded = 0;

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	to_read = open(self, O_RDONLY | O_CLOEXEC);
	CHECK_EQ(image_load(&store, to_read, "shut", false, true, &loaded), -EINVAL);
	CHECK(said("load shut"));
	CHECK_EQ(length_of(fd), CHUNKS * CHUNK_SIZE + 777);
	store_close(&store);
	close(to_read);
	close(fd);
}

static void save_and_load(void)
{
	int from = sparse_file(), to = scratch();
	struct store store = store_of(8U << 20, UINT64_MAX), again = store_of(8U << 20, UINT64_MAX);
	uint64_t loaded = 0;
	struct stat st;

	CHECK_EQ(image_load(&store, from, "in", false, false, &loaded), 0);
	CHECK_EQ(image_save(&store, 7U << 20, to, "out", false), 0);
	CHECK_EQ(fstat(to, &st), 0);
	CHECK_EQ(st.st_size, 7U << 20);
	CHECK(st.st_blocks * 512 <= (4 << 20) + 4096);		/* what holds nothing takes nothing there either; but the last byte */
	CHECK_EQ(lseek(to, 0, SEEK_SET), 0);
	CHECK_EQ(image_load(&again, to, "back", false, false, &loaded), 0);
	CHECK_EQ(loaded, 7U << 20);
	CHECK(!memcmp(store.base, again.base, 7U << 20));
	CHECK_EQ(again.tally->used, store.tally->used);
	store_close(&store);
	store_close(&again);
	close(from);
	close(to);
}

static void save_to_full(void)
{
	struct store store = store_of(1U << 20, UINT64_MAX);
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC), closed = open("/dev/null", O_RDONLY | O_CLOEXEC);

	CHECK(image_save(&store, 1U << 20, full, "full", false) < 0);
	CHECK(image_save(&store, 1U << 20, closed, "closed", false) < 0);
	CHECK(said("save the disk to full"));
	store_close(&store);
	close(full);
	close(closed);
}

/* --- file_target --- */

static char dir[] = "/tmp/ublk-unit-XXXXXX";

/* How many names there are in the directory. */
static int names(void)
{
	static struct file_listing listing;
	int count = 0;

	CHECK_EQ(file_listing_open(&listing, AT_FDCWD, dir), 0);
	while (file_listing_next(&listing))
		count++;
	file_listing_close(&listing);
	return count;
}

static const char *in_dir(const char *name)
{
	static char path[4][200];
	static int turn;
	char *at = path[turn++ % 4];

	snprintf(at, sizeof(path[0]), "%s/%s", dir, name);
	return at;
}

static bool contains(const char *path, const char *text)
{
	char got[100] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, got, sizeof(got) - 1);

	close(fd);
	return n == (ssize_t)strlen(text) && !strcmp(got, text);
}

static void write_target(struct file_target *target, const char *text)
{
	int fd = file_target_create(target, 0640);

	CHECK(fd >= 0);
	CHECK_EQ(file_write_all(fd, text, strlen(text)), 0);
	close(fd);
}

static void appears_whole(void)
{
	struct file_target target;
	struct stat st;

	mkdtemp(dir);
	umask(022);
	CHECK_EQ(file_target_open(&target, in_dir("f")), 0);
	write_target(&target, "first");
	CHECK_EQ(names(), 0);			/* nothing to see, and nothing left if we were killed now */
	CHECK_EQ(file_target_commit(&target), 0);
	CHECK_EQ(names(), 1);
	CHECK(contains(in_dir("f"), "first"));
	CHECK_EQ(stat(in_dir("f"), &st), 0);
	CHECK_EQ(st.st_mode & 0777, 0640);
	file_target_close(&target);
	file_target_close(&target);

	CHECK_EQ(file_target_open(&target, in_dir("f")), 0);
	write_target(&target, "second");
	CHECK(contains(in_dir("f"), "first"));
	CHECK_EQ(file_target_commit(&target), 0);
	CHECK(contains(in_dir("f"), "second"));
	CHECK_EQ(names(), 1);
	CHECK_EQ(file_target_remove(&target), 0);
	CHECK_EQ(file_target_remove(&target), -ENOENT);
	file_target_close(&target);
	CHECK_EQ(names(), 0);
	rmdir(dir);
}

static void removed_if_it_is_it(void)
{
	struct file_target target;
	int fd, other;

	strcpy(dir + sizeof(dir) - 7, "XXXXXX");
	mkdtemp(dir);
	fd = open(in_dir("f"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	other = open(in_dir("other"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CHECK_EQ(pwrite(fd, "bytes", 5, 0) + pwrite(other, "other", 5, 0), 10);
	CHECK_EQ(file_target_open(&target, in_dir("f")), 0);
	CHECK_EQ(file_target_remove_only(&target, other, 5), -ESTALE);
	CHECK_EQ(file_target_remove_only(&target, fd, 6), -ESTALE);
	CHECK_EQ(link(in_dir("f"), in_dir("g")), 0);
	CHECK_EQ(file_target_remove_only(&target, fd, 5), -ESTALE);
	CHECK_EQ(unlink(in_dir("f")), 0);
	CHECK_EQ(symlink("g", in_dir("f")), 0);
	CHECK_EQ(file_target_remove_only(&target, fd, 5), -ESTALE);
	CHECK_EQ(names(), 3);
	CHECK_EQ(rename(in_dir("g"), in_dir("f")), 0);
	CHECK_EQ(file_target_remove_only(&target, fd, 5), 0);
	CHECK_EQ(file_target_remove_only(&target, -1, 5), -ENOENT);
	CHECK_EQ(names(), 1);
	file_target_close(&target);
	unlink(in_dir("other"));
	close(other);
	close(fd);
	rmdir(dir);
}

static void forgotten(void)
{
	struct file_target target;

	strcpy(dir + sizeof(dir) - 7, "XXXXXX");
	mkdtemp(dir);
	CHECK_EQ(file_target_open(&target, in_dir("f")), 0);
	write_target(&target, "text");
	file_target_close(&target);
	CHECK_EQ(names(), 0);
	rmdir(dir);
}

/* As where the file system has no unnamed files: both temporary names at once, and both gone later. */
static void two_in_one_directory(void)
{
	struct file_target a, b;

	strcpy(dir + sizeof(dir) - 7, "XXXXXX");
	mkdtemp(dir);
	CHECK_EQ(file_target_open(&a, in_dir("a")), 0);
	CHECK_EQ(file_target_open(&b, in_dir("b")), 0);
	write_target(&a, "text of a");
	write_target(&b, "text of b");
	mkdir(in_dir("a"), 0700);		/* so that a stays with its temporary name */
	CHECK_EQ(file_target_commit(&a), -EISDIR);
	CHECK_EQ(file_target_commit(&b), 0);
	CHECK(contains(in_dir("b"), "text of b"));
	CHECK_EQ(names(), 3);
	file_target_close(&a);
	file_target_close(&b);
	CHECK_EQ(names(), 2);
	rmdir(in_dir("a"));
	unlink(in_dir("b"));
	rmdir(dir);
}

static void paths(void)
{
	struct file_target target;
	static char endless[5000];

	CHECK_EQ(file_target_open(&target, "name"), 0);
	file_target_close(&target);
	CHECK_EQ(file_target_open(&target, "/name"), 0);
	CHECK_TEXT(target.name, "name");
	file_target_close(&target);
	CHECK_EQ(file_target_open(&target, "/tmp/"), -EISDIR);
	CHECK_EQ(file_target_open(&target, ""), -EISDIR);
	CHECK_EQ(file_target_open(&target, "/no/such/dir/f"), -ENOENT);
	file_target_close(&target);
	memset(endless, 'x', sizeof(endless) - 1);
	endless[4500] = '/';
	CHECK_EQ(file_target_open(&target, endless), -ENAMETOOLONG);
	file_target_close(&target);
}

TESTS(
	{ "an image's holes take no memory", load_sparse },
	{ "holes are not even read", load_huge_hole },
	{ "a hole at the end counts", load_trailing_hole },
	{ "zeroes take no memory", load_zeroes_take_nothing },
	{ "one byte among zeroes is not lost", load_one_byte },
	{ "a pipe is read to its end, and the store grows", load_pipe },
	{ "an image larger than the limit is refused", load_too_large },
	{ "a file that is consumed is all in the store, and empty", consume_all },
	{ "wherever that fails, each byte is in one of them", consume_until_it_fails },
	{ "a file that is consumed may have holes, or nothing", consume_holes },
	{ "a file that cannot be cut is left alone", consume_what_cannot_be_cut },
	{ "what is saved is sparse and can be loaded again", save_and_load },
	{ "a failed save is told", save_to_full },
	{ "a file appears whole, replaces another, and can be removed", appears_whole },
	{ "only the very file that was meant is removed, and with its last name", removed_if_it_is_it },
	{ "a file that is never committed leaves nothing", forgotten },
	{ "two files in the making do not meet", two_in_one_directory },
	{ "names of files are taken apart, wrong ones refused", paths },
)
