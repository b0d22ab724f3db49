#!/bin/sh
# What the whole agent costs while nothing happens: CPU time of all its processes in TOCSIN_BENCH_SECONDS (60), a sweep and
# beats among it, with 20 listeners, 10 daemons of two processes each, TOCSIN_BENCH_FILES (5000) files and one channel. Needs a
# machine on which nothing else happens: each program that begins and each file that changes is looked at. In the machine's
# own network namespace, as the kernel tells of processes that begin there only. Prints a line a process, with how often it
# woke, one for the seconds into which no sweep fell, one for the lines that were written meanwhile (beats, and what the agent
# found on this machine: copies of an alarm go out after 2, 10, 60 and 300 s), and one for all, and before them the floor: what
# processes cost that only wake once a second. The goal is one for the seconds without a sweep: what a sweep takes goes by what
# there is to sweep, and has its goal in bench_integrity.sh (3.5 us an entry: once a minute, 300,000 are 1.75 % of a core).
# Tab-separated: name, ours, reference's name, reference, ratio, goal, met|short.
set -u
if [ "${1:-}" != inside ]; then
    if [ "$(id -u)" -ne 0 ] || ! unshare -m true 2>/dev/null; then
        echo "bench_idle.sh: needs root and a mount namespace" >&2
        exit 77
    fi
    exec unshare -m sh "$0" inside
fi
seconds=${TOCSIN_BENCH_SECONDS:-60}
files=${TOCSIN_BENCH_FILES:-5000}
work=$(mktemp -d) || exit 2
others=
# shellcheck disable=SC2086
trap 'kill $others 2>/dev/null; wait; umount "$work" && rmdir "$work"' EXIT
mount -t tmpfs none "$work" || exit 2
cp "$TOCSIN_BIN/tocsin" "$work/tocsin" && mkdir "$work/state" "$work/bin" || exit 2
tocsin() { "$work/tocsin" --config "$work/conf" --state "$work/state" "$@"; }

# floor NAME PROCESSES CALLS WHAT
floor() {
    printf 'idle.%s\t%s us/s\t%s\t\t\t\t\n' "$1" "$("$TOCSIN_HOST_BIN/bench_idle_floor" "$2" "$3" 10)" "$4"
}
floor floor_1 1 0 'one wake a second'
floor floor_6 6 0 'six at once'
floor floor_6_calls 6 20 'six, of 20 calls each'

"$TOCSIN_HOST_BIN/bench_tree" make "$work/tree" "$files" $((files * 500)) || exit 2
printf 'Host bench\nWatch %s/tree\nNamespaces own\nChannel file %s/lines\n' "$work" "$work" >"$work/conf"
i=0
while [ "$i" -lt 10 ]; do
    cp "$TOCSIN_HOST_BIN/quiet_actor" "$work/bin/d$i" || exit 2
    printf 'Daemon %s/bin/d%d\nPort tcp 22%02d %s/bin/d%d\nPort tcp 23%02d %s/bin/d%d\n' \
        "$work" "$i" "$i" "$work" "$i" "$i" "$work" "$i" >>"$work/conf"
    "$work/bin/d$i" serve "$(printf '22%02d' "$i")" &
    others="$others $!"
    "$work/bin/d$i" serve "$(printf '23%02d' "$i")" &
    others="$others $!"
    i=$((i + 1))
done
if ! "$TOCSIN_HOST_BIN/quiet_actor" code | tocsin pair - >"$work/out" || ! tocsin baseline build --json >>"$work/out"; then
    cat "$work/out" >&2
    exit 2
fi
entries=$(sed -n 's/.*"entries": \([0-9]*\).*/\1/p' "$work/out")
"$work/tocsin" --config "$work/conf" --state "$work/state" run >"$work/out" 2>&1 &
pid=$!
others="$others $pid"
sleep 20

told=$(wc -l <"$work/lines")
"$TOCSIN_HOST_BIN/bench_idle_watch" "$pid" "$seconds" >"$work/spent" || exit 2
told=$(($(wc -l <"$work/lines") - told))
awk -v FS='\t' -v told="$told" -v entries="$entries" '
    $1 == "sweep" {
        printf "idle.sweep\t%.2f us an entry\tus of each of %d sweeps\t%.0f\t\t\t\n", $2 / entries, $3, $2
        next
    }
    $1 == "between" {
        printf "idle.between\t%.1f us/s\tof a core, median second %d us\t%.4f %%\t\t%s\n", $2, $4, $2 / 10000, "<= 500 us/s\t" ($2 <= 500 ? "met" : "short")
        next
    }
    $1 == "all" {
        printf "idle.lines\t%d\tcore and wire wake for each\t\t\t\t\n", told
        printf "idle.all\t%.1f us/s\tof a core with its sweeps, median second %d us\t%.4f %%\t\t\t\n", $2, $4, $2 / 10000
        next
    }
    { sub(/^tocsin-/, "", $1); printf "idle.%s\t%.1f us/s\twakes a second; median and highest second %d and %d us\t%.1f\t\t\t\n", $1, $2, $4, $5, $3 }
' "$work/spent"
