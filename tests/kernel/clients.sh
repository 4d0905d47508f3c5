#!/bin/sh
# SPDX-License-Identifier: MIT
# dd, cat, head and Python can read from a subscription.
. tests/functions.sh
own_folder "$@"

node=/dev/ksig/test
out=clients

# emit VALUE...: emit events with these values, each below 256
emit() {
	for value; do
		printf "\\$(printf %o "$value")\0\0\0\0\0\0\0" >$node
	done
}

# records VALUE...: check that the file $out has records with these values, numbered from 1, and
# that all other fields except the time are 0
records() {
	local got wanted n=0 value

	got=$(od -A n -v -t d8 -w64 $out | awk '{ $2 = "time"; print }')
	wanted=$(for value; do
		n=$((n + 1))
		echo "$n time $value 0 0 0 0 0"
	done)
	[ "$got" = "$wanted" ] || fail "got:
$got
not:
$wanted"
}

until_subscribers test 0
dd if=$node of=$out bs=64 count=3 2>$out.said &
until_subscribers test 1
emit 1 255 3 4
wait $! || fail "dd: $(cat $out.said)"
grep -q '^3+0 records in' $out.said || fail "dd: $(cat $out.said)"
records 1 255 3
until_subscribers test 0

# a read of less than one record fails
dd if=$node of=$out bs=63 count=1 2>$out.said && fail "dd reads 63 bytes"
grep -q 'Invalid argument' $out.said || fail "dd: $(cat $out.said)"

head -c 128 $node >$out &
until_subscribers test 1
emit 7 8
wait $! || fail "head fails"
records 7 8

cat $node >$out &
until_subscribers test 1
emit 4 5 6
until_true eval '[ $(stat -c %s $out) = 192 ]'
kill $!
wait $! || :
records 4 5 6
until_subscribers test 0

if [ ! -x /usr/bin/python3 ]; then
	echo "Debian's python3-minimal is not on the machine that built this VM"
	exit 77
fi
# -I -S: ignore Python modules that the user or the site has installed
/usr/bin/python3 -I -S /ksig/clients.py
until_subscribers test 0
