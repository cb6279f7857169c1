/* SPDX-License-Identifier: MIT */
/* list.h - every applet, one line each; the number of a line is how devices name theirs, so add at the end */
APPLET(mem)
APPLET(null)
APPLET(ctl)
APPLET(file)
APPLET(zip)
APPLET(init)
