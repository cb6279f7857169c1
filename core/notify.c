/* SPDX-License-Identifier: MIT */
/* notify.c - readiness */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/file.h"
#include "core/log.h"
#include "core/notify.h"
#include "core/signals.h"
#include "core/state.h"
#include "core/text.h"
#include "core/util.h"

static int parent_fd = -1;	/* --background: the waiting parent reads its exit status here */
static struct file_target pidfile = FILE_TARGET_NONE;
static bool pidfile_written;

int notify_background(void)
{
	int ends[2];
	unsigned char status = 1;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail(-errno, "make a pipe for --background");
	pid = fork();
	if (pid < 0)
		return fail(-errno, "go to the background");
	if (!pid) {
		close(ends[0]);
		parent_fd = ends[1];
		setsid();
		return 0;
	}
	close(ends[1]);
	signals_restore();			/* who waits can be interrupted; the child goes on */
	if (RETRY(read(ends[0], &status, 1)) < 0)
		status = 1;
	_exit(status);
}

static void tell_parent(int status)
{
	unsigned char byte = (unsigned char)status;

	if (parent_fd < 0)
		return;
	if (RETRY(write(parent_fd, &byte, 1)) < 0)
		info("nobody waits for us any more");
	close(parent_fd);
	parent_fd = -1;
}

void notify_failed(int status)
{
	tell_parent(status);
}

int notify_open(const struct spec *spec)
{
	return spec->pidfile ? file_target_find(&pidfile, spec->pidfile) : 0;
}

int notify_carry(struct state *state, const struct spec *spec)
{
	static const struct state_field fields[] = {
		STATE_FIELD(struct file_target, dir, STATE_FILE),
		STATE_FIELD(struct file_target, fd, STATE_FILE),
		STATE_FIELD(struct file_target, temporary, STATE_TEXT),
		STATE_END
	};

	state_carry(state, "notify", fields, &pidfile);
	if (!state->restoring || state->error)
		return state->error;
	pidfile_written = spec->pidfile;
	if ((spec->background || spec->root) && state_mark == STATE_BECOME)	/* else there is somebody still to whom we tell */
		notify_leave();
	return file_target_resume(&pidfile, spec->pidfile);
}

static int write_pidfile(void)
{
	char text[16];
	int fd, err = 0;

	if (pidfile.dir < 0)
		return 0;
	fd = file_target_create(&pidfile, 0644);
	if (fd < 0)
		return fail(fd, "create the pidfile %s", pidfile.name);
	text_format(text, sizeof(text), "%d\n", (int)getpid());
	if (RETRY(write(fd, text, strlen(text))) < 0)
		err = fail(-errno, "write the pidfile %s", pidfile.name);
	close(fd);
	if (!err) {
		err = file_target_commit(&pidfile);
		if (err)
			fail(err, "write the pidfile %s", pidfile.name);
		close(pidfile.fd);		/* it has its name */
		pidfile.fd = -1;
	}
	pidfile_written = !err;
	return err;
}

/* A datagram. It takes its time if the manager has yet to read others: what is kept must not be lost on the way. */
static ssize_t send_to(int to, const struct sockaddr_un *address, size_t length, const char *message, int fd)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(fd))] = { 0 };
	struct iovec text = { .iov_base = (char *)(uintptr_t)message, .iov_len = strlen(message) };
	struct msghdr header = {
		.msg_name = (void *)(uintptr_t)address, .msg_namelen = (socklen_t)length, .msg_iov = &text, .msg_iovlen = 1,
	};
	struct cmsghdr *sent = (struct cmsghdr *)control;

	if (fd >= 0) {
		header.msg_control = control;
		header.msg_controllen = sizeof(control);
		sent->cmsg_level = SOL_SOCKET;
		sent->cmsg_type = SCM_RIGHTS;
		sent->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(sent), &fd, sizeof(fd));
	}
	return sendmsg(to, &header, MSG_NOSIGNAL | (fd < 0 ? MSG_DONTWAIT : 0));
}

void notify_manager(const char *message, int sent)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = path ? strlen(path) : 0;
	int fd;

	if (!length || length >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, length);
	if (*path == '@')		/* an abstract name */
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (send_to(fd, &address, offsetof(struct sockaddr_un, sun_path) + length, message, sent) < 0)
		warn("the service manager at NOTIFY_SOCKET does not listen: %s", strerror(errno));
	close(fd);
}

/* "/dev/ublkb3\n". Somebody may be waiting for it, so failing to write it is a failure. */
static int write_path(int fd, const char *path, const char *what)
{
	char line[PATH_MAX];
	int n = text_format(line, sizeof(line), "%s\n", path);

	if (RETRY(write(fd, line, (size_t)n)) < 0)
		return fail(-errno, "write the device path to %s", what);
	return 0;
}

int notify_ready(const struct spec *spec, const char *path)
{
	const struct applet *applet = spec->applet;
	int err = write_pidfile();
	bool told = false;

	if (!err && spec->ready_fd != FD_NONE) {
		err = write_path((int)spec->ready_fd, path, "--ready-fd");
		if (spec->ready_fd > STDERR_FILENO)
			close((int)spec->ready_fd);
	}
	if (!err && applet->backend->ready)
		told = applet->backend->ready(applet->self, path);
	if (!err && !told && !spec->command) {
		if (spec->ready_fd != STDOUT_FILENO)
			err = write_path(STDOUT_FILENO, path, "standard output");
		if (!err && file_to_null(STDOUT_FILENO))	/* who reads on must come to its end */
			err = fail(-errno, "close standard output");
	}
	if (err)
		return err;
	notify_manager("READY=1\n", -1);
	if (parent_fd < 0 && !spec->root)
		return 0;
	/* Who started us must not wait for the end of our stderr either. */
	notify_leave();
	tell_parent(0);
	return 0;
}

void notify_prepare_leave(void)
{
	log_prepare_leave();
	file_keep_null();
}

void notify_leave(void)
{
	file_close_inherited();		/* before anything new gets one of their numbers */
	log_leave_stderr();
	file_to_null(STDERR_FILENO);
}

/* Microseconds, and more of them than NOTIFY_AGAIN_MS has: a machine under load may be late. */
void notify_longer(void)
{
	notify_manager("EXTEND_TIMEOUT_USEC=60000000\n", -1);
}

void notify_stopping(void)
{
	notify_manager("STOPPING=1\n", -1);
}

void notify_close(void)
{
	if (pidfile_written)
		file_target_remove(&pidfile);
	file_target_close(&pidfile);
	pidfile_written = false;
}

void notify_forget(bool all)
{
	if (parent_fd >= 0)
		close(parent_fd);
	parent_fd = -1;
	if (all)
		file_target_close(&pidfile);
}
