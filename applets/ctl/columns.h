/* SPDX-License-Identifier: MIT */
/* columns.h - what can be told about a device, for list, info and JSON alike */
#ifndef APPLETS_CTL_COLUMNS_H
#define APPLETS_CTL_COLUMNS_H

#include <stdbool.h>

#include "applets/ctl/device.h"

#define VALUE_MAX 4200		/* a path and " (deleted)" */
#define COLUMNS_MAX 32

/* What a column's value is: how JSON writes it, and which way it is aligned. */
enum kind { TEXT, NUMBER, BYTES, BOOLEAN };

struct column {
	const char *name;	/* upper case; JSON's key in lower case */
	enum kind kind;
	bool usual;		/* printed unless asked otherwise */
	/* Into @text, "" for not known. Bytes as a plain number; text may hold anything. */
	void (*get)(const struct found *device, char *text);
};

extern const struct column columns[];	/* a name of NULL ends it */

#endif
