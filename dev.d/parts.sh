# The parts of ./dev test except pg_regress: each function part_X records its results. Sourced by ./dev.
# shellcheck shell=bash

# Packages of their own: parsing PostgreSQL's grammar, and libFuzzer, are built for these tests only.
STATEMENTS=tests/statements/Cargo.toml
FUZZ=fuzz/Cargo.toml

part_lint() {
    ensure_lint_tools
    check "cargo fmt" cargo fmt --all --check
    check "cargo clippy" cargo clippy "${CARGO_QUIET[@]}" "${WORKSPACE[@]}" --all-targets \
        --test e2e --test domain -- -D warnings
    check "cargo fmt of the statement rules" cargo fmt --check --manifest-path "$STATEMENTS"
    check "cargo clippy of the statement rules" cargo clippy "${CARGO_QUIET[@]}" --manifest-path "$STATEMENTS" \
        --target-dir target --all-targets -- -D warnings
    check "cargo fmt of the fuzzers" cargo fmt --check --manifest-path "$FUZZ"
    check "cargo clippy of the fuzzers" cargo clippy "${CARGO_QUIET[@]}" --manifest-path "$FUZZ" \
        --target-dir target --all-targets -- -D warnings
    check shellcheck check_shell
    tests/house-rules.sh | tee "$STATE_DIR/house-rules"
    record_lines "house rule" <"$STATE_DIR/house-rules"
    tests/links.sh | tee "$STATE_DIR/links"
    record_lines "link" <"$STATE_DIR/links"
    tests/time-limits.sh | tee "$STATE_DIR/time-limits"
    record_lines "time limit" <"$STATE_DIR/time-limits"
}

# check NAME COMMAND: one test that passes when the command succeeds.
check() {
    local name=$1
    shift
    if "$@"; then record ok 1 "$name"; else record bad 1 "$name"; fi
}

