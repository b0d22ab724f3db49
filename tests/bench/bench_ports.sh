#!/bin/sh
# bench_ports.sh: tocsin ports against ss and lsof with 1,000 listeners in 50 processes, in turns.
# Prints a line a figure, tab-separated: name, ours, reference's name, reference, reference / ours, goal, met|short.
# Wall time, medians. TOCSIN_BIN holds tocsin, TOCSIN_HOST_BIN the load (bench_ports_load); the sizes come from
# TOCSIN_BENCH_LISTENERS (1000), TOCSIN_BENCH_PROCESSES (50) and TOCSIN_BENCH_ROUNDS (31).
set -eu

bin=${TOCSIN_BIN:?folder of the programs}/tocsin
load=${TOCSIN_HOST_BIN:-$TOCSIN_BIN}/bench_ports_load
listeners=${TOCSIN_BENCH_LISTENERS:-1000}
processes=${TOCSIN_BENCH_PROCESSES:-50}
rounds=${TOCSIN_BENCH_ROUNDS:-31}

for tool in ss lsof "$bin" "$load"; do
    command -v "$tool" >/dev/null || { echo "bench_ports.sh: $tool is not installed" >&2; exit 77; }
done
if [ "$(id -u)" != 0 ]; then
    echo "bench_ports.sh: not root: holders of others' sockets are left out by all three" >&2
fi

work=$(mktemp -d /tmp/tocsin-bench-XXXXXX)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# With a configuration, so that the judging is measured too.
cat >"$work/tocsin.conf" <<END
Host bench
Port tcp any bench_ports_load
END

"$load" "$listeners" "$processes" "$rounds" "$bin --config $work/tocsin.conf ports" \
    "ss -ltnp" "lsof -nP -iTCP -sTCP:LISTEN" >"$work/times"

set -- $(cat "$work/times")
figure() {
    awk -v name="$1" -v ours="$2" -v reference="$3" -v theirs="$4" -v goal="$5" 'BEGIN {
        ratio = theirs / ours
        printf "%s\t%.2f ms\t%s\t%.2f ms\t%.1f x\t>= %s x\t%s\n", name, ours / 1000, reference, theirs / 1000, ratio,
            goal, (ratio >= goal ? "met" : "short")
    }'
}
figure "ports.$listeners" "$1" "ss -ltnp" "$2" 1
figure "ports.$listeners" "$1" "lsof -nP -iTCP" "$3" 10
