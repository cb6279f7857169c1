/* SPDX-License-Identifier: MIT */
/*
 * uapi.h - the kernel's ublk interface, as we use it
 *
 * Stated here rather than taken from the build host, whose <linux/ublk_cmd.h>
 * may be years older than the kernel that runs the binary. Names, numbers and
 * layouts are the kernel's; tests/unit/test_uapi.c compares them with the
 * host's header where there is one.
 *
 * All "sectors" are 512 bytes, whatever the logical block size of the disk.
 */
#ifndef CORE_UAPI_H
#define CORE_UAPI_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define UBLK_SECTOR_SHIFT 9

/*
 * Control commands, by number. Linux 6.4 and newer take them encoded like
 * ioctls, older ones bare; ctrl.c does the encoding.
 */
enum ublk_cmd {
	UBLK_CMD_GET_QUEUE_AFFINITY	= 0x01,
	UBLK_CMD_GET_DEV_INFO		= 0x02,
	UBLK_CMD_ADD_DEV		= 0x04,
	UBLK_CMD_DEL_DEV		= 0x05,
	UBLK_CMD_START_DEV		= 0x06,
	UBLK_CMD_STOP_DEV		= 0x07,
	UBLK_CMD_SET_PARAMS		= 0x08,
	UBLK_CMD_GET_PARAMS		= 0x09,
	UBLK_CMD_START_USER_RECOVERY	= 0x10,
	UBLK_CMD_END_USER_RECOVERY	= 0x11,
	UBLK_CMD_GET_DEV_INFO2		= 0x12,	/* 6.3: the node's path goes with it */
	UBLK_CMD_GET_FEATURES		= 0x13,	/* 6.5 */
	UBLK_CMD_DEL_DEV_ASYNC		= 0x14,	/* 6.9, refused for unprivileged devices */
	UBLK_CMD_UPDATE_SIZE		= 0x15,	/* 6.16 */
	UBLK_CMD_QUIESCE_DEV		= 0x16,	/* 6.16 */
	UBLK_CMD_TRY_STOP_DEV		= 0x17,	/* 7.0 */
	UBLK_CMD_REG_BUF		= 0x18,	/* 7.1 */
};

/* I/O commands, sent to /dev/ublkcN. */
enum ublk_io_cmd {
	UBLK_IO_FETCH_REQ		= 0x20,
	UBLK_IO_COMMIT_AND_FETCH_REQ	= 0x21,
	UBLK_IO_NEED_GET_DATA		= 0x22,
};

/* These are younger than the encoding. */
#define UBLK_U_IO_REGISTER_IO_BUF	0xc0107523U	/* _IOWR('u', 0x23, struct ublksrv_io_cmd), 6.15 */
#define UBLK_U_IO_UNREGISTER_IO_BUF	0xc0107524U	/* _IOWR('u', 0x24, struct ublksrv_io_cmd), 6.15 */
#define UBLK_U_IO_PREP_IO_CMDS		0xc0107525U	/* _IOWR('u', 0x25, struct ublk_batch_io), 7.0 */
#define UBLK_U_IO_COMMIT_IO_CMDS	0xc0107526U	/* the same with 0x26 */
#define UBLK_U_IO_FETCH_IO_CMDS		0xc0107527U	/* the same with 0x27 */

/* How an I/O command completes. Other negative results are errors of ours. */
#define UBLK_IO_RES_OK			0
#define UBLK_IO_RES_NEED_GET_DATA	1
#define UBLK_IO_RES_ABORT		(-19)	/* -ENODEV: the device is being stopped */

/* Device flags. features.c says what each is for. */
#define UBLK_F_SUPPORT_ZERO_COPY	(1ULL << 0)
#define UBLK_F_URING_CMD_COMP_IN_TASK	(1ULL << 1)
#define UBLK_F_NEED_GET_DATA		(1ULL << 2)
#define UBLK_F_USER_RECOVERY		(1ULL << 3)
#define UBLK_F_USER_RECOVERY_REISSUE	(1ULL << 4)
#define UBLK_F_UNPRIVILEGED_DEV		(1ULL << 5)
#define UBLK_F_CMD_IOCTL_ENCODE		(1ULL << 6)
#define UBLK_F_USER_COPY		(1ULL << 7)
#define UBLK_F_ZONED			(1ULL << 8)
#define UBLK_F_USER_RECOVERY_FAIL_IO	(1ULL << 9)
#define UBLK_F_UPDATE_SIZE		(1ULL << 10)
#define UBLK_F_AUTO_BUF_REG		(1ULL << 11)
#define UBLK_F_QUIESCE			(1ULL << 12)
#define UBLK_F_PER_IO_DAEMON		(1ULL << 13)
#define UBLK_F_BUF_REG_OFF_DAEMON	(1ULL << 14)
#define UBLK_F_BATCH_IO			(1ULL << 15)
#define UBLK_F_INTEGRITY		(1ULL << 16)
#define UBLK_F_SAFE_STOP_DEV		(1ULL << 17)
#define UBLK_F_NO_AUTO_PART_SCAN	(1ULL << 18)
#define UBLK_F_SHMEM_ZC			(1ULL << 19)
#define UBLK_F_IO_DESC_SIZE		(1ULL << 20)

