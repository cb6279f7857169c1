/* SPDX-License-Identifier: MIT */
/* batch.c - elements gathered, tags delivered */
#include <errno.h>
#include <string.h>

#include "core/batch.h"
#include "core/util.h"
#include "core/xfer.h"

static size_t elements_size(const struct batch *batch)
{
	return (size_t)batch->depth * batch->element_size;
}

int batch_open(struct batch *batch)
{
	batch->element_size = sizeof(struct ublk_elem_header) + (batch->addressed ? sizeof(uint64_t) : 0);
	for (int i = 0; i < 2; i++)
		batch->elements[i] = pages_get(elements_size(batch));
	batch->tags = pages_get(sizeof(*batch->tags) * BATCH_BUFFERS);
	if (!batch->elements[0] || !batch->elements[1] || !batch->tags)
		return -ENOMEM;
	return ring_give_buffers(batch->ring, batch->tags, BATCH_BUFFERS, sizeof(*batch->tags));
}

void batch_close(struct batch *batch)
{
	for (int i = 0; i < 2; i++)
		pages_free(batch->elements[i], elements_size(batch));
	pages_free(batch->tags, sizeof(*batch->tags) * BATCH_BUFFERS);
}

static struct io_uring_sqe *command(struct batch *batch, uint32_t op, unsigned int count, unsigned int size, bool addressed,
				    uint64_t user_data)
{
	struct ublk_batch_io header = {
		.q_id = batch->queue,
		.flags = addressed ? UBLK_BATCH_F_HAS_BUF_ADDR : 0,
		.nr_elem = (uint16_t)count,
		.elem_bytes = (uint8_t)size,
	};
	struct io_uring_sqe *sqe = ring_sqe(batch->ring);

	if (!sqe)
		return NULL;
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = XFER_CHAR_FILE;
	sqe->flags = IOSQE_FIXED_FILE;
	sqe->cmd_op = op;
	sqe->user_data = user_data;
	memcpy(sqe->cmd, &header, sizeof(header));
	return sqe;
}

static int send_elements(struct batch *batch, uint32_t op, const char *elements, unsigned int count, uint64_t user_data)
{
	struct io_uring_sqe *sqe = command(batch, op, count, batch->element_size, batch->addressed, user_data);

	if (!sqe)
		return -EIO;
	sqe->addr = ptr_to_u64(elements);
	sqe->len = count * batch->element_size;
	return 0;
}

int batch_fetch(struct batch *batch, uint64_t user_data)
{
	struct io_uring_sqe *sqe = command(batch, UBLK_U_IO_FETCH_IO_CMDS, BATCH_TAGS, sizeof(uint16_t), false, user_data);

	if (!sqe)
		return -EIO;
	sqe->uring_cmd_flags = IORING_URING_CMD_MULTISHOT;
	sqe->flags |= IOSQE_BUFFER_SELECT;
	sqe->buf_group = RING_BUFFER_GROUP;
	return 0;
}

static void set_element(struct batch *batch, unsigned int index, uint16_t tag, int32_t result, const void *address)
{
	struct ublk_elem_header header = { .tag = tag, .result = result };
	char *at = batch->elements[batch->gathering] + (size_t)index * batch->element_size;
	uint64_t number = ptr_to_u64(address);

	memcpy(at, &header, sizeof(header));
	if (batch->addressed)
		memcpy(at + sizeof(header), &number, sizeof(number));
}

int batch_fetch_all(struct batch *batch, const void *(*address)(void *self, uint16_t tag), void *self, uint64_t user_data)
{
	struct ring_done done;
	int err;

	for (uint16_t tag = 0; tag < batch->depth; tag++)
		set_element(batch, tag, tag, 0, address(self, tag));
	err = send_elements(batch, UBLK_U_IO_PREP_IO_CMDS, batch->elements[batch->gathering], batch->depth, user_data);
	if (!err)
		err = ring_submit_and_wait(batch->ring);
	if (!err)
		err = ring_reap(batch->ring, &done, 1) ? done.result : -EIO;
	if (err)
		return err;
	err = batch_fetch(batch, user_data);
	return err ? err : ring_submit(batch->ring);
}

const uint16_t *batch_tags(const struct batch *batch, const struct ring_done *done, unsigned int *count)
{
	*count = (unsigned int)done->result / sizeof(uint16_t);
	must(*count <= BATCH_TAGS && done->buffer < BATCH_BUFFERS);
	return batch->tags[done->buffer];
}

void batch_return(struct batch *batch, const struct ring_done *done)
{
	ring_return_buffer(batch->ring, batch->tags[done->buffer], sizeof(*batch->tags), done->buffer);
}

void batch_answer(struct batch *batch, uint16_t tag, int32_t result, const void *address)
{
	must(batch->count < batch->depth);
	set_element(batch, batch->count++, tag, result, address);
}

int batch_commit(struct batch *batch, uint64_t user_data)
{
	int err;

	/* One at a time: its completion is there when the next answers are, for it is done while it is submitted. */
	if (!batch->count || batch->committing)
		return 0;
	err = send_elements(batch, UBLK_U_IO_COMMIT_IO_CMDS, batch->elements[batch->gathering], batch->count, user_data);
	if (err)
		return err;
	batch->committing = batch->count;
	batch->count = 0;
	batch->gathering ^= 1;
	return 0;
}

int batch_committed(struct batch *batch, int result)
{
	const char *sent = batch->elements[batch->gathering ^ 1];
	unsigned int handled, left;

	if (result < 0)
		return result;
	handled = (unsigned int)result / batch->element_size;
	must(handled <= batch->committing);
	left = batch->committing - handled;
	must(batch->count + left <= batch->depth);
	memcpy(batch->elements[batch->gathering] + (size_t)batch->count * batch->element_size,
	       sent + (size_t)handled * batch->element_size, (size_t)left * batch->element_size);
	batch->count += left;
	batch->committing = 0;
	return 0;
}
