/* SPDX-License-Identifier: MIT */
/*
 * root.c - what --root adds to serving a disk
 *
 * Made in an initramfs, a disk has to outlive that: the init there, which ends
 * what it has started; the switch to the root that may lie on this very disk;
 * and the end of the system, which kills everybody before it unmounts it.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "core/driver.h"
#include "core/log.h"
#include "core/root.h"
#include "core/uapi.h"
#include "core/words.h"

/* Requests that wait for a server for ever would keep the machine from going off. */
int root_recovery(const struct spec *spec)
{
	const struct backend *backend = spec->applet->backend;
	struct ctrl ctrl;
	bool has;

	if (backend->forgets && backend->forgets(spec->applet->self))
		return RECOVERY_OFF;
	if (spec->modprobe && !driver_present())
		driver_load("");
	if (driver_try(&ctrl, spec->dev_dir))
		return RECOVERY_OFF;		/* which is told when it is wanted */
	has = ctrl.features & UBLK_F_USER_RECOVERY_FAIL_IO;
	ctrl_close(&ctrl);
	return has ? RECOVERY_FAIL : RECOVERY_OFF;
}

void root_stay(void)
{
	setsid();		/* if we lead a group of processes already, whoever started us wants that */
	words_rename('@');	/* systemd spares root's processes with such a name */
	prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);	/* or else the kernel's usual care has to do */
}

/*
 * A mount namespace of our own keeps /dev, /proc and /sys where they are. What
 * is unmounted elsewhere is unmounted here, too, where the system has mounts
 * shared as systemd does; what an initramfs leaves behind is nothing.
 */
void root_settle(void)
{
	if (chdir("/") < 0 || unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		info("the mounts stay the system's: %s", strerror(errno));
}
