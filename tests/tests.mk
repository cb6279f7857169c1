# SPDX-License-Identifier: MIT
#
#: make unit        the tests that need neither root nor a kernel, under the sanitizers and with musl
#: make lint        what other programs say about the sources
#: make test-faults  the cases that take long, on all kernels, newest first; KERNEL=7.3 for one
#: make coverage    how many lines and branches of each source the unit tests go through; misses in out/unit/cov/*.missed
#: make valgrind    the unit tests once more, under valgrind
#: make msan        those of them that clang's MemorySanitizer can follow, under it
#: make test-boot   machines that boot, run and are switched off: with disks as units of systemd, and with one as the root
#: make test-foreign  the kernel's own tests of the driver, with ublk in place of their server; on 7.3, or KERNEL=6.12
#: make test-aarch64  the cases on a machine of another kind, emulated; on 6.12, or KERNEL=7.3, KERNEL=7.3-16k, CASES="..."
#: make test-riscv64  likewise
#
# Each leaves a line per claim in out/results/: pass, fail or skip, a tab, and what was claimed.

# --- unit: the sources compiled for this machine, thrice

UNIT := $(OUT)/unit
UNIT_CC ?= gcc
OBJCOPY ?= $(CROSS_COMPILE)objcopy
UNIT_WERROR ?= -Werror
UNIT_CFLAGS := -std=gnu11 -D_GNU_SOURCE -DUBLK_VERSION='"unit"' -I. -I$(UNIT) -I$(OUT)/generated -isystem $(OUT)/deps/include -Wall -Wextra $(UNIT_WERROR) -O1 -g \
	-fno-omit-frame-pointer -MMD -MP
UNIT_LIBS = $(OUT)/deps/lib/libz.a $(OUT)/deps/lib/libdeflate.a -pthread
UNIT_ASAN := -fsanitize=address,undefined -fno-sanitize-recover=all
UNIT_TSAN := -fsanitize=thread

UNIT_TESTS := $(patsubst tests/unit/%.c,%,$(sort $(wildcard tests/unit/test_*.c)))
UNIT_TSAN_TESTS := test_serve test_store test_inflate
UNIT_LIFE_TESTS := test_life test_keeper test_upgrade test_failures
# These have calls.c between the sources and the C library
UNIT_CALLS_TESTS := $(UNIT_LIFE_TESTS) $(addprefix test_,batch boot budget file log node paths proc tools words world zip)
UNIT_MODEL_TESTS := test_serve test_library test_words $(UNIT_LIFE_TESTS)
UNIT_NATIVE_TESTS := $(UNIT_MODEL_TESTS)	# the model is made for one C library
UNIT_REAL_LOG := test_log test_words test_library test_tools test_boot test_init $(UNIT_LIFE_TESTS)
# What every test may link with: all but main, and what the tests have their own of
UNIT_CORE := $(filter-out core/main.c core/sandbox.c core/ring.c,$(ALL_SOURCES)) tests/unit/no_sandbox.c tests/unit/no_ring.c
UNIT_PROGRAMS := $(UNIT_TESTS:%=$(UNIT)/asan/%) $(UNIT_TSAN_TESTS:%=$(UNIT)/tsan/%) \
	$(patsubst %,$(UNIT)/musl/%,$(filter-out $(UNIT_NATIVE_TESTS),$(UNIT_TESTS)))
