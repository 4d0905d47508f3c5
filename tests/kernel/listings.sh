#!/bin/sh
# SPDX-License-Identifier: MIT
# The driver and the program that docs/drivers.md shows, as they stand there.
set -eu

fail() { echo "$*"; exit 1; }

waits() {
	until "$@"; do
		grep -qs '^State:.[^Z]' /proc/$receiver/status ||
			fail "the receiver has ended: $(cat /tmp/received)"
		usleep 20000
	done
}
insmod /ksig/ticks.ko
/ksig/receiver >/tmp/received 2>&1 &
receiver=$!
waits eval 'ksig status --json | grep -q "\"pid\":$receiver,.*\"signo\":34,"'
waits eval '[ "$(cat /sys/class/ksig/ticks/emitted)" -ge 2 ]'
rmmod ticks
wait $receiver || fail "the receiver ends with $?: $(cat /tmp/received)"
[ ! -e /dev/ksig/ticks ] || fail "the node outlives its driver"
awk '$1 != "tick" || (NR > 1 && $2 != last + 1) { wrong = 1 }
	{ last = $2 }
	END { exit wrong || NR < 2 }' /tmp/received || fail "the receiver says: $(cat /tmp/received)"
