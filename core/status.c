/* SPDX-License-Identifier: MIT */
/* status.c - errno to exit status */
#include <errno.h>

#include "core/log.h"
#include "core/status.h"

enum status status_of(int error)
{
	switch (-error) {
	case 0:
		return STATUS_OK;
	case EUSAGE:
		return STATUS_USAGE;
	case EPERM:
	case EACCES:
		return STATUS_PERMISSION;
	case EOPNOTSUPP:
	case ENOSYS:
		return STATUS_UNSUPPORTED;
	case EBUSY:
	case EEXIST:
		return STATUS_BUSY;
	case ENODEV:
		return STATUS_NO_DEVICE;
	}
	return STATUS_FAILED;
}
