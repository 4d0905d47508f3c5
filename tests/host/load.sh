#!/bin/sh
# SPDX-License-Identifier: MIT
# kernel/load says why a machine can't load the module, and the cure. Each
# machine is a folder with the files that it would look at.
set -eu

load=$(cd "$(dirname "$0")/../.." && pwd)/kernel/load
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
release=$(uname -r)

# machine: an empty one, which could load modules but has no headers
machine() {
	rm -rf "$tmp/root"
	mkdir -p "$tmp/root/proc/sys/kernel" "$tmp/root/sys/kernel/security" \
		"$tmp/root/sys/firmware/efi/efivars" "$tmp/bin"
	: >"$tmp/root/proc/modules"
	echo 0 >"$tmp/root/proc/sys/kernel/modules_disabled"
}

# says REGEX ARGUMENT...
says() {
	local wanted=$1
	shift
	if PATH="$tmp/bin:$PATH" KSIG_ROOT="$tmp/root" KDIR= \
		"$load" "$@" >"$tmp/out" 2>&1; then
		echo "'$*' succeeded, '$wanted' expected"
		exit 1
	fi
	grep -q "$wanted" "$tmp/out" || {
		echo "'$*' does not say '$wanted':"
		cat "$tmp/out"
		exit 1
	}
}

# a user whose id is what the test says
as() { printf '#!/bin/sh\necho %s\n' "$1" >"$tmp/bin/id"; chmod +x "$tmp/bin/id"; }

machine
as 1000
says 'sudo make load' load
says 'sudo make unload' unload
rm "$tmp/root/proc/modules"
says 'built without modules' load
machine
as 0
says "linux-headers-$release" load
says 'not loaded' unload
echo 1 >"$tmp/root/proc/sys/kernel/modules_disabled"
says 'modules_disabled' load
machine
rm "$tmp/root/proc/modules"
says 'built without modules' load
says 'make shell' load
machine
echo 'none [integrity] confidentiality' >"$tmp/root/sys/kernel/security/lockdown"
says 'locked down' load
says 'mokutil' load
printf '\006\000\000\000\001' >"$tmp/root/sys/firmware/efi/efivars/SecureBoot-1"
says 'Secure Boot is on' load
machine
echo 'ksig 16384 0 - Live 0x0' >"$tmp/root/proc/modules"
says 'loaded already' load
says 'usage' nonsense
