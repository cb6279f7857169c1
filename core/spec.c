/* SPDX-License-Identifier: MIT */
/* spec.c - the options that every disk has */
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "core/affinity.h"
#include "core/log.h"
#include "core/resident.h"
#include "core/name.h"
#include "core/spec.h"
#include "core/uapi.h"
#include "core/util.h"

#define ID_MAX ((1U << 20) - 1)		/* the driver's UBLK_MAX_UBLKS is the number of minors */
#define MAX_IO_MIN 4096
#define MAX_IO_MAX (32U << 20)		/* UBLK_IO_BUF_BITS is 25 */

static const char *const io_modes[] = { "auto", "copy", "get-data", "user-copy", "zero-copy", "auto-buf", "batch", NULL };
static const char *const recoveries[] = { "off", "reissue", "requeue", "fail", NULL };
static const char *const sandboxes[] = { "on", "off", NULL };
static const char *const log_targets[] = { "stderr", "syslog", "kmsg", NULL };

const struct opt spec_opts[] = {
	OPT_U32('n', "id", struct spec, id, 0, ID_MAX, "number of the device, /dev/ublkbN; else the kernel chooses"),
	OPT_TEXT('N', "name", struct spec, name, "NAME", "what ublk-ctl, and udev in /dev/disk/by-ublk, call the disk"),
	OPT_FLAG('r', "read-only", struct spec, read_only, "refuse writes"),
	OPT_SIZE('b', "sector-size", struct spec, sector_size, "logical block size, 512 to 4096; else 512, or what suits the device behind a file"),
	OPT_U32('q', "queues", struct spec, queues, 1, UBLK_MAX_NR_QUEUES, "queues, each with a thread; else one per CPU, up to 4"),
	OPT_U32('d', "depth", struct spec, depth, 1, UBLK_MAX_QUEUE_DEPTH, "requests in flight per queue"),
	OPT_U32(0, "qdepth", struct spec, depth, 1, UBLK_MAX_QUEUE_DEPTH, "the same as --depth"),
	OPT_SIZE(0, "max-io", struct spec, max_io, "largest single request; else 1M, or 128K with --io=copy"),
	OPT_TEXT_OPTIONAL(0, "cpu-affinity", struct spec, cpu_affinity, "auto|none|LIST", "auto",
			  "CPUs of the queue threads: auto is where the kernel sends their requests from, LIST is like 0-3,8"),
	OPT_CHOICE(0, "io", struct spec, io_mode, io_modes, "MODE", "how bytes travel: auto, copy, get-data, user-copy, zero-copy, auto-buf or batch"),
	OPT_TEXT(0, "shared-memory", struct spec, shared_memory, "FILE",
		 "requests from memory of this file, on tmpfs or hugetlbfs, are served there, and not copied by the kernel"),
	OPT_U32_OPTIONAL(0, "poll", struct spec, poll, 1, 1000000, "20",
			 "spin for N microseconds before sleeping: faster answers for more CPU"),
	OPT_CHOICE(0, "recovery", struct spec, recovery, recoveries, "off|reissue|requeue|fail",
		   "when the server dies start another; what was under way is done again, or fails, or everything fails meanwhile"),
	OPT_FLAG(0, "supervise", struct spec, supervise, "the same as --recovery=reissue"),
	OPT_FLAG('P', "partscan", struct spec, partscan, "look for partitions"),
	OPT_CLEAR(0, "no-partscan", struct spec, partscan, "do not look for partitions"),
	OPT_FLAG(0, "autoclear", struct spec, autoclear, "stop when it was in use and is not any more"),
	OPT_FLAG(0, "background", struct spec, background, "return when the device is ready"),
	OPT_TEXT(0, "pidfile", struct spec, pidfile, "FILE", "write the process id to FILE when ready, remove it at the end"),
	OPT_U32(0, "ready-fd", struct spec, ready_fd, 0, 65535, "write the device path to descriptor N when ready, and close it"),
	OPT_CHOICE(0, "log", struct spec, log_target, log_targets, "WHERE", "where messages go: stderr, syslog or kmsg"),
	OPT_COUNT('v', "verbose", struct spec, verbose, "tell what is chosen; twice: trace every command and request"),
	OPT_FLAG(0, "quiet", struct spec, quiet, "tell nothing but errors"),
	OPT_U32(0, "stop-timeout", struct spec, stop_timeout, 1, 86400, "seconds after which a server that does not stop is killed"),
	OPT_U32_OPTIONAL(0, "stats", struct spec, stats, 0, 86400, "0", "tell what was done every N seconds and at the end, or only then"),
	OPT_TEXT(0, "dev-dir", struct spec, dev_dir, "DIR", "where the device nodes are"),
	OPT_CLEAR(0, "no-modprobe", struct spec, modprobe, "do not try to load ublk_drv"),
	OPT_CLEAR(0, "no-mknod", struct spec, mknod, "do not make missing device nodes"),
	OPT_FLAG(0, "mlock", struct spec, mlock, "keep what is in memory there, and never on swap"),
	OPT_TEXT(0, "oom-score-adj", struct spec, oom_score_adj, "N", "-1000 to 1000: how soon the kernel kills the server for memory; -1000 is never"),
	OPT_CHOICE(0, "sandbox", struct spec, sandbox, sandboxes, "on|off", "confine the server; off is for debuggers"),
	OPT_TEXT(0, "user", struct spec, user, "NAME|UID[:GID]",
		 "who the server becomes; else ublk or nobody's number, if root starts it"),
	OPT_FLAG(0, "root", struct spec, root, "serve until the machine is off; in an initramfs by default"),
	OPT_FLAG(0, "progress", struct spec, progress_on, "show progress even when standard error is no terminal"),
	OPT_FLAG(0, "no-progress", struct spec, progress_off, "show no progress"),
	OPT_END
};

