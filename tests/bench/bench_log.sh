#!/bin/sh
# belfry log over TOCSIN_BENCH_MB (1000) MB of a line's transcript, beside zstdcat and cat on the same parts: all bytes, all
# lines with times and escaped, a word looked for, and a minute in the middle. Medians of five, in turns.
set -u
mb=${TOCSIN_BENCH_MB:-1000}
command -v zstdcat >/dev/null || { echo "skip: zstd is not installed"; exit 77; }
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/state/lines"
printf 'StateDir %s/state\nSyslog no\nLine con pty %s/con\n' "$work" "$work" >"$work/conf"
"$TOCSIN_HOST_BIN/bench_log" "$work/state/lines" $((mb * 1000000)) || exit 2
export work
log() { "$TOCSIN_HOST_BIN/belfry" --config "$work/conf" log con "$@"; }
parts() { (cd "$work/state/lines" && { cat con.zst.* | zstdcat; cat con.raw; }); }

ours_all() { log --raw >/dev/null; }
theirs_all() { parts >/dev/null; }
ours_lines() { log >/dev/null; }
theirs_lines() { parts | cat -v >/dev/null; }
ours_word() { log | grep -c 'port 4242 ' >/dev/null; }
theirs_word() { parts | grep -ac 'port 4242 ' >/dev/null; }
middle=$(date -u -d "@$((1767225600 + mb * 1000000 / 11000 / 2))" +%Y-%m-%dT%H:%M)
until=$(date -u -d "@$((1767225600 + mb * 1000000 / 11000 / 2 + 60))" +%Y-%m-%dT%H:%M)
ours_minute() { log --since "$middle" --until "$until" >/dev/null; }
theirs_minute() { parts | tail -c $((mb * 500000)) | head -c 691200 >/dev/null; }

seconds() {
    begun=$(date +%s%N)
    "$1"
    echo $((($(date +%s%N) - begun) / 1000))
}
median() { sort -n | sed -n 3p; }

for what in all lines word minute; do
    : >"$work/ours"
    : >"$work/theirs"
    for _ in 1 2 3 4 5; do
        seconds "ours_$what" >>"$work/ours"
        seconds "theirs_$what" >>"$work/theirs"
    done
    ours=$(median <"$work/ours")
    theirs=$(median <"$work/theirs")
    case $what in
    all) with="zstdcat" most=1.5 ;;
    lines) with="zstdcat | cat -v" most=1.5 ;;
    word) with="zstdcat | grep" most=2 ;;
    minute) with="zstdcat | tail | head" most=0.05 ;;
    esac
    awk -v what="log_$what" -v a="$ours" -v b="$theirs" -v with="$with" -v most="$most" 'BEGIN {
        r = b > 0 ? a / b : 0
        printf "%s\t%.3f s\t%s\t%.3f s\t%.3f\t<= %s\t%s\n", what, a / 1e6, with, b / 1e6, r, most, r <= most ? "met" : "short" }'
done
