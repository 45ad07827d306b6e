# What the test suites in JavaScript share. Sourced by their run.sh, which has gone to its own folder and set `suite`, the
# name of that folder. Checks what it needs, and makes the folder $work, which the suite removes.
# shellcheck shell=bash

give_up() {
    printf 'tests/%s: %s\n0 passed, 1 failed\n' "$suite" "$*"
    exit 1
}

command -v node >/dev/null || give_up "node is missing: install Node.js 20 or newer"
(($(node -p 'process.versions.node.split(".")[0]') >= 20)) || give_up "Node.js $(node --version) is too old: install 20 or newer"
command -v npm >/dev/null || give_up "npm is missing: install it with Node.js"
command -v timeout >/dev/null || give_up "timeout is missing: it is in coreutils"

work=$(mktemp -d)
library=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# A file of tests may take so long; 0 is without a limit.
file_seconds=${QUIRE_FILE_SECONDS:-300}
[[ -z ${QUIRE_NO_LIMITS:-} ]] || file_seconds=0

# install_packages FOLDER: what its lock file says, unless that is there.
install_packages() {
    # npm writes this file last.
    [[ ! $1/node_modules/.package-lock.json -nt $1/package-lock.json ]] || return 0
    (cd "$1" && npm ci --no-audit --no-fund) >"$work/npm" 2>&1 || { cat "$work/npm" && give_up "npm ci failed"; }
}

# A suite that has no cluster to test in does without this.
require_cluster() {
    local name
    command -v psql >/dev/null || give_up "psql is missing: put PostgreSQL's bin directory into PATH"
    for name in PGHOST PGPORT PGUSER; do
        [[ -n ${!name:-} ]] || give_up "$name is not set: it names the cluster to test in"
    done
}

# as_admin DATABASE PSQL-ARGUMENTS
as_admin() { PGOPTIONS='-c client_min_messages=warning' psql -XAtq -v ON_ERROR_STOP=1 -d "$@"; }

# make_database NAME: anew, by setup.sql; the tests connect to it.
make_database() {
    {
        as_admin postgres -c "DROP DATABASE IF EXISTS $1 WITH (FORCE)" -c "CREATE DATABASE $1" &&
            as_admin "$1" -f setup.sql >"$work/setup"
    } || give_up "the database cannot be made"
    export PGDATABASE=$1
}

# run_tests FILES: one after the other; prints "N passed, N failed"; fails when one failed or none ran.
run_tests() {
    local file passed=0 failed=0
    for file; do run_file "$file"; done
    if ((passed == 0 && failed == 0)); then failed=1; fi
    echo "$passed passed, $failed failed"
    ((failed == 0))
}

# run_file FILE: adds to $passed and $failed. The file is run by itself and its results are counted from what is written about each:
# releases of Node.js differ in whether `node --test` ends a file that hangs, and in the status after a failed test.
run_file() {
    local tap=$work/tap began=$SECONDS status=0 bad good
    rm -f "$tap"
    timeout --foreground --kill-after=5 "$file_seconds" \
        node --import "$library/ending.mjs" --test-reporter=spec --test-reporter-destination=stdout \
        --test-reporter=tap --test-reporter-destination="$tap" "$1" || status=$?
    touch "$tap"
    # The other reporter tells at its end why a test failed; to here it may not have got.
    grep -q '^# tests ' "$tap" || cat "$tap"
    bad=$(awk '/^not ok / { n++ } END { print n + 0 }' "$tap")
    good=$(awk '/^ok / && !/ # SKIP/ { n++ } END { print n + 0 }' "$tap")
    if ((status != 0 && file_seconds > 0 && SECONDS - began >= file_seconds)); then
        echo "$1: took longer than $file_seconds seconds"
        ((bad += 1))
    elif ((status != 0 && bad == 0)); then
        echo "$1: ended with status $status"
        bad=1
    fi
    ((passed += good, failed += bad)) || true
}