void spec_init(struct spec *spec, const struct applet *applet)
{
	*spec = (struct spec){
		.applet = applet,
		.id = ID_ANY,
		.sector_size = SECTOR_ANY,
		.depth = 128,
		.cpu_affinity = "auto",
		.partscan = true,
		.ready_fd = FD_NONE,
		.stop_timeout = 10,
		.stats = STATS_NEVER,
		.dev_dir = "/dev",
		.modprobe = true,
		.mknod = true,
		.root = access("/etc/initrd-release", F_OK) == 0,	/* as systemd tells an initramfs */
	};
}

static bool affinity_known(const char *text)
{
	cpu_set_t cpus;

	return !strcmp(text, "auto") || !strcmp(text, "none") || affinity_parse(text, &cpus) == 0;
}

int spec_check(const struct spec *spec)
{
	if (spec->sector_size != SECTOR_ANY && (spec->sector_size < 512 || spec->sector_size > 4096 || !is_power_of_two(spec->sector_size)))
		return fail_usage("--sector-size is 512, 1024, 2048 or 4096, not %" PRIu64, spec->sector_size);
	if (spec->name && !name_is_valid(spec->name))
		return fail_usage("'%s' is no name: up to %d letters, digits and ._+-, no . or - first, no number, no ublkbN",
				  spec->name, DEVICE_NAME_MAX - 1);
	if (spec->max_io && (spec->max_io < MAX_IO_MIN || spec->max_io > MAX_IO_MAX || spec->max_io % MAX_IO_MIN))
		return fail_usage("--max-io is 4K to 32M and a multiple of 4K, not %" PRIu64, spec->max_io);
	if (!affinity_known(spec->cpu_affinity))
		return fail_usage("--cpu-affinity is auto, none or a list of CPUs like 0-3,8, not '%s'", spec->cpu_affinity);
	if (spec->command && !*spec->command)
		return fail_usage("'--' needs a command after it");
	if (spec->command && spec->background)
		return fail_usage("--background and '-- COMMAND' exclude each other");
	if (spec->quiet && spec->verbose)
		return fail_usage("--quiet and --verbose exclude each other");
	if (spec->quiet && spec->stats != STATS_NEVER)
		return fail_usage("--quiet and --stats exclude each other");
	if (spec->oom_score_adj && !resident_score_is_valid(spec->oom_score_adj))
		return fail_usage("--oom-score-adj is -1000 to 1000, not '%s'", spec->oom_score_adj);
	if (spec->ready_fd != FD_NONE && fcntl((int)spec->ready_fd, F_GETFD) < 0)
		return fail_usage("--ready-fd: descriptor %" PRIu32 " is not open", spec->ready_fd);
	if (spec->ready_fd <= STDERR_FILENO && spec->ready_fd != STDOUT_FILENO)
		return fail_usage("--ready-fd: descriptor %" PRIu32 " is not for this; use 1 or one above 2", spec->ready_fd);
	return 0;
}

uint32_t spec_sector_size(const struct spec *spec, uint32_t least)
{
	return spec->sector_size != SECTOR_ANY ? (uint32_t)spec->sector_size : least ? least : 512;
}

int spec_check_size(const struct spec *spec, uint64_t size)
{
	if (!size)
		return fail_usage("a disk needs a size that is not 0: --size SIZE");
	if (size % spec_sector_size(spec, 0))
		return fail_usage("the size, %" PRIu64 " bytes, is no multiple of the sector size, %" PRIu32,
				  size, spec_sector_size(spec, 0));
	if (size > (uint64_t)INT64_MAX)
		return fail_usage("the largest disk has 8E less one sector, 9223372036854775296 bytes; %" PRIu64 " is more",
				  size);
	return 0;
}

bool spec_progress(const struct spec *spec)
{
	if (spec->progress_on || spec->progress_off)
		return spec->progress_on;
	return !spec->quiet && isatty(STDERR_FILENO);
}
