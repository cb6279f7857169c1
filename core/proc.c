/* SPDX-License-Identifier: MIT */
/* proc.c - looking things up in /proc and /sys */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "core/file.h"
#include "core/proc.h"
#include "core/text.h"
#include "core/util.h"

int proc_read(const char *path, char *text, size_t limit)
{
	int n = file_read_text(path, text, limit);

	if (n < 0)
		return n;
	text[strcspn(text, "\n")] = '\0';
	return (int)strlen(text);
}

int proc_read_u64(const char *path, uint64_t *number)
{
	char text[32];
	const char *at = text;
	int n = proc_read(path, text, sizeof(text));

	return n < 0 ? n : text_number(&at, number);
}

int proc_write(const char *path, const char *text)
{
	int fd = RETRY(open(path, O_WRONLY | O_CLOEXEC)), err = 0;

	if (fd < 0)
		return -errno;
	if (RETRY(write(fd, text, strlen(text))) < 0)
		err = -errno;
	close(fd);
	return err;
}

bool proc_alive(pid_t pid)
{
	struct pollfd ready = { .events = POLLIN };
	bool ended;

	if (pid <= 0)
		return false;
	ready.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (ready.fd < 0)
		return false;
	ended = RETRY(poll(&ready, 1, 0)) > 0;	/* one that nobody has waited for yet is dead all the same */
	close(ready.fd);
	return !ended;
}

void proc_name(pid_t pid, char name[PROC_NAME_MAX])
{
	char path[40];

	text_format(path, sizeof(path), "/proc/%d/comm", (int)pid);
	if (proc_read(path, name, PROC_NAME_MAX) <= 0)
		text_format(name, PROC_NAME_MAX, "?");
}

/* "ublkb3" is meant by "/dev/ublkb3" and "/dev/ublkb3p1", not by "/dev/ublkb31". */
static bool names_node(const char *target, const char *name)
{
	const char *base = strrchr(target, '/');
	size_t length = strlen(name);

	base = base ? base + 1 : target;
	if (strncmp(base, name, length))
		return false;
	return !base[length] || base[length] == 'p' || base[length] == ' ';
}

/* The next descriptor in @listing, a directory fd of some process, whose link can be read, into @target; NULL at the end. */
static const char *next_link(struct file_listing *listing, char *target, size_t limit)
{
	const char *entry;

	while ((entry = file_listing_next(listing))) {
		ssize_t n = readlinkat(listing->fd, entry, target, limit - 1);

		if (n <= 0)
			continue;
		target[n] = '\0';
		return entry;
	}
	return NULL;
}

static bool process_holds(int proc, const char *pid, dev_t device, const char *name)
{
	struct file_listing listing;
	char path[64], target[300];
	const char *entry;
	bool found = false;

	text_format(path, sizeof(path), "%s/fd", pid);
	if (file_listing_open(&listing, proc, path) < 0)
		return false;
	while (!found && (entry = next_link(&listing, target, sizeof(target)))) {
		bool named = *target == '/' && names_node(target, name);
		struct stat st;

		if (!named && strncmp(target, "/dev/", 5))
			continue;
		/* A file of that name is anybody's. */
		found = fstatat(listing.fd, entry, &st, 0) == 0 && (S_ISBLK(st.st_mode) || S_ISCHR(st.st_mode)) &&
			(named || st.st_rdev == device);
	}
	file_listing_close(&listing);
	return found;
}

bool proc_find_holder(const char *node, pid_t except, struct holder *holder)
{
	const char *base = strrchr(node, '/'), *entry;
	struct file_listing listing;
	bool found = false;
	struct stat st;

	if (stat(node, &st) < 0)
		st.st_rdev = 0;
	if (file_listing_open(&listing, AT_FDCWD, "/proc") < 0)
		return false;
	while (!found && (entry = file_listing_next(&listing))) {
		uint64_t pid;

		if (text_is_number(entry, &pid) || (pid_t)pid == except || (pid_t)pid == getpid())
			continue;
		if (!process_holds(listing.fd, entry, st.st_rdev, base ? base + 1 : node))
			continue;
		found = true;
		holder->pid = (pid_t)pid;
		proc_name((pid_t)pid, holder->name);
	}
	file_listing_close(&listing);
	return found;
}

