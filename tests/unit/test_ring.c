/* SPDX-License-Identifier: MIT */
/* test_ring.c - the door to the kernel, with nobody behind it: liburing is stood in for, ublkcN is a file in memory */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <liburing.h>

static long fake_setup(long number, unsigned int entries, struct io_uring_params *params);

static unsigned int copy_interruptions;

/* As they are, after so many interruptions. */
static ssize_t copy_in(int fd, const void *from, size_t length, off_t at)
{
	if (!copy_interruptions)
		return pwrite(fd, from, length, at);
	copy_interruptions--;
	return -1;
}

static ssize_t copy_out(int fd, void *to, size_t length, off_t at)
{
	if (!copy_interruptions)
		return pread(fd, to, length, at);
	copy_interruptions--;
	return -1;
}

#define syscall fake_setup
#define pwrite copy_in
#define pread copy_out
#include "core/ring.c"
#undef syscall
#undef pwrite
#undef pread

#include "tests/check.h"

/* --- liburing --- */

static struct io_uring_sqe sqes[2 * 8];		/* SQE128 takes two of them */
static struct io_uring_cqe cqes[8];
static unsigned int sq_head, cq_head, cq_tail;
static unsigned int asked[8], asks;		/* flags of each ring that is asked for */
static bool without_order;			/* can the kernel do without the order of entries? Else that is refused */
static unsigned int order[64];			/* of entries */
static int no_memory, mapped_fd;
static unsigned int unknown;			/* flags that the kernel does not know */
static unsigned int submitted, interruptions, waits;
static unsigned int sq_flags;			/* as the kernel sets them */
static unsigned int entered;			/* to have done what is pending; that brings a completion */
static int refusal;
static bool stuck;				/* what is submitted stays where it is */
static unsigned int exits, files_given;
static unsigned int sparse;
static struct io_uring_buf buffers[8];		/* a group of them, as the kernel sees it */
static bool grouped;

static long fake_setup(long number, unsigned int entries, struct io_uring_params *params)
{
	CHECK_EQ(number, SYS_io_uring_setup);
	errno = refusal ? -refusal : EINVAL;
	if (params->flags & IORING_SETUP_NO_SQARRAY && !without_order && !refusal)
		return -1;
	asked[asks++] = params->flags;
	if (refusal || params->flags & unknown)
		return -1;
	params->sq_entries = entries;
	return dup(0);
}

int io_uring_queue_mmap(int fd, struct io_uring_params *params, struct io_uring *ring)
{
	CHECK(fcntl(fd, F_GETFD) >= 0);
	mapped_fd = fd;
	memset(ring, 0, sizeof(*ring));
	ring->sq.khead = &sq_head;
	ring->sq.kflags = &sq_flags;
	ring->sq.sqes = sqes;
	ring->sq.ring_entries = params->sq_entries;
	ring->sq.ring_mask = params->sq_entries - 1;
	if (!(params->flags & IORING_SETUP_NO_SQARRAY))
		ring->sq.array = order;
	ring->cq.khead = &cq_head;
	ring->cq.ktail = &cq_tail;
	ring->cq.cqes = cqes;
	ring->cq.ring_mask = ARRAY_SIZE(cqes) - 1;
	return no_memory;
}

int io_uring_register_ring_fd(struct io_uring *ring) { (void)ring; return -EINVAL; }	/* before Linux 5.18 */

struct io_uring_buf_ring *io_uring_setup_buf_ring(struct io_uring *ring, unsigned int count, int group, unsigned int flags,
						  int *err)
{
	(void)ring;
	CHECK(count <= ARRAY_SIZE(buffers) && group == RING_BUFFER_GROUP && !flags && !grouped);
	memset(buffers, 0, sizeof(buffers));
	*err = refusal;
	grouped = !refusal;
	return refusal ? NULL : (struct io_uring_buf_ring *)buffers;
}

void io_uring_queue_exit(struct io_uring *ring) { (void)ring; exits++; }

