/* SPDX-License-Identifier: MIT */
/*
 * test_ctrl.c - control commands, as the kernel sees them
 *
 * The ring behind ring.h is a pocket: it keeps the last command and answers
 * with what the test has put there, or not at all.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include "core/ctrl.h"
#include "core/util.h"
#include "tests/check.h"
#include "tests/unit/said.h"

static struct {
	_Alignas(64) char sqe[128];
	bool taken, submitted;
	bool hangs;			/* no answer ever */
	int interruptions;		/* answers that are -EINTR before the real one */
	int result, open_result, submit_result;
	uint64_t user_data;		/* of the command under way */
	bool stale;			/* something else completes first */
	int event;			/* readable when there is an answer */
	const char *reply;		/* what the driver writes to the payload */
	size_t reply_at;
	char seen[CTRL_PATH_MAX + CTRL_PAYLOAD_MAX];	/* the buffer, as the driver saw it */
	uint64_t features;
	int open;
} pocket = { .event = -1 };

static struct io_uring_sqe *sqe(void) { return (struct io_uring_sqe *)pocket.sqe; }
static struct ublksrv_ctrl_cmd *payload(void) { return (struct ublksrv_ctrl_cmd *)sqe()->cmd; }

int ring_open(struct ring *ring, unsigned int entries, enum ring_kind kind)
{
	(void)ring;
	CHECK(entries > 0);
	CHECK_EQ(kind, RING_CONTROL);
	pocket.open += !pocket.open_result;
	return pocket.open_result;
}

void ring_close(struct ring *ring)
{
	(void)ring;
	pocket.open--;
}

struct io_uring_sqe *ring_sqe(struct ring *ring)
{
	(void)ring;
	if (pocket.taken)
		return NULL;
	memset(pocket.sqe, 0, sizeof(pocket.sqe));
	return sqe();
}

int ring_submit(struct ring *ring)
{
	static const uint64_t one = 1;
	char *buffer = (char *)(uintptr_t)payload()->addr;

	(void)ring;
	if (pocket.submit_result)
		return pocket.submit_result;
	pocket.submitted = true;
	pocket.user_data = sqe()->user_data;
	memcpy(pocket.seen, buffer ? buffer : "", buffer ? payload()->len : 0);
	if (pocket.reply)
		memcpy(buffer + pocket.reply_at, pocket.reply, payload()->len - pocket.reply_at);
	if (!pocket.hangs && write(pocket.event, &one, sizeof(one)) < 0)
		return -errno;
	return 0;
}

unsigned int ring_reap(struct ring *ring, struct ring_done *done, unsigned int limit)
{
	uint64_t count;

	(void)ring;
	CHECK_EQ(limit, 1);
	if (pocket.stale && pocket.submitted) {
		pocket.stale = false;
		done[0] = (struct ring_done){ .user_data = 0, .result = -EINVAL };
		return 1;
	}
	if (pocket.hangs || !pocket.submitted)
		return 0;
	if (read(pocket.event, &count, sizeof(count)) < 0)
		return 0;
	pocket.submitted = false;
	done[0] = (struct ring_done){ .user_data = pocket.user_data, .result = pocket.result };
	if (pocket.interruptions) {
		pocket.interruptions--;
		done[0].result = -EINTR;
	}
	return 1;
}

int ring_poll_fd(const struct ring *ring)
{
	(void)ring;
	return pocket.event;
}

static struct ctrl ctrl;

/* A ctrl that has learned what it can from a driver that answers GET_FEATURES with @result. */
static void open_ctrl(int result)
{
	static const uint64_t features = 0x1fe;

	said_nothing();
	if (pocket.event >= 0)
		close(pocket.event);
	memset(&pocket, 0, sizeof(pocket));
	pocket.event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	pocket.result = result;
	pocket.reply = (const char *)&features;
	memset(&ctrl, 0xee, sizeof(ctrl));
	CHECK_EQ(ctrl_open(&ctrl, open("/dev/null", O_RDWR | O_CLOEXEC)), 0);
	CHECK_EQ(payload()->len, 8);
	pocket.reply = NULL;
	pocket.result = 0;
}

