# ./dev test: runs the parts, counts, cleans up. What each part does is in parts.sh and regress.sh. Sourced by ./dev.
# shellcheck shell=bash

PARTS=(lint unit vectors fuzz domain regress isolation e2e supabase preview docs)

# How long everything may take, once the tools are there, and how long the build and each part may: some three times what they take
# on two cores, compilation included.
declare -A MINUTES=([all]=85
    [build]=10 [lint]=15 [unit]=20 [vectors]=2 [fuzz]=15 [domain]=10 [regress]=15 [isolation]=4 [e2e]=30 [supabase]=3 [preview]=6 [docs]=3)

# One line per result: ok or bad, how many, and what. A file, because each part runs in a subshell.
RESULTS=$STATE_DIR/results

# What each build and part took.
TOOK=

cmd_test() {
    local part=${1:-}
    shift || true
    [[ -z $part || " ${PARTS[*]} " == *" $part "* ]] || usage_error "unknown part: $part"
    trap 'echo "0 passed, 1 failed"' EXIT
    begin_test_run
    if [[ -n $part ]]; then
        run_part "$part" "$@"
    else
        for part in "${PARTS[@]}"; do run_part "$part"; done
    fi
    stop_test_servers
    say "took${TOOK%,}"
    summary
}

begin_test_run() {
    mkdir -p "$STATE_DIR"
    wait_for_other_run
    : >"$RESULTS"
    ensure_tools
    SECONDS=0
    end_well "end_limited; stop_test_servers"
}

# Two runs in one checkout would share the test cluster. Where there is no flock, care has to do.
wait_for_other_run() {
    command -v flock >/dev/null || return 0
    exec 9>"$STATE_DIR/lock"
    flock -n 9 || { say "waiting for another ./dev test in this checkout" && flock 9; }
}

# run_part PART [ARGUMENTS]: a part that stops early, or takes too long, counts as one failure, and the next part runs.
run_part() {
    local part=$1 bad_before
    shift
    bad_before=$(count bad)
    if needs_server "$part"; then
        build_once "$part"
        say "test $part"
        in_time "$part" run_server_part "part_$part" "$@"
    else
        say "test $part"
        in_time "$part" "part_$part" "$@"
    fi
    ((OVERDUE || STATUS == 0)) || record bad 1 "$part: stopped with status $STATUS"
    if needs_server "$part" && ((BUILD_STATUS == 0 && $(count bad) > bad_before)); then
        use_cluster test
        show_server_log
    fi
    # What hangs in a server is not for the next part to meet.
    if ((OVERDUE)); then stop_test_servers; fi
}

# in_time NAME FUNCTION [ARGUMENTS]: like limited, for the minutes that NAME may take, or that are left of those for everything.
# Records when they were not enough.
in_time() {
    local name=$1 minutes=${MINUTES[$1]} left=$((MINUTES[all] - SECONDS / MINUTE)) why=
    shift
    [[ -z ${QUIRE_NO_LIMITS:-} ]] || left=$minutes
    if ((left <= 0)); then
        STATUS=1 OVERDUE=1
        record bad 1 "$name: not run, because the ${MINUTES[all]} minutes for all tests were over"
        return
    fi
    if ((left < minutes)); then
        minutes=$left why=", which were left of ${MINUTES[all]} for all tests"
    fi
    local began=$SECONDS
    limited "$minutes" "$@"
    TOOK+=" $name $((SECONDS - began)) s,"
    ((OVERDUE == 0)) || record bad 1 "$name: took longer than $minutes minutes$why"
}

needs_server() { [[ $1 != lint && $1 != unit && $1 != vectors && $1 != fuzz ]]; }

# The extension is built before the first part that needs it, and again for the one that needs another build of it. When that fails,
# the error is shown once.
build_once() {
    local features=
    [[ ${1:-} != domain ]] || features=toy
    [[ -z ${BUILD_STATUS:-} || $features != "${EXTENSION_FEATURES:-}" ]] || return 0
    EXTENSION_FEATURES=$features
    # A password can be asked for only here: what has a time limit does not own the terminal.
    [[ -w $("$PG_CONFIG" --pkglibdir) ]] || (as_root true) || true
    in_time build install_extension dev
    BUILD_STATUS=$STATUS
}

# run_server_part FUNCTION [ARGUMENTS]
run_server_part() {
    ((BUILD_STATUS == 0)) || die "the extension was not built"
    use_cluster test
    start_cluster
    "$@"
}

# What is left of earlier runs must not decide what a test sees: neither databases, nor roles, nor settings.
reset_test_server() {
    if ! drop_everything 2>"$STATE_DIR/reset.log"; then
        # Prepared transactions, slots, objects in the database postgres: starting over is simpler than finding out.
        stop_cluster
        as_server rm -rf "$CLUSTER_DIR"
        start_cluster
    fi
}

drop_everything() {
    "$PG_BINDIR/psql" -Xqt -v ON_ERROR_STOP=1 -d postgres >/dev/null <<'EOF'
SELECT format('DROP DATABASE %I WITH (FORCE)', datname)
FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres' \gexec
SELECT format('DROP ROLE %I', rolname)
FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> 'postgres' \gexec
ALTER SYSTEM RESET ALL;
SELECT pg_reload_conf();
EOF
}

stop_test_servers() {
    # Nothing was started when no part needed a server.
    [[ -n ${BUILD_STATUS:-} ]] || return 0
    use_cluster test
    remove_e2e_clusters
    stop_cluster
}

# The end-to-end tests stop their own clusters, unless they were killed.
remove_e2e_clusters() {
    local dir
    for dir in "$DATA_DIR"/e2e/*; do stop_server "$dir"; done
    as_server rm -rf "$DATA_DIR/e2e"
}

# record ok|bad NUMBER WHAT
record() { printf '%s\t%s\t%s\n' "$@" >>"$RESULTS"; }

count() { awk -F '\t' -v kind="$1" '$1 == kind { n += $2 } END { print n + 0 }' "$RESULTS"; }

# The last line of ./dev test, and its exit status.
summary() {
    local failed
    failed=$(count bad)
    if ((failed > 0)); then
        echo "failed:"
        awk -F '\t' '$1 == "bad" { print "  " $3 }' "$RESULTS"
    fi
    echo "$(count ok) passed, $failed failed"
    ((failed == 0))
}
