#!/bin/sh
# SPDX-License-Identifier: MIT
# Check the first use of the tree under adverse conditions: another language, a full disk, no
# network, files owned by another user, a path that contains a space. Each command must succeed, or
# fail immediately with the reason in the last line. Incomplete files must not stay in the cache.
# The test uses a copy of the tree and stubs of other tools.
top=$(cd "$(dirname "$0")/../.." && pwd)
if [ "${1:-}" != inside ]; then
	# the file systems that the test fills are mounted in a separate mount namespace
	exec $([ "$(id -u)" = 0 ] || echo sudo) unshare -m "$0" inside
fi
. "$top/tests/host/copy"
trap 'umount "$tmp/disk" 2>/dev/null || :; rm -rf "$tmp"' EXIT
chmod 755 "$tmp"
export TMP="$tmp"

# stub NAME: create a stub of the program NAME from a script on standard input
stub() {
	{ echo '#!/bin/sh'; cat; } >"$tmp/bin/$1"
	chmod +x "$tmp/bin/$1"
}

# exits STATUS COMMAND...: check that COMMAND exits with STATUS within 30 s, without a terminal
exits() {
	local wanted=$1 got=0
	shift
	PATH=$tmp/bin:$PATH setsid -w timeout 30 "$@" >"$tmp/out" 2>&1 </dev/null || got=$?
	[ $got = "$wanted" ] || fail "'$*' gave $got, not $wanted:"
}

# asked N: check that apt-get has been run N times since the last check
asked() {
	[ "$(wc -l <"$tmp/asked")" = "$1" ] || fail "apt-get ran: $(cat "$tmp/asked")"
	: >"$tmp/asked"
}

# no_half: check that the cache contains no incomplete kernel
no_half() {
	[ -z "$(find "$tree/.cache/" -mindepth 1 ! -path '*/kernels' ! -path '*/lock' \
		! -name kvm)" ] || fail "left in the cache: $(find "$tree/.cache/")"
}

# archive: create stubs that simulate an archive with a single kernel, 1.0. The kernel's headers
# don't compile anything, but run perl, as real headers do. The file "fate" determines how apt-get
# fails.
archive() {
	stub apt-cache <<'END'
[ "$1" != show ] || exit 100
[ "$(cat $TMP/fate)" != no-lists ] || exit 0
case ${LC_ALL:-$LANG} in C*) says=Depends ;; *) says='Hängt ab von' ;; esac
case $2 in
linux-headers-amd64)	echo "  $says: linux-headers-1.0" ;;
linux-headers-1.0)	echo "  $says: linux-kbuild-1" ;;
esac
END
	stub apt-get <<'END'
echo "$*" >>$TMP/asked
fate=$(cat $TMP/fate)
case "$fate $*" in
unresolved*\ download\ *|unresolved*\ install\ *)
	echo "E: Failed to fetch http://deb.debian.org/x.deb  Temporary failure resolving 'deb.debian.org'"
	exit 100 ;;
no-lists*\ update*|unresolved*\ update*)
	echo "W: Failed to fetch http://deb.debian.org/InRelease  Temporary failure resolving 'deb.debian.org'"
	exit 0 ;;
slow*\ update*|slow*\ install*)
	trap '' INT
	: >$TMP/begun
	until [ -e $TMP/interrupted ]; do sleep 0.02; done
	echo "E: Failed to fetch http://deb.debian.org/x.deb  Connection timed out"
	exit 100 ;;
*\ download\ *)
	for package; do
		case $package in linux-*)
			head -c 3M /dev/zero >${package%:*}_1_amd64.deb || {
				echo "E: Failed to fetch $package  Error writing to file - write (28: No space left on device)"
				exit 100
			} ;;
		esac
	done ;;
esac >&2
END
	stub dpkg <<'END'
set -e
case $2 in
*linux-image*)
	mkdir -p $3/boot $3/lib/modules/1.0/kernel
	head -c 2M /dev/zero >$3/boot/vmlinuz-1.0 ;;
