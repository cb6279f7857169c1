/* SPDX-License-Identifier: MIT */
/* test_inflate.c - any byte of a deflated member, whoever asks in whatever order */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "applets/zip/inflate.h"
#include "applets/zip/scan.h"
#include "applets/zip/splice.h"
#include "core/util.h"
#include "tests/check.h"
#include "tests/unit/deflater.h"
#include "tests/unit/said.h"

#define MEMBERS 40
#define GAP 37			/* bytes around members, which nobody may read */

/* --- an archive in memory --- */

static struct deflater streams[MEMBERS];
static struct member members[MEMBERS];
static uint32_t member_count;
static unsigned char *archive;
static struct source memory;
static _Atomic uint64_t fail_from = UINT64_MAX;		/* reads that reach this byte fail */
static _Atomic unsigned int failed_reads;
static _Atomic uint64_t altered_below;			/* bytes before this one are not what they were */
static _Atomic uint32_t longest_read;

static int read_memory(const struct source *source, uint64_t offset, void *into, uint32_t length)
{
	bool inside = false;

	for (uint32_t i = 0; i < member_count; i++)
		inside |= offset >= members[i].data && offset + length <= members[i].data + members[i].packed;
	CHECK(inside && offset + length <= source->size);
	longest_read = longest_read > length ? longest_read : length;
	if (offset + length > fail_from) {
		failed_reads++;
		return -EIO;
	}
	memcpy(into, source->bytes + offset, length);
	if (offset < altered_below)
		memset(into, 0x55, min_u64(length, altered_below - offset));
	return 0;
}

static struct deflater *new_stream(uint64_t seed)
{
	deflater_open(&streams[member_count], seed);
	return &streams[member_count++];
}

/* All streams that were made, one after the other. */
static void publish(void)
{
	uint64_t at = GAP;

	for (uint32_t i = 0; i < member_count; i++) {
		members[i] = (struct member){
			.id = 7 + i * 1024, .crc = plain_crc(streams[i].plain, streams[i].size), .data = at,
			.packed = streams[i].packed_size, .size = streams[i].size,
		};
		at += streams[i].packed_size + GAP;
	}
	archive = calloc(1, at);
	for (uint32_t i = 0; i < member_count; i++)
		memcpy(archive + members[i].data, streams[i].packed, streams[i].packed_size);
	memory = (struct source){ .read = read_memory, .size = at, .bytes = archive, .fd = -1 };
}

static void publish_random(uint64_t seed, size_t size)
{
	deflater_random(new_stream(seed), size);
	publish();
}

/* --- the engine --- */

static struct inflate *engine;

struct asker {
	struct inflate_queue *queue;
	int wake_fd;
};

static struct asker main_asker;

static const struct inflate_limits usual = { .index_memory = 64 << 20, .cache_memory = 1 << 20, .span = 1024, .workers = 2 };

static void open_asker(struct asker *asker, uint32_t slots)
{
	asker->wake_fd = eventfd(0, EFD_CLOEXEC);
	asker->queue = inflate_queue_open(engine, asker->wake_fd, slots);
	CHECK(asker->queue);
}

static void close_asker(struct asker *asker)
{
	inflate_queue_close(asker->queue);
	close(asker->wake_fd);
}

static void start(const struct inflate_limits *limits)
{
	said_nothing();
	altered_below = 0;
	fail_from = UINT64_MAX;
	failed_reads = 0;
	CHECK_EQ(inflate_open(&engine, &memory, limits), 0);
	open_asker(&main_asker, 8);
}

static void stop(void)
{
	close_asker(&main_asker);
	inflate_close(engine);
}

static void unpublish(void)
{
	while (member_count)
		deflater_close(&streams[--member_count]);
	free(archive);
}

static void finish(void)
{
	stop();
	unpublish();
}

static struct inflate_stats counted(void)
{
	struct inflate_stats stats;

	inflate_stats(engine, &stats);
	return stats;
}

static bool woken(const struct asker *asker)
{
	struct pollfd poll_fd = { .fd = asker->wake_fd, .events = POLLIN };
	uint64_t count;

	if (poll(&poll_fd, 1, 20000) != 1)
		return CHECK(!"woken");
	return read(asker->wake_fd, &count, sizeof(count)) == sizeof(count);
}

static int64_t ask(const struct asker *asker, uint32_t slot, const struct member *member, uint64_t offset, uint32_t length,
		   const char **at)
{
	int64_t got = inflate_ask(asker->queue, slot, member, offset, length, at);

	while (!got && woken(asker))
		got = inflate_ask(asker->queue, slot, member, offset, length, at);
	return got;
}

static bool read_by(const struct asker *asker, uint32_t i, uint64_t offset, uint32_t length)
{
	const char *at;

	while (length) {
		int64_t got = ask(asker, i % 8, &members[i], offset, length, &at);

		if (got <= 0 || got > length) {
			printf("# at %llu: %lld\n", (unsigned long long)offset, (long long)got);
			return CHECK(!"an answer");
		}
		if (memcmp(at, streams[i].plain + offset, (size_t)got))
			return CHECK(!"the right bytes");
		offset += (uint64_t)got;
		length -= (uint32_t)got;
	}
	return true;
}

/* All of these bytes are as they should be. */
static bool read_back(uint32_t i, uint64_t offset, uint32_t length)
{
	return read_by(&main_asker, i, offset, length);
}

static bool read_all(uint32_t i)
{
	for (uint64_t at = 0; at < members[i].size; at += 3000)
		if (!read_back(i, at, (uint32_t)min_u64(3000, members[i].size - at)))
			return false;
	return true;
}

/* How many messages there are, once there are @count: one who asks may know of an error before it is said. */
static int said_soon(int count)
{
	int messages = said_nothing();

	for (int i = 0; i < 2000 && messages < count; i++, messages += said_nothing())
		usleep(1000);
	return messages;
}

