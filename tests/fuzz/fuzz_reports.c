/* SPDX-License-Identifier: MIT */
/*
 * fuzz_reports.c - whatever a server that was taken over sends its keeper, and what the kernel is then told of its disk
 *
 * Each message is a byte that says how long it is, and that many bytes; 255 stands for a whole report.
 *
 * fuzz: -max_len=1000
 * brief: 300000
 */
#include <stdint.h>

#include "core/params.h"
#include "core/spec.h"
#include "tests/fuzz/names_clean.h"

#define worker_kill was_killed
#include "core/events.c"
#undef worker_kill

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of what needs a ring. */
int ctrl_poll_fd(const struct ctrl *ctrl) { (void)ctrl; return -1; }
int ctrl_result(struct ctrl *ctrl) { (void)ctrl; return 0; }

/* Of what asks the driver. */
void worker_left(struct keeper *k) { k->stopped = true; }

/* Nobody sends signals here. */
void upgrade_asked(struct keeper *k, const struct signalfd_siginfo *event) { (void)k; (void)event; }

static struct spec spec;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	spec_init(&spec, NULL);
	return 0;
}

static bool is_power(uint64_t n) { return n && !(n & (n - 1)); }

/* The kernel would refuse it, or worse. */
static void can_be_told(const struct disk *disk)
{
	struct ublk_params params;

	params_fill(&params, disk, &spec, 1 << 20);
	HOLDS(params.basic.logical_bs_shift >= 9 && params.basic.logical_bs_shift <= 12);
	HOLDS(params.basic.physical_bs_shift >= params.basic.logical_bs_shift);
	HOLDS(params.basic.dev_sectors && params.basic.dev_sectors <= INT64_MAX >> 9);
	HOLDS(params.basic.dev_sectors << 9 == disk->size);
	HOLDS(params.basic.max_sectors >= 8 && params.basic.max_sectors <= 2048);
	if (params.types & UBLK_PARAM_TYPE_DISCARD)
		HOLDS(params.discard.max_discard_segments == 1 && params.discard.discard_granularity);
	if (params.types & UBLK_PARAM_TYPE_DMA_ALIGN)
		HOLDS(is_power((uint64_t)params.dma.alignment + 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct keeper k = { .spec = &spec, .stats_timer = -1, .worker = { .pidfd = -1 } };
	unsigned int sent = 0;
	int ends[2];

	HOLDS(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
	k.pipe = ends[0];
	while (size) {
		size_t length = data[0] == 255 ? sizeof(struct report) : data[0];

		data++;
		size--;
		length = length < size ? length : size;
		if (sent++ < 10)
			HOLDS(send(ends[1], data, length, MSG_DONTWAIT) == (ssize_t)length);
		data += length;
		size -= length;
	}
	close(ends[1]);
	while (k.pipe >= 0)
		take_reports(&k);
	HOLDS(k.reports <= REPORTS_MAX + 1);
	if (k.report.kind) {
		HOLDS(k.report.kind >= REPORT_PREPARED && k.report.kind <= REPORT_FINISHED && k.report.error <= 0);
		if (!params_check(&k.report.disk, &spec))
			can_be_told(&k.report.disk);
	}
	HOLDS(k.error <= 0 && k.finish_error <= 0);
	return 0;
}
