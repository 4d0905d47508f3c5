#!/bin/sh
# SPDX-License-Identifier: MIT
# Check that the test runners tests/vm/run and tests/host/lib.sh report a test as flaky only if it
# fails occasionally, and report every other failure. The runners are tested in a copy of the tree,
# where fake tests pass or fail as planned and a script replaces QEMU.
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/tests/host/copy"

# prints REGEX: check that a whole line of the output matches REGEX
prints() { output_has "^($1)$"; }

# script NAME ROUND...: create a test that fails in the given rounds
script() {
	local name=$1
	shift
	cat >"$tree/tests/cli/$name.sh" <<END
#!/bin/sh
# runs: host
echo run >>$tmp/runs.$name
case " $* " in
*" \$(wc -l <$tmp/runs.$name) "*) echo "broken in round \$(wc -l <$tmp/runs.$name)"; exit 1 ;;
esac
END
	chmod +x "$tree/tests/cli/$name.sh"
	rm -f "$tmp/runs.$name"
}
runs() { [ "$(wc -l <"$tmp/runs.$1")" = "$2" ] || fail "$1 ran $(wc -l <"$tmp/runs.$1") times:"; }

# tests/host/lib.sh
copy_tree "$top" "$tree"
script good
script once 1
script twice 1 6
script always 1 2 3 4 5 6
# lib STATUS TEST...: check that lib.sh exits with STATUS
lib() {
	local wanted=$1 got=0

	shift
	"$tree/tests/host/lib.sh" "$@" >"$tmp/out" 2>&1 || got=$?
	[ $got = "$wanted" ] || fail "lib.sh gave $got, not $wanted:"
}
lib 1 tests/cli/good.sh tests/cli/once.sh tests/cli/twice.sh tests/cli/always.sh
prints 'ok native good'
prints 'flaky native once \(1 of 6\)'
prints '# broken in round 1'
prints 'not ok native twice'
prints '# broken in round 6'
prints 'not ok native always'
runs good 1; runs once 6; runs twice 6; runs always 2
script once 1
KSIG_AGAIN=0 lib 1 tests/cli/once.sh
prints 'not ok native once'
runs once 1
script once 1
lib 0 tests/cli/good.sh tests/cli/once.sh
prints 'flaky native once \(1 of 6\)'
# if sudo needs a password, lib.sh reports that and counts no test as failed
printf '#!/bin/sh\n[ "$1" = -u ] && echo 1000\n' >"$tmp/bin/id"
printf '#!/bin/sh\nexit 1\n' >"$tmp/bin/sudo"
chmod +x "$tmp/bin/id" "$tmp/bin/sudo"
PATH=$tmp/bin:$PATH lib 2 tests/cli/good.sh
prints 'lib.sh: needs root: .*'
output_lacks '^not ok'
rm "$tmp/bin/id" "$tmp/bin/sudo"

# Test tests/vm/run with the stub as its kernel. It must not download anything. The file "plan" has
# a line for each boot of the fake machine. The line contains a result for each test that has not
# run yet, or how the machine ends. At each boot, the machine writes its number of cpus to the file
# "boots".
stub_kernel "$tree" fake
printf '#!/bin/sh\necho "$*" >>%s/apt\nexit 1\n' "$tmp" >"$tmp/bin/apt-get"
cp "$tmp/bin/apt-get" "$tmp/bin/apt-cache"
chmod +x "$tmp/bin/apt-get" "$tmp/bin/apt-cache"
cat >"$tmp/bin/qemu-system-x86_64" <<'END'
#!/bin/sh
echo "$*" | sed 's/.*-smp \([0-9]*\).*/\1/' >>"$TMP/boots"
plan=$(sed -n "$(wc -l <"$TMP/boots")p" "$TMP/plan")
for argument; do
	case $argument in
	file:*/console)	console=${argument#file:} ;;
	file:*)		results=${argument#file:} ;;
	*/pid)		echo $$ >"$argument" ;;
	*ksig.tests=*)
		tests=$(echo "${argument##*ksig.tests=}" | tr , ' ')
		past=${argument##*ksig.past=}
		past=${past%% *} ;;
	esac
done
[ "$plan" != hangs ] || exec sleep 100
echo "Linux here" >"$console"
: >"$results"
for test in $(echo "${tests:-a b c d e}" | cut -d ' ' -f $((past + 1))-); do
	result=${plan%% *}
	plan=${plan#* }
	case $result in
	ok)	echo "ok $test" ;;
	bad)	echo "not ok $test: exit 1"; echo "# why $test failed" ;;
	oops)	echo "not ok $test: the kernel complained" ;;
	dies)	exit 0 ;;
	single)	echo '# the rest on a single cpu'; exit 0 ;;
	warns)	echo "ok $test"; echo "WARNING: CPU: 0" >>"$console" ;;
	esac
done >>"$results"
echo end >>"$results"
END
chmod +x "$tmp/bin/qemu-system-x86_64"

# suite STATUS BOOTS: check that "tests/vm/run suite", with the plan on standard input, exits with
# STATUS after BOOTS boots. No native test is run.
suite() {
	local got=0

	cat >"$tmp/plan"
	: >"$tmp/boots"
	TMP=$tmp PATH="$tmp/bin:$PATH" "$tree/tests/vm/run" suite fake \
		>"$tmp/out" 2>&1 || got=$?
	[ $got = "$1" ] || fail "the suite gave $got, not $1:"
	[ "$(wc -l <"$tmp/boots")" = "$2" ] || fail "$(wc -l <"$tmp/boots") boots, not $2:"
}
native() { printf '#!/bin/sh\n%s\n' "$1" >"$tree/tests/host/lib.sh"; }
# a failed native test is counted once; it is also a failure if no native test could run
native 'echo "not ok native n"; exit 1'
suite 1 1 <<END
ok ok ok ok ok
END
[ "$(tail -n 1 "$tmp/out")" = '5 passed, 1 failed, 0 skipped' ] || fail 'the end:'
native 'exit 2'
suite 1 1 <<END
ok ok ok ok ok
END
prints 'not ok native build'
native ''

