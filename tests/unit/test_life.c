/* SPDX-License-Identifier: MIT */
/* test_life.c - whole lives of disks of all kinds, on every kernel of the model's list */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/keeping.h"
#include "core/status.h"
#include "core/upgrade.h"
#include "core/util.h"
#include "tests/check.h"
#include "tests/unit/life.h"

#define REQUESTS 2000		/* of each queue, in one life */
#define DEATHS 5

/* --- claims ------------------------------------------------------------------------- */

static const char *const modes[] = { "--io=copy", "--io=get-data", "--io=user-copy", "--io=zero-copy", "--io=auto-buf", "--io=batch" };

/* What an option asks for that this kernel has not. */
static bool has_mode(const struct model_kernel *kernel, size_t mode)
{
	static const uint64_t takes[] = {
		0, 0, UBLK_F_USER_COPY, UBLK_F_SUPPORT_ZERO_COPY, UBLK_F_AUTO_BUF_REG, UBLK_F_BATCH_IO,
	};

	return (kernel->features & takes[mode]) == takes[mode];
}

/* Under load to its end. */
static void serve(const struct disk_kind *kind, const struct model_kernel *kernel, size_t mode)
{
	struct life life = life_of(kind, kernel);

	life.load = life_load(kind, REQUESTS, false);
	life_add_word(&life, modes[mode]);
	life_begin(&life);
	if (CHECK(life_is_ready(&life)))
		CHECK(load_wait(life.load));
	life_end_well(&life);
	life_check_load(&life, modes[mode]);
}

static void serve_everywhere(const struct disk_kind *kind)
{
	for EVERY_KERNEL(kernel)
		for (size_t mode = 0; mode < ARRAY_SIZE(modes); mode++)
			if (has_mode(kernel, mode))
				serve(kind, kernel, mode);
}

static void mem_everywhere(void) { serve_everywhere(&life_kinds[MEM]); }

/* On the newest, which can do all; what differs between kernels has been seen. */
static void others_in_all_modes(void)
{
	for (size_t kind = 1; kind < ARRAY_SIZE(life_kinds); kind++)
		for (size_t mode = 0; mode < ARRAY_SIZE(modes); mode++)
			serve(&life_kinds[kind], NEWEST, mode);
}

/* --- death -------------------------------------------------------------------------- */

static const uint64_t recovery_takes[] = {
	UBLK_F_USER_RECOVERY | UBLK_F_USER_RECOVERY_REISSUE, UBLK_F_USER_RECOVERY, UBLK_F_USER_RECOVERY | UBLK_F_USER_RECOVERY_FAIL_IO,
};
static const char *const recoveries_words[] = { "--recovery=reissue", "--recovery=requeue", "--recovery=fail" };

static bool may_recover(const struct model_kernel *kernel, size_t way, size_t mode)
{
	if ((kernel->features & recovery_takes[way]) != recovery_takes[way] || !has_mode(kernel, mode))
		return false;
	return mode != 1 || kernel->features & UBLK_F_QUIESCE;	/* get-data loses reads before */
}

/* In batches it could only be had with errors. */
static bool may_be_quiesced(const struct model_kernel *kernel, size_t mode)
{
	return kernel->features & UBLK_F_QUIESCE && strcmp(modes[mode], "--io=batch");
}

/* Its servers begin to, so often, and then there is one that goes on. */
static bool has_died(unsigned int deaths)
{
	model_is_deadly();
	return COMES(model_deaths() >= deaths) && model_is_served();
}

static void end_load(struct life *life)
{
	load_end(life->load);
	CHECK(load_wait(life->load));
}

/* Killed at any entry into the kernel, again and again. */
static void die_and_follow(const struct disk_kind *kind, const struct model_kernel *kernel, size_t way, size_t mode)
{
	struct life life = life_of(kind, kernel);

	life.model.mortality = 400;
	life.model.deaths = DEATHS;
	life.model.release = 2;
	life.load = life_load(kind, 0, way);
	life_add_word(&life, modes[mode]);
	life_add_word(&life, recoveries_words[way]);
	life_begin(&life);
	if (CHECK(life_is_ready(&life)) && CHECK(has_died(DEATHS)))
		end_load(&life);
	life_end_well(&life);
	CHECK_EQ(model_sent(UBLK_CMD_END_USER_RECOVERY), DEATHS);
	life_check_load(&life, modes[mode]);
}

