#!/bin/sh
# SPDX-License-Identifier: MIT
# runs: host
# ksig watch leaves out what it starts itself: a command is never the cause of
# another command of the same watch, whatever it leaves running.
. tests/functions.sh
own_folder "$@"

mount_tracefs ||
	echo ": tracefs can't be mounted: no tracepoint is tried"
ln -s "$(command -v sleep)" doze
ln -s "$(command -v sleep)" nap
ln -s "$(command -v sleep)" kip
ln -s "$(command -v sh)" parent
count() { wc -l <"$1"; }

# The command runs the watched program as a child, as a grandchild whose parent
# has exited, and in a session of its own. Each leaves a line.
cat >breeds <<'END'
#!/bin/sh
./forks
./parent -c './doze 0.1; echo >>born'
(./parent -c './doze 0.2; echo >>born') &
sh -c '(setsid sh -c "./parent -c \"./doze 0.2; :\"; echo >>born" &) &'
END
chmod +x breeds
printf '#!./parent\n./doze 0.3\n:\n' >forks
chmod +x forks

all_born() { has_lines $((3 * $(count stdout))) born; }

# Runs the watched program, again if native was too late to read its name.
cause() {
	local wanted=$(($(count stdout) + 1))
	while ! has_lines $wanted; do
		lives $watcher || fail "it has exited: $(cat stderr)"
		"$@" &
		echo $! >>mine
		wait $!
		# wait: before another try
		sleep 0.1
	done
}

# is_left_out PROGRAM ARGUMENT... : EVENT OPTION...
is_left_out() {
	local program=
	while [ "$1" != : ]; do
		program="$program $1"
		shift
	done
	shift
	: >born >mine
	watch "$@" --json -- ./breeds
	for i in 1 2 3; do
		cause $program
		until_true all_born
	done
	# what the last command did comes before this; and wait for what its own command does, which
	# the next watch must not see
	cause $program
	until_true all_born
	stop
	for pid in $(jq -r .subject stdout); do
		grep -qx $pid mine || fail "$1: its own process $pid: $(cat stdout)"
	done
}

for provider in bpf native; do
	has_event $provider process.exit || {
		echo ": $provider has no process.exit here"
		continue
	}
	from="--provider $provider"
	is_left_out ./doze 0.3 : process.exec:comm=doze $from
	is_left_out ./doze 0 : process.exit:comm=doze $from
	is_left_out ./forks : process.fork:comm=forks $from

	# --self: the first command is the cause of the next
	: >born >mine
	watch process.exec:comm=nap $from --self -n 3 -- sh -c './nap 2 &'
	cause ./nap 0.3
	ends 0
	lines 3

	# a child that it had before exec is not left out
	rm -f go
	mkfifo go
	: >stdout >stderr
	sh -c './parent -c "read line <go; exec ./kip 0.3" &
		exec ksig watch process.exec:comm=kip -n1 '"$from" \
		>stdout 2>stderr &
	watcher=$!
	watching
	echo >go
	ends 0
	lines 1
done

if has_event bpf trace.syscalls.sys_enter_exit_group; then
	is_left_out ./doze 0 : trace.syscalls.sys_enter_exit_group:current.comm=doze
else
	echo ": no tracepoints by BPF here"
fi

# What the command leaves running is reaped at once: no zombie stays.
if has_event native process.exec; then
	watch process.exec:comm=doze -- sh -c '(sleep 1000 & echo $! >orphan) & sleep 1000'
	: >mine
	cause ./doze 0.3
	until_true [ -s orphan ]
	kill $(cat orphan)
	until_true [ ! -e /proc/$(cat orphan) ]
	kill -TERM $watcher
fi
