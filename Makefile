# SPDX-License-Identifier: MIT
#
# make             out/ublk: one static binary, and its applets are links to it
# make run         a RAM disk made, formatted, mounted, written, verified and removed on a real kernel
# make test        everything that proves it, on Linux 6.12
# make help        the other targets
#
# V=1 shows commands. APPLETS="mem ctl" makes a program of these alone. CC=clang, CROSS_COMPILE=aarch64-linux-gnu-,
# MUSL=DIR (its include and lib), CFLAGS= and LDFLAGS= are honoured; DESTDIR=, PREFIX= and LINKS=symlink|hardlink|none
# by make install. STATIC=0 links with the machine's C library, and SYSTEM_LIBS=1 with its liburing, zlib and libdeflate.

OUT := out
PREFIX ?= /usr/local
SBINDIR ?= $(PREFIX)/sbin
MANDIR ?= $(PREFIX)/share/man
DATADIR ?= $(PREFIX)/share/ublk
UDEVDIR ?= $(PREFIX)/lib/udev/rules.d
BASHCOMPDIR ?= $(PREFIX)/share/bash-completion/completions
UNITDIR ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
LINKS ?= symlink
CROSS_COMPILE ?=
ifeq ($(origin CC),default)
CC := $(CROSS_COMPILE)gcc
endif
ifeq ($(origin AR),default)
AR := $(CROSS_COMPILE)ar
endif
STRIP ?= $(CROSS_COMPILE)strip
# For size. -Oz of gcc has small constants pushed and popped, so that what each request and each entry of an archive goes
# through is left at -Os. Functions with a variable number of arguments need not save registers of floating point, where
# nothing computes with them; jumps that are threaded, and calls at the end that are made jumps, only copy code here.
# A compiler that is yet to be installed is Debian's, which knows them.
known_flags = $(shell for flag in $(1); do \
	! command -v $(firstword $(CC)) >/dev/null || $(CC) -Werror $$flag -fsyntax-only -x c /dev/null 2>/dev/null || continue; \
	echo $$flag; done)
SMALLEST := -Os $(call known_flags,-Oz -fno-move-loop-invariants -fno-caller-saves -mgeneral-regs-only -fno-thread-jumps \
	-fno-tree-tail-merge -fno-tree-dominator-opts -fno-optimize-sibling-calls)
QUICK := $(addprefix core/,batch fileio pool queue region request ring turn xfer) applets/null applets/mem/mem applets/mem/store \
	$(addprefix applets/file/,cow file mapping) \
	$(addprefix applets/zip/,archive cache checksum erofs extra index inflate member names scan sort sozip splice track tree \
		window work zip)
CFLAGS ?= $(if $(filter $(QUICK),$(basename $<)),-Os,$(SMALLEST))
WERROR ?= -Werror
Q := $(if $(V),,@)
say = $(if $(V),@:,@printf '  %-7s %s\n' $(1) $(2))

VERSION := $(shell build/version.sh)
# Which applets the program is to have: all, or APPLETS="mem ctl"
ALL_APPLETS := $(shell sed -n 's/^APPLET(\(.*\))/\1/p' applets/list.h)
APPLETS ?= $(ALL_APPLETS)
ifneq ($(filter-out $(ALL_APPLETS),$(APPLETS))$(if $(strip $(APPLETS)),,none),)
$(error APPLETS="$(APPLETS)": it is some of "$(ALL_APPLETS)")
endif
ALL_SOURCES := $(filter-out core/stay.c,$(sort $(wildcard core/*.c applets/*.c applets/*/*.c)))
SOURCES := $(shell build/sources.sh $(APPLETS))
OBJECTS := $(SOURCES:%.c=$(OUT)/obj/%.o)
PAGES := $(wildcard applets/ublk.8 $(foreach name,$(APPLETS),applets/$(name).8 applets/$(name)/$(name).8))
MANUALS := $(OUT)/man/ublk.8 $(patsubst %,$(OUT)/man/ublk-%.8,$(basename $(notdir $(filter-out applets/ublk.8,$(PAGES)))))

.PHONY: all oci tools run shell test unit lint cases test-kernels size install uninstall install-udev uninstall-udev \
	install-completion uninstall-completion clean help FORCE
all: $(OUT)/ublk $(MANUALS)