static void followed_everywhere(void)
{
	for EVERY_KERNEL(kernel)
		for (size_t way = 0; way < ARRAY_SIZE(recovery_takes); way++)
			for (size_t mode = 0; mode < ARRAY_SIZE(modes); mode++)
				if (may_recover(kernel, way, mode) && (!way || mode == 2))
					die_and_follow(&life_kinds[MEM], kernel, way, mode);
}

static void others_followed(void)
{
	for (size_t kind = 1; kind < ARRAY_SIZE(life_kinds); kind++)
		if (kind != OVER_FILE)		/* what was written lies in its server's memory */
			for (size_t mode = 0; mode < ARRAY_SIZE(modes); mode += 2)
				die_and_follow(&life_kinds[kind], NEWEST, 0, mode);
}

/* Wherever it is, also in the middle of its own work. */
static void killed_from_outside(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(life_kinds); i++) {
		struct life life = life_of(&life_kinds[i], NEWEST);
		unsigned int killed = 0;

		if (i == OVER_FILE)
			continue;
		life.load = life_load(&life_kinds[i], 0, false);
		life_add_word(&life, "--supervise");
		life_begin(&life);
		if (CHECK(life_is_ready(&life)))
			while (killed < DEATHS && CHECK(model_is_served()))
				killed += model_kill_server(SIGKILL);
		CHECK(model_is_served());
		CHECK_EQ(model_deaths(), DEATHS);
		end_load(&life);
		life_end_well(&life);
		life_check_load(&life, life_kinds[i].name);
	}
}

static void not_followed(void)
{
	for EVERY_KERNEL(kernel) {
		struct life life = life_of(&life_kinds[MEM], kernel);

		life.load = life_load(&life_kinds[MEM], 0, true);
		life.model.mortality = 400;
		life.model.deaths = 1;
		life_begin(&life);
		CHECK(life_is_ready(&life));
		model_is_deadly();
		CHECK_EQ(life_end(&life), STATUS_FAILED);
		CHECK(life_told("died of signal 9") && !model_is_added());
		CHECK_EQ(model_deaths(), 1);
		model_close();
		life_check_load(&life, "not followed");
	}
}

/* A disk that crashes each of its servers is given up. */
static void crashes_again_and_again(void)
{
	struct life life = life_of(&life_kinds[MEM], NEWEST);

	life.load = life_load(&life_kinds[MEM], 0, true);
	life.model.mortality = 10;
	life.model.deaths = 100;
	life.model.death_signal = SIGTRAP;
	life_add_word(&life, "--supervise");
	life_begin(&life);
	CHECK(life_is_ready(&life));
	model_is_deadly();
	CHECK_EQ(life_end(&life), STATUS_FAILED);
	CHECK(life_told("giving up: every server of this disk dies") && !model_is_added());
	CHECK(model_deaths() >= 5 && model_deaths() < 10);
	model_close();
	life_check_load(&life, "crashing");
}

/* --- signals, commands of others ------------------------------------------------------- */

static void stopped_by_somebody_else(void)
{
	for EVERY_KERNEL(kernel) {
		struct life life = life_of(&life_kinds[MEM], kernel);

		life_begin(&life);
		CHECK(life_is_ready(&life));
		model_stop();
		CHECK_EQ(life_end(&life), 0);
		CHECK(!model_is_added());
		model_close();
	}
}

/* The first signal waits for the last user, the second does not. */
static void in_use(void)
{
	struct life life = life_of(&life_kinds[MEM], NEWEST);

	life.model.in_use = true;
	life_begin(&life);
	CHECK(life_is_ready(&life));
	life_tell(&life, SIGTERM);
	CHECK(COMES(model_sent(UBLK_CMD_TRY_STOP_DEV)));
	CHECK_EQ(model_state(), UBLK_S_DEV_LIVE);
	life_end_well(&life);
	CHECK(life_told("is in use (open)"));
}

