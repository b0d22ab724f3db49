#!/bin/sh
# The agent with a receiver and without a courier that could run, and with one that dies: it guards all the same, and says
# what is missing.
set -u
. "$TOCSIN_SRC/tests/support/agent.sh"

# pairs, in a state directory of its own
prepare() {
    stop
    rm -rf "$work/state" "$work/bin"
    mkdir -m 700 "$work/state" "$work/bin"
    : >"$work/line"
    cp "$TOCSIN_BIN/tocsin" "$TOCSIN_BIN/tocsin-courier" "$work/bin/"
    printf '%s\n' 'Host web03' "StateDir $work/state" 'Receiver 127.0.0.1:9' "Channel file $work/line" >"$work/conf"
    chmod 600 "$work/conf"
    "$TOCSIN_BIN/belfry" --state "$work/belfry" pair web03 --again 2>/dev/null | grep -oE '[0-9A-Z-]{26,}' | head -n 1 \
        >"$work/code"
    "$work/bin/tocsin" --config "$work/conf" pair "$work/code" >"$work/out" 2>&1 || { cat "$work/out"; exit 1; }
}

start() {
    "$work/bin/tocsin" --config "$work/conf" run >"$work/out" 2>&1 &
    agent=$!
}

courier_of() {
    for status in /proc/[0-9]*/status; do
        grep -qs "^PPid:[[:space:]]*$agent\$" "$status" && grep -qs '^Name:[[:space:]]*tocsin-courier$' "$status" &&
            basename "$(dirname "$status")"
    done
}

# replace: another courier in the place of the one that was there at the start
replace() {
    printf '#!/bin/sh\nexit 3\n' >"$work/bin/new"
    chmod 755 "$work/bin/new"
    mv "$work/bin/new" "$work/bin/tocsin-courier"
}

mkdir "$work/belfry" && chmod 700 "$work/belfry"

prepare
rm "$work/bin/tocsin-courier"
start
check a_courier_that_is_not_there_is_a_standing_finding \
    'until_line "agent.self proc=courier0* state=exited status=127" && grep -q "tocsin-courier: No such file" "$work/out"'
check without_a_courier_the_agent_guards 'until_line agent.beat && kill -0 "$agent"'

prepare
rm "$work/state/courier/psk"
start
check a_host_that_has_no_key_for_the_network_is_told \
    'until_line "agent.self proc=courier0* state=exited status=127" && grep -q "pair again for the network" "$work/out"'

prepare
chmod 640 "$work/state/courier/psk"
start
check a_key_that_others_may_read_is_not_used \
    'until_line "agent.self proc=courier0* state=exited status=127" && grep -q "others may read" "$work/out"'

prepare
start
until_line net.lost
first=$(courier_of)
replace
[ "${first:-0}" -gt 1 ] && kill -KILL "$first"
check a_courier_that_was_killed_is_told_and_started_again \
    'until_line "agent.self proc=courier0* state=killed sig=9" && until_line "NOTE .*proc=courier0* .*state=ok"'
second=$(courier_of)
check what_runs_again_is_the_program_of_the_start '[ -n "$second" ] && [ "$second" != "$first" ]'
exit "$failed"
