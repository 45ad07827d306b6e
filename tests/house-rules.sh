#!/usr/bin/env bash
# House rules that no compiler checks. Prints each violation, then "ok RULE" or "not ok RULE"; ./dev test lint counts
# those lines.
set -euo pipefail
cd "$(dirname "$0")/.."

# rule NAME: stdin holds the violations. (A failing pipeline in front must not pass for "no violation": see found.)
rule() {
    local violations
    violations=$(cat)
    if [[ -z $violations ]]; then
        echo "ok $1"
    else
        printf '%s\nnot ok %s\n' "$violations" "$1"
    fi
}

# grep, without the status 1 for "nothing found"; trouble of grep itself counts as a violation.
found() {
    local status=0
    "$@" || status=$?
    ((status < 2)) || echo "$* failed with status $status"
}

rust_sources() { find src crates -name '*.rs' -type f; }

# longer_than LINES FILE..
longer_than() {
    local limit=$1 file lines
    shift
    for file; do
        lines=$(wc -l <"$file")
        ((lines <= limit)) || echo "$file: $lines lines"
    done
}

# wider_than BYTES FILE..: the lines that are, but of SQL: a comment on a function is one text, and a step of a spec one statement.
wider_than() {
    local limit=$1
    shift
    LC_ALL=C awk -v limit="$limit" '
        FILENAME !~ /[.](sql|spec)$/ && length($0) > limit { print FILENAME ": line " FNR " has " length($0) " bytes" }' "$@"
}

# without_exceptions FILE..: stdin without what is said of these files. One of which nothing is said is no exception any more.
without_exceptions() {
    local said file
    said=$(cat)
    for file; do
        if grep -q "^$file: " <<<"$said"; then
            said=$(grep -v "^$file: " <<<"$said" || true)
        else
            said+=$'\n'"$file: is no exception any more"
        fi
    done
    sed '/^$/d' <<<"$said"
}

# Comments may name it.
found grep -rnE --include='*.rs' '\bSpi|\bSPI_' src | { grep -vE '^src/db(\.rs|/[a-z]+\.rs):|^[^:]+:[0-9]+: *//' || true; } |
    rule "Spi only in src/db"

