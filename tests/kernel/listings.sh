#!/bin/sh
# SPDX-License-Identifier: MIT
# The driver and the program in docs/drivers.md work unchanged.
. tests/functions.sh
own_folder "$@"

log=received
insmod /ksig/ticks.ko
start /ksig/receiver >received 2>&1
until_true eval 'ksig status --json | grep -q "\"pid\":$pid,.*\"signo\":34," || ended $pid'
lives $pid || fail "the receiver has exited:"
until_true eval '[ "$(channel ticks emitted)" -ge 2 ]'
rmmod ticks
wait $pid || fail "the receiver exits with status $?:"
[ ! -e /dev/ksig/ticks ] || fail "the node outlives its driver"
awk '$1 != "tick" || (NR > 1 && $2 != last + 1) { wrong = 1 }
	{ last = $2 }
	END { exit wrong || NR < 2 }' received || fail "ticks are missing:"
