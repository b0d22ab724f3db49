#!/bin/sh
# bundle.sh BELFRY VOICE: a bundle that one belfry makes is checked by another, with the host's keys and without.
set -u
belfry=$1
voice=$2
work=$(mktemp -d) || exit 2
pid=
finish() {
    [ -n "$pid" ] && kill "$pid" && wait "$pid"
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP
cd "$work" || exit 2

bad=0
# says WHAT STATUS PATTERN COMMAND...: what the command prints and how it ends.
says() {
    what=$1 status=$2 pattern=$3
    shift 3
    "$@" >said 2>&1
    got=$?
    if [ "$got" = "$status" ] && grep -q "$pattern" said; then
        echo "ok $what"
    else
        echo "not ok $what: status $got, not $status, or no \"$pattern\" in"
        cat said
        bad=1
    fi
}

printf 'StateDir %s/state\nSyslog no\nLine l file %s/log\n' "$work" "$work" >conf
chmod 600 conf
code=$("$belfry" --config conf pair web03 --by kim | grep -oE '([0-9A-Z]{4}-){6}[0-9A-Z]{4}')
"$voice" web03 "$code" 0 30 | sed 8d >log
"$belfry" --config conf run >/dev/null 2>&1 &
pid=$!
tries=600
until "$belfry" --config conf export lines 2>/dev/null | grep -q '"number":29,'; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || { echo "not ok belfry proves what it reads"; exit 1; }
    sleep 0.1
done

says "a bundle has all lines that are on record" 0 '^29 lines of web03' "$belfry" --config conf export --bundle web03 bundle --by sam
says "a file that is there is not replaced" 2 'exists' "$belfry" --config conf export --bundle web03 bundle
says "a host that is not paired has none" 2 'not paired' "$belfry" --config conf export --bundle web99 other
says "who has the keys knows that they are the host's" 1 'those that this belfry has of the host' "$belfry" --config conf verify bundle
says "each line is proved and the hole is counted" 1 '^missing  1$' "$belfry" --state "$work/none" verify bundle
says "who has none is told whose keys they are" 1 "the bundle's own" "$belfry" --state "$work/none" verify bundle
"$belfry" --state "$work/elsewhere" pair web03 >/dev/null
says "another host of that name has other keys" 1 'OTHER than those' "$belfry" --state "$work/elsewhere" verify bundle
says "json says the same" 1 '"proved":29,"keys":"own"' "$belfry" --config conf verify bundle --json
sed 's/1-K3QF\.3@/1-K3QF.4@/' bundle >changed
says "a changed bundle is refused" 2 '^belfry: changed:[0-9]*: [^;]*$' "$belfry" --config conf verify changed
says "what is no bundle may be a transcript" 2 '^belfry: log: .*; a transcript needs --host HOST$' "$belfry" --config conf verify log
says "who paired is on record" 0 '"what":"pair","host":"web03","detail":"","by":"kim"' "$belfry" --config conf export acts
exit "$bad"
