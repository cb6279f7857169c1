/* SPDX-License-Identifier: MIT */
/* xor.c - a disk in memory that nobody reads there: every byte is XORed with a key. A toy, and no encryption. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <ublk-core.h>

static struct xor {
	uint32_t key;
	unsigned char *memory;
} state = { .key = 0x5a };

static struct ublk_disk disk;

static const struct ublk_option options[] = {
	{ UBLK_SIZE, 's', "size", &disk.size, "SIZE", "size of the disk" },
	{ UBLK_NUMBER, 'k', "key", &state.key, "N", "what every byte is XORed with" },
	{ 0 }
};

/* Shared, and made before there is a worker: with --supervise the next one has what the last one had. */
static int xor_prepare(struct ublk_disk *d)
{
	state.memory = mmap(NULL, d->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return state.memory == MAP_FAILED ? ublk_fail(-errno, "map %llu bytes", (unsigned long long)d->size) : 0;
}

static void mix(unsigned char *to, const unsigned char *from, uint32_t length, uint32_t key)
{
	for (uint32_t i = 0; i < length; i++)
		to[i] = from[i] ^ (unsigned char)key;
}

static int xor_read(void *self, void *buffer, uint32_t length, uint64_t offset)
{
	const struct xor *x = self;

	mix(buffer, x->memory + offset, length, x->key);
	return 0;
}

static int xor_write(void *self, const void *buffer, uint32_t length, uint64_t offset)
{
	struct xor *x = self;

	mix(x->memory + offset, buffer, length, x->key);
	return 0;
}

static struct ublk_disk disk = {
	.name = "xor", .about = "A disk in memory, XORed with a key", .options = options, .bare = "size", .self = &state,
	.size = 64 << 20, .parallel = true, .prepare = xor_prepare, .read = xor_read, .write = xor_write,
};

int main(int argc, char **argv)
{
	return ublk_main(argc, argv, &disk);
}
