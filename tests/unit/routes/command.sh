#!/bin/sh
# What tocsin routes prints, with and without a way, in a network namespace of its own.
set -u
command -v ip >/dev/null || { echo "skip: needs ip (iproute2)"; exit 77; }
if [ "${1:-}" != inside ]; then
    unshare -n true 2>/dev/null || { echo "skip: needs root, for a network namespace of its own"; exit 77; }
    exec unshare -n "$0" inside
fi
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
failures=0

# says STATUS PATTERN COMMAND...: the exit status, and a line that matches.
says() {
    want=$1
    pattern=$2
    shift 2
    "$TOCSIN_BIN/tocsin" --config "$work/conf" --state "$work" "$@" >"$work/out" 2>&1
    got=$?
    if [ "$got" -ne "$want" ] || ! grep -Eq "$pattern" "$work/out"; then
        echo "tocsin $*: status $got, not $want, or no line like: $pattern"
        cat "$work/out"
        failures=$((failures + 1))
    fi
}

printf 'Host lab\n' >"$work/conf"
chmod 600 "$work/conf"
says 2 'no receiver is named in .*conf; Receiver ADDRESS names it' routes
printf 'Host lab\nReceiver 192.0.2.7\n' >"$work/conf"
says 1 '^none +to 192.0.2.7  dev -  via -  \(Network is unreachable\)$' routes
ip link set lo up
ip link add near0 type veth peer name far0 && ip addr add 10.9.0.2/24 dev near0 && ip link set near0 up &&
    ip link set far0 up && ip route add default via 10.9.0.1 src 10.9.0.2
says 0 '^good +to 192.0.2.7  dev near0  via 10.9.0.1  from 10.9.0.2$' routes
says 0 '"schema": "tocsin-routes-1", "host": "lab", "to": "192.0.2.7", "state": "good", "dev": "near0", "via": "10.9.0.1"' \
    routes --json
ip route add blackhole 192.0.2.0/24
says 1 '^refused +to 192.0.2.7 ' routes
says 2 'routes takes no arguments' routes now
printf 'Host lab\nReceiver receiver.example\n' >"$work/conf"
says 2 'receiver.example is a name, whose address the agent that runs looks up' routes
printf 'Host lab\nReceiver 192.0.2\n' >"$work/conf"
says 2 'conf:2: found "192.0.2"; expected the receiver.s IPv4 or IPv6 address or DNS name' routes
printf 'Host lab\nReceiver 2001:db8::7\n' >"$work/conf"
says 1 '^none +to 2001:db8::7 ' routes
[ "$failures" -eq 0 ]
