# shellcheck shell=bash disable=SC2034
# Sourced by the scripts in this folder's parent: packages, Rust, and a box in which to be root.

LIB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(cd "$LIB/../.." && pwd)
# A plain user's PATH on Debian lacks the folders of system tools.
export PATH="$PATH:/usr/sbin:/sbin:$HOME/.cargo/bin"
# Debian's own Python has Debian's own modules.
PYTHON=/usr/bin/python3
[ -x "$PYTHON" ] || PYTHON=python3

say() { printf '%s\n' "$@"; }

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# Runs a command as root: directly, or by sudo, which may ask for a password only if somebody is there to give it.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif ! command -v sudo >/dev/null; then
        return 1
    elif [ -t 0 ]; then
        sudo "$@"
    else
        sudo -n "$@"
    fi
}

# need PROBE PACKAGE [PROBE PACKAGE ...]: installs the Debian packages whose probe, a command line, fails.
need() {
    local missing=()
    while [ $# -gt 0 ]; do
        sh -c "$1" >/dev/null 2>&1 || missing+=("$2")
        shift 2
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "installing Debian packages: ${missing[*]}"
    command -v apt-get >/dev/null ||
        die "this is not Debian; please install what these Debian packages hold: ${missing[*]}"
    { as_root apt-get -qq update && install_packages "${missing[@]}"; } >/dev/null ||
        die "cannot install; please do it as root: apt-get install ${missing[*]}"
}

install_packages() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "$@"
}

# What a build needs besides Rust. AWS-LC, the cryptographic library, is C.
need_rust() {
    command -v cargo >/dev/null || die "there is no cargo; install Rust from https://rustup.rs and try again"
    need 'command -v cc && test -e /usr/include/stdlib.h' build-essential
}

# What a box with gateways in it needs.
need_network_tools() {
    need 'command -v ip' iproute2 'command -v ping' iputils-ping 'command -v unshare' util-linux \
        'command -v nft || test -x /usr/sbin/nft' nftables
}

SANDBOX_PID=

# sandbox COMMAND...: runs it as root of a box of its own: network, mounts (an empty /run) and process ids. All that it
# makes there (namespaces, devices, processes) is gone when it ends, however it ends. Without root it takes a user
# namespace.
sandbox() {
    local flags
    flags=$(sandbox_flags) || return 1
    # In the background and in a process group of its own, so that a signal can end all of it at once.
    # shellcheck disable=SC2086
    setsid unshare $flags -- "$LIB/inside-sandbox" "$@" </dev/null &
    SANDBOX_PID=$!
    local status=0
    wait "$SANDBOX_PID" || status=$?
    SANDBOX_PID=
    return "$status"
}

stop_sandbox() {
    [ -z "$SANDBOX_PID" ] || kill -KILL -- "-$SANDBOX_PID" 2>/dev/null || true
}

# The flags of unshare(1) that work here; process ids of its own are a convenience, the rest is not.
sandbox_flags() {
    local base="--mount --net --ipc" flags
    [ "$(id -u)" = 0 ] || base="--user --map-root-user $base"
    for flags in "$base --pid --fork --kill-child --mount-proc" "$base"; do
        # shellcheck disable=SC2086
        if unshare $flags -- "$LIB/inside-sandbox" true >/dev/null 2>&1; then
            say "$flags"
            return
        fi
    done
    sandbox_is_impossible >&2
    return 1
}

sandbox_is_impossible() {
    say "error: cannot make network namespaces here, so no gateway can run."
    if [ "$(id -u)" = 0 ]; then
        say "This is root without CAP_SYS_ADMIN, as in an unprivileged container."
    else
        say "As a plain user this takes user namespaces, and the kernel does not allow them:"
        local name
        for name in kernel.unprivileged_userns_clone user.max_user_namespaces \
            kernel.apparmor_restrict_unprivileged_userns; do
            sysctl "$name" 2>/dev/null | sed 's/^/  /' || true
        done
        say "Run this as root, or allow them."
    fi
    if [ ! -c /dev/net/tun ]; then
        say "/dev/net/tun is missing: modprobe tun."
    elif [ ! -w /dev/net/tun ]; then
        say "/dev/net/tun is not open to plain users here: chmod 666 /dev/net/tun, which is Debian's default."
    fi
}

# Folder for temporary files, removed at the end. Signals end the script, its box and its files.
WORK=
work_folder() {
    WORK=$(mktemp -d "${TMPDIR:-/tmp}/linkveil.XXXXXX")
    trap 'stop_sandbox; rm -rf "$WORK"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
}
