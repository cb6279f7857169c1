/* SPDX-License-Identifier: MIT */
/* test_spec.c - what the user asked for: checked, and turned into CPUs, flags, parameters and exit statuses */
#include <errno.h>

#include "core/affinity.h"
#include "core/features.h"
#include "core/log.h"
#include "core/params.h"
#include "core/spec.h"
#include "core/status.h"
#include "core/uapi.h"
#include "core/util.h"
#include "tests/check.h"
#include "tests/unit/said.h"

static struct backend backend;
static const struct applet applet = { .name = "test", .backend = &backend };

static struct spec usual(void)
{
	struct spec spec;

	spec_init(&spec, &applet);
	said_nothing();
	return spec;
}

/* --- spec --- */

static void defaults_are_fine(void)
{
	struct spec spec = usual();

	CHECK_EQ(spec_check(&spec), 0);
	CHECK_EQ(said_nothing(), 0);
}

/* One member with a value that must be refused, and a word of the reason. */
#define REFUSED(member, value, reason) do { \
	struct spec spec = usual(); \
	spec.member = (value); \
	CHECK_EQ(spec_check(&spec), -EUSAGE); \
	CHECK(said(reason)); \
} while (0)
#define TAKEN(member, value) do { \
	struct spec spec = usual(); \
	spec.member = (value); \
	CHECK_EQ(spec_check(&spec), 0); \
} while (0)

static void nonsense_is_refused(void)
{
	char *none[] = { NULL }, *command[] = { "true", NULL };
	struct spec spec;

	REFUSED(oom_score_adj, "1001", "--oom-score-adj");
	REFUSED(oom_score_adj, "-", "--oom-score-adj");
	REFUSED(oom_score_adj, "5x", "--oom-score-adj");
	TAKEN(oom_score_adj, "-1000");
	TAKEN(oom_score_adj, "0");
	REFUSED(sector_size, 0, "--sector-size");
	REFUSED(sector_size, 256, "--sector-size");
	REFUSED(sector_size, 1000, "--sector-size");
	REFUSED(sector_size, 8192, "--sector-size");
	REFUSED(sector_size, (1ULL << 32) + 512, "--sector-size");
	TAKEN(sector_size, SECTOR_ANY);
	TAKEN(sector_size, 512);
	TAKEN(sector_size, 2048);
	TAKEN(sector_size, 4096);
	REFUSED(max_io, 2048, "--max-io");
	REFUSED(max_io, 4097, "--max-io");
	REFUSED(max_io, 64U << 20, "--max-io");
	TAKEN(max_io, 4096);
	TAKEN(max_io, 32U << 20);
	REFUSED(command, none, "needs a command");
	TAKEN(command, command);
	REFUSED(ready_fd, 0, "--ready-fd");
	REFUSED(ready_fd, 2, "--ready-fd");
	REFUSED(ready_fd, 900, "not open");
	TAKEN(ready_fd, 1);

	spec = usual();
	spec.command = command;
	spec.background = true;
	CHECK_EQ(spec_check(&spec), -EUSAGE);
	spec = usual();
	spec.quiet = true;
	spec.verbose = 1;
	CHECK_EQ(spec_check(&spec), -EUSAGE);
}

static void sizes_of_disks(void)
{
	struct spec spec = usual();

	CHECK_EQ(spec_check_size(&spec, 0), -EUSAGE);
	CHECK_EQ(spec_check_size(&spec, 512), 0);
	CHECK_EQ(spec_check_size(&spec, 513), -EUSAGE);
	CHECK_EQ(spec_check_size(&spec, INT64_MAX - 511), 0);
	CHECK_EQ(spec_check_size(&spec, 1ULL << 63), -EUSAGE);
	CHECK(said("9223372036854775296"));
	spec.sector_size = 4096;
	CHECK_EQ(spec_check_size(&spec, 512), -EUSAGE);
	CHECK_EQ(spec_check_size(&spec, 8192), 0);
}

/* The user's wish, then what suits the disk, then what suits most. */
static void sizes_of_sectors(void)
{
	struct spec spec = usual();

	CHECK_EQ(spec.sector_size, SECTOR_ANY);
	CHECK_EQ(spec_sector_size(&spec, 0), 512);
	CHECK_EQ(spec_sector_size(&spec, 4096), 4096);
	spec.sector_size = 1024;
	CHECK_EQ(spec_sector_size(&spec, 0), 1024);
	CHECK_EQ(spec_sector_size(&spec, 512), 1024);
	CHECK_EQ(spec_sector_size(&spec, 4096), 1024);
}

static void progress_where_wanted(void)
{
	struct spec spec = usual();

	spec.progress_on = true;
	spec.quiet = true;
	CHECK(spec_progress(&spec));
	spec.progress_on = false;
	CHECK(!spec_progress(&spec));
	spec.quiet = false;
	spec.progress_off = true;
	CHECK(!spec_progress(&spec));
}

static void options_have_distinct_names(void)
{
	for (const struct opt *a = spec_opts; a->type != OPT_TYPE_END; a++)
		for (const struct opt *b = spec_opts; b != a; b++)
			CHECK(strcmp(a->name, b->name) && (!a->letter || a->letter != b->letter));
}