static bool said_in_time(const char *part)
{
	for (int i = 0; i < 2000 && !said(part); i++)
		usleep(1000);
	return said(part);
}

/* What asking there comes to in the end, if it is not bytes. */
static int64_t error_at(uint32_t i, uint64_t offset)
{
	const char *at;
	int64_t got = ask(&main_asker, 0, &members[i], offset, 1, &at);

	return got < 0 ? got : 0;
}

static void random_reads(const struct asker *asker, uint64_t seed, unsigned int count)
{
	for (unsigned int turn = 0; turn < count && !check_failures; turn++) {
		uint32_t i = check_random(&seed) % member_count;
		uint64_t offset = check_random(&seed) % members[i].size;
		uint32_t length = 1 + check_random(&seed) % (uint32_t)min_u64(members[i].size - offset, 20000);

		read_by(asker, i, offset, length);
	}
}

/* --- streams of all kinds --- */

/* How often; where every access is looked at, a few times show what threads do to each other. */
#if defined(__SANITIZE_THREAD__) || defined(BRIEFLY)
#define TIMES(n) ((n) / 10)
#else
#define TIMES(n) (n)
#endif

static void whatever_the_stream(void)
{
	for (uint64_t seed = 1; seed <= TIMES(40) && !check_failures; seed++) {
		struct inflate_limits limits = usual;

		limits.span <<= seed % 3;
		publish_random(seed, 1 + seed * 6000);
		start(&limits);
		if (seed % 2)
			random_reads(&main_asker, seed, 100);
		read_back(0, 0, (uint32_t)members[0].size);
		random_reads(&main_asker, seed, 100);
		CHECK_EQ(inflate_verify(engine, &members[0]), 0);
		CHECK_EQ(said_nothing(), 0);
		finish();
		if (check_failures)
			printf("# seed %llu\n", (unsigned long long)seed);
	}
}

/* Each (offset, length), as far as time allows: around every place where a span can begin. */
static void every_place(void)
{
	publish_random(3, 30000);
	start(&usual);
	read_all(0);
	for (uint64_t offset = 0; offset < members[0].size && !check_failures; offset += offset % 64 ? 11 - TIMES(10) : 7)
		for (uint32_t length = 1; length < 5000 && offset + length <= members[0].size; length = length * 3 + 1)
			if (!read_back(0, offset, length))
				break;
	finish();
}

static const char packers[] =
	"import zlib, random, struct, sys\n"
	"random.seed(5)\n"
	"text = open('README.md', 'rb').read()[:20000]\n"
	"datas = [text, bytes(100000), random.randbytes(20000), b'ab' * 9000 + text,\n"
	"	bytes(random.choice(b'\\0\\0\\0\\0\\0\\0ab') for i in range(30000))]\n"
	"ways = [(0, 0, 0), (1, 0, 0), (6, 0, 0), (9, 0, 0), (6, 4, 0), (6, 2, 0), (6, 3, 0), (6, 0, 2), (6, 0, 3), (6, 0, 1)]\n"
	"for data in datas:\n"
	"	for level, strategy, flush in ways:\n"
	"		packer = zlib.compressobj(level, 8, -15, random.choice([1, 8, 9]), strategy)\n"
	"		out = b''\n"
	"		for i in range(0, len(data), 3000):\n"
	"			out += packer.compress(data[i:i + 3000]) + (packer.flush(flush) if flush else b'')\n"
	"		out += packer.flush()\n"
	"		sys.stdout.buffer.write(struct.pack('=II', len(out), len(data)) + out + data)\n";

static bool get_stream(FILE *from, struct deflater *stream)
{
	uint32_t sizes[2];

	if (fread(sizes, sizeof(sizes), 1, from) != 1)
		return false;
	*stream = (struct deflater){
		.packed_size = sizes[0], .size = sizes[1], .packed = malloc(sizes[0]), .plain = malloc(sizes[1]),
	};
	return fread(stream->packed, sizes[0], 1, from) == 1 && fread(stream->plain, sizes[1], 1, from) == 1;
}

static void what_packers_make(void)
{
	char command[4096];
	unsigned int count = 0;
	FILE *from;

	snprintf(command, sizeof(command), "python3 - <<'END' 2>/dev/null\n%s\nEND\n", packers);
	from = popen(command, "r");
	while (from && get_stream(from, &streams[0])) {
		member_count = 1;
		publish();
		start(&usual);
		read_all(0);
		random_reads(&main_asker, ++count, 30);
		CHECK_EQ(counted().crc_failures, 0);
		finish();
	}
	pclose(from);
	if (count != 50)
		printf("# %u streams: is there a python3?\n", count);
}

/* One block, of which there is no end: its spans are as short as all others. */
static void one_long_block(void)
{
	struct inflate_limits limits = usual;
	struct inflate_stats stats;

	deflater_zeros(new_stream(1), 3 << 20, true);
	publish();
	start(&usual);
	CHECK_EQ(inflate_index(engine, &members[0]), 0);
	CHECK_EQ(inflate_indexed_wait(engine, &members[0], members[0].size - 1), members[0].size);
	stats = counted();
	CHECK(stats.checkpoints >= members[0].size / 1024 && stats.checkpoints < members[0].size / 700);
	CHECK(stats.checkpoint_memory / stats.checkpoints < 400);
	random_reads(&main_asker, 1, 200);
	stop();
	limits.index_memory = 50000;
	start(&limits);
	read_back(0, members[0].size - 1, 1);
	stats = counted();
	CHECK(stats.checkpoint_memory <= 50000 && stats.checkpoints > 40);	/* no longer than they must be */
	random_reads(&main_asker, 1, 200);
	CHECK(counted().decoded - stats.decoded <= (counted().spans - stats.spans) * 65536);
	finish();
}

