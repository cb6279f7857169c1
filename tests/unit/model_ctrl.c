/* SPDX-License-Identifier: MIT */
/*
 * model_ctrl.c - control commands, the states of a device, and the death of its server
 *
 * A thread of the test is the kernel's: it does what commands ask for, when that can be done, and sees servers die.
 *
 *   DEAD -- START_DEV --> LIVE -- the server dies --> QUIESCED (or FAIL_IO) -- END_USER_RECOVERY --> LIVE
 *     ^                    |  `-- QUIESCE_DEV ----------^                        after START_USER_RECOVERY
 *     `----- STOP_DEV -----'  `-- it dies, and nobody else is to come --> DEAD
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/ctrl.h"
#include "core/device.h"
#include "core/util.h"
#include "tests/unit/model_inside.h"

const struct model_kernel model_kernels[] = {
	{ .name = "6.1", .scans_in_start = true, .recovers_once = true, .stalls_when_full = true, .dies_fetching = CRASHES },
	{ .name = "6.12", .features = 0x1fe, .scans_in_start = true, .recovers_once = true, .stalls_when_full = true,
	  .dies_fetching = CRASHES },
	{ .name = "6.16", .features = 0x3fff, .scans_in_start = true, .dies_fetching = STUCK_AFTERWARDS },
	{ .name = "6.18", .features = 0x7fff, .asks_opener = true, .dies_fetching = STUCK_AFTERWARDS },
	{ .name = "7.2", .features = 0xfffff, .asks_opener = true },
	{ .name = "7.3", .features = 0x1fffff, .asks_opener = true, .takes_short = true },
	{ .name = NULL },
};

#define RECOVERY (UBLK_F_USER_RECOVERY | UBLK_F_USER_RECOVERY_REISSUE | UBLK_F_USER_RECOVERY_FAIL_IO)
#define LATER_RESULT 1		/* no command has it: what it waits for has not come */

static pthread_t thread;
static _Atomic bool ended;

static bool has(uint64_t flags)
{
	return device->info.flags & flags;
}

void model_look(void)
{
	static const uint64_t one = 1;

	if (device->driven)
		INSIST(write(device->kernel_kick, &one, sizeof(one)) == sizeof(one));
}

static void kick_all(void)
{
	for (unsigned int i = 0; i < device->plan.queues; i++)
		model_kick(&device->queues[i]);
}

/* --- in the keeper ------------------------------------------------------------------ */

static void check_encoding(uint32_t op)
{
	static const uint8_t reading[] = {
		UBLK_CMD_GET_QUEUE_AFFINITY, UBLK_CMD_GET_DEV_INFO, UBLK_CMD_GET_PARAMS, UBLK_CMD_GET_DEV_INFO2, UBLK_CMD_GET_FEATURES,
	};
	uint32_t number = op & 0xff;
	bool reads = memchr(reading, (int)number, sizeof(reading));

	if (!device->plan.kernel->features && number != UBLK_CMD_GET_FEATURES)
		INSIST(op == number);
	else
		INSIST(op == (reads ? _IOR('u', number, struct ublksrv_ctrl_cmd) : _IOWR('u', number, struct ublksrv_ctrl_cmd)));
}

int ctrl_ring_submit(struct model_ring *r)
{
	struct model_command *command = &device->command;

	for (unsigned int i = 0; i < r->queued; i++) {
		const struct io_uring_sqe *sqe = &r->sqes[2 * i];

		INSIST(sqe->opcode == IORING_OP_URING_CMD && command->stage == NO_COMMAND);
		memcpy(&command->cmd, sqe->cmd, sizeof(command->cmd));
		INSIST(command->cmd.len <= sizeof(command->payload));
		if (command->cmd.len)
			memcpy(command->payload, (void *)(uintptr_t)command->cmd.addr, command->cmd.len);
		check_encoding(sqe->cmd_op);
		command->op = sqe->cmd_op & 0xff;
		command->user_data = sqe->user_data;
		__atomic_store_n(&command->stage, SENT, __ATOMIC_SEQ_CST);
		model_look();
	}
	r->queued = 0;
	return 0;
}

