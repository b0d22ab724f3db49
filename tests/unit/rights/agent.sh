#!/bin/sh
# The kernel's word on what each process of a running agent may do, and an agent that nobody gave rights to.
set -u
[ "$(id -u)" -eq 0 ] || { echo "skip: needs root"; exit 77; }
. "$TOCSIN_SRC/tests/support/agent.sh"

# field STATUS NAME: its first value
field() { sed -n "s/^$2:[[:space:]]*\([^[:space:]]*\).*/\1/p" "$1"; }

# "name uid caps bounding no-new-privileges seccomp", a line each process
rights() {
    for status in /proc/[0-9]*/status; do
        grep -qs "^PPid:[[:space:]]*$agent\$" "$status" &&
            echo "$(field "$status" Name) $(field "$status" Uid) $(field "$status" CapEff) $(field "$status" CapBnd)" \
                "$(field "$status" NoNewPrivs) $(field "$status" Seccomp) $(stat -c %u "${status%status}fd")"
    done 2>/dev/null | sort >"$work/rights"
}

# lowly PID: all its threads but the first are nice 19, SCHED_BATCH and last in the disk's queue, and there are some.
lowly() {
    threads=0
    for task in "/proc/$1/task"/*; do
        [ "${task##*/}" = "$1" ] && continue
        threads=$((threads + 1))
        # Without what stands before the state, which is field 3: nice is 19, the policy 41.
        [ "$(sed 's/.*) //' "$task/stat" | cut -d ' ' -f 17,39)" = '19 3' ] || return 1
        [ "$(ionice -p "${task##*/}")" = 'best-effort: prio 7' ] || return 1
    done
    [ "$threads" -gt 0 ]
}

belfry=$work/belfry
mkdir -m 700 "$belfry" "$work/state"
: >"$work/line"
printf '%s\n' 'Host web03' "StateDir $work/state" 'Receiver 127.0.0.1:9' 'Beat 1' "Watch $work/watched" \
    "Channel file $work/line" >"$work/conf"
mkdir "$work/watched"
code=$("$TOCSIN_BIN/belfry" --state "$belfry" pair web03 2>/dev/null | grep -oE '[0-9A-Z-]{26,}' | head -n 1)
"$TOCSIN_BIN/tocsin" --config "$work/conf" pair "$code" >"$work/out" 2>&1 || { cat "$work/out"; exit 1; }
chmod 755 "$work"
"$TOCSIN_BIN/tocsin" --config "$work/conf" baseline build >>"$work/out" 2>&1
"$TOCSIN_BIN/tocsin" --config "$work/conf" run >"$work/out" 2>&1 &
agent=$!
for _ in $(seq 300); do grep -q guarding "$work/out" && break; sleep 0.1; done
until_line agent.beat
rights

check six_processes_run '[ "$(wc -l <"$work/rights")" -ge 6 ]'
filters=2
if "$TOCSIN_BIN/tocsin" --version | grep -q 'without seccomp'; then
    filters=0
    check without_seccomp_the_level_says_so 'until_line "rights=part"'
else
    check each_process_has_a_filter_and_gets_no_privileges '! grep -v " 1 2 [0-9]*$" "$work/rights"'
    check all_layers_are_there 'until_line "rights=narrow" && ! grep -q "part=sandbox" "$work/line"'
fi
check no_process_but_the_warden_is_root '! grep -E "^[^ ]* 0 " "$work/rights"'
check each_process_is_somebody_else '[ -z "$(cut -d" " -f2 "$work/rights" | sort | uniq -d)" ]'
check core_wire_and_courier_have_no_capabilities \
    '[ "$(grep -cE "^tocsin-(core|wire|courier) [0-9]+ 0{16} 0{16} " "$work/rights")" = 3 ]'
check nobody_reads_the_memory_of_another '! grep -v " 0$" "$work/rights"'
check the_file_checker_has_what_the_table_says 'grep -qE "^tocsin-fscheck [0-9]+ 000000000028000c " "$work/rights"'
check the_threads_that_read_files_come_last_also_under_the_filter 'lowly "$(pgrep -P "$agent" -x tocsin-fscheck)"'
check the_process_scanner_has_what_the_table_says 'grep -qE "^tocsin-procscan [0-9]+ 0000000000281004 " "$work/rights"'
check the_network_watch_has_what_the_table_says 'grep -qE "^tocsin-netwatch [0-9]+ 0000000000081004 " "$work/rights"'
check the_folder_of_the_courier_is_its_own \
    '[ "$(stat -c %u "$work/state/courier")" = "$(sed -n "s/^tocsin-courier \([0-9]*\) .*/\1/p" "$work/rights")" ]'
stop

# The folder that was given away is taken again, and the agent of somebody without rights guards and says so.
: >"$work/line"
"$TOCSIN_BIN/tocsin" --config "$work/conf" run >"$work/out" 2>&1 &
agent=$!
check the_next_start_takes_the_same_folder 'until_line agent.beat && ! grep -q "proc=courier" "$work/line"'
stop

# With no more than the unit hands out: the warden signals its processes all the same, and `pair` gave the folder.
set_of_unit=$(sed -n 's/^CapabilityBoundingSet=//p' "$TOCSIN_SRC/host-agent/dist/tocsin.service" | tr 'A-Z ' 'a-z,' | sed 's/cap_/+/g')
: >"$work/line"
"$TOCSIN_BIN/tocsin" --config "$work/conf" pair --again "$code" >"$work/out" 2>&1 || { cat "$work/out"; exit 1; }
check pairing_gives_the_courier_its_folder '[ "$(stat -c %u "$work/state/courier" "$work/state/courier/psk" | sort -u)" -ge 60928 ]'
setpriv --bounding-set "-all,$set_of_unit" "$TOCSIN_BIN/tocsin" --config "$work/conf" run >"$work/out" 2>&1 &
agent=$!
check it_guards_with_what_the_unit_hands_out 'until_line agent.beat && ! grep -q "proc=courier" "$work/line"'
rights
check the_warden_itself_may_neither_signal_everybody_nor_give_files_away \
    '[ $((0x$(field "/proc/$agent/status" CapBnd) & 0x21)) = 0 ] && [ $((0x$(field "/proc/$agent/status" CapEff) & 0x21)) = 0 ]'
before=$(grep . "/proc/$agent/status" | grep -E '^(Uid|Gid|Cap)')
stopped=$(pgrep -P "$agent" -x tocsin-wire)
[ "${stopped:-0}" -gt 1 ] && kill -STOP "$stopped"
check a_stopped_process_is_set_going_again \
    'until_line "proc=wire.*state=stopped" && for _ in $(seq 100); do [ "$(field "/proc/$stopped/status" State)" != T ] && break; sleep 0.1; done &&
     [ "$(field "/proc/$stopped/status" State)" != T ]'
check and_the_warden_is_who_it_was '[ "$(grep . "/proc/$agent/status" | grep -E "^(Uid|Gid|Cap)")" = "$before" ] && [ "$(stat -c %u "/proc/$agent/fd")" = 0 ]'
stop

# A folder that is another user's, and no right to give it: told, and the agent guards.
chown -R 60928:60928 "$work/state/courier"
: >"$work/line"
setpriv --bounding-set "-all,$set_of_unit" "$TOCSIN_BIN/tocsin" --config "$work/conf" run >"$work/out" 2>&1 &
agent=$!
check a_folder_that_cannot_be_given_is_told 'until_line agent.beat && until_line "proc=courier" && grep -q "pair again" "$work/out"'
stop

# Somebody without rights may start one.
: >"$work/line"
mkdir -m 700 "$work/free" "$work/free/state"
printf '%s\n' 'Host web04' "StateDir $work/free/state" 'Beat 1' "Channel file $work/line" >"$work/free/conf"
code=$("$TOCSIN_BIN/belfry" --state "$belfry" pair web04 2>/dev/null | grep -oE '[0-9A-Z-]{26,}' | head -n 1)
"$TOCSIN_BIN/tocsin" --config "$work/free/conf" pair "$code" >"$work/out" 2>&1 || { cat "$work/out"; exit 1; }
chown -R 65534:65534 "$work/free" "$work/line"
cp "$TOCSIN_BIN/tocsin" "$work/free/"
chmod 755 "$work/free" "$work/free/tocsin"
setpriv --reuid 65534 --regid 65534 --clear-groups "$work/free/tocsin" --config "$work/free/conf" run >"$work/out" 2>&1 &
agent=$!
check an_agent_that_is_not_root_guards_and_says_what_is_missing \
    'until_line "layer=ids part=sandbox state=missing" && until_line "rights=part" && until_line agent.beat'
rights
check its_processes_have_filters_all_the_same '! grep -v " 1 $filters [0-9]*$" "$work/rights"'
stop
exit "$failed"