/* It is stopped when nothing is under way any more, and what was has been answered. */
static void stopped_under_load(void)
{
	for EVERY_KERNEL(kernel) {
		struct life life = life_of(&life_kinds[ON_FILE], kernel);

		life.load = life_load(&life_kinds[ON_FILE], 0, true);
		life_begin(&life);
		CHECK(life_is_ready(&life));
		life_end_well(&life);
		CHECK_EQ(model_deaths(), 1);
		life_check_load(&life, "stopped under load");
	}
}

/* A server that hangs does not keep it from ending. */
static void hangs_at_the_end(void)
{
	struct life life = life_of(&life_kinds[MEM], &model_kernels[2]);

	life_add_word(&life, "--stop-timeout=1");
	life_begin(&life);
	CHECK(life_is_ready(&life));
	CHECK(model_freeze_server());
	life_tell(&life, SIGTERM);
	life_end(&life);
	CHECK(life_told("killing the server process") && !model_is_added());
	model_close();
}

/* Without it there is nobody to take the disk away. */
static void keeper_dies(void)
{
	struct life life = life_of(&life_kinds[MEM], NEWEST);

	life_begin(&life);
	CHECK(life_is_ready(&life));
	model_kill(life.keeper, SIGKILL);
	CHECK(COMES(model_deaths()));
	CHECK_EQ(life_end(&life), -1);
	model_close();
}

static void with_a_command(void)
{
	struct life life = life_of(&life_kinds[NULL_DISK], NEWEST);

	life_add_word(&life, "--");
	life_add_word(&life, "sh");
	life_add_word(&life, "-c");
	life_add_word(&life, "test -e \"$UBLK_DEV\" && exit 42");
	life_begin(&life);
	CHECK_EQ(life_end(&life), 42);
	CHECK(!model_is_added());
	model_close();
}

static void without_rights(void)
{
	for EVERY_KERNEL(kernel) {
		struct life life = life_of(&life_kinds[MEM], kernel);

		if (!(kernel->features & UBLK_F_UNPRIVILEGED_DEV))
			continue;
		life.model.without_rights = true;
		life.load = life_load(&life_kinds[MEM], REQUESTS, false);
		life_begin(&life);
		if (CHECK(life_is_ready(&life)))
			CHECK(load_wait(life.load));
		life_end_well(&life);
		life_check_load(&life, "without rights");
	}
}

/* --- what can be asked for ---------------------------------------------------------- */

static void all_that_can_be_asked_for(void)
{
	static char pid[80], ready[] = "--ready-fd=1", save[80];
	static const char *const lives[][6] = {
		{ "mem", "4M", "-vv", "--name=a.life", "--stats=1", pid },
		{ "mem", "4M", "--quiet", "--cpu-affinity=0", "--mlock", "--oom-score-adj=5" },
		{ "mem", "4M", ready, "--no-partscan", "--sector-size=4096", "--read-only" },
		{ "mem", "4M", "--populate", "--cpu-affinity=none", "--poll=5", save },
		{ "mem", "--verbose", "--stats", "--io=get-data", "--limit=1M", "8M" },
		{ "null", "1T", "-v", "--recovery=fail", "--stats=0", "--autoclear" },
		{ "file", life_image, "--direct-io=off", "--discard=ignore", "-vv", "--share" },
		{ "file", life_image, "--read-only", "--offset=1M", "--sizelimit=1M", "-v" },
		{ "zip", life_archive, "-vv", "--stats=1", "--verify", "--max-entries=5" },
		{ "zip", life_archive, "--member=a", "--index=wait", "-v", "--workers=1" },
	};

	snprintf(pid, sizeof(pid), "--pidfile=%s/pid", life_dir);
	snprintf(save, sizeof(save), "--save=%s/saved", life_dir);
	for (size_t i = 0; i < ARRAY_SIZE(lives); i++) {
		struct life life = life_of(&life_kinds[NULL_DISK], NEWEST);
		char path[80];

		for (size_t word = 0; word < ARRAY_SIZE(lives[i]); word++)
			life.words[word] = lives[i][word];
		life.model.spin_us = i == 3 ? 5 : 0;
		life_begin(&life);
		if (!CHECK(life_is_ready(&life)))
			printf("#   ublk-%s %s\n", lives[i][0], lives[i][1]);
		life_tell(&life, SIGUSR1);
		life_end_well(&life);
		snprintf(path, sizeof(path), "%s/saved", life_dir);
		CHECK_EQ(unlink(path) == 0, i == 3);
		snprintf(path, sizeof(path), "%s/pid", life_dir);
		CHECK(unlink(path) < 0);		/* it went with the disk */
	}
}

