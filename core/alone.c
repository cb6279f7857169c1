/* SPDX-License-Identifier: MIT */
/* alone.c - the sandbox without a server in it */
#include "core/alone.h"
#include "core/applet.h"
#include "core/log.h"
#include "core/sandbox.h"
#include "core/user.h"

int alone_give_up(const struct spec *spec)
{
	struct sandbox sandbox = { .on = spec->sandbox == SANDBOX_ON, .applet = spec->applet->name };
	int err = user_choose(&sandbox.user, spec);

	if (err)
		return err;
	err = sandbox_early(&sandbox);
	if (!err)
		err = sandbox_thread(&sandbox);
	if (!err)
		err = sandbox_process(&sandbox, SANDBOX_OPENING);
	return err ? fail(err, "give up every right") : 0;
}
