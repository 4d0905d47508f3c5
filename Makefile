# SPDX-License-Identifier: MIT
# `make help` lists the targets.

ifneq ($(words $(CURDIR)),1)
$(error ksig: make can't handle a path with a blank: move '$(CURDIR)')
endif

# The target is this machine's architecture, or arm64, which is built in a small separate Debian.
own_arch := $(patsubst aarch64,arm64,$(patsubst x86_64,amd64,$(shell uname -m)))
# An ARCH from the environment is ignored: it is meant for the kernel's build.
arch := $(if $(filter command,$(firstword $(origin ARCH))),$(patsubst \
	aarch64,arm64,$(patsubst x86_64,amd64,$(ARCH))),$(own_arch))
# Programs for VMs are linked statically. If libelf can't be linked statically (Debian 13), they
# are linked with Debian 12's libraries in build/static; tests/vm/build then sets SYSROOT. Only
# tests/vm/build sets SYSROOT and CROSS, so values from the environment are ignored.
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
# Any name in tests/vm/kernels is valid.
KERNEL ?= $(shell tests/vm/fetch default $(arch))
KDIR ?=
PREFIX ?= /usr/local
# a multiarch package sets LIBDIR to /usr/lib/TRIPLET
LIBDIR ?= $(PREFIX)/lib
UDEV ?= /usr/lib/udev
SYSUSERS ?= /usr/lib/sysusers.d
FUZZ_SECONDS ?= 60
# bpftool and other tools are in directories that not every user has in PATH.
export PATH := $(PATH):/usr/sbin:/sbin

SUDO := $(if $(filter-out 0,$(shell id -u)),sudo)

comma := ,

# The packages that the build and the VMs need; CONTRIBUTING.md explains them.
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
# The tests that are also run as 32-bit programs, because their results may differ.
tests_32 := clients_async clients_poll clients_read doorbell edu \
	event_process promise1_channel promise1_four_receivers \
	promise2_nothing_vanishes promise3_armed promise3_right_process \
	promise7_end_is_end promise10_bad_input promise10_channel_input ring \
	tutorial
lib_tests := $(patsubst tests/lib/%.c,%,$(wildcard tests/lib/*.c))
# The 64-bit test promise1_relay runs its 32-bit version as one of the receivers.
lib_tests_32 := module promise1_relay
examples := $(patsubst examples/%.c,$(O)/examples/%,$(wildcard \
	examples/*.c examples/edu/factorial.c examples/receivers/*.c))
# In a VM, the tests' service manager uses the libraries of the command.
host_programs = $(O)/tests/cli/target $(if $(filter-out 0,$(SYSTEMD)),$(O)/tests/cli/manager)
# These programs are static, so that they run in a VM without any libraries.
programs := $(O)/ksig $(examples) $(O)/listings/receiver \
	$(tests:%=$(O)/tests/%) $(tests_32:%=$(O)/tests/%-32) \
	$(lib_tests:%=$(O)/tests/lib/%) $(lib_tests_32:%=$(O)/tests/lib/%-32)

# BPF=0 builds without the BPF provider, libbpf and clang.
BPF ?= 1
bpf_sources := $(wildcard lib/bpf/*.c)
lib_sources := $(wildcard lib/*.c lib/module/*.c lib/native/*.c) \
	$(if $(filter 0,$(BPF)),,$(bpf_sources))
lib_headers := $(wildcard lib/*.h lib/*/*.h) bpf/shared.h $(headers)
lib_cflags := -fPIC -fvisibility=hidden -Ibuild -DKSIG_HAVE_NATIVE \
	$(if $(filter 0,$(BPF)),,-DKSIG_HAVE_BPF)
lib_objects := $(lib_sources:lib/%.c=$(O)/lib/%.o)
# SYSTEMD=0 builds a command without unit: targets. It can be linked statically, which is not
# possible with libsystemd, so it is also the default if SYSROOT is set.
SYSTEMD ?= $(if $(SYSROOT),0,1)
cli_sources := $(filter-out $(if $(filter 0,$(SYSTEMD)),cli/unit.c),$(wildcard cli/*.c))
cli_objects := $(cli_sources:cli/%.c=$(O)/cli/%.o)
systemd_cflags = $(shell pkg-config --cflags libsystemd 2>/dev/null)
systemd_libs = $(or $(shell pkg-config --libs libsystemd 2>/dev/null),-lsystemd)
cli_cflags = $(if $(filter-out 0,$(SYSTEMD)),-DKSIG_HAVE_SYSTEMD $(systemd_cflags))
cli_libs = $(lib_libs) $(if $(filter-out 0,$(SYSTEMD)),$(systemd_libs))
# The libraries that the providers need; all programs that use libksig.a are linked with them.
lib_libs := $(if $(filter-out 0,$(BPF)),$(SYSROOT:%=-L$(wildcard \
	$(SYSROOT)/usr/lib/*-linux-gnu)) $(or $(if $(SYSROOT),,$(shell \
	pkg-config --static --libs libbpf 2>/dev/null)),-lbpf -lelf -lz))
# $(static) is evaluated only when it is needed, and only once.
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

# For another architecture, everything is built in a root with its compilers, in which CROSS is
# set.
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
	@echo 'make ARCH=arm64 build for another architecture in build/arm64; also demo, shell'
	@echo 'make demo       watch the kernel signal a process in a VM'
	@echo 'make shell      run a shell in a VM, with the files in my/ (KERNEL=6.12-rt: another kernel)'
	@echo 'make programs   build the examples and the programs of the tests'
	@echo 'make test-unit  run the unit tests of the library, with sanitizers'
	@echo 'make test       run all tests on: $(shell tests/vm/fetch list test | xargs)'
	@echo 'make test-all   run all tests on: $(shell tests/vm/fetch list | xargs)'
	@echo 'make try TESTS="a b"  run only these tests (KERNEL=6.12-rt: another kernel)'
	@echo 'make bench      compare the cost with similar interfaces, in instructions'
	@echo 'make mutants    break the code in many places and check that a test fails for each'
	@echo 'make fuzz       fuzz the parsers of the library for FUZZ_SECONDS (60)'
	@echo 'make test-sanitized  test the library under ASan, UBSan, TSan and valgrind'
	@echo 'make check      run the static checks: sparse, checkpatch, ... (CHECKS="a b": only these)'
	@echo 'make docs/watch.svg  update the picture in README.md by running the command'
	@echo 'make check-next  build the module for the newest kernel in the archive'
	@echo 'make deps       install the Debian packages that the other targets need'
	@echo 'sudo make install  install command, library, udev rule (PREFIX, LIBDIR, DESTDIR); uninstall'
	@echo 'make BPF=0      build without the provider bpf: needs neither clang nor libbpf'
	@echo 'make SYSTEMD=0  build without --to unit: needs no libsystemd'
	@echo 'sudo make load    build ksig.ko for the running kernel and load it'
	@echo 'sudo make unload  unload it'
	@echo 'make clean      remove built files; make distclean: remove downloads as well'

# Fails with the reason if nothing can be built on this machine, before anything is built.
ready:
	@[ '$(CROSS)' ] || CC='$(CC)' BPF='$(BPF)' tests/vm/ready

owners:
	@tests/vm/ready owners

# Queries dpkg first, so nothing is downloaded if no package is missing.
deps: ready
	@tests/vm/deps $(PACKAGES)

# bpf/vmlinux.h defines the kernel's internal types. The headers in /usr/include define the types of
# its user interface.
build/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h) include/ksig/uapi.h | ready
	@mkdir -p $(@D)
	clang -g -O2 -target bpf -mcpu=v3 -Wall -Wextra -Wno-unused-parameter \
		-D__KERNEL__ -Iinclude -Ibpf \
		-I/usr/include/$(shell $(CC) -print-multiarch 2>/dev/null || \
			gcc -print-multiarch) -c -o $@ $<
	llvm-strip -g $@

# The library, the command and the tests are built again when these flags change.
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

# These tests use the library like any other program. 32-bit programs have only the provider
# module, because the libraries of the other providers are not available for them.
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

# Builds a user's program in my/, which tests/vm/build has copied to DIR. SOURCE may contain blanks.
mine: $(O)/libksig.a
	cd "$$DIR" && $(CC) -std=gnu11 -O2 -g -Wall -I$(CURDIR)/include -static \
		-pthread -o "$${SOURCE%.c}" "$$SOURCE" \
		$(CURDIR)/$(O)/libksig.a $(lib_libs)

# Builds the listings in the document, unchanged.
$(O)/listings/%: docs/drivers.md tests/listings $(headers) $(O)/flags
	@tests/listings $< $(@D)
	$(CC) $(ksig_cflags) $(CFLAGS) -static -o $@ $@.c

$(O)/tests/%: tests/kernel/%.c tests/ktest.c $(headers) $(O)/flags \
		$(wildcard tests/kernel/*.h)
	@mkdir -p $(@D)
	$(CC) $(ksig_cflags) $(CFLAGS) -static -pthread -o $@ $< tests/ktest.c

$(O)/tests/%-32: tests/kernel/%.c tests/ktest.c $(headers) $(O)/flags \
		$(wildcard tests/kernel/*.h)
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

# Unit tests use internals of the library. They run twice on this machine: with sanitizers for
# memory errors and undefined behaviour, and with one for data races.
unit_tests := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*.c))

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
# valgrind needs dynamically linked programs
$(eval $(call sanitized,memcheck,))

test-unit-programs: $(foreach how,asan tsan,$(unit_tests:%=$(O)/$(how)/unit/%))

# The sanitizers' memory maps need addresses that are not randomized.
test-unit: test-unit-programs
	@set -e; for test in $(unit_tests); do \
		setarch -R timeout -k 5 300 $(O)/asan/unit/$$test; \
		TSAN_OPTIONS=halt_on_error=1 \
			setarch -R timeout -k 5 300 $(O)/tsan/unit/$$test; \
	done

# Runs tests of the library and the command in the same way; tests/host/sanitized lists them.
test-sanitized: $(foreach how,asan tsan memcheck,$(O)/$(how)/ksig \
		$(addprefix $(O)/$(how)/,\
		$(shell tests/host/sanitized list $(how))))
	@tests/host/sanitized

# A fuzz target may include the library's file of the same name to use its internals.
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

# Runs one target after the other, FUZZ_SECONDS in total. New inputs are saved in
# build/fuzz/NAME.corpus, and those that cause a crash in build/fuzz.
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

# Prints only the progress of the build, so that the output of the VM stands out.
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

# Finds out whether kernel interfaces that the module uses have changed.
check-next: owners deps
	@tests/vm/fetch next
	@rm -rf build/vm/next
	@tests/vm/build modules next
	@echo "ksig.ko builds for Linux $$(tests/vm/fetch release next) without a warning"

check: ready
	@tests/vm/deps $(PACKAGES) $(CHECK_PACKAGES)
	@tests/check $(CHECKS)

# The module is not installed: DKMS does that, from a package with kernel/ and include/. Without
# root privileges, files are installed only below PREFIX and in directories that are set
# explicitly (UDEV, SYSUSERS).
is_set = $(filter command environment override,$(firstword $(origin $1)))
system_files := $(if $(DESTDIR)$(call is_set,UDEV)$(call is_set,SYSUSERS),1,$(if \
	$(filter 0,$(shell id -u)),1))

# If the flags differ from those of the build, fail. Otherwise "make install" would build again as
# root, and root's environment may lack some of the flags.
ifneq ($(and $(filter install,$(MAKECMDGOALS)),$(if $(filter all,$(MAKECMDGOALS)),,1),\
	$(wildcard $(O)/flags)),)
ifneq ($(strip $(file <$(O)/flags)),$(strip $(build_flags)))
$(error ksig: this was built with "$(strip $(file <$(O)/flags))", \
	not "$(strip $(build_flags))": pass the same variables to 'make install', or run 'make' again)
endif
endif

# Runs the command $1 for each manual page, with its path in $page, its directory in $dir and its
# names in $names.
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

# Removes the files that 'make install' has installed; pass the same variables. This includes the
# udev rule and the group if 'make install' would install them.
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

# Also removes the files that kbuild creates next to the sources ("make load").
clean:
	rm -rf build
	find kernel tests/modules examples/edu bench \( -name '*.o' -o \
		-name '*.ko' -o -name '*.mod' -o -name '*.mod.c' -o -name '.*.cmd' \
		-o -name '.*.d' -o -name modules.order -o -name Module.symvers \
		\) -delete

# The roots in .cache are owned by root, so removing them requires sudo.
distclean: clean
	[ -L .cache ] || [ ! -e .cache/roots ] || $(SUDO) rm -rf --one-file-system .cache/roots
	rm -rf .cache

.PHONY: FORCE all help ready owners deps programs mine skeletons test-unit test-unit-programs test-sanitized fuzz demo shell test test-all try bench mutants check check-next install uninstall load unload clean distclean
.DELETE_ON_ERROR:
