#!/bin/sh
# SPDX-License-Identifier: MIT
# ksig watch and ksig events: what they print, whom they signal, what they run,
# and how they end. Over the module, on the channel 'test'.
. /etc/functions

# how often it has gone to sleep
sleeps() { awk '/^voluntary/ { print $2 }' /proc/$watcher/status; }
emit() { for value; do ksig emit -- "$value"; done; }

# printing, counting, skipping
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

# filters: in the kernel or not, the result is the same
watch 'test:value>=10,value!=11' -n 2
says '(module, filtered here)'
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

# a value has a sign, wherever it is told
watch test -n1 --json -- sh -c 'echo "{\"ran\":\"$KSIG_VALUE\"}"'
emit -1
ends 0
prints '.*,"value":"-1","fields":\{"value":"-1"\}\}'
prints '\{"ran":"-1"\}'

# several at once; the numbers of events go on
watch test test:value=7 -n3 --json
emit 6 7
ends 0
lines 3
string='"([^"\\[:cntrl:]]|\\(["\\/bfnrt]|u[0-9a-f]{4}))*"'
pair="$string:($string|0|[1-9][0-9]*|null|true|false|\\{[^{}]*\\})"
! grep -vE "^\{$pair(,$pair)*\}\$" /tmp/stdout || fail "that is no JSON"
rest='"event":"test","provider":"module"'
date='[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\.[0-9]{9}Z'
prints '\{"time":"'$date'",'$rest',"seq":"1","lost_before":0,"lost_upto":0,"merged":"0","subject":"0","value":"6","fields":\{"value":"6"\}\}'
prints '\{"time":"'$date'",'$rest',"seq":"2","lost_before":0,"lost_upto":0,"merged":"0","subject":"0","value":"7","fields":\{"value":"7"\}\}'
prints '\{"time":"'$date'",'$rest',"seq":"1","lost_before":0,"lost_upto":0,"merged":"0","subject":"0","value":"7","fields":\{"value":"7"\}\}'

# a tracepoint's own fields hide nothing that every event has
if timeout 60 ksig watch trace.ksig.ksig_emit -t 1ms 2>/dev/null || [ $? = 3 ]; then
	# without a subscriber nothing is emitted
	ksig watch test -n 2 >/dev/null 2>&1 &
	until_true eval 'ksig status 2>/dev/null | grep -qw test'
	watch trace.ksig.ksig_emit:type=0 -n1 --json
	emit 42
	ends 0
	prints '.*"subject":"[1-9][0-9]*","value":null,"fields":\{.*"subject":"0","value":"42"\}\}'
	watch trace.ksig.ksig_emit -n1 --value taken -- \
		sh -c 'echo "[$KSIG_SUBJECT] [$KSIG_VALUE] [$KSIG_CURRENT_PID]"'
	emit 42
	ends 0
	grep -qE '^\[([1-9][0-9]*)\] \[1\] \[\1\]$' /tmp/stdout ||
		fail "it ran with: $(cat /tmp/stdout)"
else
	echo ": no tracepoints by BPF here"
fi

# time is over; lines are there before
gives 3 timeout 20 ksig watch test -t 100ms --json -n1
watch test -t 15
emit 5
until_true grep -q value=5 /tmp/stdout
ends 3

# at most one in a time: the first, then the last of those in between
watch test --every 10 -n 2
emit 1
until_true grep -q value=1 /tmp/stdout
for i in 2 3 4; do printf "\\$i\0\0\0\0\0\0\0"; done >/tmp/values
dd if=/tmp/values of=/dev/ksig/test bs=8 2>/dev/null
ends 0
lines 2
prints "$time test value=1"
prints "$time test value=4 \\(\\+2\\)"

# a command: one at a time, in order, never more than asked
rm -f /tmp/ran
watch test -n 3 -- sh -c 'mkdir /tmp/alone && usleep 200000 &&
	echo "$KSIG_EVENT $KSIG_SUBJECT $KSIG_VALUE $KSIG_PROVIDER $KSIG_LOST" >>/tmp/ran &&
	rmdir /tmp/alone'
