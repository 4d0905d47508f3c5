# SPDX-License-Identifier: MIT
# Helpers of the shell tests, for bash, dash and busybox. A test runs in the top folder,
# in a VM in /, and begins with ". tests/functions.sh"; one that needs a folder for its
# files then calls 'own_folder "$@"'. Failures print the file $log, if it is set.
set -eu

fail() {
	echo "$*"
	[ -z "${log-}" ] || cat "$log"
	exit 1
}

# own_folder ARGUMENT...: run the script again, with these arguments, as root in an empty
# folder that is removed at the end, in a mount namespace and a process group of its own,
# of which no process outlives the test.
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
	# for commands that run as another user
	chmod 711 .
	PATH=$top/build:$PATH
	target=$top/build/tests/cli/target
}

# ------------------------------------------------------------- conditions

# until_true COMMAND...: wait for a minute at most, or for $patience fiftieths of a second
until_true() {
	local tries=0

	until "$@" 2>/dev/null; do
		[ $((tries += 1)) -le ${patience:-3000} ] || fail "in vain: $*"
		# wait: between two checks of a condition
		sleep 0.02
	done
}

lives() { grep -q '^State:.[^Z]' "/proc/$1/status" 2>/dev/null; }
ended() { ! lives "$1"; }

# has_lines N [FILE]: at least
has_lines() { [ "$(wc -l <"${2:-stdout}")" -ge "$1" ]; }

# equal WHAT GOT WANTED
equal() { [ "$2" = "$3" ] || fail "$1: '$2', not '$3'"; }

# channel NAME ATTRIBUTE: its value in sysfs
channel() { cat "/sys/class/ksig/$1/$2"; }

# until_subscribers CHANNEL N
until_subscribers() { until_true eval "[ \$(channel $1 subscribers) = $2 ]"; }

# -------------------------------------------------- a command and its output

limit='timeout 300'

# gives STATUS COMMAND...: run it, with its output in stdout and stderr. It must exit with
# this status within $limit, and must print an error unless the status is 0.
gives() {
	local wanted=$1 got=0 limit=$limit

	shift
	# timeout(1) runs programs only
	case $(command -v "$1") in
	*/*)	;;
	*)	limit= ;;
	esac
	$limit "$@" >stdout 2>stderr || got=$?
	[ $got = "$wanted" ] ||
		fail "'$*' gave $got, not $wanted: $(cat stdout stderr)"
	[ $got = 0 ] || [ -s stderr ] || fail "'$*' failed without a message"
}

# A regular expression: says and says_no search stderr, prints wants a line of stdout
says() { grep -q -e "$1" stderr || fail "no '$1' in stderr: $(cat stderr)"; }
says_no() { ! grep -q -e "$1" stderr || fail "'$1' in stderr: $(cat stderr)"; }
prints() { grep -qxE -e "$1" stdout || fail "no line '$1' in stdout: $(cat stdout)"; }
# prints_just TEXT: all of stdout
prints_just() { [ "$(cat stdout)" = "$1" ] || fail "not '$1' in stdout: $(cat stdout)"; }
# lines N: exactly
lines() { [ "$(wc -l <stdout)" = "$1" ] || fail "not $1 lines in stdout: $(cat stdout)"; }

# is_json: each line of stdout is an object without arrays
is_json() {
	local string='"([^"\\[:cntrl:]]|\\(["\\/bfnrt]|u[0-9a-f]{4}))*"'
	local pair="$string:($string|0|-?[1-9][0-9]*|null|true|false|\\{[^{}]*\\})"

	! grep -vE "^\{$pair(,$pair)*\}\$" stdout || fail "not JSON: $(cat stdout)"
}

# ------------------------------------------------------ background processes

# start COMMAND...: in the background, as $pid, with the standard input of the script
start() {
	{ "$@" <&7 7<&- & } 7<&0
	pid=$!
}

# start_sleep: a process that waits, as $pid
start_sleep() {
	start sleep 1000
	until_true grep -qx sleep "/proc/$pid/comm"
}

# start_handler [SHELL]: a process, as $pid, that appends "hup PID" to the file hups for
# each HUP
start_handler() {
	rm -f ready
	start "${1:-sh}" -c 'trap "echo hup $$ >>hups" HUP; : >ready
		while :; do sleep 0.02; done'
	until_true [ -e ready ]
}

# start_zombie: a process that has exited, as $zombie; its parent, $pid, doesn't wait for
# it. A shell would, until its exec is done.
start_zombie() {
	rm -f zombie
	start sh -c 'sh -c "until grep -qx sleep /proc/$$/comm; do sleep 0.02; done" &
		echo $! >zombie; exec sleep 1000'
	until_true [ -s zombie ]
	zombie=$(cat zombie)
	until_true grep -q '^State:.Z' "/proc/$zombie/status"
}

# halt PID: stop the process; it takes no signal after this
halt() {
	kill -STOP $1
	until_true grep -q '^State:.T' /proc/$1/status
}

# start_listen ARGUMENT...: ksig listen, as $pid, with its output in the file received
start_listen() {
	rm -f listening
	ksig listen "$@" >received 2>listening &
	pid=$!
	until_true eval 'grep -q "as pid" listening || ended $pid'
	lives $pid || fail "ksig listen $*: $(cat listening)"
}

# received TEXT: ksig listen exits with status 0 and has printed this
received() {
	wait $pid || fail "ksig listen ended with $?: $(cat listening)"
	equal 'ksig listen printed' "$(cat received)" "$1"
}

# ---------------------------------------------------------------- ksig watch

# The time of an event that is printed as text
time='[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\.[0-9]{3}'

has_said() { grep -q -e "$1" stderr || ended $watcher; }

# watching: wait until $watcher says that it watches
watching() {
	until_true has_said '^ksig: watching .*)$'
	says '^ksig: watching .*)$'
}

# watch ARGUMENT...: ksig watch, as $watcher, when it watches
watch() {
	: >stdout >stderr
	ksig watch "$@" >stdout 2>stderr &
	watcher=$!
	watching
}

# ends STATUS: $watcher exits, with this status
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

# How often $watcher has blocked, and the ticks of cpu time that it has used
sleeps() { awk '/^voluntary/ { print $2 }' /proc/$watcher/status; }
ticks() { sed 's/.*) //' /proc/$watcher/stat | awk '{ print $12 + $13 }'; }

# has_event PROVIDER EVENT: it is available
has_event() { ksig watch "$2" --provider "$1" -t 1ms >/dev/null 2>&1 || [ $? = 3 ]; }

# mount_tracefs: status 1 if that is not possible
mount_tracefs() {
	[ -e /sys/kernel/tracing/events ] || mount -t tracefs tracefs /sys/kernel/tracing
}

# run_target ARGUMENT...: the program cli/target.c, as $pid, with its output in the file
# said; it continues when a line is written to file descriptor 9
run_target() {
	rm -f go
	: >said
	mkfifo go
	exec 9<>go
	start "$target" "$@" <go >said
	until_true grep -q ready said
}
