#!/bin/sh
# SPDX-License-Identifier: MIT
# runs: host
# If more events occur than ksig watch can act on, reported and lost events add up to the number of
# events, only one command runs at a time, and little cpu time is used.
. tests/functions.sh
own_folder "$@"
# a name that no unrelated process has
name=storm$$

has_event bpf process.exit || {
	echo "bpf has no process.exit here"
	exit 77
}

# total FILE: print the sum of the first column
total() { awk '{ n += $1 } END { print n + 0 }' "$1"; }
json_total() { jq -s 'map(1 + .lost_before + (.merged | tonumber)) | add // 0' stdout; }

# storm COUNT: start COUNT processes that exit immediately, and wait for them
storm() {
	run_target storm $name $1
	echo >&9
	wait $pid
}

# Check that the watch has reported $n forks of $pid and the exits of these $n children. The exits
# are matched by pid because the parent of an exited process isn't always known.
both_told() {
	sed -n -e 's/.*"process\.\(....\)".*"subject":"\(.*\)","value":"*\([^",]*\).*/\1 \2 \3/p' \
		-e 's/.* process\.\(....\) pid=\(.*\) .*=\(.*\) comm=.*/\1 \2 \3/p' stdout |
		awk -v pid=$pid -v n=$n '
		$1 == "fork" && $2 == pid { child[$3]; forks++ }
		$1 == "exit" && $2 in child { delete child[$2]; exits++ }
		END { exit forks != n || exits != n }'
}

told_or_lost() { both_told || grep -q lost stderr; }

# adds_up COUNT COMMAND: check that COMMAND prints COUNT plus the number of events that this
# function itself causes. The function causes more events because a loss is reported only with the
# next event, and that event may be lost as well.
adds_up() {
	local more=0 tries
	while [ $((more += 1)) -le 20 ]; do
		storm 1
		for tries in $(seq 200); do
			[ "$($2)" != $(($1 + more)) ] || return 0
			# wait: until the sum is right, or another event is needed
			sleep 0.02
		done
	done
	fail "not $1 and $more by '$2': $($2)"
}

n=20000
# With the default queue size, no event is lost. Each process causes two events. The storm waits for
# each process, so a slow machine causes events at a lower rate.
for provider in bpf native; do
	has_event $provider process.exit || {
		echo ": $provider has no process.exit here"
		continue
	}
	for format in "" --json; do
		watch process.fork process.exit --provider $provider $format
		before=$(ticks)
		start_ns=$(date +%s%N)
		storm $n
		rate=$((n * 1000000000 / ($(date +%s%N) - start_ns)))
		until_true told_or_lost
		! grep lost stderr || fail "$provider $format has lost events"
		echo ": $provider ${format:-text}: $rate processes/s, $(($(ticks) - before)) ticks"
		stop
	done
done

n=1000
# a slow machine needs a long time to run several hundred commands
patience=4000
# printed and lost events add up
watch process.exit:comm=$name --provider bpf --json --queue 16
storm 5000
adds_up 5000 json_total
stop

# --every prints at most one line per interval, but the watch reads every event, so none is lost
watch process.exit:comm=$name --provider bpf --json --every 200ms
before=$(ticks)
storm $n
adds_up $n json_total
[ "$(wc -l <stdout)" -lt $((n / 10)) ] || fail "too many lines: $(wc -l <stdout)"
used=$(($(ticks) - before))
[ "$used" -lt 200 ] || fail "it has used $used ticks for $n events"
stop

# with --every, a loss is reported even if the event that reports it is merged with a later event
watch process.exit:comm=$name --provider bpf --json --every 3s --queue 256
halt $watcher
storm 5000
kill -CONT $watcher
until_true [ -s stdout ]
storm 9
adds_up 5009 json_total
[ "$(wc -l <stdout)" -lt 100 ] || fail "none is replaced: $(cat stdout)"
stop

# if the signal for the event after a loss is refused, the next signal reports the loss
if command -v python3 >/dev/null; then
	start python3 -c 'import signal
def block(*args):
    signal.pthread_sigmask(signal.SIG_BLOCK, [44])
    print("blocked", flush=True)
signal.signal(signal.SIGUSR1, block)
print("ready", flush=True)
while "44 is not blocked":
    signal.pause()
    if 44 in signal.pthread_sigmask(signal.SIG_BLOCK, []):
        break
print("lost", signal.sigwaitinfo([44]).si_errno, flush=True)' >waits
	waits=$pid
	until_true grep -q ready waits
	watch process.exit:comm=$name --provider bpf --to $waits -s 44 --queue 256
	halt $watcher
	storm 1000
	kill -CONT $watcher
	until_true eval '[ $(wc -l <stdout) -gt 250 ]'
	storm 1
	until_true has_said 'events of process.exit were lost'
	lost=$(sed -n 's/.* \([0-9]*\) events of process.exit were lost.*/\1/p' stderr)
	until_true eval '[ $(wc -l <stdout) = $((1001 - lost)) ]'
	kill -USR1 $waits
	until_true grep -q blocked waits
	storm 1
	until_true grep -q "^lost $lost\$" waits
	ends 4
else
	echo ": no python3 here"
fi

# commands run one at a time; each command takes a while (wait: for nothing)
most=0
watch process.exit:comm=$name --provider bpf --every 200ms -- \
	sh -c 'echo $((1 + KSIG_LOST + KSIG_MERGED)) >>ran; sleep 0.1'
run_target storm $name $n
echo >&9
while lives $pid; do
	used=$(wc -w <"/proc/$watcher/task/$watcher/children")
	[ $used -le $most ] || most=$used
done
wait $pid
[ $most -le 1 ] || fail "$most commands ran at once"
adds_up $n 'total ran'
stop

# Without --every, the queue soon fills up and events are lost. The next event that fits reports
# the loss.
rm -f ran
: >busy
watch process.exit:comm=$name --provider bpf --queue 256 -- \
	sh -c 'echo $((1 + KSIG_LOST)) >>ran; while [ -e busy ]; do sleep 0.1; done'
before=$(ticks)
storm $n
until_true [ -s ran ]
[ "$(wc -w <"/proc/$watcher/task/$watcher/children")" = 1 ] ||
	fail "not one command runs"
used=$(($(ticks) - before))
[ "$used" -lt 100 ] || fail "it has used $used ticks, and waits only"
rm busy
# the queue drains again
until_true eval '[ $(wc -l <ran) -gt 10 ]'
adds_up $n 'total ran'
[ "$(wc -l <ran)" -lt $n ] || fail "nothing was lost"
says 'events of process.exit were lost'
stop
