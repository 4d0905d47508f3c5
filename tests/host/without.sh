#!/bin/sh
# SPDX-License-Identifier: MIT
# Check that "make BPF=0 SYSTEMD=0" builds a command that isn't linked with libbpf or libsystemd,
# and that the command reports what is missing.
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/tests/host/copy"

copy_tree "$top" "$tree"
make -s -C "$tree" -j"$(nproc)" build/ksig BPF=0 SYSTEMD=0 >"$log" 2>&1 || fail 'it does not build:'
readelf -d "$tree/build/ksig" >"$log"
output_lacks 'libbpf|libelf|libsystemd'
cd "$tmp"
gives 5 "$tree/build/ksig" watch net.up --to unit:a -s HUP
says "^ksig: unit:a is not available: built without libsystemd (use pidfile:PATH or a pid instead)\$"
gives 3 "$tree/build/ksig" watch net.up --provider native --to $$ -s TERM -t 1ms
gives 5 "$tree/build/ksig" watch net.up --provider bpf