/* What it refuses before there is anything, and how it ends then. */
static void what_cannot_be(void)
{
	static const struct { const char *words[3]; int status; } refused[] = {
		{ { "mem" }, STATUS_USAGE },
		{ { "mem", "0" }, STATUS_USAGE },
		{ { "mem", "4M", "--image=/nowhere/at/all" }, STATUS_FAILED },
		{ { "mem", "4M", "--save=/nowhere/at/all" }, STATUS_FAILED },
		{ { "file", "/nowhere/at/all" }, STATUS_FAILED },
		{ { "file", "/" }, STATUS_FAILED },
		{ { "zip", life_image }, STATUS_FAILED },
		{ { "zip", life_archive, "--member=b" }, STATUS_FAILED },
		{ { "null", "4M", "--pidfile=/nowhere/at/all" }, STATUS_FAILED },
		{ { "null", "4M", "--shared-memory=/nowhere" }, STATUS_FAILED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct life life = life_of(&life_kinds[NULL_DISK], NEWEST);
		int status;

		memset(life.words, 0, sizeof(life.words));
		for (size_t word = 0; word < ARRAY_SIZE(refused[i].words); word++)
			life.words[word] = refused[i].words[word];
		life_begin(&life);
		CHECK(!life_is_ready(&life));
		status = life_end(&life);
		if (!CHECK(refused[i].status == STATUS_USAGE ? status == STATUS_USAGE : status != 0))
			printf("#   row %zu: %d\n", i, status);
		CHECK(!model_is_added());
		model_close();
	}
}

/* --- commands that fail ---------------------------------------------------------------- */

static void every_command_fails(void)
{
	static const enum ublk_cmd sent[] = {
		UBLK_CMD_ADD_DEV, UBLK_CMD_SET_PARAMS, UBLK_CMD_START_DEV, UBLK_CMD_STOP_DEV, UBLK_CMD_GET_QUEUE_AFFINITY,
	};
	static const int errors[] = { EPERM, ENOENT, EINTR, EIO, ENOMEM, EACCES, EBUSY, EEXIST, ENODEV, EINVAL, ENOSPC, EOPNOTSUPP, ECANCELED };

	for (size_t i = 0; i < ARRAY_SIZE(sent) * ARRAY_SIZE(errors); i++) {
		struct life life = life_of(&life_kinds[MEM], &model_kernels[1]);
		enum ublk_cmd command = sent[i / ARRAY_SIZE(errors)];
		bool matters = command != UBLK_CMD_GET_QUEUE_AFFINITY && command != UBLK_CMD_STOP_DEV;
		int error = errors[i % ARRAY_SIZE(errors)];
		bool again = command == UBLK_CMD_START_DEV && error == EINTR;
		int status;

		life.model.refused.command = command;
		life.model.refused.error = -error;
		life.model.refused.times = again ? 3 : 0;
		if (command == UBLK_CMD_STOP_DEV) {	/* the server is waited for, and then killed */
			if (error != EIO && error != ENODEV)
				continue;
			life_add_word(&life, "--stop-timeout=1");
		}
		life_begin(&life);
		CHECK_EQ(life_is_ready(&life), !matters || again);
		life_tell(&life, SIGTERM);
		status = life_end(&life);
		if (!CHECK(matters && !again ? status != 0 : status == 0 || command == UBLK_CMD_STOP_DEV))
			printf("#   command %#x failed with %s: exit status %d\n", command, strerror(error), status);
		CHECK(!model_is_added());
		model_close();
	}
}

/* What it says of a device that it cannot delete, and ends all the same. */
static void cannot_be_deleted(void)
{
	struct life life = life_of(&life_kinds[MEM], NEWEST);

	life.model.refused.command = UBLK_CMD_DEL_DEV;
	life.model.refused.error = -EIO;
	life_begin(&life);
	CHECK(life_is_ready(&life));
	life_tell(&life, SIGTERM);
	life_end(&life);
	CHECK(life_told("it is left behind") || life_told("delete device"));
	model_close();
}

static void cannot_be_recovered(void)
{
	static const enum ublk_cmd fails[] = { UBLK_CMD_START_USER_RECOVERY, UBLK_CMD_END_USER_RECOVERY };

	for (size_t i = 0; i < ARRAY_SIZE(fails); i++) {
		struct life life = life_of(&life_kinds[MEM], NEWEST);

		life.load = life_load(&life_kinds[MEM], 0, true);
		life.model.refused.command = fails[i];
		life.model.refused.error = -EINVAL;
		life.model.mortality = 100;
		life.model.deaths = 1;
		life_add_word(&life, "--supervise");
		life_begin(&life);
		CHECK(life_is_ready(&life));
		model_is_deadly();
		CHECK_EQ(life_end(&life), STATUS_FAILED);
		CHECK(!model_is_added());
		model_close();
		life_check_load(&life, "cannot be recovered");
	}
}

/* --- quiesced ------------------------------------------------------------------------- */

static bool is_without_server(unsigned int deaths)
{
	return COMES(model_deaths() >= deaths) && model_deaths() == deaths &&
	       (model_state() == UBLK_S_DEV_QUIESCED || model_state() == UBLK_S_DEV_FAIL_IO);
}

/* Its keeper does it, and nobody else serves it before he is told to. */
static void pause_and_go_on(const struct model_kernel *kernel, size_t way, size_t mode)
{
	struct life life = life_of(&life_kinds[MEM], kernel);
	unsigned int times = may_be_quiesced(kernel, mode) ? DEATHS : 0;

	life.model.release = 2;
	life.load = life_load(&life_kinds[MEM], 0, way);	/* no /sys tells that all is answered: it is killed at once */
	life_add_word(&life, modes[mode]);
	life_add_word(&life, recoveries_words[way]);
	life_begin(&life);
	CHECK(life_is_ready(&life));
	if (!times)
		CHECK_EQ(life_ask(&life, QUIESCE_ASKER), EOPNOTSUPP);
	for (unsigned int i = 1; i <= times; i++) {
		CHECK_EQ(life_ask(&life, QUIESCE_ASKER), 0);
		CHECK(is_without_server(i));
		CHECK_EQ(life_ask(&life, QUIESCE_ASKER), 0);
		CHECK_EQ(model_sent(UBLK_CMD_END_USER_RECOVERY), i - 1);
		CHECK_EQ(life_ask(&life, RECOVER_ASKER), 0);
		CHECK_EQ(model_state(), UBLK_S_DEV_LIVE);
	}
	CHECK_EQ(life_ask(&life, RECOVER_ASKER), 0);
	CHECK_EQ(model_sent(UBLK_CMD_END_USER_RECOVERY), times);
	end_load(&life);
	life_end_well(&life);
	life_check_load(&life, modes[mode]);
}

static void quiesced(void)
{
	for EVERY_KERNEL(kernel)
		for (size_t way = 0; way < ARRAY_SIZE(recovery_takes); way++)
			for (size_t mode = 0; mode < ARRAY_SIZE(modes); mode++)
				if (may_recover(kernel, way, mode) && (!way || mode == 2))
					pause_and_go_on(kernel, way, mode);
}

/* By the driver's command, which the keeper knows nothing of: all is answered, and so nothing fails. */
static void quiesced_by_somebody_else(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(life_kinds) * ARRAY_SIZE(modes); i++) {
		const struct disk_kind *kind = &life_kinds[i / ARRAY_SIZE(modes)];
		struct life life = life_of(kind, NEWEST);

		if (kind == &life_kinds[OVER_FILE] || !may_be_quiesced(NEWEST, i % ARRAY_SIZE(modes)))
			continue;
		life.load = life_load(kind, 0, false);
		life_add_word(&life, modes[i % ARRAY_SIZE(modes)]);
		life_add_word(&life, "--recovery=requeue");
		life_begin(&life);
		CHECK(life_is_ready(&life));
		for (unsigned int n = 1; n <= DEATHS; n++) {
			CHECK(COMES(model_quiesce()));	/* queues without an idle tag are not told */
			CHECK(is_without_server(n));
			CHECK_EQ(life_ask(&life, RECOVER_ASKER), 0);
			CHECK(model_is_served());
		}
		CHECK(model_is_added() && !life_told("died"));
		end_load(&life);
		life_end_well(&life);
		life_check_load(&life, modes[i % ARRAY_SIZE(modes)]);
	}
}

