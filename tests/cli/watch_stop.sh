#!/bin/sh
# SPDX-License-Identifier: MIT
# runs: host
# On SIGINT, SIGTERM or SIGHUP, ksig watch prints a complete line for each event that it has acted
# on, and reports how many events it has not acted on.
. tests/functions.sh
own_folder "$@"

# The output of the watch is a pipe that is not read at first.
mkfifo pipe
exec 8<>pipe
is_full() { [ "$(cut -d ' ' -f 1 /proc/$watcher/syscall)" = 1 ]; }
fill() {
	while ! is_full; do
		"$@" || fail "cannot run $*"
		lives $watcher || fail "it has exited: $(cat stderr)"
	done
}
execs() { local i=0; while [ $((i += 1)) -le 50 ]; do /bin/true; done; }

# ends_by SIGNAL: terminate a watch while its output is blocked. Then read the pipe, and check what
# the watch has printed.
ends_by() {
	local got=0 lines undone
	: >stderr
	# shells ignore INT in background processes
	env --default-signal=INT ksig watch process.exec --json --queue 65536 >pipe 2>stderr 8>&- &
	watcher=$!
	watching
	fill execs
	execs
	kill -$1 $watcher
	# close the test's own descriptor, so that the pipe ends when the watch exits
	cat <pipe >stdout 8>&- &
	reader=$!
	exec 8>&-
	wait $watcher || got=$?
	[ "$(kill -l $got)" = $1 ] || fail "it gave $got after $1: $(cat stderr)"
	wait $reader
	exec 8<>pipe
	jq -e . <stdout >parsed || fail "not JSON after $1: $(tail -n 1 stdout)"
	says 'events* of process.exec w.* not acted on'
	# No event may be printed twice. The events of the 50 processes that were started after the
	# pipe was full are not acted on. Unrelated processes may cause further events.
	lines=$(jq -r .seq stdout | grep -vc null)
	undone=$(sed -n 's/^ksig: \([0-9]*\) events* of process.exec .* not acted on/\1/p' \
		stderr)
	[ "$(jq -r .seq stdout | grep -v null | sort -nu | wc -l)" = $lines ] ||
		fail "twice: $(jq -r .seq stdout)"
	[ "$(jq -r .seq stdout | tail -n 1)" -ge $((lines - 1)) ] || fail "too few"
	[ "$undone" -ge 50 ] || fail "$undone undone, not 50"
}

has_event module process.exec || has_event bpf process.exec ||
	has_event native process.exec || {
	echo "no process.exec here"
	exit 77
}
for signal in TERM INT HUP; do
	ends_by $signal
done

# an ignored signal stays ignored
trap '' HUP
watch time.set
kill -HUP $watcher
trap - HUP
kill -TERM $watcher
until_true ended $watcher
wait $watcher && fail "it gave 0" || [ "$(kill -l $?)" = TERM ] ||
	fail "it ended by $?"

# a command that is still running when the watch ends is sent TERM
watch process.exec -- sh -c 'echo $$ >ran; exec sleep 1000'
until_true eval '/bin/true; [ -s ran ]'
kill -TERM $watcher
until_true ended $watcher
says "'sh' was still running and was sent TERM"
until_true ended "$(cat ran)"

# the watch exits soon even if its output is never read
: >stderr
ksig watch process.exec --json >pipe 2>stderr &
watcher=$!
watching
fill execs
kill -TERM $watcher
until_true ended $watcher
