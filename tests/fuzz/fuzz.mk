# SPDX-License-Identifier: MIT
#
#: make fuzz        what reads foreign bytes, given any; FUZZ_SECONDS= or FUZZ_RUNS= for each, FUZZ="archive ..." for some
#
# Each tests/fuzz/fuzz_NAME.c is a fuzzer, linked with what the unit tests are linked with. What NAME's unit test leaves
# in the directory $SEEDS_TO is what it begins with, and what seeds_NAME.py makes; what it finds out goes on in
# out/fuzz/NAME. Functions stay functions, so that the file "unlearned" can name them.

FUZZ_SECONDS ?= 60
FUZZ_RUNS ?=
FUZZ ?= $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_CC := clang
FUZZ_ASAN := -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_PROGRAMS := $(FUZZ:%=$(UNIT)/fuzz/fuzz_%)
FUZZ_SEEDS := $(patsubst %,$(UNIT)/asan/%,$(filter $(UNIT_TESTS),$(FUZZ:%=test_%)))
FUZZ_CORE := $(filter-out core/log.c,$(UNIT_CORE))

.PHONY: fuzz fuzz-programs
fuzz-programs:
	$(Q)build/packages.sh build test
	$(Q)$(MAKE) --no-print-directory $(UNIT_JOBS) $(FUZZ_PROGRAMS) $(FUZZ_SEEDS)

fuzz: fuzz-programs
	$(Q)FUZZ_SECONDS="$(FUZZ_SECONDS)" FUZZ_RUNS="$(FUZZ_RUNS)" tests/fuzz/run $(OUT) $(FUZZ)

$(eval $(call unit_flavour,fuzz,$(FUZZ_CORE:%.c=$(UNIT)/fuzz/%.o),\
	$(FUZZ_CC) $(UNIT_CFLAGS) -O2 -fno-inline $(FUZZ_ASAN) -fsanitize=fuzzer-no-link \
	-fsanitize-coverage-ignorelist=tests/fuzz/unlearned))
$(FUZZ_CORE:%.c=$(UNIT)/fuzz/%.o) $(patsubst %.c,$(UNIT)/fuzz/%.o,$(wildcard tests/fuzz/*.c)): tests/fuzz/unlearned
$(UNIT)/fuzz/fuzz_%: $(UNIT)/fuzz/tests/fuzz/fuzz_%.o $(UNIT)/fuzz/tests/fuzz/silence.o $(UNIT)/fuzz/core.a
	$(Q)$(FUZZ_CC) $(FUZZ_ASAN) -fsanitize=fuzzer -o $@ $^ $(UNIT_LIBS)

# --- archives that mean harm, served as a kernel would ask for it, within their memory

HOSTILE_SECONDS ?= 0

.PHONY: hostile
#: make hostile     archives that mean harm, and the memory that they make ublk-zip take; HOSTILE_SECONDS= for a long run
hostile: $(OUT)/dump
	$(Q)build/packages.sh test
	$(Q)mkdir -p $(OUT)/results
	$(Q)tests/fuzz/hostile.py --dump $(OUT)/dump --results $(OUT)/results/hostile --seconds $(HOSTILE_SECONDS) \
		$(if $(V),--verbose)

# With the compiler's flags and the C library of the program itself, so that its memory is that of the program
$(OUT)/dump: tests/unit/programs/dump.c $(OBJECTS)
	$(call say,CC,$@)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -I. -Wall -Wextra $(WERROR) -fPIE -Os $$(cat $(OUT)/musl.cflags) -c -o $@.o $<
	$(Q)CC="$(CC)" build/link.sh $(OUT) $@ $@.o $(filter-out $(OUT)/obj/core/main.o $(OUT)/obj/applets/init.o $(OUT)/obj/applets/ctl/%,$(OBJECTS))
	$(Q)rm -f $@.o