/* Packed bytes without end and nothing in them: before, in the middle, and behind. */
static void empty_blocks(void)
{
	struct deflater *stream = new_stream(1);

	for (int i = 0; i < 20000; i++)
		deflater_bits(stream, 2, 10);
	deflater_block(stream, BLOCK_DYNAMIC, 3000, 50, false);
	for (int i = 0; i < 20000; i++)
		deflater_bits(stream, 2, 10);
	for (int i = 0; i < 5000; i++)
		deflater_block(stream, BLOCK_STORED, 0, 0, false);
	deflater_block(stream, BLOCK_FIXED, 7000, 50, false);
	for (int i = 0; i < 20000; i++)
		deflater_bits(stream, 2, 10);
	deflater_block(stream, BLOCK_STORED, 0, 0, true);
	publish();
	start(&usual);
	random_reads(&main_asker, 1, 200);
	read_all(0);
	CHECK_EQ(inflate_verify(engine, &members[0]), 0);
	finish();
}

/* --- damage --- */

static void small_ones_are_checked_first(void)
{
	const char *at;

	deflater_block(new_stream(1), BLOCK_DYNAMIC, 2000, 60, true);
	deflater_block(new_stream(2), BLOCK_DYNAMIC, 2000, 60, true);
	publish();
	members[0].crc ^= 1;
	start(&usual);
	CHECK_EQ(error_at(0, 0), -EIO);
	CHECK_EQ(inflate_ask(main_asker.queue, 3, &members[0], 5, 1, &at), -EIO);	/* known: not even waited for */
	read_all(1);
	CHECK_EQ(counted().crc_failures, 1);
	CHECK_EQ(counted().served, members[1].size);
	CHECK(said_in_time("member 7"));
	CHECK_EQ(said_soon(1), 1);
	CHECK_EQ(inflate_verify(engine, &members[0]), -EIO);
	CHECK_EQ(inflate_verify(engine, &members[1]), 0);
	finish();
}

static sem_t answered;
static uint32_t told_of;

static void tell_late(void *context, uint32_t id, const char *why)
{
	(void)context;
	(void)why;
	sem_wait(&answered);
	told_of = id;
}

/* Nobody reads the log before the answer is there. */
static void answered_before_it_is_said(void)
{
	struct inflate_limits limits = usual;

	sem_init(&answered, 0, 0);
	limits.damaged = tell_late;
	limits.workers = 1;
	deflater_block(new_stream(1), BLOCK_DYNAMIC, 2000, 60, true);
	publish();
	members[0].crc ^= 1;
	start(&limits);
	CHECK_EQ(error_at(0, 0), -EIO);
	sem_post(&answered);
	finish();			/* its thread has ended, so it has told */
	CHECK_EQ(told_of, 7);
}

static void wrong_checksum(void)
{
	deflater_random(new_stream(3), 50000);
	deflater_random(new_stream(4), 50000);
	publish();
	members[0].crc ^= 0x8000;
	start(&usual);
	CHECK_EQ(error_at(0, members[0].size - 1), -EIO);
	CHECK_EQ(error_at(0, 0), -EIO);
	CHECK_EQ(inflate_indexed(engine, &members[0]), -EIO);
	CHECK_EQ(inflate_verify(engine, &members[0]), -EIO);
	CHECK(said_in_time("checksum"));
	CHECK_EQ(said_soon(1), 1);
	read_all(1);
	finish();
}

static void wrong_sizes(void)
{
	static const int by[] = { -1, 1, -1000, 1000, -30000, 100000 };

	for (size_t n = 0; n < ARRAY_SIZE(by) && !check_failures; n++) {
		deflater_random(new_stream(3), 50000);
		deflater_block(new_stream(4), BLOCK_DYNAMIC, 2000, 60, true);
		publish();
		members[0].size += (uint64_t)by[n];
		members[1].size += (uint64_t)(by[n] % 999);
		start(&usual);
		CHECK_EQ(error_at(0, members[0].size - 1), -EIO);
		CHECK_EQ(error_at(0, 0), -EIO);
		CHECK(said_in_time(by[n] < 0 ? "does not end where" : "ends before"));
		CHECK_EQ(error_at(1, 0), by[n] % 999 ? -EIO : 0);
		CHECK_EQ(inflate_verify(engine, &members[0]), -EIO);
		CHECK_EQ(said_soon(2), 2);
		finish();
	}
}

static void truncated(void)
{
	for (uint64_t cut = 1; cut < 30000 && !check_failures; cut = cut * 2 + 1) {
		publish_random(9, 60000);
		if (cut >= members[0].packed)
			cut = members[0].packed - 1;
		members[0].packed -= cut;
		start(&usual);
		CHECK_EQ(error_at(0, members[0].size - 1), -EIO);
		CHECK_EQ(error_at(0, 0), -EIO);
		CHECK(said_in_time("does not end where"));
		CHECK_EQ(said_soon(1), 1);
		finish();
	}
}

/* Wherever a bit is wrong, it is noticed when the end is reached, and the member never trusted again. */
static void wrong_bits(void)
{
	uint64_t random = check_seed();

	publish_random(5, 40000);
	for (int turn = 0; turn < TIMES(100) && !check_failures; turn++) {
		uint64_t at = members[0].data + check_random(&random) % members[0].packed;
		unsigned char bit = (unsigned char)(1 << check_random(&random) % 8);
		int64_t error;

		archive[at] ^= bit;
		start(&usual);
		error = error_at(0, members[0].size - 1);
		if (error)
			CHECK(error == -EIO && error_at(0, 0) == -EIO && said_soon(1) == 1);
		else
			read_all(0);		/* such as padding before a stored block: nobody reads it */
		stop();
		archive[at] ^= bit;
	}
	unpublish();
}

