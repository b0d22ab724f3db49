#!/bin/sh
# What init writes makes ports, daemons and --check-config clean, and is never written over without --force.
set -eu

tocsin=${TOCSIN_BIN:?folder of the programs}/tocsin
work=$(mktemp -d /tmp/tocsin-init-XXXXXX)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
conf=$work/etc/deep/tocsin.conf
failed=0

fail() {
    echo "FAIL $*"
    failed=1
}

# status WANTED COMMAND...: runs it and compares the exit status.
status() {
    wanted=$1
    shift
    got=0
    "$@" >"$work/out" 2>&1 || got=$?
    [ "$got" -eq "$wanted" ] || { fail "exit status $got, not $wanted: $*"; cat "$work/out"; }
}

says() {
    grep -q -e "$1" "$work/out" || { fail "does not say \"$1\":"; cat "$work/out"; }
}

status 0 "$tocsin" --config "$conf" --state "$work/state" init --host unit-7
says "host unit-7"
says "baseline build"
[ "$(stat -c %a "$conf")" = 600 ] || fail "the configuration's mode is $(stat -c %a "$conf")"
[ "$(stat -c %a "$work/state")" = 700 ] || fail "the state directory's mode is $(stat -c %a "$work/state")"
[ "$(ls "$work/etc/deep")" = tocsin.conf ] || fail "something is left over: $(ls "$work/etc/deep")"

status 0 "$tocsin" --config "$conf" --check-config
says ": ok"
# Other tests open ports on this machine meanwhile: what was true a moment ago is tried again.
for _ in 1 2 3 4 5 6 7 8 9; do
    "$tocsin" --config "$conf" ports >"$work/out" 2>&1 && break
    "$tocsin" --config "$conf" --state "$work/state" init --force --host unit-7 >"$work/out" 2>&1
done
status 0 "$tocsin" --config "$conf" ports
says "^OK$"
status 0 "$tocsin" --config "$conf" ports --json
says '"ok": true'
status 0 "$tocsin" --config "$conf" daemons
status 0 "$tocsin" --config "$conf" daemons --json

grep -q '^Watch /usr/lib libraries$' "$conf" || fail "libraries are not watched"
grep -q '^Watch /home/\*/.ssh/authorized_keys\*$' "$conf" || fail "keys are not watched"
cp "$conf" "$work/before"
status 2 "$tocsin" --config "$conf" init
says "is there already"
cmp -s "$conf" "$work/before" || fail "a refused init changed the file"
status 0 "$tocsin" --config "$conf" init --force --host other
says "host other"
status 2 "$tocsin" --config "$conf" init --host 'Not Valid'
status 2 "$tocsin" --config "$conf" init --nonsense

# A mount that is read-only becomes a comment, which is right when it is taken.
grep -q '^Mount' "$conf" && fail "init lists mounts by itself"
mkdir "$work/a b"
mounted='mount -t tmpfs -o ro,noexec none "$1/a b" && "$2" --config "$1/mounts" --state "$1/state" init'
if unshare -m true 2>/dev/null; then
    status 0 unshare -m sh -c "$mounted" sh "$work" "$tocsin"
    grep -q "^#Mount $work/a%20b ro noexec\$" "$work/mounts" || { fail "no comment of a mount"; cat "$work/mounts"; }
    sed -i 's/^#Mount/Mount/' "$work/mounts"
    status 0 "$tocsin" --config "$work/mounts" --check-config
else
    echo "left out: the comment of a mount (needs the right to mount)"
fi

# So does what the views would tell.
grep -q '^View .* allow' "$conf" && fail "init allows by itself"
intruded='mount -t tmpfs none /etc && echo "to#r:x:0:0::/:" >/etc/passwd && echo >/etc/shadow &&
    "$2" --config "$1/views" --state "$1/state" init --host a'
if unshare -m true 2>/dev/null; then
    status 0 unshare -m sh -c "$intruded" sh "$work" "$tocsin"
    grep -q '^#View accounts allow to#r$' "$work/views" || { fail "no comment of an account"; cat "$work/views"; }
    sed -i 's/^#View/View/' "$work/views"
    status 0 "$tocsin" --config "$work/views" --check-config
fi

# A port that is not open, a daemon that does not run, and an error in the file.
printf 'Host a\nPort tcp 1 nobody\nDaemon /nonexistent/daemon\n' >"$work/bad"
chmod 600 "$work/bad"
status 1 "$tocsin" --config "$work/bad" ports
says "^DANGER! Expected open ports and processes:$"
says "^DANGER! 1 nobody$"
says "^tcp/1 is not open: expected nobody$"
status 1 "$tocsin" --config "$work/bad" daemons
says "^down"
printf 'Host a\nColour red\n' >"$work/bad"
for command in ports daemons --check-config; do
    status 2 "$tocsin" --config "$work/bad" "$command"
    says "bad:2: found \"Colour\"; expected one of Host"
done

# Without a configuration there is something to see all the same, and from another folder.
cd "$work"
status 0 "$tocsin" --config ./nowhere.conf ports
says "^Actual open ports and processes:"
status 2 "$tocsin" --config nowhere.conf daemons
says "No such file"

[ "$failed" -eq 0 ] && echo "all as it should be"
exit "$failed"
