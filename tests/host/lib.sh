#!/bin/sh
# SPDX-License-Identifier: MIT
# The library, 'ksig watch' and 'ksig doctor', on this machine's own kernel:
# tests/host/lib.sh [TEST...]. As the VMs' tests: exit status 0 passed, 77 skipped
# (the last line says why), else failed.
set -u

cd "$(dirname "$0")/../.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
as_root=$([ "$(id -u)" = 0 ] || echo sudo)

for source in ${*:-tests/lib/*.c tests/cli/doctor.sh tests/host/watch_*.sh}; do
	name=$(basename "${source%.sh}" .c)
	test=build/tests/lib/$name
	for script in tests/cli/$name.sh tests/host/$name.sh; do
		[ ! -e "$script" ] || test=$script
	done
	begin=$(date +%s)
	# no pipe: what a test should leave behind would keep it open
	$as_root timeout -k 5 400 env "PATH=$PWD/build:$PATH:/usr/sbin:/sbin" "$test" \
		>"$log" 2>&1 </dev/null
	case $? in
	0)	echo "ok native $name" ;;
	77)	echo "skip native $name: $(tail -n 1 "$log")" ;;
	*)	echo "not ok native $name"
		tail -n 40 "$log" | sed 's/^/# /' ;;
	esac
	grep '^: ' "$log" | sed 's/^: /# /'
	took=$(($(date +%s) - begin))
	[ $took -lt 10 ] || echo "# took $took s"
done
