# SPDX-License-Identifier: MIT
#
#: make bench       ublk's disks against others, on KERNEL=6.12; COLUMNS="..." ROWS="..." as tests/bench/README.md says
#: make bench-check the same, and an error when ublk has become slower than the figures that are committed
#: make bench-reference  make the figures of now the committed ones
#: make bench-zip   ublk-zip beside the bare libraries, unpackers and FUSE mounters; MEGABYTES= of the large member (1000)
#: make bench-boot  how long machines take to a root that lies in their initramfs, with ublk-mem and others
#: make bench-host  ublk's disks on this machine itself, by its own clock

BENCH := $(OUT)/bench
# Shells keep the width of the terminal in a COLUMNS of theirs
BENCH_COLUMNS = $(if $(filter environment,$(origin COLUMNS)),,$(COLUMNS))
BENCH_SOME = $(if $(BENCH_COLUMNS),--columns "$(BENCH_COLUMNS)") $(if $(ROWS),--rows "$(ROWS)")
BENCH_RUN = tests/bench/run --kernel $(KERNEL) $(BENCH_SOME)

# With UBLK_BIN the program is given, and nothing of it is compiled
.PHONY: bench bench-check bench-reference bench-host bench-ready
bench-ready: $(if $(UBLK_BIN),,all) tools $(BENCH)/client
	$(Q)build/packages.sh build vm bench

bench: bench-ready
	$(Q)$(BENCH_RUN)

bench-check: bench-ready
	$(Q)$(BENCH_RUN) --check

bench-reference: bench-ready
	$(Q)$(BENCH_RUN) --renew

bench-host: $(if $(UBLK_BIN),,all) tools $(BENCH)/client
	$(Q)build/packages.sh bench
	$(Q)tests/bench/host $(BENCH_SOME)

.PHONY: bench-boot
bench-boot: $(if $(UBLK_BIN),,all)
	$(Q)build/packages.sh build vm bench
	$(Q)tests/initramfs/standalone/bench $(KERNEL)

$(BENCH)/client: tests/bench/client.c $(OUT)/musl.flags $(OUT)/deps/deps.stamp
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -Wall -Wextra $(WERROR) -fPIE -Os $$(cat $(OUT)/musl.cflags) -c -o $@.o $<
	$(Q)CC="$(CC)" build/link.sh $(OUT) $@ $@.o

MEGABYTES ?= 1000
.PHONY: bench-zip
bench-zip: $(OUT)/zip-engine $(OUT)/dump tools
	$(Q)build/packages.sh bench zip-peers
	$(Q)mkdir -p $(BENCH)
	$(Q)tests/bench/zip/run --out $(OUT) --megabytes $(MEGABYTES) | tee $(BENCH)/zip.txt

# How the engine behind ublk-zip does beside the bare libraries; tests/bench/zip/engine.c says what to give it
$(OUT)/zip-engine: tests/bench/zip/engine.c $(OBJECTS)
	$(call say,CC,$<)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -I. -Wall -Wextra $(WERROR) -fPIE -O2 $$(cat $(OUT)/musl.cflags) -c -o $@.o $<
	$(Q)CC="$(CC)" build/link.sh $(OUT) $@ $@.o $(filter-out $(OUT)/obj/core/main.o,$(OBJECTS))
	$(Q)rm -f $@.o
