# agent.sh - a running agent in the folder $work, for tests that are shell: sourced, with `set -u`
#
# $agent is its pid, $work/line its channel's file, $work/out what it says. It is ended when the test is, and $work deleted.
# $failed becomes 1 when a check fails.
work=$(mktemp -d) || exit 2
agent=
failed=0

stop() {
    [ "${agent:-0}" -gt 1 ] && kill -TERM "$agent" 2>/dev/null && wait "$agent"
    agent=
}
trap 'stop; rm -rf "$work"' EXIT

# check NAME CONDITION: a failure shows what the agent said, and $work/rights where a test wrote them.
check() {
    if eval "$2"; then
        echo "ok   $1"
    else
        echo "FAIL $1"
        failed=1
        cat "$work/out" "$work/rights" 2>/dev/null
        tail -n 20 "$work/line" 2>/dev/null
    fi
}

# until_line PATTERN: waits until the line says it, 30 s at most.
until_line() {
    for _ in $(seq 300); do
        grep -q "$1" "$work/line" 2>/dev/null && return 0
        sleep 0.1
    done
    return 1
}
