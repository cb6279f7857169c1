/* SPDX-License-Identifier: MIT */
/* calls.c - see calls.h. "CALL(type, name": make takes the names from here */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/calls.h"
#include "tests/unit/model.h"
#include "tests/unit/outlive.h"

#pragma weak model_kill		/* not every test has the model */
#pragma weak model_kill_through
#pragma weak model_kept_by

#define CALLS_MAX 100
enum { OTHERS = CALLERS - 3, TRIAL, ANOTHER };
#define ERRORS_MAX 3

struct call {
	const char *name;
	unsigned int number;
	int errors[ERRORS_MAX + 1];	/* EINTR among them: it may be interrupted */
};

/* Filled by the linker, from CALL() below. */
extern struct call *__start_calls[], *__stop_calls[];

/* Of all processes. */
static struct shared {
	bool counting, refusing, interrupting, refused;
	struct refusal refusal;
	unsigned int counts[CALLERS][CALLS_MAX];
	char root[100];
	bool hurrying;
	_Atomic long long skipped_ms;
	int load_error, node_error;
	struct { _Atomic unsigned int after, times; int error; } failing[CALLS_MAX];
	unsigned int fails;		/* 1 + the number of what calls_fail() was told last; 0: none */
	unsigned int direct_memory, direct_offset;
	_Atomic unsigned int flushed;
} *shared;

static unsigned int known;		/* calls */
static unsigned int caller, children;
static bool begun;			/* this is a process that is meant */
static _Atomic unsigned int made[CALLS_MAX];

__attribute__((constructor)) static void share(void)
{
	shared = outlive_get("calls", sizeof(*shared));
	known = (unsigned int)(((uintptr_t)__stop_calls - (uintptr_t)__start_calls) / sizeof(struct call *));
	for (unsigned int i = 0; i < known; i++)
		__start_calls[i]->number = i;
}

/* --- for tests ------------------------------------------------------------------------- */

static void begin_as(unsigned int number)
{
	caller = number;
	children = 0;
	begun = true;
	memset(made, 0, sizeof(made));
}

void calls_begin(void)
{
	begin_as(0);
}

void calls_go_on(bool trial)
{
	begin_as(trial ? TRIAL : ANOTHER);
}

void calls_count(void)
{
	memset(shared->counts, 0, sizeof(shared->counts));
	shared->counting = true;
	shared->refusing = false;
}

static int error_of(const struct refusal *r)
{
	const int *errors = __start_calls[r->call]->errors;
	unsigned int which = 0;

	for (int i = 0; i <= ERRORS_MAX && errors[i]; i++) {
		if ((errors[i] == EINTR) == shared->interrupting && which++ == r->which)
			return errors[i];
	}
	return 0;
}

static bool is_one(const struct refusal *r, unsigned int most)
{
	return r->nth < shared->counts[r->caller][r->call] && r->nth < most && error_of(r);
}

bool calls_next(struct refusal *r, unsigned int most)
{
	r->which += r->found;
	r->found = true;
	while (!is_one(r, most)) {
		if (r->which) {
			r->which = 0;
			r->nth++;
		} else if (r->nth) {
			r->nth = 0;
			r->call++;
		} else {
			r->call++;
		}
		if (r->call < known)
			continue;
		r->call = 0;
		if (++r->caller == CALLERS)
			return false;
	}
	return true;
}

void calls_refuse(const struct refusal *r)
{
	shared->counting = shared->refused = false;
	shared->refusing = r;
	if (r)
		shared->refusal = *r;
}

static unsigned int number_of(const char *name)
{
	unsigned int number = 0;

	while (strcmp(__start_calls[number]->name, name))
		if (++number == known)
			abort();
	return number;
}

void calls_fail_times(const char *name, unsigned int after, unsigned int times, int error)
{
	unsigned int number = number_of(name);

	shared->failing[number].error = error;
	shared->failing[number].after = after;
	shared->failing[number].times = times;
}

void calls_fail_no_more(void)
{
	memset(shared->failing, 0, sizeof(shared->failing));
	shared->fails = 0;
}

void calls_fail(const char *name, unsigned int nth, int error)
{
	calls_fail_no_more();
	if (!name)
		return;
	calls_fail_times(name, nth - 1, 1, error);
	shared->fails = number_of(name) + 1;
}

