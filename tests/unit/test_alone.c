/* SPDX-License-Identifier: MIT */
/* test_alone.c - the sandbox without a server: all of it, or nothing is done */
#include <errno.h>
#include <string.h>

#include "core/alone.h"
#include "core/applet.h"
#include "core/log.h"
#include "core/sandbox.h"
#include "core/util.h"
#include "tests/check.h"
#include "tests/unit/said.h"

/* --- in the place of core/sandbox.c ----------------------------------------------------- */

static int errors[3];
static char given_up[4];		/* a letter for each part, in order */

static int give_up(int part, char letter)
{
	given_up[strlen(given_up)] = letter;
	return errors[part];
}

int sandbox_early(struct sandbox *sandbox) { return give_up(0, sandbox->on ? 'E' : 'e'); }
int sandbox_thread(struct sandbox *sandbox) { return give_up(1, strcmp(sandbox->applet, "test") ? 't' : 'T'); }

int sandbox_process(struct sandbox *sandbox, enum sandbox_stage stage)
{
	(void)sandbox;
	return give_up(2, stage == SANDBOX_OPENING ? 'P' : 'p');
}

static const struct applet applet = { .name = "test" };

static int alone(const char *user, int sandbox)
{
	const struct spec spec = { .applet = &applet, .user = user, .sandbox = sandbox };

	memset(given_up, 0, sizeof(given_up));
	said_nothing();
	return alone_give_up(&spec);
}

static void all_of_it(void)
{
	CHECK_EQ(alone(NULL, SANDBOX_ON), 0);
	CHECK_TEXT(given_up, "ETP");
	CHECK_EQ(alone(NULL, SANDBOX_OFF), 0);
	CHECK_TEXT(given_up, "eTP");
	CHECK_EQ(said_nothing(), 0);
}

static void or_nothing(void)
{
	static const char *const parts[] = { "E", "ET", "ETP" };

	for (int i = 0; i < 3; i++) {
		errors[i] = -EPERM;
		CHECK_EQ(alone(NULL, SANDBOX_ON), -EPERM);
		CHECK_TEXT(given_up, parts[i]);
		CHECK(said("give up every right"));
		errors[i] = 0;
	}
	CHECK_EQ(alone("0", SANDBOX_ON), -EUSAGE);	/* root is no user to be */
	CHECK_TEXT(given_up, "");
}

TESTS(
	{ "every right is given up, in order", all_of_it },
	{ "whatever cannot be is told, and nothing more is tried", or_nothing }
)
