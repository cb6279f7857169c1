/* SPDX-License-Identifier: MIT */
/* no_ring.c - none, for tests of a disk that only answers where bytes live */
#include <stdlib.h>

#include "core/ring.h"

struct io_uring_sqe *ring_sqe(struct ring *ring)
{
	(void)ring;
	abort();
}

ssize_t ring_user_copy(int char_fd, uint16_t queue, uint16_t tag, uint32_t start, char *memory, uint32_t length, bool fill)
{
	(void)char_fd; (void)queue; (void)tag; (void)start; (void)memory; (void)length; (void)fill;
	abort();
}
