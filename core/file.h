/* SPDX-License-Identifier: MIT */
/* file.h - files that appear whole or not at all, and descriptors */
#ifndef CORE_FILE_H
#define CORE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * A file to be written later, by its open directory and its name there, so
 * that a chdir in between does not matter. Until it is committed only a
 * temporary file exists, and where the file system can, that one has no name:
 * whoever is killed then leaves nothing.
 */
struct file_target {
	int dir;		/* -1: none */
	const char *name;	/* into the path given */
	int fd;			/* the temporary file, -1 if there is none */
	char temporary[40];	/* its name, "" if it has none */
};

#define FILE_TARGET_NONE { .dir = -1, .fd = -1 }

/* All return 0 (create: the descriptor, which stays the caller's) or -errno, and say nothing, but for file_target_find(). */
/* -EEXIST: what stands there is no regular file, and is not to be replaced. */
int file_target_open(struct file_target *target, const char *path);
int file_target_find(struct file_target *target, const char *path);	/* the same, and it says why not */
int file_target_create(struct file_target *target, mode_t mode);
/* Its descriptors and its temporary name are there (core/state.h): give it the name in @path, NULL for none. -EPROTO: that cannot be. */
int file_target_resume(struct file_target *target, const char *path);
/* Make the temporary file the real one, replacing what was there, in one instant. */
int file_target_commit(struct file_target *target);
/* Remove the real one. */
int file_target_remove(struct file_target *target);
/* The same, if it is what @fd is, has @size bytes and no other name; else -ESTALE. Names that @fd still has, or -errno. */
int file_target_remove_only(struct file_target *target, int fd, uint64_t size);
/* The temporary file is forgotten. */
void file_target_close(struct file_target *target);

/* The names in a directory, but for "." and "..". */
struct file_listing {
	int fd;
	size_t used, at;
	_Alignas(8) char entries[2048];
};

int file_listing_open(struct file_listing *listing, int dir, const char *path);	/* 0 or -errno */
const char *file_listing_next(struct file_listing *listing);			/* NULL at the end */
void file_listing_close(struct file_listing *listing);

/* Let @fd be /dev/null. */
int file_to_null(int fd);
/* Open it now, for when nothing can be opened. */
void file_keep_null(void);
/* Descriptors 0 to 2 exist from now on: what is opened later must not become one of them. */
int file_fill_standard(void);

/*
 * What else we were started with belongs to whoever started us: a shell waits
 * for the end of a pipe that a server of ours still has open. Note it before
 * anything is opened, which has O_CLOEXEC, close it where it is not needed. /dev/null takes the
 * place of standard input and output.
 */
void file_note_inherited(void);
void file_close_inherited(void);

/* All @length bytes, in as many calls as it takes. 0 or -errno. */
int file_write_all(int fd, const void *data, size_t length);

/* Is it in a file system that lies in memory alone? */
bool file_in_memory(int fd);

/* What one read() gives of the beginning of @path, with a NUL behind it. Bytes without that, less than @limit; or -errno. */
int file_read_text(const char *path, char *text, size_t limit);

#endif
