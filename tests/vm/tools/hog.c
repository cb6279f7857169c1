/* SPDX-License-Identifier: MIT */
/*
 * hog MIB ROUNDS - take memory, write something else to each of its pages, and find it there again, ROUNDS times
 *
 * It ends with 1 when a page does not hold what was written to it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define PAGE 4096

static uint64_t mark(uint64_t round, uint64_t page, uint64_t word)
{
	return (round + 1) * 0x9e3779b97f4a7c15ULL ^ page << 20 ^ word;
}

int main(int argc, char **argv)
{
	uint64_t pages = argc == 3 ? strtoull(argv[1], NULL, 10) << 8 : 0, rounds = argc == 3 ? strtoull(argv[2], NULL, 10) : 0;
	uint64_t *at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (!pages || at == MAP_FAILED)
		return 2;
	for (uint64_t round = 0; round < rounds; round++) {
		for (uint64_t page = 0; page < pages; page++)
			for (uint64_t word = 0; word < PAGE / 8; word += 64)
				at[page * (PAGE / 8) + word] = mark(round, page, word);
		for (uint64_t page = 0; page < pages; page++)
			for (uint64_t word = 0; word < PAGE / 8; word += 64)
				if (at[page * (PAGE / 8) + word] != mark(round, page, word)) {
					printf("round %d: page %llu is not what was written\n", (int)round, (unsigned long long)page);
					return 1;
				}
	}
	return 0;
}
