#!/bin/sh
# SPDX-License-Identifier: MIT
# runs: host
# ksig watch --initial reports the initial state first: in text, in JSON, to a command, and with a
# filter that is a pattern.
. tests/functions.sh
own_folder "$@"

# a process that has exited already; the shell has reaped it
sh -c : &
gone=$!
wait $gone
unknown="process\.exit pid=$gone status=unknown comm=unknown parent=unknown"
gives 0 ksig watch process.exit:pid=$gone --initial
lines 1
prints "$time $unknown \(initial\)"
says "^ksig: process.exit:pid=$gone: the process has exited"
gives 0 ksig watch process.exit:pid=$gone --initial --json
is_json
jq -e '.initial == true and .value == null' stdout >/dev/null || fail "$(cat stdout)"
start_zombie
gives 0 ksig watch process.exit:pid=$zombie --initial
prints "$time process\.exit pid=$zombie .* parent=$pid \(initial\)"

# a change is not marked
start_sleep
watch process.exit:pid=$pid --initial --json
kill -KILL $pid
ends 0
jq -e '.initial == false' stdout >/dev/null || fail "$(cat stdout)"

# the network namespace is new, so lo is down
gives 0 unshare -n ksig watch net.down:ifname='eth?|l[a-o]' --initial -n 1 -- \
	sh -c 'echo "$KSIG_IFNAME $KSIG_INITIAL"'
prints 'lo 1'
gives 3 unshare -n ksig watch net.down:ifname='eth?|l[!o]' --initial -t 10ms
lines 0

# events without a state
gives 2 ksig watch power.resume time.set --initial
says 'column 1: power.resume has no initial state'
gives 2 ksig watch process.exit --initial
gives 3 ksig watch net.up time.set --initial -t 10ms
says '^ksig: time.set has no initial state; only changes are reported$'

# a device whose name begins with a dot
if unshare -nm sh -c 'mount -t sysfs sysfs /sys && ip link add .x type veth peer name .y && exec "$@"' \
	- ksig watch device.add:subsystem=net,name=.x --initial -n1 -t 10s >stdout 2>stderr; then
	lines 1
else
	[ $? != 3 ] || fail "device.add has no .x: $(cat stderr)"
	echo ": no veth or sysfs here: a device whose name begins with a dot is not tested"
fi