/* The archive was altered after it was indexed. */
static void altered_later(void)
{
	publish_random(5, 200000);
	struct inflate_limits limits = usual;

	limits.cache_memory = 0;
	start(&limits);
	read_all(0);
	CHECK_EQ(inflate_indexed(engine, &members[0]), members[0].size);
	memset(archive + members[0].data + members[0].packed / 2, 0x55, 3000);
	CHECK_EQ(error_at(0, 100), 0);
	for (uint64_t at = 0; at < members[0].size; at += 1000)
		error_at(0, at);
	CHECK_EQ(error_at(0, 100), -EIO);
	CHECK_EQ(counted().crc_failures, 1);
	CHECK_EQ(said_soon(1), 1);
	finish();
}

/* The same, while it is being gone through and the rest of it is asked for. */
static void altered_meanwhile(void)
{
	for (uint64_t turn = 0; turn < TIMES(60) && !check_failures; turn++) {
		struct inflate_limits limits = usual;
		const char *at;

		limits.cache_memory = 0;
		if (!turn)
			publish_random(5, 300000);
		start(&limits);
		read_back(0, members[0].size / 4, 10);
		altered_below = members[0].data + members[0].packed / 8;
		inflate_index(engine, &members[0]);
		for (uint32_t slot = 0; slot < 8; slot++)
			inflate_ask(main_asker.queue, slot, &members[0],
				    slot % 2 ? slot * turn * 10 : members[0].size - 1 - slot * turn, 1, &at);
		for (uint64_t offset = 0; offset < members[0].size / 5; offset += 500)
			error_at(0, offset);
		CHECK_EQ(error_at(0, members[0].size - 1), -EIO);
		CHECK_EQ(inflate_indexed_wait(engine, &members[0], members[0].size - 1), -EIO);
		CHECK_EQ(counted().checkpoint_memory, 0);
		CHECK_EQ(said_soon(1), 1);
		stop();
	}
	unpublish();
}

static void failing_reads(void)
{
	struct inflate_limits limits = usual;

	limits.cache_memory = 0;
	deflater_random(new_stream(3), 200000);
	deflater_block(new_stream(4), BLOCK_DYNAMIC, 2000, 60, true);
	publish();
	start(&limits);
	fail_from = members[0].data + members[0].packed / 2;
	CHECK_EQ(error_at(0, members[0].size - 1), -EIO);
	CHECK_EQ(error_at(1, 0), -EIO);
	CHECK_EQ(said_soon(2), 2);
	read_back(0, 0, 5000);
	CHECK_EQ(inflate_verify(engine, &members[0]), -EIO);
	CHECK_EQ(inflate_index(engine, &members[0]), 0);
	CHECK_EQ(inflate_indexed_wait(engine, &members[0], members[0].size - 1), -EIO);
	CHECK_EQ(error_at(0, members[0].size - 1), -EIO);
	CHECK_EQ(said_nothing(), 0);				/* it was said */
	fail_from = UINT64_MAX;
	read_all(0);
	read_all(1);
	CHECK_EQ(inflate_indexed(engine, &members[0]), members[0].size);
	fail_from = members[0].data;
	CHECK_EQ(error_at(0, members[0].size / 2), -EIO);	/* of what is indexed, too */
	fail_from = UINT64_MAX;
	read_all(0);
	finish();
}

/*
 * All bytes are there, only the stream's end is missing, and cannot be read. A
 * thread that tries by itself would do nothing else from then on: each answer
 * about the other member gives it time to.
 */
static void tried_again_when_asked(void)
{
	struct inflate_limits limits = usual;
	struct deflater *stream;

	limits.workers = 1;
	deflater_random(new_stream(5), 200000);
	stream = new_stream(4);
	deflater_block(stream, BLOCK_DYNAMIC, 12000, 60, false);
	for (int i = 0; i < 100000; i++)
		deflater_bits(stream, 2, 10);
	deflater_block(stream, BLOCK_STORED, 0, 0, true);
	publish();
	start(&limits);
	fail_from = members[1].data + members[1].packed - 1;
	CHECK_EQ(inflate_index(engine, &members[1]), 0);
	CHECK_EQ(inflate_indexed_wait(engine, &members[1], members[1].size - 1), -EIO);
	for (uint64_t at = 0; at < members[0].size; at += 1100)	/* each time another span is to be decoded */
		CHECK_EQ(error_at(0, at), 0);
	CHECK_EQ(failed_reads, 1);
	fail_from = UINT64_MAX;
	read_all(1);
	finish();
}

/*
 * A span that ends in a stored block whose header is before the span: only a
 * file of an index that lies can say so. Where that would be there is nothing
 * that may be written to, nor behind what was read.
 */
static void headers_elsewhere(void)
{
	static char to[WINDOW + 4096];
	struct decoder decoder;

	publish_random(12, 60000);
	CHECK_EQ(decoder_open(&decoder), 0);
	for (uint64_t header = 0; header < 3000; header++) {
		struct span span = {
			.begin = { .out = 2000, .bit = 8000 },
			.end = { .out = 3000, .bit = 16000, .header_bit = header * 8, .header_bits = 40, .stored = 5, .where = IN_STORED },
			.packed_end = 2000,
		};

		CHECK_EQ(decode_span(&decoder, &memory, &members[0], &span, to + WINDOW), -EBADMSG);
	}
	decoder_close(&decoder);
	unpublish();
}

/* --- who waits --- */

static void one_decode_for_all(void)
{
	struct inflate_limits limits = usual;
	int64_t answered[16];
	struct asker other;
	const char *at;

	deflater_block(new_stream(4), BLOCK_DYNAMIC, 200000, 60, true);
	publish();
	limits.span = 65536;
	start(&limits);
	open_asker(&other, 8);
	for (uint32_t slot = 0; slot < 8; slot++) {
		answered[slot] = inflate_ask(main_asker.queue, slot, &members[0], slot * 100, 10, &at);
		answered[8 + slot] = inflate_ask(other.queue, slot, &members[0], slot * 100, 10, &at);
	}
	for (uint32_t slot = 0; slot < 16; slot++) {
		uint32_t offset = slot % 8 * 100;

		if (answered[slot])
			continue;
		CHECK_EQ(ask(slot < 8 ? &main_asker : &other, slot % 8, &members[0], offset, 10, &at), 10);
		CHECK(!memcmp(at, streams[0].plain + offset, 10));
	}
	CHECK_EQ(counted().spans, 1);
	CHECK_EQ(counted().served, 160);
	CHECK_EQ(counted().hits + counted().misses, 16);
	close_asker(&other);
	finish();
}

