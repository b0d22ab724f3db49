#!/bin/sh
# A guard whose last run is too long ago is late, a fresh mark ends that, and after a start nobody is late yet.
# The same of a running agent; and a unit that is masked is told. In a mount and time namespace of its own, with an empty
# /var/log, /var/lib, /run and /etc/systemd.
set -u
tocsin=${TOCSIN_BIN:?folder of the programs}/tocsin
if [ "${1:-}" = "" ]; then
    unshare -m -T --boottime 1000000 --fork true 2>/dev/null || { echo "skip: no namespaces"; exit 77; }
    work=$(mktemp -d /tmp/tocsin-protect-XXXXXX) || exit 2
    for part in old running; do
        unshare -m -T --boottime 1000000 --fork sh "$0" "$work" "$part" || { rm -rf "$work"; exit 1; }
    done
    # As if it had been started just now.
    unshare -m -T --boottime "-$(($(cut -d . -f 1 /proc/uptime) - 60))" --fork sh "$0" "$work" fresh
    code=$?
    rm -rf "$work"
    exit "$code"
fi
work=$1
failed=0

fail() {
    echo "FAIL $*"
    failed=1
}

# late NAME: what check says of it now.
late() { "$tocsin" --config "$work/conf" --state "$work/state" check 2>/dev/null | grep "protector.late.*name=$1 "; }

# told TEXT: a line of the running agent says it, within 30 seconds.
told() {
    for _ in $(seq 300); do
        grep -q "$1" "$work/line" 2>/dev/null && return 0
        sleep 0.1
    done
    fail "no line says $1: $(grep protector "$work/line")"
}

# look_now: the process that looks each minute looks when it starts.
look_now() {
    for pid in $(cat "/proc/$agent/task/$agent/children"); do
        if tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q fscheck; then
            kill -KILL "$pid"
        fi
    done
}

running() {
    printf 'Host web03\nStateDir %s/agent\nChannel file %s/line\nProtect aide\nProtect rkhunter within=8d\n' "$work" "$work" \
        >"$work/conf"
    mkdir -m 700 "$work/agent" "$work/belfry"
    "${tocsin%/*}/belfry" --state "$work/belfry" pair web03 2>/dev/null | grep -oE '[0-9A-Z-]{26,}' | head -n 1 >"$work/code"
    "$tocsin" --config "$work/conf" pair "$work/code" >/dev/null 2>&1 || { fail "not paired"; return; }
    "$tocsin" --config "$work/conf" baseline build >/dev/null 2>&1 || fail "no baseline"
    touch -d '30 hours ago' /var/log/aide/aide.log
    touch /var/log/rkhunter.log
    "$tocsin" --config "$work/conf" run >"$work/out" 2>&1 &
    agent=$!
    told 'ERRO .*protector.late name=aide last=2[0-9]*T[0-9]*Z within=26h'
    touch /var/log/aide/aide.log
    look_now
    told 'NOTE .*protector.ok name=aide'
    grep 'protector.*rkhunter' "$work/line" && fail "rkhunter is late after no time of 8 days"
    grep integrity "$work/line" && fail "what is not there, or the agent's own, makes noise"
    mkdir -p /run/systemd/system
    ln -s /dev/null /run/systemd/system/dailyaidecheck.timer
    told 'integrity.added path=/run/systemd/system/dailyaidecheck.timer'
    kill -TERM "$agent"
    wait "$agent" || fail "the agent ended with $?"
}

for dir in /var/log /var/lib /etc/systemd /run; do
    [ ! -d "$dir" ] || mount -t tmpfs none "$dir" || exit 1
done
mkdir -p "$work/guarded" /var/log/aide /var/log/chkrootkit /var/lib/systemd/timers /var/lib/tripwire/report
printf 'Host a\nWatch %s/guarded\nProtect aide\nProtect rkhunter within=8d\nProtect tripwire within=off\nProtect samhain\n' \
    "$work" >"$work/conf"
