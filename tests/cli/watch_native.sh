#!/bin/sh
# SPDX-License-Identifier: MIT
# runs: host
# With the native provider, ksig watch reports which information is not available.
. tests/functions.sh
own_folder "$@"

has_event native process.exit || {
	echo "native has no process.exit here"
	exit 77
}

# Events that the kernel dropped before the filter was applied are reported as an upper bound. None
# of the processes below matches the filter.
start_sleep
waits=$pid
watch process.exit:comm=nosuch --provider native --json --queue 1024 \
	--to $waits -s TERM
halt $watcher
run_target storm storm$$ 5000
echo >&9
wait $pid
kill -KILL $waits
kill -CONT $watcher
ends 4
says '^ksig: up to [0-9]* events of process.exit may have been lost$'
! grep -v 'up to' stderr | grep -q lost || fail "lost: $(cat stderr)"
jq -e 'select(.end) | .event == "process.exit" and .lost_before == 0 and
	.lost_upto > 1000' stdout >/dev/null || fail "$(cat stdout)"
[ "$(wc -l <stdout)" = 1 ] || fail "not one line: $(cat stdout)"

# Before the first event, the watch reports the fields that native can't provide.
for event in process.fork process.exec process.exit; do
	watch $event:tgid=1 --provider native
	says "^ksig: $event: native does not know "
	stop
done
start_sleep
watch process.exit:pid=$pid --provider native
says '^ksig: process.exit: native does not know the status'
kill -KILL $pid
ends 0
