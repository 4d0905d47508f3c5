#!/bin/sh
# SPDX-License-Identifier: MIT
# runs: host
# Without the module, ksig watch rejects input that is invalid or becomes invalid before it is used.
# Each case is reported. No event is printed and no process is signalled.
. tests/functions.sh
own_folder "$@"

mount_tracefs ||
	echo ": tracefs can't be mounted: names of tracepoints are not tested"
nobody="setpriv --reuid 54321 --regid 54321 --clear-groups"
chmod 711 .
cp "$top/build/ksig" "$target" .

# reused ARGUMENT...: check that ksig watch notices if the process $old, which its arguments name,
# exits and another process gets the pid while ksig watch is starting. To reuse the pid at the right
# time, another watch stops ksig watch as soon as ksig watch has opened the pidfd. The test runs in
# a pid namespace, where it can choose the pid of the next process.
reused() {
	local next got=0
	watch trace.syscalls.sys_exit_pidfd_open:current.comm=reuser -n1 \
		--to subject -s STOP
	./reuser watch "$@" >stdout2 2>stderr2 & next=$!
	ends 0
	until_true grep -q '^State:.T' /proc/$next/status
	kill -KILL $old
	wait $old || :
	echo $((old - 1)) >/proc/sys/kernel/ns_last_pid
	sleep 1000 & [ $! = $old ] || fail "$old is not used again, but $!"
	kill -CONT $next
	wait $next || got=$?
	[ $got = 4 ] || fail "'$*': $got, $(cat stdout2 stderr2)"
	grep -q "process $old" stderr2 || fail "it said: $(cat stderr2)"
	lives $old || fail "the process that reused the pid was signalled"
	[ ! -s stdout2 ] || fail "it printed: $(cat stdout2)"
	kill -KILL $old
}

reuse_numbers() {
	cp "$top/build/ksig" reuser
	for provider in bpf native; do
		sleep 1000 & old=$!
		reused process.exit:pid=$old --provider $provider -t 60
		sleep 1000 & old=$!
		reused time.set --provider native --to $old -s TERM -t 60
	done
}

if [ -n "${KSIG_REUSE-}" ]; then
	reuse_numbers
	exit
fi

# filters that no event can match
gives 2 ksig watch process.exit:pid=1,pid=2
says "^ksig: process.exit:pid=1,pid=2, column 20: no event matches both pid=1 and pid=2"
if has_event bpf memory.kill; then
	gives 5 ksig watch memory.kill:value=1 --provider bpf
	says "column 13: .*doesn't report 'value'"
fi
if has_event native memory.kill; then
	gives 5 ksig watch memory.kill:cgroup=/x,comm=x --provider native
	says "column 23: .*doesn't report 'comm'"
fi
if [ -e /sys/kernel/tracing/events ] && has_event bpf process.exit; then
	gives 2 ksig watch trace.sched.sched_switch:value=1
	says "column 26: .*has no value unless a field is chosen"
fi

# unknown names of events, tracepoints and fields are refused, and similar names are suggested
gives 2 ksig watch proces.exit
says "^ksig: proces.exit, column 1: no event 'proces.exit'; did you mean 'process.exit'?"
gives 2 ksig watch net.upp --provider native
says "did you mean 'net.up'?"
if [ -e /sys/kernel/tracing/events ]; then
	gives 2 ksig watch trace.sched.sched_swich
	says "column 13: .*no tracepoint sched.sched_swich: .*did you mean 'trace.sched.sched_switch'?"
	gives 2 ksig watch trace.shced.sched_switch
	says "column 7: .*did you mean 'trace.sched.sched_switch'?"
	gives 2 ksig watch trace.sched.sched_switch:next_pri=1
	says "column 26: .*has no field 'next_pri'; it has: .*next_prio"
	gives 2 ksig watch trace.sched.sched_switch:next_prio=x
	says "column 36: invalid value 'x' for 'next_prio': expected a number"
	gives 2 ksig watch 'trace.sched.sched_switch:next_comm<x'
	says "column [0-9]*: 'next_comm' is a string"
	gives 2 ksig watch trace.sched.sched_switch --value next_pri
	says "next_pri"
	gives 2 ksig watch trace.ftrace.print
	says "column 7: 'ftrace' is not a tracepoint category$"
fi

# invalid filters: all providers report the same column
for provider in bpf native; do
	has_event $provider process.exit || continue
	from="--provider $provider"
	gives 2 ksig watch process.exit:pdi=1 $from
	says "column 14: process.exit has no field 'pdi'; it has: pid, "
	gives 2 ksig watch process.exit:status=1,pid=x $from
	says "column 27: invalid value 'x' for 'pid': expected a number"
	gives 2 ksig watch process.exit:pid $from
	says "column 17: expected one of"
	gives 2 ksig watch 'process.exit:comm<x' $from
	says "column 18: 'comm' is a string: only = and != apply"
	gives 2 ksig watch process.exit:pid=-1 $from
	says 'never negative'
	gives 4 ksig watch process.exit:pid=4194000 $from
	says 'column 18: no process 4194000'
	true & gone=$!
	wait $gone
	gives 4 ksig watch process.exit:pid=$gone $from
	says "no process $gone"
	gives 4 ksig watch process.exec $from --to $gone -s TERM
	says "no process $gone"
done
gives 2 ksig watch process.exit --provider bfp
says "unknown provider 'bfp'"