# --- the binary

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla $(WERROR)
# gcc -Os makes memcpy "rep movsb" and memset "rep stosb", slow below a few KiB; the library's own are not
OWN_CFLAGS := -std=gnu11 -D_GNU_SOURCE -I. $(WARNINGS) -fPIE -ffunction-sections -fdata-sections \
	-fno-asynchronous-unwind-tables -fno-unwind-tables -fno-builtin-memcpy -fno-builtin-memset \
	-ffile-prefix-map=$(CURDIR)=. -MMD -MP

# Which C library, and for the program of STATIC=0 which others
STATIC ?= 1
SYSTEM_LIBS ?= 0
ifeq ($(STATIC),1)
LIBC_CFLAGS = $$(cat $(OUT)/musl.cflags)
link = CC="$(CC)" build/link.sh $(OUT) $1 $(LDFLAGS)
else
LIBC_CFLAGS := $(if $(filter 1,$(SYSTEM_LIBS)),,-isystem $(OUT)/deps/include)
LIBRARIES := $(if $(filter 1,$(SYSTEM_LIBS)),-luring $(if $(filter zip,$(APPLETS)),-lz -ldeflate),$(addprefix $(OUT)/deps/lib/lib,uring.a z.a deflate.a))
link = $(CC) -pie -o $1 -Wl,--gc-sections,--as-needed,-z,relro,-z,now $(LDFLAGS) $(LIBRARIES) -pthread
OWN_CFLAGS += $(if $(findstring _FORTIFY_SOURCE,$(CPPFLAGS) $(CFLAGS)),,-D_FORTIFY_SOURCE=2) -fstack-protector-strong
endif

$(OUT)/obj/%.o: %.c $(OUT)/musl.flags $(OUT)/deps/deps.stamp
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(OWN_CFLAGS) $(LIBC_CFLAGS) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

VERSIONED := $(addprefix $(OUT)/obj/,core/main.o core/run.o core/state.o applets/ctl/ctl.o applets/init.o)
$(VERSIONED): override CPPFLAGS += -DUBLK_VERSION='"$(VERSION)"'
$(VERSIONED): $(OUT)/version

$(OUT)/generated/applets.h: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)printf 'APPLET(%s)\n' $(filter $(APPLETS),$(ALL_APPLETS)) >$@.new
	$(Q)if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

$(OUT)/obj/core/applet.o: override CPPFLAGS += -I$(OUT) -DUBLK_APPLETS='"generated/applets.h"'
$(OUT)/obj/core/applet.o: $(OUT)/generated/applets.h

# What servers may ask of the kernel, as the sources say
$(OUT)/generated/syscalls.inc: $(SOURCES) build/seccomp.sh $(OUT)/musl.flags
	$(Q)mkdir -p $(@D)
	$(Q)build/seccomp.sh $(if $(filter 1,$(STATIC)),,--glibc) >$@.new
	$(Q)if cmp -s $@.new $@; then rm $@.new && touch $@; else mv $@.new $@; fi

$(OUT)/obj/core/sandbox.o: override CPPFLAGS += -I$(OUT)/generated
$(OUT)/obj/core/sandbox.o: $(OUT)/generated/syscalls.inc

$(OUT)/ublk: $(OBJECTS) $(OUT)/musl.flags build/link.sh build/link.map
	$(call say,LINK,$@)
	$(Q)$(call link,$@.debug $(OBJECTS))
	$(Q)$(STRIP) -s -R .comment -o $@ $@.debug
	$(Q)$(if $(findstring clang,$(CC))$(filter 0,$(STATIC)),SIZE_LIMIT=none )build/size.sh $@ $(APPLETS)

# The compiler and all that it is told about musl: when it changes, everything is built anew.
$(OUT)/musl.flags: FORCE
	$(Q)mkdir -p $(OUT)
	$(Q)build/packages.sh build
	$(Q)$(if $(filter 1,$(STATIC)),CC="$(CC)" AR="$(AR)" LDFLAGS="$(LDFLAGS)" MUSL="$(MUSL)" build/musl.sh $(OUT))
	$(Q)echo '$(CC) $(OWN_CFLAGS) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $(LIBRARIES)' | \
		cat - $(if $(filter 1,$(STATIC)),$(OUT)/musl.cflags $(OUT)/musl.ldflags $(OUT)/musl.key) >$@.new
	$(Q)if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

