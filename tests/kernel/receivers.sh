#!/bin/sh
# SPDX-License-Identifier: MIT
# The programs in examples/receivers: each has every event, in order, says what
# was lost, and ends when the channel does.
set -eu

node=/dev/ksig/test
cd /tmp

fail() { echo "$*"; exit 1; }

# channel NAME FILE: what sysfs says of it
channel() { cat "/sys/class/ksig/$1/$2"; }

# subscribers NAME N: waits until there are so many
subscribers() { until [ "$(channel "$1" subscribers)" = "$2" ]; do usleep 10000; done; }

programs='handler sigwaitinfo signalfd ring'
[ ! -x /usr/bin/python3 ] || programs="$programs receive.py"
n=$(echo $programs | wc -w)

# start NODE: each program, what they say in files of its name
start() {
	pids=
	for program in $programs; do
		case $program in
		*.py)	/usr/bin/python3 -I -S /ksig/$program "$1" >$program.out 2>$program.err & ;;
		*)	/ksig/$program "$1" >$program.out 2>$program.err & ;;
		esac
		pids="$pids $!"
	done
}

# said TEXT: waits until each has printed that line
said() {
	for program in $programs; do
		tries=0
		until grep -qx "$1" $program.out; do
			tries=$((tries + 1))
			[ $tries != 1000 ] ||
				fail "$program doesn't say '$1' but: $(tail $program.out $program.err)"
			usleep 10000
		done
	done
}

# emit N: values from 1, whose low byte is never 0
emit() {
	i=0
	while [ $i -lt "$1" ]; do
		printf "\\$(printf %o $((i % 255 + 1)))\0\0\0\0\0\0\0" >$node
		i=$((i + 1))
	done
}

# end: what was started; other than 0 is how a killed one ends
end() {
	for pid in $pids; do
		kill $pid 2>/dev/null || :
		wait $pid || :
	done
}

start $node
subscribers test $n
emit 3
ksig emit 0x1122334455667788
said 'received value 1234605616436508552'
for program in $programs; do
	[ "$(head -n 3 $program.out | xargs)" = \
		'received value 1 received value 2 received value 3' ] ||
		fail "$program: $(head $program.out)"
done

# They stop, and more comes than a queue and a target take.
kill -STOP $pids
emit 300
kill -CONT $pids
said 'received value 1'
for program in $programs; do
	until [ "$(grep -c received $program.out)" -ge 260 ]; do usleep 10000; done
done
ksig emit 77777
said 'received value 77777'
for program in $programs; do
	got=$(awk '/^received/ { n++ } /^lost/ { n += $2; gaps++ }
		END { print n, gaps + 0 }' $program.out)
	case "$program $got" in
	'ring 305 1'|'receive.py 305 1')	;;
	# what waits in the target makes room in the queue
	handler\ 305\ [01]|sigwaitinfo\ 305\ [01]|signalfd\ 305\ [01])	;;
	*)	fail "$program: events and gaps: $got" ;;
	esac
done
end
subscribers test 0

# The channel of a driver, which goes.
insmod /ksig/edu.ko
start /dev/ksig/edu0
subscribers edu0 $n
echo 5 >/sys/class/ksig/edu0/device/factorial
said 'received value 120'
rmmod edu
set -- $programs
for pid in $pids; do
	wait $pid || fail "$1 ends with $? when the channel goes: $(tail $1.out $1.err)"
	shift
done

# One that isn't there.
for program in handler sigwaitinfo signalfd ring; do
	/ksig/$program /dev/ksig/edu0 2>said && fail "$program finds a channel"
	grep -q '^/dev/ksig/edu0: No such file' said || fail "$program: $(cat said)"
done
