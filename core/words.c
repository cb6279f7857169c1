/* SPDX-License-Identifier: MIT */
/* words.c - a copy of argv as it was */
#include <errno.h>
#include <string.h>

#include "core/log.h"
#include "core/text.h"
#include "core/util.h"
#include "core/words.h"

static char **noted;

int words_note(char *const *words)
{
	size_t count = 0;

	while (words[count])
		count++;
	noted = pages_get((count + 1) * sizeof(*noted));
	if (!noted)
		return fail(-ENOMEM, "start");
	memcpy(noted, words, count * sizeof(*noted));
	return 0;
}

char *const *words_noted(void)
{
	return noted;
}

void words_rename(char sign)
{
	static char name[40];
	char *slash;

	if (*noted[0] == sign)
		return;
	slash = strrchr(noted[0], '/');
	text_format(name, sizeof(name), "%c%s", sign, slash ? slash + 1 : noted[0]);
	*noted[0] = sign;
	noted[0] = name;
}
