#!/bin/sh
# SPDX-License-Identifier: MIT
# examples/edu/factorial writes a number to a card and receives the answer as an event that the
# card's interrupt handler emits.
. tests/functions.sh
own_folder "$@"

# answers TEXT ARGUMENT...: check that factorial prints TEXT
answers() {
	wanted=$1
	shift
	got=$(factorial "$@" 2>&1) || :
	[ "$got" = "$wanted" ] || fail "factorial $*: '$got', not '$wanted'"
}

answers '/dev/ksig/edu0: No such file or directory'
insmod /ksig/edu.ko
answers '5! = 120'
answers '12! = 479001600' 12 edu1
answers '0! = 1' 0
answers '13: Numerical result out of range' 13
answers 'five: Invalid argument' five
[ "$(channel edu1 emitted)" = 1 ] || fail "edu1 has emitted more"
[ "$(xargs </sys/class/ksig/edu0/types)" = 'factorial dma' ] || fail "its types"
grep -q '^PCI_ID=1234:11E8' /sys/class/ksig/edu0/device/uevent ||
	fail "edu0's device is not the card"
# each of several concurrent processes receives its own answer
i=0
while [ $i -lt 8 ]; do
	factorial $((i % 2 + 9)) >answer.$i 2>&1 &
	i=$((i + 1))
done
wait
cat answer.* | sort | uniq -c | awk '{ $1 = $1; print }' >answers
printf '%s\n' '4 10! = 3628800' '4 9! = 362880' | cmp -s - answers ||
	fail "several get: $(cat answers)"
# an answer for another process that arrives before the filter is set must be ignored
while echo 9 2>/dev/null >/sys/class/ksig/edu0/device/factorial || :; do
	:
done &
i=0
while [ $i -lt 40 ]; do
	answers '10! = 3628800' 10
	i=$((i + 1))
done
kill $!
wait || :
rmmod edu