# a process that exists but is hidden in /proc
start_sleep
for how in 1 2; do
	hidden="mount -t proc -o hidepid=$how proc /proc"
	if ! unshare -m $hidden 2>/dev/null; then
		echo ": no /proc with hidepid=$how here"
		continue
	fi
	gives 5 unshare -m sh -c "$hidden &&
		exec $nobody ./ksig watch time.set --to $pid -s TERM"
	says "cannot check whether process $pid .*hidepid"
	for way in "" "--by caller"; do
		gives 5 unshare -m sh -c "$hidden &&
			exec $nobody ./ksig send $way $pid"
		says "check that /proc shows process $pid"
	done
done
lives $pid

# if standard output is closed, no file that is opened later takes its place
if has_event native process.exec; then
	while :; do nice true; sleep 0.05; done &
	gives 1 sh -c 'exec ksig watch process.exec --provider native -n1 <&- >&-'
	kill $!
	says 'cannot write: Bad file descriptor'
fi

# options that need a target, and pidfiles that are not regular files
gives 2 ksig watch time.set --force
says '--force requires --to TARGET'
mkfifo fifo
for file in fifo .; do
	gives 1 ksig watch time.set --to pidfile:$file -s HUP
	says "$file is not a regular file"
done

# options that would fail for every event are refused at startup
gives 2 ksig watch time.set --to $$
says '--to needs a signal: give -s SIG'
gives 2 ksig watch process.exit --to subject -s TERM
says '--to subject cannot be used with process.exit: the process has exited'
# Commands that can't be executed are refused. A script without #! is accepted.
mkdir folder
printf 'echo ran' >plain
: >folder/plain
for command in nosuchcommand ''; do
	gives 2 ksig watch time.set -- "$command"
	says "cannot run '$command': no such command in PATH"
done
gives 2 ksig watch time.set -- ./nosuchcommand
says "cannot run './nosuchcommand': No such file"
gives 2 ksig watch time.set -- plain/plain
says "cannot run 'plain/plain': Not a directory"
gives 2 ksig watch time.set -- ./folder
says "cannot run './folder': Is a directory"
gives 2 ksig watch time.set -- ./plain
says "cannot run './plain': not executable"
gives 2 env PATH="$PWD/folder" "$top/build/ksig" watch time.set -- plain
says "cannot run 'plain': not executable"
chmod +x plain
for path in "$PWD/folder:$PWD" :; do
	gives 3 env PATH="$path" "$top/build/ksig" watch time.set -t 1ms -- plain
done
gives 3 ksig watch time.set -t 1ms -- ./plain

# a user that is not permitted to receive the events, or to signal the target
gives 1 $nobody ./ksig watch process.fork --provider bpf
says 'needs root or CAP_BPF+CAP_PERFMON'
if has_event native process.fork; then
	got=0
	$nobody ./ksig watch process.fork --provider native -t 1ms 2>stderr || got=$?
	case $got in
	3)	;;
	1)	says 'the proc connector needs root or CAP_NET_ADMIN before Linux 6.6' ;;
	*)	fail "process.fork gave $got: $(cat stderr)" ;;
	esac
else
	echo ": native has no process.fork here: its permissions are not tested"
fi
start_sleep
gives 1 $nobody ./ksig watch time.set --to $pid -s TERM
says "not permitted to signal process $pid"
lives $pid

# --to subject needs an event about a process
gives 2 ksig watch time.set --to subject -s TERM
says "--to subject cannot be used with time.set: it is not about a process"

# other files in the tracepoint directories are not accepted as tracepoints
if [ -e /sys/kernel/tracing/events ] && has_event bpf process.exec; then
	gives 2 ksig watch trace.sched.enable
	says 'no tracepoint sched.enable'
else
	echo ": bpf has no tracepoints here: other files in their directories are not tested"
fi

# an event that the chosen provider doesn't have
gives 5 ksig watch trace.sched.sched_switch --provider native
says "trace.sched.sched_switch is not available here: native doesn't provide it"
gives 5 ksig watch fs.mount --provider bpf --initial
says "fs.mount is not available here: bpf doesn't provide it"

# a kernel that rejects the program
if command -v strace >/dev/null; then
	gives 5 strace -qq -o /dev/null -e inject=bpf:error=EINVAL \
		ksig watch process.exec --provider bpf
	says "this kernel ($(uname -r)) rejects the BPF program: it needs Linux 6.1"
	# a temporary memory shortage doesn't end the watch
	if has_event native process.exec; then
		while :; do nice true; sleep 0.01; done &
		watch process.exec --provider native -n 1000000
		strace -qq -o /dev/null -p $watcher -e inject=recvmsg:error=ENOMEM &
		until_true has_said 'process.exec: Cannot allocate memory; trying again'
		value=$(sleeps)
		until_true eval '[ "$(sleeps)" -ge $((value + 30)) ]'
		lives $watcher || fail "it has exited: $(cat stderr)"
		stop
		[ "$(grep -c memory stderr)" = 1 ] || fail "it said: $(cat stderr)"
	else
		echo ": native has no process.exec here: a memory shortage is not tested"
	fi
else
	echo ": no strace here: an old kernel and a memory shortage are not tested"
fi

if has_event bpf process.exit && [ -e /sys/kernel/tracing/events ]; then
	(cd "$top" && KSIG_REUSE=1 unshare -pf --mount-proc tests/cli/watch_input.sh)
else
	echo ": bpf has no tracepoints here: reuse of a pid is not tested"
fi
