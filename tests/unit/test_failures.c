/* SPDX-License-Identifier: MIT */
/*
 * test_failures.c - any call of any process fails once, and nothing is left
 *
 * A life is lived in peace on every kernel of the model's list, and its calls are counted. Then it is lived once for
 * each of them, on one kernel after the other, and that call fails.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/status.h"
#include "core/util.h"
#include "tests/check.h"
#include "tests/unit/calls.h"
#include "tests/unit/life.h"

#define SLOW_MS 1500
#define MOST 8			/* of one call by one process, which may look through all of /proc */

static char pidfile[80], pidfile_option[100], image_option[100], save_option[100];

struct story {
	const char *words[10];
	int status;			/* how it ends well */
	bool dies;			/* its first server, that is */
	bool without_rights;
	bool only_server;		/* what its keeper does has been seen before */
};

/* As long as it takes, or until there is nobody who would. */
static void follow(const struct life *life)
{
	unsigned int deaths = model_deaths();

	while (!model_kill_server(SIGKILL) && life_is_there(life))
		poll(NULL, 0, 1);
	while (life_is_there(life) && !(model_deaths() > deaths && model_is_live()))
		poll(NULL, 0, 1);
}

/* The image of 4 MiB is there, unless the disk makes it itself. */
static int live(const struct story *story, const struct model_kernel *kernel)
{
	bool makes_it = !strcmp(story->words[0], "file") && *story->words[1] != '-';
	struct life life = life_of(&life_kinds[makes_it ? ON_FILE : OVER_FILE], kernel);

	memcpy(life.words, story->words, sizeof(story->words));
	life.model.without_rights = story->without_rights;
	life_begin(&life);
	if (life_is_ready(&life)) {
		if (story->dies)
			follow(&life);
		if (story->status == STATUS_OK)
			life_tell(&life, SIGTERM);
	}
	return life_end(&life);
}

/* Whoever lost his parent is our child. */
static bool all_have_ended(void)
{
	for (int i = 0; i < 10000; i++) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD)
			return true;
		poll(NULL, 0, 1);
	}
	return false;
}

static bool is_whole_or_gone(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 || st.st_size == SIZE;
}

static bool is_documented(const struct story *story, int status)
{
	return status == story->status || (status >= 0 && status <= STATUS_NO_DEVICE) ||
	       (status >= STATUS_OURS && status <= STATUS_NO_COMMAND);
}

/* What could not be removed, or may have gone with the power, is allowed to be there. */
static bool may_leave_pidfile(const char *call)
{
	return !strncmp(call, "unlinkat", 8) || !strncmp(call, "fsync", 5);
}

static void check_end(const struct story *story, int status, const char *call)
{
	CHECK(is_documented(story, status));
	CHECK(status == story->status || life_told("ublk"));
	CHECK(!model_is_added() || life_told("left behind"));
	CHECK(all_have_ended());
	CHECK(is_whole_or_gone(life_image));
	CHECK(unlink(pidfile) < 0 || may_leave_pidfile(call));
	model_close();
}

static bool may_be_on(const struct story *story, const struct model_kernel *kernel)
{
	return !story->without_rights || kernel->features & UBLK_F_UNPRIVILEGED_DEV;
}

static void live_in_peace(const struct story *story)
{
	calls_count();
	for EVERY_KERNEL(kernel) {
		int status;

		if (!may_be_on(story, kernel))
			continue;
		status = live(story, kernel);
		CHECK_EQ(status, story->status);
		check_end(story, status, "");
	}
}

static const struct model_kernel *next_kernel(const struct story *story, const struct model_kernel *kernel)
{
	do
		kernel = kernel && kernel[1].name ? kernel + 1 : model_kernels;
	while (!may_be_on(story, kernel));
	return kernel;
}

/* One after the other. @interrupted: by a signal, and so it does not matter at all. */
static void each_call_fails(const struct story *story, bool interrupted)
{
	const struct model_kernel *kernel = NULL;
	unsigned int lives = 0, happened = 0;
	struct refusal refusal = { 0 };

	calls_interrupt(interrupted);
	while (calls_next(&refusal, MOST)) {
		unsigned int failures = check_failures;
		int64_t began = now_ms();
		int status;

		if (story->only_server && !refusal.caller)
			continue;
		kernel = next_kernel(story, kernel);
		calls_refuse(&refusal);
		status = live(story, kernel);
		check_end(story, status, calls_text(&refusal));
		CHECK(!interrupted || status == story->status);
		if (check_failures != failures || now_ms() - began > SLOW_MS)
			printf("# %s, on %s, took %d ms and ended with %d:\n%s\n", calls_text(&refusal), kernel->name,
			       (int)(now_ms() - began), status, life_words());
		happened += calls_were_refused();
		lives++;
	}
	calls_refuse(NULL);
	CHECK(happened > lives / 2);
	printf("# ublk-%s: %u lives, %u calls %s\n", story->words[0], lives, happened,
	       interrupted ? "interrupted" : "failed");
}

static void each_fails(const struct story *story)
{
	live_in_peace(story);
	each_call_fails(story, false);
	each_call_fails(story, true);
}

static void with_a_command(void)
{
	static const struct story story = {
		{ "mem", "4M", "--name=a.life", "--stats=100", pidfile_option, "--", "sh", "-c", "exit 42" },
		.status = 42,
	};

	each_fails(&story);
}

static void with_a_successor(void)
{
	static const struct story story = { { "mem", "4M", "--supervise", "--stop-timeout=1" }, .dies = true };

	each_fails(&story);
}

static void of_a_file(void)
{
	static const struct story story = { { "file", life_image, "--create=4M", "--autoclear" }, .status = STATUS_OK };

	each_fails(&story);
}

static void of_a_file_in_memory(void)
{
	static const struct story story = { { "file", "--cow=100%", life_image }, .only_server = true };

	each_fails(&story);
}

static void of_an_image(void)
{
	static const struct story story = { { "mem", image_option, save_option }, .status = STATUS_OK };

	each_fails(&story);
}

static void of_an_image_that_goes(void)
{
	static const struct story story = { { "mem", image_option, "--consume" }, .status = STATUS_OK };

	each_fails(&story);
}

static void of_a_member(void)
{
	static const struct story story = {
		{ "zip", life_archive, "--member=a", "--index=wait", "--workers=1" }, .only_server = true,
	};

	each_fails(&story);
}

static void of_a_tree(void)
{
	static const struct story story = { { "zip", life_archive, "--verify" }, .only_server = true };

	each_fails(&story);
}

static void of_a_user(void)
{
	static const struct story story = { { "null", "4M" }, .without_rights = true };

	each_fails(&story);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "a disk with a command", with_a_command },
		{ "a disk whose server dies", with_a_successor },
		{ "a disk of a file", of_a_file },
		{ "a disk over a file", of_a_file_in_memory },
		{ "a disk of an image that is saved", of_an_image },
		{ "a disk of an image that is consumed", of_an_image_that_goes },
		{ "a disk of a member of an archive", of_a_member },
		{ "a disk of an archive", of_a_tree },
		{ "a disk of a user without rights", of_a_user },
	};
	int result;

	life_go_on(argc, argv);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	life_make_place();
	snprintf(pidfile, sizeof(pidfile), "%s/pid", life_dir);
	snprintf(pidfile_option, sizeof(pidfile_option), "--pidfile=%s", pidfile);
	snprintf(image_option, sizeof(image_option), "--image=%s", life_image);
	snprintf(save_option, sizeof(save_option), "--save=%s", life_image);
	result = check_main(tests, ARRAY_SIZE(tests));
	life_leave_place();
	return result;
}
