# Paths, messages and the environment shared by all of ./dev. Sourced, not run.
# shellcheck shell=bash

# What ./dev itself remembers between runs: stamps, logs, test output.
STATE_DIR=$ROOT/target/dev

# A Unix socket path may have 107 bytes, so sockets do not go below the checkout. The name depends on the checkout:
# two of them do not disturb each other.
RUN_DIR=/tmp/quire-$(printf '%s' "$ROOT" | git hash-object --stdin | cut -c1-8)
SOCKET_DIR=$RUN_DIR/s

# Connection settings of the caller must not leak into servers and clients started here.
unset PGDATA PGDATABASE PGHOST PGHOSTADDR PGPORT PGUSER PGPASSWORD PGPASSFILE PGSERVICE PGSSLMODE PGOPTIONS \
    PGAPPNAME PGCLIENTENCODING PGTZ PGDATESTYLE

# In a log, cargo's progress and colours hide the errors.
CARGO_QUIET=()
if [[ ! -t 1 || -n ${CI:-} ]]; then
    CARGO_QUIET=(--quiet)
    export CARGO_TERM_COLOR=never TERM=dumb
fi

# Messages go to stderr, so that the output of ./dev psql can be piped.
say() { printf '== %s\n' "$*" >&2; }

die() {
    printf 'dev: %s\n' "$*" >&2
    exit 1
}

usage_error() {
    printf 'dev: %s\n\n' "$*" >&2
    usage >&2
    exit 2
}

# Runs a command whose output matters only when it fails.
quietly() {
    local log=$STATE_DIR/$1.log status=0
    shift
    mkdir -p "$STATE_DIR"
    "$@" >"$log" 2>&1 </dev/null || status=$?
    ((status == 0)) || cat "$log" >&2
    return "$status"
}
