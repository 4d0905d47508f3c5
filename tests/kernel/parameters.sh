#!/bin/sh
# SPDX-License-Identifier: MIT
# The module's parameters: what signalconfpid sends by default.
set -eu

dir=/sys/module/ksig/parameters

fail() { echo "$*"; exit 1; }

# received SIGNO: what a listener for it prints when its pid is written
received() {
	rm -f /tmp/said
	ksig listen -s "$1" -n 1 >/tmp/got 2>/tmp/said &
	pid=$!
	until grep -qs 'as pid' /tmp/said; do usleep 10000; done
	echo $pid >/sys/kernel/debug/signalconfpid
	wait $pid
	cat /tmp/got
}

[ "$(cat $dir/value)" = 1234 ] || fail "value is $(cat $dir/value)"
[ "$(cat $dir/signo)" = 44 ] || fail "signo is $(cat $dir/signo)"

echo -5 >$dir/value
echo 50 >$dir/signo
[ "$(received 50)" = "received value -5" ] || fail "got $(cat /tmp/got)"
for bad in '' x 12x 0x 18446744073709551616 '1 2'; do
	if echo "$bad" >$dir/value; then fail "value takes '$bad'"; fi
done 2>/dev/null
for bad in '' x 0 65 -1 44x; do
	if echo "$bad" >$dir/signo; then fail "signo takes '$bad'"; fi
done 2>/dev/null
[ "$(cat $dir/signo)" = 50 ] || fail "a refused signo changed it"

rmmod ksig
if insmod /ksig/ksig.ko signo=65 2>/dev/null; then fail "loads with signo=65"; fi
insmod /ksig/ksig.ko value=0x1122334455667788
[ "$(received 44)" = "received value 1234605616436508552" ] ||
	fail "got $(cat /tmp/got)"
rmmod ksig
insmod /ksig/ksig.ko