#define UBLK_FEATURES_LEN	8	/* GET_FEATURES insists on this length */
#define UBLK_MAX_QUEUE_DEPTH	4096
#define UBLK_MAX_NR_QUEUES	4096	/* the driver caps it at nr_cpu_ids */

enum ublk_dev_state {
	UBLK_S_DEV_DEAD		= 0,	/* not started yet, or its server is gone */
	UBLK_S_DEV_LIVE		= 1,
	UBLK_S_DEV_QUIESCED	= 2,
	UBLK_S_DEV_FAIL_IO	= 3,
};

/* The payload of a control command: bytes 48 to 79 of a 128-byte SQE. */
struct ublksrv_ctrl_cmd {
	uint32_t dev_id;
	uint16_t queue_id;	/* 0xffff unless the command is about a queue */
	uint16_t len;		/* of the buffer at addr, path included */
	uint64_t addr;
	uint64_t data[1];
	uint16_t dev_path_len;	/* path of ublkcN at the start of the buffer, with its NUL */
	uint16_t pad;
	uint32_t reserved;
};

struct ublksrv_ctrl_dev_info {
	uint16_t nr_hw_queues;
	uint16_t queue_depth;
	uint16_t state;
	uint16_t io_desc_size;	/* only with UBLK_F_IO_DESC_SIZE */
	uint32_t max_io_buf_bytes;
	uint32_t dev_id;
	int32_t  ublksrv_pid;
	uint32_t pad1;
	uint64_t flags;
	uint64_t ublksrv_flags;	/* ours alone; see core/device.h */
	uint32_t owner_uid;	/* set by the kernel, in the initial user namespace */
	uint32_t owner_gid;
	uint64_t reserved1;
	uint64_t reserved2;
};

enum ublk_io_op {
	UBLK_IO_OP_READ		= 0,
	UBLK_IO_OP_WRITE	= 1,
	UBLK_IO_OP_FLUSH	= 2,
	UBLK_IO_OP_DISCARD	= 3,
	UBLK_IO_OP_WRITE_ZEROES	= 5,
};

#define UBLK_IO_F_FUA		(1U << 13)
#define UBLK_IO_F_NOUNMAP	(1U << 15)
#define UBLK_IO_F_NEED_REG_BUF	(1U << 17)	/* with AUTO_BUF_REG: it could not be registered */
#define UBLK_IO_F_SHMEM_ZC	(1U << 19)	/* its bytes lie in memory that was registered; addr says where */

/* With AUTO_BUF_REG the address of a command names the index to register its next request at. */
#define UBLK_AUTO_BUF_REG_FALLBACK	(1U << 0)	/* tell of a failure with NEED_REG_BUF instead of failing the request */

static inline uint64_t ublk_auto_buf_reg(uint16_t index, uint8_t flags)
{
	return index | (uint64_t)flags << 16;
}

/* What UBLK_CMD_REG_BUF takes: memory of the calling process, which the driver pins until the device is deleted. */
struct ublk_shmem_buf_reg {
	uint64_t addr;
	uint64_t len;		/* whole pages */
	uint32_t flags;
	uint32_t reserved;
};

#define UBLK_SHMEM_MAX	(1ULL << 32)	/* bytes of it */

/* The addr of a descriptor with UBLK_IO_F_SHMEM_ZC: number of the memory, as REG_BUF returned it, and offset in it. */
static inline uint64_t ublk_shmem_index(uint64_t addr) { return addr >> 32; }
static inline uint32_t ublk_shmem_offset(uint64_t addr) { return (uint32_t)addr; }

/* Where ublkcN shows the bytes of a request, with USER_COPY. */
#define UBLKSRV_IO_BUF_OFFSET	0x80000000ULL
#define UBLK_TAG_OFF		25
#define UBLK_QID_OFF		41

static inline uint64_t ublk_request_position(uint16_t queue, uint16_t tag, uint32_t offset)
{
	return UBLKSRV_IO_BUF_OFFSET + ((uint64_t)queue << UBLK_QID_OFF | (uint64_t)tag << UBLK_TAG_OFF | offset);
}

/* One request, written by the driver before it completes the tag's command. */
struct ublksrv_io_desc {
	uint32_t op_flags;	/* op in bits 0-7, UBLK_IO_F_* above */
	uint32_t nr_sectors;
	uint64_t start_sector;
	uint64_t addr;
};

/*
 * Descriptors of queue q are mapped from ublkcN at q * UBLK_DESC_STRIDE,
 * always for the greatest depth, not for the queue's own (6.12
 * ublk_ch_mmap(), ublk_max_cmd_buf_size()).
 */