unsigned int ctrl_ring_reap(struct ring_done *done)
{
	struct model_command *command = &device->command;
	uint64_t count;

	if (__atomic_load_n(&command->stage, __ATOMIC_SEQ_CST) != DONE)
		return 0;
	INSIST(read(device->ctrl_event, &count, sizeof(count)) == sizeof(count));
	if (command->cmd.len)
		memcpy((void *)(uintptr_t)command->cmd.addr, command->payload, command->cmd.len);
	*done = (struct ring_done){ .user_data = command->user_data, .result = command->result };
	__atomic_store_n(&command->stage, NO_COMMAND, __ATOMIC_SEQ_CST);
	return 1;
}

/* --- in the server ----------------------------------------------------------------- */

/* Only one may have it open, and the next one not before the driver was told of him. */
void model_opened(void)
{
	pid_t before = 0;

	if (!device->driven)
		return;
	if (atomic_compare_exchange_strong(&device->server, &before, getpid())) {
		INSIST(device->added && (device->recovering || !device->was_live));
		device->fresh = false;
		model_look();
	} else {
		INSIST(before == getpid());
	}
}

/* --- commands ------------------------------------------------------------------------- */

static bool all_fetched(void)
{
	return device->server && device->fetched == device->plan.queues * device->plan.depth;
}

/* As many tags came back as there are. */
static bool all_gone(void)
{
	return model_gone() == device->plan.queues * device->plan.depth;
}

/* What the driver makes of the flags that it is asked for; -errno if it will not have them. */
static int grant(uint64_t *flags)
{
	uint64_t known = device->plan.kernel->features ? device->plan.kernel->features : 0x1e;
	uint64_t direct = UBLK_F_USER_COPY | UBLK_F_SUPPORT_ZERO_COPY | UBLK_F_AUTO_BUF_REG;

	if (device->plan.without_rights && !(*flags & UBLK_F_UNPRIVILEGED_DEV))
		return -EPERM;
	if (!device->plan.without_rights)
		*flags &= ~UBLK_F_UNPRIVILEGED_DEV;
	*flags &= known;
	if (*flags & UBLK_F_QUIESCE && !(*flags & UBLK_F_USER_RECOVERY))
		return -EINVAL;
	INSIST(!(*flags & UBLK_F_QUIESCE && *flags & UBLK_F_BATCH_IO));	/* or requests would fail while it is quiesced */
	if (*flags & UBLK_F_UNPRIVILEGED_DEV && *flags & direct)
		return -EINVAL;
	if (*flags & UBLK_F_UNPRIVILEGED_DEV)
		*flags &= ~RECOVERY;
	if (*flags & (direct | UBLK_F_BATCH_IO))
		*flags &= ~UBLK_F_NEED_GET_DATA;
	*flags |= known & (UBLK_F_URING_CMD_COMP_IN_TASK | UBLK_F_CMD_IOCTL_ENCODE | UBLK_F_PER_IO_DAEMON);
	return 0;
}

static int add_dev(const struct model_command *c)
{
	struct ublksrv_ctrl_dev_info info;
	int err;

	INSIST(c->cmd.len == sizeof(info) && c->cmd.queue_id == 0xffff && !device->added);
	memcpy(&info, c->payload, sizeof(info));
	INSIST(info.dev_id == c->cmd.dev_id);
	if (!info.queue_depth || info.queue_depth > UBLK_MAX_QUEUE_DEPTH || !info.nr_hw_queues)
		return -EINVAL;
	if ((device->plan.exists && info.dev_id != UINT32_MAX) ||
	    (device->plan.other.nr_hw_queues && info.dev_id == device->plan.other.dev_id))
		return -EEXIST;
	err = grant(&info.flags);
	if (err)
		return err;
	info.nr_hw_queues = (uint16_t)min_u64(info.nr_hw_queues, device->plan.queues);
	info.max_io_buf_bytes = (uint32_t)round_up(info.max_io_buf_bytes, page_size());
	info.dev_id = info.dev_id == UINT32_MAX ? 0 : info.dev_id;
	info.state = UBLK_S_DEV_DEAD;
	device->plan.queues = info.nr_hw_queues;
	device->plan.depth = info.queue_depth;
	device->plan.max_io = info.max_io_buf_bytes;
	device->plan.granted = info.flags;
	device->plan.legacy = !device->plan.kernel->features;
	device->info = info;
	device->added = true;
	memcpy(device->command.payload, &info, sizeof(info));
	return 0;
}

