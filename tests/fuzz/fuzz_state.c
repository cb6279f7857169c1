/* SPDX-License-Identifier: MIT */
/*
 * fuzz_state.c - what a keeper left, made by somebody who knows how: the head is right, the rest is anything
 *
 * fuzz: -max_len=600
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/state.h"

#define HOLDS(condition) do { if (!(condition)) abort(); } while (0)
#define HEAD 16
#define BODY 1024

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct things {
	bool on;
	uint64_t number;
	int file, other;
	char text[8];
};

static const struct state_field table[] = {
	STATE_FIELD(struct things, on, STATE_BOOL),
	STATE_FIELD(struct things, number, STATE_NUMBER),
	STATE_FIELD(struct things, file, STATE_FILE),
	STATE_FIELD(struct things, other, STATE_FILE),
	STATE_FIELD(struct things, text, STATE_TEXT),
	STATE_END
};

static void make(int fd, const uint8_t *data, size_t size)
{
	static const uint64_t magic = 0x65746174736b6c62;
	uint32_t version = STATE_VERSION, used = (uint32_t)(HEAD + size);
	char bytes[HEAD + BODY];

	memcpy(bytes, &magic, 8);
	memcpy(bytes + 8, &version, 4);
	memcpy(bytes + 12, &used, 4);
	memcpy(bytes + HEAD, data, size);
	HOLDS(write(fd, bytes, used) == (ssize_t)used);
	HOLDS(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0);
}

static void look_at(struct state *state)
{
	struct things things = { .file = -1, .other = -1 };
	char *words[8];
	uint32_t at = 0;

	for (size_t i = state_read_words(state, words, 8); i; i--)
		HOLDS(strlen(words[i - 1]) < BODY);
	while (state_next_file(state, &at) >= 0)
		;
	state_carry(state, "things", table, &things);
	HOLDS(*(unsigned char *)&things.on <= 1 && memchr(things.text, '\0', sizeof(things.text)));
	HOLDS(things.file == -1 || (things.file > STDERR_FILENO && fcntl(things.file, F_GETFD) >= 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("state", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct state state;

	HOLDS(fd >= 0 && size <= BODY);
	make(fd, data, size);
	if (state_read(&state, fd) == 0)
		look_at(&state);
	state_close(&state);
	close(fd);
	return 0;
}
