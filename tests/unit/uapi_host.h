/* SPDX-License-Identifier: MIT */
/* uapi_host.h - what the host's <linux/ublk_cmd.h> says */
#ifndef TESTS_UNIT_UAPI_HOST_H
#define TESTS_UNIT_UAPI_HOST_H

struct uapi_number {
	const char *name;
	unsigned long long number;
};

extern const struct uapi_number uapi_host[];	/* what it knows of what core/uapi.h states; name NULL ends it */

#endif
