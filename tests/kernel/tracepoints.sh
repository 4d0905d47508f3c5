#!/bin/sh
# SPDX-License-Identifier: MIT
# The tracepoints ksig:ksig_emit, ksig:ksig_signal and ksig:ksig_lost report emitted events, sent
# signals and losses. The kernel's own signal:signal_generate reports the same signals.
. tests/functions.sh
own_folder "$@"

t=/sys/kernel/debug/tracing
log=$t/trace
saw() { grep -q -e "$1" $t/trace || fail "no '$1' in the trace"; }
count() { grep -c -e "$1" $t/trace || :; }

# the trace buffer is tiny until its first use, so make it large enough for all events
echo 1000 >$t/buffer_size_kb
echo >$t/trace
echo 1 >$t/events/ksig/enable
[ ! -e $t/events/signal ] || echo 1 >$t/events/signal/signal_generate/enable

start_listen -n 2
ksig send $pid 77
ksig send $pid -p 78
received 'received value 77
received value 78'
listener=$pid
start_sleep
ksig send $pid 79 2>/dev/null || :
exec 5<>/dev/ksig/test
i=0
while [ $i -lt 260 ]; do
	printf '\005\0\0\0\0\0\0\0' >&5
	i=$((i + 1))
done
exec 5<&-

echo 0 >$t/events/ksig/enable
[ ! -e $t/events/signal ] || echo 0 >$t/events/signal/signal_generate/enable
saw "ksig_signal: signo=44 pid=$listener process=0 errno=0 value=77 ret=0"
saw "ksig_signal: signo=44 pid=$listener process=1 errno=0 value=78 ret=0"
saw "ksig_signal: signo=44 pid=$pid process=0 errno=0 value=79 ret=-111"
saw "ksig_emit: channel=test type=0 subject=0 value=5 taken=1"
saw "ksig_emit: channel=test type=0 subject=0 value=5 taken=0"
saw "ksig_lost: channel=test seq=260 gap=4"
[ "$(count ksig_emit:)" = 260 ] || fail "$(count ksig_emit:) emits"
[ "$(count ksig_lost:)" = 4 ] || fail "$(count ksig_lost:) losses"
if [ -e $t/events/signal ]; then
	[ "$(count "signal_generate: sig=44 .*pid=$listener .*res=0")" = 2 ] ||
		fail "the kernel generated other signals"
	[ "$(count "signal_generate: sig=44 .*pid=$pid ")" = 0 ] ||
		fail "the kernel signalled a process that was not ready"
fi
kill $pid
