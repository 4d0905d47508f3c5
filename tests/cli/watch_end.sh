#!/bin/sh
# SPDX-License-Identifier: MIT
# runs: host
# A watch whose filter names one process ends when that process exits, with the same events
# and the same exit status by each provider.
. tests/functions.sh
own_folder "$@"

# ends_with PROVIDER EVENT LINES: a process exits, and so many lines are printed
ends_with() {
	start_sleep
	watch "$2:pid=$pid" --provider $1
	kill -KILL $pid
	ends 0
	says "^ksig: $2:pid=$pid: the process has exited"
	lines $3
}

done=
for provider in module bpf native; do
	has_event $provider process.exit || {
		echo ": $provider has no process.exit here"
		continue
	}
	done=1
	ends_with $provider process.exit 1
	has_event $provider process.exec && ends_with $provider process.exec 0
	has_event $provider process.fork && ends_with $provider process.fork 0
	# also before -n is reached, and with a command
	start_sleep
	watch process.exit:pid=$pid --provider $provider -n 5 -- true
	kill -KILL $pid
	ends 0
	# exited before: refused, with the pid
	gives 4 ksig watch process.exit:pid=$pid --provider $provider
	says "column 18: .*process $pid"
	# not reaped by its parent
	start_zombie
	gives 4 ksig watch process.exit:pid=$zombie --provider $provider
	says "process $zombie"
	kill -KILL $pid
done
[ "$done" ] || {
	echo "no process.exit here"
	exit 77
}

# the running task
if has_event bpf process.exit && mount_tracefs 2>stderr; then
	start_sleep
	watch "trace.syscalls.sys_enter_write:current.pid=$pid"
	kill -KILL $pid
	ends 0
else
	echo ": no tracepoints by BPF here: $(cat stderr)"
fi

# with two EVENTs, one continues
if has_event native process.exit; then
	start_sleep
	first=$pid
	start_sleep
	watch process.exit:pid=$first process.exit:pid=$pid --provider native
	kill -KILL $first
	until_true has_said 'the process has exited'
	lives $watcher || fail "ended with the first"
	kill -KILL $pid
	ends 0
	lines 2
fi
