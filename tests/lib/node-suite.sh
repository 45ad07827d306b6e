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
command -v psql >/dev/null || give_up "psql is missing: put PostgreSQL's bin directory into PATH"
for name in PGHOST PGPORT PGUSER; do
    [[ -n ${!name:-} ]] || give_up "$name is not set: it names the cluster to test in"
done

work=$(mktemp -d)

# install_packages FOLDER: what its lock file says, unless that is there.
install_packages() {
    # npm writes this file last.
    [[ ! $1/node_modules/.package-lock.json -nt $1/package-lock.json ]] || return 0
    (cd "$1" && npm ci --no-audit --no-fund) >"$work/npm" 2>&1 || { cat "$work/npm" && give_up "npm ci failed"; }
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

# run_tests NODE-ARGUMENTS: prints "N passed, N failed"; fails when one failed or none ran.
run_tests() {
    local status=0 passed failed
    node --test --test-reporter=spec --test-reporter-destination=stdout \
        --test-reporter=tap --test-reporter-destination="$work/tap" "$@" || status=$?
    touch "$work/tap"
    passed=$(count_tests pass)
    failed=$(($(count_tests tests) - passed - $(count_tests skipped)))
    # A run that ends badly without a failed test is a failure, too.
    if ((status != 0 && failed == 0)); then failed=1; fi
    if ((passed == 0 && failed == 0)); then failed=1; fi
    echo "$passed passed, $failed failed"
    ((failed == 0))
}

count_tests() { awk -v what="$1" '$1 == "#" && $2 == what { n = $3 } END { print n + 0 }' "$work/tap"; }
