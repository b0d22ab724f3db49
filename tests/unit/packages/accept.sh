#!/bin/sh
# accept --packages with the real dpkg: an upgrade is taken in as one act, and what dpkg does not explain is not.
set -u
tocsin=${TOCSIN_BIN:?folder of the programs}/tocsin
command -v dpkg-deb >/dev/null && command -v dpkg >/dev/null || { echo "skip: no dpkg"; exit 77; }
[ "$(id -u)" -eq 0 ] || { echo "skip: dpkg unpacks as root only"; exit 77; }
umask 022
work=$(mktemp -d /tmp/tocsin-accept-XXXXXX) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
root=$work/root
failed=0

fail() {
    echo "FAIL $*"
    failed=1
}

# says STATUS PATTERN ARGUMENTS...: the exit status of tocsin, and a line that matches.
says() {
    want=$1
    pattern=$2
    shift 2
    "$tocsin" --config "$work/conf" --state "$work/state" "$@" >"$work/out" 2>&1
    got=$?
    if [ "$got" -ne "$want" ] || ! grep -Eq "$pattern" "$work/out"; then
        fail "tocsin $*: status $got, not $want, or no line like: $pattern"
        cat "$work/out"
    fi
}

also() { grep -Eq "$1" "$work/out" || { fail "no line like: $1"; cat "$work/out"; }; }
never() { ! grep -Eq "$1" "$work/out" || { fail "a line like: $1"; cat "$work/out"; }; }

# deb VERSION: a package with a program, a tool in the old /bin, 300 data files, a link and a configuration file.
deb() {
    tree=$work/deb-$1
    mkdir -p "$tree/DEBIAN" "$tree/usr/bin" "$tree/bin" "$tree/usr/lib/foo" "$tree/etc"
    i=0
    while [ "$i" -lt 300 ]; do
        mkdir -p "$tree/usr/share/foo/$((i % 10))"
        echo "data $i of $1" >"$tree/usr/share/foo/$((i % 10))/file-$i"
        i=$((i + 1))
    done
    echo "program $1" >"$tree/usr/bin/foo"
    echo "tool $1" >"$tree/bin/footool"
    chmod 755 "$tree/usr/bin/foo" "$tree/bin/footool"
    echo "library $1" >"$tree/usr/lib/foo/libfoo.so.$1"
    ln -s "libfoo.so.$1" "$tree/usr/lib/foo/libfoo.so"
    echo "setting of $1" >"$tree/etc/foo.conf"
    printf '/etc/foo.conf\n' >"$tree/DEBIAN/conffiles"
    printf 'Package: foo\nVersion: %s\nArchitecture: all\nMaintainer: a <a@b>\nDescription: x\n' "$1" \
        >"$tree/DEBIAN/control"
    (cd "$tree" && find bin usr -type f | xargs md5sum >DEBIAN/md5sums)
    dpkg-deb --root-owner-group -Znone -b "$tree" "$work/foo-$1.deb" >/dev/null || exit 2
}

install_deb() { dpkg --root="$root" --log=/dev/null --force-all -i "$work/foo-$1.deb" >"$work/dpkg.out" 2>&1 ||
    { cat "$work/dpkg.out"; exit 2; }; }

mkdir -p "$root/usr/bin" "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates" "$root/var/lib/dpkg/triggers"
ln -s usr/bin "$root/bin"
: >"$root/var/lib/dpkg/status"
deb 1
deb 2
install_deb 1
printf 'Host a\nWatch %s/usr\nWatch %s/etc\n' "$root" "$root" >"$work/conf"
says 0 . baseline build
says 0 '^0 differences explained by dpkg, 0 not explained' accept --packages --root "$root"

# An upgrade that nobody interfered with: one act, nothing left.
install_deb 2
says 1 'difference' baseline diff
says 0 '^foo 2: [0-9]+ files$' accept --packages --dry-run --root "$root"
also '^[0-9]+ differences explained by dpkg, 0 not explained'
says 1 'difference' baseline diff
says 0 'explained by dpkg and accepted, 0 not explained' accept --packages --root "$root"
also '^gone, and in no package: 1$'
says 0 '^0 differences' baseline diff

# Back to 1, and an intruder in the middle of it.
install_deb 1
echo evil >"$root/usr/bin/footool"
chmod 4755 "$root/usr/bin/foo"
echo key >"$root/etc/other"
ln -sf /tmp/evil "$root/usr/lib/foo/libfoo.so"
echo evil >"$root/usr/bin/new"
rm "$root/usr/share/foo/3/file-3"
echo "setting of mine" >"$root/etc/foo.conf"
says 1 '^foo 1: [0-9]+ files$' accept --packages --root "$root"
also "changed $root/usr/bin/footool .*\(not as the package brought it\)"
also "changed $root/usr/bin/foo .*\(mode, owner or attributes\)"
also "added +$root/etc/other .*\(in no package\)"
also "added +$root/usr/bin/new .*\(in no package\)"
also "changed $root/usr/lib/foo/libfoo.so .*\(points to what no package has\)"
also "gone +$root/usr/share/foo/3/file-3 .*\(a package has it\)"
also "changed $root/etc/foo.conf .*\(not as the package brought it\)"
also 'accepted, 7 not explained'
says 1 '^7 differences' baseline diff
says 1 '"unexplained_count": 7, "written": false' accept --packages --root "$root" --json

# Many that belong to nobody are told by directory.
mkdir -p "$root/usr/lib/python3/__pycache__"
i=0
while [ "$i" -lt 100 ]; do
    echo "$i" >"$root/usr/lib/python3/__pycache__/$i.pyc"
    i=$((i + 1))
done
says 1 "^10[01] under $root/usr/lib/python3(/__pycache__)?/: 0 changed, 10[01] added, 0 gone\$" \
    accept --packages --root "$root"
[ "$(wc -l <"$work/out")" -lt 45 ] || fail "too many lines"

# Paths are taken as `baseline accept` takes them; no records are an error that changes nothing.
says 0 'accepted' accept "$root/usr" "$root/etc"
says 0 '^0 differences' baseline diff
mv "$root/var/lib/dpkg/status" "$work/status"
says 2 'No such file' accept --packages --root "$root"
printf 'not dpkg\n\n' >"$root/var/lib/dpkg/status"
says 2 'the package manager' accept --packages --root "$root"
says 2 'only --dry-run' accept --packages --nonsense
never 'accepted'
exit "$failed"
