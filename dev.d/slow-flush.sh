# A library that makes the servers it is preloaded into slow to flush. Sourced by ./dev.
# shellcheck shell=bash

# Builds it, and sets SLOW_FLUSH to its path.
ensure_slow_flush() {
    # Where the servers' user can read it.
    SLOW_FLUSH=$RUN_DIR/slow_flush.so
    if [[ ! -s $SLOW_FLUSH || $SLOW_FLUSH -ot tests/lib/slow_flush.c ]]; then
        "${CC:-cc}" -O2 -Wall -Werror -shared -fPIC -o "$STATE_DIR/slow_flush.so" tests/lib/slow_flush.c -ldl
        as_server tee "$SLOW_FLUSH" <"$STATE_DIR/slow_flush.so" >/dev/null
    fi
}

# slow_down_flushes ARGUMENTS: with --flush-delay MICROSECONDS among them, the cluster that is started next is so much slower.
slow_down_flushes() {
    while (($# > 0)); do
        if [[ $1 == --flush-delay && ${2:-} =~ ^[0-9]+$ ]]; then
            ensure_slow_flush
            # The server may run without it.
            stop_cluster
            SERVER_ENVIRONMENT=("LD_PRELOAD=$SLOW_FLUSH" "QUIRE_FLUSH_DELAY_US=$2")
        fi
        shift
    done
}