static int set_params(const struct model_command *c, const char *payload, size_t length)
{
	struct ublk_params params;

	if (device->was_live)
		return -EACCES;
	INSIST(length == sizeof(params) && c->cmd.len >= length);
	memcpy(&params, payload, sizeof(params));
	INSIST(params.len == sizeof(params) && params.types & UBLK_PARAM_TYPE_BASIC);
	INSIST(!(params.types & ~(uint32_t)(UBLK_PARAM_TYPE_BASIC | UBLK_PARAM_TYPE_DISCARD | UBLK_PARAM_TYPE_DMA_ALIGN)));
	INSIST(params.basic.logical_bs_shift >= 9 && params.basic.logical_bs_shift <= 12);
	INSIST(params.basic.logical_bs_shift <= params.basic.physical_bs_shift);
	INSIST(params.basic.max_sectors >= 8 && params.basic.max_sectors <= device->info.max_io_buf_bytes >> 9);
	INSIST(params.basic.dev_sectors && params.basic.dev_sectors <= INT64_MAX >> 9);
	if (params.types & UBLK_PARAM_TYPE_DISCARD)
		INSIST(params.discard.max_discard_segments == 1 && params.discard.discard_granularity);
	device->params = params;
	device->has_params = true;
	return 0;
}

static bool is_opener(uint64_t pid)
{
	return pid && (!device->plan.kernel->asks_opener || !device->server || (pid_t)pid == device->server);
}

/* Read by the kernel's own scan for partitions, which START_DEV waits for on some. */
static bool scan(void)
{
	struct model_io *io = &device->scan;

	if (!device->plan.kernel->scans_in_start || device->plan.load)
		return true;
	if (!io->sectors) {
		*io = (struct model_io){ .op = UBLK_IO_OP_READ, .sectors = 8, .data = device->scanned };
		model_submit(0, io);
	}
	return io->done || !device->server;
}

static int start_dev(const struct model_command *c)
{
	if (!device->has_params || !is_opener(c->cmd.data[0]))
		return -EINVAL;
	if (device->was_live && !device->live)
		return -EEXIST;
	if (!device->live && !all_fetched())
		return device->deaths ? -EINTR : LATER_RESULT;
	if (!device->live) {
		device->state = UBLK_S_DEV_LIVE;
		device->live = device->was_live = true;
		kick_all();
	}
	return scan() ? 0 : LATER_RESULT;
}

static int stop_dev(void)
{
	if (!device->stopping) {
		device->stopping = true;
		kick_all();
	}
	if (device->server && !all_gone())
		return LATER_RESULT;
	device->state = UBLK_S_DEV_DEAD;
	device->live = false;
	return 0;
}

/* Nobody has it open, and no mapping, and no ring. */
static int del_dev(void)
{
	if (!device->added)
		return -ENODEV;
	stop_dev();
	if (device->server)
		return LATER_RESULT;
	device->added = false;
	return 0;
}

static int start_recovery(void)
{
	const struct model_kernel *kernel = device->plan.kernel;

	if (!has(UBLK_F_USER_RECOVERY))
		return -EINVAL;
	if (device->server || (device->state != UBLK_S_DEV_QUIESCED && device->state != UBLK_S_DEV_FAIL_IO))
		return -EBUSY;
	if (device->held) {
		device->held--;
		return -EBUSY;
	}
	/* 6.12 follows a NULL pointer, others never let go of it again. */
	INSIST(!device->cursed || kernel->dies_fetching == RETRIES);
	if (device->recovering && kernel->recovers_once)
		return -EINVAL;
	device->recovering = true;
	return 0;
}

/* When all have been fetched; also from one that died right after, which is another death then. */
static int end_recovery(const struct model_command *c)
{
	if (!device->recovering && !device->fresh)
		return -EINVAL;
	if (!is_opener(c->cmd.data[0]))
		return -EINVAL;
	if (device->fresh)
		return device->plan.kernel->recovers_once ? 0 : -EBUSY;
	if (!all_fetched())
		return LATER_RESULT;
	device->recovering = false;
	device->state = UBLK_S_DEV_LIVE;
	device->live = true;
	kick_all();
	return 0;
}