/* First the whole is gone through, for one at its end; nothing is decoded twice for that. */
static void nothing_twice(void)
{
	struct inflate_limits limits = usual;
	const char *at;

	limits.workers = 1;
	publish_random(11, 300000);
	start(&limits);
	CHECK_EQ(ask(&main_asker, 0, &members[0], members[0].size - 1, 1, &at), 1);
	CHECK_EQ(counted().decoded, members[0].size);
	stop();
	start(&limits);
	read_all(0);
	CHECK_EQ(counted().decoded, members[0].size);
	finish();
}

/* Woken is woken: what was asked for is there, whatever others do meanwhile. */
static void kept_for_who_was_woken(void)
{
	struct inflate_limits limits = usual;
	struct asker other;
	const char *at;

	limits.cache_memory = 0;
	publish_random(11, 100000);
	start(&limits);
	open_asker(&other, 8);
	CHECK_EQ(inflate_ask(main_asker.queue, 2, &members[0], 5000, 10, &at), 0);
	CHECK(woken(&main_asker));
	for (uint64_t offset = 0; offset < members[0].size; offset += 500)
		read_by(&other, 0, offset, 1);
	CHECK_EQ(inflate_ask(main_asker.queue, 2, &members[0], 5000, 10, &at), 10);
	for (uint64_t offset = 0; offset < members[0].size; offset += 500)
		read_by(&other, 0, offset, 1);
	CHECK(!memcmp(at, streams[0].plain + 5000, 10));	/* and stays until this queue asks again */
	close_asker(&other);
	finish();
}

/* What is looked at and waits for its asker is all that may be over the limit. */
static void a_small_cache(void)
{
	for (uint32_t workers = 1; workers <= 3; workers++) {
		struct inflate_limits limits = usual;
		uint64_t random = workers, most = 0;

		limits.workers = workers;
		limits.cache_memory = 3 * (32768 + 4096);
		publish_random(11, 100000);
		start(&limits);
		for (int i = 0; i < TIMES(400) && !check_failures; i++) {
			uint64_t offset = check_random(&random) % members[0].size;

			read_back(0, offset, (uint32_t)min_u64(members[0].size - offset, 15000));
			most = max_u64(most, counted().cached_memory);
		}
		CHECK(most <= limits.cache_memory + (workers + 1) * (32768 + 4096));
		finish();
	}
}

static void closed_while_waiting(void)
{
	for (int turn = 0; turn < TIMES(50) && !check_failures; turn++) {
		struct asker other;
		const char *at;

		if (!turn) {
			deflater_block(new_stream(6), BLOCK_DYNAMIC, 2000, 60, true);
			publish_random(11, 150000);
		}
		start(&usual);
		open_asker(&other, 8);
		for (uint32_t slot = 0; slot < 8; slot++) {
			uint64_t offset = members[1].size / 9 * (8 - slot);

			CHECK_EQ(inflate_ask(other.queue, slot, &members[slot % 2], slot % 2 ? offset : slot, 1, &at) & ~1, 0);
		}
		if (turn % 2)
			read_back(1, members[1].size / 2, 100);
		close_asker(&other);
		if (turn % 3 == 0)
			read_back(1, members[1].size - 5, 5);
		stop();
	}
	unpublish();
}

/* A slot that asks for something else gives up what it asked before. */
static void changing_ones_mind(void)
{
	uint64_t random = check_seed();
	const char *at;

	publish_random(11, 100000);
	start(&usual);
	for (int i = 0; i < 3000; i++) {
		uint32_t slot = check_random(&random) % 8;
		uint64_t offset = check_random(&random) % members[0].size;
		int64_t got = inflate_ask(main_asker.queue, slot, &members[0], offset, 1, &at);

		CHECK(got == 0 || (got == 1 && *at == (char)streams[0].plain[offset]));
	}
	read_all(0);
	finish();
}

struct reader {
	pthread_t thread;
	struct asker asker;
	uint64_t seed;
};

static void *read_randomly(void *arg)
{
	struct reader *reader = arg;

	random_reads(&reader->asker, reader->seed, 200);
	return NULL;
}

/* More members than there may be live states, in small memory, by two threads. */
static void many_at_once(void)
{
	struct inflate_limits limits = usual;
	struct reader readers[2];

	limits.cache_memory = 300000;
	limits.index_memory = 150000;
	for (int i = 0; i < MEMBERS; i++)
		deflater_random(new_stream((uint64_t)i + 50), (size_t)i % 3 ? 20000 : 1500);
	publish();
	start(&limits);
	for (int i = 0; i < 2; i++) {
		readers[i].seed = (uint64_t)i;
		open_asker(&readers[i].asker, 8);
		pthread_create(&readers[i].thread, NULL, read_randomly, &readers[i]);
	}
	for (int i = 0; i < 200; i++) {
		CHECK(counted().checkpoint_memory <= limits.index_memory + 8000);
		usleep(1000);
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(readers[i].thread, NULL);
		close_asker(&readers[i].asker);
	}
	CHECK_EQ(said_nothing(), 0);
	finish();
}

/*
 * Whoever is read from its start is gone through a little further than was
 * asked for. Of members for which that is still to be done there may be more
 * than there are places for members.
 */
