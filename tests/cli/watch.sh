#!/bin/sh
# SPDX-License-Identifier: MIT
# runs: vm
# Check ksig watch and ksig events with the module, on the channel 'test': output, signals, commands
# and exit status.
. tests/functions.sh
own_folder "$@"

emit() { for value; do ksig emit -- "$value"; done; }

# -n limits the number of events, and --skip ignores the first events
watch test -n 2
says '^ksig: watching test (module)$'
emit 42 -1 7
ends 0
lines 2
prints "$time test value=42"
prints "$time test value=-1"
watch test --skip 2 -n1
emit 1 2 3 4
ends 0
lines 1
prints "$time test value=3"

# filters: the result is the same whether the kernel or the library applies them
watch 'test:value>=10,value!=11' -n 2
says '(module, filtered in user space)'
emit 9 10 11 -12 12
ends 0
lines 2
prints "$time test value=10"
prints "$time test value=12"
watch 'test:value&0x6' -n1
emit 1 8 0 5
ends 0
prints "$time test value=5"
watch test:subject=0 -n1
says '^ksig: watching test:subject=0 (module)$'
emit 1
ends 0
lines 1

# values are signed in all output
watch test -n1 --json -- sh -c 'echo "{\"ran\":\"$KSIG_VALUE\"}"'
emit -1
ends 0
prints '.*,"value":"-1","initial":false,"spec":"[^"]*","fields":\{"value":"-1"\}\}'
prints '\{"ran":"-1"\}'

# several EVENTs in one watch; the events of each EVENT are numbered from 1
watch test test:value=7 -n3 --json
emit 6 7
ends 0
lines 3
is_json
rest='"event":"test","provider":"module"'
date='[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\.[0-9]{9}Z'
prints '\{"time":"'$date'",'$rest',"seq":"1","lost_before":0,"lost_upto":0,"merged":"0","subject":"0","value":"6","initial":false,"spec":"[^"]*","fields":\{"value":"6"\}\}'
prints '\{"time":"'$date'",'$rest',"seq":"2","lost_before":0,"lost_upto":0,"merged":"0","subject":"0","value":"7","initial":false,"spec":"[^"]*","fields":\{"value":"7"\}\}'
prints '\{"time":"'$date'",'$rest',"seq":"1","lost_before":0,"lost_upto":0,"merged":"0","subject":"0","value":"7","initial":false,"spec":"[^"]*","fields":\{"value":"7"\}\}'

# a tracepoint's fields don't shadow the fields that every event has
if has_event bpf trace.ksig.ksig_emit; then
	# ksig_emit is only traced if the channel has a subscriber
	ksig watch test -n 2 >/dev/null 2>&1 &
	until_true eval 'ksig status 2>/dev/null | grep -qw test'
	watch trace.ksig.ksig_emit:type=0 -n1 --json
	emit 42
	ends 0
	prints '.*"subject":"[1-9][0-9]*","value":null,"initial":false,"spec":"[^"]*","fields":\{.*"subject":"0","value":"42"\}\}'
	watch trace.ksig.ksig_emit -n1 --value taken -- \
		sh -c 'echo "[$KSIG_SUBJECT] [$KSIG_VALUE] [$KSIG_CURRENT_PID]"'
	emit 42
	ends 0
	grep -qE '^\[([1-9][0-9]*)\] \[1\] \[\1\]$' stdout ||
		fail "it ran with: $(cat stdout)"
else
	echo ": bpf has no tracepoints here"
fi

# -t ends the watch; until then, each line is written when its event arrives
gives 3 ksig watch test -t 100ms --json -n1
watch test -t 15
emit 5
until_true grep -q value=5 stdout
ends 3

# with --every, the watch acts on the first event, then on the last event of the interval
watch test --every 10 -n 2
emit 1
until_true grep -q value=1 stdout
for i in 2 3 4; do printf "\\$i\0\0\0\0\0\0\0"; done >values
dd if=values of=/dev/ksig/test bs=8 2>/dev/null
ends 0
lines 2
prints "$time test value=1"
prints "$time test value=4 \\(\\+2\\)"

# Commands run in order and one at a time, and -n limits how many commands run. Each command takes a
# while, so that concurrent commands would be noticed (wait: for nothing).
watch test -n 3 -- sh -c 'mkdir alone && sleep 0.2 &&
	echo "$KSIG_EVENT $KSIG_SUBJECT $KSIG_VALUE $KSIG_PROVIDER $KSIG_LOST" >>ran &&
	rmdir alone'
