/* SPDX-License-Identifier: MIT */
/*
 * ctrl.h - control commands
 *
 * One function per command of /dev/ublk-control, and the only code that knows
 * how they are encoded: like ioctls since Linux 6.4, bare numbers before. They
 * run in a kernel worker thread, so none is ever interrupted half-way; each has
 * a time limit here instead. A process that serves a device never sends one
 * about it: STOP_DEV and START_DEV wait for I/O that the sender would have to
 * serve, and then cannot even be killed.
 *
 * All functions return 0 or -errno and print nothing but -vv traces;
 * -ETIMEDOUT means that the command is still running in the kernel, and the
 * ctrl is then good for nothing but ctrl_result() and ctrl_close().
 */
#ifndef CORE_CTRL_H
#define CORE_CTRL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/ring.h"
#include "core/uapi.h"

#define CTRL_LIMIT_MS 10000		/* what a control command may take before it is called hung */
#define CTRL_PATH_MAX 256
#define CTRL_PAYLOAD_MAX 1024		/* the mask of 8192 CPUs */
#define CTRL_CPUS_MAX (CTRL_PAYLOAD_MAX * 8)

struct ctrl {
	int fd;				/* /dev/ublk-control, -1 when closed */
	struct ring ring;
	bool legacy;			/* bare command numbers */
	bool features_known;		/* GET_FEATURES answered (6.5) */
	uint64_t features;		/* what the driver knows, not what the caller may use */
	enum ublk_cmd pending;		/* sent, not yet answered; 0 if none */
	uint64_t serial;		/* of the last command */
	_Alignas(8) char buffer[CTRL_PATH_MAX + CTRL_PAYLOAD_MAX];
};

/* Which device a command is about. */
struct ctrl_device {
	uint32_t id;
	const char *path;		/* of ublkcN; sent along when it is not NULL, as an unprivileged device needs */
};

/*
 * Take over @fd, an open /dev/ublk-control, make a ring, and learn the
 * encoding. UBLK_LEGACY_OPCODES in the environment forces bare numbers. An
 * error is io_uring's; @fd is then still the caller's.
 */
int ctrl_open(struct ctrl *ctrl, int fd);
/* Also right in a forked child, where it drops the copy and leaves the parent's ring alone. */
void ctrl_close(struct ctrl *ctrl);


/* The name the kernel gives a command, for messages. */
const char *ctrl_name(enum ublk_cmd command);

/* @info in: what is asked, dev_id -1 for any. Out: what the driver made of it, which alone counts. */
int ctrl_add(struct ctrl *ctrl, struct ublksrv_ctrl_dev_info *info);
int ctrl_del(struct ctrl *ctrl, struct ctrl_device device, int limit_ms);
/* Refuses an open device with -EBUSY. -EOPNOTSUPP or -EINVAL before 7.0. */
int ctrl_try_stop(struct ctrl *ctrl, struct ctrl_device device, int limit_ms);
int ctrl_stop(struct ctrl *ctrl, struct ctrl_device device, int limit_ms);
/* 6.16. Of a live device: on others some kernels crash. @sectors of 512 bytes; the driver checks nothing. */
int ctrl_update_size(struct ctrl *ctrl, struct ctrl_device device, uint64_t sectors);
/*
 * 6.16, of a live device that was added with the flag for it. From then on requests wait for the next server, and
 * nothing lets them go on to this one. Tags that wait for one go back to it, unless -EBUSY: then there were none. Those
 * that it has it may still answer; it is not told when a queue has all of them.
 */
int ctrl_quiesce(struct ctrl *ctrl, struct ctrl_device device);
int ctrl_set_params(struct ctrl *ctrl, struct ctrl_device device, struct ublk_params *params);
int ctrl_get_params(struct ctrl *ctrl, struct ctrl_device device, struct ublk_params *params);
/* With a path GET_DEV_INFO2, which works for every device; else GET_DEV_INFO. */
int ctrl_get_info(struct ctrl *ctrl, struct ctrl_device device, struct ublksrv_ctrl_dev_info *info);
/* The possible CPUs that feed @queue, bit i of byte i / 8; @bytes a multiple of 8. */
int ctrl_get_affinity(struct ctrl *ctrl, struct ctrl_device device, unsigned int queue, void *mask, uint16_t bytes);
/* 7.1. Requests whose bytes lie in this memory of ours are told of by where in it. Its number, 0 for the first, or -errno. */
int ctrl_share(struct ctrl *ctrl, struct ctrl_device device, void *at, uint64_t length);

/*
 * START_USER_RECOVERY: another server will take the device over. -EBUSY while
 * the driver still waits for the last one's end. Once for each that died, and
 * before the next opens ublkcN.
 */
int ctrl_recover(struct ctrl *ctrl, struct ctrl_device device);

/*
 * START_DEV, STOP_DEV and END_USER_RECOVERY, which says that a new server is
 * ready, wait for the server, so the keeper sends them without waiting, watches
 * everything else meanwhile, and asks for the result when ctrl_poll_fd() is
 * readable: -EAGAIN until there is one.
 */
int ctrl_send_start(struct ctrl *ctrl, struct ctrl_device device, int server_pid);
int ctrl_send_recovered(struct ctrl *ctrl, struct ctrl_device device, int server_pid);
int ctrl_send_stop(struct ctrl *ctrl, struct ctrl_device device);
int ctrl_poll_fd(const struct ctrl *ctrl);
int ctrl_result(struct ctrl *ctrl);

#endif
