#!/bin/sh
# SPDX-License-Identifier: MIT
# runs: host
# Check ksig watch --for: acts only on a state that has lasted.
[ "${KSIG_NET-}" ] || KSIG_NET=own exec unshare -nm "$0" "$@"
. tests/functions.sh
own_folder "$@"

now() { date +%s%N; }
lo() { ip link set lo "$1"; }

# the initial state lasts
begin=$(now)
gives 0 ksig watch net.down:ifname=lo --initial --for 300ms -n1
prints "$time net\.down ifindex=1 ifname=lo \(initial\)"
[ $(($(now) - begin)) -ge 300000000 ] || fail 'it acted too early'
gives 3 ksig watch net.up:ifname=lo --initial --for 10ms -t 300ms
lines 0

# acts_on_second EVENT RESET FIRST SECOND: the state that FIRST begins and ends is forgotten; the one
# that SECOND begins lasts. If this machine stops for too long during FIRST, that state has lasted as
# well, so try again.
acts_on_second() {
	local event=$1 reset=$2 first=$3 second=$4 tries=0 begin again

	while :; do
		$reset
		watch "$event" --for 2s -n1 --format '{time}' -- sh -c 'echo "{event}" >ran'
		begin=$(now)
		$first
		[ $(($(now) - begin)) -ge 1900000000 ] || break
		stop
		[ $((tries += 1)) -lt 10 ] || fail 'this machine is too slow'
	done
	again=$(date -u +%FT%T.%N)
	$second
	ends 0
	lines 1
	[ "$(cat stdout)" \> "$again" ] || fail "it acted on the first one: $(cat stdout), not after $again"
	equal 'the command got' "$(cat ran)" "${event%%:*}"
	$reset
}

# forgets EVENT RESET BEGIN END: the initial state, which BEGIN makes, is ended by END before it has
# lasted
forgets() {
	local event=$1 reset=$2 begins=$3 ends=$4 tries=0 begin

	while :; do
		$begins
		begin=$(now)
		watch "$event" --initial --for 2s -t 4s
		$ends
		begin=$(($(now) - begin))
		ends 3
		$reset
		[ $begin -ge 1900000000 ] || break
		[ $((tries += 1)) -lt 10 ] || fail 'this machine is too slow'
	done
	lines 0
}

lo_down() { lo down; }
lo_up() { lo up; }
lo_blip() { lo up; lo down; }
acts_on_second net.up:ifname=lo lo_down lo_blip lo_up

# the filter is a pattern, and a command is running when the state ends
lo down
watch net.up:ifname=l* --for 100ms -n2 -- sh -c 'until [ -e go ]; do sleep 0.02; done'
lo up
until_true has_lines 1
lo down
lo up
: >go
ends 0
lines 2

# both events of a pair
gives 0 ksig watch net.down net.up --initial --for 100ms -n1
prints "$time net\.up ifindex=1 ifname=lo \(initial\)"

# the state ends with the object; the next file system with this path is another one
clean() { while umount m 2>/dev/null; do :; done; while umount other 2>/dev/null; do :; done; }
full() {
	mount -t tmpfs -o size=1m ksig m
	head -c 1000K /dev/zero >m/file
}
full_blip() { full; umount m; }
full_twice() { full; mount --bind m other; }
unfull() { umount m; rm other/file; }
mkdir m other
acts_on_second fs.full:source=ksig,every=10ms clean full_blip full
# the state is that of the path
forgets "fs.full:path=$PWD/m,every=10ms" clean full clean
# the file system is no longer at the first path
forgets fs.full:source=ksig,every=10ms clean full_twice unfull

# the end of one and the beginning of the next are noticed at the same time
tries=0
while :; do
	full
	begin=$(now)
	watch fs.full:source=ksig,every=10ms --initial --for 2s -n1 --format '{initial}'
	halt $watcher
	umount m
	# this gets the device number
	mount -t tmpfs other other
	full
	kill -CONT $watcher
	begin=$(($(now) - begin))
	ends 0
	clean
	[ $begin -ge 1900000000 ] || break
	[ $((tries += 1)) -lt 10 ] || fail 'this machine is too slow'
done
prints_just 0

# a mount on top of another one at the same path
watch fs.mount:source=ksig --for 1s -n1
mount -t tmpfs ksig m
mount -t tmpfs ksig m
umount m
ends 0
lines 1
clean

# states that have lasted while a command was running
watch fs.mount:source=ksig --for 100ms -- sh -c ': >runs; exec sleep 1000'
mkdir m1 m2 m3
for i in 1 2 3; do
	mount -t tmpfs ksig m$i
done
until_true [ -e runs ]
begin=$(now)
until_true eval '[ $(now) -gt $((begin + 300000000)) ]'
kill -TERM $watcher
until_true ended $watcher
says '2 events of fs.mount.* were not acted on'
umount m1 m2 m3

# messages were lost, but the state is read again
if ip link add ksig0 type veth peer name ksig1 2>/dev/null; then
	ip link set ksig0 up
	ip link set ksig1 up
	watch net.down:ifname=ksig0 --for 1s --queue 16
	halt $watcher
	ip link set ksig0 down
	lo down
	i=0
	while [ $((i += 1)) -le 1000 ]; do
		echo link set lo up
		echo link set lo down
	done | ip -batch -
	kill -CONT $watcher
	until_true has_lines 1
	stop
	says 'up to .* may have been lost'
	ip link del ksig0
else
	echo ": losses: no veth interfaces here"
fi

if ip link add ksig0 type bridge 2>/dev/null; then
	# events that report the end may have been lost
	ip link del ksig0
	watch device.add:subsystem=net,name=ksig* --for 1s --queue 16 -n1 --format '{name}'
	halt $watcher
	ip link add ksig0 type bridge
	i=0
	while [ $((i += 1)) -le 3000 ]; do
		echo change >/sys/class/mem/zero/uevent
	done
	kill -CONT $watcher
	until_true has_said 'device.add:.*may have been lost; not acting on'
	ip link add ksig1 type bridge
	ends 0
	prints_just ksig1
	ip link del ksig0
	ip link del ksig1

	# a network device that is renamed and removed; the next one stays
	watch device.add:subsystem=net,name=ksig* --for 3s -n1 --format '{name}'
	begin=$(now)
	ip link add ksig0 type bridge
	ip link set ksig0 name other
	ip link del other
	if [ $(($(now) - begin)) -lt 2900000000 ]; then
		ip link add ksig1 type bridge
		ends 0
		prints_just ksig1
	else
		stop
	fi
else
	echo ": network devices: no bridges here"
fi

# the field is not one of the events that end the state
gives 0 ksig watch net.down:ifname=lo --initial --for 10ms -n1 --value ifindex
gives 3 ksig watch fs.full:source=none --for 10ms --value free -t 10ms
gives 2 ksig watch fs.full:source=none --for 10ms --value size
says "fs.full has no field 'size'"
gives 2 ksig watch fs.full:source=none --for 10ms --value path
says "'path' is a string"

gives 2 ksig watch net.upp --for 1s
says "no event 'net.upp'; did you mean 'net.up'?"
gives 2 ksig watch net.rename --for 1s
says 'for cannot be used with net.rename: it has no event that ends its state'
gives 2 ksig watch net.up net.up:x=1 --for 1s
says "net.up:x=1, column 8: net.up has no field 'x'"
gives 2 ksig watch net.up --for x
says "invalid time 'x'"
