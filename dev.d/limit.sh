# Time limits. Sourced by ./dev.
# shellcheck shell=bash

# The process groups that `limited` has started: what it runs, and what watches the time.
GROUP='' WATCHER=''

# In seconds: the unit of time limits, and how long processes have to end by themselves. The tests of time limits are quicker.
MINUTE=60 GRACE=10

# limited MINUTES FUNCTION [ARGUMENTS]: runs a function in a subshell, up to its first failing command, and sets STATUS; OVERDUE
# is 1 when the time was over before the function was. The function has a process group of its own: whatever it leaves running
# there is ended, too, however it ends. Servers leave the group; they are for the caller to stop.
#
# Bash ignores `set -e` in everything that a condition calls, so limited must never be called in one (if, while, &&, ||, !). The
# group is not the terminal's, so what runs in it cannot read from there. The lock (9) stays outside: a server left behind by a
# test would keep it.
limited() {
    local limit=$(($1 * MINUTE)) mark=$STATE_DIR/overdue
    shift
    [[ -z ${QUIRE_NO_LIMITS:-} ]] || limit=infinity
    mkdir -p "$STATE_DIR"
    rm -f "$mark"
    set -m +e
    (
        set +m -e
        "$@"
    ) </dev/null 9>&- &
    GROUP=$!
    (
        set +m
        sleep "$limit"
        touch "$mark"
        end_group "$GROUP"
    ) </dev/null >/dev/null 2>&1 9>&- &
    WATCHER=$!
    # Without this bash reports how it was ended.
    disown "$WATCHER"
    set +m
    { wait "$GROUP"; } 2>/dev/null
    STATUS=$?
    end_limited
    set -e
    OVERDUE=0
    [[ ! -e $mark ]] || OVERDUE=1
}

# Ends what `limited` runs.
end_limited() {
    [[ -z $WATCHER ]] || kill -KILL -- "-$WATCHER" 2>/dev/null || true
    [[ -z $GROUP ]] || end_group "$GROUP"
    GROUP='' WATCHER=''
}

# end_group GROUP: SIGTERM, and a little later SIGKILL for what is still there.
end_group() {
    local n
    # What is stopped gets its signal when it goes on.
    kill -TERM -- "-$1" 2>/dev/null && kill -CONT -- "-$1" 2>/dev/null || return 0
    for ((n = 0; n < GRACE * 10; n++)); do
        kill -0 -- "-$1" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -KILL -- "-$1" 2>/dev/null || true
}

# end_well COMMAND: runs it at the end, also when a signal is what ends ./dev.
end_well() {
    # The command is put in now: at the end it is no argument any more.
    # shellcheck disable=SC2064
    trap "trap '' INT TERM HUP; $1" EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    trap 'exit 129' HUP
}
