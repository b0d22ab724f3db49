#!/bin/sh
# The static agent's size, and the memory of all its processes together while it guards this machine.
set -u
agent=$TOCSIN_BIN/tocsin
work=$(mktemp -d) || exit 2
pid=
finish() {
    [ -n "$pid" ] && kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
    rm -rf "$work"
}
trap finish EXIT

say() {
    met=$(awk -v a="$2" -v b="$5" 'BEGIN { print (a <= b) ? "met" : "short" }')
    printf '%s\t%s kB\t%s\t%s kB\t%s\t<= %s kB\t%s\n' "$1" "$2" "$3" "$4" \
        "$(awk -v a="$2" -v b="$4" 'BEGIN { printf "%.2f", (b > 0 ? a / b : 0) }')" "$5" "$met"
}

printf 'StateDir %s/belfry\nLine none pty %s/line\nSyslog no\n' "$work" "$work" >"$work/belfry.conf"
code=$("$TOCSIN_HOST_BIN/belfry" --config "$work/belfry.conf" pair bench |
    grep -oE '([0-9A-Z]{4}-){6}[0-9A-Z]{4}' | head -n 1)
tocsin() { "$agent" --config "$work/conf" --state "$work/state" "$@"; }
tocsin init --host bench >/dev/null || exit 2
printf 'Channel file %s/out\n' "$work" >>"$work/conf"
printf '%s\n' "$code" | tocsin pair - >/dev/null || exit 2
tocsin baseline build >/dev/null || exit 2
"$agent" --config "$work/conf" --state "$work/state" run >/dev/null 2>&1 &
pid=$!
sleep 15

total=0
private=0
for p in $pid $(cat "/proc/$pid/task/$pid/children"); do
    rss=$(awk '/^VmRSS:/ { print $2 }' "/proc/$p/status")
    own=$(awk '/^Private_(Clean|Dirty):/ { n += $2 } END { print n }' "/proc/$p/smaps_rollup")
    total=$((total + rss))
    private=$((private + own))
done
size=$(($(stat -c %s "$agent") / 1024))
shell=$(($(stat -c %s "$(readlink -f /bin/bash)") / 1024))
bash -c "while :; do sleep 1; done" >/dev/null &
peer=$!
sleep 1
idle=$(awk '/^VmRSS:/ { print $2 }' "/proc/$peer/status")
kill "$peer" 2>/dev/null
wait "$peer" 2>/dev/null
say agent-binary "$size" bash "$shell" 700
say agent-rss-all "$total" "one bash" "$idle" 4096
say agent-private-all "$private" "one bash" "$idle" 4096
