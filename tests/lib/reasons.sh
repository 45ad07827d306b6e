#!/usr/bin/env bash
# reasons.sh: prints the values of DETAIL's member `reason` that the sources raise, sorted: those that are given to conflict, to gone, and
# to with("reason", ...). Tests do not count.
set -euo pipefail
cd "$(dirname "$0")/../.."

find src crates -name '*.rs' ! -name 'tests.rs' -print0 |
    xargs -0 awk '/^#\[cfg\(test\)\]/ { nextfile } /^ *\/\// { next } { print }' |
    tr '\n' ' ' |
    grep -oE '(\bconflict|\bgone)\( *"[a-z_]+"|with\( *"reason", *"[a-z_]+"' |
    grep -oE '"[a-z_]+"$' | tr -d '"' | LC_ALL=C sort -u
