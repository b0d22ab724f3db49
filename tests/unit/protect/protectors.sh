#!/bin/sh
# A guard whose last run is too long ago is late, a fresh mark ends that, and after a start nobody is late yet.
# In a mount and time namespace of its own, with an empty /var/log and /var/lib.
set -u
tocsin=${TOCSIN_BIN:?folder of the programs}/tocsin
if [ "${1:-}" = "" ]; then
    unshare -m -T --boottime 1000000 --fork true 2>/dev/null || { echo "skip: no namespaces"; exit 77; }
    work=$(mktemp -d /tmp/tocsin-protect-XXXXXX) || exit 2
    unshare -m -T --boottime 1000000 --fork sh "$0" "$work" old || { rm -rf "$work"; exit 1; }
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

mount -t tmpfs none /var/log && mount -t tmpfs none /var/lib || exit 1
mkdir -p "$work/guarded" /var/log/aide /var/lib/systemd/timers /var/lib/tripwire/report
printf 'Host a\nWatch %s/guarded\nProtect aide\nProtect rkhunter within=8d\nProtect tripwire within=off\n' "$work" \
    >"$work/conf"
"$tocsin" --config "$work/conf" --state "$work/state" baseline build --force >/dev/null 2>&1 || fail "no baseline"
if [ "$2" = fresh ]; then
    late aide && fail "late a minute after the start"
    touch -d '40 hours' /var/log/aide/aide.log
    late aide | grep -q why=future || fail "a mark from the future is believed"
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
exit "$failed"
