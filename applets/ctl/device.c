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
#include "core/driver.h"
#include "core/file.h"
#include "core/log.h"
#include "core/name.h"
#include "core/proc.h"
#include "core/registry.h"
#include "core/text.h"
#include "core/util.h"

#define SERVICE_MANAGER 1		/* which keeps what a disk is made of when its keeper is gone, and its name with that */
#define YOUNG_S 5			/* a device that nobody has started yet may still be about to be */

static int parse(const char *text, uint32_t *id)
{
	uint64_t number;

	if (!strncmp(text, "ublkb", 5) || !strncmp(text, "ublkc", 5))
		text += 5;
	if (text_is_number(text, &number) || number >= UINT32_MAX)
		return -EINVAL;
	*id = (uint32_t)number;
	return 0;
}

bool found_exists(uint32_t id)
{
	char path[64];

	text_format(path, sizeof(path), REGISTRY "/ublkc%" PRIu32, id);
	return access(path, F_OK) == 0;
}

struct ctrl_device found_target(const struct found *device)
{
	return (struct ctrl_device){
		.id = device->id,
		.path = device->told && device_is_unprivileged(&device->info) ? device->char_path : NULL,
	};
}

int found_explain_hang(const struct found *device, const char *command)
{
	int pid = device->info.ublksrv_pid;
	char name[PROC_NAME_MAX];
	struct holder holder;

	fail_plain(-ETIMEDOUT, "%s for device %" PRIu32 " has not returned after %d s", command, device->id, CTRL_LIMIT_MS / 1000);
	/* Not by opening it, which would wait for the same. */
	if (proc_find_holder(device->block_path, pid, &holder))
		note("it is open in process %d (%s)", (int)holder.pid, holder.name);
	if (proc_alive(pid)) {
		proc_name(pid, name);
		remedy("its server, process %d (%s), does not answer; 'ublk-ctl del --force %" PRIu32 "' kills it", pid, name, device->id);
	} else {
		remedy("its server is gone; the kernel log may tell what it waits for, and 'ublk-ctl check' whether this kernel "
		       "is known for it");
	}
	return -ETIMEDOUT;
}

int found_explain_refusal(const struct found *device)
{
	fail(device->error, "ask the driver about device %" PRIu32, device->id);
	if (device->error == -EPERM || device->error == -EACCES)
		remedy("root may, and the user who made it");
	return device->error;
}

/* The command is still in the kernel, and so is what sent it. */
static void start_over(struct ctrl *ctrl, const char *dev_dir, const struct found *device)
{
	found_explain_hang(device, ctrl_name(ctrl->pending));
	ctrl_close(ctrl);
	driver_try(ctrl, dev_dir);
}

void found_look(struct found *device, struct ctrl *ctrl, const char *dev_dir, uint32_t id)
{
	*device = (struct found){ .id = id, .error = -EACCES };
	text_format(device->char_path, DEVICE_PATH_MAX, "%s/ublkc%" PRIu32, dev_dir, id);
	text_format(device->block_path, DEVICE_PATH_MAX, "%s/ublkb%" PRIu32, dev_dir, id);
	if (!ctrl || ctrl->fd < 0)
		return;
	device->error = registry_ask(ctrl, id, device->char_path, &device->info);
	device->told = !device->error;
	if (device->told)
		device->has_params = ctrl_get_params(ctrl, found_target(device), &device->params) == 0 &&
				     device->params.types & UBLK_PARAM_TYPE_BASIC;
	if (ctrl->pending)
		start_over(ctrl, dev_dir, device);
}

