# SPDX-License-Identifier: MIT
# `make help` says what there is.

ifneq ($(words $(CURDIR)),1)
$(error ksig: make can't handle a path with a blank: move '$(CURDIR)')
endif

CC ?= gcc
CFLAGS ?= -O2 -g
ksig_cflags := -std=gnu11 -Wall -Wextra -Wno-missing-field-initializers \
	-Iinclude -Itests
# The newest kernel that we test on; any name in tests/vm/kernels will do.
KERNEL ?= 6.12
KDIR ?=
PREFIX ?= /usr/local
UDEV ?= /usr/lib/udev
SYSUSERS ?= /usr/lib/sysusers.d
FUZZ_SECONDS ?= 60
# bpftool and others lie there, which not every user has in PATH.
export PATH := $(PATH):/usr/sbin:/sbin

SUDO := $(if $(filter-out 0,$(shell id -u)),sudo)

comma := ,

# What is built from what, and what the VMs need; README says why each.
PACKAGES := gcc gcc-multilib libc6-dev make busybox-static cpio kmod \
	qemu-system-x86 libelf1 libssl3 pahole xz-utils \
	bc bison flex libelf-dev libssl-dev python3-minimal \
	clang llvm bpftool libbpf-dev zlib1g-dev linux-libc-dev iproute2 \
	jq
CHECK_PACKAGES := sparse g++ g++-multilib perl spin dkms libclang-rt-14-dev \
	dbus nginx-light python3-dbus python3-gi strace systemd \
	pkg-config groff-base valgrind

cli_sources := $(wildcard cli/*.c)
headers := $(wildcard include/ksig/*.h tests/*.h)
tests := $(patsubst tests/uapi/%.c,%,$(wildcard tests/uapi/*.c))
# Those that are run as 32-bit programs, too: where that makes a difference.
tests_32 := clients doorbell edu event_process promise1_channel \
	promise1_four_receivers promise2_nothing_vanishes promise3_armed \
	promise3_right_process promise7_end_is_end promise10_bad_input \
	promise10_channel_input ring tutorial
lib_tests := $(patsubst tests/lib/%.c,%,$(wildcard tests/lib/*.c))
# The latter to be received by.
lib_tests_32 := module promise1_relay
examples := $(patsubst examples/%.c,build/examples/%,$(wildcard \
	examples/*.c examples/edu/factorial.c examples/receivers/*.c))
# Static, so that they run in a VM with nothing else in it.
programs := build/ksig $(examples) build/listings/receiver \
	$(tests:%=build/tests/%) $(tests_32:%=build/tests/%-32) \
	$(lib_tests:%=build/tests/lib/%) $(lib_tests_32:%=build/tests/lib/%-32)

lib_cflags := -fPIC -fvisibility=hidden -Ibuild -DKSIG_HAVE_BPF \
	-DKSIG_HAVE_NATIVE
lib_objects := $(patsubst lib/%.c,build/lib/%.o,$(wildcard lib/*.c))
# What the providers stand on, for who links libksig.a.
lib_libs := -lbpf -lelf -lz
library := build/libksig.a build/libksig.so.0
version := $(shell sed -n 's/.*KSIG_VERSION "\(.*\)"/\1/p' \
	include/ksig/version.h)

all: build/ksig $(library)

help:
	@echo 'make            build the command ksig'
	@echo 'make demo       see the kernel signal a process, in a VM'
	@echo 'make shell      a prompt in that VM, with what is in my/ (KERNEL=6.12-rt: another kernel)'
	@echo 'make test       all tests, on: $(shell tests/vm/fetch list test | xargs)'
	@echo 'make test-all   the same, on: $(shell tests/vm/fetch list | xargs)'
	@echo 'make try TESTS="a b"  some of the tests (KERNEL=6.12-rt: another kernel)'
	@echo 'make bench      what it costs beside its peers, in instructions'
	@echo 'make mutants    break the code in many places and see each noticed'
	@echo 'make fuzz       what comes from outside at random, for FUZZ_SECONDS (60)'
	@echo 'make test-sanitized  the library under ASan, UBSan, TSan, valgrind'
	@echo 'make check      static checks: sparse, checkpatch, licences'
	@echo 'make deps       install the Debian packages that all this needs'
	@echo 'sudo make install  command, library, udev rule (PREFIX, DESTDIR)'
	@echo 'sudo make load    build ksig.ko for the running kernel and load it'
	@echo 'sudo make unload  take it out again'
	@echo 'make clean      remove what was built; make distclean: downloads too'

# Why nothing can be built here, before anything is.
ready:
	@CC='$(CC)' tests/vm/ready

owners:
	@tests/vm/ready owners

# Asks dpkg first: nothing is fetched where nothing is missing.
deps: ready
	@tests/vm/deps $(PACKAGES)

# The kernel's own types come from bpf/vmlinux.h, those of its user interface
# from the compiler's headers.
build/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h) include/ksig/uapi.h | ready
	@mkdir -p $(@D)
	clang -g -O2 -target bpf -mcpu=v3 -Wall -Wextra -Wno-unused-parameter \
		-D__KERNEL__ -Iinclude -Ibpf \
		-I/usr/include/$(shell $(CC) -print-multiarch) -c -o $@ $<
	llvm-strip -g $@

build/%.skel.h: build/%.bpf.o
	bpftool gen skeleton $< name $*_bpf >$@

skeletons := build/ksig.skel.h build/send.skel.h

build/lib/provider_bpf.o: build/ksig.skel.h
build/lib/send_bpf.o: build/send.skel.h

build/lib/%.o: lib/%.c $(wildcard lib/*.h) bpf/shared.h $(headers) | ready
	@mkdir -p $(@D)
	$(CC) $(ksig_cflags) $(lib_cflags) $(CFLAGS) -c -o $@ $<

build/libksig.a: $(lib_objects)
	rm -f $@
	$(AR) rcs $@ $^

build/libksig.so.0: $(lib_objects) lib/libksig.map
	$(CC) $(CFLAGS) $(LDFLAGS) -shared -pthread -Wl,-soname,libksig.so.0 \
		-Wl,--version-script=lib/libksig.map -Wl,-z,defs,-z,nodelete \
		-o $@ \
		$(lib_objects) $(lib_libs)

build/ksig: $(cli_sources) $(wildcard cli/*.h) $(headers) build/libksig.a
	@mkdir -p $(@D)
	$(CC) $(ksig_cflags) $(CFLAGS) -static -pthread -o $@ $(cli_sources) \
		build/libksig.a $(lib_libs)

# Tests of the library as any program uses it. For 32-bit programs there is the
# module alone: what other providers need isn't there.
build/tests/lib/%: tests/lib/%.c tests/ktest.c build/libksig.a $(headers) \
		$(wildcard tests/lib/*.h)
	@mkdir -p $(@D)
	$(CC) $(ksig_cflags) $(CFLAGS) -static -pthread -o $@ $< \
		tests/ktest.c build/libksig.a $(lib_libs)

lib_module := $(filter-out lib/provider_bpf.c lib/send_bpf.c lib/tracepoint.c \
	lib/kernel_btf.c lib/provider_native.c lib/native_%.c, $(wildcard lib/*.c))

build/tests/lib/%-32: tests/lib/%.c tests/ktest.c $(lib_module) \
		$(wildcard lib/*.h tests/lib/*.h) $(headers)
	@mkdir -p $(@D)
	$(CC) -m32 $(ksig_cflags) $(CFLAGS) -static -pthread -o $@ \
		$(filter %.c,$^)

build/examples/%: examples/%.c $(headers)
	@mkdir -p $(@D)
	$(CC) $(ksig_cflags) $(CFLAGS) -static -o $@ $<

build/examples/libksig: examples/libksig.c build/libksig.a $(headers)
	@mkdir -p $(@D)
	$(CC) $(ksig_cflags) $(CFLAGS) -static -pthread -o $@ $< \
		build/libksig.a $(lib_libs)

# What the document shows, as it stands there.
build/listings/%: docs/drivers.md tests/listings $(headers)
	@tests/listings $< $(@D)
	$(CC) $(ksig_cflags) $(CFLAGS) -static -o $@ $@.c

build/tests/%: tests/uapi/%.c tests/ktest.c $(headers)
	@mkdir -p $(@D)
	$(CC) $(ksig_cflags) $(CFLAGS) -static -pthread -o $@ $< tests/ktest.c

build/tests/%-32: tests/uapi/%.c tests/ktest.c $(headers)
	@mkdir -p $(@D)
	$(CC) -m32 $(ksig_cflags) $(CFLAGS) -static -pthread -o $@ $< \
		tests/ktest.c

build/tests/host/%: tests/host/%.c
	@mkdir -p $(@D)
	$(CC) $(ksig_cflags) $(CFLAGS) -static -pthread -o $@ $<

build/bench: bench/bench.c bench/bench.h tests/ktest.c $(headers)
	@mkdir -p $(@D)
	$(CC) $(ksig_cflags) $(CFLAGS) -static -pthread -o $@ $< tests/ktest.c

# These see the library's insides, and run here, twice: with what finds bad
# memory, and with what finds races.
unit_tests := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*.c))
comma := ,

define sanitized
build/$(1)/%.o: lib/%.c $$(wildcard lib/*.h) bpf/shared.h $$(skeletons) \
		$$(headers)
	@mkdir -p $$(@D)
	$$(CC) $$(ksig_cflags) $$(lib_cflags) -g -O1 $(2) -c -o $$@ $$<

build/$(1)/unit/%: tests/unit/%.c tests/unit/test.h \
		$(lib_sources:lib/%.c=build/$(1)/%.o)
	@mkdir -p $$(@D)
	$$(CC) $$(ksig_cflags) -g -O1 -pthread $(2) -o $$@ \
		$$(filter %.c %.o,$$^) $$(lib_libs)

build/$(1)/%: tests/lib/%.c $$(wildcard tests/lib/*.h) tests/ktest.c \
		$(lib_sources:lib/%.c=build/$(1)/%.o)
	$$(CC) $$(ksig_cflags) -g -O1 -pthread $(2) -o $$@ \
		$$(filter %.c %.o,$$^) $$(lib_libs)

build/$(1)/ksig: $(cli_sources) $$(wildcard cli/*.h) \
		$(lib_sources:lib/%.c=build/$(1)/%.o)
	$$(CC) $$(ksig_cflags) -g -O1 -pthread $(2) -o $$@ \
		$$(filter %.c %.o,$$^) $$(lib_libs)
endef

lib_sources := $(wildcard lib/*.c)
$(eval $(call sanitized,asan,-fsanitize=address$(comma)undefined \
	-fno-sanitize-recover=all))
# gcc warns that TSan does not model atomic_thread_fence()
$(eval $(call sanitized,tsan,-fsanitize=thread -Wno-tsan))
# valgrind looks at what is linked dynamically
$(eval $(call sanitized,memcheck,))

test-unit-programs: $(foreach how,asan tsan,$(unit_tests:%=build/$(how)/unit/%))

# The sanitizers' memory maps need addresses that are not randomized.
test-unit: test-unit-programs
	@set -e; for test in $(unit_tests); do \
		setarch -R timeout -k 5 300 build/asan/unit/$$test; \
		TSAN_OPTIONS=halt_on_error=1 \
			setarch -R timeout -k 5 300 build/tsan/unit/$$test; \
	done

# The library's own tests and the command in the same way: tests/host/sanitized
# says which.
test-sanitized: $(foreach how,asan tsan memcheck,build/$(how)/ksig \
		$(addprefix build/$(how)/,\
		$(shell tests/host/sanitized list $(how))))
	@tests/host/sanitized

# One of the library's own files may be part of the target, which sees its inside.
fuzz_targets := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))
fuzz_flags := -fsanitize=address,undefined -fno-sanitize-recover=all

build/fuzz/%.o: lib/%.c $(wildcard lib/*.h) bpf/shared.h $(skeletons) \
		$(headers)
	@mkdir -p $(@D)
	clang $(ksig_cflags) $(lib_cflags) -g -O1 $(fuzz_flags) \
		-fsanitize=fuzzer-no-link -c -o $@ $<

build/fuzz/%: tests/fuzz/%.c $(lib_sources:lib/%.c=build/fuzz/%.o)
	clang $(ksig_cflags) $(lib_cflags) -g -O1 -pthread -o $@ $(fuzz_flags) \
		-fsanitize=fuzzer $< \
		$(filter-out build/fuzz/$*.o,$(filter %.o,$^)) $(lib_libs)

# One after the other, FUZZ_SECONDS together. What they find new goes to
# build/fuzz/NAME.corpus, what breaks beside it.
fuzz: $(fuzz_targets:%=build/fuzz/%)
	@set -e; for name in $(fuzz_targets); do \
		mkdir -p build/fuzz/$$name.corpus; \
		setarch -R build/fuzz/$$name -max_len=1024 -verbosity=0 \
			-max_total_time=$$(($(FUZZ_SECONDS) / \
					    $(words $(fuzz_targets)))) \
			-artifact_prefix=build/fuzz/$$name- \
			build/fuzz/$$name.corpus tests/fuzz/$$name; \
	done

programs: $(programs) build/tests/host/target

# Quiet, but for what is going on: what is shown is what the machine in the VM says.
build_programs = @echo 'make: building the library and the command' >&2; \
	$(MAKE) -s -j$$(nproc) all >&2 && \
	echo 'make: building $(words $(programs)) programs' \
		'(a minute or two the first time)' >&2 && \
	$(MAKE) -s -j$$(nproc) programs $1 >&2

demo shell: owners deps
	$(call build_programs)
	@tests/vm/run $@ $(KERNEL)

test: owners deps
	$(call build_programs)
	@tests/vm/run suite

test-all: owners deps
	$(call build_programs)
	@tests/vm/run suite $(shell tests/vm/fetch list)

try: owners deps
	$(call build_programs)
	@tests/vm/run test $(KERNEL) $(TESTS)

bench: owners deps
	$(call build_programs,build/bench)
	@bench/run $(KERNEL)

mutants: owners deps
	$(call build_programs)
	@tests/mutants

check: ready
	@tests/vm/deps $(PACKAGES) $(CHECK_PACKAGES)
	@tests/check

# The module comes by DKMS: kernel/ and include/ are its package. A user who is
# not root installs below PREFIX alone, and elsewhere only what was asked for
# (UDEV, SYSUSERS).
is_set = $(filter command environment override,$(firstword $(origin $1)))
system_files := $(if $(DESTDIR)$(call is_set,UDEV)$(call is_set,SYSUSERS),1,$(if \
	$(filter 0,$(shell id -u)),1))

install: all
	$(if $(word 2,x$(DESTDIR)$(PREFIX)),$(error \
		ksig: PREFIX and DESTDIR can't have blanks))
	$(if $(findstring &,$(DESTDIR)$(PREFIX))$(findstring $(comma),$(PREFIX)),\
		$(error ksig: PREFIX can't have & or a comma))
	install -D -t $(DESTDIR)$(PREFIX)/bin build/ksig
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib build/libksig.a
	install -D -t $(DESTDIR)$(PREFIX)/lib build/libksig.so.0
	ln -sf libksig.so.0 $(DESTDIR)$(PREFIX)/lib/libksig.so
	sed -e 's,@PREFIX@,$(PREFIX),' -e 's,@VERSION@,$(version),' \
		-e 's,@LIBS@,$(lib_libs),' lib/libksig.pc.in | install -D -m 644 \
		/dev/stdin $(DESTDIR)$(PREFIX)/lib/pkgconfig/libksig.pc
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/include/ksig \
		include/ksig/uapi.h include/ksig/libksig.h include/ksig/driver.h
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man1 docs/man/ksig.1
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man3 \
		docs/man/libksig.3
ifneq ($(system_files),)
	install -D -m 644 -t $(DESTDIR)$(UDEV)/rules.d udev/60-ksig.rules
	install -D -m 644 udev/ksig.sysusers \
		$(DESTDIR)$(SYSUSERS)/ksig.conf
else
	@echo 'ksig: not root: left out the udev rule and the group of the' \
		"module's nodes; programs find libksig.so.0 by" \
		'LD_LIBRARY_PATH=$(PREFIX)/lib or an rpath'
endif
	[ -n "$(DESTDIR)" ] || [ "$$(id -u)" != 0 ] || ldconfig

load:
	@KDIR="$(KDIR)" kernel/load load

unload:
	@kernel/load unload

# Also what kbuild leaves beside the sources ("make load").
clean:
	rm -rf build
	find kernel tests/modules examples/edu bench \( -name '*.o' -o \
		-name '*.ko' -o -name '*.mod' -o -name '*.mod.c' -o -name '.*.cmd' \
		-o -name '.*.d' -o -name modules.order -o -name Module.symvers \
		\) -delete

distclean: clean
	rm -rf .cache

.PHONY: all help ready owners deps programs test-unit test-unit-programs test-sanitized fuzz demo shell test test-all try bench mutants check install load unload clean distclean
.DELETE_ON_ERROR:
