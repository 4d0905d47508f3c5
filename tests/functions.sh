# SPDX-License-Identifier: MIT
# Helper functions for the shell tests. They work in bash, dash and busybox. A test runs in the top
# directory of the tree (in a VM: in /) and begins with ". tests/functions.sh". If the test creates
# files, its next line is 'own_folder "$@"'. If $log is set, a failing test prints the file $log.
set -eu

fail() {
	echo "$*"
	[ -z "${log-}" ] || cat "$log"
	exit 1
}

# own_folder ARGUMENT...: rerun the script with these arguments in an empty directory, a new mount
# namespace and a new process group. Needs root. When the test ends, every process in the group is
# killed and the directory is removed.
own_folder() {
	local rc=0

	top=$(pwd)
	top=${top%/}
	if [ -z "${KSIG_TMP-}" ]; then
		KSIG_TMP=$(mktemp -d)
		export KSIG_TMP
		setsid unshare -m "$0" "$@" &
		trap 'kill -KILL -$!' TERM
		wait $! || rc=$?
		kill -KILL -$! 2>/dev/null || :
		rm -rf "$KSIG_TMP"
		exit $rc
	fi
	cd "$KSIG_TMP"
	# commands that run as another user must be able to enter the directory
	chmod 711 .
	PATH=$top/build:$PATH
	target=$top/build/tests/cli/target
}

# ------------------------------------------------------------- conditions

# until_true COMMAND...: wait until COMMAND succeeds. Fails after $patience attempts, which are
# 20 ms apart (default: 3000 attempts, one minute).
until_true() {
	local tries=0

	until "$@" 2>/dev/null; do
		[ $((tries += 1)) -le ${patience:-3000} ] || fail "timed out: $*"
		# wait: between two checks of a condition
		sleep 0.02
	done
}

lives() { grep -q '^State:.[^Z]' "/proc/$1/status" 2>/dev/null; }
ended() { ! lives "$1"; }

# has_lines N [FILE]: FILE (default: stdout) has at least N lines
has_lines() { [ "$(wc -l <"${2:-stdout}")" -ge "$1" ]; }

# equal WHAT GOT WANTED: check that the strings GOT and WANTED are equal
equal() { [ "$2" = "$3" ] || fail "$1: '$2', not '$3'"; }

# channel NAME ATTRIBUTE: print an attribute of the channel from sysfs
channel() { cat "/sys/class/ksig/$1/$2"; }

# until_subscribers CHANNEL N: wait until the channel has N subscribers
until_subscribers() { until_true eval "[ \$(channel $1 subscribers) = $2 ]"; }

# -------------------------------------------------- a command and its output

limit='timeout 300'

