#!/bin/sh
# bench_files.sh: baseline and check against aide and sha256sum on the same tree, in turns, warm.
# Prints a line a figure, tab-separated: name, ours, reference's name, reference, reference / ours, goal, met|short.
# Wall time, medians. TOCSIN_BIN holds tocsin; TOCSIN_BENCH_MB (200) and TOCSIN_BENCH_ROUNDS (5) the size.
set -eu

bin=${TOCSIN_BIN:?folder of the programs}/tocsin
mb=${TOCSIN_BENCH_MB:-200}
rounds=${TOCSIN_BENCH_ROUNDS:-5}
goal=5

for tool in aide sha256sum "$bin"; do
    command -v "$tool" >/dev/null || { echo "bench_files.sh: $tool is not installed" >&2; exit 77; }
done

work=$(mktemp -d /tmp/tocsin-bench-XXXXXX)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
tree=$work/tree
mkdir "$tree" "$work/state"

# Real files, small and large as they come, up to the size wanted.
find /usr/share /usr/include /usr/bin -xdev -type f -size -20M -printf '%s %p\n' 2>/dev/null |
    awk -v most=$((mb * 1000000)) '{ sum += $1; if (sum > most) exit; sub(/^[0-9]+ /, ""); print }' >"$work/list"
(cd / && sed 's,^/,,' "$work/list" | tr '\n' '\0' | xargs -0 cp -p --parents -t "$tree")
echo "tree: $(find "$tree" -type f | wc -l) files, $(du -sm "$tree" | cut -f1) MB, $rounds rounds" >&2

cat >"$work/tocsin.conf" <<END
host bench
watch $tree
END
cat >"$work/aide.conf" <<END
database_in=file:$work/aide.db
database_out=file:$work/aide.db.new
gzip_dbout=no
report_url=file:$work/aide.report
$tree p+i+n+u+g+s+ftype+sha256
END

now() {
    date +%s.%N
}

# timed NAME COMMAND...: appends the seconds to NAME's times. Exit 1 of a check is findings, not failure.
timed() {
    name=$1
    shift
    start=$(now)
    "$@" >"$work/out" 2>&1 || [ $? -eq 1 ] || { cat "$work/out" >&2; echo "failed: $*" >&2; exit 1; }
    echo "$start $(now)" | awk '{ printf "%.4f\n", $2 - $1 }' >>"$work/$name"
}

hash_all() {
    find "$tree" -type f -print0 | xargs -0 sha256sum
}

median() {
    sort -n "$work/$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

row() {
    awk -v name="$1" -v ours="$2" -v against="$3" -v theirs="$4" -v goal="$5" 'BEGIN {
        ratio = theirs / (ours > 0 ? ours : 0.0001)
        printf "%s\t%s s\t%s\t%s s\t%.1f\t>= %s x\t%s\n", name, ours, against, theirs, ratio, goal, (ratio >= goal ? "met" : "short")
    }'
}

hash_all >/dev/null # warms the page cache for everyone
round=0
while [ "$round" -lt "$rounds" ]; do
    timed build "$bin" --config "$work/tocsin.conf" --state "$work/state" baseline build --force
    timed aide_init aide -c "$work/aide.conf" --init
    mv "$work/aide.db.new" "$work/aide.db"
    timed check "$bin" --config "$work/tocsin.conf" --state "$work/state" check
    timed aide_check aide -c "$work/aide.conf" --check
    timed sha256sum hash_all
    round=$((round + 1))
done

row baseline-build "$(median build)" "aide --init" "$(median aide_init)" "$goal"
row check "$(median check)" "aide --check" "$(median aide_check)" "$goal"
row baseline-build "$(median build)" "sha256sum" "$(median sha256sum)" 1
row check "$(median check)" "sha256sum" "$(median sha256sum)" 1
