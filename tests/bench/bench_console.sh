#!/bin/sh
# bench_console.sh: belfry as a console manager beside conserver, conman, ser2net (Debian's packages, unpacked beside the
# build) and the floor (read what epoll says, write it to a file), on the same number of pseudo-terminals fed alike.
# Prints a line a figure, tab-separated: name, ours, reference's name, reference, reference / ours, goal, met|short.
# TOCSIN_CONSOLE says what: LINES:BURST:RATE (bursts in bytes, bytes a second and line, 0: flat out), "many" (2,000 lines of
# belfry alone: nothing lost), "storm" (first alarms of quiet lines while 50 of 500 storm, about a few things and then each
# about another, until who is told has them); "all"
# is each of 10, 100, 500 and 1,000 lines with bursts of 115 and of 12 bytes and flat out, and both; without it a part of
# that. TOCSIN_CONSOLE_MANAGERS are the others. The loads of a count of lines take turns on one run of each manager, for
# TOCSIN_BENCH_SECONDS (3) each, TOCSIN_CONSOLE_ROUNDS (3) times: medians. A call with one count of lines takes 2 to 5 minutes.
# belfry proves a beat of each line's host every ten seconds meanwhile, and follows holes and silence; the others copy.
set -u

bin=${TOCSIN_HOST_BIN:?folder of the programs}
support=$(cd "$(dirname "$0")/../support" && pwd)
# shellcheck source=tests/support/peers.sh
. "$support/peers.sh"
seconds=${TOCSIN_BENCH_SECONDS:-3}
rounds=${TOCSIN_CONSOLE_ROUNDS:-3}
managers=${TOCSIN_CONSOLE_MANAGERS:-floor conman conserver ser2net}
cells=${TOCSIN_CONSOLE:-100:115:11520 100:12:11520 100:115:0 1000:115:11520 many storm}
[ "$cells" != all ] || {
    cells=
    for lines in 10 100 500 1000; do
        cells="$cells $lines:115:11520 $lines:12:11520 $lines:115:0"
    done
    cells="$cells many storm"
}
[ "$(id -u)" = 0 ] || { echo "bench_console.sh: not root: conserver and conman run as root alone" >&2; exit 77; }
work=$(mktemp -d /tmp/tocsin-bench-XXXXXX)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# A program that bench_console can run, for a peer: name, package, path.
provide() {
    peer "$1" "$2" || { echo "bench_console.sh: $2 cannot be had: left out" >&2; return; }
    cat >"$work/$1" <<END
#!/bin/sh
TOCSIN_PEERS=$peers
GENSIO_LIBRARY_PATH=$(find "$peers/$1" -name libgensio_serialdev.so -printf '%h')
export GENSIO_LIBRARY_PATH
. $support/peers.sh
peer_run $1 $3 "\$@"
END
    chmod +x "$work/$1"
}

for manager in $managers; do
    case $manager in
    conserver) provide conserver conserver-server /usr/sbin/conserver ;;
    conman) provide conman conman /usr/sbin/conmand ;;
    ser2net) provide ser2net ser2net /usr/sbin/ser2net ;;
    esac
done
cp "$bin/belfry" "$work/belfry" && for part in "$bin"/belfry-*; do cp "$part" "$work/"; done

# measure MANAGER LINES OPTION...: the tab-separated lines of bench_console
measure() {
    manager=$1 lines=$2
    shift 2
    timeout 300 "$bin/bench_console" "$manager" --program "$work/$manager" --lines "$lines" --seconds "$seconds" "$@"
}

# goal NAME VALUE UNIT MOST
goal() {
    awk -v name="$1" -v value="$2" -v unit="$3" -v most="$4" 'BEGIN {
        printf "%s\t%s %s\t-\t-\t-\t<= %s %s\t%s\n", name, value, unit, most, unit, value <= most ? "met" : "short"
    }'
}

# What ours ($work/ours) is against the others ($work/theirs), line by line of the same load.
against() {
    awk -F '\t' '
    function beside(name, format, unit, mine, who, other) {
        printf "%s\t" format " %s\t%s\t" format " %s\t%s\t-\t-\n", name, mine, unit, who, other, unit,
            (mine > 0 ? sprintf("%.1f x", other / mine) : "-")
    }
    NR == FNR { ours[$2 ":" $3 ":" $4] = $0; next }
    {
        load = $2 ":" $3 ":" $4
        split(ours[load], o, FS)
        beside(load " cpu", "%.1f", "ms/MB", o[7], $1, $7)
        beside(load " of a core", "%.1f", "%", o[8], $1, $8)
        beside(load " rate", "%d", "B/s", o[6], $1, $6)
        beside(load " pss", "%.1f", "MB", o[9] * 1024 / 1e6, $1, $9 * 1024 / 1e6)
        beside(load " open", "%d", "ms", o[5], $1, $5)
        beside(load " lost", "%d", "B", o[10], $1, $10)
    }' "$work/ours" "$work/theirs"
}

goals() {
    while IFS="$(printf '\t')" read -r _ lines burst rate open _ cost share pss lost; do
        goal "$lines:$burst:$rate lost" "$lost" B 0
        [ "$burst" -ge 64 ] || [ "$lines" -lt 100 ] || goal "$lines:$burst:$rate cpu" "$cost" ms/MB 12
        [ "$lines" != 500 ] || goal "$lines:$burst:$rate pss" "$pss" KiB 11718
        [ "$lines:$burst:$rate" != 500:115:11520 ] || goal "$lines:$burst:$rate open" "$open" ms 500
        [ "$lines:$burst:$rate" != 1000:115:11520 ] || goal "$lines:$burst:$rate of a core" "$share" % 15
    done <"$work/ours"
}

for lines in $(echo "$cells" | tr ' ' '\n' | sed -n 's/:.*//p' | sort -nu); do
    set -- --rounds "$rounds"
    for cell in $cells; do
        [ "${cell%%:*}" != "$lines" ] || [ "$cell" = "$lines" ] || set -- "$@" --load "${cell#*:}"
    done
    measure belfry "$lines" "$@" >"$work/ours" || exit 1
    : >"$work/theirs"
    for manager in $managers; do
        [ "$manager" = floor ] || [ -x "$work/$manager" ] || continue
        measure "$manager" "$lines" "$@" >>"$work/theirs" || echo "bench_console.sh: $manager failed" >&2
    done
    against
    goals
done
for cell in $cells; do
    case $cell in
    many) goal "2000 lines lost" "$(measure belfry 2000 | cut -f 10)" B 0 ;;
    storm)
        for subjects in 20 0; do
            seconds=10 measure belfry 500 --storm 50 --subjects "$subjects" >"$work/ours" || exit 1
            storm="storm of $([ "$subjects" = 0 ] && echo ever new || echo "$subjects") subjects a line"
            while IFS="$(printf '\t')" read -r _ who by _ _ late _ _ missing; do
                goal "$storm, $who, p99 to $by" "$late" ms 50
                goal "$storm, $who, missing to $by" "$missing" "" 0
            done <"$work/ours"
        done
        ;;
    esac
done
exit 0
