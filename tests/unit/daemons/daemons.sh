#!/bin/sh
# What the commands daemons and check say of a daemon that runs, one that is stopped, and one that ended.
set -u
tocsin=$TOCSIN_BIN/tocsin
work=$(mktemp -d) || exit 2
daemon=
trap 'if [ -n "$daemon" ]; then kill -9 "$daemon"; fi; rm -rf "$work"' EXIT
failures=0

# says STATUS PATTERN COMMAND...: the exit status, and a line that matches.
says() {
    want=$1
    pattern=$2
    shift 2
    "$tocsin" --config "$work/conf" --state "$work" "$@" >"$work/out" 2>&1
    got=$?
    if [ "$got" -ne "$want" ] || ! grep -Eq "$pattern" "$work/out"; then
        echo "tocsin $*: status $got, not $want, or no line like: $pattern"
        cat "$work/out"
        failures=$((failures + 1))
    fi
}

# in_state T: waits until the kernel shows the daemon so.
in_state() {
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        case $(cut -d ' ' -f 3 "/proc/$daemon/stat") in "$1") return ;; esac
        sleep 0.05
    done
}

cp "$(command -v sleep)" "$work/sleeper" || exit 2
printf 'Host a\nDaemon %s/sleeper\n' "$work" >"$work/conf"
says 0 . baseline build # check looks at files too
"$work/sleeper" 1000 &
daemon=$!
in_state S
says 0 "^up +$work/sleeper  pid $daemon\$" daemons
says 0 '"state": "up", "processes": 1' daemons --json
kill -STOP "$daemon"
in_state T
says 1 "^stopped +$work/sleeper  pid $daemon  \($daemon does not run\)\$" daemons
says 1 "\"state\": \"stopped\", \"processes\": 1, \"pids\": \[$daemon\]" daemons --json
says 1 "^CRIT daemon.stopped +exe=$work/sleeper name=sleeper pid=$daemon state=stopped\$" check
kill -CONT "$daemon"
in_state S
says 0 "^up +$work/sleeper" daemons
kill -9 "$daemon"
wait "$daemon" 2>/dev/null
daemon=
says 1 "^down +$work/sleeper\$" daemons
says 1 '"state": "down", "processes": 0, "pids": \[\]' daemons --json
says 1 "^CRIT daemon.down +exe=$work/sleeper name=sleeper\$" check
[ "$failures" -eq 0 ]
