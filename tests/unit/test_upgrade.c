/* SPDX-License-Identifier: MIT */
/* test_upgrade.c - keepers that go on as the program that this is, on every kernel of the model's list */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "core/status.h"
#include "core/upgrade.h"
#include "core/util.h"
#include "tests/check.h"
#include "tests/unit/life.h"

#define UPGRADES 3

static bool can_be(const struct model_kernel *kernel)
{
	return kernel->features & UBLK_F_USER_RECOVERY_REISSUE;
}

/* No request fails, and each time another server has the disk. */
static void upgrade(const struct disk_kind *kind, const struct model_kernel *kernel)
{
	struct life life = life_of(kind, kernel);

	life.load = life_load(kind, 0, false);
	life_add_word(&life, "--recovery=reissue");
	life_begin(&life);
	CHECK(life_is_ready(&life));
	for (unsigned int i = 1; i <= UPGRADES; i++) {
		CHECK_EQ(life_ask(&life, UPGRADE_ASKER), 0);
		CHECK_EQ(model_deaths(), i);
		CHECK(model_is_served());
	}
	load_end(life.load);
	CHECK(load_wait(life.load));
	life_end_well(&life);
	life_check_load(&life, kind->name);
}

static void upgraded(void)
{
	for EVERY_KERNEL(kernel)
		if (can_be(kernel))
			upgrade(&life_kinds[MEM], kernel);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "a disk goes on as another program, on every kernel that can", upgraded },
	};
	int result;

	life_go_on(argc, argv);
	life_make_place();
	result = check_main(tests, ARRAY_SIZE(tests));
	life_leave_place();
	return result;
}
