/* SPDX-License-Identifier: MIT */
/*
 * scan.h - the first way through a member, span by span
 *
 * zlib can stop anywhere and say in which bit it is. It stops when a span is
 * full; a code of which only a part fitted is counted to the next span, and
 * what it already gave is carried over.
 */
#ifndef APPLETS_ZIP_SCAN_H
#define APPLETS_ZIP_SCAN_H

#include "applets/zip/splice.h"

#define SCAN_SPAN_MIN 1024	/* more than a code can give */

/* Packed bytes that a span of @span may take, more than any sane packer needs; there it ends, however short. */
static inline uint64_t packed_limit(uint64_t span) { return span + span / 4; }
/* And a little more: the codes that were not looked at, and a header that was not read to its end. */
#define PACKED_SLACK 1024

struct scan;

/* What it takes of memory, about. */
#define SCAN_MEMORY (112 << 10)

/* NULL: out of memory. */
/* Once, before the first thread that scans: zlib makes tables that all share. 0 or -ENOMEM. */
int scan_prepare(void);
struct scan *scan_new(void);
void scan_free(struct scan *scan);

/* Begin at @place, with what @window has of before it. 0; -EBADMSG if the window is damaged; or another -errno. */
int scan_begin(struct scan *scan, const struct source *source, const struct member *member, const struct place *place,
	       const struct window *window);

/*
 * Unpack the next @span bytes, or what there is, to @to, which has room for
 * that and for WINDOW before it, where it puts what came before. *end is where
 * it stopped: not further than before if there was nothing but empty blocks.
 * 1 if the member has ended there, exactly where it should; 0 if not yet;
 * -EBADMSG, *why saying what is damaged; or another -errno. After an error it
 * must begin anew.
 */
int scan_span(struct scan *scan, const struct source *source, const struct member *member, uint32_t span, char *to,
	      struct place *end, const char **why);

/*
 * Unpack the part of @span that is @length bytes from @from of the member on to
 * @to. All of the span is, to see whether its checksum is right, but only this
 * is kept. 0; -EBADMSG if it is not; or another -errno.
 */
int scan_part(const struct source *source, const struct member *member, const struct span *span, uint64_t from,
	      uint32_t length, char *to);

#endif
