#!/bin/sh
# SPDX-License-Identifier: MIT
# 50 rounds of load, storm, unload (10 where KSIG_STRESS_MS is set): nothing
# leaks. The VM's init checks the kernel's log.
. tests/functions.sh
own_folder "$@"

refcount() { awk '$1 == "ksig" { print $3 }' /proc/modules; }

# The number of objects in use of the kinds that each send allocates and frees. Unloading
# the module has waited for RCU callbacks; shrinking frees what per-cpu lists and KASAN's
# quarantine still contain.
objects() {
	for cache in cred cred_jar pid; do
		echo 1 >/sys/kernel/slab/$cache/shrink 2>/dev/null || :
	done
	awk '$1 ~ /^(cred|cred_jar|pid)$/ { n += $2 } END { print n + 0 }' \
		/proc/slabinfo
}

[ "$(refcount)" = 0 ] || fail "reference count before: $(refcount)"
rmmod ksig
[ ! -e /dev/ksig/control ] || fail "the node outlives the module"
[ ! -e /sys/kernel/debug/signalconfpid ] || fail "signalconfpid outlives it"

round=0 sent=0 rounds=${KSIG_STRESS_MS:+10}
# on a slow machine more of them, or a leak would not show
while [ $round -lt ${rounds:-50} ] || { [ $sent -le 200 ] && [ $round -lt 200 ]; }; do
	insmod /ksig/ksig.ko
	send_storm 60 >storm || { cat storm; fail "round $round"; }
	[ "$(refcount)" = 0 ] || fail "round $round: reference count $(refcount)"
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
echo ": $before objects of cred and pid after 2 rounds, $after after $round and $sent signals"
# one that stays for each signal would show in hundreds; others come and go
allowed=$((sent / 10))
[ $allowed -gt 100 ] || allowed=100
[ $sent -gt 200 ] || fail "no more than $sent signals"
[ $((after - before)) -lt $allowed ] || fail "$before objects, then $after"
