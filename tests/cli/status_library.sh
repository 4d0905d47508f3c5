#!/bin/bash
# SPDX-License-Identifier: MIT
# runs: host
# Without the module, ksig status lists libksig subscriptions. It reads the status files that
# libksig keeps about them, and copes with invalid and forged files.
. tests/functions.sh
own_folder "$@"

# row PID: print the lines of ksig status --json about process PID
row() { ksig status --json 2>/dev/null | grep "^{\"pid\":$1,"; }
counted() { row "$1" | grep -q "\"offered\":\"$2\",\"delivered\":\"$2\","; }
has() { [[ $row == *$1* ]] || fail "no $1 in: $row"; }

# ksig status shows a line for each subscription of a watch, with separate counters
start_sleep
watch process.exit:pid=$pid --provider native -- tail --pid=$$ -f /dev/null
row=$(row $watcher)
has '"provider":"native","channel":null,"filter":"'
has '"target":null,"signo":null,"mode":null,"offered":"0","delivered":"0"'
has '"flags":null,"event":"process.exit:pid='$pid'","comm":"ksig"}'
kill $pid
wait $pid || :
until_true counted $watcher 1
if has_event bpf process.exec; then
	watch 'process.exec:comm=ksig_no_such' process.exec --provider bpf -t 600
	[ "$(row $watcher | grep -c '"provider":"bpf","channel":null,"filter":"kernel",')" = 1 ] ||
		fail "not one is filtered in the kernel: $(row $watcher)"
	[ "$(row $watcher | grep -c '"filter":null,.*"event":"process.exec",')" = 1 ] ||
		fail "not one is not filtered: $(row $watcher)"
	# it would go on writing to the file stdout
	stop
else
	echo "# process.exec from bpf skipped: not available here"
fi

# Start a process with forged status files. The arguments of status() are
# PROVIDER EVENT FILTER FD TARGET SIGNO MODE FLAGS STATS_FLAGS.
cat >liar.py <<'END'
import os, struct, sys, time

def memfd(content):
    os.write(os.memfd_create("ksig"), content)

def status(provider, event, *numbers, magic=b"ksigsub2", seq=0, counters=range(7, 14)):
    return struct.pack("8s16s256sIiiiII11Q", magic, provider, event,
                       *numbers[:6], seq, *counters, numbers[6], 0, 14)

good = status(b"bpf", b"a\x1b[31m b", 2, -1, 812, 44, 1, 1, 7)
memfd(good)
# the sequence count stays odd; the strings are not terminated; the numbers are out of range
memfd(status(b"native", b"e" * 256, 9, -1, -1, -2, 9, 8, 1 << 63, seq=1,
             counters=[2**64 - 1] * 7))
# two subscriptions of the module: descriptor 200 is open, descriptor 77 is not
memfd(status(b"module", b"test:value=1", 2, 200, 99, 10, 0, 0, 4))
memfd(status(b"module", b"other", 0, 77, 0, 0, 0, 0, 0))
os.dup2(os.open("/dev/null", os.O_RDONLY), 200)
# none of these files is a valid status file
memfd(good[:-1])
memfd(b"")
memfd(status(b"bpf", b"x", 0, 0, 0, 0, 0, 0, 0, magic=b"ksigsub1"))
memfd(status(b"b\x1bf", b"x", 0, 0, 0, 0, 0, 0, 0))
memfd(status(b"bpf" + b"f" * 13, b"x", 0, 0, 0, 0, 0, 0, 0))
memfd(status(b"bpf", b"", 0, 0, 0, 0, 0, 0, 0))
# once its file system is unmounted, this regular file's link in /proc looks like a memfd
fd = os.open(sys.argv[1] + "/memfd:ksig (deleted)", os.O_RDWR | os.O_CREAT)
os.write(fd, good)
os.system("umount -l " + sys.argv[1])
assert os.readlink("/proc/self/fd/%d" % fd) == "/memfd:ksig (deleted)"
print("ready", flush=True)
time.sleep(600)
END
mkdir mnt
start unshare -m sh -c 'mount -t tmpfs none mnt && exec python3 liar.py mnt' >said
liar=$pid
until_true grep -q ready said
gives 0 ksig status --json
row=$(grep -a "^{\"pid\":$liar," stdout |
	sed 's/.*"provider"/"provider"/;s/,"comm".*//')
wanted='"provider":"bpf","channel":null,"filter":"library","target":812,"signo":44,"mode":"doorbell,process","offered":"7","delivered":"8","queued":"9","lost":"10","refused":"11","signals":"12","deferred":"13","lost_upto":"14","flags":"target-gone,hup","event":"a\u001b[31m b"'
wanted+=$'\n''"provider":"native","channel":null,"filter":"library","target":null,"signo":null,"mode":null,"offered":"18446744073709551615","delivered":"18446744073709551615","queued":"18446744073709551615","lost":"18446744073709551615","refused":"18446744073709551615","signals":"18446744073709551615","deferred":"18446744073709551615","lost_upto":"14","flags":null,"event":"'$(printf 'e%.0s' {1..255})'"'
wanted+=$'\n''"provider":"module","channel":null,"filter":"library","target":99,"signo":10,"mode":"each","offered":"7","delivered":"8","queued":"9","lost":"10","refused":"11","signals":"12","deferred":"13","lost_upto":"14","flags":null,"event":"test:value=1"'
wanted+=$'\n''"provider":"module","channel":null,"filter":null,"target":null,"signo":null,"mode":null,"offered":"7","delivered":"8","queued":"9","lost":"10","refused":"11","signals":"12","deferred":"13","lost_upto":"14","flags":null,"event":"other"'
[ "$row" = "$wanted" ] || fail "of the liar: $row"
! ksig status | grep -q $'\033' || fail "it prints a terminal's control characters"

# A subscription to a channel that both the kernel and a status file report is listed once, with
# the kernel's counters.
mkdir -p real "proc/$liar/task/$liar/fdinfo"
echo comm >"proc/$liar/comm"
ln -s "$PWD/real/self" "proc/self"
ln -s "$PWD/real/$liar/fd" "proc/$liar/task/$liar/fd"
printf 'ksig-%s\n' $'channel:\ttest' $'offered:\t3' $'delivered:\t2' \
	$'queued:\t1' $'lost:\t0' $'refused:\t0' $'signals:\t0' \
	$'deferred:\t0' $'lost_upto:\t4' $'flags:\t mapped' >"proc/$liar/task/$liar/fdinfo/200"
# these lines are forged: descriptor 1 is not a device
cp "proc/$liar/task/$liar/fdinfo/200" "proc/$liar/task/$liar/fdinfo/1"
for fd in /proc/$liar/fd/*; do
	[ "$(readlink "$fd")" = '/memfd:ksig (deleted)' ] &&
		: >>"proc/$liar/task/$liar/fdinfo/${fd##*/}"
done
row=$(unshare -m sh -c 'mount --rbind /proc real &&
	mount --bind proc /proc && ksig status --json' |
	grep '"module"' | sed 's/,"comm".*//;s/.*"fd"/"fd"/' | LC_ALL=C sort)
wanted='"fd":200,"provider":"module","channel":"test","filter":"library","target":99,"signo":10,"mode":"each","offered":"3","delivered":"2","queued":"1","lost":"0","refused":"0","signals":"0","deferred":"0","lost_upto":"4","flags":"mapped","event":"test:value=1"'
[ "$(head -n 1 <<<"$row")" = "$wanted" ] && [ "$(wc -l <<<"$row")" = 2 ] ||
	fail "of a channel: $row"
