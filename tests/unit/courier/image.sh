#!/bin/sh
# The agent's own things, by a running agent without a Watch: the courier's file, the courier that runs, the state directory
# and a session file that somebody else writes to. What the agent itself writes is no finding. In namespaces of its own, so
# that it hears of nobody else.
set -u
if [ "${1:-}" != inside ]; then
    unshare -p -m -n --fork --mount-proc true 2>/dev/null || { echo "skip: no namespaces"; exit 77; }
    exec unshare -p -m -n --fork --mount-proc --kill-child sh "$0" inside
fi
. "$TOCSIN_SRC/tests/support/agent.sh"

run() { "$work/bin/tocsin" --config "$work/conf" "$@"; }

mkdir -m 700 "$work/state" "$work/bin" "$work/belfry"
cp "$TOCSIN_BIN/tocsin" "$TOCSIN_BIN/tocsin-courier" "$work/bin/"
printf '%s\n' 'Host web03' "StateDir $work/state" 'Receiver 127.0.0.1:9' "Channel file $work/line" 'Beat 1' >"$work/conf"
chmod 600 "$work/conf"
"$TOCSIN_BIN/belfry" --state "$work/belfry" pair web03 2>/dev/null | grep -oE '[0-9A-Z-]{26,}' | head -n 1 >"$work/code"
run pair "$work/code" >"$work/out" 2>&1 && run baseline build >>"$work/out" 2>&1 || { cat "$work/out"; exit 1; }
start() {
    "$work/bin/tocsin" --config "$work/conf" run >"$work/out" 2>&1 &
    agent=$!
}

start
check the_agent_starts 'until_line agent.beat && until_line net.lost'
cp "$work/bin/tocsin-courier" "$work/bin/kept"
cp "$work/bin/kept" "$work/bin/other"
printf x >>"$work/bin/other"
sleep 1
check what_the_agent_writes_is_no_finding '! grep -E "integrity\.|image=|part=session" "$work/line"'

mv "$work/bin/other" "$work/bin/tocsin-courier"
check another_courier_on_the_disk_is_told 'until_line "integrity.changed .*bin/tocsin-courier"'
check the_courier_that_runs_is_still_the_known_one '! grep "image=" "$work/line"'
run baseline accept "$work/bin/tocsin-courier" >>"$work/out" 2>&1
check a_courier_that_runs_and_is_not_the_known_one_is_told 'until_line "CRIT.*agent.self image=courier state=differs"'
mv "$work/bin/kept" "$work/bin/tocsin-courier"
run baseline accept "$work/bin/tocsin-courier" >>"$work/out" 2>&1
check its_end_is_told_too 'until_line "NOTE.*image=courier.*state=ok"'

printf x >>"$work/state/courier/psk"
check a_change_of_the_key_for_the_network_is_told 'until_line "integrity.changed .*state/courier/psk"'
chmod 755 "$work/state"
check another_mode_of_the_state_directory_is_told 'until_line "mode=0700>0755"'
: >"$work/state/courier/own.so"
check a_file_that_comes_into_it_is_told 'until_line "integrity.added .*state/courier/own.so"'
printf forged | dd of="$work/state/session" bs=1 seek=4100 conv=notrunc 2>/dev/null
check a_session_file_that_somebody_writes_to_is_told 'until_line "CRIT.*agent.self part=session state=changed what=content"'
chmod 644 "$work/state/session"
check a_session_file_that_others_may_read_is_told 'until_line "CRIT.*agent.self part=session state=changed what=rights"'
stop
chmod 600 "$work/state/session"
chmod 700 "$work/state"
: >"$work/line"
start
check the_next_start_finds_a_session_that_ended_well 'until_line "agent.start .*end=clean"'
stop

# Without a receiver.
spent() { awk '{ print $14 + $15 }' "/proc/$core/stat"; }
sleeps() {
    before=$(spent)
    sleep 2
    [ $(($(spent) - before)) -lt 50 ]
}
sed -i '/^Receiver/d' "$work/conf"
: >"$work/line"
start
check the_agent_without_a_receiver_starts 'until_line agent.beat'
for place in 4 4100; do
    printf forged | dd of="$work/state/session" bs=1 seek="$place" conv=notrunc 2>/dev/null
done
check it_tells_who_writes_to_the_session_file_too 'until_line "CRIT.*agent.self part=session state=changed what=content"'
for core in $(cat "/proc/$agent/task/$agent/children"); do
    [ "$(cat "/proc/$core/comm")" != tocsin-core ] || break
done
check and_sleeps_then sleeps
exit "$failed"
