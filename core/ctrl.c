/* SPDX-License-Identifier: MIT */
/* ctrl.c - control commands, encoded */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/ctrl.h"
#include "core/log.h"
#include "core/util.h"

#define QUEUE_NONE 0xffff	/* "not about a queue" */
#define RING_ENTRIES 4

/* One command on its way. The payload is copied into and out of the ctrl's own buffer. */
struct call {
	enum ublk_cmd command;
	struct ctrl_device device;
	uint64_t data;
	void *payload;
	uint16_t length;
};

static const struct command {
	enum ublk_cmd command;
	const char *name;
	bool writes;		/* _IOWR rather than _IOR */
} commands[] = {
	{ UBLK_CMD_GET_QUEUE_AFFINITY,	"GET_QUEUE_AFFINITY",	false },
	{ UBLK_CMD_GET_DEV_INFO,	"GET_DEV_INFO",		false },
	{ UBLK_CMD_ADD_DEV,		"ADD_DEV",		true },
	{ UBLK_CMD_DEL_DEV,		"DEL_DEV",		true },
	{ UBLK_CMD_START_DEV,		"START_DEV",		true },
	{ UBLK_CMD_STOP_DEV,		"STOP_DEV",		true },
	{ UBLK_CMD_SET_PARAMS,		"SET_PARAMS",		true },
	{ UBLK_CMD_GET_PARAMS,		"GET_PARAMS",		false },
	{ UBLK_CMD_START_USER_RECOVERY,	"START_USER_RECOVERY",	true },
	{ UBLK_CMD_END_USER_RECOVERY,	"END_USER_RECOVERY",	true },
	{ UBLK_CMD_GET_DEV_INFO2,	"GET_DEV_INFO2",	false },
	{ UBLK_CMD_GET_FEATURES,	"GET_FEATURES",		false },
	{ UBLK_CMD_UPDATE_SIZE,		"UPDATE_SIZE",		true },
	{ UBLK_CMD_QUIESCE_DEV,		"QUIESCE_DEV",		true },
	{ UBLK_CMD_TRY_STOP_DEV,	"TRY_STOP_DEV",		true },
	{ UBLK_CMD_REG_BUF,		"REG_BUF",		true },
};

static const struct command *lookup(enum ublk_cmd command)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (commands[i].command == command)
			return &commands[i];
	return NULL;
}

const char *ctrl_name(enum ublk_cmd command)
{
	const struct command *found = lookup(command);

	return found ? found->name : "a control command";
}

static uint32_t encode(const struct ctrl *ctrl, enum ublk_cmd command)
{
	/* GET_FEATURES is younger than the encoding and never had a bare number. */
	if (ctrl->legacy && command != UBLK_CMD_GET_FEATURES)
		return (uint32_t)command;
	if (lookup(command)->writes)
		return (uint32_t)_IOWR('u', command, struct ublksrv_ctrl_cmd);
	return (uint32_t)_IOR('u', command, struct ublksrv_ctrl_cmd);
}

/* What the node's path takes up in front of a payload: padded, so that the payload stays aligned. */
static size_t path_length(const char *path)
{
	return path ? round_up(strlen(path) + 1, 8) : 0;
}

static int send_call(struct ctrl *ctrl, const struct call *call)
{
	size_t path = path_length(call->device.path);
	struct ublksrv_ctrl_cmd payload = {
		.dev_id = call->device.id,
		.queue_id = QUEUE_NONE,
		.len = (uint16_t)(path + call->length),
		.addr = path + call->length ? ptr_to_u64(ctrl->buffer) : 0,
		.data = { call->data },
		.dev_path_len = (uint16_t)path,
	};
	struct io_uring_sqe *sqe;
	int err;

	if (ctrl->pending)
		return -EBUSY;
	if (path > CTRL_PATH_MAX || call->length > CTRL_PAYLOAD_MAX)
		return -ENAMETOOLONG;
	sqe = ring_sqe(&ctrl->ring);
	if (!sqe)
		return -EBUSY;
	memset(ctrl->buffer, 0, sizeof(ctrl->buffer));
	if (path)
		strcpy(ctrl->buffer, call->device.path);
	if (call->length)
		memcpy(ctrl->buffer + path, call->payload, call->length);
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = ctrl->fd;
	sqe->cmd_op = encode(ctrl, call->command);
	sqe->user_data = ++ctrl->serial;
	memcpy(sqe->cmd, &payload, sizeof(payload));
	err = ring_submit(&ctrl->ring);
	if (err)
		memset(sqe, 0, sizeof(*sqe));	/* it stays in the ring and goes out with the next one: as a NOP */
	else
		ctrl->pending = call->command;
	return err;
}