/* --- affinity --- */

static void lists_of_cpus(void)
{
	static const struct { const char *list, *text; } table[] = {
		{ "0", "0" }, { "0-3,8", "0-3,8" }, { "8,0,1", "0-1,8" }, { "5-5", "5" }, { "1-2,3-4", "1-4" },
		{ "1023", "1023" }, { "0-1023", "0-1023" },
		{ "", NULL }, { ",", NULL }, { "1,", NULL }, { "3-1", NULL }, { "1024", NULL }, { "-1", NULL }, { "1-", NULL },
		{ "a", NULL }, { "1 ", NULL }, { "1--2", NULL }, { "0-99999999999999999999", NULL }, { "1-2-3", NULL },
	};
	char text[200];
	cpu_set_t cpus;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (!CHECK_EQ(affinity_parse(table[i].list, &cpus), table[i].text ? 0 : -EINVAL))
			printf("#   '%s'\n", table[i].list);
		if (!table[i].text)
			continue;
		affinity_text(&cpus, text, sizeof(text));
		CHECK_TEXT(text, table[i].text);
	}
	CPU_ZERO(&cpus);
	affinity_text(&cpus, text, sizeof(text));
	CHECK_TEXT(text, "");
}

static void long_lists_are_cut(void)
{
	char text[11];
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	for (int i = 0; i < CPU_SETSIZE; i += 2)
		CPU_SET(i, &cpus);
	text[10] = '#';
	affinity_text(&cpus, text, 10);
	CHECK_TEXT(text, "0,2,4,6,8");
}

/* The choice among the CPUs of the queue, of the process, and of the user (NULL: none given). */
static const char *choice(const char *queue, const char *allowed, const char *list)
{
	static char text[100];
	cpu_set_t q, a, l, cpus;

	CPU_ZERO(&q);
	CPU_ZERO(&a);
	if (*queue)
		affinity_parse(queue, &q);
	if (*allowed)
		affinity_parse(allowed, &a);
	if (list)
		affinity_parse(list, &l);
	if (!affinity_choose(&q, &a, list ? &l : NULL, &cpus))
		return "not pinned";
	affinity_text(&cpus, text, sizeof(text));
	return text;
}

static void cpus_of_a_queue(void)
{
	CHECK_TEXT(choice("0-3", "2-9", NULL), "2-3");
	CHECK_TEXT(choice("0-3", "4-9", NULL), "not pinned");	/* not one CPU in common */
	CHECK_TEXT(choice("", "0-9", NULL), "not pinned");
	CHECK_TEXT(choice("0-3", "0-9", "3,7"), "3");
	CHECK_TEXT(choice("0-3", "0-9", "7"), "7");		/* the user's list counts by itself */
	CHECK_TEXT(choice("0-3", "0-3", "7"), "not pinned");
	CHECK_TEXT(choice("0-3", "0-7", "7-9"), "7");
}

/* --- features --- */

#define GET_DATA UBLK_F_NEED_GET_DATA
#define USER_COPY UBLK_F_USER_COPY
#define ZERO_COPY (UBLK_F_SUPPORT_ZERO_COPY | USER_COPY)
#define AUTO_BUF (UBLK_F_AUTO_BUF_REG | ZERO_COPY)
#define IOCTL UBLK_F_CMD_IOCTL_ENCODE
#define UNPRIVILEGED UBLK_F_UNPRIVILEGED_DEV
#define NO_SCAN UBLK_F_NO_AUTO_PART_SCAN

/* What a mode takes, in the order of enum io_mode; and the letter that stands for it below. */
static const struct { const char *name; uint64_t flags; char letter; } modes[IO_MODES] = {
	{ "auto", 0, 0 }, { "copy", 0, 'C' }, { "get-data", GET_DATA, 'G' }, { "user-copy", USER_COPY, 'U' },
	{ "zero-copy", ZERO_COPY, 'Z' }, { "auto-buf", AUTO_BUF, 'A' }, { "batch", UBLK_F_BATCH_IO, 'B' },
};

/* In batches bytes move in a way of their own, the better one if there are rights for it. */
static uint64_t flags_of(enum io_mode mode, bool user)
{
	return modes[mode].flags | (mode == IO_BATCH && !user ? USER_COPY : 0);
}

static enum io_mode moves_of(enum io_mode mode, bool user)
{
	return mode != IO_BATCH ? mode : user ? IO_COPY : IO_USER_COPY;
}