/*
 * Nothing more is handed to the server. The tags that are idle in this moment go back; others are fetched again with
 * their answers and then stay for ever, unless this is sent once more. When the server does not serve any more, it
 * would take the tags of the next one.
 */
static int quiesce(void)
{
	if (!(device->plan.kernel->features & UBLK_F_QUIESCE) || !has(UBLK_F_QUIESCE))
		return -EOPNOTSUPP;
	if (device->state == UBLK_S_DEV_DEAD)
		return -ENODEV;
	model_lock_all();
	INSIST(device->state == UBLK_S_DEV_LIVE || !device->recovering);
	device->quiescing = device->state == UBLK_S_DEV_LIVE;
	for (unsigned int i = 0; i < device->plan.queues && device->quiescing; i++) {
		struct model_queue *queue = &device->queues[i];

		queue->told = queue->gone;
		for (unsigned int tag = 0; tag < device->plan.depth; tag++) {
			queue->tags[tag].cancelled = queue->tags[tag].state == IDLE;
			queue->told |= queue->tags[tag].cancelled;
		}
	}
	model_unlock_all();
	kick_all();
	return 0;
}

static int get_info(char *payload, size_t length)
{
	struct ublksrv_ctrl_dev_info info = device->info;

	if (!device->added)
		return -ENODEV;
	INSIST(length == sizeof(info));
	info.state = device->state;
	info.ublksrv_pid = device->server ? device->server : -1;
	memcpy(payload, &info, sizeof(info));
	return 0;
}

/* Nothing is done with that one but to look at it. */
static int get_other(uint32_t op, char *payload, size_t length)
{
	INSIST((op == UBLK_CMD_GET_DEV_INFO || op == UBLK_CMD_GET_DEV_INFO2) && length == sizeof(device->plan.other));
	memcpy(payload, &device->plan.other, length);
	return 0;
}

/* All CPUs, for every queue. */
static int get_affinity(const struct model_command *c, char *payload, size_t length)
{
	INSIST(length % sizeof(long) == 0 && c->cmd.data[0] < device->plan.queues);
	memset(payload, 0xff, length);
	return 0;
}

static int get_features(const struct model_command *c, char *payload)
{
	if (!device->plan.kernel->features)
		return -EOPNOTSUPP;
	INSIST(c->cmd.len == UBLK_FEATURES_LEN);
	memcpy(payload, &device->plan.kernel->features, sizeof(uint64_t));
	return 0;
}

/* Nobody's requests come from there. */
static int reg_buf(const struct model_command *c)
{
	INSIST(has(UBLK_F_SHMEM_ZC) && c->cmd.len >= sizeof(struct ublk_shmem_buf_reg) && !device->was_live);
	return 0;
}

static int try_stop(void)
{
	if (!(device->plan.kernel->features & UBLK_F_SAFE_STOP_DEV))
		return -EOPNOTSUPP;
	return device->plan.in_use ? -EBUSY : stop_dev();
}

static int do_command(struct model_command *c)
{
	bool about = c->op != UBLK_CMD_GET_FEATURES && c->op != UBLK_CMD_ADD_DEV;
	char *payload = c->payload + c->cmd.dev_path_len;
	size_t length = (size_t)c->cmd.len - c->cmd.dev_path_len;

	INSIST(!about || !has(UBLK_F_UNPRIVILEGED_DEV) || device->plan.other.nr_hw_queues || (c->cmd.dev_path_len && !strcmp(c->payload, device->plan.node)));
	if (c->cmd.dev_id == device->plan.other.dev_id && device->plan.other.nr_hw_queues && about)
		return get_other(c->op, payload, length);
	if (about && !device->added)
		return -ENODEV;
	switch (c->op) {
	case UBLK_CMD_GET_FEATURES:	   return get_features(c, payload);
	case UBLK_CMD_ADD_DEV:		   return add_dev(c);
	case UBLK_CMD_GET_DEV_INFO:
	case UBLK_CMD_GET_DEV_INFO2:	   return get_info(payload, length);
	case UBLK_CMD_GET_QUEUE_AFFINITY:  return get_affinity(c, payload, length);
	case UBLK_CMD_SET_PARAMS:	   return set_params(c, payload, length);
	case UBLK_CMD_START_DEV:	   return start_dev(c);
	case UBLK_CMD_STOP_DEV:		   return stop_dev();
	case UBLK_CMD_TRY_STOP_DEV:	   return try_stop();
	case UBLK_CMD_DEL_DEV:		   return del_dev();
	case UBLK_CMD_START_USER_RECOVERY: return start_recovery();
	case UBLK_CMD_END_USER_RECOVERY:   return end_recovery(c);
	case UBLK_CMD_QUIESCE_DEV:	   return quiesce();
	case UBLK_CMD_REG_BUF:		   return reg_buf(c);
	}
	return -EOPNOTSUPP;
}

