#!/bin/sh
# SPDX-License-Identifier: MIT
# Run tests on this machine's own kernel: tests/host/lib.sh [TEST...]. TEST is a test's source; by
# default, all tests of the library, and those of the command that don't need the module, are run.
# A test that fails is rerun by itself KSIG_AGAIN times (default 5); it is flaky if it passes each
# time. The tests run as root, with sudo. Exit status: 1 if a test has failed, 2 if none could run.
set -u

cd "$(dirname "$0")/../.."
# the output of tools is parsed
export LC_ALL=C.UTF-8 LANGUAGE=
again=${KSIG_AGAIN:-5}
failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
as_root=$([ "$(id -u)" = 0 ] || echo sudo)
# fail early if sudo needs a password: otherwise every test would fail at the prompt
[ -z "$as_root" ] || sudo -n true 2>/dev/null || {
	echo 'lib.sh: needs root: run sudo -v first (make try runs tests in a VM, without root)' >&2
	exit 2
}

# If this machine's libraries can't be linked statically, the tests were linked with Debian 12's
# libraries, in build/static.
programs=build/tests/lib
[ ! -e build/static/ksig ] || programs=build/static/tests/lib

# run TEST: run the test with its output in $log
run() {
	local program=$1

	case $1 in
	*.c)	program=$programs/$(basename "$1" .c) ;;
	esac
	# not through a pipe, because a process that outlives the test would keep it open
	$as_root timeout -k 5 400 env LC_ALL=$LC_ALL LANGUAGE= \
		"PATH=$PWD/build:$PATH:/usr/sbin:/sbin" \
		"$program" >"$log" 2>&1 </dev/null
}

# not_ok TEXT: report a failed test
not_ok() {
	failed=1
	echo "not ok native $1"
}

log_tail() { tail -n 40 "$log" | sed 's/^/# /'; }

# verdict TEST: rerun a failed test, whose output is in $log, and print the result
verdict() {
	local said i=0

	said=$(log_tail)
	while [ $((i += 1)) -le "$again" ]; do
		run "$1" || {
			not_ok "$name"
			printf '%s\n' "$said"
			echo "# run again by itself, it failed in run $i:"
			log_tail
			return
		}
	done
	if [ "$again" = 0 ]; then
		not_ok "$name"
	else
		echo "flaky native $name (1 of $((again + 1)))"
	fi
	printf '%s\n' "$said"
}

[ $# != 0 ] || set -- tests/lib/*.c $(grep -l '^# runs: .*host' tests/cli/*.sh)
for test in $(grep -LE '^# runs: (vm|host|vm host)$' tests/cli/*.sh); do
	not_ok "$(basename "$test" .sh): no '# runs: vm', 'host' or 'vm host'"
done
for test; do
	name=$(basename "${test%.sh}" .c)
	begin=$(date +%s)
	run "$test"
	case $? in
	0)	echo "ok native $name" ;;
	77)	echo "skip native $name: $(tail -n 1 "$log")" ;;
	*)	verdict "$test" ;;
	esac
	grep '^: ' "$log" | sed 's/^: /# /'
	took=$(($(date +%s) - begin))
	[ $took -lt 10 ] || echo "# took $took s"
done
exit $failed