static void more_than_there_are_places(void)
{
	struct inflate_limits limits = usual;
	enum { SLOTS = 512, ASKED = 4000 };
	static uint32_t turn[SLOTS];
	uint32_t next = SLOTS, done = 0;
	struct asker asker;
	const char *at;

	limits.workers = 8;
	limits.span = 65536;
	limits.cache_memory = 8 << 20;
	publish_random(21, 600000);
	start(&limits);
	open_asker(&asker, SLOTS);
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		turn[slot] = slot;
	while (done < TIMES(ASKED) && !check_failures) {
		for (uint32_t slot = 0; slot < SLOTS; slot++) {
			struct member member = members[0];
			int64_t got;

			member.id = turn[slot];
			got = inflate_ask(asker.queue, slot, &member, 0, 512, &at);
			if (!got)
				continue;
			CHECK(got > 0 && !memcmp(at, streams[0].plain, (size_t)min_u64((uint64_t)got, 512)));
			turn[slot] = next++;
			done++;
		}
		if (done < TIMES(ASKED))
			woken(&asker);
	}
	close_asker(&asker);
	finish();
}

/* --- the index --- */

static void in_the_background(void)
{
	uint64_t at = 0;

	publish_random(11, 200000);
	start(&usual);
	CHECK_EQ(inflate_indexed(engine, &members[0]), 0);
	CHECK_EQ(inflate_index(engine, &members[0]), 0);
	read_back(0, members[0].size / 2, 10);
	while (at < members[0].size && !check_failures) {
		int64_t now = inflate_indexed_wait(engine, &members[0], at);

		CHECK(now > (int64_t)at && now <= (int64_t)members[0].size);
		at = (uint64_t)now;
	}
	CHECK(counted().decoded <= members[0].size + 1024);	/* what was read may have been thrown out already */
	CHECK_EQ(inflate_index(engine, &members[0]), 0);
	CHECK_EQ(inflate_indexed_wait(engine, &members[0], members[0].size), members[0].size);
	finish();
}

static void thinned_to_fit(void)
{
	struct inflate_limits limits = usual;

	limits.index_memory = 100000;
	limits.cache_memory = 200000;
	publish_random(11, 600000);
	start(&limits);
	for (uint64_t offset = 0; offset < members[0].size && !check_failures; offset += 5000) {
		read_back(0, offset, (uint32_t)min_u64(members[0].size - offset, 5000));
		CHECK(counted().checkpoint_memory <= limits.index_memory);
	}
	CHECK_EQ(inflate_indexed(engine, &members[0]), members[0].size);
	CHECK(counted().checkpoints < 60 && counted().checkpoints > 1);
	random_reads(&main_asker, 2, 300);
	CHECK_EQ(counted().crc_failures, 0);
	finish();
}

static int file;

static void reads_of_long_spans(const struct inflate_limits *limits)
{
	start(limits);
	read_all(0);
	CHECK_EQ(inflate_indexed(engine, &members[0]), members[0].size);
	CHECK(counted().decoded < members[0].size + members[0].size / 20);	/* who reads on has each piece as it comes */
	CHECK(counted().checkpoint_memory <= limits->index_memory + WINDOW + 4096);
	CHECK(members[0].size / counted().checkpoints > 2 * limits->piece);
	random_reads(&main_asker, 2, 100);
	CHECK(counted().cached_memory <= limits->cache_memory);
	CHECK_EQ(counted().crc_failures, 0);
	CHECK_EQ(said_nothing(), 0);
	file = memfd_create("index", MFD_CLOEXEC);
	CHECK_EQ(inflate_save(engine, &members[0], 42, file), 0);
	stop();
	start(limits);
	lseek(file, 0, SEEK_SET);
	CHECK_EQ(inflate_load(engine, &members[0], 42, file), 0);
	random_reads(&main_asker, 3, 50);
	archive[members[0].data + members[0].packed / 2] ^= 1;
	for (uint64_t at = 0; at < members[0].size; at += 3000)
		error_at(0, at);
	CHECK_EQ(error_at(0, 0), -EIO);
	archive[members[0].data + members[0].packed / 2] ^= 1;
	close(file);
	stop();
}

/* With hardly any memory for it an index has few checkpoints, far apart: what is between is slow to read, and right. */
static void longer_than_a_piece(void)
{
	struct inflate_limits limits = usual;

	limits.workers = 1;
	limits.piece = 4096;
	limits.cache_memory = 200000;
	publish_random(11, 300000);
	for (limits.index_memory = 1; limits.index_memory < 200000; limits.index_memory += 80000)
		reads_of_long_spans(&limits);
	unpublish();
}

/* Nearly all of the packed bytes give nothing, so long spans of them are short when they are unpacked. */
static void longer_when_packed(void)
{
	struct inflate_limits limits = usual;
	struct deflater *stream = new_stream(13);

	for (int i = 0; i < 400; i++) {
		deflater_block(stream, BLOCK_DYNAMIC, 300, 50, false);
		for (int j = 0; j < 2000; j++)
			deflater_bits(stream, 2, 10);
	}
	deflater_block(stream, BLOCK_STORED, 0, 0, true);
	publish();
	limits.workers = 1;
	limits.piece = 8192;
	limits.index_memory = 300000;
	start(&limits);
	read_all(0);
	CHECK(members[0].packed / counted().checkpoints > 4 * packed_limit(limits.piece));
	longest_read = 0;
	random_reads(&main_asker, 2, 50);
	CHECK(longest_read <= 32768 + PROLOGUE_MAX);	/* as much as zlib is given */
	CHECK_EQ(counted().crc_failures, 0);
	finish();
}

/* --- as a file --- */

static void save_index(void)
{
	file = memfd_create("index", MFD_CLOEXEC);
	start(&usual);
	read_all(0);
	CHECK_EQ(inflate_save(engine, &members[0], 42, file), 0);
	stop();
}

static int load_index(uint64_t key)
{
	lseek(file, 0, SEEK_SET);
	return inflate_load(engine, &members[0], key, file);
}

