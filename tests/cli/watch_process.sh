#!/bin/sh
# SPDX-License-Identifier: MIT
# runs: vm
# Check ksig watch on the channel 'process': which processes a filter can name, and --to subject.
. tests/functions.sh
own_folder "$@"

# only the exit of the named process is reported
start_sleep
watch process.exit:pid=$pid -n1
says '(module)$'
for i in 1 2 3; do sleep 0; done
kill -TERM $pid
ends 0
lines 1
prints "$time process.exit pid=$pid status=15 comm=sleep parent=$$"

# root can watch another user's process
start su alice -c 'exec sleep 1000'
until_true grep -q sleep /proc/$pid/comm
[ "$(stat -c %u /proc/$pid)" = 1000 ] || fail "it is not alice's"
watch process.exit:pid=$pid -n1
kill -TERM $pid
ends 0
lines 1
prints "$time process.exit pid=$pid status=15 comm=sleep parent=$$"

# the library applies the conditions that the kernel can't
watch process.exit:status=1792,comm=sh -n1 --json
says '(module, filtered in user space)$'
sh -c 'exit 6' || :
sh -c 'exit 7' & pid=$!
ends 0
lines 1
grep -q '"subject":"'$pid'","value":"1792","initial":false,"spec":"[^"]*","fields":{"pid":"'$pid'","status":"1792","comm":"sh","tgid":"'$pid'","parent":"'$$'"}}' \
	stdout || fail "it printed $(cat stdout)"

# the event's process is passed to a command, and can be the target
start_sleep
watch process.exit:pid=$pid -n1 -- sh -c 'echo $KSIG_PID $KSIG_STATUS $KSIG_COMM $KSIG_PARENT >ran'
kill -KILL $pid
ends 0
[ "$(cat ran)" = "$pid 9 sleep $$" ] || fail "it ran: $(cat ran)"
watch process.exec:comm=sleep --to subject -s TERM -n1
timeout 300 /bin/sleep 1000 && fail "it was not signalled" || [ $? = 143 ]
ends 0
prints "$time process.exec pid=[0-9]* comm=sleep parent=[0-9]* -> TERM [0-9]*"

# the watch ignores the processes that it starts and their descendants, except with --self
printf '#!/bin/sh\n/bin/true\n(/bin/true; echo >>born) &\nsetsid sh -c "/bin/true; echo >>born"\n' >breeds
chmod +x breeds
for provider in module bpf; do
	has_event $provider process.exec || {
		echo ": no process.exec by $provider here"
		continue
	}
	: >born
	watch process.exec:comm=true --json --provider $provider -- ./breeds
	mine=
	for i in 1 2 3; do
		/bin/true & mine="$mine $!"
		wait $!
		until_true has_lines $((2 * i)) born
	done
	/bin/true & mine="$mine $!"
	until_true has_lines 4
	stop
	[ " $(sed 's/.*"subject":"\([0-9]*\)".*/\1/' stdout | xargs)" = "$mine" ] ||
		fail "it saw its own, not only$mine: $(cat stdout)"
	watch process.exec:comm=true --provider $provider --self -n 3 -- /bin/true
	/bin/true
	ends 0
done

# --to subject is refused for process.exit: the process has exited and its pid may be reused
gives 2 ksig watch process.exit:comm=true --to subject -s TERM -n1
says 'cannot be used with process.exit: the process has exited'

# the watch ends when its target exits
start_sleep
watch process.exit:comm=nobody --to $pid -s TERM
kill -KILL $pid
ends 4

# processes that a filter cannot name
gives 4 ksig watch process.exit:pid=4194000
says 'column 18: no process 4194000'
gives 4 ksig watch process.exit:pid=0
gives 4 ksig watch process.exit:pid=99999999999
says 'no process 99999999999'
gives 2 ksig watch process.exit:pid=-1
says 'never negative'
start_zombie
gives 4 ksig watch process.exit:pid=$zombie
says 'process [0-9]* has exited but its parent has not reaped it'
start many_threads >/dev/null 2>&1
until_true eval '[ $(ls /proc/$pid/task | wc -l) -gt 1 ]'
tid=$(ls /proc/$pid/task | sort -n | tail -n 1)
gives 2 ksig watch process.exit:pid=$tid
says "$tid is a thread of process $pid: use $pid"
kill -KILL $pid

gives 2 ksig watch proces.exit
says "column 1: no event 'proces.exit'; did you mean 'process.exit'?"
gives 2 ksig watch process
says "did you mean 'process.fork'?"
gives 2 ksig watch process.exit:pdi=1
says "column 14: process.exit has no field 'pdi'; it has: pid, status, comm"
gives 2 ksig watch 'process.exit:comm<x'
says "column 18: 'comm' is a string: only = and != apply"
gives 2 ksig watch process.exit:comm=0123456789abcdef
says "at most 15 bytes"
gives 1 su alice -c 'ksig watch process.exit --provider module'
says 'cannot open /dev/ksig/process: Permission denied'

# The kernel ignores a watch's own processes only for a limited number of subscriptions per
# channel. A watch without a command doesn't need this, so it works beyond the limit.
others=
for i in $(seq 32); do
	watch process.exit:comm=nosuch --queue 16
	others="$others $watcher"
done
watch process.exit:status=15 -n1 --provider module
start_sleep
kill -TERM $pid
ends 0
lines 1
gives 1 ksig watch process.exit --provider module -t 1ms -- true
says 'use ksig watch --self$'
gives 3 ksig watch process.exit:status=15 --self --provider module -t 1ms -- true
kill -TERM $others
