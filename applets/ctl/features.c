/* SPDX-License-Identifier: MIT */
/* features.c - the table of what this kernel offers */
#include "applets/ctl/ctl.h"
#include "core/driver.h"
#include "core/features.h"
#include "core/log.h"
#include "core/status.h"
#include "core/text.h"
#include "core/uapi.h"
#include "core/util.h"

static const struct { uint64_t flag; const char *use; } uses[] = {
	{ UBLK_F_SUPPORT_ZERO_COPY,	"files read into a request's own pages" },
	{ UBLK_F_NEED_GET_DATA,		"one copy per byte between request and memory" },
	{ UBLK_F_USER_RECOVERY,		"--recovery" },
	{ UBLK_F_USER_RECOVERY_REISSUE,	"--recovery=reissue" },
	{ UBLK_F_UNPRIVILEGED_DEV,	"disks of users without rights" },
	{ UBLK_F_CMD_IOCTL_ENCODE,	"how commands are encoded" },
	{ UBLK_F_USER_COPY,		"copying only what must be" },
	{ UBLK_F_USER_RECOVERY_FAIL_IO,	"--recovery=fail" },
	{ UBLK_F_AUTO_BUF_REG,		"a request's pages known without asking" },
	{ UBLK_F_QUIESCE,		"servers that answer what they have before they go" },
	{ UBLK_F_BATCH_IO,		"one command for many requests" },
	{ UBLK_F_SAFE_STOP_DEV,		"stopping only what nobody has open" },
	{ UBLK_F_NO_AUTO_PART_SCAN,	"--no-partscan" },
	{ UBLK_F_SHMEM_ZC,		"--shared-memory" },
};

static const char *use_of(const struct feature *f)
{
	for (size_t i = 0; i < ARRAY_SIZE(uses); i++)
		if (uses[i].flag == f->flag)
			return uses[i].use;
	return "-";
}

static void print_plain(uint64_t offered, bool known)
{
	if (!known)
		note("this kernel does not tell what it offers (Linux 6.5 does)");
	text_out("%-22s %-5s %-7s %s\n", "FEATURE", "SINCE", "OFFERED", "USED FOR");
	for (const struct feature *f = feature_table; f->name; f++) {
		bool has = offered & f->flag;

		text_out("%-22s %-5s %-7s %s%s\n", f->name, f->since, !known ? "?" : has ? "yes" : "no",
			 has || !f->without ? use_of(f) : "without: ", !has && f->without ? f->without : "");
	}
}

static void print_json(uint64_t offered, bool known)
{
	text_out("{\"features\": [");
	for (const struct feature *f = feature_table; f->name; f++)
		text_out("%s\n  {\"name\": \"%s\", \"since\": \"%s\", \"offered\": %s, \"used\": %s}",
			 f == feature_table ? "" : ",", f->name, f->since, !known ? "null" : offered & f->flag ? "true" : "false",
			 f->without ? "true" : "false");
	text_out("\n]}\n");
}

int ctl_features(const struct ctl *ctl)
{
	struct ctrl ctrl = { .fd = -1 };
	int err = driver_reach(&ctrl, ctl->dev_dir, true);

	if (err)
		return (int)status_of(err);
	if (ctl->json)
		print_json(ctrl.features, ctrl.features_known);
	else
		print_plain(ctrl.features, ctrl.features_known);
	ctrl_close(&ctrl);
	return STATUS_OK;
}