static const struct {
	const char *release;
	uint64_t offered;	/* 0: does not tell */
	const char *root, *user;	/* the modes chosen for each kind of disk, as below */
	const char *refused;	/* the modes that cannot be had */
} kernels[] = {
	/*			  disks:  MNOFRLX  MNOFRLX */
	{ "6.1",	0,		 "GGGGGCC", "GGGGGCC", "UZAB" },
	{ "6.12",	0x1fe,		 "GGUGGCC", "GGGGGCC", "ZAB" },
	{ "6.15",	0x3ff,		 "GGUZGCC", "GGGGGCC", "AB" },
	{ "6.16",	0x3fff,		 "GGUAGCC", "GGGGGCC", "B" },
	{ "6.18",	0x7fff,		 "GGUAGCC", "GGGGGCC", "B" },
	{ "7.0",	0x7ffff,	 "GGUAGCC", "GGGGGCC", "" },
	{ "7.2",	0xfffff,	 "GGUAGCC", "GGGGGCC", "" },
	{ "7.3",	0x1fffff,	 "GGUAGCC", "GGGGGCC", "" },
	/* Kernels that there are not: nothing may depend on one flag without asking for it. */
	{ "no get-data",	0x1fa,			"CCUCCCC", "CCCCCCC", "GZAB" },
	{ "no user-copy",	0x3fff & ~USER_COPY,	"GGGGGCC", "GGGGGCC", "UZAB" },
	{ "no zero-copy",	0x3ffe,			"GGUGGCC", "GGGGGCC", "ZAB" },
	{ "nothing",		IOCTL,			"CCCCCCC", "CCCCCCC", "GUZAB" },
};

static const struct { char letter; enum place_kind mostly; bool at_once; } disks[] = {
	{ 'M', IN_MEMORY, false }, { 'N', NEEDS, false }, { 'O', NOWHERE, false }, { 'F', IN_FILE, false }, { 'R', IN_FILE, true },
	{ 'L', LATER, false }, { 'X', FAILED, false },
};

static enum io_mode mode_of(char letter)
{
	for (enum io_mode mode = IO_COPY; mode < IO_MODES; mode++)
		if (modes[mode].letter == letter)
			return mode;
	return IO_AUTO;
}

/* What is asked for beside the mode. */
static uint64_t beside(uint64_t offered, bool user, bool quiet)
{
	return (offered ? IOCTL : 0) | (user ? UNPRIVILEGED : 0) | (quiet ? NO_SCAN : 0);
}

/* Every kernel, with every kind of disk, for everybody. */
static void kernels_and_disks(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(kernels) * ARRAY_SIZE(disks) * 4; i++) {
		__typeof__(kernels[0]) kernel = kernels[i / 4 / ARRAY_SIZE(disks)];
		size_t number = i / 4 % ARRAY_SIZE(disks);
		bool user = i & 1, quiet = i & 2;
		enum io_mode mode = mode_of((user ? kernel.user : kernel.root)[number]);
		uint64_t knows = kernel.offered ? kernel.offered : GET_DATA | UBLK_F_URING_CMD_COMP_IN_TASK;
		struct features features = {
			.offered_known = kernel.offered, .offered = kernel.offered, .at_once = disks[number].at_once,
		};
		struct spec spec = usual();
		bool fine;

		backend.mostly = disks[number].mostly;
		spec.partscan = !quiet;
		fine = CHECK_EQ(features_ask(&features, &spec, user), 0);
		fine &= CHECK_EQ(features.mode, mode);
		fine &= CHECK_EQ(features.asked, flags_of(mode, user) | beside(kernel.offered, user, quiet));
		fine &= CHECK_EQ(features.moves, moves_of(mode, user));
		fine &= CHECK_EQ(features_settle(&features, &spec, features.asked & knows), 0);
		fine &= CHECK_EQ(features.mode, mode);
		fine &= CHECK_EQ(features.moves, moves_of(mode, user));
		fine &= CHECK_EQ(said_nothing(), 0);
		if (!fine)
			printf("#   Linux %s, disk %c, %s\n", kernel.release, disks[number].letter, user ? "user" : "root");
	}
}

/* What the user insists on he has, or is told why not, whatever the disk is. */
static void kernels_and_wishes(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(kernels) * (IO_MODES - 1) * 2; i++) {
		__typeof__(kernels[0]) kernel = kernels[i / 2 / (IO_MODES - 1)];
		enum io_mode mode = (enum io_mode)(IO_COPY + i / 2 % (IO_MODES - 1));
		bool user = i & 1, known = !strchr(kernel.refused, modes[mode].letter);
		int wanted = !known ? -EOPNOTSUPP : user && modes[mode].flags & AUTO_BUF ? -EPERM : 0;
		struct features features = { .offered_known = kernel.offered, .offered = kernel.offered, .at_once = i % 3 };
		struct spec spec = usual();
		char start[40];
		bool fine;

		backend.mostly = disks[i % ARRAY_SIZE(disks)].mostly;
		spec.io_mode = (int)mode;
		fine = CHECK_EQ(features_ask(&features, &spec, user), wanted);
		snprintf(start, sizeof(start), "--io=%s: ", modes[mode].name);
		if (wanted) {
			fine &= CHECK(said(start) && said(known ? "only root may have it" : "this kernel has no "));
		} else {
			fine &= CHECK_EQ(features.asked, flags_of(mode, user) | beside(kernel.offered, user, false));
			fine &= CHECK_EQ(features.mode, mode);
			fine &= CHECK_EQ(features.moves, moves_of(mode, user));
			fine &= CHECK_EQ(features_settle(&features, &spec, features.asked), 0);
			fine &= CHECK_EQ(features.mode, mode);
			fine &= CHECK_EQ(features.moves, moves_of(mode, user));
		}
		fine &= CHECK_EQ(said_nothing(), wanted ? 1 : 0);
		if (!fine)
			printf("#   Linux %s, --io=%s, %s\n", kernel.release, modes[mode].name, user ? "user" : "root");
	}
}