$(OUT)/version: FORCE
	$(Q)echo '$(VERSION)' | cmp -s - $@ || { mkdir -p $(OUT); echo '$(VERSION)' >$@; }

$(OUT)/deps/deps.stamp: build/deps.sh $(OUT)/musl.flags
	$(Q)$(if $(filter 1,$(SYSTEM_LIBS)),mkdir -p $(@D),MUSL_CC="$(deps_cc)" AR="$(AR)" build/deps.sh $(OUT)/deps)
	$(Q)touch $@

deps_cc = $(if $(filter 1,$(STATIC)),$$(CC="$(CC)" build/musl.sh --cc $(OUT)),$(CC))

FORCE:

# --- the binary for other machines

# make cross-aarch64  out/aarch64/ublk, with a cross compiler; make cross-riscv64 likewise
CROSS := aarch64 riscv64
for_machine = $(MAKE) --no-print-directory OUT=$(OUT)/$1 CROSS_COMPILE=$1-linux-gnu-

.PHONY: $(CROSS:%=cross-%)
$(CROSS:%=cross-%): cross-%:
	$(Q)build/packages.sh $@
	$(Q)$(call for_machine,$*) all

# --- an image for containers

# make oci         out/ublk-oci.tar: an image for containers that holds the program and its links, and nothing else
oci: $(OUT)/ublk-oci.tar
$(OUT)/ublk-oci.tar: $(OUT)/ublk build/oci.sh VERSION
	$(call say,IMAGE,$@)
	$(Q)build/oci.sh $< $@ $(APPLETS)

# make sbom        out/ublk.spdx.json: what the program is made of, as SPDX 2.3
.PHONY: sbom
sbom: $(OUT)/ublk.spdx.json
$(OUT)/ublk.spdx.json: $(OUT)/ublk build/sbom.sh VERSION
	$(call say,SBOM,$@)
	$(Q)CC="$(CC)" NM="$(CROSS_COMPILE)nm" build/sbom.sh $(OUT) >$@

# --- what is given away

# make dist        out/ublk-VERSION.tar.gz: the sources
.PHONY: dist
dist:
	$(Q)build/dist.sh $(OUT)

# make release     out/release: sources, static programs for RELEASE="x86_64 aarch64 riscv64", SBOM, images, checksums
RELEASE ?= x86_64 aarch64 riscv64
.PHONY: release
release:
	$(Q)MAKE="$(MAKE)" build/release.sh $(OUT) $(RELEASE)

# make test-release  that, looked at, and made once more of its own tarball: the same, byte for byte
.PHONY: test-release
test-release: release
	$(Q)tests/release $(OUT) $(RELEASE)

# make deb         out/deb: packages for Debian; DEB_BUILD_OPTIONS=dynamic with the distribution's libraries
.PHONY: deb test-deb
deb:
	$(Q)build/packages.sh deb
	$(Q)env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL build/deb.sh $(OUT)

# make test-deb    those packages, looked at by lintian and unpacked
test-deb: deb
	$(Q)tests/deb $(OUT)

# make test-reproducible  that two builds at different places are the same, byte for byte
.PHONY: test-reproducible
test-reproducible: all
	$(Q)tests/reproducible

# --- what cases need and no package has

