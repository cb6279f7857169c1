/* SPDX-License-Identifier: MIT */
/* shut.c - locks that are shut */
#include "core/log.h"
#include "core/shut.h"
#include "core/text.h"

int shut_for(struct shut *shut, int error, const char *format, ...)
{
	va_list args;

	shut->error = error;
	shut->cure[0] = '\0';
	va_start(args, format);
	text_vformat(shut->what, sizeof(shut->what), format, args);
	va_end(args);
	return error;
}

void shut_cure(struct shut *shut, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	text_vformat(shut->cure, sizeof(shut->cure), format, args);
	va_end(args);
}

int shut_say(const struct shut *shut)
{
	if (!shut->error)
		return 0;
	fail_plain(shut->error, "%s", shut->what);
	if (shut->cure[0])
		remedy("%s", shut->cure);
	return shut->error;
}
