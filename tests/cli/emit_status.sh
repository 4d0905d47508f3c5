#!/bin/sh
# SPDX-License-Identifier: MIT
# runs: vm
# Check the output, messages and exit status of ksig emit and ksig status.
. tests/functions.sh
own_folder "$@"

# no time limit: busybox's timeout(1) would inherit the subscriptions' descriptors and be listed
limit=

# status_json: run ksig status --json
status_json() {
	gives 0 ksig status --json
	is_json
}

# subscription FD OFFERED DELIVERED QUEUED LOST [COMM]: print the line that ksig status --json
# prints for a subscription of this shell
subscription() {
	printf '{"pid":%d,"fd":%d,"provider":"module","channel":"test",' $$ "$1"
	printf '"filter":null,"target":null,"signo":null,'
	printf '"mode":null,"offered":"%d","delivered":"%d",' "$2" "$3"
	printf '"queued":"%d","lost":"%d","refused":"0",' "$4" "$5"
	printf '"signals":"0","deferred":"0","lost_upto":"0","flags":null,"event":null,"comm":"%s"}\n' \
		"${6:-emit_status.sh}"
}

# value: read a record from descriptor 5 and print its value as hexadecimal bytes
value() { dd bs=64 count=1 <&5 2>/dev/null | dd bs=8 skip=2 count=1 2>/dev/null | xxd -p; }

# no subscriptions
gives 0 ksig status
prints_just ''
says '^ksig: no subscriptions$'
says_no hidden
gives 0 su alice -c 'ksig status --json'
prints_just ''
says 'no subscriptions'
says 'subscriptions may be hidden'
gives 0 ksig emit 1
prints_just ''
says_no .

# a libksig subscription has two descriptors, but is listed only once
watch test:value=7
status_json
[ "$(wc -l <stdout)" = 1 ] &&
	grep -q '"provider":"module","channel":"test","filter":"library",.*"flags":"mapped","event":"test:value=7","comm":"ksig"}' stdout ||
	fail "of libksig's: $(cat stdout)"
stop

exec 5<>/dev/ksig/test
status_json
prints_just "$(subscription 5 0 0 0 0)"
gives 0 ksig emit 1
prints_just ''
gives 0 ksig emit 0x1122334455667788
gives 0 ksig emit -- -1
gives 0 ksig emit --json 18446744073709551614
prints_just '{"channel":"test","value":"-2"}'
status_json
prints_just "$(subscription 5 4 0 4 0)"
for wanted in 0100000000000000 8877665544332211 ffffffffffffffff; do
	got=$(value)
	[ "$got" = $wanted ] || fail "emitted: $got, not $wanted"
done
dd if=/dev/zero of=/dev/ksig/test bs=8 count=300 2>/dev/null
status_json
prints_just "$(subscription 5 304 3 256 45)"

# in the table, text is left-aligned and numbers are right-aligned
gives 0 ksig status
[ "$(sed 's/  */ /g;s/^ //' stdout)" = "\
PID FD PROVIDER CHANNEL FILTER TARGET SIGNO MODE OFFERED DELIVERED QUEUED LOST REFUSED SIGNALS DEFERRED LOST_UPTO FLAGS EVENT COMM
$$ 5 module test - - - - 304 3 256 45 0 0 0 0 - - emit_status.sh" ] ||
	fail "the table is: $(cat stdout)"
awk '	function start(s) { return index($0, s) }
	function end(s) { return index($0, s) + length(s) }
	NR == 1 { text = start(" CHANNEL "); name = start(" COMM")
		  number = end(" OFFERED "); last = end(" LOST_UPTO ") }
	NR == 2 { exit start(" test ") != text || end(" 304 ") != number ||
		  end(" 0 - ") - 2 != last || start(" emit_") != name }
' stdout || fail "it is not aligned: $(cat stdout)"

# a second subscription is listed; a write-only descriptor is not a subscription
exec 6</dev/ksig/test 7>/dev/ksig/test
gives 0 ksig emit 1
status_json
prints_just "$(subscription 5 305 3 256 46; subscription 6 1 0 1 0)"
exec 6<&- 7>&-

# a subscription that several processes share is listed once per process
start_sleep
status_json
prints_just "$(subscription 5 305 3 256 46
	subscription 5 305 3 256 46 sleep | sed "s/\"pid\":$$/\"pid\":$pid/")"
kill $pid
wait $pid || :

# special characters in a process name
printf 'a"b\\c\td\n\001\377\303\251' >/proc/$$/comm
status_json
prints_just "$(subscription 5 305 3 256 46 'a\"b\\c\u0009d\u000a\u0001\ufffdé')"
gives 0 ksig status
grep -q ' -  *a"b\\c?d???é$' stdout || fail "shown as $(cat stdout)"
printf 'x\300\200\355\240\200\360\237\230\200\177\302\233' >/proc/$$/comm
status_json
prints_just "$(subscription 5 305 3 256 46 \
	"x$(printf '\\ufffd%.0s' 1 2 3 4 5)😀\\u007f\\u009b")"
gives 0 ksig status
grep -q ' -  *x?????😀??$' stdout || fail "shown as $(cat stdout)"
printf 'emit status.sh' >/proc/$$/comm
gives 0 ksig status
grep -q ' -  *emit status.sh$' stdout || fail "shown as $(cat stdout)"