bool calls_failed(void)
{
	return shared->fails && !shared->failing[shared->fails - 1].times;
}

unsigned int calls_flushed(void)
{
	return shared->flushed;
}

void calls_interrupt(bool interrupt)
{
	shared->interrupting = interrupt;
}

bool calls_were_refused(void)
{
	return shared->refused;
}

const char *calls_text(const struct refusal *r)
{
	static char text[100];

	snprintf(text, sizeof(text), "%s %u of process %u: %s", __start_calls[r->call]->name, r->nth + 1, r->caller,
		 strerror(error_of(r)));
	return text;
}

void calls_root(const char *root)
{
	snprintf(shared->root, sizeof(shared->root), "%s", root ? root : "");
}

void calls_put(const char *path, const char *text)
{
	char full[300];
	FILE *file;

	snprintf(full, sizeof(full), "%s%s/", shared->root, path);
	if (text)
		full[strlen(full) - 1] = '\0';
	for (char *slash = strchr(full + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(full, 0755) < 0 && errno != EEXIST)
			abort();
		*slash = '/';
	}
	if (!text)
		return;
	file = fopen(full, "w");
	fputs(text, file);
	fclose(file);
}

void calls_clear(void)
{
	char command[120];

	snprintf(command, sizeof(command), "rm -rf %s/*", shared->root);
	if (!*shared->root || system(command))
		abort();
}

pid_t calls_holder(const char *path, int flags)
{
	int ready[2];
	char byte;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) < 0)
		abort();
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		prctl(PR_SET_NAME, "has-it", 0, 0, 0);
		_exit(open(path, flags) < 0 || write(ready[1], "", 1) != 1 || pause());
	}
	close(ready[1]);		/* or nobody would hear that it cannot */
	if (read(ready[0], &byte, 1) != 1)
		abort();
	close(ready[0]);
	return pid;
}

void calls_hurry(bool hurry)
{
	shared->hurrying = hurry;
}

void calls_loads(int error)
{
	shared->load_error = error;
}

void calls_makes_nodes(int error)
{
	shared->node_error = error;
}

void calls_says_of_direct(unsigned int memory, unsigned int offset)
{
	shared->direct_memory = memory;
	shared->direct_offset = offset;
}

/* --- what calls go through ---------------------------------------------------------------- */

/* One less; false: there are none */
static bool take(_Atomic unsigned int *count)
{
	unsigned int left = *count;

	while (left && !atomic_compare_exchange_weak(count, &left, left - 1))
		;
	return left;
}

static bool fails(unsigned int number)
{
	if (!shared->failing[number].times || take(&shared->failing[number].after) || !take(&shared->failing[number].times))
		return false;
	errno = shared->failing[number].error;
	return true;
}

static bool refused(const struct call *call)
{
	unsigned int number = call->number, n;

	if (fails(number))
		return true;
	if (!begun)
		return false;
	n = made[number]++;
	if (shared->counting) {
		if (n >= shared->counts[caller][number])
			shared->counts[caller][number] = n + 1;
		return false;
	}
	if (!shared->refusing || shared->refused || shared->refusal.caller != caller ||
	    shared->refusal.call != number || shared->refusal.nth != n)
		return false;
	shared->refused = true;
	errno = error_of(&shared->refusal);
	return true;
}

/* Where to look for @path. */
static const char *at(const char *path)
{
	static const char *const ours[] = { "/proc/", "/sys/", "/etc/", "/dev/", "/run/", "/sbin/", "/lib/modules/" };
	static __thread char elsewhere[2][400];
	static __thread unsigned int turn;
	struct stat st;

	if (!*shared->root)
		return path;
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		char *to = elsewhere[turn++ % 2];

		if (strncmp(path, ours[i], strlen(ours[i])))
			continue;
		snprintf(to, sizeof(elsewhere[0]), "%s%s", shared->root, path);
		if (lstat(to, &st) == 0)
			return to;
	}
	return path;
}

#define NOTE(function, ...) \
	static struct call call_##function = { .name = #function, .errors = { __VA_ARGS__ } }; \
	static struct call *const note_##function __attribute__((section("calls"), used)) = &call_##function;
