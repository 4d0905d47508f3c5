#!/bin/sh
# SPDX-License-Identifier: MIT
# runs: host
# A watch whose filter names one process ends when that process exits. The events and the exit
# status are the same with all providers.
. tests/functions.sh
own_folder "$@"

# ends_with PROVIDER EVENT LINES: check that the watch of a process prints LINES lines and ends
# when the process exits
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
	# the watch also ends if it runs a command, and if fewer than -n events have occurred
	start_sleep
	watch process.exit:pid=$pid --provider $provider -n 5 -- true
	kill -KILL $pid
	ends 0
	# a pid that no longer exists is refused and named in the error
	gives 4 ksig watch process.exit:pid=$pid --provider $provider
	says "column 18: .*process $pid"
	# a zombie is refused as well
	start_zombie
	gives 4 ksig watch process.exit:pid=$zombie --provider $provider
	says "process $zombie"
	kill -KILL $pid
done
[ "$done" ] || {
	echo "no process.exit here"
	exit 77
}

# a filter that names the running task by its pid
if has_event bpf process.exit && mount_tracefs 2>stderr; then
	start_sleep
	watch "trace.syscalls.sys_enter_write:current.pid=$pid"
	kill -KILL $pid
	ends 0
else
	echo ": bpf has no tracepoints here: $(cat stderr)"
fi

# with two EVENTs, the watch continues until both processes have exited
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
