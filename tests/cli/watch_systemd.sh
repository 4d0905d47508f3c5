#!/bin/sh
# SPDX-License-Identifier: MIT
# runs: host
# Check ksig watch --to unit:NAME with the real systemd and dbus-daemon. The manager is a systemd
# user instance. ksig regards it as the system's manager because DBUS_SYSTEM_BUS_ADDRESS names the
# user's bus.
if [ "${1-}" != inside ]; then
	# The manager creates cgroups below its own, and leaves them behind: give it a cgroup that is
	# removed afterwards. On a system with cgroup v1, it creates the same path there as well.
	rc=0
	name=ksig_systemd.$$
	root=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
	mkdir "${root:-/nonexistent}/$name" 2>/dev/null || root=
	# all processes that the manager starts are killed when the pid namespace ends
	sh -c '[ -z "$1" ] || echo 0 >"$1/cgroup.procs"
		exec unshare -n -p -f --mount-proc --kill-child "$0" inside' \
		"$0" "${root:+$root/$name}" || rc=$?
	for root in $(awk '$3 ~ /^cgroup/ { print $2 }' /proc/mounts); do
		until [ ! -e "$root/$name" ] ||
		      find "$root/$name" -depth -type d -exec rmdir {} + 2>/dev/null; do
			sleep 0.1 # wait: for the kernel to release the last process
		done
	done
	exit $rc
fi
. tests/functions.sh
own_folder "$@"

needs_libsystemd
for program in /lib/systemd/systemd systemctl dbus-daemon; do
	command -v $program >/dev/null || {
		echo "no $program here"
		exit 77
	}
done
# systemd --user starts only if this directory exists: see sd_booted(3)
mount -t tmpfs run /run
mkdir -p /run/systemd/system
export XDG_RUNTIME_DIR=$KSIG_TMP/run
export DBUS_SESSION_BUS_ADDRESS=unix:path=$XDG_RUNTIME_DIR/bus
export DBUS_SYSTEM_BUS_ADDRESS=$DBUS_SESSION_BUS_ADDRESS
units=$XDG_RUNTIME_DIR/systemd/user
mkdir -p "$units"
chmod 700 "$XDG_RUNTIME_DIR"
cat >"$units/dbus.socket" <<END
[Socket]
ListenStream=%t/bus
END
cat >"$units/dbus.service" <<END
[Unit]
Requires=dbus.socket
[Service]
ExecStart=$(command -v dbus-daemon) --session --address=systemd: --nofork --nopidfile --systemd-activation
END
cat >"$units/a.service" <<END
[Service]
ExecStart=/bin/sh -c 'trap "echo \$\$\$\$ >>$KSIG_TMP/said" HUP; echo >$KSIG_TMP/ready; while :; do sleep 0.02; done'
END
cp "$units/a.service" "$units/a@.service"
SYSTEMD_LOG_TARGET=console start /lib/systemd/systemd --user >log 2>&1
manager=$pid
until_true eval 'systemctl --user is-active -q basic.target || ended $manager'
lives $manager || {
	echo "systemd doesn't run here: $(tail -n 1 log)"
	exit 77
}
systemctl --user start dbus.socket dbus.service
ctl() { systemctl --user "$@" a || fail "systemctl $*: $(cat log)"; }
# the bus may be restarting, in which case systemctl fails
main_pid() { until_true eval 'service=$(systemctl --user show -p MainPID --value a)'; }
# begins COMMAND: run systemctl COMMAND, wait for the unit's new main process, and set $service
begins() {
	rm -f ready
	ctl "$1"
	until_true [ -e ready ]
	main_pid
}
is_now() { until_true has_said "'a' is process $service now"; says "'a' is process $service now"; }
signalled() {
	ip link set lo down
	ip link set lo up
	until_true grep -qx "$service" said
}
try() { gives "$1" ksig watch net.up --provider native --to "$2" -s HUP -t 1ms; }
: >said

# check unit names and states with the real systemd
until_true eval 'ksig watch net.up --provider native --to unit:nosuch -s HUP 2>&1 |
	grep -q "no unit .nosuch.service."'
try 4 unit:a
says "the unit 'a.service' has no main process: it is inactive"
try 2 unit:a@
says "invalid unit 'a@.service': .*instance name"
rm -f ready
systemctl --user start 'a@x\x20y'
until_true [ -e ready ]
try 3 'unit:a@x y'
systemctl --user stop 'a@x\x20y'

begins start
watch net.up --provider native --to unit:a -s HUP
signalled
begins restart
is_now
signalled
# A stopped unit is unloaded. If each query caused another query, the watch would be woken several
# times while systemd answers the unrelated queries below.
ctl stop
before=$(sleeps)
for i in $(seq 30); do systemctl --user show -p Version >version; done
[ $(($(sleeps) - before)) -lt 30 ] || fail "it was woken $(($(sleeps) - before)) times"
begins start
is_now
signalled
systemctl --user daemon-reload
begins restart
is_now
systemctl --user daemon-reexec
begins restart
is_now
signalled
# The bus is stopped and started again. It is not killed, because systemd might then try to connect
# to the dead bus and wait 90 seconds for it.
systemctl --user stop dbus.socket dbus.service
until_true has_said 'trying again'
systemctl --user start dbus.socket dbus.service
begins restart
is_now
signalled
stop
