#!/bin/sh
# SPDX-License-Identifier: MIT
# The driver and the program that docs/drivers.md shows, as they stand there.
set -eu

fail() { echo "$*"; exit 1; }

insmod /ksig/ticks.ko
/ksig/receiver >/tmp/out 2>&1 &
until ksig status --json | grep -q "\"pid\":$!,.*\"signo\":34,"; do
	usleep 20000
done
until [ "$(cat /sys/class/ksig/ticks/emitted)" -ge 2 ]; do usleep 20000; done
rmmod ticks
wait $! || fail "the receiver ends with $?: $(cat /tmp/out)"
[ ! -e /dev/ksig/ticks ] || fail "the node outlives its driver"
awk '$1 != "tick" || (NR > 1 && $2 != last + 1) { wrong = 1 }
	{ last = $2 }
	END { exit wrong || NR < 2 }' /tmp/out || fail "the receiver says: $(cat /tmp/out)"
