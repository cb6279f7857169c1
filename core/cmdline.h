/* SPDX-License-Identifier: MIT */
/*
 * cmdline.h - the disks that the kernel's command line asks for
 *
 *   [rd.]ublk.APPLET=WORD[,OPTION[=VALUE]]...    a disk; with rd. one for the initramfs alone
 *   [rd.]ublk=off   [rd.]ublk.debug              no disks; tell more
 *   ublk_drv.NAME=VALUE                          for the module
 *
 * Quotes keep blanks together, as the kernel has it, and "--" ends what is not for init.
 */
#ifndef CORE_CMDLINE_H
#define CORE_CMDLINE_H

#include <stdbool.h>
#include <stdint.h>

#define CMDLINE_PATH "/proc/cmdline"
#define CMDLINE_MAX 4096
#define CMDLINE_DISKS 32
#define CMDLINE_WORDS 24

struct wanted_disk {
	bool early;			/* for the initramfs alone */
	uint32_t id;			/* as asked for, or the lowest that nobody asked for */
	bool id_given;
	const char *applet;		/* whatever stood there */
	const char *words[CMDLINE_WORDS];	/* WORD and options but for the id, none of them empty; NULL ends them */
};

struct cmdline {
	char text[CMDLINE_MAX];		/* in: with a NUL at its end. All others point into it */
	char parameters[CMDLINE_MAX];	/* of the module, as finit_module() takes them */
	bool off, debug;
	unsigned int count;
	struct wanted_disk disks[CMDLINE_DISKS];	/* of each number one: the last */
};

/*
 * Take @c->text apart. @early: we are in an initramfs. 0; or -EUSAGE if some of
 * it makes no sense, which is said, and all the rest is there.
 */
int cmdline_parse(struct cmdline *c, bool early);

/* The word at *@at, changed in place: without its quotes, and with a NUL behind it; *@at moves on. NULL: there is none. */
char *cmdline_word(char **at);

#endif