int io_uring_register_files(struct io_uring *ring, const int *files, unsigned count)
{
	(void)ring;
	CHECK(files[0] == 77);
	files_given = count;
	return refusal;
}

int io_uring_register_buffers_sparse(struct io_uring *ring, unsigned count)
{
	(void)ring;
	sparse = count;
	return count > 16384 ? -EINVAL : 0;
}

static struct io_uring_restriction rules[16];
static unsigned int rule_count, enabled;

int io_uring_register_restrictions(struct io_uring *ring, struct io_uring_restriction *given, unsigned int count)
{
	(void)ring;
	CHECK(!enabled && count <= ARRAY_SIZE(rules));
	memcpy(rules, given, count * sizeof(*given));
	rule_count = count;
	return refusal;
}

int io_uring_enable_rings(struct io_uring *ring)
{
	(void)ring;
	enabled++;
	return refusal;
}

static int submit(struct io_uring *ring)
{
	int count = (int)(ring->sq.sqe_tail - sq_head);

	if (interruptions) {
		interruptions--;
		return -EINTR;
	}
	if (refusal)
		return refusal;
	if (stuck)
		return 0;
	submitted += (unsigned int)count;
	sq_head = ring->sq.sqe_tail;
	return count;
}

int io_uring_submit(struct io_uring *ring) { return submit(ring); }

int io_uring_submit_and_wait(struct io_uring *ring, unsigned count)
{
	CHECK_EQ(count, 1);
	waits++;
	return submit(ring);
}

int io_uring_get_events(struct io_uring *ring)
{
	(void)ring;
	entered++;
	sq_flags = 0;
	cq_tail++;
	return 0;
}

static void reset(void)
{
	memset(sqes, 0xff, sizeof(sqes));
	sq_head = cq_head = cq_tail = asks = unknown = submitted = interruptions = sparse = waits = sq_flags = entered = 0;
	refusal = no_memory = 0;
	without_order = false;
}

/* --- claims --- */

static void flavours_of_rings(void)
{
	static const struct { unsigned int unknown; const char *flavour; } table[] = {
		{ 0, "DEFER_TASKRUN|SINGLE_ISSUER" },
		{ IORING_SETUP_DEFER_TASKRUN, "COOP_TASKRUN|SINGLE_ISSUER" },
		{ IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER, "COOP_TASKRUN" },
		{ ~IORING_SETUP_R_DISABLED, "plain" },
	};
	struct ring ring;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		reset();
		unknown = table[i].unknown;
		CHECK_EQ(ring_open(&ring, 8, RING_DATA), 0);
		CHECK_TEXT(ring.flavour, table[i].flavour);
		CHECK_EQ(asks, i + 1);
	}
	reset();
	CHECK_EQ(ring_open(&ring, 8, RING_CONTROL), 0);
	CHECK(asks == 1 && asked[0] == IORING_SETUP_SQE128);
	reset();
	refusal = -ENOMEM;				/* nothing to do with flags */
	CHECK_EQ(ring_open(&ring, 8, RING_DATA), -ENOMEM);
	CHECK_EQ(asks, 1);
}

/* Linux 6.6 takes entries as they come; before, the order must have been written down. */
static void in_order(void)
{
	struct ring ring;

	reset();
	memset(order, 0xff, sizeof(order));
	CHECK_EQ(ring_open(&ring, 8, RING_DATA), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(order); i++)
		CHECK_EQ(order[i], i < 8 ? i : UINT32_MAX);
	reset();
	without_order = true;
	CHECK_EQ(ring_open(&ring, 8, RING_DATA), 0);
	CHECK(asks == 1 && asked[0] & IORING_SETUP_NO_SQARRAY && ring.uring.flags == asked[0]);
}

static void not_mapped(void)
{
	struct ring ring;

	reset();
	no_memory = -ENOMEM;
	CHECK_EQ(ring_open(&ring, 8, RING_CONTROL), -ENOMEM);
	CHECK(fcntl(mapped_fd, F_GETFD) < 0);
}