int ctrl_poll_fd(const struct ctrl *ctrl)
{
	return ring_poll_fd(&ctrl->ring);
}

int ctrl_result(struct ctrl *ctrl)
{
	struct ring_done done;

	do {
		if (!ring_reap(&ctrl->ring, &done, 1))
			return -EAGAIN;
	} while (done.user_data != ctrl->serial);	/* one that could not be sent in its time */
	trace("%s%s: %d", ctrl_name(ctrl->pending), ctrl->legacy ? " (legacy opcode)" : "", done.result);
	ctrl->pending = 0;
	return done.result;
}

static int wait_result(struct ctrl *ctrl, int limit_ms)
{
	struct pollfd ready = { .fd = ctrl_poll_fd(ctrl), .events = POLLIN };
	int result = ctrl_result(ctrl);

	while (result == -EAGAIN) {
		if (RETRY(poll(&ready, 1, limit_ms)) <= 0)
			return -ETIMEDOUT;
		result = ctrl_result(ctrl);
	}
	return result;
}

static int run_call(struct ctrl *ctrl, const struct call *call, int limit_ms)
{
	int err = send_call(ctrl, call);

	if (!err)
		err = wait_result(ctrl, limit_ms);
	if (err < 0)
		return err;
	if (call->length)
		memcpy(call->payload, ctrl->buffer + path_length(call->device.path), call->length);
	return 0;
}

/*
 * The last commands of a device. When somebody else deletes it, devtmpfs takes
 * its node from the owner just before the node goes, so that a refusal is not
 * believed at once. And DEL_DEV waits for others so that it can be interrupted,
 * by work that has nothing to do with it: sent again, it waits on.
 */
static int run_last_call(struct ctrl *ctrl, const struct call *call, int limit_ms)
{
	int err = run_call(ctrl, call, limit_ms);

	for (int i = 0; i < 10 && (err == -EINTR || (call->device.path && (err == -EACCES || err == -EPERM))); i++) {
		poll(NULL, 0, 10);
		err = run_call(ctrl, call, limit_ms);
	}
	return err;
}

/* Before 6.5 nobody answers GET_FEATURES: any error means "not known". */
static void learn_features(struct ctrl *ctrl)
{
	uint64_t features = 0;
	struct call call = {
		.command = UBLK_CMD_GET_FEATURES,
		.payload = &features,
		.length = UBLK_FEATURES_LEN,
	};

	ctrl->features_known = run_call(ctrl, &call, CTRL_LIMIT_MS) == 0;
	ctrl->features = features;
	ctrl->legacy = !ctrl->features_known || getenv("UBLK_LEGACY_OPCODES");
}

int ctrl_open(struct ctrl *ctrl, int fd)
{
	int err = ring_open(&ctrl->ring, RING_ENTRIES, RING_CONTROL);

	if (err)
		return err;
	ctrl->fd = fd;
	ctrl->legacy = false;
	ctrl->pending = 0;
	ctrl->serial = 0;
	learn_features(ctrl);
	return 0;
}

void ctrl_close(struct ctrl *ctrl)
{
	if (ctrl->fd < 0)
		return;
	ring_close(&ctrl->ring);
	close(ctrl->fd);
	ctrl->fd = -1;
}

int ctrl_add(struct ctrl *ctrl, struct ublksrv_ctrl_dev_info *info)
{
	struct call call = {
		.command = UBLK_CMD_ADD_DEV,
		.device = { .id = info->dev_id },
		.payload = info,
		.length = sizeof(*info),
	};

	return run_call(ctrl, &call, CTRL_LIMIT_MS);
}

int ctrl_del(struct ctrl *ctrl, struct ctrl_device device, int limit_ms)
{
	return run_last_call(ctrl, &(struct call){ .command = UBLK_CMD_DEL_DEV, .device = device }, limit_ms);
}

