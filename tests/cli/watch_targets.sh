#!/bin/sh
# SPDX-License-Identifier: MIT
# runs: host
# ksig watch signals common targets: shells, Python, servers.
. tests/functions.sh
own_folder "$@"

# events N: run N short-lived processes to cause N events. The bpf provider is needed because these
# processes exit before native can read all of their names.
from=bpf
has_event $from process.exec || {
	echo "bpf has no process.exec here"
	exit 77
}
events() { for i in $(seq "$1"); do ./$name true; done; }
# a name that no unrelated process has
name=nice$$
ln -s "$(command -v nice)" $name
nice=process.exec:comm=$name

# bash handles the signal in a trap; the target is named by a pidfile
if command -v bash >/dev/null; then
	start_handler bash
	echo $pid >pidfile
	watch $nice --provider $from --to pidfile:pidfile -s HUP -n1
	events 1
	ends 0
	prints "$time process.exec .* comm=$name .* -> HUP $pid"
	until_true has_lines 1 hups
	watch $nice --provider $from --to pidfile:pidfile -s HUP
	kill -KILL $pid
	ends 4
	says "process $pid has exited"
else
	echo ": no bash here"
fi

# Python handles a signal, and waits for another one that carries a value
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

# a process with 16 threads, one of which waits for the signal, receives all values in order
start "$target" threads >said
until_true grep -q ready said
[ "$(ls /proc/$pid/task | wc -l)" = 16 ] || fail "it has not 16 threads"
quits=quits$$
ln -sf "$(command -v sh)" $quits
watch process.exit:comm=$quits --provider $from --to $pid -s 44 -n 20
for i in $(seq 20); do ./$quits -c "exit $i" || :; done
ends 0
lines 20
until_true eval '[ "$(grep -c "^value" said)" = 20 ]'
[ "$(grep -v ready said)" = "$(for i in $(seq 20); do echo "value $((i * 256)) lost 0"; done)" ] ||
	fail "it got: $(cat said)"
kill -KILL $pid

# --value sends any numeric field as the value
start "$target" threads >said
until_true grep -q ready said
watch process.exit:comm=$quits --provider $from --to $pid -s 44 --value parent -n 2 --json
for i in 1 2; do ./$quits -c "exit $i" || :; done
ends 0
until_true eval '[ "$(grep -c "^value $$ lost 0" said)" = 2 ]'
[ "$(jq -r '.value + " " + .fields.parent' stdout | sort -u)" = "$$ $$" ] ||
	fail "it printed: $(cat stdout)"
kill -KILL $pid
watch process.exit:comm=$quits --provider $from --value pid -n1 -- \
	sh -c 'echo $KSIG_VALUE $KSIG_PID $KSIG_STATUS >ran'
./$quits -c 'exit 3' & pid=$!
ends 0
[ "$(cat ran)" = "$pid $pid 768" ] || fail "it ran with: $(cat ran)"
gives 2 ksig watch process.exit --value comm
says "'comm' is a string: the value must be a number"
gives 2 ksig watch process.exit --value child
says "process.exit has no field 'child'"

# nginx reloads when an interface is set up: the master process stays, the workers are replaced
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
	# every network namespace has a loopback interface
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

# ksig watch warns if HUP is to be sent to a Go program, because Go's runtime handles all signals
if command -v objcopy >/dev/null && command -v bash >/dev/null; then
	echo id >note
	objcopy --add-section .note.go.buildid=note "$(command -v bash)" godaemon
	start_handler ./godaemon
	gives 3 ksig watch net.up --provider native --to $pid -s HUP -t 1ms
	says "process $pid is a Go program: its runtime exits on HUP unless the program handles it"
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
