# shellcheck shell=bash
# Sourced by the demos: what they do on the stage of topology.sh, and the table of what came out.

ROWS=()
FAULTS=0

# result WHAT SHOULD IS: one row of the table at the end, and whether it is as it should be.
result() {
    local verdict=ok
    [ "$2" = "$3" ] || verdict=WRONG FAULTS=$((FAULTS + 1))
    ROWS+=("$(printf '%-46s %-28s %s' "$1" "$3" "$verdict")")
    say "$1: $3$([ "$verdict" = ok ] || printf ' (should be %s)' "$2")"
}

# note WHAT IS: a row without a verdict.
note() {
    ROWS+=("$(printf '%-46s %-28s' "$1" "$2")")
    say "$1: $2"
}

# start_spy NAME: captures SPY_PORT in SPY_NETNS to NAME.pcap.
start_spy() {
    spawn_in_ns "$SPY_NETNS" "$PYTHON" "$LIB/spy.py" "$SPY_PORT" "$1.pcap" 2>"$1.spy"
    SPY=$!
    wait_until 10 "the capture" grep -q listening "$1.spy"
}

stop_spy() {
    # What is in the kernel's buffer should reach the file, too.
    sleep 0.5
    kill -INT "$SPY"
    wait "$SPY" || true
    DROPPED=$(awk '/dropped by the kernel/ { print $1 }' "$1.spy")
}

# copy FILE: from vpc-a to vpc-b; sets BYTES, SECONDS_TAKEN, SENT_HASH and RECEIVED_HASH.
copy() {
    rm -f ready
    spawn_in_ns vpc-b "$PYTHON" "$LIB/tcpcopy.py" receive "$B" 7000 ready >received.json
    local receiver=$!
    wait_until 10 "the receiver" test -e ready
    in_ns vpc-a "$PYTHON" "$LIB/tcpcopy.py" send "$B" 7000 "$1" >sent.json || fail "the copy stopped"
    wait "$receiver" || fail "the receiver stopped"
    BYTES=$(field bytes <sent.json) SECONDS_TAKEN=$(field seconds <sent.json)
    SENT_HASH=$(field sha256 <sent.json) RECEIVED_HASH=$(field sha256 <received.json)
}

# summary NAME: the table, and the verdict.
summary() {
    title "summary"
    printf '  %s\n' "${ROWS[@]}"
    say ""
    if [ "$FAULTS" = 0 ]; then
        say "$1: all as it should be, in $SECONDS s"
    else
        say "$1: $FAULTS results are wrong"
        exit 1
    fi
}
