#!/bin/sh
# bench_baseline.sh: what an entry of the baseline takes, and what it costs to open it and to look a path up, for /usr
# as it is here (TOCSIN_BENCH_TREE for another tree).
set -eu

tocsin=${TOCSIN_BIN:?folder of the programs}/tocsin
work=$(mktemp -d /tmp/tocsin-bench-XXXXXX)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

printf 'host bench\nwatch %s\n' "${TOCSIN_BENCH_TREE:-/usr}" >"$work/tocsin.conf"
"$tocsin" --config "$work/tocsin.conf" --state "$work/state" baseline build >&2
"$TOCSIN_HOST_BIN/bench_baseline" "$work/state/baseline"
