#!/usr/bin/env bash
# guides.sh: prints the guides in the order in which README.md lists them, one a line.
set -euo pipefail
cd "$(dirname "$0")/../.."

grep '^| \[docs/guide\]' README.md | grep -o 'docs/guide/[a-z]*\.md'
