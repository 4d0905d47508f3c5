#!/bin/sh
# SPDX-License-Identifier: MIT
# Check that "make install" after "make" works with a prefix, both as root and as a user that can
# write only below the prefix.
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/tests/host/copy"

# has FILE: check that FILE is installed below the prefix
has() { [ -s "$tmp/prefix/$1" ] || fail "no $1:"; }

# Build first. Copy the sources and the built files with their times, so that nothing is built
# again.
make -s -C "$top" all
copy_tree "$top" "$tree"
mkdir "$tree/build"
(cd "$top/build" && cp -a ksig libksig.a libksig.so.0 lib cli flags ./*.skel.h "$tree/build")
cp -a "$top/lib" "$top/cli" "$top/include" "$top/bpf" "$tree"
as_user=
if [ "$(id -u)" = 0 ]; then
	chown -R 1000:1000 "$tmp"
	as_user='setpriv --reuid=1000 --regid=1000 --clear-groups'
fi
umask 077
$as_user make -C "$tree" all install PREFIX="$tmp/other" >"$tmp/out" 2>&1 ||
	fail 'a user cannot install:'
$as_user make -C "$tree" install PREFIX="$tmp/prefix" >"$tmp/out" 2>&1 ||
	fail 'a user cannot install:'
for file in bin/ksig lib/libksig.a lib/libksig.so.0 lib/libksig.so \
	    include/ksig/uapi.h include/ksig/libksig.h include/ksig/driver.h \
	    share/man/man1/ksig.1 share/man/man1/ksig-watch.1 \
	    share/man/man3/libksig.3 share/man/man3/ksig_sub_next.3 \
	    share/man/man4/ksig.4 share/man/man7/ksig-events.7 \
	    share/man/man9/ksig_emit.9; do
	has $file
done
grep -qx "prefix=$tmp/prefix" "$tmp/prefix/lib/pkgconfig/libksig.pc" ||
	fail "libksig.pc: $(cat "$tmp/prefix/lib/pkgconfig/libksig.pc")"
version=$(sed -n 's/^#define KSIG_VERSION "\(.*\)"/\1/p' "$top/include/ksig/version.h")
grep -qx "Version: $version" "$tmp/prefix/lib/pkgconfig/libksig.pc" || fail 'libksig.pc: version:'
grep -qx "\.Os ksig $version" "$tmp/prefix/share/man/man1/ksig.1" || fail 'ksig.1: version:'
grep -q '^ksig: not root: left out the udev rule' "$tmp/out" || fail 'no word on udev:'
! grep -q '^ldconfig\|Permission denied' "$tmp/out" || fail 'ldconfig:'
# directories that are chosen by the user or a package are used
make -C "$tree" install DESTDIR="$tmp/root" PREFIX=/usr >"$tmp/out" 2>&1 ||
	fail 'no package:'
[ -s "$tmp/root/usr/lib/udev/rules.d/60-ksig.rules" ] || fail 'no udev rule:'
[ -s "$tmp/root/usr/lib/sysusers.d/ksig.conf" ] || fail 'no group:'
grep -qx 'prefix=/usr' "$tmp/root/usr/lib/pkgconfig/libksig.pc" || fail 'prefix:'
$as_user make -C "$tree" install PREFIX="$tmp/prefix" UDEV="$tmp/udev" \
	SYSUSERS="$tmp/sysusers" >"$tmp/out" 2>&1 || fail 'no place of my own:'
[ -s "$tmp/udev/rules.d/60-ksig.rules" ] || fail 'no udev rule there:'
# a multiarch package can set LIBDIR; uninstall removes all installed files
make -C "$tree" install DESTDIR="$tmp/multi" PREFIX=/usr LIBDIR=/usr/lib/any \
	>"$tmp/out" 2>&1 || fail 'no LIBDIR:'
[ -s "$tmp/multi/usr/lib/any/libksig.so.0" ] || fail 'no library in LIBDIR:'
grep -qx 'libdir=${prefix}/lib/any' "$tmp/multi/usr/lib/any/pkgconfig/libksig.pc" ||
	fail 'libdir:'
make -C "$tree" uninstall DESTDIR="$tmp/multi" PREFIX=/usr LIBDIR=/usr/lib/any \
	>"$tmp/out" 2>&1 || fail 'no uninstall:'
! find "$tmp/multi" ! -type d | grep . >"$tmp/out" || fail 'it left:'
! make -C "$tree" install PREFIX="$tmp/a b" >"$tmp/out" 2>&1 || fail 'a blank:'
grep -q "PREFIX, LIBDIR and DESTDIR can't have blanks" "$tmp/out" || fail 'a blank, unexplained:'
! make -C "$tree" uninstall PREFIX="$tmp/a b" >"$tmp/out" 2>&1 || fail 'a blank to remove:'
! make -C "$tree" install PREFIX="$tmp/other" LIBDIR="$tmp/a&b" >"$tmp/out" 2>&1 || fail 'LIBDIR:'
# install refuses build variables that differ from the build's, instead of building again
! make -C "$tree" install PREFIX="$tmp/other" BPF=0 >"$tmp/out" 2>&1 || fail 'other flags:'
grep -q '^Makefile:.*pass the same variables' "$tmp/out" || fail 'other flags, unexplained:'
for prefix in 'a&b' a,b; do
	! make -C "$tree" install PREFIX="$tmp/$prefix" >"$tmp/out" 2>&1 ||
		fail "$prefix:"
	grep -q "PREFIX and LIBDIR can't have & or a comma" "$tmp/out" ||
		fail "$prefix, unexplained:"
done
