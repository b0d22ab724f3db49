#!/bin/sh
# An agent in which one role makes a call that is not in its list: that process dies of it, and this is told.
set -u
[ "$(id -u)" -eq 0 ] || { echo "skip: needs root"; exit 77; }
if "$TOCSIN_BIN/tocsin" --version | grep -q 'without seccomp'; then
    echo "skip: this build has no seccomp"
    exit 77
fi
. "$TOCSIN_SRC/tests/support/agent.sh"

mkdir -m 700 "$work/belfry"
for role in core wire fscheck procscan netwatch; do
    rm -rf "$work/state"
    mkdir -m 700 "$work/state"
    : >"$work/line"
    # The planted call is made by the role that the host is named after.
    printf '%s\n' "Host forbid-$role" "StateDir $work/state" 'Beat 1' "Channel file $work/line" >"$work/conf"
    code=$("$TOCSIN_BIN/belfry" --state "$work/belfry" pair "forbid-$role" 2>/dev/null | grep -oE '[0-9A-Z-]{26,}' |
        head -n 1)
    "$TOCSIN_BIN/tocsin_forbidden" --config "$work/conf" pair "$code" >"$work/out" 2>&1 || { cat "$work/out"; exit 1; }
    "$TOCSIN_BIN/tocsin_forbidden" --config "$work/conf" run >"$work/out" 2>&1 &
    agent=$!
    check "a_forbidden_call_of_${role}_is_told" "until_line 'agent.self proc=${role}0* state=killed sig=31'"
    stop
done
exit "$failed"
