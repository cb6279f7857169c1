/* SPDX-License-Identifier: MIT */
/* status.h - exit statuses, and the one place where errors become them */
#ifndef CORE_STATUS_H
#define CORE_STATUS_H

enum status {
	STATUS_OK,
	STATUS_FAILED,
	STATUS_USAGE,
	STATUS_PERMISSION,
	STATUS_UNSUPPORTED,	/* by this kernel or host */
	STATUS_BUSY,		/* or exists already */
	STATUS_NO_DEVICE,
	STATUS_OURS = 125,	/* with "-- COMMAND", whose own status is passed on: we failed */
	STATUS_NO_EXEC = 126,	/* as env(1) */
	STATUS_NO_COMMAND = 127,
};

/* 0 or a negative errno, -EUSAGE included. */
enum status status_of(int error);

#endif
