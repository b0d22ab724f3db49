#!/bin/sh
# The real logrotate rotates watched logs beside a running agent, by renaming and by copying, with and without compression:
# each rotation is an INFO line and none an alarm. In a mount namespace of its own.
set -u
[ "$(id -u)" -eq 0 ] || { echo "skip: needs root"; exit 77; }
if [ "${1:-}" != inside ]; then
    unshare -n -m -p --mount-proc --fork true 2>/dev/null || { echo "skip: no namespaces"; exit 77; }
    . "${TOCSIN_SRC:?}/tests/support/peers.sh"
    peer logrotate logrotate >/dev/null 2>&1 || { echo "skip: no logrotate to be had"; exit 77; }
    exec unshare -n -m -p --mount-proc --fork --kill-child sh "$0" inside
fi
. "${TOCSIN_SRC:?}/tests/support/peers.sh"
umask 022
tocsin=${TOCSIN_BIN:?folder of the programs}/tocsin
work=$(mktemp -d /tmp/tocsin-rotated-XXXXXX) || exit 2
agent=
trap 'if [ -n "$agent" ]; then kill "$agent"; wait "$agent"; fi; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
failed=0

lines() { grep -a '^!1 ' "$work/lines" | grep -a ' integrity[.]' | sort -u; }
rotate() { (peer_run logrotate usr/sbin/logrotate -f -s "$work/rotate.state" "$work/rotate.conf"); }

# comes COUNT PATTERN: so many lines are there in the end.
comes() {
    n=300
    until [ "$(lines | grep -ac "$2")" -ge "$1" ]; do
        n=$((n - 1))
        if [ "$n" -eq 0 ]; then
            echo "FAIL not told $1 times: $2"
            lines
            failed=1
            return
        fi
        sleep 0.1
    done
}

mkdir "$work/log" "$work/state" && chmod 755 "$work" "$work/log" && chmod 700 "$work/state"
{
    echo "rotate 3"
    echo "missingok"
    for log in renamed compressed; do
        printf '%s/log/%s {\n create 0644 root root\n' "$work" "$log"
        [ "$log" = renamed ] || printf ' compress\n delaycompress\n'
        echo "}"
    done
    printf '%s/log/copied {\n copytruncate\n}\n' "$work"
} >"$work/rotate.conf"
for log in renamed compressed copied; do
    i=0
    while [ "$i" -lt 500 ]; do
        echo "line $i of $log, which is long enough to be told from others"
        i=$((i + 1))
    done >"$work/log/$log"
done
printf 'Host up\nChannel file %s/lines\nWatch %s/log logs\nIgnore %s/log/*.[0-9]*\nIgnore %s/log/*.gz\nSweep 2\n' \
    "$work" "$work" "$work" "$work" >"$work/conf"
run() { "$tocsin" --config "$work/conf" --state "$work/state" "$@"; }
"${TOCSIN_BIN}/quiet_actor" code | run pair - >"$work/out" && run baseline build >>"$work/out" || {
    cat "$work/out"
    exit 2
}
"$tocsin" --config "$work/conf" --state "$work/state" run >"$work/out" 2>&1 &
agent=$!
n=300
until grep -q guarding "$work/out" || [ "$n" -eq 0 ]; do
    n=$((n - 1))
    sleep 0.1
done

for round in 1 2 3; do
    for log in renamed compressed copied; do
        echo "more in round $round" >>"$work/log/$log"
    done
    sleep 3
    rotate || { echo "FAIL logrotate"; failed=1; }
    for log in renamed compressed copied; do
        comes "$round" "INFO .*integrity.changed path=[^ ]*/log/$log "
    done
done
sleep 3
if lines | grep -a -v ' INFO '; then
    echo "FAIL told as an alarm"
    failed=1
fi
echo last >>"$work/log/renamed"
sleep 5
: >"$work/log/renamed"
comes 1 'CRIT .*integrity.changed path=[^ ]*/log/renamed '
[ "$failed" -eq 0 ] && echo "ok   logs that logrotate rotates are no alarm, and one that is emptied is"
exit "$failed"
