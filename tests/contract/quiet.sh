#!/bin/sh
# An ordinary day raises no alarm: services restart, ten thousand UDP sockets come and go, logs rotate, a socket unit is
# activated, things are mounted and unmounted, cron's jobs run. Then one wrong deed does, so the ears were open.
# In namespaces of its own: the machine's other processes are no part of it. quiet.sh [UDP-SOCKETS [TICKS]]
set -u
[ "$(id -u)" -eq 0 ] || { echo "skip: needs root"; exit 77; }
if [ "${1:-}" != inside ]; then
    unshare -n -m -p --mount-proc --fork true 2>/dev/null || { echo "skip: no namespaces"; exit 77; }
    exec unshare -n -m -p --mount-proc --fork --kill-child sh "$0" inside "$@"
fi
udp=${2:-10000}
ticks=${3:-24}
tocsin=${TOCSIN_BIN:?folder of the programs}/tocsin
actor=$TOCSIN_BIN/quiet_actor
work=$(mktemp -d /tmp/tocsin-quiet-XXXXXX) || exit 2
agent=
alpha=
beta=
job=
trap 'finish' EXIT
trap 'exit 1' HUP INT TERM
failed=0

finish() {
    for pid in $agent $alpha $beta $job; do
        kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
    done
    umount "$work/mnt" 2>/dev/null
    rm -rf "$work"
}

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for() {
    n=$(($1 * 10))
    shift
    until "$@"; do
        n=$((n - 1))
        [ "$n" -gt 0 ] || return 1
        sleep 0.1
    done
}

# Lines of WARN and worse. What the place lacks (an event source, locked memory) is no false alarm. The tracepoint for
# listeners hears the whole machine: one whose process is not in this namespace (pid=0) is no part of this.
alarms() {
    awk '
        { number = $4; sub(/^[^.]*[.]/, "", number); sub(/@.*/, "", number) }
        $6 == "more" { number = $7; sub(/^of=/, "", number) }
        NR == FNR && $6 == "port.unexpected" { port[number] = 1 }
        NR == FNR && / pid=0( |$)/ { foreign[number] = foreigners = 1 }
        NR == FNR && $6 == "agent.self" { own[number] = 1 }
        NR != FNR && /^!1 (EMRG|ALRT|CRIT|ERRO|WARN) / && !(port[number] && foreign[number]) && !own[number] &&
            !($6 == "agent.flood" && foreigners) { print }' "$work/lines" "$work/lines" | grep .
}

quiet() {
    if alarms >"$work/alarms"; then
        echo "FAIL alarms after: $1"
        cat "$work/alarms"
        failed=1
        : >"$work/lines"
    else
        echo "quiet: $1"
    fi
}

serve() {
    "$1" serve "$2" &
    eval "$3=$!"
}

ip link set lo up 2>/dev/null
mkdir -p "$work/tree/bin" "$work/tree/etc" "$work/log" "$work/mnt" "$work/state"
cp "$actor" "$work/tree/bin/alpha" && cp "$actor" "$work/tree/bin/beta" && cp "$actor" "$work/tree/bin/job" || exit 2
echo setting >"$work/tree/etc/conf"
i=0
while [ "$i" -lt 500 ]; do
    echo "line $i" >"$work/tree/etc/file-$i"
    i=$((i + 1))
done
cat >"$work/conf" <<EOF
Host quiet
Beat 1
Sweep 3
DaemonGrace 10
Watch $work/tree
Namespaces own
Port tcp 2201 $work/tree/bin/alpha
Port tcp 2202 $work/tree/bin/beta
Port tcp 2203 $work/tree/bin/job $work/tree/bin/beta
Daemon $work/tree/bin/alpha
Channel file $work/lines
EOF
: >"$work/lines"
"$actor" code >"$work/code"
run="$tocsin --config $work/conf --state $work/state"
$run pair - <"$work/code" >"$work/out" 2>&1 && $run baseline build >>"$work/out" 2>&1 || { cat "$work/out"; exit 1; }
serve "$work/tree/bin/alpha" 2201 alpha
serve "$work/tree/bin/beta" 2202 beta
"$work/tree/bin/job" activate 2203 "$work/tree/bin/beta" &
job=$!
wait_for 60 "$actor" ask 2201 && wait_for 60 "$actor" ask 2202 || exit 2
$run run >"$work/out" 2>&1 &
agent=$!
wait_for 60 grep -aq 'agent.beat' "$work/lines" || { cat "$work/out" "$work/lines"; exit 1; }
sleep 4
quiet "the start"

kill "$alpha" && wait "$alpha" 2>/dev/null
serve "$work/tree/bin/alpha" 2201 alpha
kill "$beta" && wait "$beta" 2>/dev/null
serve "$work/tree/bin/beta" 2202 beta
wait_for 60 "$actor" ask 2201 && wait_for 60 "$actor" ask 2202 || exit 2
sleep 3
quiet "both services restarted"

"$actor" udp "$udp" || exit 2
sleep 2
quiet "$udp UDP sockets"

"$actor" ask 2203 || exit 2
sleep 2
quiet "a socket unit was activated"

for n in 3 2 1; do
    for name in alpha beta; do
        echo "entry $n" >>"$work/log/$name.log"
        mv "$work/log/$name.log" "$work/log/$name.log.$n"
        : >"$work/log/$name.log"
    done
done
sleep 1
quiet "logs rotated"

mount -t tmpfs none "$work/mnt" && echo x >"$work/mnt/x" && umount "$work/mnt" && mount -t tmpfs none "$work/mnt" || exit 2
sleep 2
quiet "mounted and unmounted"

i=0
while [ "$i" -lt "$ticks" ]; do
    "$work/tree/bin/job" tick "$work"/tree/etc/* &
    echo "tick $i" >>"$work/log/cron.log"
    wait $!
    i=$((i + 1))
done
sleep 4
quiet "$ticks ticks of cron"

echo other >"$work/tree/etc/conf"
wait_for 60 grep -aq 'integrity.changed' "$work/lines" || { echo "FAIL a changed file was not noticed"; failed=1; }
exit "$failed"
