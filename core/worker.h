/* SPDX-License-Identifier: MIT */
/*
 * worker.h - the process that serves
 *
 * Forked by the keeper when the device has been added. It prepares the queues,
 * opens ublkcN, fetches all tags, gives up every right, only then looks at what the disk is made
 * of, and reports. It ends when the driver has taken all tags back (then with
 * 0), with the keeper unless another can adopt the disk, or when anything goes
 * wrong.
 *
 * A fork and no exec: the rings and threads that a control command leaves
 * behind belong to the keeper's task and are not inherited, there is nothing
 * to hand over twice, and no /proc is needed.
 */
#ifndef CORE_WORKER_H
#define CORE_WORKER_H

#include <stdint.h>

#include "core/backend.h"
#include "core/device.h"
#include "core/spec.h"

#define SANDBOX_NUMBERS 3		/* that the worker counts itself */

enum report_kind {
	REPORT_PREPARED = 1,	/* a successor that needs but the device; the keeper sends a byte when it may have it */
	REPORT_FETCHED,		/* a successor that has all tags, and may die of anything from here on */
	REPORT_READY,		/* fetched, sandboxed, opened: start the device. Carries the disk */
	REPORT_FAILED,		/* said why; carries the error, to make an exit status of */
	REPORT_STOPPED,		/* every tag came back; what follows may take long. With UBLK_F_QUIESCE, a byte says if it is to */
	REPORT_FINISHED,	/* the backend has done what it does at the end; carries its result */
};

/* All that ever goes from worker to keeper. The keeper trusts none of it. */
struct report {
	uint32_t kind;
	int32_t error;
	struct disk disk;
};

/*
 * Never returns. @pipe: a SOCK_SEQPACKET socket, the keeper's end, -1 if it is
 * not here, and ours. @disk: all 0, or what the device is already, because its
 * last server died.
 */
__attribute__((noreturn)) void worker_main(const struct spec *spec, const struct device *device, const int pipe[2],
					   const struct disk *disk);

#endif
