#!/bin/sh
# SPDX-License-Identifier: MIT
# runs: host
# For each EVENT, --json and stderr report the same number of lost events, and each loss only once.
. tests/functions.sh
own_folder "$@"

for provider in bpf native module none; do
	has_event $provider process.exec && break
done
[ $provider != none ] || {
	echo "no process.exec here"
	exit 77
}
for name in kip nap; do
	ln -s "/bin/true" $name
done
run() { local i=0; while [ $((i += 1)) -le $1 ]; do ./$2; done; }

# same EVENT: check that --json and stderr report the same total for EVENT; sets $sum to the total
same() {
	local json said

	json=$(jq -r "select(.event == \"$1\") | .lost_before" stdout | awk \
		'{ n += $1 } END { print n + 0 }')
	said=$(awk -v event=$1 '/ (was|were) lost$/ && $5 == event { n += $2 }
		END { print n + 0 }' stderr)
	[ $json = $said ] || fail "$1: $json by --json, $said by stderr: $(cat stdout stderr)"
	sum=$json
}

# lose OPTION...: run a watch with these options, and halt it so that events are lost. Check that
# the watch reports the loss with the events that follow.
lose() {
	watch process.exec process.fork --provider $provider --queue 16 --json "$@"
	run 1 kip
	for i in 1 2; do
		halt $watcher
		run 300 kip
		kill -CONT $watcher
		until_true eval 'run 1 nap; grep -q "process.exec w.* lost" stderr'
	done
	kill -TERM $watcher
	until_true ended $watcher
	wait $watcher || :
	same process.fork
	same process.exec
	[ $sum -gt 0 ] || fail "no loss with $*: $(cat stderr)"
}
lose
lose --every 1h
lose --every 20ms
lose --skip 5
lose --skip 100000
