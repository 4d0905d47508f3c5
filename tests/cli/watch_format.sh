#!/bin/sh
# SPDX-License-Identifier: MIT
# runs: host
# Check ksig watch --format, placeholders in the arguments of a command, --restart, and the
# specification in JSON.
. tests/functions.sh
own_folder "$@"

# exits ARGUMENT...: watch the exit of a process that is killed by TERM
exits() {
	start_sleep
	watch process.exit:pid=$pid "$@"
	kill -TERM $pid
	ends 0
}

exits --format '{event}|{pid}|{comm}|{subject}|{merged}{lost}{initial}|{spec}|{{pid}|{ pid}|{}|{'
prints_just "process.exit|$pid|sleep|$pid|000|process.exit:pid=$pid|{pid}|{ pid}|{}|{"
exits --format '{time} {provider}'
prints '[0-9-]{10}T[0-9:]{8}\.[0-9]{9}Z [a-z]+'
exits --format "$(printf '{comm}\t{pid}\n.')"
equal 'with a tab' "$(cat stdout)" "$(printf 'sleep\t%s\n.' $pid)"
exits --format ''
[ "$(wc -c <stdout)" = 1 ] || fail "not an empty line: $(cat stdout)"
exits --json
[ "$(jq -r .spec stdout)" = "process.exit:pid=$pid" ] || fail "$(cat stdout)"

# a field that only the other event has is empty
start_sleep
gives 0 unshare -n ksig watch net.down process.exit:pid=$pid --initial -n1 \
	--format '{ifname}|{pid}|{comm}'
prints_just 'lo||'

# text from outside can't control the terminal
ln -s "$(command -v sleep)" "$(printf 'a\033b')"
start ./a* 1000
until_true grep -q a.b /proc/$pid/comm
watch process.exit:pid=$pid --format '{comm}'
kill -TERM $pid
ends 0
prints_just 'a?b'

# in a command, a placeholder that is not a field of any event is left unchanged
exits -- sh -c 'printf "%s\n" "$@" >ran' sh 'p{pid}{comm}' '{nofield}' '{{event}}' '${KSIG_PID}' '{}'
equal 'the command got' "$(cat ran)" "p${pid}sleep
{nofield}
{{event}}
\${KSIG_PID}
{}"

# nor is a variable of a script that has the name of a field, or of a key of a uevent
gives 0 unshare -n ksig watch net.down --initial -n1 -- \
	sh -c 'ifname=mine; echo "${ifname} {ifname}"'
prints 'mine lo'
if ksig watch device.add --initial -n1 >/dev/null 2>&1; then
	gives 0 ksig watch device.add --initial -n1 -- sh -c 'A=mine; echo "${A} ${KSIG_EVENT} {A}|"'
	prints 'mine device.add \|'
fi

gives 2 ksig watch net.up --format '{speed}'
says "unknown field 'speed': net.up has: ifindex, ifname, time, event, spec"
gives 2 ksig watch net.up net.address --format '{speed}'
says "no EVENT has a field 'speed'"
gives 2 ksig watch net.up --format x --json
says 'cannot be used together'
gives 2 ksig watch net.up --restart
says 'requires a command'

# log TEXT: add a message to the kernel's log
log() { printf '<7>ksig-test %s\n' "$1" >/dev/kmsg; }
gives 3 ksig watch kernel.log -t 10ms || { echo ': --restart: no /dev/kmsg'; exit 0; }

# the next event ends the command
watch "kernel.log:text=ksig-test $$ *" -n 3 --restart -- sh -c \
	'trap "echo ended >>began; exit 1" TERM; echo "$KSIG_TEXT" >>began; echo $$ >running
	while :; do sleep 0.05; done'
for i in 1 2 3; do
	rm -f running
	log "$$ $i"
	until_true [ -s running ]
done
kill -TERM $(cat running)
ends 1
equal 'the commands' "$(cat began)" "ksig-test $$ 1
ended
ksig-test $$ 2
ended
ksig-test $$ 3
ended"
# only the last one failed by itself
[ "$(grep -c 'failed with exit status' stderr)" = 1 ] || fail "$(cat stderr)"

# KILL if it ignores TERM
rm -f running
watch "kernel.log:text=ksig-test $$ *" -n 2 --restart -- sh -c \
	'trap "" TERM; echo $$ >running; [ "{text}" != "ksig-test '$$' 2" ] || exit 0
	while :; do sleep 0.05; done'
log "$$ 1"
until_true [ -s running ]
log "$$ 2"
ends 0

# a command that this user may not signal is left to end by itself
cp "$top/build/ksig" "$(command -v setpriv)" .
chmod 4711 setpriv
mkdir m
rm -f go
: >began >stdout >stderr
setpriv --reuid 54321 --regid 54321 --clear-groups ./ksig watch fs.mount:source=ksig-test -n 2 \
	--restart -- ./setpriv --reuid 0 sh -c 'echo >>began; until [ -e go ]; do sleep 0.02; done' \
	>stdout 2>stderr &
watcher=$!
watching
mount -t tmpfs ksig-test m
until_true has_lines 1 began
mount -t tmpfs ksig-test m
until_true has_said "cannot end './setpriv' for --restart: Operation not permitted; waiting"
: >go
ends 0
has_lines 2 began || fail 'the second command was not run'
umount m
umount m
