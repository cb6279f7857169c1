/* SPDX-License-Identifier: MIT */
/* ring.c - the real ring, on liburing */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/ring.h"
#include "core/util.h"

/*
 * Best first. DEFER_TASKRUN (6.1) runs the driver's completions when we enter
 * the kernel anyway; COOP_TASKRUN (5.19) at least saves the interrupt.
 */
static const struct { unsigned int flags; const char *name; } flavours[] = {
	{ IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, "DEFER_TASKRUN|SINGLE_ISSUER" },
	{ IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN, "COOP_TASKRUN|SINGLE_ISSUER" },
	{ IORING_SETUP_COOP_TASKRUN, "COOP_TASKRUN" },
	{ 0, "plain" },
};

static int set_up(struct io_uring *uring, unsigned int entries, unsigned int flags)
{
	struct io_uring_params params = { .flags = flags };
	int fd = (int)syscall(SYS_io_uring_setup, entries, &params), err;

	if (fd < 0)
		return -errno;
	err = io_uring_queue_mmap(fd, &params, uring);
	if (err) {
		close(fd);
		return err;
	}
	for (unsigned int i = 0; i < uring->sq.ring_entries && uring->sq.array; i++)
		uring->sq.array[i] = i;		/* entries are submitted in their order */
	uring->features = params.features;
	uring->flags = params.flags;
	uring->ring_fd = uring->enter_ring_fd = fd;
	return 0;
}

/* io_uring_queue_init() would bring what it takes to have the kernel use memory of ours. Linux 6.6 needs no order. */
static int set_up_best(struct io_uring *uring, unsigned int entries, unsigned int flags)
{
	int err = set_up(uring, entries, flags | IORING_SETUP_NO_SQARRAY);

	return err == -EINVAL ? set_up(uring, entries, flags) : err;
}

int ring_open(struct ring *ring, unsigned int entries, enum ring_kind kind)
{
	/* who spins must be able to see that there is work for it in the kernel */
	unsigned int more = kind == RING_SPINNING ? IORING_SETUP_TASKRUN_FLAG : 0;
	int err = -EINVAL;

	if (kind == RING_CONTROL) {
		ring->flavour = "SQE128";
		return set_up_best(&ring->uring, entries, IORING_SETUP_SQE128);
	}
	for (size_t i = 0; i < ARRAY_SIZE(flavours) && err == -EINVAL; i++) {
		ring->flavour = flavours[i].name;
		err = set_up_best(&ring->uring, entries,
				  IORING_SETUP_R_DISABLED | flavours[i].flags | (flavours[i].flags ? more : 0));
	}
	if (!err)	/* spares every entry the look-up of a descriptor; does not matter if it cannot be */
		io_uring_register_ring_fd(&ring->uring);
	return err;
}

void ring_close(struct ring *ring)
{
	io_uring_queue_exit(&ring->uring);
}

/*
 * What is registered with it goes with the process: to take it back is a call
 * that is forbidden by now. #syscalls close
 */
void ring_leave(struct ring *ring)
{
	close(ring->uring.ring_fd);
}

int ring_restrict(struct ring *ring, const uint8_t *ops, unsigned int count, uint8_t flags)
{
	struct io_uring_restriction rules[RING_OPS_MAX + 3] = { 0 };
	unsigned int n = 0;

	must(count <= RING_OPS_MAX);
	while (n < count) {
		rules[n] = (struct io_uring_restriction){ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = ops[n] };
		n++;
	}
	rules[n++] = (struct io_uring_restriction){
		.opcode = IORING_RESTRICTION_SQE_FLAGS_REQUIRED, .sqe_flags = IOSQE_FIXED_FILE,
	};
	rules[n++] = (struct io_uring_restriction){ .opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED, .sqe_flags = flags };
	rules[n++] = (struct io_uring_restriction){	/* or anything could be registered: what allows nothing else */
		.opcode = IORING_RESTRICTION_REGISTER_OP, .register_op = IORING_REGISTER_ENABLE_RINGS,
	};
	return io_uring_register_restrictions(&ring->uring, rules, n);
}

int ring_enable(struct ring *ring)
{
	return io_uring_enable_rings(&ring->uring);
}

int ring_register_files(struct ring *ring, const int *fds, unsigned int count)
{
	return io_uring_register_files(&ring->uring, fds, count);
}

int ring_register_buffers(struct ring *ring, unsigned int count)
{
	return io_uring_register_buffers_sparse(&ring->uring, count);
}