static void close_ctrl(void)
{
	ctrl_close(&ctrl);
	CHECK_EQ(pocket.open, 0);
	ctrl_close(&ctrl);		/* twice is no harm */
	CHECK_EQ(pocket.open, 0);
}

/* The last command: this one, about this device. */
static void sent(uint32_t op, uint32_t id, uint16_t queue, uint64_t data)
{
	CHECK_EQ(sqe()->opcode, IORING_OP_URING_CMD);
	CHECK_EQ(sqe()->fd, ctrl.fd);
	CHECK_EQ(sqe()->flags, 0);
	CHECK_EQ(sqe()->cmd_op, op);
	CHECK_EQ(payload()->dev_id, id);
	CHECK_EQ(payload()->queue_id, queue);
	CHECK_EQ(payload()->data[0], data);
	CHECK_EQ(payload()->pad, 0);
	CHECK_EQ(payload()->reserved, 0);
}

#define READS(n)  _IOR('u', n, struct ublksrv_ctrl_cmd)
#define WRITES(n) _IOWR('u', n, struct ublksrv_ctrl_cmd)

static void every_command(bool legacy)
{
	const struct ctrl_device device = { .id = 7 };
	const struct ctrl_device with_path = { .id = 7, .path = "/dev/ublkc7" };
	struct ublksrv_ctrl_dev_info info = { .dev_id = 9 };
	struct ublk_params params = { .types = UBLK_PARAM_TYPE_BASIC };
	struct ublk_shmem_buf_reg memory;
	uint64_t mask[16];

	open_ctrl(legacy ? -EOPNOTSUPP : 0);
	CHECK_EQ(sqe()->cmd_op, 0x80207513U);		/* GET_FEATURES has no bare number */
	CHECK_EQ(ctrl.legacy, legacy);
	CHECK_EQ(ctrl.features_known, !legacy);
	CHECK(legacy || ctrl.features == 0x1fe);

	CHECK_EQ(ctrl_add(&ctrl, &info), 0);
	sent(legacy ? 4 : WRITES(4), 9, 0xffff, 0);
	CHECK_EQ(payload()->len, 64);
	CHECK(!memcmp(pocket.seen, &info, sizeof(info)));
	CHECK_EQ(ctrl_del(&ctrl, device, 100), 0);
	sent(legacy ? 5 : WRITES(5), 7, 0xffff, 0);
	CHECK(!payload()->len && !payload()->addr && !payload()->dev_path_len);
	CHECK_EQ(ctrl_stop(&ctrl, device, 100), 0);
	sent(legacy ? 7 : WRITES(7), 7, 0xffff, 0);
	CHECK_EQ(ctrl_try_stop(&ctrl, device, 100), 0);
	sent(legacy ? 0x17 : WRITES(0x17), 7, 0xffff, 0);
	CHECK_EQ(ctrl_set_params(&ctrl, device, &params), 0);
	sent(legacy ? 8 : WRITES(8), 7, 0xffff, 0);
	CHECK_EQ(payload()->len, sizeof(params));
	CHECK_EQ(*(uint32_t *)pocket.seen, sizeof(params));
	CHECK_EQ(ctrl_get_params(&ctrl, device, &params), 0);
	sent(legacy ? 9 : READS(9), 7, 0xffff, 0);
	CHECK_EQ(ctrl_get_info(&ctrl, device, &info), 0);
	sent(legacy ? 2 : READS(2), 7, 0xffff, 0);
	CHECK_EQ(ctrl_get_info(&ctrl, with_path, &info), 0);
	sent(legacy ? 0x12 : READS(0x12), 7, 0xffff, 0);
	CHECK_EQ(ctrl_get_affinity(&ctrl, device, 3, mask, sizeof(mask)), 0);
	sent(legacy ? 1 : READS(1), 7, 0xffff, 3);
	CHECK_EQ(payload()->len, sizeof(mask));
	memory = (struct ublk_shmem_buf_reg){ .addr = ptr_to_u64(mask), .len = sizeof(mask) };
	pocket.result = 3;		/* a number, not an error */
	CHECK_EQ(ctrl_share(&ctrl, device, mask, sizeof(mask)), 3);
	pocket.result = 0;
	sent(legacy ? 0x18 : WRITES(0x18), 7, 0xffff, 0);
	CHECK_EQ(payload()->len, sizeof(memory));
	CHECK(!memcmp(pocket.seen, &memory, sizeof(memory)));
	CHECK_EQ(ctrl_send_start(&ctrl, device, 4711), 0);
	sent(legacy ? 6 : WRITES(6), 7, 0xffff, 4711);
	CHECK_EQ(ctrl_result(&ctrl), 0);
	CHECK_EQ(ctrl_send_stop(&ctrl, device), 0);
	sent(legacy ? 7 : WRITES(7), 7, 0xffff, 0);
	CHECK_EQ(ctrl_result(&ctrl), 0);
	close_ctrl();
}

