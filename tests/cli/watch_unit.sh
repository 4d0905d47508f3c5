#!/bin/sh
# SPDX-License-Identifier: MIT
# runs: host
# Check ksig watch --to unit:NAME with a bus and a service manager that the test provides.
. tests/functions.sh
own_folder "$@"

needs_libsystemd

# manage [COMMAND...]: start the manager, and send it COMMAND if there is one
# manager COMMAND...: send COMMAND to the manager and wait until it has been executed
manage() {
	rm -f commands bus
	mkfifo commands
	exec 8<>commands
	start "$top/build/tests/cli/manager" "$PWD/bus" 'a\x20b@c.service' <commands >>called
	manager=$pid
	until_true grep -q ready called
	[ $# = 0 ] || manager "$@"
}
manager() {
	local before
	before=$(grep -c '^obeyed' called) || :
	echo "$*" >&8
	until_true eval '[ "$(grep -c "^obeyed" called)" -gt $before ]'
}
end_manager() {
	kill -KILL $manager
	wait $manager 2>/dev/null || :
	: >called
}

# serve: start a process that handles HUP, and set $service
serve() {
	start sh -c 'trap "echo hup $$ >>said" HUP; echo ready $$ >>said; while :; do sleep 0.02; done'
	service=$pid
	until_true grep -q "ready $pid" said
}
end_service() {
	kill -KILL $service
	wait $service 2>/dev/null || :
}
asked() { grep -c '^Get$' called || :; }
: >said >called
export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$PWD/bus
try() { gives "$1" ksig watch net.up --provider native --to "$2" -s HUP -t 1ms; }

# no bus; a bus that is only a socket, doesn't answer, lacks systemd, or refuses access
try 5 unit:a
says "unit:a.service is not available: cannot use the system bus: No such file"
manage
halt $manager
try 1 unit:a
says "systemd can't report the main process of 'a.service': no answer"
kill -CONT $manager
manager mute
try 1 unit:a
says "systemd can't report the main process of 'a.service': no answer"
end_manager
manage hide
try 5 unit:a
says "unit:a.service is not available: systemd is not on the system bus"
end_manager
manage refuse
try 5 unit:a
says "unit:a.service is not available: cannot use the system bus: Rejected send message"
end_manager

# a unit's name can be spelled in several ways; unknown and invalid names are refused
serve
manage pid $service
for name in a a.service alias 'a b@c' 'a\x20b@c.service'; do
	try 3 "unit:$name"
done
try 4 unit:b
says "no unit 'b.service'"
for name in a.socket /mnt/a.mount a@b.timer; do
	try 2 "unit:$name"
	says "only a service has a main process"
done
try 2 unit:a@
says "invalid unit 'a@.service': Unit name a@.service is missing the instance name"
try 2 "unit:$(printf '%0300d' 0)"
says "^ksig: invalid unit '0*.service'"

# any user is permitted to query systemd
chmod 711 .
chmod 666 bus
cp "$top/build/ksig" as_user
gives 1 setpriv --reuid=1000 --regid=1000 --clear-groups \
	./as_user watch net.up --provider native --to unit:a -s HUP -t 1ms
says "not permitted to signal process $service"

# a unit without a main process, and a unit whose main process is replaced during the query
manager pid 0
manager state inactive
try 4 unit:a
says "the unit 'a.service' has no main process: it is inactive"
manager pid $service once 0
try 4 unit:a
says "no process $service"
start sleep 1000
manager pid $pid once $service
try 3 unit:a
says "'a' is process $service now"
lives $pid

from=bpf
has_event $from process.exec || {
	echo "bpf has no process.exec here: no unit is followed"
	exit 77
}
# a program name that no other test uses
ln -s "$(command -v sleep)" unit$$
event() { ./unit$$ 0; }
signalled() { event; until_true grep -q "hup $service" said; }
# Check that $watcher waits in ppoll(2) without a time-out, so that only a descriptor can wake it.
waits() {
	[ -r /proc/$watcher/syscall ] || { echo ": no /proc/PID/syscall here"; return 0; }
	until_true eval '[ "$(cut -d " " -f 4 /proc/$watcher/syscall)" = 0x0 ]'
}
is_now() { until_true has_said "'a' is process $service now"; says "'a' is process $service now"; }

# when the unit is restarted, the watch follows it without an event; no event causes a query
manager pid $service
watch process.exec:comm=unit$$ --provider $from --to unit:a -s HUP
waits
signalled
end_service
manager pid 0
waits
calls=$(wc -l <called)
for i in 1 2 3 4 5 6 7 8 9 10; do event; done
until_true eval '[ "$(grep -c "HUP $service gone" stdout)" = 10 ]'
[ "$(wc -l <called)" = "$calls" ] || fail "it asked at an event: $(cat called)"
waits
serve
manager pid $service
is_now
signalled
waits

# a change of an unrelated property doesn't change the target
calls=$(asked)
manager touch
until_true eval '[ "$(asked)" -gt $calls ]'
waits
[ "$(grep -c ' now$' stderr)" = 1 ] || fail "it said: $(cat stderr)"
signalled

# the unit has a new main process while the previous one is still running
old=$service
serve
manager pid $service
is_now
signalled
lives $old
[ "$(grep -c "hup $old" said)" = 2 ] || fail "$old was signalled again: $(cat said)"
kill -KILL $old

# A stopped unit is unloaded. A query loads the unit for a moment, and this must not cause another
# query.
end_service
manager unloaded
until_true grep -qx GetUnit called
waits
calls=$(wc -l <called)
for i in 1 2 3; do event; done
until_true eval '[ "$(grep -c "HUP $service gone" stdout)" = 3 ]'
[ "$(wc -l <called)" = "$calls" ] || fail "it asked again: $(tail called)"

# the unit is loaded again, and then the manager re-executes itself
serve
manager loaded $service
is_now
signalled
end_service
serve
manager replaced $service
is_now
signalled
end_service
serve
manager pid $service
is_now
signalled
waits

# When the manager dies, the watch keeps the last known process. The watch queries the manager again
# when the manager is back.
: >said
end_manager
until_true has_said "systemd can't report the main process of 'a.service': .*; trying again"
signalled
end_service
until_true eval 'event; grep -q "HUP $service gone" stdout'
serve
manage pid $service
is_now
says "systemd reports the main process of 'a.service' again"
signalled
waits
[ "$(grep -c 'trying again' stderr)" = 1 ] || fail "it said: $(cat stderr)"

# a manager that hangs
manager mute
manager touch
until_true has_said "systemd can't report the main process of 'a.service': no answer; trying again"
signalled
end_manager
manage pid $service
until_true eval '[ "$(grep -c "systemd reports the main process" stderr)" = 2 ]'
waits
stop