*linux-headers*)
	mkdir -p $3/usr/src/linux-headers-1.0
	printf '# /usr/src\nmodules:\n\tperl -e 1\n\ttouch $(M)/$(patsubst kernel,ksig,$(notdir $(M))).ko\n' \
		>$3/usr/src/linux-headers-1.0/Makefile ;;
esac
END
	stub dpkg-query <<'END'
echo install ok installed
END
	stub qemu-system-x86_64 <<'END'
for argument; do
	case $argument in file:*) echo end >${argument#file:} ;; esac
done
END
}

# new_tree: create a copy of the tree with built programs and an empty cache. The archive's kernel
# is the only one in its table.
new_tree() {
	rm -rf "$tree"
	copy_tree "$top" "$tree"
	stub_kernel "$tree" 6.12
	rm -rf "$tree/.cache/kernels"
	echo fine >"$tmp/fate"
	: >"$tmp/asked"
}

# disk SIZE DIR: move the contents of DIR to a new file system of this size
disk() {
	mkdir -p "$tmp/disk" "$2"
	umount "$tmp/disk" 2>/dev/null || :
	mount -t tmpfs -o "size=$1" disk "$tmp/disk"
	cp -a "$2/." "$tmp/disk"
	rm -rf "$2"
	ln -s "$tmp/disk" "$2"
}

mkdir -p "$tmp/bin"
archive

# "make help" creates no files, and "make clean" removes what kbuild creates.
copy_tree "$top" "$tree"
before=$(cd "$tree" && find . | sort)
exits 0 make -s -C "$tree" help
exits 0 "$tree/tests/vm/fetch" list
[ "$(cd "$tree" && find . | sort)" = "$before" ] || fail 'they leave files'
(cd "$tree/kernel" && touch ksig.o ksig.ko ksig.mod ksig.mod.c ksig.mod.o .ksig.o.cmd \
	.Module.symvers.cmd events/net.o events/.net.o.cmd modules.order Module.symvers)
exits 0 make -s -C "$tree" clean
[ "$(cd "$tree" && find . | sort)" = "$before" ] || fail 'make clean leaves objects'

# The commands also work if the user's language is German.
new_tree
export LANG=de_DE.UTF-8 LC_ALL=de_DE.UTF-8 LANGUAGE=de
exits 0 "$tree/tests/vm/run" demo 6.12
[ -s "$tree/.cache/kernels/6.12/release" ] || fail 'no kernel in the cache:'
unset LC_ALL LANGUAGE
export LANG=C.UTF-8

# A path with a blank is refused before anything is built or downloaded.
mkdir "$tmp/a tree"
cp -a "$tree/." "$tmp/a tree"
rm -rf "$tmp/a tree/build" "$tmp/a tree/.cache"
: >"$tmp/asked"
exits 2 make -C "$tmp/a tree" demo
output_has "can't handle a path with a blank"
exits 1 "$tmp/a tree/tests/vm/run" demo 6.12
last_line "can't handle a path with a blank"
[ ! -e "$tmp/a tree/build" ] && [ ! -e "$tmp/a tree/.cache" ] || fail 'it made folders:'
asked 0

# Without a network or package lists, apt-get is run once and nothing is left in the cache.
new_tree
echo unresolved >"$tmp/fate"
for how in 'run demo' 'fetch kernel'; do
	exits 1 "$tree"/tests/vm/$how 6.12
	last_line 'cannot resolve deb.debian.org'
	asked 1
	no_half
done
echo no-lists >"$tmp/fate"
exits 1 "$tree/tests/vm/run" demo 6.12
last_line 'no package lists: cannot resolve deb.debian.org'
asked 1
no_half
# the next run succeeds
echo fine >"$tmp/fate"
exits 0 "$tree/tests/vm/run" demo 6.12

# A full disk is reported, no matter whether files are downloaded, unpacked, built or packed.
for size in 4M 10M; do
	new_tree
	disk $size "$tree/.cache"
	exits 1 "$tree/tests/vm/run" demo 6.12
	last_line 'disk full: 0 MB free in|disk full: . MB free in'
	asked 1
	no_half
