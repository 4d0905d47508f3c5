#!/bin/sh
# SPDX-License-Identifier: MIT
# Check that DKMS builds and installs ksig.ko from only kernel/ and include/, and then builds the
# driver in docs/drivers.md against ksig.ko. The test uses temporary directories.
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/tests/host/copy"
headers=$("$top/tests/vm/fetch" headers 6.12)
release=$("$top/tests/vm/fetch" release 6.12)
version=$(sed -n 's/^#define KSIG_VERSION "\(.*\)"/\1/p' \
	"$top/include/ksig/version.h")

# run COMMAND MODULE/VERSION: run a dkms command for the module
run() {
	$([ "$(id -u)" = 0 ] || echo sudo) dkms "$1" "$2" -k "$release" \
		-a "$(uname -m)" --sourcetree "$tmp/src" --dkmstree "$tmp/tree" \
		--installtree "$tmp/modules" --kernelsourcedir "$headers" \
		--no-depmod --no-initrd >"$log" 2>&1 || {
		cat "$tmp"/tree/*/*/build/make.log 2>/dev/null
		fail "dkms $1 $2"
	}
}

# Copy the files that a package would install. Files that are not in the repository are left out.
mkdir -p "$tmp/src/ksig-$version" "$tmp/tree" "$tmp/modules/$release"
(cd "$top" && git ls-files -z kernel include |
	xargs -0 cp --parents -t "$tmp/src/ksig-$version")
cp "$top/kernel/dkms.conf" "$tmp/src/ksig-$version/"
"$top/tests/listings" "$top/docs/drivers.md" "$tmp/src/ticks-1.0"

for module in "ksig/$version" ticks/1.0; do
	run add "$module"
	run build "$module"
	run install "$module"
	name=${module%/*}
	find "$tmp/modules" -name "$name.ko*" | grep -q . ||
		fail "$name.ko is not installed"
done
# ksig.ko's symbols were found, with checksums if the kernel uses them
modinfo -F depends "$tmp/tree/ticks/1.0/$release/$(uname -m)/module/ticks.ko"* |
	grep -qx ksig || fail "ticks.ko doesn't depend on ksig.ko"
