#!/bin/sh
# SPDX-License-Identifier: MIT
# runs: vm host
# Check that ksig doctor reports whether each mechanism and each event works, as root, as another
# user, and in new namespaces.
. tests/functions.sh
[ "$(id -u)" = 0 ] || { echo "needs root, to compare root with another user"; exit 77; }
own_folder "$@"

log=stdout
# copy ksig to where other users can execute it
cp "$(command -v ksig)" ksig
PATH=$PWD:$PATH

# is STATE NAME [ERROR [WORDS]]: check that the JSON output of the last run reports NAME with this
# state, this error and a text that contains WORDS
is() {
	grep "\"name\":\"$2\",\"state\":\"$1\"" stdout |
		grep -E "\"error\":(${3:-null}|\"(${3:-none})\")," |
		grep -q "${4:-}" || fail "not $1 $2 ${3:-} ${4:-}:"
}

paths='module bpf tracepoint pidfd connector rtnetlink psi cgroup uevent timerfd
	relay send.module send.caller'

# examine PREFIX...: run ksig doctor through the command PREFIX. Check that each mechanism and each
# event is listed once, with a reason if it doesn't work.
examine() {
	local name
	gives 0 "$@" ksig doctor --json
	is_json
	! grep '"state":"failed"' stdout || fail 'something failed:'
	! grep '"state":"no"' stdout |
		grep -v '"error":"E[A-Z]*","text":"[^"]\{20\}' ||
		fail 'no reason:'
	! grep '"state":"ok"' stdout | grep -v '"error":null' ||
		fail 'ok, and an error:'
	for name in $paths $(sed 's/.*"event":"\([^"]*\)".*/\1/' events |
			sort -u); do
		[ "$(grep -c "\"name\":\"$name\"" stdout)" = 1 ] ||
			fail "not one $name:"
	done
	# these need neither privileges nor the module
	for name in pidfd relay rtnetlink timerfd send.caller; do
		is ok $name
	done
	for name in power.resume time.set net.up net.down; do
		is ok $name
	done
}

available() {
	grep "\"event\":\"$1\",\"provider\":\"$2\"" events |
		grep -q '"available":true'
}

as_other() {
	if setpriv --reuid=65534 --regid=65534 --clear-groups true 2>/dev/null; then
		setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
	else
		su alice -c "$*"
	fi
}

gives 0 ksig doctor
! grep -vE '^(ok    |no    ) [a-z.]+ +[^ ]' stdout || fail 'what is that:'
grep -q '^ok     pidfd            received an exit event$' stdout ||
	fail 'no pidfd:'

ksig events --json >events
examine env
if [ -e /dev/ksig/test ]; then
	is ok module null 'received an event by descriptor and one by signal'
	is ok send.module
	is ok process.exit null 'provided by module'
	is ok memory.oom
else
	# the suggested cure must be possible on this system
	if [ ! -e /proc/modules ]; then
		cure='this kernel was built without modules'
	elif [ "$(cat /proc/sys/kernel/modules_disabled)" = 1 ]; then
		cure='loading modules is disabled'
	elif [ -e /ksig/ksig.ko ]; then
		cure='insmod /ksig/ksig.ko'
	else
		cure='sudo make load'
	fi
	is no module EOPNOTSUPP "$cure"
	is no send.module EOPNOTSUPP "$cure"
	is no memory.oom EOPNOTSUPP "$cure"
fi
if ! available process.exit bpf; then
	is no bpf 'EOPNOTSUPP|EPERM'
elif is ok bpf null 'received an exit event' &&
	ls /sys/kernel/tracing/events >ls 2>&1 ||
	ls /sys/kernel/debug/tracing/events >ls 2>&1; then
	is ok tracepoint null 'received an exit event'
else
	is no tracepoint EOPNOTSUPP 'mount -t tracefs'
fi

gives 0 ksig doctor time.set process.exit:pid=$$
grep -q '^ok     process.exit:pid=' stdout || fail 'no event:'
if [ ! -e /dev/ksig/test ]; then
	got=0
	ksig doctor time.set memory.oom >stdout || got=$?
	equal 'the status without memory.oom' $got 5
fi

# as another user: mechanisms that are reserved for root are reported as such
examine as_other
is no bpf EPERM 'CAP_BPF.CAP_PERFMON'
is no power.suspend 'EPERM|EACCES'
[ ! -e /dev/ksig/test ] || is no module EACCES 'requires root'
[ ! -e /dev/ksig/test ] || is no send.module EACCES 'requires root'

# as root of new namespaces
if as_other unshare -U -r -p -n -f --mount-proc true 2>/dev/null; then
	examine as_other unshare -U -r -p -n -f --mount-proc
	is no bpf EPERM 'initial user namespace'
	is no connector 'EPERM|EOPNOTSUPP' namespace
	is no uevent EOPNOTSUPP 'network namespace'
	is no process.fork 'EPERM|EACCES' namespace
	is no kmod.load 'EPERM|EACCES' namespace
else
	echo ': no user namespaces here'
fi

gives 2 ksig doctor net.upp
says "did you mean 'net.up'"
gives 2 ksig doctor process.exit:pid=x
gives 4 ksig doctor process.exit:pid=999999999
gives 2 ksig doctor --nonsense
gives 0 ksig doctor --help
gives 1 sh -c 'ksig doctor >/dev/full'
says 'cannot write'
