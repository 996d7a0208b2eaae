# shellcheck shell=bash
# Sourced inside the box: two tenants, two hosts with gateways, and what lies between the hosts. The folder where the
# scripts work is the current one; LINKVEIL and PYTHON are set.

A=10.1.0.1 B=10.2.0.1 VNI=5001

say() { printf '%s\n' "$@"; }
title() { say "" "== $*"; }
# As in_ns, in the background: $! is then the program itself, which a signal reaches.
spawn_in_ns() { nsenter --net="/run/netns/$1" -- "${@:2}" & }
in_ns() { nsenter --net="/run/netns/$1" -- "${@:2}"; }
field() { "$PYTHON" "$LIB/field.py" "$@"; }
rounded() { "$PYTHON" -c "print(f'{$1:.1f}')"; }

underlay_of() { if [ "$1" = a ]; then say 192.0.2.1; else say 192.0.2.2; fi; }

fail() {
    say "error: $*"
    for log in gw-a.log gw-b.log; do
        [ ! -s "$log" ] || { say "-- the end of $log:" && tail -n 20 "$log"; }
    done
    exit 1
}

# wait_until SECONDS WHAT COMMAND...: tries until it succeeds.
wait_until() {
    local tries=$(($1 * 20)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || fail "$what: not in time"
        sleep 0.05
    done
}

# Namespaces of the tenants and of the hosts.
make_hosts() {
    local name
    for name in vpc-a host-a host-b vpc-b; do
        ip netns add "$name"
        in_ns "$name" ip link set lo up
    done
}

# The hosts joined by a bridge in a namespace of its own, where one can listen.
make_bridge() {
    local side
    ip netns add underlay
    in_ns underlay ip link add bridge type bridge || fail "the kernel has no bridges (module bridge)"
    in_ns underlay ip link set bridge up
    for side in a b; do
        ip link add "to-$side" netns underlay type veth peer name under0 netns "host-$side"
        in_ns underlay ip link set "to-$side" master bridge up
    done
    address_hosts
}

address_hosts() {
    local side
    for side in a b; do
        in_ns "host-$side" ip link set under0 up
        in_ns "host-$side" ip address add "$(underlay_of "$side")/24" dev under0
    done
}

make_keys() {
    local side
    for side in a b; do
        (umask 077 && "$LINKVEIL" genkey >"$side.key")
        "$LINKVEIL" pubkey <"$side.key" >"$side.pub"
    done
}

# config SIDE OTHER ADDRESS OTHERS_ADDRESS ENDPOINTS: the two configurations mirror each other.
config() {
    local side=$1 other=$2 own=$3 theirs=$4 listen=$5 endpoint=$6
    cat <<TOML
[node]
name = "gw-$side"
private_key_file = "$side.key"
listen = "$listen:51840"
control_socket = "$WORK/gw-$side.sock"

[[vpc]]
name = "blue"
vni = $VNI
device = "lv-blue"
netns = "vpc-$side"
addresses = ["$own/24"]

[[peer]]
name = "gw-$other"
public_key = "$(cat "$other.pub")"
endpoint = "$endpoint:51840"
[[peer.vpc]]
name = "blue"
prefixes = ["${theirs%.*}.0/24"]
TOML
}

ask() {
    local side=$1 verb=$2
    shift 2
    "$LINKVEIL" "$verb" "$@" --socket "$WORK/gw-$side.sock"
}

peer_of() { ask "$1" status --json | field peers 0 "${@:2}"; }
established() { [ "$(peer_of a state)" = established ] && [ "$(peer_of b state)" = established ]; }

# The same addresses over kernel VXLAN, which encrypts nothing.
make_vxlan() {
    local side remote own theirs
    for side in a b; do
        if [ "$side" = a ]; then remote=192.0.2.2 own=$A theirs=$B; else remote=192.0.2.1 own=$B theirs=$A; fi
        in_ns "host-$side" ip link add clear0 type vxlan id "$VNI" remote "$remote" dstport 4789 dev under0 ||
            fail "the kernel has no VXLAN (module vxlan), so there is nothing to compare with"
        in_ns "host-$side" ip link set clear0 netns "vpc-$side"
        in_ns "vpc-$side" ip address add "$own/32" dev clear0
        in_ns "vpc-$side" ip link set clear0 up
        in_ns "vpc-$side" ip route add "$theirs/32" dev clear0 src "$own"
    done
}
