# SPDX-License-Identifier: MIT
# `make help` says what there is.

ifneq ($(words $(CURDIR)),1)
$(error ksig: make can't handle a path with a blank: move '$(CURDIR)')
endif

# This machine's architecture, or arm64: built in a small Debian of its own.
own_arch := $(patsubst aarch64,arm64,$(patsubst x86_64,amd64,$(shell uname -m)))
# In the environment ARCH is what the kernel's build understands by it.
arch := $(if $(filter command,$(firstword $(origin ARCH))),$(patsubst \
	aarch64,arm64,$(patsubst x86_64,amd64,$(ARCH))),$(own_arch))
# What lies in a VM alone is static. Where libelf can't be linked so (Debian 13), it is
# linked with Debian 12's libraries, by SYSROOT=... in build/static. This and CROSS are
# tests/vm/build's alone; what the environment has by these names is no business of ours.
ifneq ($(filter environment%,$(firstword $(origin SYSROOT))),)
SYSROOT :=
endif
ifneq ($(filter environment%,$(firstword $(origin CROSS))),)
CROSS :=
endif
ifeq ($(arch),$(own_arch))
O := build$(if $(SYSROOT),/static)
CC ?= gcc
CC32 = $(CC) -m32
else ifeq ($(arch),arm64)
O := build/arm64
CC := aarch64-linux-gnu-gcc
CC32 := arm-linux-gnueabihf-gcc
AR := aarch64-linux-gnu-ar
SYSROOT := $(CURDIR)/.cache/sysroot/arm64
else
$(error ksig: ARCH=$(ARCH): it can be $(own_arch) or arm64 here)
endif
CFLAGS ?= -O2 -g
ksig_cflags := -std=gnu11 -Wall -Wextra -Wno-missing-field-initializers $(WERROR) \
	-Iinclude -Itests $(SYSROOT:%=-isystem %/usr/include)
# Any name in tests/vm/kernels will do.
KERNEL ?= $(shell tests/vm/fetch default $(arch))
KDIR ?=
PREFIX ?= /usr/local
# /usr/lib/TRIPLET in a multiarch package
LIBDIR ?= $(PREFIX)/lib
UDEV ?= /usr/lib/udev
SYSUSERS ?= /usr/lib/sysusers.d
FUZZ_SECONDS ?= 60
# bpftool and others lie there, which not every user has in PATH.
export PATH := $(PATH):/usr/sbin:/sbin

SUDO := $(if $(filter-out 0,$(shell id -u)),sudo)

comma := ,

# What is built from what, and what the VMs need; CONTRIBUTING.md says why.
PACKAGES := gcc gcc-multilib libc6-dev make busybox-static cpio kmod \
	qemu-system-x86 pahole xz-utils pkg-config \
	bc bison flex libelf-dev libssl-dev python3-minimal \
	clang llvm bpftool libbpf-dev zlib1g-dev libsystemd-dev \
	linux-libc-dev iproute2 \
	jq
CHECK_PACKAGES := sparse g++ g++-multilib perl spin dkms libclang-rt-dev \
	dbus nginx-light strace systemd \
	groff-base mandoc valgrind

headers := $(wildcard include/ksig/*.h tests/*.h)
tests := $(patsubst tests/kernel/%.c,%,$(wildcard tests/kernel/*.c))
# Those that are run as 32-bit programs, too: where that makes a difference.
tests_32 := clients doorbell edu event_process promise1_channel \
	promise1_four_receivers promise2_nothing_vanishes promise3_armed \
	promise3_right_process promise7_end_is_end promise10_bad_input \
	promise10_channel_input ring tutorial
lib_tests := $(patsubst tests/lib/%.c,%,$(wildcard tests/lib/*.c))
# The latter to be received by.
lib_tests_32 := module promise1_relay
examples := $(patsubst examples/%.c,$(O)/examples/%,$(wildcard \
	examples/*.c examples/edu/factorial.c examples/receivers/*.c))
# The service manager of tests goes into VMs with the libraries of the command.
host_programs = $(O)/tests/cli/target $(if $(filter-out 0,$(SYSTEMD)),$(O)/tests/cli/manager)
# Static, so that they run in a VM with nothing else in it.
programs := $(O)/ksig $(examples) $(O)/listings/receiver \
	$(tests:%=$(O)/tests/%) $(tests_32:%=$(O)/tests/%-32) \
	$(lib_tests:%=$(O)/tests/lib/%) $(lib_tests_32:%=$(O)/tests/lib/%-32)

# BPF=0: without that provider, libbpf and clang
BPF ?= 1
bpf_sources := $(wildcard lib/bpf/*.c)
lib_sources := $(wildcard lib/*.c lib/module/*.c lib/native/*.c) \
	$(if $(filter 0,$(BPF)),,$(bpf_sources))
lib_headers := $(wildcard lib/*.h lib/*/*.h) bpf/shared.h $(headers)
lib_cflags := -fPIC -fvisibility=hidden -Ibuild -DKSIG_HAVE_NATIVE \
	$(if $(filter 0,$(BPF)),,-DKSIG_HAVE_BPF)
lib_objects := $(lib_sources:lib/%.c=$(O)/lib/%.o)
# SYSTEMD=0: the command without unit:, and linked statically, for libsystemd can't be.
# So is what is linked with another Debian's libraries.
SYSTEMD ?= $(if $(SYSROOT),0,1)
cli_sources := $(filter-out $(if $(filter 0,$(SYSTEMD)),cli/unit.c),$(wildcard cli/*.c))
cli_objects := $(cli_sources:cli/%.c=$(O)/cli/%.o)
systemd_cflags = $(shell pkg-config --cflags libsystemd 2>/dev/null)
systemd_libs = $(or $(shell pkg-config --libs libsystemd 2>/dev/null),-lsystemd)
cli_cflags = $(if $(filter-out 0,$(SYSTEMD)),-DKSIG_HAVE_SYSTEMD $(systemd_cflags))
cli_libs = $(lib_libs) $(if $(filter-out 0,$(SYSTEMD)),$(systemd_libs))
# What the providers need, for whatever links libksig.a.
lib_libs := $(if $(filter-out 0,$(BPF)),$(SYSROOT:%=-L$(wildcard \
	$(SYSROOT)/usr/lib/*-linux-gnu)) $(or $(if $(SYSROOT),,$(shell \
	pkg-config --static --libs libbpf 2>/dev/null)),-lbpf -lelf -lz))
# Asked when it is needed, and once.
static = $(eval static := $(if $(SYSROOT),yes,$(shell \
	CC='$(CC)' tests/vm/ready static)))$(static)
version := $(shell sed -n 's/.*KSIG_VERSION "\(.*\)"/\1/p' \
	include/ksig/version.h)
soname := libksig.so.$(firstword $(subst ., ,$(version)))
library := $(O)/libksig.a $(O)/$(soname)

host_only := bench mutants check fuzz test-unit test-sanitized install uninstall load unload docs/watch.svg
ifneq ($(arch),$(own_arch))
$(if $(filter $(host_only),$(MAKECMDGOALS)),$(error \
	ksig: make $(MAKECMDGOALS) is for this machine alone: without ARCH=$(ARCH)))
endif

# For another architecture all is made in a root that has the compilers: there CROSS
# is set.
ifneq ($(if $(CROSS),$(own_arch),$(arch)),$(own_arch))
all programs:
	@tests/vm/build cross $(arch) $@
else
all: $(O)/ksig $(library)

ifeq ($(if $(filter programs,$(MAKECMDGOALS)),$(static)),no)
programs: all $(host_programs)
	@tests/vm/build static $@
else
programs: $(programs) $(host_programs)
endif
endif

help:
	@echo 'make            build the command ksig'
	@echo 'make ARCH=arm64 the same for another architecture, in build/arm64; also demo, shell'
	@echo 'make demo       see the kernel signal a process, in a VM'
	@echo 'make shell      a prompt in that VM, with what is in my/ (KERNEL=6.12-rt: another kernel)'
	@echo 'make test       all tests, on: $(shell tests/vm/fetch list test | xargs)'
	@echo 'make test-all   the same, on: $(shell tests/vm/fetch list | xargs)'
	@echo 'make try TESTS="a b"  some of the tests (KERNEL=6.12-rt: another kernel)'
	@echo 'make bench      what it costs beside its peers, in instructions'
	@echo 'make mutants    break the code in many places and see each noticed'
	@echo 'make fuzz       what comes from outside at random, for FUZZ_SECONDS (60)'
	@echo 'make test-sanitized  the library under ASan, UBSan, TSan, valgrind'
	@echo 'make check      static checks: sparse, checkpatch, licences (CHECKS="a b": some)'
	@echo 'make docs/watch.svg  the picture in README.md, from a run of the command'
	@echo 'make check-next  build the module for the newest kernel in the archive'
	@echo 'make deps       install the Debian packages that all this needs'
	@echo 'sudo make install  command, library, udev rule (PREFIX, LIBDIR, DESTDIR); uninstall'
	@echo 'make BPF=0      without the provider bpf: needs neither clang nor libbpf'
	@echo 'make SYSTEMD=0  without --to unit: needs no libsystemd'
	@echo 'sudo make load    build ksig.ko for the running kernel and load it'
	@echo 'sudo make unload  take it out again'
	@echo 'make clean      remove what was built; make distclean: downloads too'

# Why nothing can be built here, before anything is.
ready:
	@[ '$(CROSS)' ] || CC='$(CC)' BPF='$(BPF)' tests/vm/ready

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
		-I/usr/include/$(shell $(CC) -print-multiarch 2>/dev/null || \
			gcc -print-multiarch) -c -o $@ $<
	llvm-strip -g $@

# The library, the command and the tests are built again when these change.
export build_flags := $(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) BPF=$(BPF) SYSTEMD=$(SYSTEMD)
$(O)/flags: FORCE | ready
	@mkdir -p $(@D)
	@printf '%s\n' "$$build_flags" | cmp -s - $@ || printf '%s\n' "$$build_flags" >$@

build/%.skel.h: build/%.bpf.o
	bpftool gen skeleton $< name $*_bpf >$@

skeletons := $(if $(filter 0,$(BPF)),,build/ksig.skel.h)

$(bpf_sources:%.c=$(O)/%.o): build/ksig.skel.h

$(O)/lib/%.o: lib/%.c $(lib_headers) $(O)/flags | ready
	@mkdir -p $(@D)
	$(CC) $(ksig_cflags) $(lib_cflags) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(O)/cli/%.o: cli/%.c $(wildcard cli/*.h lib/load_hint.h lib/status.h lib/text.h) $(headers) $(O)/flags | ready
	@mkdir -p $(@D)
	$(CC) $(ksig_cflags) $(cli_cflags) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(O)/libksig.a: $(lib_objects)
	rm -f $@
	$(AR) rcs $@ $^

$(O)/$(soname): $(lib_objects) lib/libksig.map
	$(CC) $(CFLAGS) $(LDFLAGS) -shared -pthread -Wl,-soname,$(soname) \
		-Wl,--version-script=lib/libksig.map -Wl,-z,defs,-z,nodelete \
		-o $@ \
		$(lib_objects) $(lib_libs)

$(O)/ksig: $(cli_objects) $(O)/libksig.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) \
		$(if $(filter 0,$(SYSTEMD)),$(if $(filter yes,$(static)),-static)) -pthread -o $@ \
		$(cli_objects) $(O)/libksig.a $(cli_libs)

# Tests of the library as any program uses it. For 32-bit programs there is the
# module alone: what other providers need isn't there.
$(O)/tests/lib/%: tests/lib/%.c tests/ktest.c $(O)/libksig.a $(headers) $(O)/flags \
		$(wildcard tests/lib/*.h)
	@mkdir -p $(@D)
	$(CC) $(ksig_cflags) $(CFLAGS) -static -pthread -o $@ $< \
		tests/ktest.c $(O)/libksig.a $(lib_libs)

lib_module := $(filter-out lib/bpf/% lib/native/%,$(lib_sources))

$(O)/tests/lib/%-32: tests/lib/%.c tests/ktest.c $(lib_module) $(O)/flags \
		$(wildcard tests/lib/*.h) $(lib_headers)
	@mkdir -p $(@D)
	$(CC32) $(ksig_cflags) $(CFLAGS) -static -pthread -o $@ \
		$(filter %.c,$^)

$(O)/examples/%: examples/%.c $(headers) $(O)/flags
	@mkdir -p $(@D)
	$(CC) $(ksig_cflags) $(CFLAGS) -static -o $@ $<

$(O)/examples/libksig: examples/libksig.c $(O)/libksig.a $(headers) $(O)/flags
	@mkdir -p $(@D)
	$(CC) $(ksig_cflags) $(CFLAGS) -static -pthread -o $@ $< \
		$(O)/libksig.a $(lib_libs)

# What a user has in my/, copied to DIR by tests/vm/build: SOURCE may have blanks.
mine: $(O)/libksig.a
	cd "$$DIR" && $(CC) -std=gnu11 -O2 -g -Wall -I$(CURDIR)/include -static \
		-pthread -o "$${SOURCE%.c}" "$$SOURCE" \
		$(CURDIR)/$(O)/libksig.a $(lib_libs)

# What the document shows, as it stands there.
$(O)/listings/%: docs/drivers.md tests/listings $(headers) $(O)/flags
	@tests/listings $< $(@D)
	$(CC) $(ksig_cflags) $(CFLAGS) -static -o $@ $@.c

$(O)/tests/%: tests/kernel/%.c tests/ktest.c $(headers) $(O)/flags
	@mkdir -p $(@D)
	$(CC) $(ksig_cflags) $(CFLAGS) -static -pthread -o $@ $< tests/ktest.c

$(O)/tests/%-32: tests/kernel/%.c tests/ktest.c $(headers) $(O)/flags
	@mkdir -p $(@D)
	$(CC32) $(ksig_cflags) $(CFLAGS) -static -pthread -o $@ $< \
		tests/ktest.c

$(O)/tests/cli/%: tests/cli/%.c $(O)/flags
	@mkdir -p $(@D)
	$(CC) $(ksig_cflags) $(CFLAGS) -static -pthread -o $@ $<

$(O)/tests/cli/manager: tests/cli/manager.c $(O)/flags
	@mkdir -p $(@D)
	$(CC) $(ksig_cflags) $(systemd_cflags) $(CFLAGS) -o $@ $< $(systemd_libs)

$(O)/bench: bench/bench.c bench/bench.h tests/ktest.c $(headers) $(O)/flags
	@mkdir -p $(@D)
	$(CC) $(ksig_cflags) $(CFLAGS) -static -pthread -o $@ $< tests/ktest.c

# These see the library's insides, and run here, twice: with what finds bad
# memory, and with what finds races.
unit_tests := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*.c))
comma := ,

define sanitized
$(O)/$(1)/lib/%.o: lib/%.c $$(lib_headers) $$(skeletons) $(O)/flags
	@mkdir -p $$(@D)
	$$(CC) $$(ksig_cflags) $$(lib_cflags) -g -O1 $(2) -c -o $$@ $$<

$(O)/$(1)/unit/%: tests/unit/%.c $$(wildcard tests/unit/*.h) \
		$(lib_sources:lib/%.c=$(O)/$(1)/lib/%.o)
	@mkdir -p $$(@D)
	$$(CC) $$(ksig_cflags) -g -O1 -pthread $(2) -o $$@ \
		$$(filter %.c %.o,$$^) $$(lib_libs)

$(O)/$(1)/%: tests/lib/%.c $$(wildcard tests/lib/*.h) tests/ktest.c \
		$(lib_sources:lib/%.c=$(O)/$(1)/lib/%.o)
	$$(CC) $$(ksig_cflags) -g -O1 -pthread $(2) -o $$@ \
		$$(filter %.c %.o,$$^) $$(lib_libs)

$(O)/$(1)/ksig: $(cli_sources) $$(wildcard cli/*.h) \
		$(lib_sources:lib/%.c=$(O)/$(1)/lib/%.o)
	$$(CC) $$(ksig_cflags) $$(cli_cflags) -g -O1 -pthread $(2) -o $$@ \
		$$(filter %.c %.o,$$^) $$(cli_libs)
endef

$(eval $(call sanitized,asan,-fsanitize=address$(comma)undefined \
	-fno-sanitize-recover=all))
# gcc warns that TSan does not model atomic_thread_fence()
$(eval $(call sanitized,tsan,-fsanitize=thread -Wno-tsan))
# valgrind looks at what is linked dynamically
$(eval $(call sanitized,memcheck,))

test-unit-programs: $(foreach how,asan tsan,$(unit_tests:%=$(O)/$(how)/unit/%))

# The sanitizers' memory maps need addresses that are not randomized.
test-unit: test-unit-programs
	@set -e; for test in $(unit_tests); do \
		setarch -R timeout -k 5 300 $(O)/asan/unit/$$test; \
		TSAN_OPTIONS=halt_on_error=1 \
			setarch -R timeout -k 5 300 $(O)/tsan/unit/$$test; \
	done

# The library's own tests and the command in the same way: tests/host/sanitized
# says which.
test-sanitized: $(foreach how,asan tsan memcheck,$(O)/$(how)/ksig \
		$(addprefix $(O)/$(how)/,\
		$(shell tests/host/sanitized list $(how))))
	@tests/host/sanitized

# One of the library's own files may be part of the target, which sees its inside.
fuzz_targets := $(filter-out $(if $(filter 0,$(BPF)),$(bpf_sources:lib/bpf/%.c=%)), \
	$(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c)))
fuzz_flags := -fsanitize=address,undefined -fno-sanitize-recover=all

$(O)/fuzz/%.o: lib/%.c $(lib_headers) $(skeletons) $(O)/flags
	@mkdir -p $(@D)
	clang $(ksig_cflags) $(lib_cflags) -g -O1 $(fuzz_flags) \
		-fsanitize=fuzzer-no-link -c -o $@ $<

$(O)/fuzz/%: tests/fuzz/%.c $(lib_sources:lib/%.c=$(O)/fuzz/%.o)
	clang $(ksig_cflags) $(lib_cflags) -g -O1 -pthread -o $@ $(fuzz_flags) \
		-fsanitize=fuzzer $< \
		$(filter-out $(O)/fuzz/native/$*.o $(O)/fuzz/bpf/$*.o,$(filter %.o,$^)) $(lib_libs)

# One after the other, FUZZ_SECONDS together. What they find new goes to
# build/fuzz/NAME.corpus, what breaks beside it.
fuzz: $(fuzz_targets:%=$(O)/fuzz/%)
	@set -e; for name in $(fuzz_targets); do \
		mkdir -p $(O)/fuzz/$$name.corpus; \
		setarch -R $(O)/fuzz/$$name -max_len=1024 -verbosity=0 \
			-max_total_time=$$(($(FUZZ_SECONDS) / \
					    $(words $(fuzz_targets)))) \
			-artifact_prefix=$(O)/fuzz/$$name- \
			$(O)/fuzz/$$name.corpus tests/fuzz/$$name; \
	done

skeletons: $(skeletons)

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
	@tests/vm/run suite $(if $(filter $(own_arch),$(arch)),,$(shell \
		tests/vm/fetch list test $(arch)))

test-all: owners deps
	$(call build_programs)
	@tests/vm/run suite $(shell tests/vm/fetch list test-all $(arch:$(own_arch)=))

try: owners deps
	$(call build_programs)
	@tests/vm/run test $(KERNEL) $(TESTS)

bench: owners deps
	$(if $(filter amd64,$(arch)),,$(error \
		ksig: make bench needs x86: it counts instructions by its clock))
	$(call build_programs,$(O)/bench)
	@bench/run $(KERNEL)

mutants: owners deps
	$(call build_programs)
	@tests/mutants

docs/watch.svg: build/ksig FORCE
	$(SUDO) docs/picture $@

# Which of the kernel's interfaces have changed that the module uses.
check-next: owners deps
	@tests/vm/fetch next
	@rm -rf build/vm/next
	@tests/vm/build modules next
	@echo "ksig.ko builds for Linux $$(tests/vm/fetch release next) without a warning"

check: ready
	@tests/vm/deps $(PACKAGES) $(CHECK_PACKAGES)
	@tests/check $(CHECKS)

# The module comes by DKMS: kernel/ and include/ are its package. A user who is
# not root installs below PREFIX alone, and elsewhere only what was asked for
# (UDEV, SYSUSERS).
is_set = $(filter command environment override,$(firstword $(origin $1)))
system_files := $(if $(DESTDIR)$(call is_set,UDEV)$(call is_set,SYSUSERS),1,$(if \
	$(filter 0,$(shell id -u)),1))

# What was built with other flags isn't built again as root, who may not have them all.
ifneq ($(and $(filter install,$(MAKECMDGOALS)),$(if $(filter all,$(MAKECMDGOALS)),,1),\
	$(wildcard $(O)/flags)),)
ifneq ($(strip $(file <$(O)/flags)),$(strip $(build_flags)))
$(error ksig: this was built with "$(strip $(file <$(O)/flags))", \
	not "$(strip $(build_flags))": pass the same variables to 'make install', or run 'make' again)
endif
endif

# $1 for each page of the manual: its file in docs/man, the folder and the names it goes to
each_page = set -e; for page in docs/man/*; do \
	file=$${page\#\#*/} section=$${page\#\#*.}; \
	dir=$(DESTDIR)$(PREFIX)/share/man/man$$section; \
	names=$$(sed -n '/^\.Sh NAME/,/^\.Nd/s/^\.Nm \([a-z_-]*\).*/\1/p' $$page); \
	$1; done

install_dirs_valid = $(if $(word 2,x$(DESTDIR)$(PREFIX)$(LIBDIR)),$(error \
		ksig: PREFIX$(comma) LIBDIR and DESTDIR can't have blanks))\
	$(if $(findstring &,$(DESTDIR)$(PREFIX)$(LIBDIR))$(findstring \
		$(comma),$(PREFIX)$(LIBDIR)),\
		$(error ksig: PREFIX and LIBDIR can't have & or a comma))

install: all
	$(install_dirs_valid)
	install -D -t $(DESTDIR)$(PREFIX)/bin $(O)/ksig
	install -D -m 644 -t $(DESTDIR)$(LIBDIR) $(O)/libksig.a
	install -D -t $(DESTDIR)$(LIBDIR) $(O)/$(soname)
	ln -sf $(soname) $(DESTDIR)$(LIBDIR)/libksig.so
	sed -e 's,@PREFIX@,$(PREFIX),' -e 's,@LIBDIR@,$(patsubst $(PREFIX)/%,$${prefix}/%,$(LIBDIR)),' \
		-e 's,@VERSION@,$(version),' -e 's,@LIBS@,$(lib_libs),' lib/libksig.pc.in | \
		install -D -m 644 /dev/stdin $(DESTDIR)$(LIBDIR)/pkgconfig/libksig.pc
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/include/ksig \
		include/ksig/uapi.h include/ksig/libksig.h include/ksig/driver.h
	@$(call each_page,sed 's/^\.Os$$/.Os ksig $(version)/' $$page | \
		install -D -m 644 /dev/stdin $$dir/$$file; for name in $$names; do \
		[ $$name = $${file%.*} ] || ln -sf $$file $$dir/$$name.$$section; done)
ifneq ($(system_files),)
	install -D -m 644 -t $(DESTDIR)$(UDEV)/rules.d udev/60-ksig.rules
	install -D -m 644 udev/ksig.sysusers \
		$(DESTDIR)$(SYSUSERS)/ksig.conf
else
	@echo 'ksig: not root: left out the udev rule and the group of the' \
		"module's nodes; programs find $(soname) by" \
		'LD_LIBRARY_PATH=$(LIBDIR) or an rpath'
endif
	[ -n "$(DESTDIR)" ] || [ "$$(id -u)" != 0 ] || ldconfig

# Removes what 'make install' installed; give it the same variables. The udev rule and the
# group go, too, where install would put them.
uninstall:
	$(install_dirs_valid)
	rm -f $(DESTDIR)$(PREFIX)/bin/ksig \
		$(addprefix $(DESTDIR)$(LIBDIR)/,libksig.a $(soname) libksig.so pkgconfig/libksig.pc) \
		$(addprefix $(DESTDIR)$(PREFIX)/include/ksig/,uapi.h libksig.h driver.h)
	@$(call each_page,rm -f $$dir/$$file; for name in $$names; do \
		rm -f $$dir/$$name.$$section; done)
	[ ! -d $(DESTDIR)$(PREFIX)/include/ksig ] || \
		rmdir --ignore-fail-on-non-empty $(DESTDIR)$(PREFIX)/include/ksig
ifneq ($(system_files),)
	rm -f $(DESTDIR)$(UDEV)/rules.d/60-ksig.rules $(DESTDIR)$(SYSUSERS)/ksig.conf
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

# The roots in it are root's.
distclean: clean
	[ -L .cache ] || [ ! -e .cache/roots ] || $(SUDO) rm -rf --one-file-system .cache/roots
	rm -rf .cache

.PHONY: FORCE all help ready owners deps programs mine skeletons test-unit test-unit-programs test-sanitized fuzz demo shell test test-all try bench mutants check check-next install uninstall load unload clean distclean
.DELETE_ON_ERROR:
