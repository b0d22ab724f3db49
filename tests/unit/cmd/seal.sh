#!/bin/sh
# seal-config leaves no text behind, also where a link leads to the file, whose mode it keeps.
set -u
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
tocsin="$TOCSIN_BIN/tocsin --config $work/conf --state $work/state"
failures=0
fail() {
    echo "FAIL $*"
    failures=$((failures + 1))
}

mkdir -m 700 "$work/state" "$work/other"
printf 'Host web03\n' >"$work/other/file"
chmod 640 "$work/other/file"
ln -s other/file "$work/conf"
$tocsin seal-config || fail "not sealed"
[ -L "$work/conf" ] || fail "the link was replaced"
grep -q web03 "$work/other/file" && fail "the text can be read"
[ "$(stat -c %a "$work/other/file")" = 640 ] || fail "another mode"
[ "$($tocsin seal-config --print)" = 'Host web03' ] || fail "another text"
$tocsin seal-config --open || fail "not opened"
[ "$(cat "$work/other/file")" = 'Host web03' ] || fail "another text after opening"
[ "$(ls "$work" "$work/other" | tr '\n' ' ')" = "$work: conf other state  $work/other: file " ] || fail "left over: $(ls -R "$work")"
exit "$failures"
