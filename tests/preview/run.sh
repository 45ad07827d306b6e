#!/usr/bin/env bash
# Drives examples/preview-container end to end. Expects a running cluster at PGHOST, PGPORT and PGUSER (a superuser) that
# lets the roles quire_preview_author and quire_preview_container in, with the extension installed; makes the database
# quire_preview anew. PREVIEW_CUT_SECONDS (20) is how long the network is cut. The last line is "N passed, N failed".
set -euo pipefail
cd "$(dirname "$0")"

give_up() {
    printf 'tests/preview: %s\n0 passed, 1 failed\n' "$*"
    exit 1
}

command -v node >/dev/null || give_up "node is missing: install Node.js 20 or newer"
(($(node -p 'process.versions.node.split(".")[0]') >= 20)) || give_up "Node.js $(node --version) is too old: install 20 or newer"
command -v npm >/dev/null || give_up "npm is missing: install it with Node.js"
command -v psql >/dev/null || give_up "psql is missing: put PostgreSQL's bin directory into PATH"
for name in PGHOST PGPORT PGUSER; do
    [[ -n ${!name:-} ]] || give_up "$name is not set: it names the cluster to test in"
done

# The tests end the containers, the proxy and the web server that they start.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for package in . ../../examples/preview-container; do
    # npm writes this file last.
    if [[ ! $package/node_modules/.package-lock.json -nt $package/package-lock.json ]]; then
        (cd "$package" && npm ci --no-audit --no-fund) >"$work/npm" 2>&1 || { cat "$work/npm" && give_up "npm ci failed"; }
    fi
done

# as_admin DATABASE PSQL-ARGUMENTS
as_admin() { PGOPTIONS='-c client_min_messages=warning' psql -XAtq -v ON_ERROR_STOP=1 -d "$@"; }

{
    as_admin postgres -c 'DROP DATABASE IF EXISTS quire_preview WITH (FORCE)' -c 'CREATE DATABASE quire_preview' &&
        as_admin quire_preview -f setup.sql >"$work/setup"
} || give_up "the database cannot be made"

export PGDATABASE=quire_preview
status=0
TMPDIR=$work node --test --test-concurrency=1 --test-reporter=spec --test-reporter-destination=stdout \
    --test-reporter=tap --test-reporter-destination="$work/tap" apply.test.mjs container.test.mjs || status=$?

count() { awk -v what="$1" '$1 == "#" && $2 == what { n = $3 } END { print n + 0 }' "$work/tap"; }
touch "$work/tap"
passed=$(count pass)
failed=$(($(count tests) - passed - $(count skipped)))
# A run that ends badly without a failed test is a failure, too.
if ((status != 0 && failed == 0)); then failed=1; fi
if ((passed == 0 && failed == 0)); then failed=1; fi
echo "$passed passed, $failed failed"
((failed == 0))
