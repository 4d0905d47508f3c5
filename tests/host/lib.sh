#!/bin/sh
# SPDX-License-Identifier: MIT
# The library, 'ksig watch' and 'ksig doctor', on this machine's own kernel:
# tests/host/lib.sh [TEST...]. As the VMs' tests: exit status 0 passed, 77 skipped
# (the last line says why), else failed. A test that failed is run again by itself,
# KSIG_AGAIN times (default 5), and is flaky if it passes each time.
set -u

cd "$(dirname "$0")/../.."
# what tools print is parsed
export LC_ALL=C.UTF-8 LANGUAGE=
again=${KSIG_AGAIN:-5}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
as_root=$([ "$(id -u)" = 0 ] || echo sudo)

# program NAME
program() {
	for script in tests/cli/$1.sh tests/host/$1.sh; do
		[ ! -e "$script" ] || { echo "$script"; return; }
	done
	# what can't be linked statically here is made in a folder of its own
	[ -e build/static/ksig ] && echo "build/static/tests/lib/$1" ||
		echo "build/tests/lib/$1"
}

# run NAME: its output in $log
run() {
	# no pipe: what a test should leave behind would keep it open
	$as_root timeout -k 5 400 env LC_ALL=$LC_ALL LANGUAGE= \
		"PATH=$PWD/build:$PATH:/usr/sbin:/sbin" \
		"$(program "$1")" >"$log" 2>&1 </dev/null
}

log_tail() { tail -n 40 "$log" | sed 's/^/# /'; }

# verdict NAME: of one that failed, with its output in $log
verdict() {
	local said i=0

	said=$(log_tail)
	while [ $((i += 1)) -le "$again" ]; do
		run "$1" || {
			echo "not ok native $1"
			printf '%s\n' "$said"
			echo "# run again by itself, it failed in run $i:"
			log_tail
			return
		}
	done
	if [ "$again" = 0 ]; then
		echo "not ok native $1"
	else
		echo "flaky native $1 (1 of $((again + 1)))"
	fi
	printf '%s\n' "$said"
}

for source in ${*:-tests/lib/*.c tests/cli/doctor.sh tests/host/watch_*.sh}; do
	name=$(basename "${source%.sh}" .c)
	begin=$(date +%s)
	run "$name"
	case $? in
	0)	echo "ok native $name" ;;
	77)	echo "skip native $name: $(tail -n 1 "$log")" ;;
	*)	verdict "$name" ;;
	esac
	grep '^: ' "$log" | sed 's/^: /# /'
	took=$(($(date +%s) - begin))
	[ $took -lt 10 ] || echo "# took $took s"
done