# a user without privileges sees only subscriptions of the user's own processes
gives 0 su alice -c 'ksig status --json; true'
[ "$(wc -l <stdout)" = 1 ] && grep -q '"comm":"sh"' stdout ||
	fail "alice sees: $(cat stdout)"

# ksig status stays silent about processes that start and exit while it reads /proc
[ -n "${KSIG_STRESS_MS-}" ] && looks=10 || looks=50
(exec 5<&-; while :; do sleep 0 & sleep 0; done) &
for i in $(seq $looks); do
	gives 0 ksig status
	says_no .
done
kill $!

for command in 'emit 1 --json' 'emit --help' status 'status --json' \
    'status --help'; do
	gives 1 sh -c "ksig $command >/dev/full"
	says '^ksig: cannot write: No space left on device$'
	[ "$(wc -l <stderr)" = 1 ] || fail "it repeats itself"
	gives 1 sh -c "ksig $command >&-"
	says 'cannot write'
done
gives 0 sh -c 'ksig emit 1 >/dev/full'
exec 5<&-

# fdinfo PROCESS THREAD FD LINE...: create an fdinfo file in the directory proc
fdinfo() {
	local dir=proc/$1/task/$2/fdinfo file=$3
	mkdir -p "$dir" "${dir%info}"
	ln -s /dev/null "${dir%info}/$file"
	echo "process $1" >proc/$1/comm
	shift 3
	printf '%b\n' "$@" >"$dir/$file"
}

# in_proc COMMAND...: run COMMAND with the directory proc mounted on /proc
in_proc() { unshare -m sh -c 'mount -o bind proc /proc && "$@"' sh "$@"; }

counters='ksig-offered:\t18446744073709551615\nksig-delivered:\t10000000000
ksig-queued:\t1\nksig-lost:\t2\nksig-refused:\t3\nksig-signals:\t4
ksig-deferred:\t5\nksig-lost_upto:\t6'
json='"offered":"18446744073709551615","delivered":"10000000000","queued":"1"'
json=$json',"lost":"2","refused":"3","signals":"4","deferred":"5","lost_upto":"6"'
head='pos:\t0\nflags:\t02100002\nmnt_id:\t25\nino:\t9'

mkdir proc
gives 5 in_proc ksig status
says 'is /proc mounted'
ln -s 99 proc/self
fdinfo 99 99 3 "$head" 'ksig-channel:\ttest'
fdinfo 7 7 0 "$head" 'sigmask:\t0'
fdinfo 7 7 3 "$head" 'ksig-channel:\ta' 'ksig-queue:\t16' 'ksig-target:\t812' \
	'ksig-signo:\t44' 'ksig-mode:\tdoorbell,process' "$counters" \
	'ksig-flags:\t'
# the thread group leader has exited; the other two threads share their descriptors
mkdir -p proc/8/task/8/fdinfo
fdinfo 8 81 4 "$head" 'ksig-channel:\tb' 'ksig-queue:\t16' "$counters" \
	'ksig-flags:\t target-gone hup mapped'
cp -r proc/8/task/81 proc/8/task/82
# a process that exits while /proc is being read
mkdir proc/9
fdinfo 10 10 3 'ksig-channel:\tc'
rm proc/10/comm
gives 0 in_proc ksig status --json
sort -o stdout stdout
prints_just '{"pid":7,"fd":3,"provider":"module","channel":"a","filter":null,"target":812,"signo":44,"mode":"doorbell,process",'$json',"flags":null,"event":null,"comm":"process 7"}
{"pid":8,"fd":4,"provider":"module","channel":"b","filter":null,"target":null,"signo":null,"mode":null,'$json',"flags":"target-gone,hup,mapped","event":null,"comm":"process 8"}'
gives 0 in_proc ksig status
grep -q ' doorbell,process 18446744073709551615 10000000000 .* -  *process 7$' stdout ||
	fail "the table is: $(cat stdout)"
: >proc/11
gives 1 in_proc ksig status
says 'cannot read /proc/11/task: Not a directory'

gives 2 ksig emit
says 'missing VALUE'
gives 2 ksig emit 1 2
says "too many arguments: '2'"
gives 2 ksig emit -5
says "negative VALUE must follow"
for bad in '' x 12x 0x 0x0x12 0xg 1.0 ' 1' +1 18446744073709551616 \
    0x10000000000000000; do
	gives 2 ksig emit "$bad"
	says "invalid value '$bad'"
done
gives 2 ksig emit -- -9223372036854775809
gives 2 ksig emit --unknown
says 'ksig emit: unrecognized option'
gives 2 ksig status extra
says "unexpected argument 'extra'"
gives 2 ksig status --unknown
says 'ksig status: unrecognized option'
for command in 'emit --help' 'emit -h' 'status --help' 'status -h'; do
	gives 0 ksig $command
	grep -q "^Usage: ksig ${command% *}" stdout || fail "no usage"
	grep -q '^Exit status:' stdout || fail "no exit status"
	grep -q '^Examples:' stdout || fail "no example"
	says_no .
done

# without permission, and without the module
gives 1 su alice -c 'ksig emit 1'
says 'Permission denied'
rmmod ksig
gives 5 ksig emit 1
says "/dev/ksig/test doesn't exist: ksig.ko is not loaded"
gives 0 ksig status
says 'no subscriptions'
insmod /ksig/ksig.ko
gives 0 ksig emit 1