static void look_at_command(void)
{
	static const uint64_t one = 1;
	struct model_command *c = &device->command;
	bool refused = c->op == (uint32_t)device->plan.refused.command && device->plan.refused.error;

	if (__atomic_load_n(&c->stage, __ATOMIC_SEQ_CST) != SENT)
		return;
	if (refused && device->commands[c->op] >= device->plan.refused.after &&
	    (!device->plan.refused.times || device->commands[c->op] < device->plan.refused.after + device->plan.refused.times))
		c->result = device->plan.refused.error;
	else
		c->result = do_command(c);
	if (c->result == LATER_RESULT)
		return;
	device->commands[c->op]++;
	INSIST(write(device->ctrl_event, &one, sizeof(one)) == sizeof(one));	/* first: who sees the stage takes it */
	__atomic_store_n(&c->stage, DONE, __ATOMIC_SEQ_CST);
}

/* --- death --------------------------------------------------------------------------- */

/* What it was serving is done again by the next, or fails; what it was not yet told of waits, or fails. */
static void give_up_queue(struct model_queue *queue)
{
	bool again = has(UBLK_F_USER_RECOVERY_REISSUE) && !device->stopping;
	bool all = !has(UBLK_F_USER_RECOVERY) || has(UBLK_F_USER_RECOVERY_FAIL_IO) || device->stopping;

	for (unsigned int i = device->plan.depth; i--;) {
		struct tag *tag = &queue->tags[i];
		struct model_io *io = tag->io;

		*tag = (struct tag){ .state = NEW };
		if (io)
			io->cut = false;
		if (io && again)
			model_enqueue(queue, io, true);
		else if (io)
			model_finish(queue, io, -EIO);
	}
	while (all && queue->incoming) {
		struct model_io *io = queue->incoming;

		queue->incoming = io->next;
		if (!queue->incoming)
			queue->tail = &queue->incoming;
		model_finish(queue, io, -EIO);
	}
	queue->fetched = queue->gone = queue->arrivals = queue->entered = 0;
	queue->descriptors = NULL;
	queue->ring = NULL;
}

static bool is_full(const struct model_queue *queue)
{
	for (unsigned int i = 0; i < device->plan.depth; i++)
		if (queue->tags[i].state != OURS && queue->tags[i].state != ASKED)
			return false;
	return true;
}

/* The driver lets go of a server. All queues are locked. */
static void server_died(void)
{
	bool served = device->live && !device->stopping;

	device->held = device->plan.release;
	for (unsigned int i = 0; i < device->plan.queues; i++)
		if (device->plan.kernel->stalls_when_full && is_full(&device->queues[i]))
			device->held += 5;
	if (device->recovering && device->fetched && !all_fetched())
		device->cursed = true;
	device->fresh = device->recovering && all_fetched();	/* all were there, if only for a moment */
	if (served || device->fresh)
		device->recovering = false;
	for (unsigned int i = 0; i < device->plan.queues; i++)
		give_up_queue(&device->queues[i]);
	device->fetched = device->rings = device->mapped = 0;
	device->live = device->quiescing = false;
	if (device->was_live && !device->stopping && has(UBLK_F_USER_RECOVERY))
		device->state = has(UBLK_F_USER_RECOVERY_FAIL_IO) ? UBLK_S_DEV_FAIL_IO : UBLK_S_DEV_QUIESCED;
	else
		device->state = UBLK_S_DEV_DEAD;
	if (device->state == UBLK_S_DEV_DEAD)
		device->stopping = true;
	device->deaths++;
	device->server = 0;
}

