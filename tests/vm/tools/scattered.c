/* SPDX-License-Identifier: MIT */
/*
 * scattered read|write DEVICE OFFSET LENGTH - one request of whole pages, past
 * the page cache, of which no two lie beside each other in memory. The bytes
 * come from standard input or go to standard output.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int failed(const char *what)
{
	perror(what);
	return 1;
}

/* Made one after the other, and mapped backwards. */
static char *make(size_t length)
{
	int memory = memfd_create("scattered", MFD_CLOEXEC);
	char *at = mmap(NULL, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory < 0 || at == MAP_FAILED || posix_fallocate(memory, 0, (off_t)length))
		return NULL;
	for (size_t done = 0; done < length; done += 4096)
		if (mmap(at + done, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_POPULATE, memory,
			 (off_t)(length - done - 4096)) == MAP_FAILED)
			return NULL;
	return at;
}

int main(int argc, char **argv)
{
	bool writes = argc == 5 && !strcmp(argv[1], "write");
	size_t length = argc == 5 ? strtoul(argv[4], NULL, 0) : 0;
	char *bytes;
	ssize_t n;
	int device;

	if (!length || length % 4096)
		return 2;
	bytes = make(length);
	if (!bytes)
		return failed("memory");
	device = open(argv[2], (writes ? O_WRONLY : O_RDONLY) | O_DIRECT);
	if (device < 0)
		return failed(argv[2]);
	if (writes && fread(bytes, 1, length, stdin) != length)
		return failed("standard input");
	n = writes ? pwrite(device, bytes, length, strtol(argv[3], NULL, 0)) : pread(device, bytes, length, strtol(argv[3], NULL, 0));
	if (n != (ssize_t)length)
		return failed("the request");
	if (!writes && fwrite(bytes, 1, length, stdout) != length)
		return failed("standard output");
	return 0;
}
