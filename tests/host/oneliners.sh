#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs each command in docs/watch.md and README.md on this machine's own kernel. A command from
# docs/watch.md must print output of the form that is shown there; times and numbers may differ.
# With the argument "show", prints the output unchanged. Needs root, because it creates network, pid
# and mount namespaces.
cd "$(dirname "$0")/../.."
. tests/functions.sh
set +e
if [ "${1:-}" != inside ]; then
	exec unshare -n -m -p -f --mount-proc --kill-child "$0" inside "$@"
fi
show=${2:-}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export PATH=$tmp:$PWD/build:$PATH

# process PID COMMAND...: run COMMAND in the background with this pid. Retries because another new
# process may get the pid first.
process() {
	local nr=$1
	shift
	while :; do
		echo $((nr - 1)) >/proc/sys/kernel/ns_last_pid
		"$@" &
		[ $! != "$nr" ] || return 0
		kill -KILL $!
		wait $! 2>/dev/null
	done
}

# realtime: make the scheduler switch to a real-time task, by running two such tasks on one cpu. If
# real-time scheduling isn't permitted, move a task to another cpu instead, because a real-time
# kernel thread moves the task.
realtime() {
	local cpu
	# wait: for nothing; the sleep makes the kernel switch to the other task
	cpu=$(taskset -cp $$)
	cpu=${cpu##* }
	taskset -c "${cpu%%[,-]*}" chrt -f 60 sh -c 'sleep 0.1; :' ||
		taskset -c "${cpu%%[,-]*}" taskset -c "${cpu##*[,-]}" true
}

# unit: start a process, and a manager that reports it as the main process of nginx.service
unit() {
	process 812 sh -c 'trap : HUP; : >"$0/ready"
		while :; do sleep 0.1; done' "$tmp"
	victim=$!
	until_true [ -e "$tmp/ready" ]
	export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$tmp/bus
	echo "pid $victim" | build/tests/cli/manager "$tmp/bus" nginx.service >"$tmp/called" &
	until_true grep -q '^obeyed' "$tmp/called"
}

# before COMMAND: prepare for the command
# cause COMMAND: cause the event that the command waits for
before() {
	case $1 in
	*unit:*) unit ;;
	*pid=4242*) process 4242 sleep 1000; victim=$! ;;
	*trace.*) [ -d /sys/kernel/tracing/events ] ||
		mount -t tracefs tracefs /sys/kernel/tracing ;;
	esac
	case $1 in
	*ifname=eth0*) ip link add eth0 type veth peer name peer
		ip link set peer up ;;
	esac
}

cause() {
	case $1 in
	*ifname=eth0*) ip link set eth0 up ;;
	*pid=4242*) kill "$victim" ;;
	*next_prio*) realtime ;;
	esac
}

after() {
	# free the pid, because the next command needs the same pid
	[ ! "${victim-}" ] || { kill -KILL "$victim"; wait "$victim"; } 2>/dev/null
	victim=
	case $1 in
	*ifname=eth0*) ip link del eth0 ;;
	esac
}

# run COMMAND: run the command until it has printed an event, with its output in $tmp/out
run() {
	: >"$tmp/out"
	log=$tmp/out
	before "$1"
	timeout 60 bash -c "exec $1" >"$tmp/out" 2>&1 &
	local job=$!
	case $1 in
	ksig*) until_true grep -q '^ksig: watching .*)$' "$tmp/out" ;;
	*) until_true sh -c 'ls -l /proc/[0-9]*/fd | grep -q memfd:ksig' ;;
	esac
	cause "$1"
	case $1 in
	*-n1*) ;;
	*power*) kill $job ;;
	*) until_true [ -s "$tmp/out" ]
	   kill $job ;;
	esac
	wait $job 2>/dev/null
	after "$1"
}

# shape: replace times, numbers, providers and task names, which differ between machines
shape() {
	sed -E 's/^[0-9]{2}:[0-9:.]+/TIME/; s/ \((module|bpf|native)/ (PROVIDER/
		s/(comm)=[^ ]+/\1=NAME/g; s/=-?[0-9]+/=N/g; s/(HUP) [0-9]+/\1 N/'
}

rc=0
grep '^    \$ ' docs/watch.md | sed 's/^    \$ //' >"$tmp/commands"
[ -s "$tmp/commands" ] || { echo "docs/watch.md shows nothing"; rc=1; }
while read -r command <&3; do
	run "$command"
	if [ "$show" ]; then
		echo "    \$ $command"
		sed 's/^/    /' "$tmp/out"
		continue
	fi
	awk -v command="    \$ $command" '
		$0 == command { inside = 1; next }
		!/^    / || /^    \$/ { inside = 0 }
		inside { print substr($0, 5) }' docs/watch.md | shape >"$tmp/wanted"
	shape <"$tmp/out" | diff "$tmp/wanted" - || {
		echo "the output differs from docs/watch.md: $command"
		rc=1
	}
done 3<"$tmp/commands"

watching() { grep -q '^ksig: watching .*)$' "$tmp/out"; }

# The commands in README.md only have to be accepted. README.md shows their output as a picture.
sed -n 's/^    \(ksig watch .*\)/\1/p' README.md >"$tmp/commands"
[ -s "$tmp/commands" ] || { echo "README.md shows no command"; rc=1; }
while read -r command <&3; do
	: >"$tmp/out"
	before "$command"
	timeout 60 bash -c "exec $command" >"$tmp/out" 2>&1 &
	job=$!
	until_true eval 'watching || ! kill -0 $job'
	watching || { echo "README.md: $command: $(cat "$tmp/out")"; rc=1; }
	kill $job 2>/dev/null
	wait $job 2>/dev/null
	after "$command"
done 3<"$tmp/commands"
exit $rc