UNIT_SCRIPTS := $(wildcard tests/unit/*.sh)
UNIT_DUMP := $(UNIT)/asan/dump
UNIT_GENERATED := $(UNIT)/uapi_ours.inc $(UNIT)/uapi_host.inc
UNIT_JOBS := $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

unit: $(OUT)/ublk
	$(Q)$(MAKE) --no-print-directory $(UNIT_JOBS) $(UNIT_PROGRAMS) $(UNIT_DUMP)
	$(Q)UBLK_BIN=$(OUT)/ublk DUMP=$(UNIT_DUMP) tests/unit/run $(OUT)/results/unit $(UNIT_SCRIPTS) $(UNIT_PROGRAMS)

# One rule a flavour: the sources as an archive, of which each test takes what it has no fake of
define unit_flavour
$(UNIT)/$1/%.o: %.c tests/tests.mk $$(UNIT_GENERATED) $(OUT)/deps/deps.stamp
	$$(call say,CC,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$3 -c -o $$@ $$<

$(UNIT)/$1/core.a: $2
	$$(Q)rm -f $$@
	$$(Q)$(AR) qcs $$@ $$^		# and not r, which takes core/stats.o and applets/ctl/stats.o for the same

$(UNIT)/$1/called.a: $(UNIT)/$1/core.a $(UNIT)/called
	$$(Q)$(OBJCOPY) --redefine-syms=$(UNIT)/called $$< $$@
endef
# The calls that calls.c has an eye on
$(UNIT)/called: tests/unit/calls.c tests/tests.mk
	$(Q)mkdir -p $(@D)
	$(Q)sed -n 's/^CALL([^,]*, \([a-z0-9_]*\),.*/\1 called_\1/p; s/^\(NOTE\|STAT\)(\([a-z0-9_]*\)[,)].*/\2 called_\2/p' $< >$@
UNIT_MUSL = $(CC) -std=gnu11 -D_GNU_SOURCE -I. -I$(UNIT) -I$(OUT)/generated -Wall -Wextra -Werror -fPIE -O1 -MMD -MP $$(cat $(OUT)/musl.cflags)
$(eval $(call unit_flavour,asan,$(UNIT_CORE:%.c=$(UNIT)/asan/%.o),$(UNIT_CC) $(UNIT_CFLAGS) $(UNIT_ASAN)))
$(eval $(call unit_flavour,tsan,$(UNIT_CORE:%.c=$(UNIT)/tsan/%.o),$(UNIT_CC) $(UNIT_CFLAGS) $(UNIT_TSAN)))
# Two more that make unit does not need: one counts, the other is for valgrind, which is slow
# fork() and exec() as they are: gcc's own begin to count anew
UNIT_COV := -O0 --coverage -fprofile-update=atomic -fdata-sections -fno-builtin-fork -fno-builtin-execv -fno-builtin-execvp
UNIT_COV_LINK := --coverage -Wl,-T,tests/unit/coverage.ld
UNIT_PLAIN := -DBRIEFLY
$(eval $(call unit_flavour,cov,$(UNIT_CORE:%.c=$(UNIT)/cov/%.o),$(UNIT_CC) $(UNIT_CFLAGS) $(UNIT_COV)))
$(eval $(call unit_flavour,plain,$(UNIT_CORE:%.c=$(UNIT)/plain/%.o),$(UNIT_CC) $(UNIT_CFLAGS) $(UNIT_PLAIN)))
# And one for clang alone, which sees memory that nobody has written to
UNIT_MSAN := clang -fsanitize=memory
UNIT_MSAN_TESTS := $(addprefix test_,batch ctrl figures histogram image log mem opt pool region request ring size spec \
	state stats step store tree turn xfer)
$(eval $(call unit_flavour,msan,$(UNIT_CORE:%.c=$(UNIT)/msan/%.o),$(UNIT_MSAN) $(UNIT_CFLAGS)))
$(eval $(call unit_flavour,musl,$(UNIT_CORE:%.c=$(OUT)/obj/%.o),$$(UNIT_MUSL)))

# What a test needs beside itself
UNIT_HELPERS = $(if $(filter $(UNIT_REAL_LOG),$1),,tests/unit/said) \
	$(if $(filter test_inflate test_scan test_zip $(UNIT_LIFE_TESTS),$1),tests/unit/deflater) \
	$(if $(filter $(UNIT_LIFE_TESTS),$1),tests/unit/life) $(if $(filter $(UNIT_CALLS_TESTS),$1),tests/unit/calls) \
	$(if $(filter $(UNIT_MODEL_TESTS),$1),tests/unit/model tests/unit/model_ctrl tests/unit/load) \
	$(if $(filter $(UNIT_MODEL_TESTS) $(UNIT_CALLS_TESTS),$1),tests/unit/outlive) $(if $(filter test_uapi,$1),tests/unit/uapi_host)
unit_objects = $(patsubst %,$(UNIT)/$1/%.o,tests/unit/$2 $(call UNIT_HELPERS,$2)) $(UNIT)/$1/$(if $(filter $(UNIT_CALLS_TESTS),$2),called,core).a

# Mappings are counted where the whole server runs
$(UNIT)/%/test_serve: UNIT_WRAP := -Wl,--wrap=mmap,--wrap=munmap
# Those that execute themselves once more must find all that is in them where it was
$(UNIT_LIFE_TESTS:%=$(UNIT)/asan/%) $(UNIT_LIFE_TESTS:%=$(UNIT)/cov/%) $(UNIT_LIFE_TESTS:%=$(UNIT)/plain/%): UNIT_WRAP := -no-pie

define unit_program
$(UNIT)/asan/$1: $(call unit_objects,asan,$1)
	$$(Q)$(UNIT_CC) $(UNIT_ASAN) $$(UNIT_WRAP) -o $$@ $$^ $(UNIT_LIBS)
$(UNIT)/tsan/$1: $(call unit_objects,tsan,$1)
	$$(Q)$(UNIT_CC) $(UNIT_TSAN) $$(UNIT_WRAP) -o $$@ $$^ $(UNIT_LIBS)
$(UNIT)/cov/$1: $(call unit_objects,cov,$1) $(UNIT)/cov/tests/unit/coverage.o
	$$(Q)$(UNIT_CC) $$(UNIT_WRAP) $(UNIT_COV_LINK) -o $$@ $$^ $(UNIT_LIBS)
$(UNIT)/msan/$1: $(call unit_objects,msan,$1)
	$$(Q)$(UNIT_MSAN) $$(UNIT_WRAP) -o $$@ $$^ $(UNIT_LIBS)
$(UNIT)/plain/$1: $(call unit_objects,plain,$1)
	$$(Q)$(UNIT_CC) $$(UNIT_WRAP) -o $$@ $$^ $(UNIT_LIBS)
$(UNIT)/musl/$1: $(call unit_objects,musl,$1)
	$$(Q)CC="$(CC)" build/link.sh $(OUT) $$@ $$^
endef
$(foreach test,$(UNIT_TESTS),$(eval $(call unit_program,$(test))))

$(UNIT_DUMP): $(UNIT)/asan/tests/unit/programs/dump.o $(UNIT)/asan/core.a
	$(Q)$(UNIT_CC) $(UNIT_ASAN) -o $@ $^ $(UNIT_LIBS)

# Every name that core/uapi.h states, with our value and with the host's
UAPI_NAMES = grep -o '\<UBLK_[A-Z0-9_]*[A-Z0-9]\>' core/uapi.h | grep -v -e SHIFT -e STRIDE | sort -u
$(UNIT)/uapi_ours.inc: core/uapi.h
	$(Q)mkdir -p $(@D)
	$(Q)$(UAPI_NAMES) | sed 's/.*/{ "&", (unsigned long long)(&) },/' >$@
$(UNIT)/uapi_host.inc: core/uapi.h
	$(Q)mkdir -p $(@D)
	$(Q)$(UAPI_NAMES) | sed 's/.*/#ifdef &\n{ "&", (unsigned long long)(&) },\n#endif/' >$@

# --- tests that others wrote, for another server. Not a part of "make test": they take long, and are not ours to mend

.PHONY: test-foreign
test-foreign: all
	$(Q)build/packages.sh vm
	$(Q)tests/foreign/run $(if $(filter file,$(origin KERNEL)),,--kernel $(KERNEL)) $(SCRIPTS)

# --- more of the same, by hand

UNIT_VALGRIND := valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite

.PHONY: coverage counted valgrind msan
counted: $(UNIT_TESTS:%=$(UNIT)/cov/%) $(ALL_SOURCES:%.c=$(UNIT)/cov/%.o)
	@:
coverage: $(OUT)/deps/deps.stamp $(OUT)/generated/syscalls.inc
	$(Q)$(MAKE) --no-print-directory $(UNIT_JOBS) counted
	$(Q)tests/unit/coverage.py $(UNIT)/cov $(UNIT_TESTS:%=$(UNIT)/cov/%)

valgrind: $(OUT)/deps/deps.stamp
	$(Q)build/packages.sh build valgrind
	$(Q)$(MAKE) --no-print-directory $(UNIT_JOBS) $(UNIT_TESTS:%=$(UNIT)/plain/%)
	$(Q)for test in $(UNIT_TESTS); do $(UNIT_VALGRIND) $(UNIT)/plain/$$test >$(UNIT)/plain/$$test.log 2>&1 && \
		echo "$$test: clean" || { status=1; echo "$$test: see $(UNIT)/plain/$$test.log"; }; done; exit $${status:-0}

msan: $(OUT)/deps/deps.stamp
	$(Q)$(MAKE) --no-print-directory $(UNIT_JOBS) $(UNIT_MSAN_TESTS:%=$(UNIT)/msan/%)
	$(Q)tests/unit/run $(OUT)/results/msan $(UNIT_MSAN_TESTS:%=$(UNIT)/msan/%)

# --- lint

lint: $(OUT)/deps/deps.stamp $(UNIT_GENERATED) $(OUT)/generated/syscalls.inc
	$(Q)tests/lint $(OUT)

# --- other machines. No part of "make test", for most of it has nothing to do with the machine

.PHONY: $(CROSS:%=test-%)
$(CROSS:%=test-%): test-%: cross-%
	$(Q)$(call for_machine,$*) tools
	$(Q)build/packages.sh vm vm-$*
	$(Q)tests/vm/cases.sh --kernel $(KERNEL)-$* $(CASES)

# --- faults

test-faults: all tools
	$(Q)build/packages.sh vm
	$(Q)tests/faults $(if $(filter-out file,$(origin KERNEL)),$(KERNEL))

# --- boot

test-boot: all
	$(Q)build/packages.sh vm boot
	$(Q)tests/boot/all $(KERNEL)

.PHONY: test-boot test-faults
.SECONDARY:
-include $(wildcard $(UNIT)/*/*/*.d $(UNIT)/*/*/*/*.d $(UNIT)/*/*/*/*/*.d)