/* A file of /proc, line by line. Longer lines are cut. */
struct lines {
	int fd;
	char text[4096];
	size_t used, at;
};

static int lines_open(struct lines *lines, const char *path)
{
	*lines = (struct lines){ .fd = RETRY(open(path, O_RDONLY | O_CLOEXEC)) };
	return lines->fd < 0 ? -errno : 0;
}

/* The next line, without its newline, until the next call; NULL at the end. */
static char *lines_next(struct lines *lines)
{
	for (;;) {
		char *line = lines->text + lines->at;
		char *end = memchr(line, '\n', lines->used - lines->at);
		ssize_t n;

		if (end) {
			*end = '\0';
			lines->at = (size_t)(end + 1 - lines->text);
			return line;
		}
		lines->used -= lines->at;
		memmove(lines->text, line, lines->used);
		lines->at = 0;
		if (lines->used == sizeof(lines->text) - 1)
			lines->used = 0;	/* a line longer than any we look for */
		n = RETRY(read(lines->fd, lines->text + lines->used, sizeof(lines->text) - 1 - lines->used));
		if (n <= 0)
			return NULL;
		lines->used += (size_t)n;
	}
}

const char *proc_mount_point(const char *node, char *text, size_t limit)
{
	const char *base = strrchr(node, '/');
	const char *found = NULL;
	struct lines lines;
	char *line;

	if (lines_open(&lines, "/proc/self/mounts") < 0)
		return NULL;
	while (!found && (line = lines_next(&lines))) {	/* "SOURCE WHERE TYPE ..." */
		char *where = strchr(line, ' ');

		if (!where)
			continue;
		*where++ = '\0';
		if (!names_node(line, base ? base + 1 : node))
			continue;
		text_format(text, limit, "%.*s", (int)strcspn(where, " "), where);
		found = text;
	}
	close(lines.fd);
	return found;
}

void proc_unescape(char *text)
{
	char *to = text;

	for (; *text; text++) {
		bool octal = *text == '\\' && text[1] >= '0' && text[1] < '4' && text[2] >= '0' && text[2] < '8' &&
			     text[3] >= '0' && text[3] < '8';

		*to++ = octal ? (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0')) : *text;
		text += octal ? 3 : 0;
	}
	*to = '\0';
}

int proc_read_field(const char *path, const char *field, char *text, size_t limit)
{
	size_t length = strlen(field);
	struct lines lines;
	char *line;
	int err = lines_open(&lines, path);

	if (err)
		return err;
	err = -ENOENT;
	while (err && (line = lines_next(&lines))) {
		if (strncmp(line, field, length) || line[length] != ':')
			continue;
		text_format(text, limit, "%s", line + length + 1 + strspn(line + length + 1, " \t"));
		err = 0;
	}
	close(lines.fd);
	return err;
}

/* Of the descriptor, not of the file. */
static bool is_own(pid_t pid, const char *number)
{
	char path[64], text[32];
	uint64_t flags = 0;

	text_format(path, sizeof(path), "/proc/%d/fdinfo/%s", (int)pid, number);
	if (proc_read_field(path, "flags", text, sizeof(text)))
		return false;
	for (const char *at = text; *at >= '0' && *at <= '7'; at++)
		flags = flags << 3 | (uint64_t)(*at - '0');
	return flags & O_CLOEXEC;
}

/* Of those that a disk may be kept in. */
static bool is_kept_in(int dir, const char *number, const char *target)
{
	struct stat st;

	if (*target != '/' || !strncmp(target, "/memfd:", 7) || !strncmp(target, "/proc/", 6) || !strncmp(target, "/sys/", 5))
		return false;
	return fstatat(dir, number, &st, 0) == 0 && (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode));
}