# A function of the interface does everything with the owner's rights and for the caller, as src/definer.rs arranges it: its
# body calls definer. So does whatever else looks into tables. One that need not says why, before its attribute, in
# a comment that begins with "Outside definer:". Prints "FILE: FUNCTION" of the others.
without_definer() {
    awk '/^\/\/ Outside definer: / { is_outside = 1 }
         /^#\[pg_extern/ { attribute = $0; name = ""; is_definer = is_outside || attribute ~ /immutable/; is_outside = 0 }
         attribute && /^(pub )?fn / { name = $0; sub(/^(pub )?fn /, "", name); sub(/[(<].*/, "", name) }
         name != "" && /definer\(\|\|/ { is_definer = 1 }
         name != "" && /^}/ {
             if (!is_definer) print FILENAME ": " name
             name = attribute = ""
         }' "$@"
}

# What becomes values before the function runs does so before the gate, and without bound. Prints "FILE: FUNCTION" of those with such
# an argument; TextsArg and JsonArg hold what came, and pgrx::Array gives out item by item.
with_eager_argument() {
    awk '/^#\[pg_extern/ { attribute = 1 }
         attribute && /^(pub )?fn / { name = $0; sub(/^(pub )?fn /, "", name); sub(/[(<].*/, "", name) }
         name != "" {
             arguments = $0
             sub(/->.*/, "", arguments)
             if (arguments ~ /Vec<|JsonB|String/) print FILENAME ": " name
             if (/->|\{$/) name = attribute = ""
         }' "$@"
}

found grep -rnE --include='*.rs' --exclude=statement.rs 'format!\(.*\b(SELECT|INSERT|UPDATE|DELETE)\b' src |
    rule "format! builds no SQL, but that about one row in src/db/rows/statement.rs"

found grep -rnE --include='*.rs' '\b(todo|unimplemented)!' src crates |
    rule "nothing unfinished"

found grep -rnE --include='*.rs' '\.with\("reason"' src |
    rule "the reason of an error is one of the list in crates/quire-core/src/reason.rs"

# A reason that nothing gives is documented in vain.
without_use() {
    local reason
    sed -n '/^pub enum Reason/,/^}/s/^    \([A-Z][A-Za-z]*\),$/\1/p' crates/quire-core/src/reason.rs | while read -r reason; do
        grep -rqE --include='*.rs' --exclude=reason.rs "\bReason::$reason\b" src crates || echo "nothing gives Reason::$reason"
    done
}
without_use |
    rule "every reason of an error is given somewhere"

longer_than 80 src/lib.rs |
    rule "src/lib.rs has at most 80 lines"

mapfile -t sources < <(rust_sources)
mapfile -t others < <(git ls-files '*.rs' '*.sh' '*.sql' '*.spec' '*.js' '*.mjs' '*.c' '*.awk' dev .ci/run |
    grep -vE '^(src|crates)/.*[.]rs$')
mapfile -t settings < <(git ls-files '*.toml' '*.yml')
# The guide about tenants names its comments by this file.
LONG=(pg_regress/sql/token.sql)
# Texts that were there before there was a limit.
WIDE=(
    crates/quire-core/src/archive/frame.rs
    crates/quire-core/src/archive/tests/hostile.rs
    crates/quire-core/src/reason.rs
    crates/quire-core/src/vectors/export.rs
    crates/quire-core/src/vectors/op.rs
    src/db/early_release.rs
    src/domain/asset/store/logged.rs
    src/domain/entity/store/logged.rs
    src/domain/file/store/logged.rs
    src/event/notify.rs
    src/gate/kept.rs
    src/log/queue.rs
    src/service/workspace/import.rs
)
without_definer "${sources[@]}" |
    rule "every function of the interface goes through definer"
with_eager_argument "${sources[@]}" |
    rule "no argument of a function becomes a vector, a tree or a copy before the gate"
# Tests, tools and examples, too; a lock file is nobody's to read.
longer_than 600 "${sources[@]}" "${others[@]}" |
    without_exceptions "${LONG[@]}" |
    rule "no file has more than 600 lines"
wider_than 140 "${sources[@]}" "${others[@]}" "${settings[@]}" |
    without_exceptions "${WIDE[@]}" |
    rule "no line of code has more than 140 bytes"

# In releases of Node.js that the tests run with, they are missing or do something else.
found git grep -nE 'readdir.*recursive|\.parentPath|import\.meta\.(dirname|filename)' -- '*.js' '*.mjs' |
    rule "JavaScript does without recursive readdir, parentPath and import.meta.dirname"

# How and where the work was done is no part of the work. The brackets keep this line from finding itself.
found git grep -nIiE '[s]itting|/[w]ork/|[i]ssue #' |
    rule "the repository describes itself, not its making"

# CREATE EXTENSION looks names up in schema quire, too. Prints the files that do, or that leave it so that pgrx's functions go elsewhere.
with_other_search_path() {
    local file
    for file; do
        [[ $(grep -m 1 -vE '^(--|$)' "$file") == 'SET LOCAL search_path TO pg_catalog, pg_temp;' ]] ||
            echo "$file: begins with another search path"
        [[ $(tail -n 1 "$file") == 'SET LOCAL search_path TO quire, pg_temp;' ]] || echo "$file: ends with another search path"
    done
}

# Whatever is in a schema: somebody else may have put it there.
found grep -rnE '\bIN SCHEMA\b' sql |
    rule "the install script grants nothing on all of a schema"

with_other_search_path sql/*/*.sql |
    rule "the install script looks names up in pg_catalog only"

# claims PAGE: "LINE|PART FILE|NAME" of each test that a row of a table with a last column `test` names, and "LINE||" of a row without.
claims() {
    awk -F ' *[|] *' '
        !/^[|]/ { in_table = 0; next }
        $(NF - 1) == "test" { in_table = 1; next }
        in_table && !/^[|]-/ {
            count = split($(NF - 1), named, "<br>")
            for (n = 1; n <= count; n++) {
                if (!match(named[n], /^`[a-z0-9]+ [a-z_]+`: /)) { print NR "||"; continue }
                print NR "|" substr(named[n], 2, RLENGTH - 4) "|" substr(named[n], RLENGTH + 1)
            }
        }' "$1"
}

# Prints the rows of a page that name no test which is there: in SQL and specs a comment, in Rust a function, in JavaScript a test.
without_test() {
    local page=$1 rows line test name file like
    if ! rows=$(claims "$page") || [[ -z $rows ]]; then
        echo "$page: no table of tests"
        return
    fi
    while IFS='|' read -r line test name; do
        case $test in
            "regress "*) file=pg_regress/sql/${test#* }.sql like="--" ;;
            "isolation "*) file=tests/isolation/specs/${test#* }.spec like="#" ;;
            "e2e "*) file=tests/e2e/${test#* }.rs like="fn" name="fn $name(" ;;
            "preview "*) file=tests/preview/${test#* }.test.mjs like="test(" ;;
            *) echo "$page:$line: a row that names no test" && continue ;;
        esac
        [[ -n $name && -f $file ]] &&
            awk -v like="$like" -v name="$name" 'index($0, like) == 1 && index($0, name) { found = 1 } END { exit !found }' "$file" ||
            echo "$page:$line: no such test: $test: $name"
    done <<<"$rows"
}

without_test docs/guide/tenants.md |
    rule "every row of the guide about tenants names a test that is there"
