#!/bin/sh
# tocsin ports --learn and --accept, with listeners of their own in a network namespace of their own: what is proposed, what
# the configuration is afterwards, and that one which cannot be changed stays as it is.
set -u
command -v python3 >/dev/null || { echo "skip: python3 is not installed"; exit 77; }
if [ "${1:-}" != inside ]; then
    unshare -n true 2>/dev/null || { echo "skip: needs root, for a network namespace of its own"; exit 77; }
    exec unshare -n "$0" inside
fi
work=$(mktemp -d) || exit 2
listener=
trap 'if [ -n "$listener" ]; then kill "$listener"; fi; rm -rf "$work"' EXIT
failed=0
fail() {
    echo "$*"
    cat "$work/out"
    failed=1
}

# says STATUS COMMAND...: the exit status of tocsin ports; what it says stays in out.
says() {
    want=$1
    shift
    "$TOCSIN_BIN/tocsin" --config "$work/conf" --state "$work" ports "$@" >"$work/out" 2>&1
    got=$?
    [ "$got" -eq "$want" ] || fail "ports $*: status $got, not $want"
}
told() { grep -qxE "$1" "$work/out" || fail "not told: $1"; }

# untouched: the configuration is as it was kept, and nothing lies beside it.
untouched() {
    cmp -s "$work/conf" "$work/kept" || fail "$1: the configuration is another"
    set -- "$1" "$work"/conf*
    [ "$#" -eq 2 ] || fail "$1: left something beside the configuration"
}

ip link set lo up 2>/dev/null
mkfifo "$work/ready"
python3 -c '
import signal, socket, sys
held = []
for kind, at in (socket.SOCK_STREAM, ("127.0.0.1", 4001)), (socket.SOCK_STREAM, ("0.0.0.0", 4002)), (socket.SOCK_DGRAM, ("0.0.0.0", 4003)):
    s = socket.socket(socket.AF_INET, kind)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(at)
    if kind == socket.SOCK_STREAM:
        s.listen()
    held.append(s)
open(sys.argv[1], "w").close()
signal.pause()' "$work/ready" &
listener=$!
read -r _ <"$work/ready"
exe=$(readlink "/proc/$listener/exe")

printf 'Host lab\nNamespaces own\n# mine\nPort tcp loopback:4001 %s' "$exe" >"$work/conf" # no newline at its end
chmod 640 "$work/conf"
chown 1:2 "$work/conf"
cp -p "$work/conf" "$work/kept"
says 1
told 'tcp/4002 is open and should not be: .*'
told 'udp/4003 is open and should not be: .*'

says 0 --learn
told "Port tcp 4002 $exe"
told "Port udp 4003 $exe"
[ "$(wc -l <"$work/out")" -eq 2 ] || fail "proposed something else"
cp "$work/out" "$work/proposed"
untouched "--learn"

# What is not open, or known already, is not adopted, nor anything that was named with it.
says 2 --accept tcp 4002 4009
told '.*ports: tcp 4009 is not open, or is in the configuration already; nothing was written'
untouched "a port that is not open"
says 2 --accept tcp 4001
says 2 --accept tcp
says 2 --accept
says 2 --learn all
untouched "arguments that are none"

says 0 --accept udp 4003
told "Appended 1 line to $work/conf\."
{ cat "$work/kept" && echo && grep udp "$work/proposed"; } | cmp -s - "$work/conf" || fail "not the line that was proposed, behind all the others"
[ "$(stat -c '%a %u %g' "$work/conf")" = '640 1 2' ] || fail "the configuration is somebody else's: $(stat -c '%a %u %g' "$work/conf")"
says 1
grep -q 'udp/4003 is open and should' "$work/out" && fail "what was adopted is still told"
told 'tcp/4002 is open and should not be: .*'

# One that is broken is refused where it is, and stays.
cp -p "$work/conf" "$work/good"
printf 'Port tcp any:x nobody\n' >>"$work/conf"
cp -p "$work/conf" "$work/kept"
for how in --learn '--accept --all' '--accept tcp 4002'; do
    # shellcheck disable=SC2086
    says 2 $how
    told "$work/conf:6: found \"any:x\"; expected .*"
    untouched "$how with a broken configuration"
done

cp -p "$work/good" "$work/conf"
says 0 --accept --all
told "Appended 1 line to $work/conf\."
says 0
told 'OK'
cp -p "$work/conf" "$work/kept"
says 0 --accept --all
told 'Nothing is open that is not in the configuration\.'
says 0 --learn
[ ! -s "$work/out" ] || fail "proposed something when all is known"
untouched "nothing to adopt"
"$TOCSIN_BIN/tocsin" --config "$work/conf" --state "$work" check >"$work/out" 2>&1
grep -q 'port\.' "$work/out" && fail "check tells of a port that was adopted"

# A sealed one is not opened for it.
"$TOCSIN_BIN/tocsin" --config "$work/conf" --state "$work" seal-config >"$work/out" 2>&1 || fail "cannot be sealed"
cp -p "$work/conf" "$work/kept"
kill "$listener" && wait "$listener" 2>/dev/null
python3 -c '
import signal, socket, sys
s = socket.socket()
s.bind(("127.0.0.1", 4004))
s.listen()
open(sys.argv[1], "w").close()
signal.pause()' "$work/ready" &
listener=$!
read -r _ <"$work/ready"
says 2 --accept --all
told '.*cannot change .*: it is sealed .*'
untouched "a sealed configuration"
exit "$failed"
