#!/bin/sh
# SPDX-License-Identifier: MIT
# runs: host
# Promise 3: ksig watch --to pidfile:PATH accepts a file only if it is owned by root or by the user
# of the process and is not older than the process. The path must not contain a symbolic link that
# another user can change.
. tests/functions.sh
own_folder "$@"

nobody="setpriv --reuid 54321 --regid 54321 --clear-groups"
chmod 755 .
cp "$top/build/ksig" .
start_sleep
echo $pid >pidfile

# believed FILE: check that the pidfile is accepted
# refused STATUS FILE WHY: check that the pidfile is refused with STATUS and the message WHY
believed() { gives 3 ./ksig watch time.set --to "pidfile:$1" -s TERM -t 1ms; }
refused() {
	gives $1 ./ksig watch time.set --to "pidfile:$2" -s TERM -t 1ms
	says "$3"
}

for file in pidfile "$PWD/pidfile" "./.././${PWD##*/}//pidfile"; do
	believed "$file"
done
for text in "$pid" "  $pid  " "$(printf '%5000s' '')$pid" "000000000$pid" \
	"$(printf '%059d%s' 0 $pid)" "$(printf '%s\r' $pid)"; do
	printf '%s\nanything\n' "$text" >file
	believed file
done
for text in '' ' ' x "$pid x" "${pid}0000000000" "-$pid" "$pid 1" "+$pid" 0 \
	"$(printf '%s%5000s1' $pid '')"; do
	printf '%s\n' "$text" >file
	refused 1 file 'file has no pid: its first line must be a number'
done
printf '\n%s\n' $pid >file
refused 1 file 'file has no pid'
refused 1 none 'cannot open none: No such file'
refused 1 pidfile/x 'cannot open pidfile/x: Not a directory'

# the owner and the mode of the file
chown 54321 pidfile
refused 1 pidfile "is owned by uid 54321, which is neither root nor the user of process $pid (uid 0)"
chown 0 pidfile
chmod 666 pidfile
refused 1 pidfile 'is writable by everyone'
chmod 664 pidfile
believed pidfile
chgrp 54321 pidfile
refused 1 pidfile 'is writable by group 54321'
chgrp 0 pidfile
chmod 644 pidfile
root=$pid
start $nobody sleep 1000
until_true grep -q '^Uid:.54321' /proc/$pid/status
echo $pid >theirs
believed theirs
chown 54321 theirs
believed theirs
chown 54322 theirs
refused 1 theirs 'is owned by uid 54322'

# if root runs the watch, the owners and modes of the directories in the path count as well
mkdir -p folder/folder
cp -p theirs folder/folder/theirs
echo $root >folder/folder/root
chown 54321 theirs folder/folder/theirs
believed folder/folder/theirs
chown 54321 folder
believed folder/folder/theirs
refused 1 folder/folder/root "a directory in the path is owned by uid 54321, which is neither root nor the user of process $root (uid 0)"
chown 54322 folder/folder
refused 1 folder/folder/theirs 'different owners (uid 54321 and 54322)'
chown 0 folder folder/folder
chmod 777 folder
refused 1 folder/folder/root 'a directory in the path is writable by everyone'
chmod 1777 folder
believed folder/folder/root

# a pidfile that is written right after the start of the process is accepted, an older one is not
for i in 1 2 3 4 5 6 7 8 9 10; do
	rm -f fresh
	start sh -c 'echo $$ >fresh; exec sleep 1000'
	until_true [ -s fresh ]
	believed fresh
	kill -KILL $pid
done
touch -d '1 minute ago' pidfile
refused 1 pidfile "written [0-9.]* s before process $root started"
echo $root >pidfile
believed pidfile

# the start time is found even if the process name contains a newline and a parenthesis
cp /bin/sleep "$(printf 'a\nb) c')"
start "./$(printf 'a\nb) c')" 1000
until_true grep -q '^b) c' /proc/$pid/comm
echo $pid >named
believed named

# for root, symbolic links are followed only if root owns them and only root can write to their
# directory
ln -s pidfile link
ln -s "$PWD" way
mkdir theirs.d open.d
believed link
believed way/link
ln -s ../pidfile theirs.d/link
chown -h 54321 theirs.d/link
refused 1 theirs.d/link "symbolic link 'link' is not followed: .*uid 54321"
ln -sfn ../pidfile theirs.d/link
chown 54321 theirs.d
refused 1 theirs.d/link "symbolic link 'link' is not followed"
chown 0 theirs.d
believed theirs.d/link
ln -s .. open.d/up
chmod 1777 open.d
refused 1 open.d/up/pidfile "symbolic link 'up' is not followed"
ln -s loop loop
refused 1 loop 'cannot open loop: Too many levels'
# a link in /proc may lead to a file other than the one that its text names
echo $root >removed
exec 6<removed
rm removed
echo 999999999 >'removed (deleted)'
believed /proc/$$/fd/6
exec 6<&-
mkdir another.d
unshare -m sh -c 'mount -t tmpfs none "$1"; echo "$2" >"$1/file"; echo >ready
	exec sleep 1000' sh "$PWD/another.d" $root &
apart=$!
until_true [ -s ready ]
echo 999999999 >another.d/file
believed "/proc/$apart/root$PWD/another.d/file"
kill -KILL $apart
refused 1 /proc/self/fd 'is not a regular file'
# only regular files are opened
mkfifo fifo
refused 1 fifo 'fifo is not a regular file'
# only the beginning of a huge file is read
truncate -s 1T endless
refused 1 endless 'endless has no pid'
# a user without privileges can use the user's own links
start $nobody sleep 1000
mkdir own.d
echo $pid >own.d/file
ln -s file own.d/link
chown -hR 54321:54321 own.d
gives 3 $nobody ./ksig watch time.set --to pidfile:own.d/link -s TERM -t 1ms