static void words_of_refusals(void)
{
	static const struct { uint64_t offered; enum io_mode mode; bool user; const char *words; } table[] = {
		{ 0, IO_USER_COPY, false, "this kernel has no USER_COPY, which came with Linux 6.5" },
		{ 0x1fe, IO_ZERO_COPY, false, "this kernel has no SUPPORT_ZERO_COPY, which came with Linux 6.15" },
		{ 0x1fe, IO_AUTO_BUF, false, "this kernel has no AUTO_BUF_REG, which came with Linux 6.16" },	/* and zero-copy */
		{ 0x3ff, IO_AUTO_BUF, false, "this kernel has no AUTO_BUF_REG, which came with Linux 6.16" },
		{ 0x7fff, IO_BATCH, true, "this kernel has no BATCH_IO, which came with Linux 7.0" },
		{ 0x1fa, IO_GET_DATA, false, "this kernel has no NEED_GET_DATA, which came with Linux 6.0" },
		{ 0x7fff, IO_USER_COPY, true, "--io=user-copy: only root may have it; others have get-data and copy" },
		{ 0x7fff, IO_AUTO_BUF, true, "--io=auto-buf: only root may have it; others have get-data and copy" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct features features = { .offered_known = table[i].offered, .offered = table[i].offered };
		struct spec spec = usual();

		spec.io_mode = (int)table[i].mode;
		CHECK(features_ask(&features, &spec, table[i].user) < 0);
		if (!CHECK(said(table[i].words)))
			printf("#   %s\n", table[i].words);
	}
}

/* ADD_DEV drops silently what it does not allow. What is left decides, unless the user insisted. */
static void grants_decide(void)
{
	static const struct { enum place_kind mostly; uint64_t refused; enum io_mode mode; const char *missing; } table[] = {
		{ IN_FILE, 0, IO_AUTO_BUF, NULL },
		{ IN_FILE, UBLK_F_AUTO_BUF_REG, IO_ZERO_COPY, "AUTO_BUF_REG" },
		{ IN_FILE, UBLK_F_SUPPORT_ZERO_COPY, IO_USER_COPY, "SUPPORT_ZERO_COPY" },
		{ IN_FILE, UBLK_F_AUTO_BUF_REG | UBLK_F_SUPPORT_ZERO_COPY, IO_USER_COPY, "AUTO_BUF_REG" },	/* the youngest */
		{ IN_FILE, AUTO_BUF, IO_COPY, "AUTO_BUF_REG" },
		{ IN_MEMORY, GET_DATA, IO_COPY, "NEED_GET_DATA" },
		{ NOWHERE, USER_COPY, IO_COPY, "USER_COPY" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table) * 2; i++) {
		__typeof__(table[0]) row = table[i / 2];
		bool insists = i & 1;
		struct features features = { .offered_known = true, .offered = 0x7fff };
		struct spec spec = usual();
		uint64_t granted;
		char words[80];

		backend.mostly = row.mostly;
		CHECK_EQ(features_ask(&features, &spec, false), 0);
		spec.io_mode = insists ? (int)features.mode : IO_AUTO;
		snprintf(words, sizeof(words), "--io=%s: the kernel does not grant %s", modes[features.mode].name,
			 row.missing ? row.missing : "");
		granted = (features.asked | UBLK_F_URING_CMD_COMP_IN_TASK) & ~row.refused;
		CHECK_EQ(features_settle(&features, &spec, granted), insists && row.missing ? -EOPNOTSUPP : 0);
		CHECK_EQ(features.granted, granted);
		if (!insists || !row.missing)
			CHECK(features.mode == row.mode && features.moves == row.mode);
		else if (!CHECK(said(words)))
			printf("#   %s\n", words);
	}
}

/* What batches are good for does not depend on rights; how bytes move does, and the kernel may still say no. */
static void grants_of_batches(void)
{
	static const struct { uint64_t granted; int result; enum io_mode moves; } table[] = {
		{ UBLK_F_BATCH_IO | USER_COPY, 0, IO_USER_COPY },
		{ UBLK_F_BATCH_IO, 0, IO_COPY },
		{ USER_COPY, -EOPNOTSUPP, IO_AUTO },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct features features = { .offered_known = true, .offered = 0xfffff };
		struct spec spec = usual();

		spec.io_mode = IO_BATCH;
		CHECK_EQ(features_ask(&features, &spec, false), 0);
		CHECK_EQ(features_settle(&features, &spec, table[i].granted | IOCTL), table[i].result);
		if (!table[i].result)
			CHECK(features.mode == IO_BATCH && features.moves == table[i].moves);
	}
}

/* A disk that may have another server can be told to wait for it, but not in batches: requests would fail. */
static void quiesced_without_errors(void)
{
	for (enum io_mode mode = IO_COPY; mode < IO_MODES; mode++) {
		struct features features = { .offered_known = true, .offered = 0xfffff };
		struct spec spec = usual();

		spec.io_mode = (int)mode;
		spec.recovery = RECOVERY_REISSUE;
		CHECK_EQ(features_ask(&features, &spec, false), 0);
		CHECK_EQ(!(features.asked & UBLK_F_QUIESCE), mode == IO_BATCH);
	}
}

static void modes_of_devices(void)
{
	for (enum io_mode mode = IO_COPY; mode < IO_MODES; mode++) {
		CHECK_EQ(io_mode_of(modes[mode].flags), mode);
		CHECK_EQ(io_mode_of(modes[mode].flags | IOCTL | UNPRIVILEGED | NO_SCAN), mode);
		CHECK_TEXT(io_mode_name(mode), modes[mode].name);
		CHECK(*io_mode_why(mode));
	}
	CHECK_EQ(io_mode_of(UBLK_F_SUPPORT_ZERO_COPY), IO_COPY);		/* no use without the others */
	CHECK_EQ(io_mode_of(UBLK_F_AUTO_BUF_REG | USER_COPY), IO_USER_COPY);
	CHECK_EQ(io_mode_of(USER_COPY | GET_DATA), IO_USER_COPY);		/* the driver forgets the other */
}

static void refusals_are_told(void)
{
	struct features features = { .offered_known = true, .offered = 0x1fe };
	struct spec spec = usual();

	backend.mostly = IN_MEMORY;
	spec.partscan = false;
	log_level = LOG_VERBOSE;
	CHECK_EQ(features_ask(&features, &spec, false), 0);
	CHECK_EQ(features_settle(&features, &spec, GET_DATA | IOCTL), 0);
	CHECK(said("does not grant NO_AUTO_PART_SCAN (Linux 7.0)"));
	CHECK(said("granted NEED_GET_DATA|CMD_IOCTL_ENCODE"));
	CHECK(said("bytes travel by get-data"));
	log_level = LOG_NORMAL;
}

/* With every mode, for everybody; and never silently not. */
static void memory_that_is_shared(void)
{
	static const struct { uint64_t offered; bool user; } kernels_without[] = { { 0, false }, { 0x1fe, false }, { 0x7ffff, true } };

	for (size_t i = 0; i < ARRAY_SIZE(kernels_without); i++) {
		struct features features = { .offered_known = kernels_without[i].offered, .offered = kernels_without[i].offered };
		struct spec spec = usual();

		spec.shared_memory = "/dev/shm/x";
		CHECK_EQ(features_ask(&features, &spec, kernels_without[i].user), -EOPNOTSUPP);
		CHECK(said("--shared-memory: this kernel has no SHMEM_ZC, which came with Linux 7.1"));
		CHECK_EQ(said_nothing(), 1);
	}
	for (int i = 0; i < 2 * IO_MODES; i++) {
		struct features features = { .offered_known = true, .offered = 0xfffff };
		struct spec spec = usual();
		bool user = i & 1;

		spec.io_mode = i / 2;
		spec.shared_memory = "/dev/shm/x";
		if (features_ask(&features, &spec, user))	/* for other reasons */
			continue;
		CHECK(features.asked & UBLK_F_SHMEM_ZC);
		CHECK_EQ(features_settle(&features, &spec, features.asked), 0);
		CHECK_EQ(features_settle(&features, &spec, features.asked & ~UBLK_F_SHMEM_ZC), -EOPNOTSUPP);
		CHECK(said("no SHMEM_ZC"));
		spec.shared_memory = NULL;
		CHECK_EQ(features_ask(&features, &spec, user), 0);
		CHECK(!(features.asked & UBLK_F_SHMEM_ZC));
		said_nothing();
	}
}

static void table_of_features(void)
{
	char text[500];
	unsigned int bit = 0;

	for (const struct feature *f = feature_table; f->name; f++, bit++)
		CHECK_EQ(f->flag, 1ULL << bit);
	CHECK_EQ(bit, 21);
	features_text(0, text, sizeof(text));
	CHECK_TEXT(text, "nothing");
	features_text(UBLK_F_NEED_GET_DATA | UBLK_F_IO_DESC_SIZE, text, sizeof(text));
	CHECK_TEXT(text, "NEED_GET_DATA|IO_DESC_SIZE");
	features_text(0x1fffff, text, sizeof(text));
	CHECK(strlen(text) < 400);		/* what features_settle() has room for */
	text[20] = '#';
	features_text(0x1fffff, text, 20);
	CHECK_EQ(strlen(text), 19);
	CHECK_EQ(text[20], '#');
}

/* --- params --- */

static void usual_parameters(void)
{
	struct disk disk = { .size = 1ULL << 30, .discard_size = 4096, .physical_size = 4096 };
	struct spec spec = usual();
	struct ublk_params params;

	CHECK_EQ(params_check(&disk, &spec), 0);
	params_fill(&params, &disk, &spec, 1U << 20);
	CHECK_EQ(params.types, UBLK_PARAM_TYPE_BASIC | UBLK_PARAM_TYPE_DISCARD);
	CHECK_EQ(params.basic.attrs, 0);
	CHECK_EQ(params.basic.logical_bs_shift, 9);
	CHECK_EQ(params.basic.physical_bs_shift, 12);
	CHECK_EQ(params.basic.max_sectors, 2048);
	CHECK_EQ(params.basic.dev_sectors, 1U << 21);
	CHECK_EQ(params.discard.discard_granularity, 4096);
	CHECK_EQ(params.discard.max_discard_segments, 1);
	CHECK_EQ(params.discard.discard_alignment, 0);
	CHECK_EQ((uint64_t)params.discard.max_discard_sectors << 9, 1U << 30);

	disk = (struct disk){ .size = 8192, .read_only = true, .write_cache = true };
	spec.sector_size = 4096;
	CHECK_EQ(params_check(&disk, &spec), 0);
	params_fill(&params, &disk, &spec, 4096);
	CHECK_EQ(params.types, UBLK_PARAM_TYPE_BASIC);
	CHECK_EQ(params.basic.attrs, UBLK_ATTR_READ_ONLY | UBLK_ATTR_VOLATILE_CACHE | UBLK_ATTR_FUA);
	CHECK_EQ(params.basic.physical_bs_shift, 12);
	CHECK_EQ(params.basic.dev_sectors, 16);
	disk.read_only = false;
	disk.write_cache = false;
	spec.read_only = true;
	params_fill(&params, &disk, &spec, 4096);
	CHECK_EQ(params.basic.attrs, UBLK_ATTR_READ_ONLY);
}

/* Of a server that has been taken over. */
static void parameters_make_sense(void)
{
	struct disk disk = { .size = 1ULL << 30 };
	bool *const bools[] = { &disk.read_only, &disk.write_cache, &disk.rotational, &disk.shared };
	struct spec spec = usual();

	for (size_t i = 0; i < ARRAY_SIZE(bools); i++) {
		CHECK_EQ(params_check(&disk, &spec), 0);
		memset(bools[i], 2, 1);
		CHECK_EQ(params_check(&disk, &spec), -EINVAL);
		CHECK(said("makes no sense"));
		memset(bools[i], 1, 1);
	}
}

/* Nobody discards what nobody writes. */
static void read_only_disks_discard_nothing(void)
{
	struct disk disk = { .size = 1ULL << 30, .discard_size = 4096, .read_only = true };
	struct spec spec = usual();
	struct ublk_params params;

	params_fill(&params, &disk, &spec, 1U << 20);
	CHECK(!(params.types & UBLK_PARAM_TYPE_DISCARD));
	disk.read_only = false;
	spec.read_only = true;
	params_fill(&params, &disk, &spec, 1U << 20);
	CHECK(!(params.types & UBLK_PARAM_TYPE_DISCARD));
	spec.read_only = false;
	params_fill(&params, &disk, &spec, 1U << 20);
	CHECK(params.types & UBLK_PARAM_TYPE_DISCARD);
}

/* What a file's file system, or the device below, has told. */
static void parameters_of_files(void)
{
	struct disk disk = {
		.size = 1ULL << 30, .sector_size = 4096, .physical_size = 8192, .optimal_size = 1 << 20, .discard_size = 512,
		.dma_size = 512, .write_cache = true, .rotational = true,
	};
	struct spec spec = usual();
	struct ublk_params params;

	CHECK_EQ(params_check(&disk, &spec), 0);
	params_fill(&params, &disk, &spec, 1U << 20);
	CHECK_EQ(params.types, UBLK_PARAM_TYPE_BASIC | UBLK_PARAM_TYPE_DISCARD | UBLK_PARAM_TYPE_DMA_ALIGN);
	CHECK_EQ(params.basic.attrs, UBLK_ATTR_VOLATILE_CACHE | UBLK_ATTR_FUA | UBLK_ATTR_ROTATIONAL);
	CHECK_EQ(params.basic.logical_bs_shift, 12);
	CHECK_EQ(params.basic.physical_bs_shift, 13);
	CHECK_EQ(params.basic.io_min_shift, 13);
	CHECK_EQ(params.basic.io_opt_shift, 20);
	CHECK_EQ(params.dma.alignment, 511);				/* a mask */
	CHECK_EQ(params.discard.discard_granularity, 4096);		/* no less than a sector */
	CHECK_EQ((uint64_t)params.discard.max_write_zeroes_sectors << 9, 1U << 30);

	spec.sector_size = 512;						/* the user knows better */
	disk.size = 513 * 512;
	CHECK_EQ(params_check(&disk, &spec), 0);
	params_fill(&params, &disk, &spec, 1U << 20);
	CHECK_EQ(params.basic.logical_bs_shift, 9);
	CHECK_EQ(params.basic.dev_sectors, 513);
	CHECK_EQ(params.discard.discard_granularity, 512);
	spec.sector_size = SECTOR_ANY;
	CHECK_EQ(params_check(&disk, &spec), -EINVAL);
	CHECK(said("is no multiple of the sector size, 4096"));
}

/* Each that is not told is that of the next smaller one. */
static void parameters_not_told(void)
{
	static const struct { uint32_t sector, physical, optimal; uint8_t shifts[3]; } table[] = {
		{ 0, 0, 0, { 9, 9, 9 } },
		{ 4096, 0, 0, { 12, 12, 12 } },
		{ 0, 4096, 0, { 9, 12, 12 } },
		{ 0, 0, 65536, { 9, 9, 16 } },
		{ 512, 1 << 20, 1 << 30, { 9, 20, 30 } },
		{ 512, 65536, 4096, { 9, 16, 16 } },			/* best for long ones cannot be less than for one */
		{ 4096, 512, 2048, { 12, 12, 12 } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct disk disk = {
			.size = 1 << 30, .sector_size = table[i].sector, .physical_size = table[i].physical, .optimal_size = table[i].optimal,
		};
		struct spec spec = usual();
		struct ublk_params params;

		CHECK_EQ(params_check(&disk, &spec), 0);
		params_fill(&params, &disk, &spec, 4096);
		CHECK_EQ(params.basic.logical_bs_shift, table[i].shifts[0]);
		CHECK_EQ(params.basic.physical_bs_shift, table[i].shifts[1]);
		CHECK_EQ(params.basic.io_min_shift, table[i].shifts[1]);
		CHECK_EQ(params.basic.io_opt_shift, table[i].shifts[2]);
		CHECK_EQ(params.types, UBLK_PARAM_TYPE_BASIC);
	}
}

static void alignments_of_memory(void)
{
	for (uint32_t size = 1; size <= 4096; size *= 2) {
		struct disk disk = { .size = 1 << 30, .dma_size = size };
		struct spec spec = usual();
		struct ublk_params params;

		CHECK_EQ(params_check(&disk, &spec), 0);
		params_fill(&params, &disk, &spec, 4096);
		CHECK_EQ(params.types, UBLK_PARAM_TYPE_BASIC | (size > 1 ? UBLK_PARAM_TYPE_DMA_ALIGN : 0));
		CHECK_EQ(params.dma.alignment, size - 1);
	}
}

#define HOSTILE(member, value) HOSTILE_WORDS(member, value, "")
#define HOSTILE_WORDS(member, value, words) do { \
	struct disk disk = { .size = 1ULL << 30 }; \
	disk.member = (value); \
	CHECK(params_check(&disk, &spec) < 0); \
	CHECK(said(words)); \
	CHECK_EQ(said_nothing(), 1); \
} while (0)
#define HARMLESS(member, value) do { \
	struct disk disk = { .size = 1ULL << 30 }; \
	disk.member = (value); \
	CHECK_EQ(params_check(&disk, &spec), 0); \
} while (0)