emit 1 2 3 4 5
ends 0
lines 3
[ "$(cat /tmp/ran)" = "test 0 1 module 0
test 0 2 module 0
test 0 3 module 0" ] || fail "it ran: $(cat /tmp/ran)"

# without a shell; the arguments as they are, options of theirs too
watch test -n1 -- printf '<%s>' -n '$HOME' '; exit'
emit 1
ends 0
grep -qF '<-n><$HOME><; exit>' /tmp/stdout || fail "it ran: $(cat /tmp/stdout)"

# one that fails, one that is killed, one that is not there, one that hangs
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

# a storm while a command runs: it runs alone, and with the next event at once
rm -f /tmp/runs /tmp/storm
watch test -n 2 -- sh -c 'echo >/tmp/runs; sleep 1; echo "$KSIG_VALUE $KSIG_LOST" >>/tmp/storm'
emit 1
until_true [ -e /tmp/runs ]
dd if=/dev/zero of=/dev/ksig/test bs=8 count=400 2>/dev/null
ends 0
lines 2
[ "$(cat /tmp/storm)" = "1 0
0 0" ] || fail "it ran: $(cat /tmp/storm)"

# more than the queue holds (a power of two): what is lost is told with the next that finds room
watch test -n 257 --queue 200 --json
kill -STOP $watcher
until_true grep -q '^State:.T' /proc/$watcher/status
dd if=/dev/zero of=/dev/ksig/test bs=8 count=400 2>/dev/null
kill -CONT $watcher
until_true sh -c '[ "$(wc -l </tmp/stdout)" = 256 ]'
emit 1
ends 0
[ "$(grep -c '"lost_before":0,' /tmp/stdout)" = 256 ] || fail "it printed: $(cat /tmp/stdout)"
prints '.*"lost_before":144,.*"value":"1",.*'
says '144 events of test were lost'

# a process that has a handler
rm -f /tmp/got
sh -c 'trap "echo hup >>/tmp/got" HUP; echo >/tmp/ready; while :; do usleep 10000; done' &
target=$!
until_true [ -e /tmp/ready ]
watch test --to $target -s HUP -n 2
emit 1
until_true [ -e /tmp/got ]
emit 2
ends 0
prints "$time test value=1 -> HUP $target"
prints "$time test value=2 -> HUP $target"
until_true [ -e /tmp/got ]

# one that is stopped: events wait, each is told, none is merged
rm -f /tmp/got
kill -STOP $target
until_true grep -q '^State:.T' /proc/$target/status
watch test --to $target -s HUP -n 3 --json
emit 1 2 3
until_true grep -q 'value":"1"' /tmp/stdout
before=$(sleeps)
sleep 2
[ "$(sleeps)" -gt "$before" ] || fail "it spins: it does not sleep"
[ "$(wc -l </tmp/stdout)" = 1 ] || fail "more than one waits: $(cat /tmp/stdout)"
kill -CONT $target
ends 0
until_true [ -e /tmp/got ]
grep -q '"signal":"HUP","target":'$target',"outcome":"sent"}$' /tmp/stdout ||
	fail "it printed: $(cat /tmp/stdout)"

# pidfile; and the end of a target
echo $target >/tmp/pidfile
watch test --to pidfile:/tmp/pidfile -s HUP
kill -KILL $target
ends 4
says "process $target has exited"
gives 4 ksig watch test --to $target -s 44
says "no process $target"
gives 4 ksig watch test --to pidfile:/tmp/pidfile -s HUP
gives 1 ksig watch test --to pidfile:/tmp/none -s HUP
says 'cannot open /tmp/none: No such file'
echo x >/tmp/pidfile
gives 1 ksig watch test --to pidfile:/tmp/pidfile -s HUP
says '/tmp/pidfile has no pid'

# one that would die of it
sleep 1000 &
target=$!
until_true grep -q sleep /proc/$target/comm
for signal in HUP USR1 USR2; do
	gives 1 timeout 20 ksig watch test --to $target -s $signal
	says "process $target has no handler for $signal"
done
kill -0 $target
# a real-time signal neither: it is told, and counted
watch test --to $target -s 44 -n1
emit 1
ends 1
prints "$time test value=1 -> RTMIN\\+10 $target refused"
kill -0 $target
watch test --to $target -s HUP --force -n1
emit 1
ends 0
wait $target && fail "HUP does not kill" || [ $? = 129 ]
# TERM means TERM
sleep 1000 &
target=$!
watch test --to $target -s TERM -n1
emit 1
ends 0
wait $target && fail "TERM does not kill" || [ $? = 143 ]

# a real-time signal has the value; the receiver sleeps in sigwaitinfo
rm -f /tmp/said
ksig listen -n 2 >/tmp/heard 2>/tmp/said &
target=$!
until_true grep -qs 'as pid' /tmp/said
watch test --to $target -s 44 -n 2
emit 0x1122334455667788 -3
ends 0
wait $target
[ "$(cat /tmp/heard)" = "received value 1234605616436508552
received value -3" ] || fail "received: $(cat /tmp/heard)"

# an event that is about no process
gives 2 ksig watch test --to subject -s HUP -n1
says "--to subject cannot be used with test: it is not about a process"

# a unit, across a restart; and without a bus
gives 5 ksig watch test --to unit:a.service -s HUP
says "^ksig: unit:a.service is not available: .*(use pidfile:PATH or a pid instead)"
service() {
	rm -f /tmp/ready /tmp/got
	sh -c 'trap "echo hup >>/tmp/got" HUP; echo >/tmp/ready
		while :; do usleep 10000; done' &
	target=$!
	until_true [ -e /tmp/ready ]
	manager pid $target
}
# manager COMMAND...: tests/host/manager.c has obeyed
manager() {
	echo "$*" >&8
	until_true grep -qx "obeyed $*" /tmp/called
}
unit() {
	mkfifo /tmp/commands
	exec 8<>/tmp/commands
	/ksig/manager /tmp/bus </tmp/commands >/tmp/called &
	manager=$!
	until_true grep -q ready /tmp/called
	export DBUS_SYSTEM_BUS_ADDRESS=unix:path=/tmp/bus
	gives 4 ksig watch test --to unit:a.service -s HUP
	says "the unit 'a.service' has no main process: it is active"
	gives 4 ksig watch test --to unit:b.service -s HUP
	says "no unit 'b.service'"
	# that number may be another process's by now
	manager pid $$ once 0
	gives 4 ksig watch test --to unit:a.service -s HUP
	says "no process $$"
	service
	watch test --to unit:a.service -s HUP -n 202
	emit 1
	until_true [ -e /tmp/got ]
	kill -KILL $target
	# until it is reaped it takes signals, as far as kill(2) can tell
	wait $target || :
	manager pid 0
	# a storm asks nothing
	calls=$(wc -l </tmp/called)
	dd if=/dev/zero of=/dev/ksig/test bs=8 count=200 2>/dev/null
	until_true sh -c '[ "$(grep -c "value=0 -> HUP [0-9]* gone" /tmp/stdout)" = 200 ]'
	asked=$(($(wc -l </tmp/called) - calls))
	[ $asked -le 1 ] || fail "asked $asked times"
	service
	until_true grep -q "'a.service' is process $target now" /tmp/stderr
	emit 3
	ends 1
	prints "$time test value=3 -> HUP $target"
	until_true [ -e /tmp/got ]
	kill -KILL $target $manager
}
if grep -q 'built without libsystemd' /tmp/stderr; then
	echo ": no unit is followed: ksig is static here"
else
	unit
fi

# a condition about what it has not, or not so
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
# without #! it is the shell's
printf 'echo ran' >/tmp/plain
gives 2 ksig watch test -- /tmp/plain
says "cannot run '/tmp/plain': not executable"
chmod +x /tmp/plain
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
	grep -q "^Usage: ksig ${command% *}" /tmp/stdout || fail "no usage"
	grep -q '^Exit status:' /tmp/stdout || fail "no exit status"
	grep -q '^Example' /tmp/stdout || fail "no example"
done

# a disk that is full
ksig watch test >/dev/full 2>/tmp/stderr &
watcher=$!
until_true grep -q watching /tmp/stderr
emit 1
ends 1
says 'cannot write: No space left'

# not for everyone, and not everywhere
gives 0 ksig events
prints 'test  *module  whatever .*'
gives 0 ksig events --json
prints '\{"event":"test","provider":"module","description":"[^"]*","available":true,"reason":null\}'
gives 1 su alice -c 'ksig watch test -t 1'
says "cannot open /dev/ksig/test: Permission denied"
sleep 1000 &
gives 1 su alice -c "ksig watch test --to $! -s TERM"
says "not permitted to signal process $!"
rmmod ksig
gives 5 ksig watch test
says "module: /dev/ksig/test doesn't exist: ksig.ko is not loaded"
# other providers need no module
ksig events --all >/tmp/stdout 2>/tmp/stderr || [ $? = 5 ]
prints 'test  *module .*; no: /dev/ksig/test doesn.t exist: ksig.ko is not loaded .*'
insmod /ksig/ksig.ko
