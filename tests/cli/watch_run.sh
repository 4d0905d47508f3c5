#!/bin/sh
# SPDX-License-Identifier: MIT
# runs: host
# Check ksig watch without the module, with each provider that has the events on this system:
# output, commands, signals and exit status.
. tests/functions.sh
own_folder "$@"

# dozes COUNT: start COUNT processes that are named $doze. They keep running because native reads
# their names only after the event.
dozes() {
	local i
	for i in $(seq "$1"); do
		./$doze 1000 &
	done
}
# names that no unrelated processes have
doze=doze$$ spinner=spinner$$
ln -s "$(command -v sleep)" $doze
ln -s "$(command -v sh)" $spinner

# process_events PROVIDER: check process events. The results are the same for all providers.
process_events() {
	local from="--provider $1" value
	start_sleep
	watch process.exit:pid=$pid $from -n1
	says "($1)\$"
	sleep 0
	kill -TERM $pid
	ends 0
	lines 1
	# only BPF reports the exit status of a process that is not a child of the watch
	prints "$time process.exit pid=$pid status=(15|unknown) .*"
	watch process.exec:comm=$doze $from --skip 1 -n 2 --json
	dozes 4
	ends 0
	lines 2
	[ "$(jq -r '.event + " " + .provider + " " + .fields.comm' stdout | sort -u)" = \
		"process.exec $1 $doze" ] || fail "it printed: $(cat stdout)"
	gives 3 ksig watch process.exec:comm=nobody $from -t 300ms
	lines 0

	# Commands run one at a time, with the event in their environment. Each command takes a
	# while, so that concurrent commands would be noticed (wait: for nothing).
	rm -f ran
	watch process.exec:comm=$doze $from -n 3 -- sh -c 'mkdir alone && sleep 0.1 &&
		echo $KSIG_EVENT $KSIG_PROVIDER $KSIG_COMM $KSIG_LOST $KSIG_MERGED \
			$((KSIG_PID == KSIG_SUBJECT)) >>ran && rmdir alone'
	dozes 5
	ends 0
	[ "$(uniq -c ran | xargs)" = "3 process.exec $1 $doze 0 0 1" ] ||
		fail "it ran: $(cat ran)"
	watch process.exec:comm=$doze $from -n1 -- sh -c 'exit 7'
	dozes 1
	ends 1
	says "'sh' failed with exit status 7"
	rm -f hangs
	watch process.exec:comm=$doze $from -t 20 -- sh -c 'echo $$ >hangs; exec sleep 1000'
	dozes 1
	until_true [ -s hangs ]
	dozes 3
	ends 3
	says "'sh' was still running and was sent TERM"
	says '3 events of process.exec were not acted on'
	until_true ended "$(cat hangs)"

	# A real-time signal to a task that never sleeps is refused. The watch can't determine
	# whether the task waits for the signal, and must not retry forever.
	watch process.exec:comm=$spinner $from --to subject -s 44 -n1
	start ./$spinner -c 'while :; do :; done'
	ends 1
	prints "$time process.exec .* -> RTMIN\\+10 $pid refused"
	lives $pid
	kill -KILL $pid

	# the watch doesn't wake up while no event occurs
	start_sleep
	watch process.exit:pid=$pid $from
	until_true grep -q '^State:.S' /proc/$watcher/status
	value=$(sleeps)
	# wait: the watch must not wake up in this time
	sleep 1
	[ "$(sleeps)" = "$value" ] || fail "it was woken $(($(sleeps) - value)) times"
	stop

	# a target that exits, and one that doesn't consume its pending signals
	watch process.exec:comm=nobody $from --to $pid -s TERM
	kill -KILL $pid
	ends 4
	says "process $pid has exited"
	start_handler
	watch process.exec:comm=$doze $from --to $pid -s HUP -n 2 -t 60
	halt $pid
	dozes 3
	until_true has_said "process $pid is not consuming its pending signals"
	lives $watcher || fail "it has exited: $(cat stderr)"
	kill -KILL $pid
	ends 4
}

# Check that signals are sent later if the user's limit on pending signals has been reached.
full_queue() {
	chmod 711 .
	cp "$target" .
	start setpriv --reuid 54321 --regid 54321 --clear-groups \
		prlimit --sigpending=2 ./target threads >said
	until_true grep -q ready said
	halt $pid
	watch process.exec:comm=$doze --to $pid -s 44 -n 6 -t 60
	dozes 6
	until_true has_said "process $pid is not consuming its pending signals"
	[ "$(wc -l <stdout)" -lt 6 ] || fail "all were sent: $(cat stdout)"
	kill -CONT $pid
	ends 0
	lines 6
	until_true eval '[ "$(grep -c "^value 0 lost 0" said)" = 6 ]'
	kill -KILL $pid
}

# Check that a watch reports a failed command even if it ends because the watched process has
# exited.
over_and_failed() {
	start_sleep
	watch process.exit:pid=$pid --provider native -- false
	kill -KILL $pid
	ends 1
	says "'false' failed with exit status 1"
	start_sleep
	watch process.exit:pid=$pid --provider native -- true
	kill -KILL $pid
	ends 0
}

for provider in bpf native; do
	has_event $provider process.exit || {
		echo ": $provider has no process.exit here"
		continue
	}
	process_events $provider
done
full_queue
over_and_failed
