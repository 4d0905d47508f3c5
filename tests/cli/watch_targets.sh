#!/bin/sh
# SPDX-License-Identifier: MIT
# runs: host
# ksig watch and common targets: shells, Python, servers.
. tests/functions.sh
own_folder "$@"

# events N: each nice is an event. They exit at once, so that native would know the names of
# some only.
from=bpf
has_event $from process.exec || {
	echo "no process.exec by BPF here"
	exit 77
}
events() { for i in $(seq "$1"); do nice true; done; }
nice=process.exec:comm=nice

# bash, in its trap; by its pidfile
if command -v bash >/dev/null; then
	start_handler bash
	echo $pid >pidfile
	watch $nice --provider $from --to pidfile:pidfile -s HUP -n1
	events 1
	ends 0
	prints "$time process.exec .* comm=nice .* -> HUP $pid"
	until_true has_lines 1 hups
	watch $nice --provider $from --to pidfile:pidfile -s HUP
	kill -KILL $pid
	ends 4
	says "process $pid has exited"
else
	echo ": no bash here"
fi

# Python: a handler, and a signal with a value that the program waits for
if command -v python3 >/dev/null; then
	start python3 -c 'import signal
signal.signal(signal.SIGUSR1, lambda number, frame: print("usr1", flush=True))
signal.pthread_sigmask(signal.SIG_BLOCK, [44])
print("ready", flush=True)
while True:
    info = signal.sigtimedwait([44], 0.02)
    if info:
        print("signal", info.si_signo, info.si_code, flush=True)' >said
	until_true grep -q ready said
	watch $nice --provider $from --to $pid -s USR1 -n1
	events 1
	ends 0
	until_true grep -q usr1 said
	watch $nice --provider $from --to $pid -s 44 -n 2
	events 2
	ends 0
	until_true eval '[ "$(grep -c "^signal 44 -1$" said)" = 2 ]'
	kill -KILL $pid
else
	echo ": no python3 here"
fi

# 16 threads, one of which waits for the signal; values, in order
start "$target" threads >said
until_true grep -q ready said
[ "$(ls /proc/$pid/task | wc -l)" = 16 ] || fail "it has not 16 threads"
ln -sf "$(command -v sh)" quits
watch process.exit:comm=quits --provider $from --to $pid -s 44 -n 20
for i in $(seq 20); do ./quits -c "exit $i" || :; done
ends 0
lines 20
until_true eval '[ "$(grep -c "^value" said)" = 20 ]'
[ "$(grep -v ready said)" = "$(for i in $(seq 20); do echo "value $((i * 256)) lost 0"; done)" ] ||
	fail "it got: $(cat said)"
kill -KILL $pid

# any numeric field as the value
start "$target" threads >said
until_true grep -q ready said
watch process.exit:comm=quits --provider $from --to $pid -s 44 --value parent -n 2 --json
for i in 1 2; do ./quits -c "exit $i" || :; done
ends 0
until_true eval '[ "$(grep -c "^value $$ lost 0" said)" = 2 ]'
[ "$(jq -r '.value + " " + .fields.parent' stdout | sort -u)" = "$$ $$" ] ||
	fail "it printed: $(cat stdout)"
kill -KILL $pid
watch process.exit:comm=quits --provider $from --value pid -n1 -- \
	sh -c 'echo $KSIG_VALUE $KSIG_PID $KSIG_STATUS >ran'
./quits -c 'exit 3' & pid=$!
ends 0
[ "$(cat ran)" = "$pid $pid 768" ] || fail "it ran with: $(cat ran)"
gives 2 ksig watch process.exit --value comm
says "'comm' is a string: the value must be a number"
gives 2 ksig watch process.exit --value child
says "process.exit has no field 'child'"

# nginx reloads once an interface is up: its master stays, its workers change
workers() { cat "/proc/$master/task/$master/children"; }
other_workers() { [ -n "$(workers)" ] && ! workers | grep -qw "${before% }"; }
nginx_reloads() {
	local before master
	cat >nginx.conf <<-END
		pid $PWD/nginx.pid;
		error_log $PWD/nginx.log;
		worker_processes 1;
		user root;
		events { }
		http {
			access_log off;
			server { listen unix:$PWD/nginx.sock; }
		}
	END
	start nginx -e "$PWD/nginx.log" -c "$PWD/nginx.conf" -g 'daemon off;'
	master=$pid
	until_true [ -S nginx.sock ]
	until_true eval '[ -n "$(workers)" ]'
	before=$(workers)
	# there is one in each network namespace
	watch net.up:ifname=lo --to pidfile:nginx.pid -s HUP -n1
	ip link set lo up
	ends 0
	prints "$time net.up ifindex=1 ifname=lo -> HUP $master"
	until_true other_workers
	kill -0 $master
	kill -QUIT $master
}
if [ "${1-}" = nginx ]; then
	nginx_reloads
	exit
