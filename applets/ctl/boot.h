/* SPDX-License-Identifier: MIT */
/* boot.h - the disks that the kernel's command line asks for */
#ifndef APPLETS_CTL_BOOT_H
#define APPLETS_CTL_BOOT_H

#include <stdbool.h>
#include <stddef.h>

/* Make those that are not there, as the file @cmdline has it. All that are there are told. An exit status. */
int boot(const char *dev_dir, const char *cmdline);

/* What is in @path, as text. 0 or -errno, said. */
int boot_read_text(const char *path, char *text, size_t limit);

/* Is @path on a file system that lies in memory alone? */
bool boot_in_memory(const char *path);

#endif
