#!/usr/bin/env bash
# Drives examples/preview-container end to end. Expects a running cluster at PGHOST, PGPORT and PGUSER (a superuser) that
# lets the roles quire_preview_author and quire_preview_container in, with the extension installed; makes the database
# quire_preview anew. PREVIEW_CUT_SECONDS (20) is how long the network is cut. The last line is "N passed, N failed".
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck disable=SC2034 # read by the library
suite=preview
. ../lib/node-suite.sh
require_cluster

# Like the --tmpfs of a container, where there is one.
PREVIEW_SITE=$(mktemp -d -p "$([[ -d /dev/shm ]] && echo /dev/shm || echo "$work")" quire-preview-XXXXXX)
export PREVIEW_SITE
# The tests end the containers, the proxy and the web servers that they start.
trap 'rm -rf "$work" "$PREVIEW_SITE"' EXIT

install_packages .
install_packages ../../examples/preview-container
make_database quire_preview
TMPDIR=$work run_tests ../lib/suite.test.mjs disk.test.mjs apply.test.mjs container.test.mjs
