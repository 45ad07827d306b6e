# Private, throw-away PostgreSQL clusters, reachable through a Unix socket only. Sourced by ./dev.
#
#   demo   keeps its data between runs
#   test   stopped after each run; fsync is off, because nothing in it has to survive a power failure
#   bench  fsync on, like a real server
# shellcheck shell=bash

# What start_cluster hands to the server besides.
SERVER_ENVIRONMENT=()

# Runs a command as the user who owns the servers: PostgreSQL refuses to run as root. The environment is empty, because
# a server hands it to extensions; RUST_BACKTRACE, for one, changes error messages.
as_server() {
    local switch=()
    if ((EUID == 0)); then
        id postgres >/dev/null 2>&1 || die "PostgreSQL does not run as root: add a user named postgres"
        switch=(setpriv --reuid=postgres --regid=postgres --init-groups)
    fi
    (cd / && exec env -i PATH="$PATH" LANG=C.UTF-8 "${switch[@]}" "$@")
}

# Selects a cluster: start_cluster, stop_cluster and every client that follows mean this one.
use_cluster() {
    CLUSTER=$1
    local number
    case $CLUSTER in demo) number=1 ;; test) number=2 ;; bench) number=3 ;; *) die "no cluster $CLUSTER" ;; esac
    ensure_server_dirs
    CLUSTER_DIR=$DATA_DIR/$CLUSTER-$PG_MAJOR
    # Only the name of a socket file; the end-to-end tests count on from 10.
    export PGHOST=$SOCKET_DIR PGPORT=$((PG_MAJOR * 1000 + number)) PGUSER=postgres
}

# Sets DATA_DIR. The user postgres cannot reach a checkout below /root: then the data goes next to the sockets.
ensure_server_dirs() {
    as_server mkdir -p -m 700 "$RUN_DIR" "$SOCKET_DIR"
    # /tmp is everybody's: do not trust a directory that somebody else has put there.
    if [[ -L $RUN_DIR ]] || ! as_server test -O "$RUN_DIR"; then
        die "$RUN_DIR belongs to somebody else; remove it"
    fi
    DATA_DIR=$ROOT/target/pg
    mkdir -p "$DATA_DIR"
    ((EUID != 0)) || chown postgres: "$DATA_DIR"
    if ! as_server test -w "$DATA_DIR"; then
        DATA_DIR=$RUN_DIR/pg
        as_server mkdir -p -m 700 "$DATA_DIR"
    fi
}

start_cluster() {
    if server_runs "$CLUSTER_DIR"; then
        ! "$PG_BINDIR/pg_isready" -q -t 10 || return 0
        # It runs but does not answer, for example because somebody tidied up /tmp.
        stop_cluster
    fi
    [[ -s $CLUSTER_DIR/PG_VERSION ]] || init_cluster
    cluster_settings | as_server tee "$CLUSTER_DIR/quire-dev.conf" >/dev/null
    as_server rm -f "$CLUSTER_DIR/server.log"
    # A PostgreSQL that was unpacked somewhere has libraries of its own, which its extensions would miss.
    if ! as_server env "LD_LIBRARY_PATH=$("$PG_CONFIG" --libdir)" "${SERVER_ENVIRONMENT[@]}" \
        "$PG_BINDIR/pg_ctl" -D "$CLUSTER_DIR" -l "$CLUSTER_DIR/server.log" -w -s start; then
        show_server_log
        die "the $CLUSTER cluster does not start"
    fi
}

# Built aside and renamed, so that an interrupted initdb is not taken for a cluster.
init_cluster() {
    say "creating the $CLUSTER cluster in $CLUSTER_DIR"
    as_server rm -rf "$CLUSTER_DIR" "$CLUSTER_DIR.new"
    quietly initdb as_server "$PG_BINDIR/initdb" -D "$CLUSTER_DIR.new" -U postgres --auth=trust \
        --encoding=UTF8 --locale=C.UTF-8 --no-sync
    echo "include 'quire-dev.conf'" | as_server tee -a "$CLUSTER_DIR.new/postgresql.conf" >/dev/null
    as_server mv "$CLUSTER_DIR.new" "$CLUSTER_DIR"
}

cluster_settings() {
    cat <<EOF
listen_addresses = ''
unix_socket_directories = '$SOCKET_DIR'
port = $PGPORT
log_line_prefix = '%m [%p] %u@%d '
EOF
    [[ $CLUSTER == test ]] || return 0
    cat <<EOF
fsync = off
full_page_writes = off
max_connections = 100
max_prepared_transactions = 10
log_checkpoints = off
timezone = 'UTC'
EOF
}

stop_cluster() { stop_server "$CLUSTER_DIR"; }

show_server_log() {
    printf -- '-- last lines of %s\n' "$CLUSTER_DIR/server.log" >&2
    tail -n 50 "$CLUSTER_DIR/server.log" >&2 || true
}

# stop_server DATA_DIRECTORY: does nothing when no server runs there. What a session does may be deaf to the polite way.
stop_server() {
    if server_runs "$1"; then
        as_server "$PG_BINDIR/pg_ctl" -D "$1" -m fast -t 30 -w -s stop ||
            as_server "$PG_BINDIR/pg_ctl" -D "$1" -m immediate -w -s stop
    fi
}

# pg_ctl believes postmaster.pid, which after a crash may name a process that has nothing to do with us. So look at
# the command line of that process.
server_runs() {
    local pid arguments
    pid=$(head -n 1 "$1/postmaster.pid" 2>/dev/null) || return 1
    arguments=$(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" || ps -o args= -p "$pid" 2>/dev/null) || return 1
    [[ $arguments == *"-D $1"* ]]
}

# Stops everything that was started from this checkout, in both places where data may be.
stop_all_servers() {
    local pid_file
    for pid_file in {"$ROOT/target/pg","$RUN_DIR/pg"}/{*,e2e/*}/postmaster.pid; do
        [[ -f $pid_file ]] || continue
        [[ -n ${PG_BINDIR:-} ]] || PG_BINDIR=$("$(packaged_pg_config || echo "${PG_CONFIG:-pg_config}")" --bindir)
        stop_server "$(dirname "$pid_file")"
    done
}

# sql DATABASE STATEMENT: as superuser, results unadorned, without notices.
sql() { PGOPTIONS='-c client_min_messages=warning' "$PG_BINDIR/psql" -XAtq -v ON_ERROR_STOP=1 -d "$1" -c "$2"; }

# A fresh database with the extension.
create_database() {
    sql postgres "DROP DATABASE IF EXISTS $1 WITH (FORCE)"
    sql postgres "CREATE DATABASE $1"
    sql "$1" "CREATE EXTENSION quire"
}
