# shellcheck shell=bash
# Sourced by scripts/check and scripts/test: what each part runs, its time, and the sum at the end.
#
# Everything that is compiled here is compiled as the whole workspace, so that no part builds it anew with other features.

export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-auto}

PASSED=0 FAILED=0 SKIPPED=0
SUMMARY=()

# section NAME COMMAND...: runs one part, says how long it took, and goes on whatever came out of it.
section() {
    local name=$1 start=$SECONDS result=passed
    shift
    say "" "== $name"
    "$@" || result=FAILED
    SUMMARY+=("$(printf '%-24s %-7s %4d s' "$name" "$result" $((SECONDS - start)))")
    say "-- $name: $result after $((SECONDS - start)) s"
    [ "$result" = passed ] || BROKEN+=("$name")
}
BROKEN=()

# A part that is one check: it counts as one test.
check() {
    if "$@"; then
        PASSED=$((PASSED + 1))
    else
        FAILED=$((FAILED + 1))
        return 1
    fi
}

skip() {
    say "skipped: $*"
    SKIPPED=$((SKIPPED + 1))
}

# Prints all parts, then one line alone: the sum of what all runners reported. Fails if any part failed.
finish() {
    say "" "all parts:"
    printf '  %s\n' "${SUMMARY[@]}"
    # A part can fail without a failed test, for example when it does not compile.
    [ ${#BROKEN[@]} = 0 ] || [ "$FAILED" != 0 ] || FAILED=1
    [ ${#BROKEN[@]} = 0 ] || say "failed: ${BROKEN[*]}"
    say "" "$PASSED passed, $FAILED failed, $SKIPPED skipped"
    [ "$FAILED" = 0 ] && [ ${#BROKEN[@]} = 0 ]
}

fmt() { check cargo fmt --all --check; }

clippy() { check cargo clippy --quiet --locked --workspace --all-targets -- -D warnings; }

docs() { RUSTDOCFLAGS="-D warnings" check cargo doc --quiet --locked --workspace --no-deps --document-private-items; }

layers() { check "$ROOT/scripts/check-layers"; }

field_bugs() { check "$ROOT/scripts/field-bugs"; }

vectors() {
    if "$PYTHON" -c 'import cryptography' 2>/dev/null; then
        check "$PYTHON" "$ROOT/scripts/vectors.py" --check
    else
        skip "vectors: $PYTHON has no module cryptography (Debian: python3-cryptography)"
    fi
}

have_nextest() { cargo nextest --version >/dev/null 2>&1; }

# All that the tests run, compiled outside of the box: inside there is no network.
build_tests() {
    cargo build --quiet --locked --workspace --bins || return 1
    if have_nextest; then
        cargo nextest run --locked --workspace --no-run
    else
        cargo test --quiet --locked --workspace --no-run
    fi
}

# Unit, property and simulation tests: everything but the namespace tests.
unit_tests() {
    if have_nextest; then
        counted nextest sandbox cargo nextest run --offline --workspace --no-fail-fast \
            --filterset 'not package(linkveil-netns-tests)'
    else
        counted libtest sandbox cargo test --offline --workspace --no-fail-fast \
            --exclude linkveil-netns-tests --lib --bins --tests
    fi
}

# nextest does not run them.
doc_tests() { counted libtest cargo test --locked --workspace --doc --no-fail-fast; }

# One after the other; .config/nextest.toml says so, too.
netns_tests() {
    local -x LINKVEIL_SKIPPED=$WORK/skipped
    if have_nextest; then
        counted nextest sandbox cargo nextest run --offline --workspace --no-fail-fast \
            --filterset 'package(linkveil-netns-tests)'
    else
        run_netns_files "$(netns_files)" --test-threads=1
    fi
}

# What the second run leaves out, and why the setting makes no difference there:
#   offload       sets it by itself, in every combination
#   bench         starts gateways of its own
#   l2            Ethernet VPCs have no offloads
#   flood, malformed, post_quantum, refused_keys: about handshakes and garbage on the underlay
#   nat           about addresses on the underlay; its tests mostly wait
#   macsec_*      about what Linux makes of frames
SAME_WITHOUT_OFFLOADS=(offload bench l2 flood malformed post_quantum refused_keys nat macsec_kernel macsec_frames)
# Tests of other files, for the same reasons: about handshakes, about a line of the log, about frames on the cable, about
# starts that are refused.
SAME_TESTS_WITHOUT_OFFLOADS=(lost_handshake_messages_are_repeated endless_handshakes_of_a_hostile_peer
    an_impaired_gateway_says_so old_handshakes_change_nothing replays_during_a_restart
    frames_that_ random_frames_hurt_nobody no_packet_number_is_used a_start_that_could one_key_for_one_channel
    a_port_with_addresses twenty_rotations rotations_go_on a_restart_of_either_side other_protocols_on)

# The same with `[node] offload = "off"`, as on a kernel without them: whatever carries tenants' packets.
netns_tests_without_offloads() {
    local -x LINKVEIL_TEST_OFFLOAD=off
    local files=${SAME_WITHOUT_OFFLOADS[*]} tests=${SAME_TESTS_WITHOUT_OFFLOADS[*]}
    if have_nextest; then
        counted nextest sandbox cargo nextest run --offline --workspace --no-fail-fast --filterset \
            "package(linkveil-netns-tests) & kind(test) - binary(/^(${files// /|})\$/) - test(/^(${tests// /|})/)"
    else
        # shellcheck disable=SC2046,SC2086
        run_netns_files "$(netns_files | grep -vxE "${files// /|}")" --test-threads=1 $(printf -- '--skip %s ' $tests)
    fi
}

netns_files() { (cd "$ROOT/netns-tests/tests" && printf '%s\n' *.rs | sed 's/\.rs$//'); }

# run_netns_files NAMES ARGUMENT...: with cargo alone.
run_netns_files() {
    local targets=() name
    for name in $1; do
        targets+=(--test "$name")
    done
    shift
    counted libtest sandbox cargo test --offline --workspace --no-fail-fast "${targets[@]}" -- "$@"
}

demo() { check "$ROOT/scripts/demo" --quick; }

demo_macsec() {
    check "$ROOT/scripts/demo" macsec --quick || return 1
    local status=0
    "$ROOT/scripts/demo" macsec --kernel --quick || status=$?
    if [ "$status" = 77 ]; then
        skip "demo macsec --kernel: no virtual machine can be started here"
    else
        check test "$status" = 0
    fi
}

# The short form of the comparison with other tunnels: that it runs, not what it says.
peers() { check "$ROOT/scripts/bench" --rounds 1 --seconds 1 --peers linkveil-poll,linkveil-macsec,boringtun,vxlan; }

# The short form of the loss test: that TCP comes through, that something was lost and that no train crossed whole. The
# comparison with gotatun, which takes minutes to compile, is for those who ask for it.
loss() { check "$ROOT/scripts/lossy" --alone --rounds 1 --seconds 1; }

# counted RUNNER COMMAND...: runs tests and adds what the runner's summary lines say.
counted() {
    local runner=$1 log status=0
    shift
    log=$WORK/$runner.log
    local out tee
    exec {out}> >(tee "$log")
    tee=$!
    "$@" >&"$out" 2>&1 || status=$?
    exec {out}>&-
    # It may still be writing. The command may have started others since, so $! is not it any more.
    wait "$tee" 2>/dev/null || true
    "count_$runner" <"$log" >"$WORK/counts"
    local passed failed skipped
    read -r passed failed skipped <"$WORK/counts"
    PASSED=$((PASSED + passed)) FAILED=$((FAILED + failed)) SKIPPED=$((SKIPPED + skipped))
    count_skipped
    return "$status"
}

# Tests that the machine does not allow end as if they had passed, and leave a line with name and reason in this file
# (netns-tests/src/skip.rs).
count_skipped() {
    local line
    [ -e "${LINKVEIL_SKIPPED:-}" ] || return 0
    while read -r line; do
        skip "$line"
        PASSED=$((PASSED - 1))
    done <"$LINKVEIL_SKIPPED"
    rm "$LINKVEIL_SKIPPED"
}

# test result: ok. 7 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.16s
count_libtest() {
    awk '/^test result: / {
            for (i = 2; i <= NF; i++) {
                if ($i == "passed;") passed += $(i - 1)
                if ($i == "failed;") failed += $(i - 1)
                if ($i == "ignored;") ignored += $(i - 1)
            }
        }
        END { print passed + 0, failed + 0, ignored + 0 }'
}

# Summary [   3.141s] 59 tests run: 57 passed (1 slow), 1 failed, 1 timed out, 620 skipped
# What it calls skipped is above all what the filter left out, so ignored tests are counted by their own name instead.
count_nextest() {
    sed 's/\x1b\[[0-9;]*m//g' | awk '/^ *Summary \[/ {
            for (i = 2; i <= NF; i++) {
                word = $i
                sub(/,$/, "", word)
                if (word == "passed") passed += $(i - 1)
                if (word == "failed") failed += $(i - 1)
                if (word == "timed") failed += $(i - 1)
            }
        }
        END { print passed + 0, failed + 0, 0 }'
}
