#!/bin/sh
# SPDX-License-Identifier: MIT
# runs: vm
# Check that idle watches of most kinds of events don't wake up in at least one of three intervals
# of 20 seconds. The shell must support read -t, because a new process would itself cause events.
. tests/functions.sh
own_folder "$@"

SECONDS_IDLE=20
watches=

# add EVENT [OPTION...]: start a watch of EVENT, if that is possible here
add() {
	local rc=0

	ksig watch "$@" -t 1ms >/dev/null 2>&1 || rc=$?
	[ $rc = 3 ] || { echo ": not here: $*"; return; }
	watch "$@"
	watches="$watches $watcher"
	eval "event_$watcher='$*'"
}

# count_sleeps PID: set $sleeps to the number of times the process has blocked
count_sleeps() {
	while read -r key sleeps; do
		[ "$key" != voluntary_ctxt_switches: ] || return 0
	done <"/proc/$1/status"
	fail "watch $1 has exited"
}

mount_tracefs
add process.fork
add process.exec --provider native
add process.exit --provider bpf
add process.exit:pid=$$
add memory.pressure
add cpu.pressure
add io.calm
add memory.kill
add memory.oom
add power.suspend
add power.resume
add power.ac
add net.up
add net.address
add net.route
add cpu.online
add kmod.load
add device.change
add cgroup.empty
add fs.mount
add fs.full:every=1h
add fs.error
add kernel.log
add time.set
add test
add trace.sched.sched_process_hang
set -- $watches
[ $# -ge 20 ] || fail "only $# watches"

mkfifo never
tries=0
while [ -n "$watches" ]; do
	[ $((tries += 1)) -le 3 ] || break
	for pid in $watches; do
		count_sleeps $pid
		eval "before_$pid=$sleeps"
	done
	# wait: the time in which nothing may happen
	read -r -t $SECONDS_IDLE nothing <>never || :
	awake=
	for pid in $watches; do
		count_sleeps $pid
		eval "[ \$sleeps = \$before_$pid ]" || {
			awake="$awake $pid"
			eval "echo \": attempt $tries: \$event_$pid woke up \$((\$sleeps - before_$pid)) times\""
		}
	done
	watches=$awake
done
# the kernel itself may start a thread or log a message, but not in each of the attempts
[ -z "$watches" ] || fail "these wake up without a reason: $watches"
echo ": $# watches"