done
new_tree
disk 20M "$tree/.cache"
exits 0 "$tree/tests/vm/run" demo 6.12
new_tree
exits 0 "$tree/tests/vm/fetch" kernel 6.12
disk 1M "$tree/build"
exits 1 "$tree/tests/vm/run" demo 6.12
last_line 'disk full|No space left on device'
# an incomplete kernel in the cache is downloaded again
truncate -s 0 "$tree/.cache/kernels/6.12/boot/vmlinuz-1.0"
: >"$tmp/asked"
exits 0 "$tree/tests/vm/fetch" kernel 6.12
asked 1
[ -s "$tree/.cache/kernels/6.12/boot/vmlinuz-1.0" ] || fail 'still half a kernel:'

# Files that are owned by another user are reported.
new_tree
chown 1000 "$tree"
mkdir -p "$tree/.cache/kernels"
user='setpriv --reuid=1000 --regid=1000 --clear-groups'
exits 2 $user make -s -C "$tree" demo
output_has "^ksig: $tree/.*belongs to root, and you are"
exits 1 $user "$tree/tests/vm/run" demo 6.12
last_line "^vm: $tree/.*belongs to root, and you are"
asked 0

# Packages that can't be installed are reported.
stub dpkg-query </dev/null
echo unresolved >"$tmp/fate"
exits 1 "$tree/tests/vm/deps" gcc
last_line 'cannot install gcc: cannot resolve deb.debian.org'
output_lacks 'again in'
asked 1
stub sudo <<'END'
case $1 in
-n)	echo "sudo: a password is required" >&2 ;;
*)	exec sleep 1000 ;;
esac
exit 1
END
exits 1 $user "$tree/tests/vm/deps" gcc
last_line 'sudo needs a password, and there is no terminal to ask for it'
asked 0
# After Ctrl-C, the script exits as soon as apt-get, which ignores the signal, has exited.
echo slow >"$tmp/fate"
PATH=$tmp/bin:$PATH setsid env --default-signal=INT "$tree/tests/vm/deps" gcc >"$log" 2>&1 &
until_true [ -e "$tmp/begun" ]
kill -INT -$!
: >"$tmp/interrupted"
got=0
wait $! || got=$?
[ $got = 130 ] || fail "interrupted, it gave $got:"
asked 1
stub dpkg-query <<'END'
echo install ok installed
END

# If libelf can't be linked statically, the command is linked dynamically, and programs for a VM are
# linked with downloaded libraries.
new_tree
stub nostatic <<'END'
case $* in
*-print-file-name=*)	echo /dev/null; exit ;;
*-static*)
	cat >/dev/null
	echo "/usr/bin/ld: libelf.a(x.o): undefined reference to \`ZSTD_x'" >&2
	exit 1 ;;
esac
END
rm -rf "$tree/build" "$tree/.cache"
[ "$(CC=$tmp/bin/nostatic "$tree/tests/vm/ready" static)" = no ] || fail 'it is static:'
exits 0 env CC="$tmp/bin/nostatic" "$tree/tests/vm/ready"
exits 0 make -n -C "$tree" CC="$tmp/bin/nostatic" SYSTEMD=0 programs
output_has '^tests/vm/build static programs$'
! grep -q -e '-static .*-o build/ksig ' "$tmp/out" || fail 'the command is static:'
[ ! -e "$tree/build" ] || fail 'it compiled something:'
# if libelf can't be linked at all, this is reported before anything is downloaded or compiled
stub nolink <<'END'
case $1 in
-print-file-name=*)	echo /dev/null; exit ;;
esac
cat >/dev/null
for i in 1 2 3 4 5; do
	echo "/usr/bin/ld: libelf.so: undefined reference to \`ZSTD_x$i'"
done >&2
exit 1
END
for goal in all demo; do
	exits 2 make -C "$tree" CC=nolink $goal
	output_has "^ksig: libbpf and libelf cannot be linked here.*ZSTD_x1'"
	[ ! -e "$tree/build" ] || fail 'it compiled something:'
done
asked 0

# Steps that take a long time are announced.
stub_kernel "$tree" 6.12
PATH=$tmp/bin:$PATH setsid make -C "$tree" demo >"$log" 2>&1 </dev/null &
until_true grep -q '^make: building' "$log"
kill -KILL -$!
wait $! 2>/dev/null || :
