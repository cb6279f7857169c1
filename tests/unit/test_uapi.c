/* SPDX-License-Identifier: MIT */
/*
 * test_uapi.c - our numbers and layouts are the kernel's
 *
 * Where the host has <linux/ublk_cmd.h>, what both know must be equal; it may
 * be older than we are. uapi_host.c sees the kernel's names, this file ours,
 * since both at once would clash.
 */
#include <sys/ioctl.h>

#include "core/uapi.h"
#include "core/util.h"
#include "core/xfer.h"
#include "tests/check.h"
#include "tests/unit/uapi_host.h"

static const struct uapi_number ours[] = {
#include "uapi_ours.inc"	/* made from core/uapi.h: { "NAME", NAME }, for every NAME there */
	{ "sizeof ctrl_cmd", sizeof(struct ublksrv_ctrl_cmd) },
	{ "sizeof dev_info", sizeof(struct ublksrv_ctrl_dev_info) },
	{ "sizeof io_desc", sizeof(struct ublksrv_io_desc) },
	{ "sizeof io_cmd", sizeof(struct ublksrv_io_cmd) },
	{ "sizeof basic", sizeof(struct ublk_param_basic) },
	{ "sizeof discard", sizeof(struct ublk_param_discard) },
	{ "sizeof devt", sizeof(struct ublk_param_devt) },
	{ "ctrl_cmd.dev_path_len", offsetof(struct ublksrv_ctrl_cmd, dev_path_len) },
	{ "ctrl_cmd.data", offsetof(struct ublksrv_ctrl_cmd, data) },
	{ "dev_info.ublksrv_pid", offsetof(struct ublksrv_ctrl_dev_info, ublksrv_pid) },
	{ "dev_info.flags", offsetof(struct ublksrv_ctrl_dev_info, flags) },
	{ "dev_info.ublksrv_flags", offsetof(struct ublksrv_ctrl_dev_info, ublksrv_flags) },
	{ "dev_info.owner_uid", offsetof(struct ublksrv_ctrl_dev_info, owner_uid) },
	{ "params.discard", offsetof(struct ublk_params, discard) },
	{ "params.devt", offsetof(struct ublk_params, devt) },
	{ "basic.dev_sectors", offsetof(struct ublk_param_basic, dev_sectors) },
};

static const struct uapi_number *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (!strcmp(ours[i].name, name))
			return &ours[i];
	return NULL;
}

static void same_as_the_host(void)
{
	size_t compared = 0;

	for (const struct uapi_number *host = uapi_host; host->name; host++) {
		const struct uapi_number *we = find(host->name);

		if (!CHECK(we && we->number == host->number))
			printf("#   %s: %#llx there\n", host->name, host->number);
		compared++;
	}
	printf("# %zu of %zu compared\n", compared, ARRAY_SIZE(ours));
}

/* 6.12 and 7.3, from their sources, for hosts without the header. */
static void known_by_heart(void)
{
	CHECK_EQ(UBLK_CMD_ADD_DEV, 4);
	CHECK_EQ(UBLK_CMD_TRY_STOP_DEV, 0x17);
	CHECK_EQ(UBLK_CMD_REG_BUF, 0x18);
	CHECK_EQ(UBLK_IO_F_SHMEM_ZC, 0x80000);
	CHECK_EQ(UBLK_IO_NEED_GET_DATA, 0x22);
	CHECK_EQ(UBLK_F_IO_DESC_SIZE, 1U << 20);
	CHECK_EQ(UBLK_DESC_STRIDE(4096), 4096 * 24);
	CHECK_EQ(UBLK_DESC_STRIDE(65536), 2 * 65536);
	CHECK_EQ(UBLK_U_IO_REGISTER_IO_BUF, _IOWR('u', 0x23, struct ublksrv_io_cmd));
	CHECK_EQ(UBLK_U_IO_UNREGISTER_IO_BUF, _IOWR('u', 0x24, struct ublksrv_io_cmd));
	CHECK_EQ(UBLK_U_IO_PREP_IO_CMDS, _IOWR('u', 0x25, struct ublk_batch_io));
	CHECK_EQ(UBLK_U_IO_COMMIT_IO_CMDS, _IOWR('u', 0x26, struct ublk_batch_io));
	CHECK_EQ(UBLK_U_IO_FETCH_IO_CMDS, _IOWR('u', 0x27, struct ublk_batch_io));
	CHECK_EQ(offsetof(struct ublk_batch_io, elem_bytes), 6);
	CHECK_EQ(offsetof(struct ublk_elem_header, result), 4);
	CHECK_EQ(UBLK_IO_F_FUA, 0x2000);
	CHECK_EQ(UBLK_IO_F_NOUNMAP, 0x8000);
	CHECK_EQ(UBLK_IO_F_NEED_REG_BUF, 0x20000);
	CHECK_EQ(UBLK_PARAM_TYPE_DMA_ALIGN, 16);
	CHECK_EQ(sizeof(struct ublk_param_dma_align), 8);
	CHECK_EQ(offsetof(struct ublk_params, dma), 108);
}

/* Where the bytes of a request are, and where its pages are to go. */
static void packed_numbers(void)
{
	CHECK_EQ(ublk_request_position(0, 0, 0), 0x80000000ULL);
	CHECK_EQ(ublk_request_position(2, 3, 5), 0x80000000ULL + (2ULL << 41) + (3 << 25) + 5);
	CHECK_EQ(ublk_request_position(UBLK_MAX_NR_QUEUES - 1, UBLK_MAX_QUEUE_DEPTH - 1, (32U << 20) - 1),
		 0x80000000ULL + (1ULL << 53) - (1ULL << 41) + (4096ULL << 25) - 1);
	CHECK_EQ(ublk_auto_buf_reg(7, 0), 7);
	CHECK_EQ(ublk_auto_buf_reg(UINT16_MAX, UBLK_AUTO_BUF_REG_FALLBACK), 0x1ffff);
}

static void user_data_there_and_back(void)
{
	for (int kind = 0; kind < XFER_KINDS; kind++)
		for (unsigned int tag = 0; tag <= UINT16_MAX; tag += 0xfff) {
			uint64_t packed = xfer_pack((enum xfer_kind)kind, (uint16_t)tag);

			CHECK_EQ(xfer_kind(packed), kind);
			CHECK_EQ(xfer_tag(packed), tag);
		}
}

TESTS(
	{ "numbers and layouts are those of the host's header, as far as it knows them", same_as_the_host },
	{ "numbers and layouts are those of the kernel's source", known_by_heart },
	{ "positions and indices are packed as the kernel takes them apart", packed_numbers },
	{ "kind and tag survive the way through user_data", user_data_there_and_back },
)
