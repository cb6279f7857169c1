/* SPDX-License-Identifier: MIT */
/* test_step.c - teardown is the list read backwards */
#include <errno.h>

#include "core/step.h"
#include "tests/check.h"

/* What happened, in order: capitals up, small letters down. */
struct life {
	char trail[20];
	char failing;		/* the step that does not work */
};

static int up(struct life *life, char name)
{
	strncat(life->trail, &name, 1);
	return name == life->failing ? -EXDEV : 0;
}

static void down(struct life *life, char name)
{
	name |= 0x20;
	strncat(life->trail, &name, 1);
}

static int a_up(void *self) { return up(self, 'A'); }
static int b_up(void *self) { return up(self, 'B'); }
static int c_up(void *self) { return up(self, 'C'); }
static int d_up(void *self) { return up(self, 'D'); }
static void a_down(void *self) { down(self, 'A'); }
static void b_down(void *self) { down(self, 'B'); }
static void d_down(void *self) { down(self, 'D'); }

static const struct step steps[] = {
	{ "a", a_up, a_down },
	{ "b", b_up, b_down },
	{ "c", c_up, NULL },
	{ "d", d_up, d_down },
	{ NULL, NULL, NULL }
};

static void each_failure_is_undone(void)
{
	static const struct { char failing; const char *trail; } table[] = {
		{ 'A', "Aa" }, { 'B', "ABba" }, { 'C', "ABCba" }, { 'D', "ABCDdba" }, { 0, "ABCDdba" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct life life = { .failing = table[i].failing };
		int reached = -7;

		CHECK_EQ(steps_up(steps, &life, &reached), table[i].failing ? -EXDEV : 0);
		steps_down(steps, &life, reached);
		CHECK_TEXT(life.trail, table[i].trail);
	}
}

static void nothing_reached_nothing_undone(void)
{
	struct life life = { 0 };

	steps_down(steps, &life, -1);
	CHECK_TEXT(life.trail, "");
}

TESTS(
	{ "a failure at any step is undone backwards, the step that failed included", each_failure_is_undone },
	{ "where nothing was done nothing is undone", nothing_reached_nothing_undone },
)
