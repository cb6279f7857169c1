/* SPDX-License-Identifier: MIT */
/* params.c - struct disk to struct ublk_params */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "core/log.h"
#include "core/params.h"
#include "core/util.h"

#define SIZE_MAX_BYTES ((uint64_t)INT64_MAX)	/* the kernel's loff_t */
#define SECTOR_MIN 512
#define SECTOR_MAX 4096
#define PHYSICAL_MAX (1U << 20)
#define OPTIMAL_MAX (1U << 30)

/*
 * One discard is one request: its length in bytes must fit a span, and a queue
 * should not be busy with it for too long.
 */
#define DISCARD_MAX_BYTES (1U << 30)

/* What came through a pipe may hold in a bool what no bool can. */
static bool is_bool(const bool *at)
{
	unsigned char byte;

	memcpy(&byte, at, 1);
	return byte <= 1;
}

static bool fits(uint32_t size, uint32_t least, uint32_t most)
{
	return size >= least && size <= most && is_power_of_two(size);
}

int params_check(const struct disk *disk, const struct spec *spec)
{
	uint32_t sector = spec_sector_size(spec, disk->sector_size);

	if (!is_bool(&disk->read_only) || !is_bool(&disk->write_cache) || !is_bool(&disk->rotational) || !is_bool(&disk->shared))
		return fail_plain(-EINVAL, "the description of the disk makes no sense");
	if (!disk->size)
		return fail_plain(-EINVAL, "the disk would have no size");
	if (disk->size > SIZE_MAX_BYTES)
		return fail_plain(-EFBIG, "the disk would be larger than the kernel can address, 8 EiB less one sector");
	if (disk->sector_size && !fits(disk->sector_size, SECTOR_MIN, SECTOR_MAX))
		return fail_plain(-EINVAL, "the disk's sector size, %" PRIu32 ", makes no sense", disk->sector_size);
	if (disk->size % sector)
		return fail_plain(-EINVAL, "the size, %" PRIu64 " bytes, is no multiple of the sector size, %" PRIu32,
				  disk->size, sector);
	if (disk->physical_size && !fits(disk->physical_size, SECTOR_MIN, PHYSICAL_MAX))
		return fail_plain(-EINVAL, "the disk's physical block size, %" PRIu32 ", makes no sense", disk->physical_size);
	if (disk->optimal_size && !fits(disk->optimal_size, SECTOR_MIN, OPTIMAL_MAX))
		return fail_plain(-EINVAL, "the disk's optimal transfer size, %" PRIu32 ", makes no sense", disk->optimal_size);
	if (disk->discard_size && !is_power_of_two(disk->discard_size))
		return fail_plain(-EINVAL, "the disk's discard granularity, %" PRIu32 ", makes no sense", disk->discard_size);
	if (disk->dma_size && !fits(disk->dma_size, 1, SECTOR_MAX))
		return fail_plain(-EINVAL, "the disk's alignment of memory, %" PRIu32 ", makes no sense", disk->dma_size);
	return 0;
}

/*
 * What a device behind the disk takes at once (size, segments, gaps) is not
 * taken over: what is larger is split there by a thread of io_uring's, which
 * was measured to cost less than more requests of ours do.
 */
void params_fill(struct ublk_params *params, const struct disk *disk, const struct spec *spec, uint32_t max_io)
{
	uint32_t sector = spec_sector_size(spec, disk->sector_size);
	uint8_t logical = (uint8_t)log2_u64(sector);
	uint8_t physical = (uint8_t)log2_u64(max_u64(disk->physical_size, sector));
	uint8_t optimal = (uint8_t)log2_u64(max_u64(disk->optimal_size, 1ULL << physical));

	*params = (struct ublk_params){
		.types = UBLK_PARAM_TYPE_BASIC,
		.basic = {
			.attrs = (disk->read_only || spec->read_only ? UBLK_ATTR_READ_ONLY : 0) |
				 (disk->write_cache ? UBLK_ATTR_VOLATILE_CACHE | UBLK_ATTR_FUA : 0) |
				 (disk->rotational ? UBLK_ATTR_ROTATIONAL : 0),
			.logical_bs_shift = logical,
			.physical_bs_shift = physical,
			.io_min_shift = physical,
			.io_opt_shift = optimal,
			.max_sectors = max_io >> UBLK_SECTOR_SHIFT,
			.dev_sectors = disk->size >> UBLK_SECTOR_SHIFT,
		},
	};
	if (disk->dma_size > 1) {
		params->types |= UBLK_PARAM_TYPE_DMA_ALIGN;
		params->dma.alignment = disk->dma_size - 1;	/* a mask */
	}
	if (!disk->discard_size || disk->read_only || spec->read_only)
		return;
	params->types |= UBLK_PARAM_TYPE_DISCARD;
	params->discard = (struct ublk_param_discard){
		.discard_granularity = (uint32_t)max_u64(disk->discard_size, sector),
		.max_discard_sectors = DISCARD_MAX_BYTES >> UBLK_SECTOR_SHIFT,
		.max_write_zeroes_sectors = DISCARD_MAX_BYTES >> UBLK_SECTOR_SHIFT,
		.max_discard_segments = 1,
	};
}
