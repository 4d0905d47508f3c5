#!/bin/sh
# SPDX-License-Identifier: MIT
# The module parameters value and signo set the signal that signalconfpid sends by default.
. tests/functions.sh
own_folder "$@"

dir=/sys/module/ksig/parameters

# sends SIGNO VALUE: check that signalconfpid sends this signal with this value
sends() {
	start_listen -s "$1" -n 1
	echo $pid >/sys/kernel/debug/signalconfpid
	received "received value $2"
}

[ "$(cat $dir/value)" = 1234 ] || fail "value is $(cat $dir/value)"
[ "$(cat $dir/signo)" = 44 ] || fail "signo is $(cat $dir/signo)"

echo -5 >$dir/value
echo 50 >$dir/signo
sends 50 -5
for bad in '' x 12x 0x 18446744073709551616 '1 2'; do
	if echo "$bad" >$dir/value; then fail "value accepts '$bad'"; fi
done 2>/dev/null
for bad in '' x 0 65 -1 44x; do
	if echo "$bad" >$dir/signo; then fail "signo accepts '$bad'"; fi
done 2>/dev/null
[ "$(cat $dir/signo)" = 50 ] || fail "a refused signo changed it"

rmmod ksig
if insmod /ksig/ksig.ko signo=65 2>/dev/null; then fail "loads with signo=65"; fi
insmod /ksig/ksig.ko value=0x1122334455667788
sends 44 1234605616436508552
rmmod ksig
insmod /ksig/ksig.ko
