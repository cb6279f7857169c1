/* SPDX-License-Identifier: MIT */
/*
 * fuzz_proc.c - any text as what /proc and /sys say
 *
 * It comes in pieces, as read() likes; the first byte says of how many bytes.
 *
 * fuzz: -max_len=6000
 * brief: 50000
 */
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "tests/fuzz/names_clean.h"

static const uint8_t *text_at;
static size_t text_left, text_size, piece;
static const uint8_t *text_start;

static int fake_open(void)
{
	text_at = text_start;
	text_left = text_size;
	return 1000;
}

static ssize_t fake_read(void *to, size_t limit)
{
	size_t n = text_left < piece ? text_left : piece;

	n = n < limit ? n : limit;
	memcpy(to, text_at, n);
	text_at += n;
	text_left -= n;
	return (ssize_t)n;
}

#define open(path, flags) ((void)(path), fake_open())
#define read(fd, to, limit) fake_read(to, limit)
#define close(fd) ((void)(fd))
#include "core/proc.c"
#undef open
#undef read
#undef close

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void is_text(const char *text, size_t limit)
{
	HOLDS(strnlen(text, limit) < limit);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[64], name[PROC_NAME_MAX];
	uint64_t number;
	dev_t device;

	if (!size)
		return 0;
	piece = data[0] ? data[0] : 4096;
	text_start = data + 1;
	text_size = size - 1;
	memset(text, 'x', sizeof(text));
	if (proc_mount_point("/dev/ublkb3", text, sizeof(text)))
		is_text(text, sizeof(text));
	if (!proc_read_field("", "Seccomp", text, sizeof(text)))
		is_text(text, sizeof(text));
	if (proc_read("", text, sizeof(text)) >= 0)
		HOLDS(!strchr(text, '\n'));
	proc_read_u64("", &number);
	proc_read_device("", &device);
	proc_name(1, name);
	is_text(name, sizeof(name));
	proc_char_major("ublk-char");
	proc_capable(21);
	proc_has_mapped(1, "/dev/ublkc3");
	proc_is_devtmpfs("/dev");
	is_own(1, "5");
	return 0;
}