emit 1 2 3 4 5
ends 0
lines 3
[ "$(cat ran)" = "test 0 1 module 0
test 0 2 module 0
test 0 3 module 0" ] || fail "it ran: $(cat ran)"

# the command runs without a shell; its arguments and options are passed unchanged
watch test -n1 -- printf '<%s>' -n '$HOME' '; exit'
emit 1
ends 0
grep -qF '<-n><$HOME><; exit>' stdout || fail "it ran: $(cat stdout)"

# commands that fail, are killed, or don't exit
watch test -n 3 -- sh -c 'case $KSIG_VALUE in 1) exit 7;; 2) kill -USR1 $$;; esac'
emit 1 2 3
ends 1
says "'sh' failed with exit status 7"
says "'sh' was killed by signal 10"
lines 3
watch test -t 15 --queue 256 -- sleep 1000
emit 1
until_true pidof sleep
dd if=/dev/zero of=/dev/ksig/test bs=8 count=400 2>/dev/null
ends 3
says "'sleep' was still running and was sent TERM"
says '255 events of test were not acted on'
says '145 events of test were lost'
until_true sh -c '! pidof sleep'

# During a storm of events, only one command runs at a time. When it exits, the next one starts.
watch test -n 2 -- sh -c 'echo >runs; until [ -e end ]; do sleep 0.02; done
	echo "$KSIG_VALUE $KSIG_LOST" >>storm'
emit 1
until_true [ -e runs ]
dd if=/dev/zero of=/dev/ksig/test bs=8 count=400 2>/dev/null
: >end
ends 0
lines 2
[ "$(cat storm)" = "1 0
0 0" ] || fail "it ran: $(cat storm)"

# If more events occur than the queue can hold, the next event that fits reports how many were lost.
# The queue's size is rounded up to a power of two.
watch test -n 257 --queue 200 --json
halt $watcher
dd if=/dev/zero of=/dev/ksig/test bs=8 count=400 2>/dev/null
kill -CONT $watcher
until_true has_lines 256
emit 1
ends 0
[ "$(grep -c '"lost_before":0,' stdout)" = 256 ] || fail "it printed: $(cat stdout)"
prints '.*"lost_before":144,.*"value":"1",.*'
says '144 events of test were lost'

# a target with a handler
start_handler
: >hups
watch test --to $pid -s HUP -n 2
emit 1
until_true has_lines 1 hups
emit 2
ends 0
prints "$time test value=1 -> HUP $pid"
prints "$time test value=2 -> HUP $pid"
until_true has_lines 2 hups

# events for a stopped target wait until the target is continued; they are not merged
halt $pid
watch test --to $pid -s HUP -n 3 --json
emit 1 2 3
until_true grep -q 'value":"1"' stdout
# the watch retries several times and sleeps before each attempt
before=$(sleeps)
until_true eval '[ "$(sleeps)" -ge $((before + 5)) ]'
[ "$(wc -l <stdout)" = 1 ] || fail "more than one waits: $(cat stdout)"
kill -CONT $pid
ends 0
until_true has_lines 3 hups
grep -q '"signal":"HUP","target":'$pid',"outcome":"sent"}$' stdout ||
	fail "it printed: $(cat stdout)"

# a target that is named by a pidfile, and a target that exits
echo $pid >pidfile
watch test --to pidfile:pidfile -s HUP
kill -KILL $pid
ends 4
says "process $pid has exited"
gives 4 ksig watch test --to $pid -s 44
says "no process $pid"
gives 4 ksig watch test --to pidfile:pidfile -s HUP
gives 1 ksig watch test --to pidfile:none -s HUP
says 'cannot open none: No such file'
echo x >pidfile
gives 1 ksig watch test --to pidfile:pidfile -s HUP
says 'pidfile has no pid'

# a target without a handler
start_sleep
for signal in HUP USR1 USR2; do
	gives 1 ksig watch test --to $pid -s $signal
	says "process $pid has no handler for $signal"
done
lives $pid
# a real-time signal is refused as well, and the refusal is reported
watch test --to $pid -s 44 -n1
emit 1
ends 1
prints "$time test value=1 -> RTMIN\\+10 $pid refused"
lives $pid
watch test --to $pid -s HUP --force -n1
emit 1
ends 0
wait $pid && fail "HUP does not kill" || [ $? = 129 ]
# TERM is sent without --force even if it kills the target
start_sleep
watch test --to $pid -s TERM -n1
emit 1
ends 0
wait $pid && fail "TERM does not kill" || [ $? = 143 ]

# a real-time signal carries the value; the receiver waits in sigwaitinfo(2)
start_listen -n 2
watch test --to $pid -s 44 -n 2
emit 0x1122334455667788 -3
ends 0
received "received value 1234605616436508552
received value -3"

# --to subject needs an event about a process
gives 2 ksig watch test --to subject -s HUP -n1
says "--to subject cannot be used with test: it is not about a process"

# a target that is named by a unit: without a bus, and across a restart of the unit
gives 5 ksig watch test --to unit:a.service -s HUP
says "^ksig: unit:a.service is not available: .*(use pidfile:PATH or a pid instead)"
# manager COMMAND...: send COMMAND to tests/cli/manager.c and wait until it has been executed
manager() {
	echo "$*" >&8
	until_true grep -qx "obeyed $*" called
}
service() {
	start_handler
	: >hups
	manager pid $pid
}
unit() {
	mkfifo commands
	exec 8<>commands
	/ksig/manager "$PWD/bus" <commands >called 8>&- &
	manager=$!
	until_true grep -q ready called
	export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$PWD/bus
	gives 4 ksig watch test --to unit:a.service -s HUP
	says "the unit 'a.service' has no main process: it is active"
	gives 4 ksig watch test --to unit:b.service -s HUP
	says "no unit 'b.service'"
	# the manager reports $$ once and then no process, so $$ may have been reused
	manager pid $$ once 0
	gives 4 ksig watch test --to unit:a.service -s HUP
	says "no process $$"
	service
	watch test --to unit:a.service -s HUP -n 202
	emit 1
	until_true has_lines 1 hups
	kill -KILL $pid
	# kill(2) succeeds until the process has been reaped
	wait $pid || :
	manager pid 0
	# events don't cause queries to systemd
	calls=$(wc -l <called)
	dd if=/dev/zero of=/dev/ksig/test bs=8 count=200 2>/dev/null
	until_true eval '[ "$(grep -c "value=0 -> HUP [0-9]* gone" stdout)" = 200 ]'
	asked=$(($(wc -l <called) - calls))
	[ $asked -le 1 ] || fail "asked $asked times"
	service
	until_true has_said "'a.service' is process $pid now"
	emit 3
	ends 1
	prints "$time test value=3 -> HUP $pid"
	until_true has_lines 1 hups
	kill -KILL $pid $manager
}
if grep -q 'built without libsystemd' stderr; then
	echo ": ksig was built without libsystemd: no unit is followed"
else
	unit
fi

# invalid conditions
gives 2 ksig watch tesd
says "^ksig: tesd, column 1: no event 'tesd'; did you mean 'test'?"
gives 2 ksig watch test:valeu=1
says "^ksig: test:valeu=1, column 6: test has no field 'valeu'; it has: "
gives 2 ksig watch test:value=1,value=x
says "column 20: invalid value 'x' for 'value': expected a number"
gives 2 ksig watch test:value
says "column 11: expected one of"
gives 2 ksig watch test:current.thing=1
says "column 6: unknown key 'current.thing'"
gives 5 ksig watch test:current.pid=1
says "module: doesn't report current.pid"
gives 2 ksig watch test --provider modul
says "unknown provider 'modul'"
gives 2 ksig watch test --value pid
says "test has no field 'pid'"

gives 2 ksig watch
says 'missing EVENT'
gives 2 ksig watch test --
says 'missing command'
gives 2 ksig watch test --to 1 -- true
says 'cannot be used together'
gives 2 ksig watch test --to 1
says '--to needs a signal: give -s SIG'
gives 2 ksig watch test -- nosuchcommand
says "cannot run 'nosuchcommand': no such command in PATH"
# a command must be executable
printf 'echo ran' >plain
gives 2 ksig watch test -- ./plain
says "cannot run './plain': not executable"
chmod +x plain
gives 2 ksig watch test -s HUP
says 'requires --to'
for bad in 0 -1 x 1x ''; do
	gives 2 ksig watch test -n "$bad"
	says "invalid .*'$bad'"
	gives 2 ksig watch test -t "$bad"
	says "invalid time '$bad'"
done
gives 2 ksig watch test --every 1.2.3
gives 2 ksig watch test -t 5y
for bad in 0 -1 x pidfile: unit: ''; do
	gives 2 ksig watch test --to "$bad"
	says "invalid target '$bad'"
done
gives 2 ksig watch test --to 1 -s NONE
says "invalid signal 'NONE'"
gives 2 ksig watch --unknown
says 'ksig watch: unrecognized option'
gives 2 ksig events extra
for command in 'watch --help' 'watch -h' 'events --help' 'events -h'; do
	gives 0 ksig $command
	grep -q "^Usage: ksig ${command% *}" stdout || fail "no usage"
	grep -q '^Exit status:' stdout || fail "no exit status"
	grep -q '^Example' stdout || fail "no example"
done

# a full disk
ksig watch test >/dev/full 2>stderr &
watcher=$!
watching
emit 1
ends 1
says 'cannot write: No space left'

# without permission, and without the module
gives 0 ksig events
prints 'test  *module  *value  *an event emitted by .*'
gives 0 ksig events --json
prints '\{"event":"test","provider":"module","description":"[^"]*","available":true,"reason":null,"fields":\{"value":"signed number"\},"settings":\{\},"state":false,"example":"test"\}'
gives 1 su alice -c 'ksig watch test -t 1'
says "cannot open /dev/ksig/test: Permission denied"
sleep 1000 &
gives 1 su alice -c "ksig watch test --to $! -s TERM"
says "not permitted to signal process $!"
rmmod ksig
gives 5 ksig watch test
says "module: /dev/ksig/test doesn't exist: ksig.ko is not loaded"
# other providers work without the module
ksig events --all >stdout 2>stderr || [ $? = 5 ]
prints 'test  *module .*; not available: /dev/ksig/test doesn.t exist: ksig.ko is not loaded .*'
insmod /ksig/ksig.ko
