#!/bin/sh
# SPDX-License-Identifier: MIT
# Promise 9: idle costs nothing. Without a subscriber an emit does not get
# beyond the inline test, and start and stop frame the subscribers. What is hooked
# then, promise9_hooks.sh shows; what the inline test costs, `make bench`.
set -eu

dir=/sys/kernel/debug/ksig_context
fail() { echo "$*"; exit 1; }
is() { [ "$2" = "$3" ] || fail "$1 is $2, not $3"; }
# a channel is stopped about a second after the last subscriber has left
stopped() {
	local tries=0
	until [ "$(cat $dir/stops)" = "$1" ] || [ $((tries += 1)) -gt 1500 ]; do
		usleep 20000
	done
	is stops "$(cat $dir/stops)" "$1"
}

[ -e /ksig/ksig_context.ko ] || { echo "ksig_context.ko is not built"; exit 77; }
insmod /ksig/ksig_context.ko
class=/sys/class/ksig/context

is starts "$(cat $dir/starts)" 0
echo "process 100" >$dir/do
is emitted "$(cat $class/emitted)" 0
is subscribers "$(cat $class/subscribers)" 0

exec 5<>/dev/ksig/context 6</dev/ksig/context
is starts "$(cat $dir/starts)" 1
is subscribers "$(cat $class/subscribers)" 2
echo "process 300" >$dir/do
is emitted "$(cat $class/emitted)" 300
# two queues of 256
is lost "$(cat $class/lost)" 88
exec 5<&-
is stops "$(cat $dir/stops)" 0
exec 6<&-
stopped 1
is subscribers "$(cat $class/subscribers)" 0
echo "process 100" >$dir/do
is emitted "$(cat $class/emitted)" 300
exec 5</dev/ksig/context
is starts "$(cat $dir/starts)" 2
exec 5<&-

# what the channel says of itself
is description "$(cat $class/description)" "emits from any context"
is event_size "$(cat $class/event_size)" 64
is types "$(cat $class/types)" ""
is types "$(tr '\n' ' ' </sys/class/ksig/pids/types)" "one two "
is mode "$(stat -c %a /dev/ksig/pids)" 666
is mode "$(stat -c %a /dev/ksig/test)" 600

rmmod ksig_context
[ ! -e /dev/ksig/context ] || fail "the node outlives its driver"