static void hostile_disks(void)
{
	struct spec spec = usual();
	struct disk disk;

	spec.sector_size = 4096;
	HOSTILE(size, 0);
	HOSTILE(size, 512);
	HOSTILE(size, UINT64_MAX);
	HOSTILE(size, 1ULL << 63);
	HOSTILE(size, (1ULL << 30) + 2048);
	HOSTILE(physical_size, 256);
	HOSTILE(physical_size, 5000);
	HOSTILE(physical_size, UINT32_MAX);
	HOSTILE(physical_size, 2U << 20);
	HOSTILE(discard_size, 3);
	HOSTILE(discard_size, UINT32_MAX);
	HOSTILE_WORDS(sector_size, 256, "sector size, 256,");	/* whatever the user wants */
	HOSTILE(sector_size, 513);
	HOSTILE(sector_size, 1);
	HOSTILE(sector_size, 8192);
	HOSTILE(sector_size, 1U << 31);
	HOSTILE(sector_size, UINT32_MAX);
	HOSTILE_WORDS(physical_size, 1, "physical block size, 1,");
	HOSTILE_WORDS(optimal_size, 256, "optimal transfer size, 256,");
	HOSTILE(optimal_size, 5000);
	HOSTILE(optimal_size, 1U << 31);
	HOSTILE(optimal_size, UINT32_MAX);
	HOSTILE_WORDS(dma_size, 3, "alignment of memory, 3,");
	HOSTILE(dma_size, 8192);
	HOSTILE(dma_size, 1U << 31);
	HOSTILE(dma_size, UINT32_MAX);
	HARMLESS(sector_size, 512);
	HARMLESS(sector_size, 4096);
	HARMLESS(physical_size, 512);			/* less than the user's sectors, which count */
	HARMLESS(optimal_size, 2048);
	HARMLESS(physical_size, 4096);
	HARMLESS(physical_size, 1U << 20);
	HARMLESS(optimal_size, 4096);
	HARMLESS(optimal_size, 1U << 30);
	HARMLESS(discard_size, 1U << 31);
	HARMLESS(dma_size, 4096);
	memset(&disk, 0xff, sizeof(disk));
	CHECK(params_check(&disk, &spec) < 0);
}

