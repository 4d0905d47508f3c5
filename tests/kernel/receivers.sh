#!/bin/sh
# SPDX-License-Identifier: MIT
# Each program in examples/receivers receives events in order, prints how many events were lost, and
# exits when the channel is destroyed.
. tests/functions.sh
own_folder "$@"

node=/dev/ksig/test
programs='handler sigwaitinfo signalfd ring'
[ ! -x /usr/bin/python3 ] || programs="$programs receive.py"
n=$(echo $programs | wc -w)

# start_all NODE: start each program with its output in PROGRAM.out and PROGRAM.err, and set $pids
start_all() {
	pids=
	for program in $programs; do
		case $program in
		*.py)	/usr/bin/python3 -I -S /ksig/$program "$1" >$program.out 2>$program.err & ;;
		*)	/ksig/$program "$1" >$program.out 2>$program.err & ;;
		esac
		pids="$pids $!"
	done
}

# all_print TEXT: wait until each program has printed the line TEXT
all_print() {
	for program in $programs; do
		log=$program.out
		until_true grep -qx "$1" $program.out
		log=
	done
}

# emit N: emit N events with the values 1 to 255, repeated
emit() {
	i=0
	while [ $i -lt "$1" ]; do
		printf "\\$(printf %o $((i % 255 + 1)))\0\0\0\0\0\0\0" >$node
		i=$((i + 1))
	done
}

# kill_all: kill the programs that start_all has started
kill_all() {
	for pid in $pids; do
		kill $pid 2>/dev/null || :
		wait $pid || :
	done
}

start_all $node
until_subscribers test $n
emit 3
ksig emit 0x1122334455667788
all_print 'received value 1234605616436508552'
for program in $programs; do
	[ "$(head -n 3 $program.out | xargs)" = \
		'received value 1 received value 2 received value 3' ] ||
		fail "$program: $(head $program.out)"
done

# While the programs are stopped, emit more events than a queue can hold.
kill -STOP $pids
emit 300
kill -CONT $pids
all_print 'received value 1'
for program in $programs; do
	until_true eval '[ $(grep -c received $program.out) -ge 260 ]'
done
ksig emit 77777
all_print 'received value 77777'
for program in $programs; do
	got=$(awk '/^received/ { n++ } /^lost/ { n += $2; gaps++ }
		END { print n, gaps + 0 }' $program.out)
	case "$program $got" in
	'ring 305 1'|'receive.py 305 1')	;;
	# events whose signals are pending no longer occupy the queue, so it doesn't always overflow
	handler\ 305\ [01]|sigwaitinfo\ 305\ [01]|signalfd\ 305\ [01])	;;
	*)	fail "$program: events and gaps: $got" ;;
	esac
done
kill_all
until_subscribers test 0

# A driver's channel is destroyed when the driver is unloaded.
insmod /ksig/edu.ko
start_all /dev/ksig/edu0
until_subscribers edu0 $n
echo 5 >/sys/class/ksig/edu0/device/factorial
all_print 'received value 120'
rmmod edu
set -- $programs
for pid in $pids; do
	wait $pid || fail "$1 exits with $? when the channel is destroyed: $(tail $1.out $1.err)"
	shift
done

# Each program reports a channel that doesn't exist.
for program in handler sigwaitinfo signalfd ring; do
	/ksig/$program /dev/ksig/edu0 2>error && fail "$program finds a channel"
	grep -q '^/dev/ksig/edu0: No such file' error || fail "$program: $(cat error)"
done
