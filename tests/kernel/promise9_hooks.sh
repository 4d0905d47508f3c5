#!/bin/sh
# SPDX-License-Identifier: MIT
# Promise 9: a built-in channel hooks into the kernel only while it has a subscription, and for
# about a second after that. The test module ksig_hooks reports the hooks in the kernel's
# tracepoints and notifier chains. CPU hotplug states are read from sysfs.
. tests/functions.sh

hooks=/sys/kernel/debug/ksig_hooks
states=/sys/devices/system/cpu/hotplug/states
log=$hooks

[ -e /ksig/ksig_hooks.ko ] || { echo "ksig_hooks.ko is not built"; exit 77; }
insmod /ksig/ksig_hooks.ko
trap 'rmmod ksig_hooks' EXIT

hooked() {
	{
		cat $hooks
		grep -s ksig $states | sed 's/.* ksig:/cpuhp /' || :
	} | sort | tr '\n' ',' | sed 's/,$//'
}

is_hooked() { [ "$(hooked)" = "$1" ]; }

# with CHANNEL HOOKS: check that the channel has exactly these hooks while it has subscriptions
with() {
	until_true is_hooked ""
	exec 5</dev/ksig/$1 6</dev/ksig/$1
	equal "$1" "$(hooked)" "$2"
	exec 5<&-
	equal "$1, one of two closed" "$(hooked)" "$2"
	exec 6<&-
	until_true is_hooked ""
}

with process "tracepoint sched_process_exec,tracepoint sched_process_exit,tracepoint sched_process_fork"
with memory "notifier oom,tracepoint mark_victim,tracepoint mm_vmscan_memcg_reclaim_begin"
with power "notifier pm"
with net "notifier netdev"
with cpu "cpuhp dead,cpuhp online"
with kmod "notifier module"
with test ""

# a single probe watches for the exit of a target on behalf of all armed subscriptions
armed() {
	start /ksig/handler /dev/ksig/test >/dev/null
	until_true eval 'ksig status --json | grep -q "\"pid\":$pid,.*\"signo\":34,"'
}
equal "before arming" "$(hooked)" ""
armed
first=$pid
armed
equal "two armed" "$(hooked)" "tracepoint sched_process_exit"
kill $pid
wait $pid || :
equal "one armed" "$(hooked)" "tracepoint sched_process_exit"
kill $first
wait $first || :
until_true is_hooked ""

# the modes of the device nodes without a udev rule
for node in process:600 memory:600 power:640 net:640 cpu:640 kmod:640 test:600
do
	equal "mode of $node" "$(stat -c %a /dev/ksig/${node%:*})" "${node#*:}"
done