static void saved_and_loaded(void)
{
	publish_random(12, 60000);
	start(&usual);
	CHECK_EQ(inflate_save(engine, &members[0], 42, -1), -ENOENT);		/* not finished */
	stop();
	save_index();
	start(&usual);
	CHECK_EQ(load_index(42), 0);
	CHECK_EQ(inflate_indexed(engine, &members[0]), members[0].size);
	CHECK_EQ(counted().decoded, 0);
	read_back(0, members[0].size - 3000, 3000);
	CHECK(counted().decoded < 8 * 1024);
	random_reads(&main_asker, 2, 200);
	stop();
	start(&usual);
	CHECK_EQ(load_index(43), -EINVAL);
	members[0].crc++;
	CHECK_EQ(load_index(42), -EINVAL);
	members[0].crc--;
	members[0].packed--;
	CHECK_EQ(load_index(42), -EINVAL);
	members[0].packed++;
	CHECK_EQ(said_nothing(), 0);
	read_all(0);
	close(file);
	finish();
}

static void damaged_files(void)
{
	off_t size;
	unsigned char byte;

	publish_random(13, 12000);
	save_index();
	size = lseek(file, 0, SEEK_END);
	start(&usual);
	for (off_t at = 0; at < size && !check_failures; at += at < TIMES(4000) ? 1 : 6100 / TIMES(100)) {
		CHECK_EQ(pread(file, &byte, 1, at), 1);
		byte ^= (unsigned char)(1 << at % 8);
		CHECK_EQ(pwrite(file, &byte, 1, at), 1);
		CHECK_EQ(load_index(42), -EINVAL);
		byte ^= (unsigned char)(1 << at % 8);
		CHECK_EQ(pwrite(file, &byte, 1, at), 1);
	}
	CHECK_EQ(counted().checkpoint_memory, 0);
	CHECK_EQ(load_index(42), 0);
	for (off_t cut = size - 1; cut > 0; cut -= cut / 50 + 1) {
		CHECK_EQ(ftruncate(file, cut), 0);
		CHECK_EQ(load_index(42), -EINVAL);
	}
	close(file);
	finish();
}

/* Spans' checksums that do not come to the member's. */
static void file_of_something_else(void)
{
	static unsigned char bytes[1 << 20];
	uint32_t crc;
	ssize_t size;

	publish_random(13, 12000);
	save_index();
	size = pread(file, bytes, sizeof(bytes), 0);
	bytes[48 + 24]++;			/* of the first span, behind the head and its place */
	crc = plain_crc(bytes, (size_t)size - 4);
	CHECK_EQ(pwrite(file, bytes, (size_t)size - 4, 0), size - 4);
	CHECK_EQ(pwrite(file, &crc, 4, size - 4), 4);
	start(&usual);
	CHECK_EQ(load_index(42), -EINVAL);
	read_all(0);
	close(file);
	finish();
}

/* The same with a checksum that is made to fit: what is loaded is never believed, and never leads anywhere. */
static void lying_files(void)
{
	static unsigned char bytes[1 << 20];
	uint64_t random = check_seed();
	unsigned int taken = 0;
	ssize_t size;

	publish_random(13, 12000);
	save_index();
	size = pread(file, bytes, sizeof(bytes), 0);
	for (int turn = 0; turn < TIMES(1500) && !check_failures; turn++) {
		size_t at = check_random(&random) % (turn % 2 ? (size_t)size - 4 : 4000);
		uint32_t crc;
		unsigned char was = bytes[at];

		bytes[at] = (unsigned char)check_random(&random);
		crc = plain_crc(bytes, (size_t)size - 4);
		CHECK_EQ(pwrite(file, bytes, (size_t)size - 4, 0), size - 4);
		CHECK_EQ(pwrite(file, &crc, 4, size - 4), 4);
		bytes[at] = was;
		start(&usual);
		if (!load_index(42)) {
			const char *answer;

			taken++;
			for (uint64_t offset = 0; offset < members[0].size; offset += 1000) {
				int64_t got = ask(&main_asker, 0, &members[0], offset, 1, &answer);

				CHECK(got == -EIO || (got == 1 && *answer == (char)streams[0].plain[offset]));
			}
		}
		stop();
	}
	CHECK(taken > TIMES(10));
	close(file);
	unpublish();
}

/* --- SOZip --- */

#define CHUNK 4096

static struct {
	uint32_t version, skip, chunk, offset_size;
	uint64_t size, packed;
	unsigned char rest[4096];
} sozip;
static uint64_t sozip_length;

static int read_sozip(const struct source *source, uint64_t offset, void *into, uint32_t length)
{
	if (offset < 1 << 20)
		return read_memory(source, offset, into, length);
	CHECK(offset <= (1 << 20) + sozip_length && length <= (1 << 20) + sozip_length - offset);
	memcpy(into, (char *)&sozip + (offset - (1 << 20)), length);
	return 0;
}

/* Chunks end at a byte; as GDAL's, with an empty stored block. */
static void publish_sozip(uint32_t width, size_t size)
{
	struct deflater *stream = new_stream(21), one = { .random = 0 };
	uint32_t count = 0;

	memset(&sozip, 0, sizeof(sozip));
	while (stream->size < size) {
		uint64_t at = stream->packed_size;
		size_t start = stream->size;

		if (start)
			memcpy(sozip.rest + 7 + count++ * width, &at, width);
		one = (struct deflater){ .random = stream->random };	/* which refers to nothing before it */
		while (one.size < CHUNK - 300 && start + one.size < size - 300)
			deflater_block(&one, BLOCK_DYNAMIC, min_u64(CHUNK - 300 - one.size, size - 300 - start - one.size), 40, false);
		deflater_block(&one, BLOCK_STORED, min_u64(CHUNK - one.size, size - start - one.size), 0, false);
		stream->random = one.random;
		for (size_t i = 0; i < one.packed_size; i++)
			deflater_bits(stream, one.packed[i], 8);
		stream->plain = realloc(stream->plain, start + one.size);
		memcpy(stream->plain + start, one.plain, one.size);
		stream->size += one.size;
		deflater_close(&one);
	}
	deflater_bits(stream, 3, 10);
	publish();
	memory.read = read_sozip;
	memory.size = (1 << 20) + sizeof(sozip);
	sozip.version = 1;
	sozip.skip = 7;
	sozip.chunk = CHUNK;
	sozip.offset_size = width;
	sozip.size = members[0].size;
	sozip.packed = members[0].packed;
	sozip_length = 32 + 7 + count * width;
}