TOOLS := $(patsubst tests/vm/tools/%.c,$(OUT)/tools/%,$(sort $(wildcard tests/vm/tools/*.c)))
tools: $(TOOLS) $(OUT)/tools/ublk-shellcode $(OUT)/tools/ublk-alone $(OUT)/ublk-oci.tar
$(OUT)/tools/%: tests/vm/tools/%.c $(OUT)/musl.flags $(OUT)/deps/deps.stamp
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -Wall -Wextra $(WERROR) -fPIE -Os $$(cat $(OUT)/musl.cflags) -c -o $(OUT)/$*.o $<
	$(Q)CC="$(CC)" build/link.sh $(OUT) $@ $(OUT)/$*.o
	$(Q)rm -f $(OUT)/$*.o

# A server that has been taken over: all of the program, but other names
$(OUT)/tools/ublk-shellcode: $(OUT)/obj/tests/vm/shellcode.o $(filter-out %/core/applet.o,$(OBJECTS))
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)CC="$(CC)" build/link.sh $(OUT) $@ $^ -Wl,--wrap=ring_open,--wrap=ring_reap

# What make APPLETS=mem makes
ALONE := $(patsubst %.c,$(OUT)/obj/%.o,$(shell build/sources.sh mem))
$(OUT)/tools/ublk-alone: $(OUT)/obj/tests/vm/alone.o $(filter-out %/core/applet.o,$(ALONE))
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)CC="$(CC)" build/link.sh $(OUT) $@ $^

# --- manual pages: each disk's page gets the options that all disks have

$(OUT)/man/%.8: build/man.sh core/disk-options.mdoc $(PAGES)
	$(call say,MAN,$@)
	$(Q)mkdir -p $(@D)
	$(Q)build/man.sh $* >$@

# --- install

# Each part has its uninstall-... The program is stripped in any case; what debuggers want stays in out/ublk.debug.
# make install     the program and its links (install-bin), the pages (install-man), the schema of JSON (install-data)
install: install-bin install-man install-data
uninstall: uninstall-bin uninstall-man uninstall-data
install-strip: install

.PHONY: install-bin uninstall-bin install-man uninstall-man install-data uninstall-data install-strip
install-bin: $(OUT)/ublk
	install -d "$(DESTDIR)$(SBINDIR)"
	install -m 755 $(OUT)/ublk "$(DESTDIR)$(SBINDIR)/ublk"
	$(Q)for name in $(if $(filter none,$(LINKS)),,$(APPLETS)); do \
		ln -f $(if $(filter symlink,$(LINKS)),-s ublk,"$(DESTDIR)$(SBINDIR)/ublk") \
			"$(DESTDIR)$(SBINDIR)/ublk-$$name" || exit 1; done

uninstall-bin:
	rm -f "$(DESTDIR)$(SBINDIR)/ublk" $(APPLETS:%="$(DESTDIR)$(SBINDIR)/ublk-%")

install-man: $(MANUALS)
	install -d "$(DESTDIR)$(MANDIR)/man8"
	install -m 644 $(MANUALS) "$(DESTDIR)$(MANDIR)/man8/"

uninstall-man:
	rm -f $(patsubst $(OUT)/man/%,"$(DESTDIR)$(MANDIR)/man8/%",$(MANUALS))

install-data:
	install -d "$(DESTDIR)$(DATADIR)"
	install -m 644 applets/ctl/ublk-ctl.schema.json "$(DESTDIR)$(DATADIR)/"

uninstall-data:
	rm -f "$(DESTDIR)$(DATADIR)/ublk-ctl.schema.json"
	rmdir "$(DESTDIR)$(DATADIR)" 2>/dev/null || true

# make install-udev  rules for udev: UDEVDIR=
install-udev:
	install -d "$(DESTDIR)$(UDEVDIR)"
	$(Q)sed 's|@SBINDIR@|$(SBINDIR)|' applets/ctl/60-ublk.rules >"$(DESTDIR)$(UDEVDIR)/60-ublk.rules"
	$(Q)chmod 644 "$(DESTDIR)$(UDEVDIR)/60-ublk.rules"

uninstall-udev:
	rm -f "$(DESTDIR)$(UDEVDIR)/60-ublk.rules"

# make install-completion  for bash: BASHCOMPDIR=
install-completion:
	install -d "$(DESTDIR)$(BASHCOMPDIR)"
	$(Q)sed 's/^complete -F _ublk .*/complete -F _ublk ublk $(APPLETS:%=ublk-%)/' applets/ctl/ublk.bash \
		>"$(DESTDIR)$(BASHCOMPDIR)/ublk"
	$(Q)chmod 644 "$(DESTDIR)$(BASHCOMPDIR)/ublk"
	$(Q)for name in $(APPLETS); do ln -sf ublk "$(DESTDIR)$(BASHCOMPDIR)/ublk-$$name" || exit 1; done

uninstall-completion:
	rm -f "$(DESTDIR)$(BASHCOMPDIR)/ublk" $(APPLETS:%="$(DESTDIR)$(BASHCOMPDIR)/ublk-%")

# make install-systemd  units for disks that systemd makes: UNITDIR=, SYSUSERSDIR=
UNITS := $(filter $(APPLETS),mem file zip)

.PHONY: install-systemd uninstall-systemd
install-systemd:
	install -d "$(DESTDIR)$(UNITDIR)" "$(DESTDIR)$(SYSUSERSDIR)"
	$(Q)for applet in $(UNITS); do \
		sed "s|@APPLET@|$$applet|g; s|@SBINDIR@|$(SBINDIR)|g" systemd/ublk-disk@.service.in \
			>"$(DESTDIR)$(UNITDIR)/ublk-$$applet@.service" || exit 1; done
	install -m 644 systemd/ublk.sysusers "$(DESTDIR)$(SYSUSERSDIR)/ublk.conf"

uninstall-systemd:
	rm -f $(UNITS:%="$(DESTDIR)$(UNITDIR)/ublk-%@.service") "$(DESTDIR)$(SYSUSERSDIR)/ublk.conf"

# make install-initramfs-tools install-dracut install-mkinitcpio install-mkinitfs  a root on a disk, see initramfs/
INITRAMFSTOOLSDIR ?= $(if $(filter /usr,$(PREFIX)),/usr/share,/etc)/initramfs-tools
DRACUTDIR ?= /usr/lib/dracut/modules.d
MKINITCPIODIR ?= $(if $(filter /usr,$(PREFIX)),/usr/lib,/etc)/initcpio
MKINITFSDIR ?= /etc/mkinitfs
GENERATORS := initramfs-tools dracut mkinitcpio mkinitfs

# FILE:WHERE for each of them
hooks = $(foreach file,$(shell cd initramfs/$1 && find $2 -type f | LC_ALL=C sort),$1/$(file):$3/$(file))
HOOKS_initramfs-tools = $(call hooks,initramfs-tools,hooks scripts,$(INITRAMFSTOOLSDIR))
HOOKS_dracut = $(call hooks,dracut,95ublk,$(DRACUTDIR))
HOOKS_mkinitcpio = $(call hooks,mkinitcpio,install hooks,$(MKINITCPIODIR)) $(call hooks,mkinitcpio,ublk-boot.service,$(UNITDIR))
HOOKS_mkinitfs = $(call hooks,mkinitfs,features.d,$(MKINITFSDIR)) $(call hooks,mkinitfs,initramfs-init,$(DATADIR))

.PHONY: $(GENERATORS:%=install-%) $(GENERATORS:%=uninstall-%)
$(GENERATORS:%=install-%): install-%:
	$(Q)set -e; for hook in $(HOOKS_$*); do \
		from=initramfs/$${hook%%:*} to=$(DESTDIR)$${hook#*:}; echo "install $$to"; install -d "$${to%/*}"; \
		sed 's|@SBINDIR@|$(SBINDIR)|g; s|@UDEVDIR@|$(UDEVDIR)|g; s|@UNITDIR@|$(UNITDIR)|g' "$$from" >"$$to"; \
		if test -x "$$from"; then chmod 755 "$$to"; else chmod 644 "$$to"; fi; done

$(GENERATORS:%=uninstall-%): uninstall-%:
	$(Q)for hook in $(HOOKS_$*); do rm -f "$(DESTDIR)$${hook#*:}"; done
	$(Q)$(if $(filter dracut,$*),rm -rf "$(DESTDIR)$(DRACUTDIR)/95ublk")

# --- use and proof

run: all
	$(Q)tests/run

# make shell       a shell in that machine, with ublk on its PATH; KERNEL=7.3 for another kernel
KERNEL ?= 6.12
shell: all
	$(Q)build/packages.sh vm
	$(Q)tests/vm/run --kernel $(KERNEL) --shell

test:
	$(Q)tests/test

# make cases       the cases in virtual machines, on 6.12; KERNEL=7.2 for another, CASES="mem-save ..." for some
cases: all tools
	$(Q)build/packages.sh vm
	$(Q)tests/vm/cases.sh --kernel $(KERNEL) $(CASES)

# make test-kernels  the cases on every kernel that can be had
test-kernels:
	$(Q)tests/test $$(awk '!/^#/ { print $$1 }' tests/vm/kernels)

include lib/lib.mk
include tests/tests.mk
include tests/fuzz/fuzz.mk
include tests/bench/bench.mk

size: $(OUT)/ublk
	$(Q)build/size.sh $< $(APPLETS)

clean:
	rm -rf $(OUT)

help:
	@sed -n 's/^# \(make.*\)/\1/p; s/^#: \(.*\)/\1/p' Makefile lib/lib.mk tests/tests.mk tests/fuzz/fuzz.mk tests/bench/bench.mk

-include $(OBJECTS:.o=.d)
