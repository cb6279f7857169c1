/* SPDX-License-Identifier: MIT */
/* uapi_host.c - the host's numbers and layouts, where it has the header */
#include <errno.h>
#include <stddef.h>

#include "tests/unit/uapi_host.h"

#if __has_include(<linux/ublk_cmd.h>)
#include <linux/ublk_cmd.h>
#define SIZE(name, type) { "sizeof " name, sizeof(type) },
#define PLACE(name, type, member) { name "." #member, offsetof(type, member) },
#endif

const struct uapi_number uapi_host[] = {
#ifdef UBLK_IO_FETCH_REQ
#include "uapi_host.inc"	/* made from core/uapi.h: #ifdef NAME { "NAME", NAME }, for every NAME there */
	SIZE("ctrl_cmd", struct ublksrv_ctrl_cmd)
	SIZE("dev_info", struct ublksrv_ctrl_dev_info)
	SIZE("io_desc", struct ublksrv_io_desc)
	SIZE("io_cmd", struct ublksrv_io_cmd)
	SIZE("basic", struct ublk_param_basic)
	SIZE("discard", struct ublk_param_discard)
	PLACE("ctrl_cmd", struct ublksrv_ctrl_cmd, data)
	PLACE("dev_info", struct ublksrv_ctrl_dev_info, ublksrv_pid)
	PLACE("dev_info", struct ublksrv_ctrl_dev_info, flags)
	PLACE("dev_info", struct ublksrv_ctrl_dev_info, ublksrv_flags)
	PLACE("params", struct ublk_params, discard)
	PLACE("basic", struct ublk_param_basic, dev_sectors)
#ifdef UBLK_F_UNPRIVILEGED_DEV
	PLACE("ctrl_cmd", struct ublksrv_ctrl_cmd, dev_path_len)
	PLACE("dev_info", struct ublksrv_ctrl_dev_info, owner_uid)
#endif
#ifdef UBLK_PARAM_TYPE_DEVT
	SIZE("devt", struct ublk_param_devt)
	PLACE("params", struct ublk_params, devt)
#endif
#endif
	{ NULL, 0 }
};