/* --- the kernel's own thread ------------------------------------------------------------- */

static void *kernel(void *unused)
{
	int server = -1;
	pid_t watched = 0;

	(void)unused;
	while (!ended) {
		struct pollfd ready[] = { { .fd = device->kernel_kick, .events = POLLIN }, { .fd = server, .events = POLLIN } };
		uint64_t count;

		if (device->server && device->server != watched) {
			watched = device->server;
			server = (int)syscall(SYS_pidfd_open, watched, 0);
			ready[1].fd = server;
		}
		poll(ready, 2, watched && server < 0 ? 0 : -1);
		if (ready[0].revents)
			INSIST(read(device->kernel_kick, &count, sizeof(count)) == sizeof(count));
		if (watched && (ready[1].revents || server < 0)) {	/* it has ended, and may be forgotten already */
			model_lock_all();
			server_died();
			model_unlock_all();
			if (server >= 0)
				close(server);
			server = -1;
			watched = 0;
		}
		look_at_command();
	}
	if (server >= 0)
		close(server);
	return NULL;
}

/* --- for tests ------------------------------------------------------------------------------ */

void model_ctrl_open(void)
{
	device->driven = true;
	device->ctrl_event = model_event();
	device->kernel_kick = model_event();
}

void model_boot(void)
{
	ended = false;
	pthread_create(&thread, NULL, kernel, NULL);
}

void model_halt(void)
{
	ended = true;
	model_look();
	pthread_join(thread, NULL);
	close(device->ctrl_event);
	close(device->kernel_kick);
}

/* It has ended when this returns, and is in the middle of nothing. */
bool model_kill_through(int pidfd, int sig)
{
	struct pollfd gone = { .fd = pidfd, .events = POLLIN };
	bool sent;

	model_lock_all();
	sent = syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) == 0;
	if (sent)
		INSIST(poll(&gone, 1, 60000) == 1);
	model_unlock_all();
	return sent;
}

void model_kill(pid_t pid, int sig)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	model_kill_through(pidfd, sig);
	if (pidfd >= 0)
		close(pidfd);
}

bool model_kill_server(int sig)
{
	pid_t pid = device->server;

	if (pid)
		model_kill(pid, sig);
	if (pid)
		INSIST(COMES(device->server != pid));	/* until the kernel has seen it */
	return pid;
}

/* All of its threads: it is not our child, so /proc must tell. */
static bool is_stopped(pid_t pid)
{
	char path[40], text[200];
	int fd, n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY);
	n = (int)read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return strstr(text, ") T ");
}

bool model_freeze_server(void)
{
	pid_t pid = device->server;
	bool done;

	model_lock_all();
	done = kill(pid, SIGSTOP) == 0;
	done = done && COMES(is_stopped(pid));
	model_unlock_all();
	return done;
}

void model_is_deadly(void)
{
	device->deadly = true;
}

bool model_is_served(void)
{
	return COMES(model_is_live());
}

bool model_is_live(void) { return device->live && device->server; }

bool model_quiesce(void)
{
	unsigned int told = 0;

	INSIST(quiesce() == 0);
	for (unsigned int i = 0; i < device->plan.queues; i++)
		told += device->queues[i].told;
	return told == device->plan.queues || device->state != UBLK_S_DEV_LIVE;
}

pid_t model_server(void) { return device->server; }

void model_kept_by(pid_t pid)
{
	device->info.ublksrv_flags = (device->info.ublksrv_flags & -(1ULL << DEVICE_PID_BITS)) | (uint32_t)pid;
}

pid_t model_keeper(void)
{
	return device_keeper(device->info.ublksrv_flags);
}

bool model_is_added(void) { return device->added; }
int model_state(void) { return device->state; }
unsigned int model_deaths(void) { return device->deaths; }
unsigned int model_sent(enum ublk_cmd command) { return device->commands[command]; }
const char *model_violation(void) { return device->violated; }
