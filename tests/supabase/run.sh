#!/usr/bin/env bash
# Drives quire with supabase-js through the stand-in for PostgREST. Expects a running cluster at PGHOST, PGPORT and PGUSER
# (a superuser) that lets the role authenticator in, with the extension installed; makes the database quire_supabase anew.
# The last line is "N passed, N failed".
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck disable=SC2034 # read by the library
suite=supabase
. ../lib/node-suite.sh
require_cluster

server=
finish() {
    if [[ -n $server ]]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap finish EXIT

install_packages .
make_database quire_supabase
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

tests=(stand-in.test.mjs quire.test.mjs quire-snapshots.test.mjs quire-docs.test.mjs guide.test.mjs)
# The adapter is TypeScript, which Node.js runs as it is from 22.18 on.
if node -e 'process.exit(process.features.typescript ? 0 : 1)'; then
    tests+=(automerge-repo.test.mjs)
else
    echo "left out: automerge-repo.test.mjs, which needs Node.js 22.18 or newer" >&2
fi
run_tests "${tests[@]}"
