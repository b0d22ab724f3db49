#!/bin/sh
# The static agent's size, and the memory of all its processes together while it guards this machine and
# TOCSIN_BENCH_FILES (300000) files besides: the most that is resident in TOCSIN_BENCH_SECONDS (70), a sweep among them.
# Summed over the processes, so that what they share counts in each; and what each has to itself (pss: shared pages
# divided by those that map them). Then the same with a Receiver on the loopback, so with the courier, which is a program of
# its own that is linked to the system's OpenSSL: what it takes besides, without a goal.
set -u
files=${TOCSIN_BENCH_FILES:-300000}
seconds=${TOCSIN_BENCH_SECONDS:-70}
work=$(mktemp -d) || exit 2
agent=$work/tocsin
pid=
receiver=
finish() {
    for p in $pid $receiver; do
        kill "$p" 2>/dev/null && wait "$p" 2>/dev/null
    done
    rm -rf "$work"
}
trap finish EXIT
cp "$TOCSIN_BIN/tocsin" "$TOCSIN_HOST_BIN/tocsin-courier" "$work/" || exit 2

say() {
    met=$(awk -v a="$2" -v b="$5" 'BEGIN { print (a <= b) ? "met" : "short" }')
    printf '%s\t%s kB\t%s\t%s kB\t%s\t<= %s kB\t%s\n' "$1" "$2" "$3" "$4" \
        "$(awk -v a="$2" -v b="$4" 'BEGIN { printf "%.2f", (b > 0 ? a / b : 0) }')" "$5" "$met"
}

printf 'StateDir %s/belfry\nListen 127.0.0.1:28627\nSyslog no\n' "$work" >"$work/belfry.conf"
code=$("$TOCSIN_HOST_BIN/belfry" --config "$work/belfry.conf" pair bench |
    grep -oE '([0-9A-Z]{4}-){6}[0-9A-Z]{4}' | head -n 1)
tocsin() { "$agent" --config "$work/conf" --state "$work/state" "$@"; }
tocsin init --host bench >/dev/null || exit 2
"$TOCSIN_HOST_BIN/bench_tree" make "$work/tree" "$files" $((files * 500)) || exit 2
printf 'Channel file %s/out\nWatch %s/tree\n' "$work" "$work" >>"$work/conf"
printf '%s\n' "$code" | tocsin pair - >/dev/null || exit 2
tocsin baseline build >/dev/null || exit 2

# begin: the agent, until it is at rest
begin() {
    "$agent" --config "$work/conf" --state "$work/state" run >/dev/null 2>&1 &
    pid=$!
    sleep 20
}

# most SECONDS: the most that is resident meanwhile, in `total` and `own`
most() {
    left=$1
    set --
    for p in $pid $(cat "/proc/$pid/task/$pid/children"); do
        set -- "$@" "/proc/$p/smaps_rollup"
    done
    total=0
    own=0
    while [ "$left" -gt 0 ]; do
        sums=$(awk '/^Rss:/ { rss += $2 } /^Pss:/ { pss += $2 } END { print rss, pss }' "$@")
        [ "${sums% *}" -le "$total" ] || total=${sums% *}
        [ "${sums#* }" -le "$own" ] || own=${sums#* }
        left=$((left - 1))
        sleep 1
    done
}

begin
most "$seconds"
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
say agent-pss-all "$own" "one bash" "$idle" 4096

kill "$pid"
wait "$pid" 2>/dev/null
"$TOCSIN_HOST_BIN/belfry" --config "$work/belfry.conf" run >/dev/null 2>&1 &
receiver=$!
echo 'Receiver 127.0.0.1:28627' >>"$work/conf"
begin
tocsin channels | grep -q '^network  *up' || echo "bench_size.sh: the courier has no connection" >&2
alone=$total
most 10
courier=
for p in $(cat "/proc/$pid/task/$pid/children"); do
    [ "$(cat "/proc/$p/comm")" = tocsin-courier ] && courier=$p
done
awk -v all="$total" -v alone="$alone" '
    /^Rss:/ { rss = $2 }
    /^Pss:/ { pss = $2 }
    END {
        printf "agent-rss-with-courier\t%d kB\twithout\t%d kB\t%.2f\t\t\n", all, alone, all / alone
        printf "courier-rss\t%d kB\tpss\t%d kB\t\t\t\n", rss, pss
    }' "/proc/$courier/smaps_rollup"
