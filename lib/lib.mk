# SPDX-License-Identifier: MIT
#
#: make lib         out/lib/libublk-core.a: what serves disks, for programs of your own; LIB_CC=musl-gcc for static ones
#: make install-lib  that, its header, pages and ublk-core.pc: PREFIX=, LIBDIR=, INCLUDEDIR=, PKGCONFIGDIR=
#
# For the C library of the machine, which is whose programs it will be linked into. It is one object, in which nothing
# has a name but what ublk-core.h declares: a program may call its own functions as it likes, and liburing is inside.

LIB_CC ?= $(CC)
LIB_CFLAGS ?= -O2
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
PKGCONFIGDIR ?= $(LIBDIR)/pkgconfig
OBJCOPY ?= $(CROSS_COMPILE)objcopy

LIB := $(OUT)/lib
LIB_OBJECTS := $(patsubst %.c,$(LIB)/obj/%.o,$(filter-out core/main.c core/applet.c core/stay.c,$(wildcard core/*.c)) lib/ublk-core.c)
LIB_PAGES := $(sort $(wildcard lib/*.3))
# What the header declares
LIB_NAMES := $(shell sed -n 's/^[a-z].*[ *]\(ublk_[a-z_]*\)[^a-z_ ;].*;$$/\1/p' lib/ublk-core.h)
lib_version = $(shell sed -n 's/^\#define UBLK_CORE_[A-Z]* \([0-9]*\)$$/\1/p' lib/ublk-core.h | paste -sd .)

# The kernel's headers come last: a compiler of musl's has none
LIB_OWN_CFLAGS := -std=gnu11 -D_GNU_SOURCE -I. -I$(OUT)/generated -isystem $(OUT)/deps/include \
	-idirafter $(OUT)/deps/kernel $(WARNINGS) -fPIC -ffunction-sections -fdata-sections \
	-ffile-prefix-map=$(CURDIR)=. -MMD -MP

.PHONY: lib install-lib uninstall-lib
lib: $(LIB)/libublk-core.a $(LIB)/ublk-core.pc

$(LIB)/obj/%.o: %.c $(LIB)/flags $(OUT)/deps/deps.stamp $(OUT)/generated/syscalls.inc
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(LIB_CC) $(LIB_OWN_CFLAGS) -DUBLK_VERSION='"$(VERSION)"' $(CPPFLAGS) $(LIB_CFLAGS) -c -o $@ $<

$(LIB)/flags: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)echo '$(LIB_CC) $(LIB_OWN_CFLAGS) $(CPPFLAGS) $(LIB_CFLAGS) $(VERSION)' >$@.new
	$(Q)if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

$(LIB)/libublk-core.a: $(LIB_OBJECTS) lib/lib.mk
	$(call say,AR,$@)
	$(Q)$(LIB_CC) -r -nostdlib -o $(LIB)/ublk-core.o $(LIB_OBJECTS) $(OUT)/deps/lib/liburing.a
	$(Q)$(OBJCOPY) $(LIB_NAMES:%=--keep-global-symbol=%) $(LIB)/ublk-core.o
	$(Q)rm -f $@
	$(Q)$(AR) rcsD $@ $(LIB)/ublk-core.o

$(LIB)/ublk-core.pc: lib/ublk-core.pc.in lib/ublk-core.h FORCE
	$(Q)mkdir -p $(@D)
	$(Q)sed 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@INCLUDEDIR@|$(INCLUDEDIR)|; s|@VERSION@|$(lib_version)|' \
		$< >$@

install-lib: lib
	install -d "$(DESTDIR)$(LIBDIR)" "$(DESTDIR)$(INCLUDEDIR)" "$(DESTDIR)$(PKGCONFIGDIR)"
	install -d "$(DESTDIR)$(MANDIR)/man3"
	install -m 644 $(LIB)/libublk-core.a "$(DESTDIR)$(LIBDIR)/"
	install -m 644 lib/ublk-core.h "$(DESTDIR)$(INCLUDEDIR)/"
	install -m 644 $(LIB)/ublk-core.pc "$(DESTDIR)$(PKGCONFIGDIR)/"
	install -m 644 $(LIB_PAGES) "$(DESTDIR)$(MANDIR)/man3/"

uninstall-lib:
	rm -f "$(DESTDIR)$(LIBDIR)/libublk-core.a" "$(DESTDIR)$(INCLUDEDIR)/ublk-core.h"
	rm -f "$(DESTDIR)$(PKGCONFIGDIR)/ublk-core.pc"
	rm -f $(patsubst lib/%,"$(DESTDIR)$(MANDIR)/man3/%",$(LIB_PAGES))

# The example as anybody would build it, with what is installed; cases call it ublk-xor
tools: $(OUT)/tools/ublk-xor
$(OUT)/tools/ublk-xor: examples/backend/xor.c examples/backend/Makefile $(LIB)/libublk-core.a lib/ublk-core.pc.in
	$(call say,EXAMPLE,$@)
	$(Q)rm -rf $(LIB)/installed $(LIB)/example
	$(Q)$(MAKE) --no-print-directory -s install-lib DESTDIR="$(CURDIR)/$(LIB)/installed"
	$(Q)cp -r examples/backend $(LIB)/example
	$(Q)PKG_CONFIG_SYSROOT_DIR="$(CURDIR)/$(LIB)/installed" \
		PKG_CONFIG_LIBDIR="$(CURDIR)/$(LIB)/installed$(PKGCONFIGDIR)" \
		$(MAKE) --no-print-directory -s -C $(LIB)/example CC="$(LIB_CC)"
	$(Q)mkdir -p $(@D)
	$(Q)cp $(LIB)/example/xor $@

tools: $(OUT)/tools/own-disk
$(OUT)/tools/own-disk: tests/lib/own-disk.c $(OUT)/tools/ublk-xor
	$(call say,CC,$@)
	$(Q)$(LIB_CC) -D_GNU_SOURCE -Wall -Wextra $(WERROR) -Wno-unused-parameter -O1 -Ilib -o $@ $< -L$(LIB) \
		-lublk-core -pthread

unit: lib

-include $(LIB_OBJECTS:.o=.d)
