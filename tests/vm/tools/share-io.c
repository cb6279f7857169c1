/* SPDX-License-Identifier: MIT */
/*
 * share-io read|write REGION AT DEVICE OFFSET LENGTH - one request, past the
 * page cache, from or to a disk, whose bytes lie at AT in the mapped file
 * REGION. They come from standard input, or go to standard output.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int failed(const char *what)
{
	perror(what);
	return 1;
}

int main(int argc, char **argv)
{
	bool writes = argc == 7 && !strcmp(argv[1], "write");
	int region, device;
	struct stat stat;
	size_t at, length;
	ssize_t n;
	char *map;

	if (argc != 7)
		return 2;
	at = strtoul(argv[3], NULL, 0);
	length = strtoul(argv[6], NULL, 0);
	region = open(argv[2], O_RDWR);
	if (region < 0 || fstat(region, &stat) < 0)
		return failed(argv[2]);
	map = mmap(NULL, (size_t)stat.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, region, 0);
	if (map == MAP_FAILED)
		return failed("mmap");
	device = open(argv[4], O_RDWR | O_DIRECT);
	if (device < 0)
		return failed(argv[4]);
	if (writes && fread(map + at, 1, length, stdin) != length)
		return failed("standard input");
	if (!writes)
		memset(map + at, 0xcc, length);
	n = writes ? pwrite(device, map + at, length, strtol(argv[5], NULL, 0)) : pread(device, map + at, length, strtol(argv[5], NULL, 0));
	if (n != (ssize_t)length)
		return failed("the request");
	if (!writes && fwrite(map + at, 1, length, stdout) != length)
		return failed("standard output");
	return 0;
}