bool proc_own_file(pid_t pid, char *text, size_t limit)
{
	struct file_listing listing;
	char path[32], target[4096];
	const char *entry;
	bool found = false;

	text_format(path, sizeof(path), "/proc/%d/fd", (int)pid);
	if (file_listing_open(&listing, AT_FDCWD, path) < 0)
		return false;
	while (!found && (entry = next_link(&listing, target, sizeof(target))))
		found = is_kept_in(listing.fd, entry, target) && is_own(pid, entry);
	file_listing_close(&listing);
	if (found)
		text_format(text, limit, "%s", target);
	return found;
}

static int find_link(pid_t pid, const char *prefix, char *target, size_t limit)
{
	struct file_listing listing;
	const char *entry;
	char path[32];
	uint64_t fd;
	int found = -ENOENT;

	text_format(path, sizeof(path), "/proc/%d/fd", (int)pid);
	if (file_listing_open(&listing, AT_FDCWD, path) < 0)
		return -ENOENT;
	while (found < 0 && (entry = next_link(&listing, target, limit)))
		if (!strncmp(target, prefix, strlen(prefix)) && text_is_number(entry, &fd) == 0)
			found = (int)fd;
	file_listing_close(&listing);
	return found;
}

int proc_find_descriptor(pid_t pid, const char *prefix)
{
	char target[256];

	return find_link(pid, prefix, target, sizeof(target));
}

bool proc_find_link(pid_t pid, const char *prefix, char *text, size_t limit)
{
	char target[256];

	if (find_link(pid, prefix, target, sizeof(target)) < 0)
		return false;
	text_format(text, limit, "%s", target + strlen(prefix));
	return true;
}

/*
 * What a link says is up to whoever has the descriptor, who may have mounted
 * anything at that path: to open a pipe takes as long as he likes, and a device
 * may do what it is for. So look at what it is, and open that.
 */
static int open_file(int dir, const char *entry)
{
	int found = RETRY(openat(dir, entry, O_PATH | O_CLOEXEC)), fd = -ENOENT;
	struct stat st;
	char path[32];

	if (found < 0)
		return -errno;
	text_format(path, sizeof(path), "/proc/self/fd/%d", found);
	if (fstat(found, &st) == 0 && S_ISREG(st.st_mode)) {
		fd = RETRY(open(path, O_RDONLY | O_CLOEXEC));
		fd = fd < 0 ? -errno : fd;
	}
	close(found);
	return fd;
}

int proc_open_link(pid_t pid, const char *link)
{
	struct file_listing listing;
	char path[32], target[256];
	const char *entry;
	int fd = -ENOENT, err;

	text_format(path, sizeof(path), "/proc/%d/fd", (int)pid);
	err = file_listing_open(&listing, AT_FDCWD, path);
	if (err)
		return err;
	while (fd == -ENOENT && (entry = next_link(&listing, target, sizeof(target)))) {
		if (!strcmp(target, link))
			fd = open_file(listing.fd, entry);
	}
	file_listing_close(&listing);
	return fd;
}

int proc_read_device(const char *path, dev_t *device)
{
	uint64_t major, minor;
	const char *at;
	char text[32];
	int n = proc_read(path, text, sizeof(text));

	if (n < 0)
		return n;
	at = text;
	if (text_number(&at, &major) || *at++ != ':' || text_number(&at, &minor))
		return -EINVAL;
	*device = makedev((unsigned int)major, (unsigned int)minor);
	return 0;
}

uint32_t proc_pid_space(unsigned int bits)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) < 0 ? 0 : (uint32_t)(st.st_ino & ((1U << bits) - 1));
}

#define FIRST_PID_SPACE 0xeffffffcU	/* PROC_PID_INIT_INO of the kernel, which promises it */
#define FIRST_USER_SPACE 0xeffffffdU