"$tocsin" --config "$work/conf" --state "$work/state" baseline build --force >/dev/null 2>&1 || fail "no baseline"
if [ "$2" = fresh ]; then
    late aide && fail "late a minute after the start"
    touch -d '40 hours' /var/log/aide/aide.log
    late aide | grep -q why=future || fail "a mark from the future is believed"
    exit "$failed"
fi
if [ "$2" = running ]; then
    running
    exit "$failed"
fi
late aide | grep -q 'last=never within=26h' || fail "aide never ran: $(late aide)"
late rkhunter | grep -q 'last=never within=192h' || fail "rkhunter never ran: $(late rkhunter)"
touch -d '30 hours ago' /var/log/aide/aide.log /var/log/rkhunter.log
late aide | grep -q 'last=2[0-9]*T[0-9]*Z within=26h' || fail "aide 30 hours ago: $(late aide)"
late rkhunter && fail "rkhunter is late after 30 hours of 8 days"
touch -d '2 hours ago' /var/lib/systemd/timers/stamp-dailyaidecheck.timer
late aide && fail "aide is late with a fresh timer stamp"
late tripwire && fail "tripwire is late though nobody asks"

# stamps NAME WITHIN MARK...: each of a guard's marks alone is one, an old one is late.
stamps() {
    name=$1
    within=$2
    shift 2
    for mark in "$@"; do
        late "$name" | grep -q "last=.* within=$within" || fail "$name has no mark and is not late: $(late "$name")"
        [ -e "$mark" ] || : >"$mark"
        touch "$mark"
        late "$name" && fail "$name is late with a fresh $mark"
        touch -d '30 hours ago' "$mark"
        late "$name" | grep -q "last=2[0-9]*T[0-9]*Z within=$within" || fail "$name is not late with an old $mark"
    done
}

printf 'Host a\nWatch %s/guarded\nProtect chkrootkit\nProtect tripwire\nProtect rkhunter\nProtect samhain\n' "$work" \
    >"$work/conf"
touch -d '30 hours ago' /var/lib/tripwire/report
stamps chkrootkit 26h /var/log/chkrootkit/log.today /var/lib/systemd/timers/stamp-chkrootkit.timer
stamps rkhunter 26h /var/log/rkhunter.log
stamps tripwire 26h /var/lib/tripwire/report
: >/var/lib/tripwire/report/host-20260101-000000.twr
late tripwire && fail "tripwire is late with a report of now"

# Samhain leaves no mark: it runs all the time.
samhain() { "$tocsin" --config "$work/conf" --state "$work/state" check 2>/dev/null | grep 'daemon\..*/usr/sbin/samhain'; }
late samhain && fail "samhain is late, which leaves no mark"
samhain | grep -q daemon.down || fail "samhain does not run and is not missing: $(samhain)"
mount -t tmpfs none /usr/sbin && cp "$(command -v sleep)" /usr/sbin/samhain
/usr/sbin/samhain 60 &
samhain && fail "samhain runs and is missing: $(samhain)"
kill -KILL "$!"
wait

# masked FILE: a guard whose unit is put in nothing's place is told.
masked() {
    mkdir -p "${1%/*}"
    ln -s /dev/null "$1"
    "$tocsin" --config "$work/conf" --state "$work/state" check 2>/dev/null | grep -q "integrity.added *path=$1 " ||
        fail "$1 is masked and not told"
    rm "$1"
}

printf 'Host a\nProtect cron\n' >"$work/conf"
"$tocsin" --config "$work/conf" --state "$work/state" baseline build --force >/dev/null 2>&1 || fail "no baseline"
"$tocsin" --config "$work/conf" --state "$work/state" check 2>/dev/null | grep integrity && fail "nothing was done to cron"
masked /etc/systemd/system/cron.service
masked /run/systemd/system/cron.service
masked /etc/systemd/system/multi-user.target.wants/crond.service
exit "$failed"
