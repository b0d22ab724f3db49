#!/bin/sh
# A disguised agent works as any other, and neither its processes nor its files say what they are. disguise refuses what
# is in its way, changes nothing then, and is undone as it says. With TOCSIN_CAMOUFLAGED=1 TOCSIN_BIN has a camouflaged agent,
# and its programs say nothing either.
set -u
[ "$(id -u)" -eq 0 ] || { echo "skip: needs root"; exit 77; }
tocsin=${TOCSIN_BIN:?folder of the programs}/tocsin
belfry=$TOCSIN_BIN/belfry
work=$(mktemp -d /tmp/plain-XXXXXX) || exit 2
agent=
failed=0
finish() {
    [ -n "$agent" ] && kill "$agent" 2>/dev/null && wait "$agent" 2>/dev/null
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM
fail() {
    echo "FAIL $*"
    failed=1
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

# silent FOLDER...: no name and no byte in there is a word that only we have. Lines that wait name what they are about, and may be
# about another agent on this machine.
silent() {
    words='tocsin|belfry|tocsnses'
    grep -raliE --exclude='spool.*' "$words" "$@" >"$work/found" && fail "says what it is: $(cat "$work/found")"
    find "$@" | sed "s,^$work/,," | grep -iE "$words|warden|fscheck|procscan|netwatch" && fail "a name says what it is"
}

mkdir -p "$work/tree" "$work/units" "$work/opt"
echo setting >"$work/tree/file"
printf 'StateDir %s/belfry\nLine none pty %s/line\nSyslog no\n' "$work" "$work" >"$work/belfry.conf"
code=$("$belfry" --config "$work/belfry.conf" pair plain | grep -oE '([0-9A-Z]{4}-){6}[0-9A-Z]{4}' | head -n 1)
cat >"$work/conf" <<CONF
Host plain
Beat 1
Watch $work/tree
Namespaces own
Receiver 127.0.0.1:1
Channel file $work/lines
CONF
: >"$work/lines"
old="$tocsin --config $work/conf --state $work/state"
echo "$code" | $old pair - >"$work/out" 2>&1 && $old baseline build >>"$work/out" 2>&1 || { cat "$work/out"; exit 1; }

# What is in the way is not replaced, and then nothing else is done either.
echo mine >"$work/units/netlogd.service"
$old disguise --as netlogd --dir "$work/opt/net" --units "$work/units" >"$work/out" 2>&1 &&
    fail "a unit that was there was replaced"
[ "$(cat "$work/units/netlogd.service")" = mine ] || fail "a file that was there was changed"
[ ! -e "$work/opt/net" ] || fail "a refused disguise left something behind"
[ -f "$work/state/session" ] || fail "a refused disguise moved the state"
rm "$work/units/netlogd.service"
# A step that fails late: the key of the seal is taken away with the rest.
$old disguise --as netlogd --dir "$work/opt/net" --units "$work/none" --seal >"$work/out" 2>&1 &&
    fail "installed without a folder for the unit"
[ ! -e "$work/state/seal" ] && [ ! -e "$work/opt/net" ] || fail "a disguise that failed left something behind"
# A disk that is full after each part in turn: half of a file would be in the way of the next try.
pages() {
    echo $((($(stat -L -c %s "$1") + 4095) / 4096))
}
program=$(pages "$tocsin")
both=$((program + $(pages $TOCSIN_BIN/tocsin-courier)))
mkdir "$work/full"
for size in 1 "$program" $((both - 1)) "$both" $((both + 1)) $((both + 2)); do
    unshare -m sh -c "mount -t tmpfs -o size=$((size * 4))k none '$work/full' &&
        { ! $old disguise --as netlogd --dir '$work/full/net' --units '$work/full' && ls -A '$work/full'; }" >"$work/out" 2>&1
    [ "$(wc -l <"$work/out")" -eq 1 ] || fail "a disk of $size pages: $(cat "$work/out")"
done
mkdir -m 0777 "$work/open"
chmod 0777 "$work/open"
$old disguise --as netlogd --dir "$work/open" --units "$work/units" >"$work/out" 2>&1 &&
    fail "installed where anybody may write"
[ -z "$(ls "$work/open")" ] || fail "a refused disguise left something in the folder"
for wrong in "--as a/b --dir $work/opt" "--as tocsin --dir $work/opt" "--as x --dir opt" "--as x" "--dir $work/opt"; do
    # shellcheck disable=SC2086
    $old disguise $wrong >"$work/out" 2>&1 && fail "taken: disguise $wrong"
done

# An agent that runs keeps its state.
$old run >"$work/out" 2>&1 &
agent=$!
wait_for 60 grep -aq 'agent.beat' "$work/lines" || { cat "$work/out"; exit 1; }
$old disguise --as netlogd --dir "$work/opt/net" --units "$work/units" >"$work/out" 2>&1 &&
    fail "the state of an agent that runs was moved"
[ -f "$work/state/session" ] && [ ! -e "$work/opt/net" ] || fail "a disguise beside a running agent left something"
kill "$agent" && wait "$agent" 2>/dev/null
agent=

$old disguise --as netlogd --dir "$work/opt/net" --units "$work/units" --seal >"$work/out" 2>&1 ||
    { cat "$work/out"; exit 1; }
new=$work/opt/net/netlogd
for file in netlogd netlogd-helper netlogd.conf netlogd.d/session netlogd.d/baseline netlogd.d/seal; do
    [ -e "$work/opt/net/$file" ] || fail "$file is not there"
done
[ ! -e "$work/state" ] || fail "the old state is still there"
grep -qiE 'tocsin|alarm|baseline' "$work/units/netlogd.service" && fail "the unit says what it is"
grep -q "^ExecStart=$new\$" "$work/units/netlogd.service" || fail "the unit does not run $new"
grep -aqE 'Watch|Channel|Host' "$work/opt/net/netlogd.conf" && fail "the sealed configuration can be read"
[ "$($new seal-config --print)" = "$(cat "$work/conf")" ] || fail "the sealed configuration is another"
$new baseline build --force >"$work/out" 2>&1 || { cat "$work/out"; exit 1; }

# It runs by its name alone, and no name of a process, memory, file or argument says more.
: >"$work/lines"
env -i "$new" >"$work/out" 2>&1 &
agent=$!
wait_for 60 grep -aq 'agent.beat' "$work/lines" || { cat "$work/out" "$work/lines"; exit 1; }
wait_for 60 sh -c "readlink /proc/[0-9]*/exe | grep -q '^$work/opt/net/netlogd-helper'" || fail "no courier runs"
count=0
for pid in $agent $(cat "/proc/$agent/task/$agent/children"); do
    seen=$(tr '\0' ' ' <"/proc/$pid/cmdline"; cat "/proc/$pid/comm" "/proc/$pid/maps"; readlink "/proc/$pid/exe" \
        "/proc/$pid"/fd/*; cat "/proc/$pid"/task/*/comm)
    # The files within the state directory keep their names.
    echo "$seen" | sed "s,$work/opt/net/netlogd[.]d/.*,," | grep -iE 'tocsin|wire|warden|fscheck|procscan|netwatch|courier|role' && fail "process $pid says what it is"
    [ "$(tr -d '\0' <"/proc/$pid/cmdline")" = "$new" ] || [ "$(tr -d '\0' <"/proc/$pid/cmdline")" = netlogd ] ||
        fail "process $pid shows arguments: $(tr '\0' ' ' <"/proc/$pid/cmdline")"
    count=$((count + 1))
done
[ "$count" -ge 7 ] || fail "only $count processes"
grep -aqi tocsin "$work/out" && fail "what it says names it: $(cat "$work/out")"

# It guards, and belfry proves it.
"$new" ring >"$work/ring" 2>&1 # the network does not answer
grep -q "lines: out" "$work/ring" || fail "ring: $(cat "$work/ring")"
echo other >"$work/tree/file"
wait_for 60 grep -aq 'integrity.changed' "$work/lines" || fail "a changed file was not told"
"$new" status >"$work/status" 2>&1
[ $? -ne 2 ] || fail "status: $(cat "$work/status")"
silent "$work/opt/net/netlogd.d" "$work/opt/net/netlogd.conf" "$work/units"
kill "$agent" && wait "$agent" 2>/dev/null
agent=
silent "$work/opt/net/netlogd.d"
[ "${TOCSIN_CAMOUFLAGED:-}" != 1 ] || silent "$work/opt/net"
"$belfry" --config "$work/belfry.conf" verify --host plain "$work/lines" >"$work/proof" 2>&1
grep -qE '^OK +[1-9]' "$work/proof" || fail "belfry proves nothing: $(cat "$work/proof")"
grep -E '^(FORGED|CLONE|UNKNOWN|MISSING) +[1-9]' "$work/proof" && fail "belfry does not believe it: $(cat "$work/proof")"

# Who changes one byte of a sealed configuration is not obeyed.
cp "$work/opt/net/netlogd.conf" "$work/sealed"
printf '\001' | dd of="$work/opt/net/netlogd.conf" bs=1 seek=40 conv=notrunc 2>/dev/null
"$new" --check-config >"$work/out" 2>&1 && fail "a changed sealed configuration was taken"
cp "$work/sealed" "$work/opt/net/netlogd.conf"
"$new" seal-config --open >"$work/out" 2>&1 || fail "seal-config --open: $(cat "$work/out")"
cmp -s "$work/conf" "$work/opt/net/netlogd.conf" || fail "opened, the configuration is another"

# Undone as it says.
mv "$work/opt/net/netlogd.d" "$work/state" && rm -r "$work/opt/net" "$work/units/netlogd.service"
: >"$work/lines"
$old run >"$work/out" 2>&1 &
agent=$!
wait_for 60 grep -aq 'agent.beat' "$work/lines" || fail "after the undoing it does not run: $(cat "$work/out")"
kill "$agent" && wait "$agent" 2>/dev/null
agent=

# What was sealed stays so, without being asked.
cp "$work/conf" "$work/text"
$old seal-config || fail "not sealed"
$old disguise --as netlogd --dir "$work/opt/net" --units "$work/units" >"$work/out" 2>&1 || fail "disguise: $(cat "$work/out")"
grep -aqE 'Watch|Channel|Host' "$work/opt/net/netlogd.conf" && fail "a sealed configuration was written as text"
[ "$($new seal-config --print)" = "$(cat "$work/text")" ] || fail "the configuration is another"
exit "$failed"
