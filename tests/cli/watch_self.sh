#!/bin/sh
# SPDX-License-Identifier: MIT
# runs: host
# ksig watch ignores its own processes. A command, or a process that a command leaves running, never
# causes another command of the same watch.
. tests/functions.sh
own_folder "$@"
# names that no unrelated processes have
export kip=kip$$ parent=parent$$
doze=doze$$ nap=nap$$ forks=forks$$

mount_tracefs ||
	echo ": tracefs can't be mounted: no tracepoint is tried"
ln -s "$(command -v sleep)" $doze
ln -s "$(command -v sleep)" $nap
ln -s "$(command -v sleep)" $kip
ln -s "$(command -v sh)" $parent
count() { wc -l <"$1"; }

# The command runs the watched program as a child, as a grandchild whose parent has exited, and in
# a new session. Each run appends a line to the file born.
cat >breeds <<END
#!/bin/sh
./$forks
./$parent -c './$doze 0.1; echo >>born'
(./$parent -c './$doze 0.2; echo >>born') &
sh -c '(setsid sh -c "./$parent -c \"./$doze 0.2; :\"; echo >>born" &) &'
END
chmod +x breeds
printf '#!./%s\n./%s 0.3\n:\n' $parent $doze >$forks
chmod +x $forks

all_born() { has_lines $((3 * $(count stdout))) born; }

# cause PROGRAM ARGUMENT...: run the watched program until the watch reports it. If native reads
# its name too late, the program is run again.
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

# is_left_out PROGRAM ARGUMENT... : EVENT OPTION...: check that the watch reports PROGRAM if the
# test runs it, but not if the watch's command runs it
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
	# Cause one more event, after all events of the last command. Also wait for the command that
	# this event starts, so that the next watch doesn't see that command's processes.
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
	is_left_out ./$doze 0.3 : process.exec:comm=$doze $from
	is_left_out ./$doze 0 : process.exit:comm=$doze $from
	is_left_out ./$forks : process.fork:comm=$forks $from

	# with --self, the first command causes the second one
	: >born >mine
	watch process.exec:comm=$nap $from --self -n 3 -- sh -c "./$nap 2 &"
	cause ./$nap 0.3
	ends 0
	lines 3

	# a child that was started before its parent executed ksig is not ignored
	rm -f go
	mkfifo go
	: >stdout >stderr
	sh -c './$parent -c "read line <go; exec ./$kip 0.3" &
		exec ksig watch process.exec:comm=$kip -n1 '"$from" \
		>stdout 2>stderr &
	watcher=$!
	watching
	echo >go
	ends 0
	lines 1
done

if has_event bpf trace.syscalls.sys_enter_exit_group; then
	is_left_out ./$doze 0 : trace.syscalls.sys_enter_exit_group:current.comm=$doze
else
	echo ": bpf has no tracepoints here"
fi

# A process that the command leaves running is reaped as soon as it exits.
if has_event native process.exec; then
	watch process.exec:comm=$doze -- sh -c '(sleep 1000 & echo $! >orphan) & sleep 1000'
	: >mine
	cause ./$doze 0.3
	until_true [ -s orphan ]
	kill $(cat orphan)
	until_true [ ! -e /proc/$(cat orphan) ]
	kill -TERM $watcher
fi