/* It came through a pipe: a bool may hold what no bool can hold. */
static void hostile_bools(void)
{
	struct spec spec = usual();

	for (int which = 0; which < 3; which++) {
		struct disk disk = { .size = 1ULL << 30 };
		bool *const bools[] = { &disk.read_only, &disk.write_cache, &disk.rotational, &disk.shared };

		memset((void *)bools[which], 0x7e, 1);
		CHECK_EQ(params_check(&disk, &spec), -EINVAL);
	}
}

/* --- status --- */

static void errors_become_statuses(void)
{
	static const struct { int error, status; } table[] = {
		{ 0, 0 }, { -EIO, 1 }, { -EINVAL, 1 }, { -ENOENT, 1 }, { -EUSAGE, 2 }, { -EPERM, 3 }, { -EACCES, 3 },
		{ -EOPNOTSUPP, 4 }, { -ENOSYS, 4 }, { -EBUSY, 5 }, { -EEXIST, 5 }, { -ENODEV, 6 }, { -ENOSPC, 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		CHECK_EQ(status_of(table[i].error), table[i].status);
}

static void recoveries(void)
{
	static const uint64_t plain = UBLK_F_USER_RECOVERY, reissue = UBLK_F_USER_RECOVERY | UBLK_F_USER_RECOVERY_REISSUE,
			      fail = UBLK_F_USER_RECOVERY | UBLK_F_USER_RECOVERY_FAIL_IO;
	static const struct { enum recovery recovery; uint64_t offered; bool user; int result; uint64_t asked; enum io_mode mode; } table[] = {
		{ RECOVERY_OFF, 0x1fe, false, 0, 0, IO_GET_DATA },
		{ RECOVERY_REISSUE, 0x1fe, false, 0, reissue, IO_USER_COPY },	/* 6.12 loses reads by get-data */
		{ RECOVERY_REISSUE, 0x3fff, false, 0, reissue, IO_GET_DATA },
		{ RECOVERY_REQUEUE, 0x3fff, false, 0, plain, IO_GET_DATA },
		{ RECOVERY_FAIL, 0x3fff, false, 0, fail, IO_GET_DATA },
		{ RECOVERY_FAIL, 0x1fe, false, -EOPNOTSUPP, fail, IO_USER_COPY },
		{ RECOVERY_REISSUE, 0x3fff, true, -EPERM, reissue, IO_GET_DATA },
	};
	static const uint64_t all = UBLK_F_USER_RECOVERY | UBLK_F_USER_RECOVERY_REISSUE | UBLK_F_USER_RECOVERY_FAIL_IO;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct features features = { .offered_known = true, .offered = table[i].offered };
		struct spec spec = usual();

		backend.mostly = IN_MEMORY;
		spec.recovery = table[i].recovery;
		CHECK_EQ(features_ask(&features, &spec, table[i].user), table[i].result);
		CHECK_EQ(features.asked & all, table[i].asked);
		CHECK_EQ(features.mode, table[i].mode);
		if (!table[i].result && spec.recovery)	/* granted silently less */
			CHECK_EQ(features_settle(&features, &spec, features.asked & ~UBLK_F_USER_RECOVERY), -EOPNOTSUPP);
	}
}

TESTS(
	{ "what is not asked for is as it should be", defaults_are_fine },
	{ "options that make no sense are refused, each with its reason", nonsense_is_refused },
	{ "disks are multiples of their sectors, up to 8 EiB less one", sizes_of_disks },
	{ "sectors are as the user wants them, else as it suits the disk", sizes_of_sectors },
	{ "progress is shown where it was asked for, else on terminals", progress_where_wanted },
	{ "no two options have the same name or letter", options_have_distinct_names },
	{ "lists of CPUs in and out", lists_of_cpus },
	{ "a list of CPUs is cut where there is no room", long_lists_are_cut },
	{ "a thread runs where its queue is fed from, within what is allowed, or anywhere", cpus_of_a_queue },
	{ "each kernel is asked for what is best for each disk", kernels_and_disks },
	{ "each kernel is asked for what the user insists on, if it can be had", kernels_and_wishes },
	{ "what cannot be had is named, with the release that has it", words_of_refusals },
	{ "what ADD_DEV grants decides, and may be too little", grants_decide },
	{ "in batches bytes move by user-copy, if that is granted, else by copy", grants_of_batches },
	{ "disks that may have another server can be quiesced, but those with batches", quiesced_without_errors },
	{ "the flags of a device tell how its bytes travel", modes_of_devices },
	{ "-v tells what the kernel refused", refusals_are_told },
	{ "shared memory is asked for when it is wanted, and refused with the reason", memory_that_is_shared },
	{ "another server is asked for as --recovery says, and what is not granted is refused", recoveries },
	{ "the table of features has every bit in its order", table_of_features },
	{ "a disk becomes the kernel's parameters", usual_parameters },
	{ "a description that makes no sense is refused", parameters_make_sense },
	{ "read-only disks discard nothing", read_only_disks_discard_nothing },
	{ "what the disk below is like becomes the kernel's parameters", parameters_of_files },
	{ "sizes that are not told are that of the next smaller", parameters_not_told },
	{ "the alignment of memory is a mask, and told where it matters", alignments_of_memory },
	{ "a description that makes no sense is refused", hostile_disks },
	{ "a description with impossible bools is refused", hostile_bools },
	{ "errors become exit statuses", errors_become_statuses },
)
