/* SPDX-License-Identifier: MIT */
/* proc.h - what /proc and /sys say about devices and processes */
#ifndef CORE_PROC_H
#define CORE_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The first line of a small file, without its newline. Length, or -errno. */
int proc_read(const char *path, char *text, size_t limit);
int proc_read_u64(const char *path, uint64_t *number);
int proc_write(const char *path, const char *text);
/* What follows "FIELD:" in a file like /proc/PID/status. 0 or -errno. */
int proc_read_field(const char *path, const char *field, char *text, size_t limit);
/* "MAJOR:MINOR", as sysfs writes it. 0 or -errno. */
int proc_read_device(const char *path, dev_t *device);

#define PROC_NAME_MAX 32

struct holder {
	pid_t pid;
	char name[PROC_NAME_MAX];
};

/*
 * Somebody other than @except who has @node (its device number, or for a block
 * device one of its partitions) open. False: nobody that we may look at.
 */
bool proc_find_holder(const char *node, pid_t except, struct holder *holder);

/* A number for our pid namespace, of @bits bits, fewer than 32; 0 without /proc. */
uint32_t proc_pid_space(unsigned int bits);
/* Is our namespace of this kind ("pid", "user") another than the machine began with? False if that is not known. */
bool proc_in_namespace(const char *kind);

/* What "status" says in @field, if it is the same of all threads. */
bool proc_threads_say(pid_t pid, const char *field, char *text, size_t limit);

/* Has @pid mapped @node, as a ublk server must? */
bool proc_has_mapped(pid_t pid, const char *node);

/* Is there a process @pid, and is its name one of ours? Both need /proc. */
bool proc_alive(pid_t pid);
void proc_name(pid_t pid, char name[PROC_NAME_MAX]);

/*
 * The file or block device that @pid has opened itself: what it was started
 * with has no O_CLOEXEC, what it opens has. Its name may hold anything.
 * False: there is none, or we may not look.
 */
bool proc_own_file(pid_t pid, char *text, size_t limit);

/* In a file system that is mounted at, or NULL. @text keeps it, with blanks and newlines as \ooo. */
const char *proc_mount_point(const char *node, char *text, size_t limit);
/* \ooo, as /proc has it in names of mounts, to the bytes that they are. */
void proc_unescape(char *text);

/* What follows @prefix in the link of one of the descriptors of @pid. False: there is none, or we may not look. */
bool proc_find_link(pid_t pid, const char *prefix, char *text, size_t limit);

/* A child with the number of a process that is gone, or, if @brother, of our parent. As fork() does, but -errno. */
int proc_fork_as(int pid, bool brother);

/* The first of its descriptors whose link begins with @prefix, or -ENOENT. */
int proc_find_descriptor(pid_t pid, const char *prefix);

/* Does the kernel itself make and remove nodes in @dir? False if that is not known. */
bool proc_is_devtmpfs(const char *dir);

/* Of the character devices that /proc/devices lists as @name; 0: it lists none. */
unsigned int proc_char_major(const char *name);

/* Those of @field, such as CapEff, in the file @status of a process: bit CAP_... for each. 0 if that is not known. */
uint64_t proc_capabilities(const char *status, const char *field);
/* Do we have capability @number (CAP_...), be it in a user namespace only? False if that is not known. */
bool proc_capable(unsigned int number);

/* Open for reading the regular file that @pid has open and /proc shows as @link. A descriptor, or -ENOENT, or what forbids it. */
int proc_open_link(pid_t pid, const char *link);

#endif
