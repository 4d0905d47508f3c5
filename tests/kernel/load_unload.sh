#!/bin/sh
# SPDX-License-Identifier: MIT
# Check that nothing leaks in 50 rounds (10 if KSIG_STRESS_MS is set) of loading the module, sending
# a storm of signals and unloading it. The VM's init process checks the kernel log.
. tests/functions.sh
own_folder "$@"

refcount() { awk '$1 == "ksig" { print $3 }' /proc/modules; }

# objects: print how many cred and pid objects are in use. Each send allocates and frees such
# objects. Unloading the module waits for RCU callbacks, so all of these objects should be free.
# Shrinking the caches also frees those in per-cpu lists and in KASAN's quarantine.
objects() {
	for cache in cred cred_jar pid; do
		echo 1 >/sys/kernel/slab/$cache/shrink 2>/dev/null || :
	done
	awk '$1 ~ /^(cred|cred_jar|pid)$/ { n += $2 } END { print n + 0 }' \
		/proc/slabinfo
}

# no_rings: no memory of a subscription's queue is in use. It is freed some time after close(2).
no_rings() { ! grep -q ' ksig_ring_' /proc/vmallocinfo; }

[ "$(refcount)" = 0 ] || fail "reference count before: $(refcount)"
rmmod ksig
[ ! -e /dev/ksig/control ] || fail "the node outlives the module"
[ ! -e /sys/kernel/debug/signalconfpid ] || fail "signalconfpid outlives it"

round=0 sent=0 rounds=${KSIG_STRESS_MS:+10}
# a slow machine sends fewer signals per round, so it needs more rounds for a leak to show
while [ $round -lt ${rounds:-50} ] || { [ $sent -le 200 ] && [ $round -lt 200 ]; }; do
	insmod /ksig/ksig.ko
	send_storm 60 >storm || { cat storm; fail "round $round"; }
	[ "$(refcount)" = 0 ] || fail "round $round: reference count $(refcount)"
	exec 8</dev/ksig/test
	! no_rings || fail "the queue of a subscription is not in /proc/vmallocinfo"
	exec 8<&-
	until_true no_rings
	rmmod ksig
	round=$((round + 1))
	if [ $round = 2 ]; then
		before=$(objects)
	else
		sent=$((sent + $(sed 's/: \([0-9]*\) sent.*/\1/' storm)))
	fi
done
[ "$before" -gt 0 ] || fail "no counts of cred and pid in slabinfo"
after=$(objects)
insmod /ksig/ksig.ko
echo ": $before cred and pid objects after 2 rounds, $after after $round and $sent signals"
# Each round has at least eight targets, so a leak of one object for each target is 400 or more. The
# counts include the free objects of some slabs, which makes a difference of about 100.
allowed=250
[ $sent -gt 200 ] || fail "no more than $sent signals"
[ $((after - before)) -lt $allowed ] || fail "$before objects, then $after"