# Every script that is run, with what it sources; what is sourced by none of them would not be looked at.
check_shell() {
    local scripts script status=0
    mapfile -t scripts < <(git grep -lE '^#! ?/.*[/ ](ba)?sh$')
    ((${#scripts[@]} > 0)) || return 1
    shellcheck --external-sources --check-sourced --source-path=SCRIPTDIR --source-path=. "${scripts[@]}" || status=1
    while read -r script; do
        [[ " ${scripts[*]} " == *" $script "* ]] || git grep -qE "^ *\. .*\b$(basename "$script")\"?\$" -- "${scripts[@]}" || {
            echo "$script: neither run nor sourced by a script that is"
            status=1
        }
    done < <(git ls-files '*.sh')
    return "$status"
}

# record_lines PREFIX: reads "ok NAME" and "not ok NAME", ignores other lines.
record_lines() {
    local prefix=$1 line
    while read -r line; do
        case $line in
            "ok "*) record ok 1 "$prefix: ${line#ok }" ;;
            "not ok "*) record bad 1 "$prefix: ${line#not ok }" ;;
        esac
    done
}

part_unit() {
    cargo test "${CARGO_QUIET[@]}" "${WORKSPACE[@]}" --tests --no-run
    cargo_test unit "${WORKSPACE[@]}" --tests -- "$@"
    cargo_test doc "${WORKSPACE[@]}" --doc -- "$@"
    cargo test "${CARGO_QUIET[@]}" --manifest-path "$STATEMENTS" --target-dir target --no-run
    cargo_test statements --manifest-path "$STATEMENTS" --target-dir target -- "$@"
}

# The harness in tests/e2e/cluster.rs reads these variables.
part_e2e() {
    reset_test_server
    remove_e2e_clusters
    as_server mkdir -m 700 "$DATA_DIR/e2e"
    ensure_slow_flush
    cargo test "${CARGO_QUIET[@]}" "${WORKSPACE[@]}" --test e2e --no-run
    QUIRE_BIN=$PG_BINDIR QUIRE_SOCKET_DIR=$SOCKET_DIR QUIRE_PORT=$PGPORT QUIRE_CLUSTER_ROOT=$DATA_DIR/e2e \
        QUIRE_SLOW_FLUSH=$SLOW_FLUSH cargo_test e2e "${WORKSPACE[@]}" --test e2e -- "$@" --test-threads=2
}

# Against an extension with a domain more, which is installed for these tests only.
part_domain() {
    reset_test_server
    cargo test "${CARGO_QUIET[@]}" "${WORKSPACE[@]}" --test domain --no-run
    QUIRE_BIN=$PG_BINDIR QUIRE_SOCKET_DIR=$SOCKET_DIR QUIRE_PORT=$PGPORT \
        cargo_test domain "${WORKSPACE[@]}" --test domain -- "$@" --test-threads=2
}

# cargo_test NAME ARGUMENTS: runs the tests and records what libtest reports.
cargo_test() {
    local name=$1 log=$STATE_DIR/$1.log status=0 passed failed
    shift
    cargo test "$@" 2>&1 | tee "$log" || status=$?
    # test result: ok. 12 passed; 0 failed; 0 ignored; ...
    read -r passed failed < <(awk '/^test result: / { p += $4; f += $6 } END { print p + 0, f + 0 }' "$log")
    record ok "$passed" "$name"
    if ((failed > 0)); then
        record bad "$failed" "$name: $(sed -n 's/^test \(.*\) \.\.\. FAILED$/\1/p' "$log" | tr '\n' ' ')"
    elif ((status != 0)); then
        record bad 1 "$name: cargo test stopped with status $status"
    fi
}

part_vectors() {
    ensure_node
    run_suite vectors tests/vectors/run.sh
}

part_preview() { node_part preview tests/preview/run.sh; }

part_supabase() { node_part supabase tests/supabase/run.sh; }

# node_part NAME SCRIPT: a suite in JavaScript that tests in the test cluster.
node_part() {
    ensure_node
    reset_test_server
    PATH="$PG_BINDIR:$PATH" run_suite "$@"
}

# run_suite NAME SCRIPT: a script whose last line is "N passed, N failed".
run_suite() {
    local log=$STATE_DIR/$1.log passed failed
    "$2" 2>&1 | tee "$log" || true
    read -r passed failed < <(tail -n 1 "$log" | sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p') ||
        die "$2 ended without a result"
    record ok "$passed" "$1"
    ((failed == 0)) || record bad "$failed" "$1"
}

# Somebody reads the README and then the guides, in the order in which the README lists them, and runs what they say in one database.
# With a name: the README and this guide.
part_docs() {
    local page
    # Pages may create roles, which belong to the whole server.
    reset_test_server
    create_database docs
    mkdir -p "$STATE_DIR/docs"
    check "docs: README.md" run_sql_blocks README.md
    while read -r page; do
        [[ -z ${1:-} || $(basename "$page" .md) == "$1" ]] || continue
        check "docs: $page" run_sql_blocks "$page"
    done < <(tests/lib/guides.sh)
    if [[ -z ${1:-} ]]; then
        check "docs: README.md lists every guide" \
            diff <(tests/lib/guides.sh | LC_ALL=C sort) <(printf "%s\n" docs/guide/*.md | LC_ALL=C sort)
        check_generated_docs
    fi
}

# One page, one session: a block sees what the blocks above it did, and what the pages before it left in the database.
run_sql_blocks() {
    local page=$1 script log
    script=$STATE_DIR/docs/$(basename "$page" .md).sql
    log=$script.log
    awk -v page="$page" -f tests/lib/sql-blocks.awk "$page" >"$script"
    if "$PG_BINDIR/psql" -Xe -v ON_ERROR_STOP=1 -d docs -f "$script" >"$log" 2>&1; then
        echo "ok $page"
    else
        tail -n 30 "$log"
        echo "not ok $page"
        return 1
    fi
}

check_generated_docs() {
    local page
    generate_docs "$STATE_DIR/docs"
    for page in reference.md errors.md; do
        check "docs/$page is current (else run ./dev docs)" diff -u "docs/$page" "$STATE_DIR/docs/$page"
    done
}

# generate_docs DIRECTORY
generate_docs() {
    mkdir -p "$1"
    reset_test_server
    create_database docs
    tests/lib/gen-docs.sh "$1" "$PG_BINDIR/psql" -d docs
}
