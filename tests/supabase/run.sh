#!/usr/bin/env bash
# Drives quire with supabase-js through the stand-in for PostgREST. Expects a running cluster at PGHOST, PGPORT and PGUSER
# (a superuser) that lets the role authenticator in, with the extension installed; makes the database quire_supabase anew.
# The last line is "N passed, N failed".
set -euo pipefail
cd "$(dirname "$0")"

give_up() {
    printf 'tests/supabase: %s\n0 passed, 1 failed\n' "$*"
    exit 1
}

node_major() { node --version | sed 's/^v\([0-9]*\).*/\1/'; }

command -v node >/dev/null || give_up "node is missing: install Node.js 20 or newer"
(($(node_major) >= 20)) || give_up "Node.js $(node --version) is too old: install 20 or newer"
command -v npm >/dev/null || give_up "npm is missing: install it with Node.js"
command -v psql >/dev/null || give_up "psql is missing: put PostgreSQL's bin directory into PATH"
for name in PGHOST PGPORT PGUSER; do
    [[ -n ${!name:-} ]] || give_up "$name is not set: it names the cluster to test in"
done

work=$(mktemp -d)
server=
finish() {
    if [[ -n $server ]]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap finish EXIT

# npm writes this file last.
if [[ ! node_modules/.package-lock.json -nt package-lock.json ]]; then
    npm ci --no-audit --no-fund >"$work/npm" 2>&1 || { cat "$work/npm" && give_up "npm ci failed"; }
fi

# as_admin DATABASE PSQL-ARGUMENTS
as_admin() { PGOPTIONS='-c client_min_messages=warning' psql -XAtq -v ON_ERROR_STOP=1 -d "$@"; }

{
    as_admin postgres -c 'DROP DATABASE IF EXISTS quire_supabase WITH (FORCE)' -c 'CREATE DATABASE quire_supabase' &&
        as_admin quire_supabase -f setup.sql
} || give_up "the database cannot be made"

export PGDATABASE=quire_supabase
PGRST_JWT_SECRET=$(node -p 'require("node:crypto").randomBytes(32).toString("hex")')
export PGRST_JWT_SECRET

# Supabase exposes public first. The schema api is for the tests of the stand-in.
PGUSER=authenticator PGRST_DB_SCHEMAS=public,quire,api node stand-in.mjs >"$work/url" &
server=$!
for _ in {1..100}; do
    [[ ! -s $work/url ]] || break
    kill -0 "$server" 2>/dev/null || give_up "the stand-in does not start"
    sleep 0.1
done
QUIRE_SUPABASE_URL=$(cat "$work/url")
[[ -n $QUIRE_SUPABASE_URL ]] || give_up "the stand-in does not answer"
export QUIRE_SUPABASE_URL

tests=(stand-in.test.mjs quire.test.mjs)
has_snapshots="SELECT FROM pg_proc WHERE pronamespace = 'quire'::regnamespace AND proname = 'download_snapshot'"
if [[ -n $(as_admin quire_supabase -c "SELECT 'yes' WHERE EXISTS ($has_snapshots)") ]]; then
    tests+=(quire-snapshots.test.mjs)
else
    echo "skipped quire-snapshots.test.mjs: this quire has no function download_snapshot"
fi

status=0
node --test --test-reporter=spec --test-reporter-destination=stdout \
    --test-reporter=tap --test-reporter-destination="$work/tap" "${tests[@]}" || status=$?

count() { awk -v what="$1" '$1 == "#" && $2 == what { n = $3 } END { print n + 0 }' "$work/tap"; }
touch "$work/tap"
passed=$(count pass)
failed=$(($(count tests) - passed - $(count skipped)))
# A run that ends badly without a failed test is a failure, too.
if ((status != 0 && failed == 0)); then failed=1; fi
if ((passed == 0 && failed == 0)); then failed=1; fi
echo "$passed passed, $failed failed"
((failed == 0))
