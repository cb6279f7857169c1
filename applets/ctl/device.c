/* SPDX-License-Identifier: MIT */
/* device.c - finding devices */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "applets/ctl/device.h"
#include "core/applet.h"
#include "core/file.h"
#include "core/log.h"
#include "core/proc.h"
#include "core/text.h"
#include "core/util.h"

#define SYSFS "/sys/class/ublk-char"	/* every device that was added, started or not */
#define PREFIX "ublkc"
#define YOUNG_S 5			/* a device that nobody has started yet may still be about to be */

int found_parse(const char *text, uint32_t *id)
{
	const char *base = strrchr(text, '/');
	uint64_t number;

	base = base ? base + 1 : text;
	if (!strncmp(base, "ublkb", 5) || !strncmp(base, PREFIX, 5))
		base += 5;
	if (text_is_number(base, &number) || number >= UINT32_MAX)
		return fail_usage("'%s' is no device: a device is 3, ublkb3 or /dev/ublkb3", text);
	*id = (uint32_t)number;
	return 0;
}

bool found_exists(uint32_t id)
{
	char path[64];

	text_format(path, sizeof(path), SYSFS "/" PREFIX "%" PRIu32, id);
	return access(path, F_OK) == 0;
}

struct ctrl_device found_target(const struct found *device)
{
	return (struct ctrl_device){
		.id = device->id,
		.path = device->told && device_is_unprivileged(&device->info) ? device->char_path : NULL,
	};
}

/* With its path every device answers its owner and root; without, where there is no node or the kernel is old, root. */
static int ask(struct found *device, struct ctrl *ctrl)
{
	struct ctrl_device target = { .id = device->id, .path = device->char_path };
	int err = ctrl_get_info(ctrl, target, &device->info);

	if (err && err != -ENODEV && err != -EACCES) {
		int second;

		target.path = NULL;
		second = ctrl_get_info(ctrl, target, &device->info);
		err = second == -EINVAL ? err : second;	/* an unprivileged device wants the path: the first error counts */
	}
	return err;
}

void found_look(struct found *device, struct ctrl *ctrl, const char *dev_dir, uint32_t id)
{
	*device = (struct found){ .id = id, .error = -EACCES };
	text_format(device->char_path, DEVICE_PATH_MAX, "%s/ublkc%" PRIu32, dev_dir, id);
	text_format(device->block_path, DEVICE_PATH_MAX, "%s/ublkb%" PRIu32, dev_dir, id);
	if (!ctrl)
		return;
	device->error = ask(device, ctrl);
	device->told = !device->error;
	if (device->told)
		device->has_params = ctrl_get_params(ctrl, found_target(device), &device->params) == 0 &&
				     device->params.types & UBLK_PARAM_TYPE_BASIC;
}

/* How many there are, and into @ids up to @limit of them. */
static unsigned int list_ids(uint32_t *ids, unsigned int limit)
{
	struct file_listing listing;
	unsigned int count = 0;
	const char *entry;
	uint64_t id;

	if (file_listing_open(&listing, AT_FDCWD, SYSFS) < 0)	/* the driver is not there, so nor are devices */
		return 0;
	while ((entry = file_listing_next(&listing))) {
		if (strncmp(entry, PREFIX, 5) || text_is_number(entry + 5, &id))
			continue;
		if (count < limit)
			ids[count] = (uint32_t)id;
		count++;
	}
	file_listing_close(&listing);
	return count;
}

static void sort_ids(uint32_t *ids, unsigned int count)
{
	for (unsigned int i = 1; i < count; i++)	/* sysfs has them nearly sorted, and they are few */
		for (unsigned int j = i; j && ids[j - 1] > ids[j]; j--) {
			uint32_t swap = ids[j];

			ids[j] = ids[j - 1];
			ids[j - 1] = swap;
		}
}

static int make_room(struct found_list *list, unsigned int count)
{
	*list = (struct found_list){ .bytes = (count + 1) * sizeof(struct found) };
	list->devices = pages_get(list->bytes);
	return list->devices ? 0 : fail(-ENOMEM, "list %u devices", count);
}

static int collect_all(struct found_list *list, struct ctrl *ctrl, const char *dev_dir)
{
	unsigned int limit = list_ids(NULL, 0);
	size_t bytes = (limit + 1) * sizeof(uint32_t);
	uint32_t *ids = pages_get(bytes);
	int err = ids ? make_room(list, limit) : fail(-ENOMEM, "list %u devices", limit);

	if (!err) {
		list->count = (unsigned int)min_u64(list_ids(ids, limit), limit);
		sort_ids(ids, list->count);
		for (unsigned int i = 0; i < list->count; i++)
			found_look(&list->devices[i], ctrl, dev_dir, ids[i]);
	}
	pages_free(ids, bytes);
	return err;
}

int found_collect(struct found_list *list, struct ctrl *ctrl, const char *dev_dir, char *const *words, int count)
{
	int err = count ? make_room(list, (unsigned int)count) : collect_all(list, ctrl, dev_dir);

	for (int i = 0; i < count && (!err || err == -ENODEV); i++) {
		uint32_t id = 0;
		int bad = found_parse(words[i], &id);

		if (bad)
			return bad;
		if (found_exists(id))
			found_look(&list->devices[list->count++], ctrl, dev_dir, id);
		else
			err = fail_plain(-ENODEV, "there is no device %" PRIu32, id);
	}
	return err;
}

void found_free(struct found_list *list)
{
	pages_free(list->devices, list->bytes);
}

/* Made in another pid namespace: its numbers say nothing here. */
static bool is_elsewhere(const struct found *device)
{
	return device_space(device->info.ublksrv_flags) != proc_pid_space(DEVICE_SPACE_BITS);
}

int found_keeper(const struct found *device)
{
	char name[PROC_NAME_MAX];
	int pid = device_keeper(device->info.ublksrv_flags);

	if (!device->told || !device_is_ours(device->info.ublksrv_flags) || is_elsewhere(device) || !proc_alive(pid))
		return 0;
	proc_name(pid, name);
	return strncmp(name, "ublk", 4) ? 0 : pid;	/* the number may have been given to somebody else */
}

static bool is_young(const struct found *device)
{
	struct stat st;

	return stat(device->char_path, &st) == 0 && time(NULL) - st.st_ctime < YOUNG_S;
}

bool found_orphaned(const struct found *device)
{
	struct holder holder;

	if (!device->told || found_keeper(device))
		return false;
	/* Without its keeper a server of ours ends, if it has not yet, and its device is lost in whatever state it is. */
	if (device_is_ours(device->info.ublksrv_flags) && !is_elsewhere(device))
		return true;
	return device->info.state == UBLK_S_DEV_DEAD && !is_young(device) &&
	       !proc_find_holder(device->char_path, 0, &holder);
}

const struct applet *found_applet(const struct found *device)
{
	unsigned int number = device_applet(device->info.ublksrv_flags), i = 0;

	if (!device->told || !device_is_ours(device->info.ublksrv_flags))
		return NULL;
	while (applets[i] && i < number)
		i++;
	return applets[i];
}

const char *found_state(const struct found *device)
{
	static const char *const states[] = { "dead", "live", "quiesced", "fail-io" };

	if (!device->told)
		return access(device->block_path, F_OK) == 0 ? "live" : "dead";
	return device->info.state < ARRAY_SIZE(states) ? states[device->info.state] : "unknown";
}
