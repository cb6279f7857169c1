/* SPDX-License-Identifier: MIT */
/* test_state.c - what one program saves another restores, and it may be anybody's */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/state.h"
#include "core/words.h"
#include "tests/check.h"

struct things {
	bool on;
	uint16_t small;
	uint32_t number;
	uint64_t large;
	int file, none;
	char text[8];
};

static const struct state_field table[] = {
	STATE_FIELD(struct things, on, STATE_BOOL),
	STATE_FIELD(struct things, small, STATE_NUMBER),
	STATE_FIELD(struct things, number, STATE_NUMBER),
	STATE_FIELD(struct things, large, STATE_NUMBER),
	STATE_FIELD(struct things, file, STATE_FILE),
	STATE_FIELD(struct things, none, STATE_FILE),
	STATE_FIELD(struct things, text, STATE_TEXT),
	STATE_END
};

#define HEAD 16
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static const struct things example = { true, 2, 3, UINT64_MAX, -1, -1, "four" };

/* Saved, with @file as its descriptor, in @bytes. Returns how many they are. */
static size_t saved(struct things things, char *bytes, size_t limit)
{
	static char *const words[] = { "ublk-mem", "1M", NULL };
	int fd = state_file();
	struct state state;
	ssize_t n;

	CHECK_EQ(state_begin(&state), 0);
	state_carry(&state, "things", table, &things);
	state_carry(&state, "nothing", NULL, NULL);
	state_save_words(&state, words);
	CHECK_EQ(state_write(&state, fd), 0);
	CHECK_EQ(fcntl(fd, F_GET_SEALS) & SEALS, SEALS);
	state_close(&state);
	n = pread(fd, bytes, limit, 0);
	CHECK(n > 0 && n < (ssize_t)limit);
	close(fd);
	return (size_t)n;
}

/* What becomes of @bytes that somebody gave us. */
static int restored(const char *bytes, size_t size, int seals, const char *part, struct things *things)
{
	int fd = memfd_create("state", MFD_CLOEXEC | MFD_ALLOW_SEALING), err;
	struct state state;

	CHECK_EQ(write(fd, bytes, size), (ssize_t)size);
	CHECK_EQ(fcntl(fd, F_ADD_SEALS, seals), 0);
	err = state_read(&state, fd);
	if (!err) {
		state_carry(&state, part, table, things);
		state_carry(&state, "nothing", NULL, NULL);
		err = state.error;
	}
	state_close(&state);
	close(fd);
	return err;
}

static void there_and_back(void)
{
	struct things things = example, back = { 0 };
	char bytes[1024];
	size_t size;

	things.file = fcntl(0, F_DUPFD, 100);
	size = saved(things, bytes, sizeof(bytes));
	CHECK_EQ(restored(bytes, size, SEALS, "things", &back), 0);
	CHECK(back.on && back.small == 2 && back.number == 3 && back.large == UINT64_MAX && back.none == -1);
	CHECK_EQ(back.file, things.file);
	CHECK_TEXT(back.text, "four");
	close(things.file);
	back = (struct things){ 0 };
	CHECK_EQ(restored(bytes, size, SEALS, "things", &back), -EPROTO);	/* which is not open */
}

static void for_somebody_else(void)
{
	struct things back = { 0 };
	char bytes[1024];
	size_t size = saved(example, bytes, sizeof(bytes));

	CHECK_EQ(restored(bytes, size, SEALS, "thongs", &back), -EPROTO);
	CHECK_EQ(restored(bytes, size, SEALS, "thing", &back), -EPROTO);
	CHECK_EQ(back.number, 0);
	bytes[8]++;	/* the version */
	CHECK_EQ(restored(bytes, size, SEALS, "things", &back), -EPROTO);
}

static void not_sealed(void)
{
	static const int seals[] = { F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE };
	struct things back;
	char bytes[1024];
	size_t size = saved(example, bytes, sizeof(bytes));

	for (size_t i = 0; i < sizeof(seals) / sizeof(*seals); i++)
		CHECK_EQ(restored(bytes, size, SEALS & ~seals[i], "things", &back), -EPROTO);
	CHECK_EQ(restored(bytes, size, SEALS, "things", &back), 0);
}

static void incomplete(void)
{
	struct things back;
	char bytes[1024];
	size_t size = saved(example, bytes, sizeof(bytes));

	for (size_t i = 0; i < size; i++)
		CHECK_EQ(restored(bytes, i, SEALS, "things", &back), -EPROTO);
	bytes[size] = 0;
	CHECK_EQ(restored(bytes, size + 1, SEALS, "things", &back), -EPROTO);
	CHECK_EQ(restored(bytes, size, SEALS, "things", &back), 0);
}

/* Every byte behind the head is anything. */
static void meaning_harm(void)
{
	uint64_t random = check_seed();
	unsigned int taken = 0, refused = 0;
	char bytes[1024], worse[1024];
	size_t size = saved(example, bytes, sizeof(bytes));

	for (unsigned int i = 0; i < 20000; i++) {
		struct things back = { 0 };

		memcpy(worse, bytes, size);
		for (unsigned int n = 0; n <= i % 3; n++)
			worse[HEAD + check_random(&random) % (size - HEAD)] = (char)(check_random(&random) % 3 ? check_random(&random) % 8 : 255);
		if (restored(worse, size, SEALS, "things", &back)) {
			refused++;
			continue;
		}
		taken++;
		CHECK(*(unsigned char *)&back.on <= 1 && memchr(back.text, '\0', sizeof(back.text)));
		CHECK(back.file == -1 || (back.file > 2 && fcntl(back.file, F_GETFD) >= 0));
	}
	CHECK(taken > 500 && refused > 500);
}