/* Who spins must see from outside that there is work, where the kernel keeps it for who enters. */
static void rings_that_spin(void)
{
	struct ring ring;

	reset();
	unknown = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN;
	CHECK_EQ(ring_open(&ring, 8, RING_SPINNING), 0);
	CHECK_EQ(asks, 4);
	for (unsigned int i = 0; i < 4; i++)
		CHECK_EQ(asked[i] & IORING_SETUP_TASKRUN_FLAG, i < 3 ? IORING_SETUP_TASKRUN_FLAG : 0);
	CHECK_TEXT(ring.flavour, "plain");
	reset();
	CHECK_EQ(ring_open(&ring, 8, RING_DATA), 0);
	CHECK(!(asked[0] & IORING_SETUP_TASKRUN_FLAG));
}

static void spinning(void)
{
	struct ring ring;

	reset();
	CHECK_EQ(ring_open(&ring, 8, RING_SPINNING), 0);
	ring_sqe(&ring);
	cq_tail = 1;
	CHECK_EQ(ring_submit_and_spin(&ring, 1000000), 0);	/* there is something already */
	CHECK(submitted == 1 && !waits && !entered);
	cq_head = 1;
	sq_flags = IORING_SQ_TASKRUN;
	CHECK_EQ(ring_submit_and_spin(&ring, 1000000), 0);	/* there is when the kernel is entered */
	CHECK(!waits && entered == 1);
	cq_head = cq_tail;
	CHECK_EQ(ring_submit_and_spin(&ring, 1000), 0);		/* nothing comes: sleep */
	CHECK(waits == 1 && entered == 1);
	CHECK_EQ(ring_submit_and_spin(&ring, 0), 0);
	CHECK_EQ(waits, 2);
	refusal = -EBADR;
	CHECK_EQ(ring_submit_and_spin(&ring, 1000), -EBADR);
	CHECK_EQ(waits, 2);
}

static bool cleared(const struct io_uring_sqe *sqe, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (((const char *)sqe)[i])
			return false;
	return true;
}

static void sqes_are_clear(void)
{
	for (enum ring_kind kind = RING_DATA; kind <= RING_CONTROL; kind += RING_CONTROL) {
		size_t size = kind == RING_CONTROL ? 128 : 64;
		struct ring ring;

		reset();
		CHECK_EQ(ring_open(&ring, 4, kind), 0);
		for (unsigned int i = 0; i < 4; i++) {
			struct io_uring_sqe *sqe = ring_sqe(&ring);

			CHECK((char *)sqe == (char *)sqes + i * size && cleared(sqe, size));
			memset(sqe, 0xff, size);
		}
		CHECK_EQ(submitted, 0);
		CHECK(cleared(ring_sqe(&ring), size));		/* makes room first */
		CHECK_EQ(submitted, 4);
		refusal = -EBADR;
		for (unsigned int i = 0; i < 3; i++)
			CHECK(ring_sqe(&ring));
		CHECK(!ring_sqe(&ring));
		CHECK_EQ(ring_submit(&ring), -EBADR);
		CHECK_EQ(ring_submit_and_wait(&ring), -EBADR);
		refusal = 0;
		interruptions = 3;
		CHECK_EQ(ring_submit(&ring), 0);
		CHECK_EQ(submitted, 8);
		interruptions = 3;
		CHECK_EQ(ring_submit_and_wait(&ring), 0);
		CHECK_EQ(interruptions, 0);
		for (unsigned int i = 0; i < 4; i++)
			CHECK(ring_sqe(&ring));
		stuck = true;
		CHECK(!ring_sqe(&ring));
		stuck = false;
	}
}

static void rings_end(void)
{
	struct ring ring;

	reset();
	CHECK_EQ(ring_open(&ring, 8, RING_DATA), 0);
	ring.uring.ring_fd = memfd_create("ring", MFD_CLOEXEC);
	CHECK_EQ(ring_poll_fd(&ring), ring.uring.ring_fd);
	CHECK_EQ(ring_register_files(&ring, (const int[]){ 77, 78 }, 2), 0);
	CHECK_EQ(files_given, 2);
	refusal = -EMFILE;
	CHECK_EQ(ring_register_files(&ring, (const int[]){ 77 }, 1), -EMFILE);
	ring_leave(&ring);				/* as a server does, which may do nothing else any more */
	CHECK(fcntl(ring.uring.ring_fd, F_GETFD) < 0 && !exits);
	ring_close(&ring);
	CHECK_EQ(exits, 1);
}

