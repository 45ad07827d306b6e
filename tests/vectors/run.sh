#!/usr/bin/env bash
# Recomputes the golden vectors in this folder with a program that knows nothing of quire. Needs no server. The last line is
# "N passed, N failed".
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck disable=SC2034 # read by the library
suite=vectors
. ../lib/node-suite.sh
trap 'rm -rf "$work"' EXIT

install_packages .
node check.mjs
