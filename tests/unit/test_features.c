/* SPDX-License-Identifier: MIT */
/* test_features.c - each feature of the driver that is asked for has its use, and words for when it is not there */
#include "tests/check.h"

#include "applets/ctl/features.c"

/* The driver of who asks for a table. */
int driver_reach(struct ctrl *ctrl, const char *dev_dir, bool modprobe)
{
	(void)dev_dir;
	(void)modprobe;
	*ctrl = (struct ctrl){ .fd = -1 };
	return 0;
}

void ctrl_close(struct ctrl *ctrl) { (void)ctrl; }

static void uses_and_lacks(void)
{
	unsigned int used = 0;

	for (const struct feature *f = feature_table; f->name; f++) {
		bool has = strcmp(use_of(f), "-");

		CHECK_EQ(has, f->without != NULL);
		used += has;
	}
	CHECK_EQ(used, ARRAY_SIZE(uses));
}

static bool is_explained(uint64_t flags)
{
	for (const struct feature *f = feature_table; f->name; f++)
		if (flags & f->flag && !f->without)
			return false;
	return true;
}

static void asked_is_explained(void)
{
	static char shared[] = "/dev/shm/some";
	const struct backend backend = { .mostly = IN_FILE };
	const struct applet applet = { .name = "test", .backend = &backend };

	for (unsigned int i = 0; i < IO_MODES * 4 * 8; i++) {
		struct features features = { .offered = (1ULL << 21) - 1, .offered_known = true };
		struct spec spec;

		spec_init(&spec, &applet);
		spec.io_mode = (int)(i % IO_MODES);
		spec.recovery = (int)(i / IO_MODES % 4);
		spec.partscan = i / IO_MODES / 4 & 1;
		spec.shared_memory = i / IO_MODES / 4 & 2 ? shared : NULL;
		features_ask(&features, &spec, i / IO_MODES / 4 & 4);
		CHECK(features.asked && is_explained(features.asked));
	}
}

TESTS(
	{ "what is used has a use, and words for when it is not there; the rest has neither", uses_and_lacks },
	{ "whatever is asked for could be told of if it is refused", asked_is_explained },
)