/* How many there are, and into @ids up to @limit of them. */
static unsigned int list_ids(uint32_t *ids, unsigned int limit)
{
	struct file_listing listing;
	unsigned int count = 0;
	uint32_t id;

	if (registry_open(&listing) < 0)	/* the driver is not there, so nor are devices */
		return 0;
	while (registry_next(&listing, &id)) {
		if (count < limit)
			ids[count] = id;
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

/* --- the devices that words mean ------------------------------------------------------------ */

/* What udev makes is a link to the node, whatever it is called; @target keeps what it is linked to. */
static const char *node_name(const char *word, char *target, size_t limit)
{
	ssize_t n = strchr(word, '/') ? readlink(word, target, limit - 1) : -1;
	const char *slash;

	if (n > 0) {
		target[n] = '\0';
		word = target;
	}
	slash = strrchr(word, '/');
	return slash ? slash + 1 : word;
}

/* Root's devices go before those of users, and of these only one may have the name. */
static int find_named(struct ctrl *ctrl, const char *dev_dir, const char *word, uint32_t *id)
{
	struct found_list list = { 0 };
	char name[DEVICE_NAME_MAX];
	unsigned int users = 0;
	int err = collect_all(&list, ctrl, dev_dir);
	bool roots = false;

	for (unsigned int i = 0; i < list.count && !err && !roots; i++) {
		const struct found *device = &list.devices[i];

		if (!found_name(device, name) || strcmp(name, word))
			continue;
		roots = !device_is_unprivileged(&device->info);
		users += !roots;
		*id = device->id;
	}
	found_free(&list);
	if (err || roots || users == 1)
		return err;
	return users ? fail_plain(-EEXIST, "%u users have a device called %s: say its number", users, word) : -ENODEV;
}

int found_find(struct ctrl *ctrl, const char *dev_dir, const char *word, uint32_t *id)
{
	char target[DEVICE_PATH_MAX];
	const char *node = node_name(word, target, sizeof(target));
	bool is_node = !strchr(word, '/') || !strncmp(node, "ublk", 4);		/* no file called 3 is a device */

	if (is_node && parse(node, id) == 0)
		return found_exists(*id) ? 0 : -ENODEV;
	if (!name_is_valid(word))
		return fail_usage("'%s' is no device: a device is 3, ublkb3, /dev/ublkb3 or its name", word);
	return find_named(ctrl, dev_dir, word, id);
}

static void explain_missing(const struct ctrl *ctrl, const char *word)
{
	fail_plain(-ENODEV, "there is no device %s", word);
	if (name_is_valid(word) && driver_present() && (!ctrl || geteuid()))
		remedy("only root sees the names of everybody's devices; a number does as well");
}

int found_collect(struct found_list *list, struct ctrl *ctrl, const char *dev_dir, char *const *words, int count)
{
	int err = count ? make_room(list, (unsigned int)count) : collect_all(list, ctrl, dev_dir);

	for (int i = 0; i < count && (!err || err == -ENODEV); i++) {
		uint32_t id = 0;
		int missing = found_find(ctrl, dev_dir, words[i], &id);

		if (!missing)
			found_look(&list->devices[list->count++], ctrl, dev_dir, id);
		else
			err = missing;
		if (missing == -ENODEV)
			explain_missing(ctrl, words[i]);
	}
	return err;
}

void found_free(struct found_list *list)
{
	pages_free(list->devices, list->bytes);
}

int found_keeper(const struct found *device)
{
	return device->told ? registry_keeper(&device->info) : 0;
}

int found_take_stats(const struct found *device, struct stats *stats)
{
	int fd = proc_open_link(found_keeper(device), STATS_LINK), err;

	if (fd < 0)
		return fd;
	err = stats_take(stats, fd);
	close(fd);
	return err;
}

bool found_name(const struct found *device, char name[DEVICE_NAME_MAX])
{
	int keeper = found_keeper(device);

	if (!keeper)
		keeper = found_served_on(device) ? device->info.ublksrv_pid : SERVICE_MANAGER;
	return name_read(keeper, device->id, name);
}

static bool is_young(const struct found *device)
{
	struct stat st;

	return stat(device->char_path, &st) == 0 && time(NULL) - st.st_ctime < YOUNG_S;
}

/* Whoever serves it, or is about to, has its node open, and only one can. */
static bool is_held(const struct found *device)
{
	struct holder holder;
	int fd;

	if (proc_find_holder(device->char_path, 0, &holder))
		return true;
	if (!proc_in_namespace("pid"))
		return false;
	/* There are processes that we do not see: so be the one, for a moment. Who then wants it tries again. */
	fd = RETRY(open(device->char_path, O_RDWR | O_CLOEXEC));
	if (fd >= 0)
		close(fd);
	return fd < 0;
}

bool found_served_on(const struct found *device)
{
	int server = device->info.ublksrv_pid;

	return device->told && device_is_ours(device->info.ublksrv_flags) && !registry_is_elsewhere(&device->info) &&
	       !found_keeper(device) && device->info.flags & UBLK_F_USER_RECOVERY_REISSUE && proc_alive(server) &&
	       proc_has_mapped(server, device->char_path);
}

/* It will be served again when its unit is started again. */
static bool is_kept(const struct found *device)
{
	char name[DEVICE_NAME_MAX];

	return device->info.state != UBLK_S_DEV_DEAD && name_read(SERVICE_MANAGER, device->id, name);
}

bool found_orphaned(const struct found *device)
{
	if (!device->told || found_keeper(device) || found_served_on(device) || is_kept(device))
		return false;
	/* Without its keeper a server of ours ends, if it has not yet, and its device is lost in whatever state it is. */
	if (device_is_ours(device->info.ublksrv_flags) && !registry_is_elsewhere(&device->info))
		return true;
	return device->info.state == UBLK_S_DEV_DEAD && !is_young(device) && !is_held(device);
}

const struct applet *found_applet(const struct found *device)
{
	unsigned int number = device_applet(device->info.ublksrv_flags), i = 0;

	if (!device->told || !device_is_ours(device->info.ublksrv_flags))
		return NULL;
	while (applets[i] && applets[i]->number != number)
		i++;
	return applets[i];
}

const char *found_state(const struct found *device)
{
	static const char *const states[] = { "dead", "live", "quiesced", "fail-io" };

	if (!device->told)
		return access(device->block_path, F_OK) == 0 ? "live" : "dead";
	if (found_served_on(device) && device->info.state == UBLK_S_DEV_LIVE)
		return "orphaned";
	return device->info.state < ARRAY_SIZE(states) ? states[device->info.state] : "unknown";
}
