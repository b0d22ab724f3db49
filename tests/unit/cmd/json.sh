#!/bin/sh
# What the commands print as JSON is as their schemas say, with nothing to tell and with names that try to break out.
set -u
command -v python3 >/dev/null || { echo "skip: python3 is not installed"; exit 77; }
tocsin=$TOCSIN_BIN/tocsin
conforms=$TOCSIN_SRC/tests/support/conforms.py
schemas=$TOCSIN_SRC/host-agent/schema
work=$(mktemp -d) || exit 2
agent=
trap 'if [ -n "$agent" ]; then kill "$agent"; wait "$agent"; fi; rm -rf "$work"' EXIT
failures=0
fail() {
    echo "$*"
    failures=$((failures + 1))
}

# as_schema STATUS COMMAND...: the exit status, and the output against the command's schema.
as_schema() {
    want=$1
    shift
    "$tocsin" --config "$work/conf" --state "$work" "$@" --json >"$work/out" 2>"$work/err"
    got=$?
    case $got in $want) ;; *) fail "tocsin $*: status $got, not $want" && cat "$work/err" ;; esac
    python3 "$conforms" "$schemas/$1.schema.json" "$work/out" >"$work/told" || { fail "tocsin $*:"; cat "$work/told" "$work/out"; }
}

mkdir "$work/tree"
printf 'Host a-1\nWatch %s/tree\nChannel null x\nPort tcp any tocsin-no-such\n' "$work" >"$work/conf"
"$tocsin" --config "$work/conf" --state "$work" baseline build >/dev/null || fail "no baseline"
as_schema 0 daemons
as_schema '[01]' check # the machine has ports of its own
printf 'x' >"$work/tree/quote\" back\\ new
line"
printf 'Daemon "/no \\"where\\\\"\nMount /no/mount ro\n' >>"$work/conf"
as_schema 1 daemons
as_schema 1 check
grep -q '"code": "integrity.added"' "$work/out" || fail "the planted file is not told"
grep -q '"code": "mount.gone"' "$work/out" || fail "the missing mount is not told"
printf 'Port tcp 1 nobody\nPort tcp 22 "/no \\"where" uid=root unit=a.service\n' >>"$work/conf"
as_schema 1 ports
grep -q '"port": "tcp/1", "finding": "gone"' "$work/out" || fail "the missing port is not told"

printf '{"schema": "tocsin-check-1", "host": "A", "findings": [], "checks": [], "complete": 1}' >"$work/bad"
python3 "$conforms" "$schemas/check.schema.json" "$work/bad" >/dev/null && fail "anything conforms"

printf 'Receiver 127.0.0.1\n' >>"$work/conf"
as_schema 0 routes
grep -q network "$work/out" && fail "the network is told without an agent"
printf '0C0G-8085-1410-C000-0000-0000-00FS' >"$work/code"
"$tocsin" --config "$work/conf" --state "$work" pair "$work/code" >/dev/null || fail "not paired"
"$tocsin" --config "$work/conf" --state "$work" run >"$work/log" 2>&1 &
agent=$!
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    sleep 0.5
    "$tocsin" --config "$work/conf" --state "$work" status --findings 2>/dev/null | grep -q 'daemon.down *line' && break
done
as_schema '[01]' channels
grep -q '"scheme": "null", "device": "x", "policy": "always"' "$work/out" || fail "the channel is not told"
as_schema 1 status
as_schema 1 status --findings
grep -q '"network": {"state": ' "$work/out" || fail "the network is not in the status"
grep -q '"code": "daemon.down"' "$work/out" || fail "the missing daemon is not in the status"
as_schema '[01]' routes
grep -q '"network": {"state": ' "$work/out" || fail "the network is not in the routes"
[ "$failures" -eq 0 ]