static void both_encodings(void)
{
	every_command(false);
	every_command(true);
	CHECK_EQ(WRITES(4), 0xc0207504U);
}

static void forced_legacy(void)
{
	setenv("UBLK_LEGACY_OPCODES", "1", 1);
	open_ctrl(0);
	unsetenv("UBLK_LEGACY_OPCODES");
	CHECK(ctrl.legacy && ctrl.features_known);
	CHECK_EQ(ctrl_del(&ctrl, (struct ctrl_device){ .id = 1 }, 100), 0);
	sent(5, 1, 0xffff, 0);
	close_ctrl();
}

/* The path stands in front, with its NUL, padded so that the payload stays aligned. */
static void paths(void)
{
	static const char *const names[] = { "/dev/ublkc0", "/dev/ub", "/dev/ubl", "/a/rather/long/path/to/a/node/ublkc12345" };

	open_ctrl(0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct ctrl_device device = { .id = 2, .path = names[i] };
		uint16_t space = (uint16_t)((strlen(names[i]) + 8) / 8 * 8);
		struct ublksrv_ctrl_dev_info info = { .dev_id = 0x11223344, .flags = 5 }, reply = { .dev_id = 2, .state = 1 };

		pocket.reply = (const char *)&reply;
		pocket.reply_at = space;
		CHECK_EQ(ctrl_get_info(&ctrl, device, &info), 0);
		CHECK_EQ(payload()->dev_path_len, space);
		CHECK_EQ(payload()->len, space + sizeof(info));
		CHECK_EQ(payload()->addr % 8, 0);
		CHECK_TEXT(pocket.seen, names[i]);
		CHECK_EQ(((struct ublksrv_ctrl_dev_info *)(pocket.seen + space))->dev_id, 0x11223344);
		CHECK(!memcmp(&info, &reply, sizeof(info)));
		pocket.reply = NULL;
		CHECK_EQ(ctrl_del(&ctrl, device, 100), 0);
		CHECK_EQ(payload()->len, space);
		CHECK(payload()->addr);
	}
	close_ctrl();
}

static void long_paths(void)
{
	static char path[70001];
	struct ctrl_device device = { .path = path };

	open_ctrl(0);
	for (size_t length = 240; length < sizeof(path); length = length < 300 ? length + 1 : length + 61) {
		memset(path, 'x', length);
		path[length] = '\0';
		CHECK_EQ(ctrl_del(&ctrl, device, 100), length < CTRL_PATH_MAX ? 0 : -ENAMETOOLONG);
	}
	CHECK_EQ(ctrl_get_affinity(&ctrl, (struct ctrl_device){ .id = 1 }, 0, path, CTRL_PAYLOAD_MAX + 8), -ENAMETOOLONG);
	close_ctrl();
}