/* Whoever wants it to end has it end, as if nothing had been. */
static void quiesced_and_stopped(void)
{
	struct life life = life_of(&life_kinds[MEM], NEWEST);

	life_add_word(&life, "--supervise");
	life_begin(&life);
	CHECK(life_is_ready(&life));
	CHECK(model_quiesce());
	CHECK(is_without_server(1));
	life_end_well(&life);
	CHECK_EQ(model_deaths(), 2);
}

/* A successor that dies before it has all tags: those kernels that crash of it are not told of another. */
static void successor_dies_early(void)
{
	for EVERY_KERNEL(kernel) {
		struct life life = life_of(&life_kinds[MEM], kernel);

		if (!kernel->features)
			continue;
		life.load = life_load(&life_kinds[MEM], 0, true);
		life.model.mortality = 100;
		life.model.deaths = 1;
		life.model.stillborn = kernel->dies_fetching == RETRIES ? 2 : 1;
		life_add_word(&life, "--supervise");
		life_begin(&life);
		CHECK(life_is_ready(&life));
		if (kernel->dies_fetching == RETRIES) {
			CHECK(has_died(3));
			end_load(&life);
			life_end_well(&life);
		} else {
			model_is_deadly();
			CHECK_EQ(life_end(&life), STATUS_FAILED);
			CHECK_EQ(model_deaths(), 2);
			model_close();
		}
		life_check_load(&life, "stillborn");
	}
}

