#!/bin/sh
# What pair leaves in the state directory: keys that nobody else may read, and nothing of an earlier pairing.
set -u
tocsin=$TOCSIN_BIN/tocsin
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
failures=0
fail() {
    echo "FAIL $*"
    failures=$((failures + 1))
}

# pairs STATUS PATTERN ARGUMENT...
pairs() {
    want=$1
    pattern=$2
    shift 2
    "$tocsin" --config "$work/conf" --state "$work/state" pair "$@" >"$work/out" 2>&1
    got=$?
    [ "$got" -eq "$want" ] && grep -Eq "$pattern" "$work/out" || { fail "pair $*: status $got"; cat "$work/out"; }
}

mode() {
    stat -c %a "$work/state/$1"
}

# SPEC.md, section 10.
psk=03aa3074b7495f7231a7041edbc857c5297437225cf64f9cea4acc1121e2e634
printf 'Host web03\n' >"$work/conf"
chmod 600 "$work/conf"
printf '8T2K-M0Q4-ZZ5V-XA9N-HRD3-W7BC-1G9V' >"$work/code"
umask 0
pairs 0 '^paired as web03; keys in ' "$work/code"
[ "$(od -An -v -tx1 "$work/state/courier/psk" | tr -d ' \n')" = "$psk" ] || fail "not the psk of the code"
[ "$(mode courier) $(mode courier/psk) $(mode session)" = '700 600 600' ] || fail "others may read a key"
[ "$(ls "$work/state")" = "$(printf 'courier\nsession')" ] || fail "left over: $(ls "$work/state")"

echo old >"$work/state/courier/spool.00000001"
pairs 2 'this host is paired already' "$work/code"
[ -e "$work/state/courier/spool.00000001" ] || fail "a refused pairing deleted lines"

# What a crash in between may leave is no obstacle, and a link leads nowhere.
mkdir "$work/state/courier.new" "$work/state/courier.old" "$work/elsewhere"
touch "$work/state/courier.new/psk" "$work/state/courier.old/spool.00000001" "$work/elsewhere/file"
ln -s "$work/elsewhere/file" "$work/state/courier/spool.00000002"
printf 'Host other\n' >"$work/conf"
pairs 0 '^paired as other' --again "$work/code"
[ "$(ls "$work/state/courier")" = psk ] || fail "left of the old pairing: $(ls "$work/state/courier")"
[ "$(ls "$work/state")" = "$(printf 'courier\nsession')" ] || fail "left over: $(ls "$work/state")"
[ "$(od -An -v -tx1 "$work/state/courier/psk" | tr -d ' \n')" != "$psk" ] || fail "still the old psk"
[ -e "$work/elsewhere/file" ] || fail "a link's target was deleted"

rm -r "$work/state/courier"
ln -s "$work/elsewhere" "$work/state/courier"
pairs 0 '^paired as other' --again "$work/code"
[ "$(ls "$work/elsewhere")" = file ] || fail "a link in the directory's place was followed"
[ "$(mode courier)" = 700 ] || fail "the link is still there"
mkdir "$work/state/courier/deep"
pairs 2 'courier: Directory not empty; the pairing is not complete' --again "$work/code"
[ "$failures" -eq 0 ] && echo "all as it should be"
exit "$failures"