static void completions_are_taken_once(void)
{
	struct ring_done done[3];
	struct ring ring;

	reset();
	CHECK_EQ(ring_open(&ring, 8, RING_DATA), 0);
	CHECK_EQ(ring_reap(&ring, done, 3), 0);
	for (unsigned int i = 0; i < 5; i++)
		cqes[i] = (struct io_uring_cqe){ .user_data = 100 + i, .res = -(int)i };
	cqes[3].flags = 7U << IORING_CQE_BUFFER_SHIFT | IORING_CQE_F_BUFFER | IORING_CQE_F_MORE;
	cq_tail = 5;
	CHECK_EQ(ring_reap(&ring, done, 3), 3);
	CHECK(done[0].user_data == 100 && done[2].user_data == 102 && done[2].result == -2);
	CHECK_EQ(ring_reap(&ring, done, 3), 2);
	CHECK(done[0].user_data == 103 && done[1].result == -4);
	CHECK(done[0].buffer == 7 && done[0].more && !done[1].buffer && !done[1].more);
	CHECK_EQ(ring_reap(&ring, done, 3), 0);
}

static void tables_of_buffers(void)
{
	struct ring ring;

	reset();
	CHECK_EQ(ring_open(&ring, 8, RING_DATA), 0);
	CHECK_EQ(ring_register_buffers(&ring, 4096), 0);
	CHECK_EQ(sparse, 4096);
	CHECK_EQ(ring_register_buffers(&ring, 32768), -EINVAL);
}

/* All of them at first, then one by one behind the last. */
static void groups_of_buffers(void)
{
	const struct io_uring_buf_ring *group = (const struct io_uring_buf_ring *)buffers;
	static char memory[4][256];
	struct ring ring = { 0 };

	reset();
	CHECK_EQ(ring_open(&ring, 8, RING_DATA), 0);
	CHECK_EQ(ring_give_buffers(&ring, memory, 4, sizeof(memory[0])), 0);
	CHECK_EQ(group->tail, 4);
	for (unsigned int i = 0; i < 4; i++)
		CHECK(buffers[i].addr == ptr_to_u64(memory[i]) && buffers[i].len == 256 && buffers[i].bid == i);
	ring_return_buffer(&ring, memory[2], 256, 2);
	CHECK_EQ(group->tail, 5);
	CHECK(buffers[0].addr == ptr_to_u64(memory[2]) && buffers[0].bid == 2);
	grouped = false;
	refusal = -ENOMEM;
	CHECK_EQ(ring_give_buffers(&ring, memory, 4, sizeof(memory[0])), -ENOMEM);
}

static bool has_rule(unsigned int kind, unsigned int what)
{
	for (unsigned int i = 0; i < rule_count; i++)
		if (rules[i].opcode == kind && rules[i].sqe_op == what)
			return true;
	return false;
}

/* Everything waits for the thread whose it is, and then no more than these. */
static void restricted_rings(void)
{
	static const uint8_t ops[] = { IORING_OP_URING_CMD, IORING_OP_READ };
	struct ring ring;

	reset();
	CHECK_EQ(ring_open(&ring, 8, RING_DATA), 0);
	CHECK(asked[0] & IORING_SETUP_R_DISABLED && !enabled);
	CHECK_EQ(ring_restrict(&ring, ops, ARRAY_SIZE(ops), IOSQE_ASYNC), 0);
	CHECK_EQ(rule_count, 5);
	CHECK(has_rule(IORING_RESTRICTION_SQE_OP, IORING_OP_URING_CMD) && has_rule(IORING_RESTRICTION_SQE_OP, IORING_OP_READ));
	CHECK(has_rule(IORING_RESTRICTION_SQE_FLAGS_REQUIRED, IOSQE_FIXED_FILE));
	CHECK(has_rule(IORING_RESTRICTION_SQE_FLAGS_ALLOWED, IOSQE_ASYNC));
	CHECK(has_rule(IORING_RESTRICTION_REGISTER_OP, IORING_REGISTER_ENABLE_RINGS));
	CHECK_EQ(ring_enable(&ring), 0);
	CHECK_EQ(enabled, 1);
	refusal = -EPERM;
	CHECK_EQ(ring_enable(&ring), -EPERM);
}

