#!/usr/bin/env bash
# Runs parts that misbehave through the machinery of ./dev test. Prints "ok CASE" or "not ok CASE"; ./dev test lint counts those
# lines.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A ./dev test of its own parts. What a part starts writes down its number: none may be left.
cat >"$work/run" <<'EOF'
set -euo pipefail
ROOT=$PWD
. dev.d/common.sh
. dev.d/limit.sh
. dev.d/test.sh
STATE_DIR=$1 RESULTS=$1/results
shift
MINUTE=1 GRACE=2 QUIRE_NO_LIMITS=
declare -A MINUTES=([all]=${ALL:-50} [hangs]=2 [leaves]=20 [fails]=20 [passes]=20 [works]=20)
needs_server() { false; }
sleeper() { sh -c 'echo $$ >>"$0/started"; exec sleep 600' "$STATE_DIR"; }
stubborn() { sh -c 'echo $$ >>"$0/started"; trap "" TERM; while :; do sleep 1; done' "$STATE_DIR"; }
is_started() { until [[ -s $STATE_DIR/started ]]; do sleep 0.1; done; }
part_hangs() {
    record ok 1 begun
    stubborn &
    sleeper | cat
    record ok 1 never
}
part_leaves() {
    sleeper &
    is_started
    record ok 1 left
}
part_fails() {
    false
    record ok 1 never
}
part_passes() { record ok 1 passed; }
part_works() { sleeper; }
end_well end_limited
: >"$RESULTS"
for part; do run_part "$part"; done
summary
EOF

anew() {
    rm -rf "$work/state"
    mkdir "$work/state"
    touch "$work/state/started"
}

# run PARTS: what it prints is in $said, its status in $status.
run() {
    anew
    status=0
    said=$(bash "$work/run" "$work/state" "$@" 2>"$work/stderr") || status=$?
}

# What ran this script may have SIGINT ignored, for which a shell cannot make up.
AS_IN_FOREGROUND=()
! env --default-signal=INT true 2>/dev/null || AS_IN_FOREGROUND=(env --default-signal=INT)

# interrupt SIGNAL: while a part works.
interrupt() {
    local run
    anew
    said=
    # A script without job control would have SIGINT ignored.
    set -m
    "${AS_IN_FOREGROUND[@]}" bash "$work/run" "$work/state" works passes >/dev/null 2>"$work/stderr" &
    run=$!
    set +m
    until [[ -s $work/state/started ]]; do sleep 0.1; done
    # Again and again, as people do: bash loses a SIGINT that comes while it waits for a child which then ends well.
    while kill "-$1" "$run" 2>/dev/null; do sleep 0.5; done
    status=0
    wait "$run" || status=$?
}

nothing_is_left() {
    local pid
    while read -r pid; do
        if kill -0 "$pid" 2>/dev/null && ! grep -qs '^State:.Z' "/proc/$pid/status"; then return 1; fi
    done <"$work/state/started"
}

# verdict NAME CONDITION..
verdict() {
    local name=$1
    shift
    if "$@" && nothing_is_left; then
        echo "ok $name"
    else
        cat "$work/stderr"
        printf '%s\nstatus %s\nnot ok %s\n' "$said" "$status" "$name"
    fi
}

# ends STATUS [LINES], which are a pattern.
ends() {
    # shellcheck disable=SC2053
    [[ $status == "$1" && $said == ${2:-} ]]
}

run hangs passes
verdict "a part that hangs is ended and recorded, and the next one runs" \
    ends 1 $'failed:\n  hangs: took longer than 2 minutes\n2 passed, 1 failed'

run leaves passes
verdict "what a part leaves running is ended" ends 0 "2 passed, 0 failed"

run fails passes
verdict "a part that stops is recorded, and the next one runs" \
    ends 1 $'failed:\n  fails: stopped with status 1\n1 passed, 1 failed'

ALL=4 run works passes
verdict "a part has no more than what is left for all, and then none is run" ends 1 $'failed:
  works: took longer than [1-4] minutes, which were left of 4 for all tests
  passes: not run, because the 4 minutes for all tests were over
0 passed, 2 failed'

interrupt INT
verdict "SIGINT ends what runs" ends 130

interrupt TERM
verdict "SIGTERM ends what runs" ends 143