void ring_return_buffer(struct ring *ring, void *at, unsigned int size, uint16_t number)
{
	io_uring_buf_ring_add(ring->buffers, at, size, number, io_uring_buf_ring_mask(ring->buffer_count), 0);
	io_uring_buf_ring_advance(ring->buffers, 1);
}

int ring_give_buffers(struct ring *ring, void *memory, unsigned int count, unsigned int size)
{
	int err = 0;

	ring->buffers = io_uring_setup_buf_ring(&ring->uring, count, RING_BUFFER_GROUP, 0, &err);
	ring->buffer_count = count;
	for (unsigned int i = 0; i < count && ring->buffers; i++)
		ring_return_buffer(ring, (char *)memory + (size_t)i * size, size, (uint16_t)i);
	return err;
}

/* #syscalls pread64 pwrite64 pwritev2 fcntl */
ssize_t ring_user_copy(int char_fd, uint16_t queue, uint16_t tag, uint32_t start, char *memory, uint32_t length, bool fill)
{
	off_t position = (off_t)ublk_request_position(queue, tag, start);

	return RETRY(fill ? pwrite(char_fd, memory, length, position) : pread(char_fd, memory, length, position));
}

struct io_uring_sqe *ring_sqe(struct ring *ring)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->uring);

	if (!sqe) {
		if (ring_submit(ring) < 0)
			return NULL;
		sqe = io_uring_get_sqe(&ring->uring);
	}
	if (sqe)
		memset(sqe, 0, ring->uring.flags & IORING_SETUP_SQE128 ? 128 : 64);
	return sqe;
}

/* #syscalls io_uring_enter */
int ring_submit(struct ring *ring)
{
	int n;

	do {
		n = io_uring_submit(&ring->uring);
	} while (n == -EINTR);
	return n < 0 ? n : 0;
}

/* #syscalls io_uring_enter */
int ring_submit_and_wait(struct ring *ring)
{
	int n;

	do {
		n = io_uring_submit_and_wait(&ring->uring, 1);
	} while (n == -EINTR);
	return n < 0 ? n : 0;
}

#define LOOKS_PER_TIME 8	/* the time costs more than a look */

/* Leave the core to its other thread, or an emulated machine to its other processors. */
static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* #syscalls clock_gettime */
static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* Completions that are there, or will be as soon as the kernel is entered. #syscalls io_uring_enter */
static bool has_work(struct ring *ring)
{
	if (IO_URING_READ_ONCE(*ring->uring.sq.kflags) & IORING_SQ_TASKRUN)
		io_uring_get_events(&ring->uring);
	return io_uring_cq_ready(&ring->uring);
}

int ring_submit_and_spin(struct ring *ring, uint32_t us)
{
	int err = ring_submit(ring);
	uint64_t end = now_us() + us;

	while (!err && now_us() < end)
		for (int i = 0; i < LOOKS_PER_TIME; i++) {
			if (has_work(ring))
				return 0;
			relax();
		}
	return err ? err : ring_submit_and_wait(ring);
}

unsigned int ring_reap(struct ring *ring, struct ring_done *done, unsigned int limit)
{
	struct io_uring_cqe *cqe;
	unsigned int head, n = 0;

	io_uring_for_each_cqe(&ring->uring, head, cqe) {
		if (n == limit)
			break;
		done[n++] = (struct ring_done){
			.user_data = cqe->user_data,
			.result = cqe->res,
			.buffer = (uint16_t)(cqe->flags >> IORING_CQE_BUFFER_SHIFT),
			.more = cqe->flags & IORING_CQE_F_MORE,
		};
	}
	io_uring_cq_advance(&ring->uring, n);
	return n;
}

int ring_poll_fd(const struct ring *ring)
{
	return ring->uring.ring_fd;
}

static size_t descriptors_size(unsigned int depth)
{
	return round_up(depth * sizeof(struct ublksrv_io_desc), page_size());
}

const volatile struct ublksrv_io_desc *ring_map_descriptors(int char_fd, unsigned int queue, unsigned int depth)
{
	size_t stride = UBLK_DESC_STRIDE((size_t)page_size());
	void *at = mmap(NULL, descriptors_size(depth), PROT_READ, MAP_SHARED | MAP_POPULATE, char_fd,
			(off_t)(queue * stride));

	return at == MAP_FAILED ? NULL : at;
}

/* #syscalls munmap */
void ring_unmap_descriptors(const volatile struct ublksrv_io_desc *descriptors, unsigned int depth)
{
	if (descriptors)
		munmap((void *)(uintptr_t)descriptors, descriptors_size(depth));
}