/* A READ is filled by writing into the node, a WRITE is taken by reading from it, at the request's own place. */
static void user_copy(void)
{
	int fd = memfd_create("ublkc", MFD_CLOEXEC);
	const off_t at = (off_t)ublk_request_position(2, 3, 512);
	char bytes[1024];

	CHECK_EQ(ring_user_copy(fd, 2, 3, 512, "filled", 6, true), 6);
	CHECK(pread(fd, bytes, 6, at) == 6 && !memcmp(bytes, "filled", 6));
	CHECK(pwrite(fd, "taken!", 6, at) == 6);
	CHECK_EQ(ring_user_copy(fd, 2, 3, 512, bytes, 6, false), 6);
	CHECK(!memcmp(bytes, "taken!", 6));
	CHECK_EQ(ring_user_copy(fd, 2, 3, 515, bytes, sizeof(bytes), false), 3);
	CHECK(!memcmp(bytes, "en!", 3));
	for (int fill = 0; fill < 2; fill++) {
		copy_interruptions = 2;
		errno = EINTR;
		CHECK_EQ(ring_user_copy(fd, 2, 3, 512, bytes, 3, fill), 3);
		CHECK_EQ(copy_interruptions, 0);
	}
	close(fd);
	CHECK(ring_user_copy(fd, 2, 3, 0, bytes, 1, true) == -1 && errno == EBADF);
	CHECK(ring_user_copy(fd, 2, 3, 0, bytes, 1, false) == -1 && errno == EBADF);
}

static void descriptors(void)
{
	size_t stride = UBLK_DESC_STRIDE((size_t)page_size());
	int fd = memfd_create("ublkc", MFD_CLOEXEC);
	const volatile struct ublksrv_io_desc *at;

	CHECK_EQ(ftruncate(fd, (off_t)(4 * stride)), 0);
	CHECK_EQ(pwrite(fd, &(struct ublksrv_io_desc){ .nr_sectors = 77 }, sizeof(*at), (off_t)(2 * stride + 299 * sizeof(*at))),
		 sizeof(*at));
	at = ring_map_descriptors(fd, 2, 300);
	CHECK(at && at[299].nr_sectors == 77 && at[0].nr_sectors == 0);
	ring_unmap_descriptors(at, 300);
	ring_unmap_descriptors(NULL, 300);
	close(fd);
	CHECK(!ring_map_descriptors(fd, 2, 300) && errno == EBADF);
}

TESTS(
	{ "a ring has what the kernel knows of what is best", flavours_of_rings },
	{ "entries are taken in their order, with and without a list of it", in_order },
	{ "a ring that cannot be mapped is closed", not_mapped },
	{ "a ring that spins tells when there is work in the kernel", rings_that_spin },
	{ "spinning ends with a completion, or in sleep", spinning },
	{ "SQEs are clear, and never more than fit; signals do not matter", sqes_are_clear },
	{ "a ring is told its files, watched, and left or closed", rings_end },
	{ "each completion is taken once", completions_are_taken_once },
	{ "a table of buffers is as large as it is asked for, or refused", tables_of_buffers },
	{ "buffers to choose from are given, one after the other", groups_of_buffers },
	{ "a ring does nothing before it is enabled, and a restricted one only what it may", restricted_rings },
	{ "user-copy fills READs and takes from WRITEs, each at its place", user_copy },
	{ "descriptors are mapped where the driver has those of the queue", descriptors },
)
