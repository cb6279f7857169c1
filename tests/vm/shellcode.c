/* SPDX-License-Identifier: MIT */
/*
 * ublk-shellcode - a disk in memory whose server has been taken over
 *
 * What is written at COMMAND is done by the thread that serves: a system call,
 * or an operation of its io_uring, with any arguments. What came of it is read
 * at RESULT. For cases; it is never part of the program, but linked with all of
 * it, so that it is confined as the others are.
 *
 *	SERIAL syscall NAME ARG...
 *	SERIAL ring OPCODE FD FLAGS ADDRESS LENGTH OFFSET
 *
 * An argument is a number, a path, or @, a page of zeroes. A serial is done
 * once, or the next server would do what killed the last one.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/applet.h"
#include "core/ring.h"
#include "core/spec.h"
#include "core/text.h"
#include "core/xfer.h"

#define SIZE (1U << 20)
#define COMMAND (64U << 10)
#define RESULT (128U << 10)

static char *memory;			/* shared: it outlives each server, and so do serials */
static char zeroes[4096];
static _Thread_local struct ring *own_ring;

static const struct { const char *name; long number; } known[] = {
#define CALL(name) { #name, SYS_##name },
	CALL(openat) CALL(openat2) CALL(execve) CALL(execveat) CALL(socket) CALL(connect)
	CALL(clone) CALL(clone3) CALL(io_uring_setup) CALL(io_uring_register) CALL(ptrace)
	CALL(process_vm_readv) CALL(process_vm_writev) CALL(kill) CALL(tgkill) CALL(pidfd_open) CALL(pidfd_getfd)
	CALL(pidfd_send_signal) CALL(mount) CALL(umount2) CALL(chroot) CALL(setns) CALL(unshare) CALL(setuid)
	CALL(setresuid) CALL(capset) CALL(prctl) CALL(seccomp) CALL(bpf) CALL(keyctl) CALL(perf_event_open)
	CALL(userfaultfd) CALL(memfd_create) CALL(unlinkat) CALL(renameat2) CALL(linkat) CALL(symlinkat)
	CALL(mkdirat) CALL(dup) CALL(fcntl) CALL(ioctl) CALL(mmap) CALL(mprotect)
	CALL(readlinkat) CALL(getdents64) CALL(sendmsg) CALL(sendto) CALL(recvmsg) CALL(reboot) CALL(init_module)
	CALL(finit_module) CALL(kexec_load) CALL(swapon) CALL(sethostname) CALL(landlock_restrict_self)
	CALL(prlimit64) CALL(getppid) CALL(statx) CALL(eventfd2) CALL(clock_gettime) CALL(madvise)
#ifdef SYS_open	/* an architecture that has older ones as well */
	CALL(open) CALL(creat) CALL(fork) CALL(vfork) CALL(chmod) CALL(chown) CALL(dup2)
#endif
#undef CALL
};

/* --- doing it ------------------------------------------------------------------------ */

static void tell(long result)
{
	text_format(memory + RESULT, 64, "returned %d\n", (int)result);
}

static long value_of(const char *word)
{
	if (!word)
		return 0;
	return *word == '@' ? (long)zeroes : *word == '/' ? (long)word : strtol(word, NULL, 0);
}

static void do_syscall(char **words)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (strcmp(known[i].name, words[0]))
			continue;
		long result = syscall(known[i].number, value_of(words[1]), value_of(words[2]), value_of(words[3]), value_of(words[4]),
				      value_of(words[5]), value_of(words[6]));

		tell(result < 0 ? -errno : result);
		return;
	}
	text_format(memory + RESULT, 64, "not known\n");
}

/* Its completion is that of nobody for the server. */
static void do_ring(char **words)
{
	struct io_uring_sqe *sqe = ring_sqe(own_ring);

	sqe->opcode = (uint8_t)value_of(words[0]);
	sqe->fd = (int)value_of(words[1]);
	sqe->flags = (uint8_t)value_of(words[2]);
	sqe->addr = (uint64_t)value_of(words[3]);
	sqe->len = (uint32_t)value_of(words[4]);
	sqe->off = (uint64_t)value_of(words[5]);
	sqe->user_data = xfer_pack(XFER_KINDS, 0);
	if (ring_submit(own_ring) < 0)
		tell(-EIO);
}

static void obey(char *command)
{
	static char (*done)[16];	/* in what is shared */
	char *words[16] = { strtok(command, " \n") };
	unsigned int n = 1;

	done = (void *)(memory + SIZE - 4096);
	while (n < 15 && (words[n] = strtok(NULL, " \n")))
		n++;
	if (n < 3 || !strncmp(words[0], *done, sizeof(*done)))
		return;
	text_format(*done, sizeof(*done), "%s", words[0]);
	text_format(memory + RESULT, 64, strcmp(words[1], "ring") ? "dead\n" : "waiting\n");
	if (!strcmp(words[1], "ring"))
		do_ring(words + 2);
	else
		do_syscall(words + 2);
}

/* --- between the server and its ring -------------------------------------------------------- */

int __real_ring_open(struct ring *ring, unsigned int entries, enum ring_kind kind);
int __wrap_ring_open(struct ring *ring, unsigned int entries, enum ring_kind kind);
unsigned int __real_ring_reap(struct ring *ring, struct ring_done *done, unsigned int limit);
unsigned int __wrap_ring_reap(struct ring *ring, struct ring_done *done, unsigned int limit);

int __wrap_ring_open(struct ring *ring, unsigned int entries, enum ring_kind kind)
{
	own_ring = ring;
	return __real_ring_open(ring, entries, kind);
}

unsigned int __wrap_ring_reap(struct ring *ring, struct ring_done *done, unsigned int limit)
{
	unsigned int n = __real_ring_reap(ring, done, limit);

	for (unsigned int i = 0; i < n; i++)
		if (xfer_kind(done[i].user_data) == XFER_KINDS)
			tell(done[i].result);
	return n;
}

/* --- the disk ---------------------------------------------------------------------------------- */

static const struct opt shellcode_opts[] = { OPT_END };

static int shellcode_prepare(void *self, const struct spec *spec)
{
	(void)self;
	(void)spec;
	memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return memory == MAP_FAILED ? -ENOMEM : 0;
}

static int shellcode_open(void *self, struct disk *disk)
{
	(void)self;
	*disk = (struct disk){ .size = SIZE, .shared = true };
	return 0;
}

static struct place shellcode_where(void *self, const struct span *span)
{
	(void)self;
	if (span->op == OP_READ || span->op == OP_WRITE)
		return in_memory(memory + span->offset, span->length);
	return nowhere(span->length);
}

static int shellcode_written(void *self, enum op op, uint64_t offset, uint32_t length)
{
	static char command[4096];

	(void)self;
	if (op != OP_WRITE || offset > COMMAND || offset + length <= COMMAND)
		return 0;
	memcpy(command, memory + COMMAND, sizeof(command) - 1);
	obey(command);
	return 0;
}

static const struct backend shellcode_backend = {
	.mostly = IN_MEMORY,
	.prepare = shellcode_prepare,
	.open = shellcode_open,
	.where = shellcode_where,
	.written = shellcode_written,
};

static const struct applet applet_shellcode = {
	.name = "shellcode",
	.synopsis = "",
	.about = "A disk whose server does what is written to it",
	.opts = shellcode_opts,
	.self = &(int){ 0 },
	.backend = &shellcode_backend,
};

extern const struct applet applet_ctl;
const struct applet *const applets[] = { &applet_shellcode, &applet_ctl, NULL };