bool proc_in_namespace(const char *kind)
{
	char path[32];
	struct stat st;

	text_format(path, sizeof(path), "/proc/self/ns/%s", kind);
	return stat(path, &st) == 0 && st.st_ino != (*kind == 'p' ? FIRST_PID_SPACE : FIRST_USER_SPACE);
}

bool proc_is_devtmpfs(const char *dir)
{
	bool found = false;
	struct lines lines;
	char number[32];
	struct stat st;
	char *line;

	if (stat(dir, &st) < 0 || lines_open(&lines, "/proc/self/mountinfo") < 0)
		return false;
	text_format(number, sizeof(number), " %u:%u /", major(st.st_dev), minor(st.st_dev));
	while (!found && (line = lines_next(&lines)))	/* "ID PARENT MAJOR:MINOR ROOT WHERE OPTIONS ... - TYPE SOURCE ..." */
		found = text_has(line, number) && text_has(line, " - devtmpfs ");
	close(lines.fd);
	return found;
}

unsigned int proc_char_major(const char *name)
{
	uint64_t number, found = 0;
	struct lines lines;
	char *line;

	if (lines_open(&lines, "/proc/devices") < 0)
		return 0;
	while ((line = lines_next(&lines)) && strcmp(line, "Block devices:")) {	/* "244 ublk-char" */
		const char *at = line + strspn(line, " ");

		if (text_number(&at, &number) == 0 && *at == ' ' && !strcmp(at + 1, name))
			found = number;
	}
	close(lines.fd);
	return (unsigned int)found;
}

uint64_t proc_capabilities(const char *status, const char *field)
{
	char text[32];
	uint64_t all = 0;

	if (proc_read_field(status, field, text, sizeof(text)))
		return 0;
	for (const char *at = text; *at; at++)		/* hexadecimal */
		all = all << 4 | (uint64_t)(*at >= 'a' ? *at - 'a' + 10 : *at - '0');
	return all;
}

bool proc_capable(unsigned int number)
{
	return proc_capabilities("/proc/self/status", "CapEff") >> number & 1;
}

bool proc_threads_say(pid_t pid, const char *field, char *text, size_t limit)
{
	struct file_listing listing;
	char path[48], one[80];
	const char *thread;
	bool same = true;

	*text = '\0';
	text_format(path, sizeof(path), "/proc/%d/task", (int)pid);
	if (file_listing_open(&listing, AT_FDCWD, path) < 0)
		return false;
	while (same && (thread = file_listing_next(&listing))) {
		text_format(path, sizeof(path), "/proc/%d/task/%s/status", (int)pid, thread);
		if (proc_read_field(path, field, one, sizeof(one)))
			continue;	/* it has just ended */
		same = !*text || !strcmp(text, one);
		text_format(text, limit, "%s", one);
	}
	file_listing_close(&listing);
	return same && *text;
}

bool proc_has_mapped(pid_t pid, const char *node)
{
	const char *base = strrchr(node, '/');
	struct lines lines;
	bool found = false;
	char path[32];
	char *line;

	text_format(path, sizeof(path), "/proc/%d/maps", (int)pid);
	if (lines_open(&lines, path) < 0)
		return false;
	while (!found && (line = lines_next(&lines))) {		/* "... INODE   /dev/ublkc3" */
		char *name = strrchr(line, '/');

		found = name && names_node(name, base ? base + 1 : node);
	}
	close(lines.fd);
	return found;
}

int proc_fork_as(int pid, bool brother)
{
	const pid_t wanted = pid;
	struct clone_args args = {
		.flags = brother ? CLONE_PARENT : 0,
		.exit_signal = brother ? 0 : SIGCHLD,
		.set_tid = ptr_to_u64(&wanted),
		.set_tid_size = 1,
	};
	long made = syscall(SYS_clone3, &args, sizeof(args));

	return made < 0 ? -errno : (int)made;
}
