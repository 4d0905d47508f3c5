#!/bin/sh
# SPDX-License-Identifier: MIT
# "make BPF=0 SYSTEMD=0": the command does without, and says so.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
tree=$tmp/tree
. "$top/tests/host/copy"

fail() { echo "$*"; cat "$tmp/out"; exit 1; }

# gives STATUS ARGUMENT...: of ksig
gives() {
	local wanted=$1 got=0
	shift
	timeout 60 "$tree/build/ksig" "$@" >"$tmp/out" 2>&1 || got=$?
	[ $got = "$wanted" ] || fail "'ksig $*' gave $got, not $wanted:"
}

copy_tree "$top" "$tree"
make -s -C "$tree" -j"$(nproc)" build/ksig BPF=0 SYSTEMD=0 >"$tmp/out" 2>&1 ||
	fail 'it does not build:'
readelf -d "$tree/build/ksig" >"$tmp/out"
! grep -q 'libbpf\|libelf\|libsystemd' "$tmp/out" || fail 'it is linked with:'
gives 5 watch net.up --to unit:a -s HUP
grep -qxF "ksig: unit:a is not available: built without libsystemd (use pidfile:PATH or a pid instead)" \
	"$tmp/out" || fail 'of a unit it says:'
gives 3 watch net.up --provider native --to $$ -s TERM -t 1ms
gives 5 watch net.up --provider bpf
