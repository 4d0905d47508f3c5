#!/bin/sh
# SPDX-License-Identifier: MIT
# runs: vm
# Check the output, messages and exit status of ksig listen and ksig send.
. tests/functions.sh
own_folder "$@"

gives 0 ksig listen -n1 --ask
prints_just 'received value 1234'
says 'listening for signal 44 as pid [0-9]'
says '^ksig: sent by module$'
gives 0 ksig listen -n1 --ask --json
prints_just '{"signo":44,"code":-1,"error":0,"value":"1234"}'

start_listen -n 4 -s RTMIN+11
gives 0 ksig send -s RTMIN+11 $pid 0x1122334455667788
prints_just ''
gives 0 ksig send $pid -s rtmin+11 -p 0x1122334455667788
# A signal that is pending for the thread is delivered before one that is pending for the process,
# so wait until the first two signals have been received.
until_true has_lines 2 received
gives 0 ksig send --signal=SIGRTMIN+11 $pid -- -5
gives 0 ksig send -s RTMIN+11 --json $pid 18446744073709551615
prints_just "{\"pid\":$pid,\"signo\":45,\"value\":\"-1\",\"process\":false,\"by\":\"module\"}"
received "received value 1234605616436508552
received value 1234605616436508552
received value -5
received value -1"

# --by selects how the signal is sent
start_listen -n 2
gives 0 ksig send --by caller --json $pid 5
prints_just "{\"pid\":$pid,\"signo\":44,\"value\":\"5\",\"process\":false,\"by\":\"caller\"}"
says '^ksig: sent by caller$'
gives 0 ksig send --by module $pid 6
received 'received value 5
received value 6'
gives 2 ksig send --by foot $$
says "invalid way 'foot'"

# USR1 with and without a value; a write error is reported
start_listen -n 1 -s USR1 --json
gives 0 ksig send $pid 3 -s usr1
received '{"signo":10,"code":-1,"error":0,"value":"3"}'
start_listen -n 2 -s USR1
kill -USR1 $pid
until_true [ -s received ]
gives 0 ksig send $pid -s USR1 --by caller --json
prints_just "{\"pid\":$pid,\"signo\":10,\"value\":null,\"process\":false,\"by\":\"caller\"}"
received 'received no value
received no value'
gives 1 sh -c 'ksig listen -n1 --ask >/dev/full'
says 'cannot write'

start_sleep
gives 1 ksig send $pid
says "process $pid is not ready for signal 44"
gives 0 ksig send $pid -s TERM
wait $pid || [ $? = 143 ] || fail "SIGTERM gave $?"
gives 4 ksig send $pid
says "no process $pid"
# a zombie has a pid, but can't receive a signal
start_zombie
gives 4 ksig send $zombie
says "no process $zombie"
kill $pid

gives 2 ksig
gives 2 ksig nonsense
says "unknown command 'nonsense'"
gives 2 ksig send
says 'missing PID'
gives 2 ksig send 0
gives 2 ksig send 12abc
says "invalid pid '12abc'"
gives 2 ksig send 99999999999
gives 2 ksig send 1 0x
says "invalid value '0x'"
gives 2 ksig send 1 0x0x12
says "invalid value '0x0x12'"
gives 2 ksig send 1 18446744073709551616
gives 2 ksig send 1 -5
says "negative VALUE must follow"
gives 2 ksig send 1 2 3
says "too many arguments: '3'"
for bad in 0 65 x '' SIGNONE RTMIN+31 RTMAX+1 RTMIN-1 44x; do
	gives 2 ksig send 1 -s "$bad"
	says "invalid signal '$bad'"
	gives 2 ksig listen -s "$bad"
done
gives 2 ksig listen -n 0
gives 2 ksig listen extra
gives 2 ksig listen -s KILL
gives 2 ksig listen --unknown
says 'ksig listen: unrecognized option'
for command in '' listen send; do
	gives 0 ksig $command --help
	grep -q '^Usage: ksig' stdout || fail "no usage in $command --help"
done
gives 0 ksig --version
for command in --version --help 'send --help' 'send --json -s CONT 1'; do
	gives 1 sh -c "ksig $command >/dev/full"
	says 'cannot write'
done

# a user without access to the device node can signal only the user's own processes
gives 1 su alice -c 'ksig send 1'
says 'not permitted to signal process 1'
gives 1 su alice -c 'ksig send --by module 1'
says 'Permission denied'
gives 0 su alice -c 'ksig listen -n1 --ask'
prints_just 'received value 1234'
says '^ksig: sent by caller$'

# listen --ask and signalling one's own processes work without the module
rmmod ksig
gives 5 ksig send --by module $$
says 'not loaded'
gives 0 ksig listen -n1 --ask
prints_just 'received value 1234'
says '^ksig: sent by caller$'
gives 1 ksig send $$
says "process $$ is not ready"
insmod /ksig/ksig.ko