# gives STATUS COMMAND...: run COMMAND with its output in the files stdout and stderr. Check that
# COMMAND exits with STATUS within $limit. If STATUS is not 0, COMMAND must also print an error.
gives() {
	local wanted=$1 got=0 limit=$limit

	shift
	# timeout(1) can't run shell functions
	case $(command -v "$1") in
	*/*)	;;
	*)	limit= ;;
	esac
	$limit "$@" >stdout 2>stderr || got=$?
	[ $got = "$wanted" ] ||
		fail "'$*' gave $got, not $wanted: $(cat stdout stderr)"
	[ $got = 0 ] || [ -s stderr ] || fail "'$*' failed without a message"
}

# says REGEX, says_no REGEX: check that stderr matches or doesn't match REGEX
# prints REGEX: check that a whole line of stdout matches REGEX
says() { grep -q -e "$1" stderr || fail "no '$1' in stderr: $(cat stderr)"; }
says_no() { ! grep -q -e "$1" stderr || fail "'$1' in stderr: $(cat stderr)"; }
prints() { grep -qxE -e "$1" stdout || fail "no line '$1' in stdout: $(cat stdout)"; }
# prints_just TEXT: check that stdout contains TEXT and nothing else
prints_just() { [ "$(cat stdout)" = "$1" ] || fail "not '$1' in stdout: $(cat stdout)"; }
# lines N: check that stdout has exactly N lines
lines() { [ "$(wc -l <stdout)" = "$1" ] || fail "not $1 lines in stdout: $(cat stdout)"; }

# is_json: check that each line of stdout is a JSON object without arrays
is_json() {
	local string='"([^"\\[:cntrl:]]|\\(["\\/bfnrt]|u[0-9a-f]{4}))*"'
	local pair="$string:($string|0|-?[1-9][0-9]*|null|true|false|\\{[^{}]*\\})"

	! grep -vE "^\{$pair(,$pair)*\}\$" stdout || fail "not JSON: $(cat stdout)"
}

# ------------------------------------------------------ background processes

# start COMMAND...: run COMMAND in the background with the script's standard input, and set $pid
start() {
	{ "$@" <&7 7<&- & } 7<&0
	pid=$!
}

# start_sleep: start a process that sleeps, and set $pid
start_sleep() {
	start sleep 1000
	until_true grep -qx sleep "/proc/$pid/comm"
}

# start_handler [SHELL]: start a process that appends "hup PID" to the file hups each time it
# receives HUP, and set $pid
start_handler() {
	rm -f ready
	start "${1:-sh}" -c 'trap "echo hup $$ >>hups" HUP; : >ready
		while :; do sleep 0.02; done'
	until_true [ -e ready ]
}

# start_zombie: create a zombie, set $zombie to its pid, and set $pid to the zombie's parent, which
# never waits for its children. A shell would reap the zombie, so the child exits only once the
# parent has executed sleep.
start_zombie() {
	rm -f zombie
	start sh -c 'sh -c "until grep -qx sleep /proc/$$/comm; do sleep 0.02; done" &
		echo $! >zombie; exec sleep 1000'
	until_true [ -s zombie ]
	zombie=$(cat zombie)
	until_true grep -q '^State:.Z' "/proc/$zombie/status"
}

# halt PID: stop the process, so that it handles no signal until it is continued
halt() {
	kill -STOP $1
	until_true grep -q '^State:.T' /proc/$1/status
}

# start_listen ARGUMENT...: run ksig listen in the background with its output in the file
# received, and set $pid
start_listen() {
	: >listening
	ksig listen "$@" >received 2>listening &
	pid=$!
	until_true eval 'grep -q "as pid" listening || ended $pid'
	lives $pid || fail "ksig listen $*: $(cat listening)"
}

# received TEXT: check that ksig listen exits with status 0 and that its output was TEXT
received() {
	wait $pid || fail "ksig listen ended with $?: $(cat listening)"
	equal 'ksig listen printed' "$(cat received)" "$1"
}

# ---------------------------------------------------------------- ksig watch

# a regular expression for the time of an event in text output
time='[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\.[0-9]{3}'

has_said() { grep -q -e "$1" stderr || ended $watcher; }

# watching: wait until $watcher reports that it is watching
watching() {
	until_true has_said '^ksig: watching .*)$'
	says '^ksig: watching .*)$'
}

# watch ARGUMENT...: run ksig watch in the background, set $watcher, and wait until it is watching
watch() {
	: >stdout >stderr
	ksig watch "$@" >stdout 2>stderr &
	watcher=$!
	watching
}

# ends STATUS: check that $watcher exits with STATUS
ends() {
	local got=0

	until_true ended $watcher
	wait $watcher || got=$?
	[ $got = "$1" ] || fail "ksig watch gave $got, not $1: $(cat stderr)"
}

# stop: terminate $watcher
stop() {
	kill -TERM $watcher
	until_true ended $watcher
	wait $watcher || :
}

# sleeps: print how often $watcher has blocked
# ticks: print how many ticks of cpu time $watcher has used
sleeps() { awk '/^voluntary/ { print $2 }' /proc/$watcher/status; }
ticks() { sed 's/.*) //' /proc/$watcher/stat | awk '{ print $12 + $13 }'; }

# needs_libsystemd: skip the test if ksig was built without libsystemd
needs_libsystemd() {
	ksig watch net.up --provider native --to unit:a -s HUP -t 1ms 2>stderr || :
	if grep -q 'built without libsystemd' stderr; then
		echo "ksig was built with SYSTEMD=0"
		exit 77
	fi
}

# has_event PROVIDER EVENT: succeeds if the provider has the event on this system
has_event() { ksig watch "$2" --provider "$1" -t 1ms >/dev/null 2>&1 || [ $? = 3 ]; }

# mount_tracefs: mount tracefs unless it is mounted already; fails if it can't be mounted
mount_tracefs() {
	[ -e /sys/kernel/tracing/events ] || mount -t tracefs tracefs /sys/kernel/tracing
}

# run_target ARGUMENT...: start the program tests/cli/target.c with its output in the file said, set
# $pid, and wait until the program is ready. The program waits for a line on file descriptor 9.
run_target() {
	rm -f go
	: >said
	mkfifo go
	exec 9<>go
	start "$target" "$@" <go >said
	until_true grep -q ready said
}
