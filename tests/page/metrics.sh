#!/bin/sh
# metrics.sh: promtool finds nothing to say about /metrics of a belfry that runs, nor about the rules that come with it.
set -u
TOCSIN_SRC=${TOCSIN_SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
. "$TOCSIN_SRC/tests/support/peers.sh"
dir=$(mktemp -d)
actor=
trap '[ -n "$actor" ] && exec 9>&-; wait; rm -rf "$dir"' EXIT

peer prometheus prometheus >/dev/null 2>&1 || { echo "skip: Debian's prometheus cannot be had"; exit 77; }
fetch() {
    python3 -c 'import sys, urllib.request; sys.stdout.write(urllib.request.urlopen(sys.argv[1], timeout=10).read().decode())' "$1" 2>/dev/null
}
mkfifo "$dir/in"
"$TOCSIN_BIN/page_actor" <"$dir/in" >"$dir/out" &
actor=$!
exec 9>"$dir/in"
echo alarm >&9
for _ in $(seq 600); do
    port=$(sed -n 's/^port //p' "$dir/out")
    [ -n "$port" ] && fetch "http://127.0.0.1:$port/metrics" >"$dir/metrics" && grep -q 'open{severity="CRIT"} 1' "$dir/metrics" && break
    sleep 0.1
done
for name in belfry_build_info belfry_line_up belfry_line_received_bytes_total belfry_host_last_record_timestamp_seconds; do
    grep -q "^$name{" "$dir/metrics" || { echo "FAIL no $name"; exit 1; }
done
(peer_run prometheus usr/bin/promtool check metrics <"$dir/metrics") >"$dir/said" 2>&1 && [ ! -s "$dir/said" ] ||
    { echo "FAIL promtool check metrics:"; cat "$dir/said"; exit 1; }
(peer_run prometheus usr/bin/promtool check rules "$TOCSIN_SRC/firmware/belfry/dist/rules.yml") || { echo "FAIL the rules"; exit 1; }
# Each name that the rules ask for is served.
for name in $(grep -o 'belfry_[a-z_]*' "$TOCSIN_SRC/firmware/belfry/dist/rules.yml" | sort -u); do
    grep -q "^$name[ {]" "$dir/metrics" || { echo "FAIL the rules ask for $name, which is not served"; exit 1; }
done
echo "ok   $(grep -vc '^#' "$dir/metrics") samples"
