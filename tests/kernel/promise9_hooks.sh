#!/bin/sh
# SPDX-License-Identifier: MIT
# Promise 9: a built-in channel has no hook in the kernel without a subscriber
# (about a second after the last one has left), and the one it needs with one. Seen from the kernel's side: by a module that
# looks at tracepoints and notifier chains, and in sysfs.
set -eu

hooks=/sys/kernel/debug/ksig_hooks
states=/sys/devices/system/cpu/hotplug/states
fail() { echo "$*"; exit 1; }

[ -e /ksig/ksig_hooks.ko ] || { echo "ksig_hooks.ko is not built"; exit 77; }
insmod /ksig/ksig_hooks.ko
trap 'rmmod ksig_hooks' EXIT

hooked() {
	{
		cat $hooks
		grep -s ksig $states | sed 's/.* ksig:/cpuhp /' || :
	} | sort | tr '\n' ',' | sed 's/,$//'
}

is() { [ "$2" = "$3" ] || fail "$1: hooked are '$2', not '$3'"; }

# when what lingers is gone
becomes() {
	local tries=0
	until [ "$(hooked)" = "$2" ] || [ $((tries += 1)) -gt 1500 ]; do
		usleep 20000
	done
	is "$1" "$(hooked)" "$2"
}

# channel, and what it hooks
with() {
	becomes "before $1" ""
	exec 5</dev/ksig/$1 6</dev/ksig/$1
	is "$1" "$(hooked)" "$2"
	exec 5<&-
	is "$1, one of two closed" "$(hooked)" "$2"
	exec 6<&-
	becomes "after $1" ""
}

with process "tracepoint sched_process_exec,tracepoint sched_process_exit,tracepoint sched_process_fork"
with memory "notifier oom,tracepoint mark_victim,tracepoint mm_vmscan_memcg_reclaim_begin"
with power "notifier pm"
with net "notifier netdev"
with cpu "cpuhp dead,cpuhp online"
with kmod "notifier module"
with test ""

# who is armed may end: one probe sees that, for all of them
armed() {
	/ksig/handler /dev/ksig/test >/dev/null &
	until ksig status --json | grep -q "\"pid\":$!,.*\"signo\":34,"; do
		usleep 20000
	done
}
is "before arming" "$(hooked)" ""
armed
first=$!
armed
is "two armed" "$(hooked)" "tracepoint sched_process_exit"
kill $!
wait $! || :
is "one armed" "$(hooked)" "tracepoint sched_process_exit"
kill $first
wait $first || :
becomes "nobody armed" ""

# modes, as long as no udev rule says otherwise
for node in process:600 memory:600 power:640 net:640 cpu:640 kmod:640 test:600
do
	is "mode of $node" "$(stat -c %a /dev/ksig/${node%:*})" "${node#*:}"
done