int main(void)
{
	static const struct test tests[] = {
		{ "a disk in memory, on every kernel, in every mode", mem_everywhere },
		{ "disks that keep nothing, of files, and of a member of an archive, in every mode", others_in_all_modes },
		{ "servers die at any point and others follow, on every kernel, in every mode", followed_everywhere },
		{ "so do those of other disks", others_followed },
		{ "and those that are killed wherever they are", killed_from_outside },
		{ "a disk without another server goes when its server dies", not_followed },
		{ "a disk that crashes all its servers is given up", crashes_again_and_again },
		{ "a successor that dies half-way is followed where the kernel survives that", successor_dies_early },
		{ "a disk that cannot be recovered goes", cannot_be_recovered },
		{ "a disk is quiesced and recovered, on every kernel that can, in every mode", quiesced },
		{ "so is one that somebody else quiesces, and no request fails", quiesced_by_somebody_else },
		{ "a disk that is quiesced ends well", quiesced_and_stopped },
		{ "a disk that somebody else stops ends well", stopped_by_somebody_else },
		{ "a disk in use goes at the second signal", in_use },
		{ "a disk is stopped under load", stopped_under_load },
		{ "a server that hangs is killed at the end", hangs_at_the_end },
		{ "a server does not outlive its keeper", keeper_dies },
		{ "a command's exit status is that of the disk", with_a_command },
		{ "users without rights have their disks", without_rights },
		{ "disks with options of all kinds live and end", all_that_can_be_asked_for },
		{ "what cannot be is refused, and nothing is left", what_cannot_be },
		{ "whatever command fails, nothing is left", every_command_fails },
		{ "a disk that cannot be deleted is told of", cannot_be_deleted },
	};
	int result;

	life_make_place();
	result = check_main(tests, ARRAY_SIZE(tests));
	life_leave_place();
	return result;
}
