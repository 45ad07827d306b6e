# The fuzzers in fuzz/, a part of ./dev test. Sourced by ./dev.
# shellcheck shell=bash

# How long each runs, in seconds, and how many run at a time.
FUZZ_SECONDS=10 FUZZ_JOBS=2

# What libFuzzer needs to see where an input leads. The stable compiler has it, without a sanitizer: quire-core has no unsafe code, in
# which one would find anything.
FUZZ_FLAGS=(-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares)

# part_fuzz [NAMES]
part_fuzz() {
    local seconds=${QUIRE_FUZZ_SECONDS:-$FUZZ_SECONDS} host name
    [[ $seconds =~ ^[1-9][0-9]*$ ]] || die "QUIRE_FUZZ_SECONDS is $seconds: say how many seconds each fuzzer runs"
    (($# > 0)) || set -- fuzz/src/bin/*.rs
    host=$(rustc -vV | sed -n 's/^host: //p')
    # With --target the flags are not for what builds and what is built at build time.
    RUSTFLAGS="${FUZZ_FLAGS[*]}" cargo build "${CARGO_QUIET[@]}" --release --locked --manifest-path "$FUZZ" \
        --target "$host" --target-dir target/fuzz
    for name; do
        (($(jobs -rp | wc -l) < FUZZ_JOBS)) || wait -n || true
        fuzz_one "$(basename "$name" .rs)" "$seconds" "target/fuzz/$host/release" &
    done
    wait
}

# fuzz_one NAME SECONDS DIRECTORY: what the fuzzer found worth keeping stays for the next run, and what made it fail, too.
fuzz_one() {
    local name=$1 seconds=$2 program=$3/$1 dir=$STATE_DIR/fuzz/$1 flags=() status=0
    mkdir -p "$dir/corpus" "$dir/found"
    [[ ! -f fuzz/seeds/$name.dict ]] || flags+=("-dict=fuzz/seeds/$name.dict")
    "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 "${flags[@]}" \
        -artifact_prefix="$dir/found/" "$dir/corpus" "fuzz/seeds/$name" >"$dir/log" 2>&1 || status=$?
    if ((status == 0)); then
        record ok 1 "fuzz: $name"
        echo "ok $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$dir/log") inputs"
    else
        record bad 1 "fuzz: $name: stopped with status $status; see $dir/log"
        echo "not ok $name"
        # Where it stopped, and by which input: its file and, when it is short, its text.
        grep -E '^thread |^SUMMARY|^artifact_prefix|^Base64|panicked|^==.*ERROR|^[a-z].*assert' -A 3 "$dir/log" | tail -n 40
    fi
}