int ctrl_stop(struct ctrl *ctrl, struct ctrl_device device, int limit_ms)
{
	return run_last_call(ctrl, &(struct call){ .command = UBLK_CMD_STOP_DEV, .device = device }, limit_ms);
}

int ctrl_try_stop(struct ctrl *ctrl, struct ctrl_device device, int limit_ms)
{
	return run_last_call(ctrl, &(struct call){ .command = UBLK_CMD_TRY_STOP_DEV, .device = device }, limit_ms);
}

int ctrl_update_size(struct ctrl *ctrl, struct ctrl_device device, uint64_t sectors)
{
	struct call call = { .command = UBLK_CMD_UPDATE_SIZE, .device = device, .data = sectors };

	return run_call(ctrl, &call, CTRL_LIMIT_MS);
}

int ctrl_quiesce(struct ctrl *ctrl, struct ctrl_device device)
{
	/* Milliseconds: as little as can be said. */
	return run_call(ctrl, &(struct call){ .command = UBLK_CMD_QUIESCE_DEV, .device = device, .data = 1 }, CTRL_LIMIT_MS);
}

int ctrl_set_params(struct ctrl *ctrl, struct ctrl_device device, struct ublk_params *params)
{
	struct call call = {
		.command = UBLK_CMD_SET_PARAMS,
		.device = device,
		.payload = params,
		.length = sizeof(*params),
	};

	params->len = sizeof(*params);
	return run_call(ctrl, &call, CTRL_LIMIT_MS);
}

int ctrl_get_params(struct ctrl *ctrl, struct ctrl_device device, struct ublk_params *params)
{
	struct call call = {
		.command = UBLK_CMD_GET_PARAMS,
		.device = device,
		.payload = params,
		.length = sizeof(*params),
	};

	params->len = sizeof(*params);
	return run_call(ctrl, &call, CTRL_LIMIT_MS);
}

int ctrl_get_info(struct ctrl *ctrl, struct ctrl_device device, struct ublksrv_ctrl_dev_info *info)
{
	struct call call = {
		.command = device.path ? UBLK_CMD_GET_DEV_INFO2 : UBLK_CMD_GET_DEV_INFO,
		.device = device,
		.payload = info,
		.length = sizeof(*info),
	};

	return run_call(ctrl, &call, CTRL_LIMIT_MS);
}

int ctrl_get_affinity(struct ctrl *ctrl, struct ctrl_device device, unsigned int queue, void *mask, uint16_t bytes)
{
	struct call call = {
		.command = UBLK_CMD_GET_QUEUE_AFFINITY,
		.device = device,
		.data = queue,
		.payload = mask,
		.length = bytes,
	};

	return run_call(ctrl, &call, CTRL_LIMIT_MS);
}

int ctrl_share(struct ctrl *ctrl, struct ctrl_device device, void *at, uint64_t length)
{
	struct ublk_shmem_buf_reg memory = { .addr = ptr_to_u64(at), .len = length };
	struct call call = {
		.command = UBLK_CMD_REG_BUF,
		.device = device,
		.payload = &memory,
		.length = sizeof(memory),
	};
	int err = send_call(ctrl, &call);

	return err ? err : wait_result(ctrl, CTRL_LIMIT_MS);
}

/* @server_pid is ready to serve. */
static int send_ready(struct ctrl *ctrl, enum ublk_cmd command, struct ctrl_device device, int server_pid)
{
	return send_call(ctrl, &(struct call){ .command = command, .device = device, .data = (uint64_t)server_pid });
}

int ctrl_send_start(struct ctrl *ctrl, struct ctrl_device device, int server_pid)
{
	return send_ready(ctrl, UBLK_CMD_START_DEV, device, server_pid);
}

int ctrl_send_recovered(struct ctrl *ctrl, struct ctrl_device device, int server_pid)
{
	return send_ready(ctrl, UBLK_CMD_END_USER_RECOVERY, device, server_pid);
}

int ctrl_recover(struct ctrl *ctrl, struct ctrl_device device)
{
	struct call call = { .command = UBLK_CMD_START_USER_RECOVERY, .device = device };

	return run_call(ctrl, &call, CTRL_LIMIT_MS);
}

int ctrl_send_stop(struct ctrl *ctrl, struct ctrl_device device)
{
	return send_call(ctrl, &(struct call){ .command = UBLK_CMD_STOP_DEV, .device = device });
}
