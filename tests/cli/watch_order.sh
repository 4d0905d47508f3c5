#!/bin/sh
# SPDX-License-Identifier: MIT
# runs: host
# If several EVENTs are given, ksig watch acts on events in the order in which they happened. The
# order of the EVENT arguments has no effect.
. tests/functions.sh
own_folder "$@"
# a name that no unrelated process has
brief=brief$$

# brief_lives N: run N short-lived processes in sequence, and write their pids to the file pids
brief_lives() {
	local i
	: >pids
	for i in $(seq $1); do
		./$brief &
		echo $! >>pids
		wait $!
	done
}

# check_lives FILE: check that FILE contains a fork, an exec and an exit in this order for each
# process in the file pids. The lines of FILE are "EVENT SUBJECT VALUE". Returns 1 if the order is
# wrong, and 2 if events are missing.
check_lives() {
	awk '
	FILENAME == "pids" { wanted[$1]; n++; next }
	$1 == "process.fork" { pid = $3; before = "" }
	$1 == "process.exec" { pid = $2; before = "process.fork" }
	$1 == "process.exit" { pid = $2; before = "process.exec" }
	!(pid in wanted) { next }
	{ if (state[pid] != before) bad++; state[pid] = $1; seen++ }
	END { printf "%d of %d out of order\n", bad, n
	      exit seen < 3 * n ? 2 : bad ? 1 : 0 }' pids "$1" >result
}

all_seen() {
	jq -r '"\(.event) \(.subject) \(.value)"' stdout >order
	check_lives order || [ $? = 1 ]
}

# watched PROVIDER HOW: check the order of 200 processes' events, which are mixed with the events of
# unrelated processes
watched() {
	watch process.exit process.exec process.fork --provider $1 --json
	[ $2 = live ] || halt $watcher
	brief_lives 200
	[ $2 = live ] || kill -CONT $watcher
	until_true all_seen
	stop
	check_lives order || fail "$1, $2: $(cat result)"
	echo ": $1, $2: $(cat result)"
}

# Check that commands run in the order of the events.
commands_in_order() {
	: >ran
	watch process.exit:comm=$brief process.exec:comm=$brief \
		process.fork:pid=$$ --provider bpf -- \
		sh -c 'echo "$KSIG_EVENT $KSIG_SUBJECT $KSIG_VALUE" >>ran'
	brief_lives 10
	until_true eval 'check_lives ran || [ $? = 1 ]'
	stop
	check_lives ran || fail "$(cat result ran)"
}

# Check the order of events if a link is set up and down repeatedly before the events are read.
links_in_order() {
	local n=200 i
	watch net.down net.up --provider native --json -n $((2 * n))
	halt $watcher
	for i in $(seq $n); do
		echo link set lo up
		echo link set lo down
	done | ip -batch -
	kill -CONT $watcher
	ends 0
	jq -r .event stdout | awk -v n=$n '
	$0 != (NR % 2 ? "net.up" : "net.down") { bad++ }
	END { printf "%d of %d out of order\n", bad, NR
	      exit bad || NR != 2 * n }' >result || fail "links: $(cat result)"
	echo ": links: $(cat result)"
}

# This part runs in a new network namespace.
if [ -n "${KSIG_NET-}" ]; then
	links_in_order
	exit
fi

cp /bin/true $brief
for provider in bpf native; do
	if has_event $provider process.exit; then
		# halted: many events wait in three queues; live: events are read as they arrive
		watched $provider halted
		watched $provider live
	else
		echo ": $provider has no process.exit here"
	fi
done
! has_event bpf process.exit || commands_in_order
cd "$top"
KSIG_NET=1 unshare -n "$0"
