#!/bin/sh
# SPDX-License-Identifier: MIT
# Check that the session in docs/drivers.md works word for word with an empty directory my/, even if
# this machine can't load modules. "make demo" must print the text in docs/module.md.
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/tests/host/copy"
trap '[ ! "${machine-}" ] || kill $machine 2>/dev/null; rm -rf "$tmp"' EXIT
# ten minutes, because programs are compiled and a VM boots
patience=30000

succeeds_or_ended() { "$@" || ended $machine; }
# in_machine COMMAND...: wait until COMMAND succeeds; fails if make shell exits first
in_machine() {
	until_true succeeds_or_ended "$@"
	"$@" || fail "make shell has exited before: $*"
}

prompts() { [ "$(grep -o 'ksig# ' "$tmp/out" | wc -l)" -ge "$1" ]; }
prints() { grep -qE "$1" "$tmp/out"; }
# like: replace numbers, which differ between runs
like() { sed -E 's/[0-9]+/N/g'; }
# output LINE N: succeeds if the output has at least N lines that equal LINE, except for numbers
output() { [ "$(like <"$tmp/out" | grep -c "$(echo "$1" | like)")" -ge "$2" ]; }

# Copy the built files, so that they are not built again.
make -s -C "$top" -j2 programs
copy_tree "$top" "$tree"
mkdir -p "$tree/build" "$top/.cache"
(cd "$top/build" && cp -a ksig libksig.a libksig.so.0 lib cli flags examples listings tests \
	./*.skel.h "$tree/build")
ln -s "$top/.cache" "$tree/.cache"

mkdir "$tree/my"
"$top/tests/listings" "$top/docs/drivers.md" "$tmp/listings"
cp "$tmp/listings/ticks.c" "$tmp/listings/receiver.c" "$tree/my"
mkfifo "$tmp/keys"
: >"$tmp/out"
# run the commands in the document and compare their output
prompts=0
while read -r line; do
	case $line in
	'$ '*)
		(cd "$tree" && exec ${line#"$ "}) <"$tmp/keys" >"$tmp/out" 2>&1 &
		machine=$!
		exec 3>"$tmp/keys" ;;
	'ksig# '*)
		outputs=0
		in_machine prompts $((prompts += 1))
		echo "${line#ksig# }" >&3 ;;
	*)
		in_machine output "$line" $((outputs += 1)) ;;
	esac
done <"$tmp/listings/session"
# the shell finds the example programs, including those in Python, but not the tests
in_machine prompts $((prompts += 1))
echo 'which ring receive.py; receive.py /dev/ksig/none' >&3
in_machine prints '^/ksig/ring'
in_machine prints '^/ksig/receive.py'
in_machine prints "No such file or directory: '/"
in_machine prompts $((prompts += 1))
echo exit >&3
exec 3>&-
wait $machine || fail "make shell gave $?:"
machine=

# a program or a driver that doesn't compile is reported
echo 'int main(void) { return wrong; }' >"$tree/my/broken.c"
! "$tree/tests/vm/run" shell 6.12 >"$tmp/out" 2>&1 </dev/null || fail 'it went on:'
prints '^my/broken.c:1:.*wrong.* undeclared' || fail 'no message:'
[ "$(tail -n 1 "$tmp/out")" = 'vm: my/broken.c does not compile, see above' ] ||
	fail 'the last line:'
rm "$tree/my/broken.c"
printf '#include <ksig/driver.h>\nint x = wrong;\n' >"$tree/my/broken.c"
! "$tree/tests/vm/run" shell 6.12 >"$tmp/out" 2>&1 </dev/null || fail 'it went on:'
prints 'my/broken.c:2:.*wrong.* undeclared' || fail 'no message:'
[ "$(tail -n 1 "$tmp/out")" = 'vm: the drivers in my do not build, see above' ] ||
	fail 'the last line:'

make -s -C "$tree" demo >"$tmp/out" 2>"$tmp/err" || { cat "$tmp/err"; fail 'make demo:'; }
sed -n '/`make demo`:$/,/^## /s/^    //p' "$top/docs/module.md" | like >"$tmp/shown"
like <"$tmp/out" | diff - "$tmp/shown" || fail 'docs/module.md shows something else:'
