#!/bin/sh
# SPDX-License-Identifier: MIT
# Promise 9: an idle channel costs nothing. Without a subscription, an emit returns after the inline
# check. A channel is started when its first subscription is opened, and stopped after its last one
# is closed. promise9_hooks.sh checks the hooks; `make bench` measures the inline check.
. tests/functions.sh

dir=/sys/kernel/debug/ksig_context

[ -e /ksig/ksig_context.ko ] || { echo "ksig_context.ko is not built"; exit 77; }
insmod /ksig/ksig_context.ko

equal starts "$(cat $dir/starts)" 0
echo "process 100" >$dir/do
equal emitted "$(channel context emitted)" 0
equal subscribers "$(channel context subscribers)" 0

exec 5<>/dev/ksig/context 6</dev/ksig/context
equal starts "$(cat $dir/starts)" 1
equal subscribers "$(channel context subscribers)" 2
echo "process 300" >$dir/do
equal emitted "$(channel context emitted)" 300
# each of the two queues has space for 256 of the 300 events, so 2 * 44 events are lost
equal lost "$(channel context lost)" 88
exec 5<&-
equal stops "$(cat $dir/stops)" 0
exec 6<&-
# a channel is stopped about a second after the last subscription is closed
until_true eval '[ $(cat $dir/stops) = 1 ]'
equal subscribers "$(channel context subscribers)" 0
echo "process 100" >$dir/do
equal emitted "$(channel context emitted)" 300
exec 5</dev/ksig/context
equal starts "$(cat $dir/starts)" 2
exec 5<&-

# the channel's attributes
equal description "$(channel context description)" "emits from any context"
equal event_size "$(channel context event_size)" 64
equal types "$(channel context types)" ""
equal types "$(tr '\n' ' ' </sys/class/ksig/pids/types)" "one two "
equal mode "$(stat -c %a /dev/ksig/pids)" 666
equal mode "$(stat -c %a /dev/ksig/test)" 600

rmmod ksig_context
[ ! -e /dev/ksig/context ] || fail "the node outlives its driver"