#define UBLK_DESC_STRIDE(page)	\
	(((UBLK_MAX_QUEUE_DEPTH * sizeof(struct ublksrv_io_desc)) + (page) - 1) / (page) * (page))

/* The payload of an I/O command: bytes 48 to 63 of an SQE. */
struct ublksrv_io_cmd {
	uint16_t q_id;
	uint16_t tag;
	int32_t  result;	/* commit only */
	uint64_t addr;
};

/* The payload of a batch command, and one of the elements in the buffer that it names. */
struct ublk_batch_io {
	uint16_t q_id;
	uint16_t flags;
	uint16_t nr_elem;
	uint8_t  elem_bytes;
	uint8_t  reserved;
	uint64_t reserved2;
};

#define UBLK_BATCH_F_HAS_BUF_ADDR	(1U << 1)	/* each element is followed by an address of 8 bytes */

struct ublk_elem_header {
	uint16_t tag;
	uint16_t buf_index;	/* with AUTO_BUF_REG */
	int32_t  result;	/* commit only */
};

#define UBLK_ATTR_READ_ONLY		(1 << 0)
#define UBLK_ATTR_ROTATIONAL		(1 << 1)
#define UBLK_ATTR_VOLATILE_CACHE	(1 << 2)
#define UBLK_ATTR_FUA			(1 << 3)

struct ublk_param_basic {
	uint32_t attrs;
	uint8_t  logical_bs_shift;	/* 9 .. PAGE_SHIFT */
	uint8_t  physical_bs_shift;
	uint8_t  io_opt_shift;
	uint8_t  io_min_shift;
	uint32_t max_sectors;		/* at most max_io_buf_bytes >> 9 */
	uint32_t chunk_sectors;
	uint64_t dev_sectors;
	uint64_t virt_boundary_mask;
};

struct ublk_param_discard {
	uint32_t discard_alignment;
	uint32_t discard_granularity;
	uint32_t max_discard_sectors;
	uint32_t max_write_zeroes_sectors;
	uint16_t max_discard_segments;	/* must be 1 */
	uint16_t reserved0;
};

struct ublk_param_devt {
	uint32_t char_major;
	uint32_t char_minor;
	uint32_t disk_major;
	uint32_t disk_minor;
};

struct ublk_param_zoned {		/* not ours, but it lies between */
	uint32_t max_open_zones;
	uint32_t max_active_zones;
	uint32_t max_zone_append_sectors;
	uint8_t  reserved[20];
};

struct ublk_param_dma_align {
	uint32_t alignment;		/* a mask */
	uint8_t  pad[4];
};

#define UBLK_PARAM_TYPE_BASIC	(1 << 0)
#define UBLK_PARAM_TYPE_DISCARD	(1 << 1)
#define UBLK_PARAM_TYPE_DEVT	(1 << 2)	/* the kernel's to set; SET_PARAMS refuses it */
#define UBLK_PARAM_TYPE_DMA_ALIGN (1 << 4)	/* 6.15 */

/* As much of the kernel's struct as we use: it honours a shorter len. */
struct ublk_params {
	uint32_t len;
	uint32_t types;
	struct ublk_param_basic   basic;
	struct ublk_param_discard discard;
	struct ublk_param_devt    devt;
	struct ublk_param_zoned   zoned;
	struct ublk_param_dma_align dma;
};

static_assert(sizeof(struct ublksrv_ctrl_cmd) == 32, "control payload");
static_assert(offsetof(struct ublksrv_ctrl_cmd, dev_path_len) == 24, "control payload");
static_assert(sizeof(struct ublksrv_ctrl_dev_info) == 64, "device info");
static_assert(offsetof(struct ublksrv_ctrl_dev_info, flags) == 24, "device info");
static_assert(offsetof(struct ublksrv_ctrl_dev_info, owner_uid) == 40, "device info");
static_assert(sizeof(struct ublksrv_io_desc) == 24, "request descriptor");
static_assert(sizeof(struct ublksrv_io_cmd) == 16, "I/O payload");
static_assert(sizeof(struct ublk_batch_io) == 16, "batch payload");
static_assert(sizeof(struct ublk_elem_header) == 8, "batch element");
static_assert(sizeof(struct ublk_shmem_buf_reg) == 24, "memory to register");
static_assert(sizeof(struct ublk_param_basic) == 32, "basic parameters");
static_assert(sizeof(struct ublk_param_discard) == 20, "discard parameters");
static_assert(offsetof(struct ublk_params, basic) == 8, "parameters");
static_assert(offsetof(struct ublk_params, discard) == 40, "parameters");
static_assert(offsetof(struct ublk_params, devt) == 60, "parameters");
static_assert(offsetof(struct ublk_params, dma) == 108, "parameters");

#endif
