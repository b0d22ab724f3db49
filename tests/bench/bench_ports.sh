#!/bin/sh
# bench_ports.sh: the port detector by itself (bench_ports_agent), then tocsin ports against ss with 20, 1,000 and
# 10,000 listeners, against lsof with 1,000, and against the floor (bench_ports_floor: all listeners, and the links of all
# descriptors, as C reads them one after the other), in turns.
# Prints a line a figure, tab-separated: name, ours, reference's name, reference, reference / ours, goal, met|short.
# Wall time, medians. TOCSIN_BIN holds tocsin, TOCSIN_HOST_BIN the other two; TOCSIN_BENCH_ROUNDS (31).
set -eu

bin=${TOCSIN_BIN:?folder of the programs}/tocsin
host_bin=${TOCSIN_HOST_BIN:-$TOCSIN_BIN}
load=$host_bin/bench_ports_load
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

figure() {
    awk -v name="$1" -v ours="$2" -v reference="$3" -v theirs="$4" -v goal="$5" 'BEGIN {
        ratio = theirs / ours
        printf "%s\t%.2f ms\t%s\t%.2f ms\t%.1f x\t>= %s x\t%s\n", name, ours / 1000, reference, theirs / 1000, ratio,
            goal, (ratio >= goal ? "met" : "short")
    }'
}

"$host_bin/bench_ports_agent" || [ $? = 77 ]
ports="$bin --config $work/tocsin.conf ports"
while read -r listeners processes; do
    floor=$host_bin/bench_ports_floor
    if [ "$listeners" = 1000 ]; then
        "$load" "$listeners" "$processes" "$rounds" "$ports" "ss -ltnp" "$floor" "lsof -nP -iTCP -sTCP:LISTEN" >"$work/times"
    else
        "$load" "$listeners" "$processes" "$rounds" "$ports" "ss -ltnp" "$floor" >"$work/times"
    fi
    # shellcheck disable=SC2046
    set -- $(cat "$work/times")
    figure "ports.$listeners" "$1" "ss -ltnp" "$2" 1
    figure "ports.$listeners" "$1" "floor" "$3" 0.66
    [ $# -lt 4 ] || figure "ports.$listeners" "$1" "lsof -nP -iTCP" "$4" 10
done <<END
20 10
1000 50
10000 100
END
