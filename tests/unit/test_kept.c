/* SPDX-License-Identifier: MIT */
/* test_kept.c - what a service manager gives back is sorted, whatever it says that it is */
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/check.h"

#include "core/kept.c"

/* What the manager is told, and which descriptor comes with it. */
static char told[2000];

void notify_manager(const char *message, int fd)
{
	snprintf(told + strlen(told), sizeof(told) - strlen(told), "%d %s", fd, message);
}

/* Descriptors from 3 on, as if we had just been started with them. Their inodes. */
static void be_given(int count, ino_t inodes[])
{
	struct stat st;

	syscall(SYS_close_range, FIRST, ~0U, 0);
	for (int i = 0; i < count; i++) {
		CHECK_EQ(memfd_create("given", 0), FIRST + i);
		fstat(FIRST + i, &st);
		inodes[i] = st.st_ino;
	}
}

static bool is(int fd, ino_t inode)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_ino == inode;
}

static void in_their_places(void)
{
	ino_t inodes[4];
	int keeper = 0, state;

	be_given(4, inodes);
	state = arrange("ublk.9:ublk-state.77:stored:ublk.4", &keeper);
	CHECK_EQ(keeper, 77);
	CHECK(is(state, inodes[1]) && is(9, inodes[0]) && is(4, inodes[3]));
	CHECK(fcntl(3, F_GETFD) < 0 && fcntl(5, F_GETFD) < 0);		/* whatever is not named is nowhere below */
	CHECK(state >= STATE_ASIDE);
}

static void names_that_lie(void)
{
	static const char *const lies[] = {
		"", ":", "ublk.9:ublk-state.77:more", "ublk.0:ublk.1", "ublk.2:ublk.-1", "ublk.512:ublk.99999999999", "ublk.:ublk-state.",
		"ublk.9x:ublk-state.x", ":::::::::",
	};

	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		ino_t inodes[2], output;
		struct stat st;
		int keeper = 0, state;

		fstat(STDOUT_FILENO, &st);
		output = st.st_ino;
		be_given(2, inodes);
		state = arrange(lies[i], &keeper);
		CHECK(state < 0 || (state >= STATE_ASIDE && keeper >= 0));
		CHECK(is(STDOUT_FILENO, output) && fcntl(STDIN_FILENO, F_GETFD) >= 0);
	}
}

/* Nobody has given us anything, or it was meant for another process. */
static void not_for_us(void)
{
	unsetenv("LISTEN_PID");
	setenv("LISTEN_FDNAMES", "ublk-state.77", 1);
	CHECK_EQ(kept_receive(), 0);
	setenv("LISTEN_PID", "1", 1);
	CHECK_EQ(kept_receive(), 0);
	setenv("LISTEN_FDNAMES", "socket", 1);
	CHECK_EQ(kept_receive(), 0);
	unsetenv("LISTEN_FDNAMES");
	unsetenv("LISTEN_PID");
}

static void no_state(void)
{
	ino_t inodes[1];
	char text[20];

	be_given(1, inodes);
	text_format(text, sizeof(text), "%d", (int)getpid());
	setenv("LISTEN_PID", text, 1);
	setenv("LISTEN_FDNAMES", "ublk-state.77", 1);
	CHECK_EQ(kept_receive(), -EPROTO);		/* not sealed, and empty */
	unsetenv("LISTEN_FDNAMES");
	unsetenv("LISTEN_PID");
}

static const struct state_field files[] = { { .offset = 0, .kind = STATE_FILE, .size = sizeof(int) }, STATE_END };

/* Each by its number, once; and the names are taken back. */
static void given_and_forgotten(void)
{
	int fd = memfd_create("disk", 0);
	struct state state;
	char text[400];

	CHECK_EQ(state_begin(&state), 0);
	state_carry(&state, "test", files, &fd);
	CHECK_EQ(state_write(&state, state_file()), 0);
	kept_give(&state, 1);
	snprintf(text, sizeof(text), "-1 FDSTOREREMOVE=1\nFDNAME=ublk-state.%d\n%d FDSTORE=1\nFDPOLL=0\nFDNAME=ublk.%d\n"
		 "1 FDSTORE=1\nFDPOLL=0\nFDNAME=ublk-state.%d\n", (int)getpid(), fd, fd, (int)getpid());
	CHECK_TEXT(told, text);
	kept_give(&state, 1);
	CHECK_TEXT(told, text);
	*told = '\0';
	kept_forget();
	snprintf(text, sizeof(text), "-1 FDSTOREREMOVE=1\nFDNAME=ublk.%d\n-1 FDSTOREREMOVE=1\nFDNAME=ublk-state.%d\n", fd,
		 (int)getpid());
	CHECK_TEXT(told, text);
	state_close(&state);
}

int main(void)
{
	static const struct test tests[] = {
		{ "descriptors come to where they were, and the state aside", in_their_places },
		{ "names that lie do no harm", names_that_lie },
		{ "what is not for us is left alone", not_for_us },
		{ "what is no state is refused", no_state },
		{ "what is given has the names that it is taken back by", given_and_forgotten },
	};

	return check_main(tests, ARRAY_SIZE(tests));
}