static int take_sozip(void)
{
	return inflate_sozip(engine, &members[0], 1 << 20, sozip_length);
}

static void sozip_good(void)
{
	static const size_t sizes[] = { 9 * CHUNK, 9 * CHUNK + 1000, 9 * CHUNK - 1 };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		publish_sozip(i % 2 ? 8 : 4, sizes[i]);
		start(&usual);
		CHECK_EQ(take_sozip(), 0);
		CHECK_EQ(inflate_indexed(engine, &members[0]), members[0].size);
		read_back(0, members[0].size - 10, 10);
		CHECK(counted().decoded <= CHUNK);
		random_reads(&main_asker, 3, 100);
		read_all(0);
		CHECK_EQ(counted().crc_failures, 0);
		CHECK_EQ(inflate_verify(engine, &members[0]), 0);
		finish();
	}
}

static void sozip_bad(void)
{
	unsigned char *bytes = (unsigned char *)&sozip, second[4];
	uint32_t begin;

	publish_sozip(4, 9 * CHUNK);
	start(&usual);
	for (size_t i = 0; i < 32; i++) {
		if (i == 8)
			continue;			/* a chunk of another size that comes to the same number of them */
		bytes[i] ^= 0x41;
		CHECK_EQ(take_sozip(), -EINVAL);
		bytes[i] ^= 0x41;
	}
	for (int by = -9; by <= 9; by++) {
		sozip_length += (uint64_t)(int64_t)by;
		CHECK_EQ(take_sozip(), by ? -EINVAL : 0);
		sozip_length -= (uint64_t)(int64_t)by;
	}
	CHECK_EQ(inflate_sozip(engine, &members[0], 1 << 20, 31), -EINVAL);
	CHECK_EQ(inflate_sozip(engine, &members[0], UINT64_MAX - 5, sozip_length), -EINVAL);
	memcpy(second, sozip.rest + 7 + 4, 4);
	memcpy(sozip.rest + 7 + 4, sozip.rest + 7, 4);			/* two at the same place */
	CHECK_EQ(take_sozip(), -EINVAL);
	memcpy(sozip.rest + 7 + 4, second, 4);
	stop();
	sozip.rest[7]++;						/* which is wrong, but might be right */
	start(&usual);
	CHECK_EQ(take_sozip(), 0);
	random_reads(&main_asker, 4, 100);
	read_all(0);							/* all the same */
	CHECK_EQ(inflate_indexed(engine, &members[0]), members[0].size);
	CHECK_EQ(said_nothing(), 0);
	stop();
	sozip.rest[7]--;
	memcpy(&begin, sozip.rest + 7, 4);
	archive[members[0].data + begin] = 6;				/* a block of no kind */
	start(&usual);
	CHECK_EQ(take_sozip(), 0);
	for (uint64_t at = 0; at < members[0].size; at += 100)
		error_at(0, at);
	CHECK_EQ(error_at(0, members[0].size - 1), -EIO);
	CHECK_EQ(said_soon(1), 1);
	finish();
}

TESTS(
	{ "every byte of any stream, before and after it was indexed", whatever_the_stream },
	{ "from every place to any other", every_place },
	{ "streams as packers make them", what_packers_make },
	{ "a block without end has spans as all others have", one_long_block },
	{ "empty blocks, however many, take time and no memory", empty_blocks },
	{ "no byte of a small member before its checksum is right", small_ones_are_checked_first },
	{ "who asked for what is damaged is answered before that is said", answered_before_it_is_said },
	{ "a wrong checksum makes a member unreadable once that is known, and is said once", wrong_checksum },
	{ "a member that is longer or shorter than it says is unreadable", wrong_sizes },
	{ "a member that is cut off is unreadable", truncated },
	{ "a wrong bit anywhere is noticed", wrong_bits },
	{ "so is one that was right when the index was made", altered_later },
	{ "also while the member is still gone through", altered_meanwhile },
	{ "who asks while reading fails gets an error, and later the bytes", failing_reads },
	{ "a thread whose reading fails does not try again before somebody asks", tried_again_when_asked },
	{ "where a stored block's header is not among what was read, nothing is written", headers_elsewhere },
	{ "a span is decoded once, however many ask for it", one_decode_for_all },
	{ "the first way through decodes nothing twice", nothing_twice },
	{ "nobody is woken in vain, and an answer stays until the next question", kept_for_who_was_woken },
	{ "a cache smaller than what is asked for is enough, and is not exceeded", a_small_cache },
	{ "queues can be closed while they wait", closed_while_waiting },
	{ "a slot may ask for something else", changing_ones_mind },
	{ "many members, several threads, little memory", many_at_once },
	{ "more members may be begun than there are places for them", more_than_there_are_places },
	{ "an index made in the background tells how far it is", in_the_background },
	{ "an index that takes too much is thinned", thinned_to_fit },
	{ "one that has hardly any memory makes reading slow, not impossible", longer_than_a_piece },
	{ "what is long only while it is packed is read in pieces, too", longer_when_packed },
	{ "an index that was saved is loaded, for the same member only", saved_and_loaded },
	{ "a damaged file of an index is not taken", damaged_files },
	{ "nor is one whose checksums are another member's", file_of_something_else },
	{ "a file of an index that says something else gives errors, not other bytes", lying_files },
	{ "the index of a SOZip is used", sozip_good },
	{ "a SOZip's index that is not as it must be is not, nor any more when that is found out later", sozip_bad },
)
