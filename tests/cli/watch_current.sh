#!/bin/sh
# SPDX-License-Identifier: MIT
# runs: host
# With --to subject on a tracepoint, the kernel itself signals the running task.
. tests/functions.sh
own_folder "$@"

mount_tracefs || {
	echo "tracefs can't be mounted"
	exit 77
}
ksig watch trace.syscalls.sys_enter_write -t 1ms >/dev/null 2>stderr ||
	[ $? = 3 ] || { cat stderr; exit 77; }
# a name that no unrelated process has
cp "$target" target$$
target=$PWD/target$$
write=trace.syscalls.sys_enter_write:current.comm=target$$

# a program that was started before the watch is interrupted while it blocks in its third write
run_target write
watch $write --skip 2 -n1 --to subject -s USR1
says '^ksig: watching .*=target[0-9]* (bpf)$'
echo >&9
ends 0
lines 1
prints "$time trace.syscalls.sys_enter_write .* -> USR1 $pid"
until_true ended $pid
[ "$(cat said)" = "ready
write 1: done
write 2: done
write 3: EINTR
write 4: done
write 5: done" ] || fail "the target said: $(cat said)"

# the second write doesn't block because it fits in the pipe; it is signalled but not interrupted
run_target write
watch $write --skip 1 -n1 --to subject -s USR1 --json
echo >&9
ends 0
lines 1
grep -q '"subject":"'$pid'",.*,"signal":"USR1","target":'$pid',"outcome":"sent"}$' stdout ||
	fail "it printed: $(cat stdout)"
kill $pid

# without -n, every write is signalled until the watch ends
run_target write
watch $write --to subject -s USR1 --provider bpf
echo >&9
until_true ended $pid
until_true eval '[ "$(wc -l <stdout)" = 5 ]'
stop
[ "$(grep -c EINTR said)" = 1 ] || fail "the target said: $(cat said)"

# the watch needs CAP_KILL because the kernel doesn't check permissions when it sends the signal
gives 1 setpriv --bounding-set=-kill --inh-caps=-all ksig watch $write \
	--to subject -s USR1 -t 1
says 'signalling the running task needs CAP_KILL'

# a task that the signal would kill is not signalled without --force; the refusal is reported
mkfifo in
exec 8<>in
start sh -c 'echo >ready; read x; echo a; echo b; read x; :' <in >/dev/null
until_true [ -e ready ]
watch trace.syscalls.sys_enter_write:current.pid=$pid -n 2 --to subject -s HUP
echo >&8
ends 1
lines 2
prints "$time trace.syscalls.sys_enter_write .* -> HUP $pid refused"
lives $pid
watch trace.syscalls.sys_enter_exit_group:current.pid=$pid -n 1 --to subject -s 44
echo >&8
ends 1
prints "$time trace.syscalls.sys_enter_exit_group .* -> RTMIN\\+10 $pid refused"
rm -f ready
start sh -c 'echo >ready; read x; echo a; echo b; read x' <in >/dev/null
until_true [ -e ready ]
watch trace.syscalls.sys_enter_write:current.pid=$pid -n 1 --to subject -s HUP --force
echo >&8
ends 0
prints "$time trace.syscalls.sys_enter_write .* -> HUP $pid"
got=0
wait $pid || got=$?
[ $got = 129 ] || fail "HUP does not kill: $got"

dd=dd$$
ln -s "$(command -v dd)" $dd
# the kernel also counts lost events, so the watch ends even if the Nth event was lost
watch trace.syscalls.sys_enter_write:current.comm=$dd --skip 15000 -n 1 --to subject -s WINCH
halt $watcher
./$dd if=/dev/zero of=/dev/null bs=1 count=20000 2>/dev/null
kill -CONT $watcher
ends 0
says '[0-9]* events of trace.syscalls.sys_enter_write were lost in total, 1 of which count towards -n: the kernel has sent 1 signals'
lines 0

# options and filters that cannot be used with --to subject on a tracepoint
gives 2 ksig watch $write --to subject -s USR1 --every 1
says "^ksig: --every cannot be used with --to subject and $write"
gives 2 ksig watch $write process.exec --to subject -s USR1 -n1
says 'allow only one EVENT'
gives 2 ksig watch process.exec $write --to subject -s USR1 --skip 1
conds=fd=1
for i in 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17; do conds=$conds,fd!=$i; done
gives 2 ksig watch trace.syscalls.sys_enter_write:$conds --to subject -s USR1
says "can't apply the whole filter"
