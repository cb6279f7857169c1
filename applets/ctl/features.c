/* SPDX-License-Identifier: MIT */
/* features.c - the table of what this kernel offers */
#include "applets/ctl/ctl.h"
#include "core/driver.h"
#include "core/features.h"
#include "core/log.h"
#include "core/status.h"
#include "core/text.h"

static void print_plain(uint64_t offered, bool known)
{
	if (!known)
		note("this kernel does not tell what it offers (Linux 6.5 does)");
	text_out("%-22s %-5s %-7s %s\n", "FEATURE", "SINCE", "OFFERED", "USED FOR");
	for (const struct feature *f = feature_table; f->name; f++) {
		bool has = offered & f->flag;

		text_out("%-22s %-5s %-7s %s%s\n", f->name, f->since, !known ? "?" : has ? "yes" : "no",
			 !*f->use ? "-" : has ? f->use : "without: ", *f->use && !has ? f->without : "");
	}
}

static void print_json(uint64_t offered, bool known)
{
	text_out("{\"features\": [");
	for (const struct feature *f = feature_table; f->name; f++)
		text_out("%s\n  {\"name\": \"%s\", \"since\": \"%s\", \"offered\": %s, \"used\": %s}",
			 f == feature_table ? "" : ",", f->name, f->since, !known ? "null" : offered & f->flag ? "true" : "false",
			 *f->use ? "true" : "false");
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
