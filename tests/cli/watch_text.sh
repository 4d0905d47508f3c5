#!/bin/sh
# SPDX-License-Identifier: MIT
# runs: host
# ksig watch quotes process names, so that a name can't be mistaken for other output or send control
# sequences to a terminal. It reports many losses in few lines. With --quiet, it prints only errors.
. tests/functions.sh
own_folder "$@"

has_event bpf process.exec || {
	echo "bpf has no process.exec here"
	exit 77
}
sleep=$(command -v sleep)

# shows NAME TEXT JSON: check that the program name NAME is printed as TEXT, and with --json as JSON
shows() {
	ln -sf "$sleep" "./$1"
	watch process.exec --provider bpf -n 1000000
	"./$1" 0 & pid=$!
	until_true grep -qa "pid=$pid " stdout
	stop
	grep -a "pid=$pid " stdout >line
	grep -qxF -e "process.exec pid=$pid comm=$2 parent=$$" <<-END || fail "not $2: $(cat line)"
		$(sed 's/^[^ ]* //' line)
	END
	[ -n "$3" ] || return 0
	watch process.exec --provider bpf -n 1000000 --json
	"./$1" 0 & pid=$!
	until_true grep -qa "\"subject\":\"$pid\"" stdout
	stop
	grep -a "\"subject\":\"$pid\"" stdout >line
	grep -qF -e "\"comm\":$3," line || fail "not $3: $(cat line)"
	jq -e . line >/dev/null || fail "no JSON: $(cat line)"
}
shows 'x -> TERM 1' '"x -> TERM 1"' '"x -> TERM 1"'
shows 'x->y' '"x->y"' '"x->y"'
shows unknown '"unknown"' '"unknown"'
shows 'a"b\c' '"a\"b\\c"' '"a\"b\\c"'
shows 'Grüße' 'Grüße' '"Grüße"'
shows '日本' '日本' '"日本"'
# a right-to-left override, an arrow and a no-break space
shows "$(printf 'a\342\200\256b')" '"a\u202eb"' '"a\u202eb"'
shows "$(printf 'a\342\206\222b')" "\"$(printf 'a\342\206\222b')\"" ''
shows "$(printf 'a\302\240b')" "\"$(printf 'a\302\240b')\"" ''
shows "$(printf 'a\033[2Jb')" '"a\x1b[2Jb"' '"a\u001b[2Jb"'
shows "$(printf 'a\302\233b')" '"a\u009bb"' '"a\u009bb"'
shows "$(printf 'a\377b')" '"a\xffb"' '"a\ufffdb"'
shows "$(printf 'a\363\240\200\201b')" '"a\U000e0001b"' '"a\udb40\udc01b"'
shows "$(printf 'a\357\274\236b')" "\"$(printf 'a\357\274\236b')\"" ''
shows "$(printf 'a\341\205\237b')" '"a\u115fb"' '"a\u115fb"'
shows "$(printf 'a\360\235\205\263b')" '"a\U0001d173b"' '"a\ud834\udd73b"'

# many losses are reported in few lines, and each lost event is counted once
mount_tracefs || {
	echo ": tracefs can't be mounted: no event was lost"
	exit 0
}
rounds=12
begin=$(date +%s)
gaps() {
	watch "trace.syscalls.sys_enter_write:current.comm=dd,fd=1" "$@"
	for i in $(seq $rounds); do
		before=$(wc -l <stdout)
		halt $watcher
		dd if=/dev/zero of=/dev/null bs=1 count=20000 2>/dev/null
		kill -CONT $watcher
		# wait until the queue has space for the event that reports the loss
		until_true eval '[ $(wc -l <stdout) -ge $((before + 256)) ]'
		dd if=/dev/zero of=/dev/null bs=1 count=1 2>/dev/null
	done
}
sum_lost() { awk '/ lost$/ { n += $2 } END { print n + 0 }' stderr; }
all_said() { [ $(($(wc -l <stdout) + $(sum_lost))) = $((rounds * 20001)) ]; }
gaps
until_true all_said
stop
allowed=$(($(date +%s) - begin + 2))
[ "$(grep -c lost stderr)" -le $allowed ] ||
	fail "$(grep -c lost stderr) lines, not $allowed: $(cat stderr)"

# with --quiet, only errors are printed
ksig watch process.exec:comm=nobody --quiet -t 1ms >stdout 2>stderr || [ $? = 3 ]
[ ! -s stderr ] || fail "it said: $(cat stderr)"
while read -r wrong right; do
	gives 2 ksig watch -q "$wrong"
	says "no event '$wrong'; did you mean '$right'?"
done <<'EOF'
proces.exec process.exec
process.eixt process.exit
net.upp net.up
resume power.resume
kmod kmod.load
EOF
gives 2 ksig watch -q something.else
says "no event 'something.else'; run 'ksig events' for a list"
gives 2 ksig watch -q ""
says "missing event name"