static void errors_pass(void)
{
	struct ublksrv_ctrl_dev_info info = { .dev_id = 3 };

	open_ctrl(0);
	pocket.result = -EACCES;
	CHECK_EQ(ctrl_add(&ctrl, &info), -EACCES);
	pocket.submit_result = -EAGAIN;
	CHECK_EQ(ctrl_add(&ctrl, &info), -EAGAIN);
	CHECK_EQ(ctrl.pending, 0);
	CHECK_EQ(sqe()->opcode, IORING_OP_NOP);		/* it goes out with the next one, and must do no harm */
	pocket.submit_result = 0;
	pocket.stale = true;
	pocket.result = -EPERM;
	CHECK_EQ(ctrl_add(&ctrl, &info), -EPERM);	/* its own result, not the other's */
	CHECK(!pocket.stale);
	pocket.taken = true;
	CHECK_EQ(ctrl_add(&ctrl, &info), -EBUSY);
	pocket.taken = false;
	pocket.result = 0;
	CHECK_EQ(ctrl_add(&ctrl, &info), 0);
	CHECK_EQ(said_nothing(), 0);
	close_ctrl();
}

static void interrupted_commands(void)
{
	struct ctrl_device device = { .id = 5 };

	open_ctrl(0);
	pocket.interruptions = 2;
	CHECK_EQ(ctrl_del(&ctrl, device, 20), 0);
	CHECK_EQ(pocket.interruptions, 0);
	pocket.interruptions = 1000;
	CHECK_EQ(ctrl_stop(&ctrl, device, 20), -EINTR);		/* not for ever */
	pocket.interruptions = 0;
	close_ctrl();
}

static void hung_commands(void)
{
	struct ctrl_device device = { .id = 5 };
	struct pollfd ready;

	open_ctrl(0);
	pocket.hangs = true;
	CHECK_EQ(ctrl_stop(&ctrl, device, 20), -ETIMEDOUT);
	CHECK_EQ(ctrl.pending, UBLK_CMD_STOP_DEV);
	CHECK_EQ(ctrl_del(&ctrl, device, 20), -EBUSY);	/* the buffer belongs to the kernel */
	CHECK_EQ(ctrl_result(&ctrl), -EAGAIN);
	pocket.hangs = false;
	pocket.result = -ENODEV;
	CHECK_EQ(write(pocket.event, &(uint64_t){ 1 }, 8), 8);
	ready = (struct pollfd){ .fd = ctrl_poll_fd(&ctrl), .events = POLLIN };
	CHECK_EQ(poll(&ready, 1, 0), 1);
	CHECK_EQ(ctrl_result(&ctrl), -ENODEV);
	CHECK_EQ(ctrl.pending, 0);
	CHECK_EQ(ctrl_result(&ctrl), -EAGAIN);
	close_ctrl();
}

static void no_ring(void)
{
	open_ctrl(0);
	close_ctrl();
	pocket.open_result = -EPERM;
	CHECK_EQ(ctrl_open(&ctrl, 99), -EPERM);
	CHECK_EQ(fcntl(99, F_GETFD), -1);		/* and nobody closed what is the caller's */
}

static void names(void)
{
	CHECK_TEXT(ctrl_name(UBLK_CMD_ADD_DEV), "ADD_DEV");
	CHECK_TEXT(ctrl_name(UBLK_CMD_TRY_STOP_DEV), "TRY_STOP_DEV");
	CHECK_TEXT(ctrl_name((enum ublk_cmd)0x7f), "a control command");
}

TESTS(
	{ "every command in both encodings, with its number, device and data", both_encodings },
	{ "UBLK_LEGACY_OPCODES forces bare numbers", forced_legacy },
	{ "a path stands in front of the payload, padded", paths },
	{ "a path that is too long is refused, however long", long_paths },
	{ "errors of the driver and of the ring come back, and nothing is left pending", errors_pass },
	{ "a command that was interrupted is sent again", interrupted_commands },
	{ "a command that does not end is told as a timeout, and stays pending until it does", hung_commands },
	{ "without a ring the error is io_uring's", no_ring },
	{ "commands have the kernel's names", names },
)
