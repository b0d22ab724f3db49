#!/bin/sh
# A package of 500 files is upgraded by the real dpkg beside a running agent: what dpkg explains is at most five lines,
# what it does not is told as it is, and an intruder who waits for an upgrade gains nothing.
# In a mount namespace of its own, with empty /var/lib/dpkg and /opt.
set -u
[ "$(id -u)" -eq 0 ] || { echo "skip: needs root"; exit 77; }
command -v dpkg-deb >/dev/null && command -v dpkg >/dev/null || { echo "skip: no dpkg"; exit 77; }
if [ "${1:-}" != inside ]; then
    unshare -n -m -p --mount-proc --fork true 2>/dev/null || { echo "skip: no namespaces"; exit 77; }
    exec unshare -n -m -p --mount-proc --fork --kill-child sh "$0" inside
fi
umask 022
tocsin=${TOCSIN_BIN:?folder of the programs}/tocsin
work=$(mktemp -d /tmp/tocsin-upgrade-XXXXXX) || exit 2
agent=
trap 'if [ -n "$agent" ]; then kill "$agent"; wait "$agent"; fi; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
failed=0

fail() {
    echo "FAIL $*"
    failed=1
}

# The lines about files and packages since start_listening(), without copies.
lines() {
    grep -a '^!1 ' "$work/lines" | sort -u |
        awk -v last="$last" '{ number = $4; sub(/^[^.]*[.]/, "", number); sub(/@.*/, "", number) }
            $6 ~ /^(integrity|package)[.]/ { ours[number] = 1 }
            { of = $6 == "more" ? substr($7, 4) : number; line[NR] = $0; at[NR] = number; key[NR] = of }
            END { for (i = 1; i <= NR; i++) if (ours[key[i]] && at[i] + 0 > last + 0) print line[i] }'
}
highest() { grep -ao '^!1 [A-Z]* up 1-[^.]*[.][0-9]*' "$work/lines" | sed 's/.*[.]//' | sort -n | tail -n 1; }
start_listening() { last=$(highest); }

comes() {
    n=300
    until lines | grep -q "$1"; do
        n=$((n - 1))
        if [ "$n" -eq 0 ]; then
            fail "never told: $1"
            lines
            return
        fi
        sleep 0.1
    done
}

# deb VERSION: 500 files in 30 directories, a link, and with version 3 a script that does more than a package should.
deb() {
    tree=$work/deb-$1
    mkdir -p "$tree/DEBIAN"
    i=0
    while [ "$i" -lt 500 ]; do
        dir=$tree/opt/foo/$((i % 5))/part-$((i % 6))
        mkdir -p "$dir"
        echo "data $i of $1" >"$dir/file-$i"
        i=$((i + 1))
    done
    echo "only in $1" >"$tree/opt/foo/only-$1"
    ln -s "only-$1" "$tree/opt/foo/link"
    printf 'Package: foo\nVersion: %s\nArchitecture: all\nMaintainer: a <a@b>\nDescription: x\n' "$1" \
        >"$tree/DEBIAN/control"
    if [ "$1" = 3 ]; then
        printf '#!/bin/sh\necho evil >/opt/foo/1/part-1/file-1\nchmod 4755 /opt/foo/0/part-0/file-0\necho x >/opt/foo/new\n' \
            >"$tree/DEBIAN/postinst"
        chmod 755 "$tree/DEBIAN/postinst"
    fi
    (cd "$tree" && find opt -type f | xargs md5sum >DEBIAN/md5sums)
    dpkg-deb --root-owner-group -Znone -b "$tree" "$work/foo-$1.deb" >/dev/null || exit 2
}

install_deb() { dpkg --log=/dev/null --force-all -i "$work/foo-$1.deb" >"$work/dpkg.out" 2>&1 ||
    { cat "$work/dpkg.out"; exit 2; }; }

mount -t tmpfs none /opt && mount -t tmpfs none /var/lib/dpkg || exit 2
mkdir -p /var/lib/dpkg/info /var/lib/dpkg/updates /var/lib/dpkg/triggers "$work/state"
: >/var/lib/dpkg/status
for version in 1 2 3; do deb "$version"; done
install_deb 1
echo mine >/opt/foo/mine
printf 'Host up\nBeat 1\nSweep 5\nWatch /opt/foo\nChannel file %s/lines\n' "$work" >"$work/conf"
: >"$work/lines"
run="$tocsin --config $work/conf --state $work/state"
"$TOCSIN_BIN/quiet_actor" code >"$work/code"
$run pair - <"$work/code" >"$work/out" 2>&1 || { cat "$work/out"; exit 1; }
$run baseline build >"$work/out" 2>&1 || { cat "$work/out"; exit 1; }
$run run >"$work/out" 2>&1 &
agent=$!
n=600
until grep -aq agent.beat "$work/lines"; do
    n=$((n - 1))
    [ "$n" -gt 0 ] || { echo "FAIL no agent guards"; cat "$work/out" "$work/lines"; exit 1; }
    sleep 0.1
done
sleep 2

start_listening
install_deb 2
comes 'package.changed pkg=foo files=50'
comes 'package.ok'
sleep 6 # a sweep goes by
lines >"$work/told"
count=$(wc -l <"$work/told")
[ "$count" -le 5 ] || fail "$count lines, not five at most"
grep 'integrity' "$work/told" | grep -v 'integrity.gone path=/opt/foo/only-1' && fail "an explained file was told"
echo "502 files explained, one gone from where not only packages put files: $count lines"
cat "$work/told"

# A file that changes once more after that is told, and so is one that changes while nothing is installed.
start_listening
echo evil >/opt/foo/2/part-2/file-2
echo evil >/opt/foo/mine
comes 'integrity.changed path=/opt/foo/2/part-2/file-2'
comes 'integrity.changed path=/opt/foo/mine'

# The next baseline holds them: what was explained is over.
start_listening
$run accept /opt/foo >"$work/out" 2>&1 || { cat "$work/out"; fail accept; }
comes 'package.ok pkg=foo'

start_listening
install_deb 3
comes 'package.changed pkg=foo files='
comes 'integrity.changed path=/opt/foo/1/part-1/file-1'
comes 'integrity.setuid path=/opt/foo/0/part-0/file-0'
comes 'integrity.added path=/opt/foo/new'
sleep 1
lines | grep -vE ' (more|integrity.ok) ' | grep -c 'integrity' >"$work/count"
[ "$(cat "$work/count")" -le 6 ] || { fail "more was told than was wrong"; lines; }
echo "an intruder in a postinst: told"

exit "$failed"