#define CALL(type, function, params, args, failure, ...) \
	NOTE(function, __VA_ARGS__) \
	type called_##function params; \
	type called_##function params \
	{ \
		return refused(&call_##function) ? failure : function args; \
	}

/* What mknod() below has made: a file that no program of ours would make, as long as its device's number. */
#define IS_NODE S_ISVTX
#define IS_BLOCK S_ISUID

static int see_nodes(int result, struct stat *st)
{
	if (result == 0 && S_ISREG(st->st_mode) && st->st_mode & IS_NODE) {
		st->st_rdev = (dev_t)st->st_size;
		st->st_mode = (st->st_mode & IS_BLOCK ? S_IFBLK : S_IFCHR) | (st->st_mode & 0777);
	}
	return result;
}

#define STAT(function, error, params, args) \
	NOTE(function, error) \
	int called_##function params; \
	int called_##function params \
	{ \
		return refused(&call_##function) ? -1 : see_nodes(function args, st); \
	}

CALL(int, access, (const char *path, int mode), (at(path), mode), -1, EACCES)
STAT(stat, EACCES, (const char *path, struct stat *st), (at(path), st))
STAT(lstat, EACCES, (const char *path, struct stat *st), (at(path), st))
STAT(fstat, ENOMEM, (int fd, struct stat *st), (fd, st))
STAT(fstatat, EACCES, (int dir, const char *path, struct stat *st, int flags), (dir, path, st, flags))
CALL(int, fcntl, (int fd, int command, long arg), (fd, command, arg), -1, EMFILE)
CALL(ssize_t, read, (int fd, void *to, size_t length), (fd, to, length), -1, EIO, EINTR)
CALL(ssize_t, write, (int fd, const void *from, size_t length), (fd, from, length), -1, EIO, EINTR)
CALL(ssize_t, pread, (int fd, void *to, size_t length, off_t from), (fd, to, length, from), -1, EIO, EINTR)
CALL(ssize_t, pwrite, (int fd, const void *from, size_t length, off_t to), (fd, from, length, to), -1, ENOSPC, EINTR)
CALL(int, pipe2, (int ends[2], int flags), (ends, flags), -1, EMFILE)
CALL(int, socketpair, (int domain, int type, int protocol, int ends[2]), (domain, type, protocol, ends), -1, EMFILE)
CALL(int, socket, (int domain, int type, int protocol), (domain, type, protocol), -1, EMFILE)
CALL(ssize_t, send, (int fd, const void *from, size_t length, int flags), (fd, from, length, flags), -1, ENOBUFS, EINTR)
CALL(ssize_t, recv, (int fd, void *to, size_t length, int flags), (fd, to, length, flags), -1, ENOMEM, EINTR)
CALL(ssize_t, sendto, (int fd, const void *from, size_t length, int flags, const struct sockaddr *to, socklen_t size),
     (fd, from, length, flags, to, size), -1, ENOBUFS)
CALL(int, memfd_create, (const char *name, unsigned int flags), (name, flags), -1, EMFILE)
CALL(int, eventfd, (unsigned int count, int flags), (count, flags), -1, EMFILE)
CALL(int, signalfd, (int fd, const sigset_t *set, int flags), (fd, set, flags), -1, EMFILE)
CALL(int, sigprocmask, (int how, const sigset_t *set, sigset_t *old), (how, set, old), -1, EINVAL)
CALL(int, inotify_init1, (int flags), (flags), -1, EMFILE)
CALL(int, inotify_add_watch, (int fd, const char *path, uint32_t mask), (fd, at(path), mask), -1, ENOSPC)
CALL(int, timerfd_create, (int clock, int flags), (clock, flags), -1, EMFILE)
CALL(int, timerfd_settime, (int fd, int flags, const struct itimerspec *to, struct itimerspec *from),
     (fd, flags, to, from), -1, EINVAL)
CALL(void *, mmap, (void *where, size_t length, int protection, int flags, int fd, off_t offset),
     (where, length, protection, flags, fd, offset), MAP_FAILED, ENOMEM)
CALL(int, mprotect, (void *where, size_t length, int protection), (where, length, protection), -1, ENOMEM)
CALL(int, madvise, (void *where, size_t length, int advice), (where, length, advice), -1, ENOMEM)
CALL(int, mlockall, (int flags), (flags), -1, ENOMEM)
CALL(int, mlock2, (const void *where, size_t length, unsigned int flags), (where, length, flags), -1, ENOMEM)
CALL(int, ftruncate, (int fd, off_t length), (fd, length), -1, ENOSPC)
CALL(int, fallocate, (int fd, int mode, off_t from, off_t length), (fd, mode, from, length), -1, ENOSPC)
CALL(int, fsync, (int fd), (fd), -1, EIO)
CALL(int, fdatasync, (int fd), (fd), -1, EIO)
CALL(int, flock, (int fd, int how), (fd, how), -1, ENOLCK)
CALL(off_t, lseek, (int fd, off_t to, int from), (fd, to, from), -1, ESPIPE)
CALL(int, linkat, (int from, const char *old, int to, const char *new, int flags),
     (from, old, to, new, flags), -1, EACCES)
CALL(int, renameat, (int from, const char *old, int to, const char *new), (from, old, to, new), -1, EACCES)
CALL(int, unlink, (const char *path), (at(path)), -1, EACCES)
CALL(int, unlinkat, (int dir, const char *path, int flags), (dir, path, flags), -1, EACCES)
CALL(ssize_t, readlinkat, (int dir, const char *path, char *to, size_t limit), (dir, path, to, limit), -1, EACCES)
CALL(int, chdir, (const char *path), (path), -1, EACCES)
CALL(int, unshare, (int flags), (flags), -1, EPERM)
CALL(int, dup2, (int from, int to), (from, to), -1, EBUSY)
CALL(pid_t, waitpid, (pid_t pid, int *status, int options), (pid, status, options), -1, ECHILD, EINTR)
CALL(pid_t, setsid, (void), (), -1, EPERM)
CALL(int, uname, (struct utsname *system), (system), -1, EFAULT)
CALL(int, execvp, (const char *file, char *const *argv), (file, argv), -1, ENOENT, EACCES)
CALL(int, sched_getaffinity, (pid_t pid, size_t size, cpu_set_t *set), (pid, size, set), -1, EINVAL)
CALL(int, sched_setaffinity, (pid_t pid, size_t size, const cpu_set_t *set), (pid, size, set), -1, EINVAL)
CALL(int, pthread_create, (pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *self),
     (thread, attributes, run, self), errno, EAGAIN)
CALL(void *, malloc, (size_t size), (size), NULL, ENOMEM)
CALL(void *, calloc, (size_t count, size_t size), (count, size), NULL, ENOMEM)
CALL(void *, realloc, (void *memory, size_t size), (memory, size), NULL, ENOMEM)

/* --- those that are not as simple ---------------------------------------------------------- */

/* As many as there may be: the last of them may lie where there is nothing */
#define VARIADIC __attribute__((no_sanitize_address))
#define LONGS(last) \
	long a[6]; \
	va_list args; \
	va_start(args, last); \
	for (int i = 0; i < 6; i++) { a[i] = va_arg(args, long); } \
	va_end(args)

NOTE(open, EMFILE, EINTR)
int called_open(const char *path, int flags, ...);
VARIADIC int called_open(const char *path, int flags, ...)
{
	LONGS(flags);
	return refused(&call_open) ? -1 : open(at(path), flags, (mode_t)a[0]);
}

NOTE(openat, EMFILE, EINTR)
int called_openat(int dir, const char *path, int flags, ...);
VARIADIC int called_openat(int dir, const char *path, int flags, ...)
{
	LONGS(flags);
	return refused(&call_openat) ? -1 : openat(dir, at(path), flags, (mode_t)a[0]);
}

NOTE(connect, ECONNREFUSED)
int called_connect(int fd, const struct sockaddr *to, socklen_t length);
int called_connect(int fd, const struct sockaddr *to, socklen_t length)
{
	struct sockaddr_un there = { .sun_family = AF_UNIX };

	if (refused(&call_connect))
		return -1;
	memcpy(&there, to, length < sizeof(there) ? length : sizeof(there));
	if (there.sun_family != AF_UNIX || *there.sun_path != '/')
		return connect(fd, to, length);
	snprintf(there.sun_path, sizeof(there.sun_path), "%s", at(((const struct sockaddr_un *)to)->sun_path));
	return connect(fd, (struct sockaddr *)&there, sizeof(there));
}

NOTE(prctl, EINVAL)
int called_prctl(int option, ...);
VARIADIC int called_prctl(int option, ...)
{
	LONGS(option);
	return refused(&call_prctl) ? -1 : prctl(option, a[0], a[1], a[2], a[3]);
}

/* Of struct statx, which the C library need not know as a whole */
#define STX_MASK 0
#define STX_DIO (152 / sizeof(uint32_t))
#define DIOALIGN 0x2000U

static long say_of_direct(uint32_t *stx)
{
	bool says = shared->direct_memory || shared->direct_offset;

	stx[STX_MASK] = says ? DIOALIGN : 0;
	stx[STX_DIO] = shared->direct_memory;
	stx[STX_DIO + 1] = shared->direct_offset;
	return 0;
}

pid_t called_fork(void);

/* Who is killed ends between two things that the model does at once. */
NOTE(syscall, ENOMEM)
long called_syscall(long number, ...);
VARIADIC long called_syscall(long number, ...)
{
	LONGS(number);
	if (number != SYS_futex && refused(&call_syscall))	/* that one only fails who calls it wrongly */
		return -1;
	if (number == SYS_clone3) {		/* who is to have a number that was somebody's before */
		pid_t pid = called_fork();

		if (!pid && model_kept_by)
			model_kept_by(getpid());
		return pid;
	}
	if (number == SYS_finit_module) {
		errno = shared->load_error;
		return shared->load_error ? -1 : 0;
	}
	if (number == SYS_statx && a[3] == DIOALIGN && *shared->root)
		return say_of_direct((uint32_t *)a[4]);
	if (number == SYS_pidfd_send_signal && a[1] == SIGKILL && model_kill_through)
		return model_kill_through((int)a[0], SIGKILL) ? 0 : -1;
	return syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

NOTE(kill, ESRCH)
int called_kill(pid_t pid, int sig);
int called_kill(pid_t pid, int sig)
{
	if (refused(&call_kill))
		return -1;
	if (sig != SIGKILL || pid == getpid() || !model_kill)
		return kill(pid, sig);
	model_kill(pid, sig);
	return 0;
}

NOTE(poll, EINTR)
int called_poll(struct pollfd *fds, nfds_t count, int limit);
int called_poll(struct pollfd *fds, nfds_t count, int limit)
{
	int n = refused(&call_poll) ? -1 : poll(fds, count, shared->hurrying ? 0 : limit);

	if (!n && shared->hurrying)
		shared->skipped_ms += limit;
	return n;
}

NOTE(clock_gettime)
int called_clock_gettime(clockid_t clock, struct timespec *now);
int called_clock_gettime(clockid_t clock, struct timespec *now)
{
	int result = clock_gettime(clock, now);

	now->tv_sec += (time_t)(shared->skipped_ms / 1000 + 1) * shared->hurrying;
	return result;
}

int calls_node(const char *path, mode_t mode, dev_t device)
{
	mode_t kind = S_ISBLK(mode) ? IS_NODE | IS_BLOCK : IS_NODE;

	if (mknod(path, S_IFREG | (mode & 0777), 0) < 0 || truncate(path, (off_t)device) < 0)
		return -1;
	return chmod(path, kind | (mode & 0777));	/* last: to write to it takes these away */
}

NOTE(ioctl, EIO)
int called_ioctl(int fd, unsigned int request, ...);
VARIADIC int called_ioctl(int fd, unsigned int request, ...)
{
	struct stat st;
	LONGS(request);

	if (refused(&call_ioctl))
		return -1;
	if (request == BLKFLSBUF && fstat(fd, &st) == 0 && st.st_mode & IS_NODE) {
		shared->flushed++;
		return 0;
	}
	return ioctl(fd, request, a[0]);
}

NOTE(mknod, EPERM)
int called_mknod(const char *path, mode_t mode, dev_t device);
int called_mknod(const char *path, mode_t mode, dev_t device)
{
	if (refused(&call_mknod))
		return -1;
	errno = shared->node_error;
	return shared->node_error ? -1 : calls_node(at(path), mode, device);
}

NOTE(execv, ENOENT)
int called_execv(const char *path, char *const *words);
int called_execv(const char *path, char *const *words)
{
	if (refused(&call_execv))
		return -1;
	errno = ENOENT;
	return at(path) == path ? -1 : execv(at(path), words);	/* nothing of this machine's */
}

NOTE(fork, EAGAIN)
pid_t called_fork(void)
{
	pid_t pid;

	if (refused(&call_fork))
		return -1;
	children++;
	pid = fork();
	if (!pid && begun)
		begin_as(caller || children > OTHERS ? OTHERS : children);
	return pid;
}