static void of_every_program(void)
{
	struct things things = example, back;
	char bytes[1024];
	size_t size;

	things.file = 0;
	size = saved(things, bytes, sizeof(bytes));
	CHECK_EQ(restored(bytes, size, SEALS, "things", &back), -EPROTO);
}

static void more_than_there_is_room(void)
{
	char *word = malloc(300000), *const words[] = { word, NULL };
	struct state state;

	memset(word, 'x', 299999);
	word[299999] = '\0';
	CHECK_EQ(state_begin(&state), 0);
	state_save_words(&state, words);
	CHECK_EQ(state.error, -E2BIG);
	CHECK_EQ(state_write(&state, -1), -E2BIG);
	state_close(&state);
	free(word);
}

static void handed_on(void)
{
	struct things things = example;
	struct state state;
	int fd = state_file();

	things.file = fcntl(0, F_DUPFD_CLOEXEC, 3);
	CHECK_EQ(state_begin(&state), 0);
	state_carry(&state, "things", table, &things);
	CHECK_EQ(state_write(&state, fd), 0);
	state_hand_on(&state, true);
	CHECK_EQ(fcntl(things.file, F_GETFD), 0);
	state_hand_on(&state, false);
	CHECK_EQ(fcntl(things.file, F_GETFD), FD_CLOEXEC);
	state_close(&state);
	close(things.file);
	close(fd);
}

/* --- as it is handed on --------------------------------------------------------------- */

/* What becomes of UBLK_STATE=@text, first in the environment, in a process of its own: 0 or an errno; 99: nothing is given. */
static int received(const char *text)
{
	static char variable[60], home[] = "HOME=/", *environment[] = { variable, home, NULL };
	pid_t pid = fork();
	int status, err;

	if (!pid) {
		snprintf(variable, sizeof(variable), STATE_VARIABLE "=%s", text);
		environ = environment;
		err = state_receive();
		_exit(err ? -err : !state_given() ? 99 : getenv(STATE_VARIABLE) || strcmp(getenv("HOME"), "/") ? 98 : 0);
	}
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

static void given(void)
{
	char bytes[1000], text[40];
	size_t size = saved(example, bytes, sizeof(bytes));
	int fd = memfd_create("state", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	CHECK_EQ(write(fd, bytes, size), (ssize_t)size);
	snprintf(text, sizeof(text), "%d", fd);
	CHECK_EQ(received(text), EPROTO);			/* whoever has it could still change it */
	CHECK_EQ(fcntl(fd, F_ADD_SEALS, SEALS), 0);
	CHECK_EQ(received(text), 0);
	snprintf(text, sizeof(text), "%d?", fd);
	CHECK_EQ(received(text), 0);
	snprintf(text, sizeof(text), "%d!%d", fd, fd);
	CHECK_EQ(received(text), 0);
	snprintf(text, sizeof(text), "%d!", fd);
	CHECK_EQ(received(text), EPROTO);
	snprintf(text, sizeof(text), "%d!999", fd);		/* nobody waits there */
	CHECK_EQ(received(text), EPROTO);
	CHECK_EQ(received(""), EPROTO);
	CHECK_EQ(received("x"), EPROTO);
	CHECK_EQ(received("999"), EPROTO);
	CHECK_EQ(received("99999999999"), EPROTO);
	CHECK_EQ(state_receive(), 0);				/* this one is not first here, or there is none */
	CHECK(!state_given());
	close(fd);
}

static void renamed(void)
{
	char first[] = "/usr/bin/ublk-mem", second[] = "ublk", *words[] = { first, NULL };

	CHECK_EQ(words_note(words), 0);
	for (int i = 0; i < 2; i++) {				/* once is enough */
		words_rename('@');
		CHECK_EQ(*first, '@');
		CHECK_TEXT(words_noted()[0], "@ublk-mem");
	}
	words[0] = second;
	CHECK_EQ(words_note(words), 0);
	words_rename('@');
	CHECK_EQ(*second, '@');
	CHECK_TEXT(words_noted()[0], "@ublk");
}

static void words_up_to_a_limit(void)
{
	char bytes[1000], *words[3];
	size_t size = saved(example, bytes, sizeof(bytes));
	int fd = memfd_create("state", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct state state;

	CHECK_EQ(write(fd, bytes, size), (ssize_t)size);
	CHECK_EQ(fcntl(fd, F_ADD_SEALS, SEALS), 0);
	CHECK_EQ(state_read(&state, fd), 0);
	CHECK_EQ(state_read_words(&state, words, 1), 1);
	CHECK_EQ(state_read_words(&state, words, 3), 2);
	CHECK_TEXT(words[0], "ublk-mem");
	CHECK_TEXT(words[1], "1M");
	state_close(&state);
	fd = state_only_read(fd);
	CHECK(fd >= 0 && write(fd, "x", 1) < 0);
	close(fd);
}

TESTS(
	{ "what is saved is restored", there_and_back },
	{ "it is for one part of one version, and no other", for_somebody_else },
	{ "it is refused unless nobody can change it any more", not_sealed },
	{ "each missing byte is noticed, and one too many", incomplete },
	{ "whoever means harm gets no value across that cannot be", meaning_harm },
	{ "the first three descriptors are nobody's", of_every_program },
	{ "what does not fit is an error", more_than_there_is_room },
	{ "exec() gets the descriptors in it, if it shall", handed_on },
	{ "what the environment gives is taken, once, if it is whole", given },
	{ "a sign before the name is seen, and the name known", renamed },
	{ "words come as they were, up to a limit", words_up_to_a_limit }
)