fi
if command -v nginx >/dev/null; then
	(cd "$top" && unshare -n "$0" nginx)
else
	echo ": no nginx here"
fi

# a Go program: its runtime handles all signals
if command -v objcopy >/dev/null && command -v bash >/dev/null; then
	echo id >note
	objcopy --add-section .note.go.buildid=note "$(command -v bash)" godaemon
	start_handler ./godaemon
	gives 3 ksig watch net.up --provider native --to $pid -s HUP -t 1ms
	says "process $pid is a Go program: unless it handles HUP itself, its runtime exits"
	gives 3 ksig watch net.up --provider native --to $pid -s USR1 --force -t 1ms
	! grep -q 'Go program' stderr || fail "it warned of USR1: $(cat stderr)"
	kill -KILL $pid
	start_handler bash
	gives 3 ksig watch net.up --provider native --to $pid -s HUP -t 1ms
	! grep -q 'Go program' stderr || fail "bash is not a Go program: $(cat stderr)"
	kill -KILL $pid
else
	echo ": no objcopy or bash here: no Go program"
fi

# a systemctl that doesn't exit
mkdir bin
printf '#!/bin/sh\nexec sleep 1000\n' >bin/systemctl
chmod +x bin/systemctl
PATH=$PWD/bin:$PATH gives 1 ksig watch $nice --to unit:a.service -s HUP
says "systemctl cannot report the main process of 'a.service': no answer"

# a unit, across restarts, with systemctl and a fake systemd
serve() {
	start_handler bash
	echo $pid >mainpid
}
unit() {
	local bus old
	bus=unix:path=$PWD/bus
	cat >bus.conf <<-END
		<busconfig><type>system</type><listen>$bus</listen>
		<policy context="default"><allow send_destination="*"/>
		<allow receive_sender="*"/><allow own="*"/></policy></busconfig>
	END
	start dbus-daemon --config-file=bus.conf --nofork --nopidfile \
		--print-address=1 >bus.address 2>bus.log
	until_true [ -s bus.address ]
	export DBUS_SYSTEM_BUS_ADDRESS=$bus SYSTEMCTL_FORCE_BUS=1
	# systemctl checks whether systemd runs
	mount -t tmpfs run /run
	mkdir -p /run/systemd/system
	echo 0 >mainpid
	start /usr/bin/python3 "$top/tests/cli/fake_systemd.py" mainpid >bus.said
	until_true grep -q ready bus.said
	gives 4 ksig watch $nice --to unit:a.service -s HUP
	says "the unit 'a.service' has no main process: is it running?"
	gives 1 ksig watch $nice --to unit:b.service -s HUP
	says "systemctl cannot report the main process of 'b.service'"
	# the main process has exited meanwhile, and another process has its pid
	start_sleep
	printf '%s\n0\n' $pid >mainpid
	gives 4 ksig watch $nice --to unit:a.service -s TERM
	says "no process $pid"
	lives $pid
	serve
	watch $nice --provider $from --to unit:a.service -s HUP -n 3
	events 1
	until_true grep -q "hup $pid" hups
	old=$pid
	echo 0 >mainpid
	kill -KILL $old
	wait $old || :
	until_true eval '! [ -e /proc/$old ]'
	events 1
	until_true grep -q -- "-> HUP $old gone" stdout
	serve
	until_true has_said "'a.service' is process $pid now"
	events 1
	ends 1
	lines 3
	prints "$time process.exec .* -> HUP $pid"
	until_true grep -q "hup $pid" hups
}
missing=
for program in systemctl dbus-daemon bash; do
	command -v $program >/dev/null || missing="$missing $program"
done
# Debian's Python, which has these modules, and not another one earlier in PATH
/usr/bin/python3 -c 'import dbus, gi' 2>/dev/null || missing="$missing python3-dbus/gi"
if [ -z "$missing" ]; then
	unit
else
	echo ": no unit is followed, for these are not here:$missing"
fi