suite 0 1 <<END
ok ok ok ok ok
END
[ "$(tail -n 1 "$tmp/out")" = '5 passed, 0 failed, 0 skipped' ] || fail 'the end:'
suite 0 2 <<END
ok bad ok ok ok
ok ok ok ok ok
END
prints 'flaky fake b \(1 of 6\)'
prints '# why b failed'
output_lacks '^(not ok|failed)'
[ "$(tail -n 2 "$tmp/out" | head -n 1)" = 'flaky fake b (1 of 6)' ] || fail 'the list:'
[ "$(tail -n 1 "$tmp/out")" = '5 passed, 0 failed, 0 skipped' ] || fail 'the end:'
suite 1 2 <<END
ok bad ok ok ok
ok ok ok ok bad
END
prints 'not ok fake b: exit 1'
prints 'failed: not ok fake b: exit 1'
[ "$(tail -n 1 "$tmp/out")" = '4 passed, 1 failed, 0 skipped' ] || fail 'the end:'
# No test counts as flaky if the kernel dies or complains, even if that happens while a test is
# rerun.
for plan in 'ok bad oops ok ok' 'ok bad ok ok dies' 'ok bad ok warns ok'; do
	suite 1 1 <<END
$plan
END
	output_lacks '^flaky'
done
for again in 'ok ok oops' 'ok dies' 'ok ok ok ok warns'; do
	suite 1 2 <<END
ok bad ok ok ok
$again
END
	output_lacks '^flaky'
	prints 'not ok fake b: exit 1'
done
# Tests that need a single cpu run on a single-cpu machine. Reruns start with two cpus again.
suite 1 3 <<END
ok bad ok single
ok ok
ok bad
END
[ "$(xargs <"$tmp/boots")" = '2 1 2' ] || fail "cpus: $(xargs <"$tmp/boots"):"
prints 'not ok fake b: exit 1'
suite 0 4 <<END
ok ok ok single
bad ok
single
ok ok ok ok ok
END
[ "$(xargs <"$tmp/boots")" = '2 1 2 1' ] || fail "cpus: $(xargs <"$tmp/boots"):"
prints 'flaky fake d \(1 of 6\)'
# a machine that doesn't boot is replaced three times
export KSIG_BOOT_TIMEOUT=1
suite 0 3 <<END
hangs
ok ok single
ok ok ok
END
prints '# from here in another VM: its kernel did not boot'
suite 1 4 <<END
hangs
hangs
hangs
hangs
END
prints 'not ok fake vm: its kernel did not boot within 1 s'
unset KSIG_BOOT_TIMEOUT
# three flaky tests are accepted, four are a failure
suite 0 4 <<END
bad bad bad ok ok
ok ok ok ok ok
ok ok ok ok ok
ok ok ok ok ok
END
suite 1 5 <<END
bad bad bad bad ok
ok ok ok ok ok
ok ok ok ok ok
ok ok ok ok ok
ok ok ok ok ok
END
prints 'failed: not ok flaky: 4 tests, and up to 3 are accepted'
[ "$(tail -n 1 "$tmp/out")" = '5 passed, 1 failed, 0 skipped' ] || fail 'the end:'
# "tests/vm/run test", which tests/mutants uses, does not rerun tests
echo 'bad' >"$tmp/plan"
: >"$tmp/boots"
! TMP=$tmp PATH="$tmp/bin:$PATH" "$tree/tests/vm/run" test fake b >"$tmp/out" 2>&1 ||
	fail 'it passed:'
prints 'not ok fake b: exit 1'
output_lacks '^flaky'
# The files in my/ are built in a copy. In the VM, all results are in one directory.
mine() { "$tree/tests/vm/build" prepare fake my >"$tmp/out" 2>&1; }
in_machine() { (cd "$tree/build/vm/fake/root/my" && ls | xargs); }
: >"$tmp/empty.c"
ar rcs "$tree/build/libksig.a"
printf '#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done; echo >"$2"\n' >"$tmp/bin/cc"
chmod +x "$tmp/bin/cc"
export CC="$tmp/bin/cc"
mkdir -p "$tree/my/driver" "$tree/my/a" "$tree/my/b"
echo 'obj-m := two.o
two-y := one.o main.o' >"$tree/my/driver/Kbuild"
echo wrong >"$tree/my/driver/Kbuild~"
for file in driver/one.c driver/main.c a/program.c a/x.model a/Makefile b/Makefile; do
	echo >"$tree/my/$file"
done
echo '#include <linux/module.h>' >"$tree/my/driver/main.c"
ln -s alice@host.1:2 "$tree/my/a/.#program.c"
mine || fail 'my/ is not built:'
[ "$(in_machine)" = 'Kbuild~ program x.model' ] || fail "in my: $(in_machine)"
echo >"$tree/my/b/program.c"
! mine || fail 'two of a name:'
[ "$(tail -n 1 "$tmp/out")" = 'vm: all files of my/ are copied into one directory, /my: rename one of my/a/program my/b/program' ] ||
	fail 'two of a name, unexplained:'
[ ! -e "$tmp/apt" ] || fail "apt was asked for: $(cat "$tmp/apt"):"
