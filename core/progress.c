/* SPDX-License-Identifier: MIT */
/* progress.c - percent, or bytes where nobody knows of how many */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/progress.h"
#include "core/size.h"
#include "core/text.h"

void progress_show(struct progress *p, uint64_t done)
{
	uint64_t step = p->whole ? done * 100 / p->whole : done >> 24;
	char text[SIZE_TEXT_MAX], whole[SIZE_TEXT_MAX], line[200];

	if (!p->on || step == p->shown)
		return;
	p->shown = step;
	if (p->whole)
		text_format(line, sizeof(line), "\r%s %s: [%-20.*s] %3" PRIu64 "%% of %s", p->verb, p->name, (int)(step / 5),
			    "####################", step, size_text(p->whole, whole));
	else
		text_format(line, sizeof(line), "\r%s %s: %s", p->verb, p->name, size_text(done, text));
	file_write_all(STDERR_FILENO, line, strlen(line));
}

void progress_end(const struct progress *p)
{
	if (p->on && p->shown)
		file_write_all(STDERR_FILENO, "\n", 1);
}
