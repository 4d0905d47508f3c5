#!/bin/sh
# SPDX-License-Identifier: MIT
# Check that kernel/load reports why a machine can't load the module, and how to fix that. Each
# simulated machine is a directory with the files that kernel/load reads.
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/tests/host/copy"
load=$top/kernel/load
release=$(uname -r)

# machine: create a machine that can load modules, but has no kernel headers
machine() {
	rm -rf "$tmp/root"
	mkdir -p "$tmp/root/proc/sys/kernel" "$tmp/root/sys/kernel/security" \
		"$tmp/root/sys/firmware/efi/efivars" "$tmp/bin"
	: >"$tmp/root/proc/modules"
	echo 0 >"$tmp/root/proc/sys/kernel/modules_disabled"
}

# refuses REGEX ARGUMENT...: check that kernel/load fails with this error
refuses() {
	local wanted=$1
	shift
	! PATH="$tmp/bin:$PATH" KSIG_ROOT="$tmp/root" KDIR= "$load" "$@" >"$log" 2>&1 ||
		fail "'$*' succeeded, '$wanted' expected:"
	output_has "$wanted"
}

# as UID: replace id(1) with a stub that prints UID
as() { printf '#!/bin/sh\necho %s\n' "$1" >"$tmp/bin/id"; chmod +x "$tmp/bin/id"; }

machine
as 1000
refuses 'sudo make load' load
refuses 'sudo make unload' unload
rm "$tmp/root/proc/modules"
refuses 'built without modules' load
machine
as 0
refuses "linux-headers-$release" load
refuses 'not loaded' unload
echo 1 >"$tmp/root/proc/sys/kernel/modules_disabled"
refuses 'modules_disabled' load
machine
rm "$tmp/root/proc/modules"
refuses 'built without modules' load
refuses 'make shell' load
machine
echo 'none [integrity] confidentiality' >"$tmp/root/sys/kernel/security/lockdown"
refuses 'locked down' load
refuses 'mokutil' load
printf '\006\000\000\000\001' >"$tmp/root/sys/firmware/efi/efivars/SecureBoot-1"
refuses 'Secure Boot is on' load
machine
echo 'ksig 16384 0 - Live 0x0' >"$tmp/root/proc/modules"
refuses 'already loaded' load
refuses 'usage' nonsense
