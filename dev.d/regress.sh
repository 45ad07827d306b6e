# pg_regress and pg_isolation_regress, two parts of ./dev test. Sourced by ./dev.
#
# Both drivers run SQL files and compare the output with an expected one. Tests are in pg_regress/{sql,expected} and
# tests/isolation/{specs,expected}; every file is a test, so there is no list that one could forget to extend.
# shellcheck shell=bash

# Everything runs three times against the same expected output: whatever works for superusers only shows up in the second pass,
# and what needs a superuser as installer in the third.
part_regress() {
    if [[ ${1:-} == --accept ]]; then
        shift
        run_driver superuser pg_regress sql postgres "$@" >/dev/null
        accept_results superuser pg_regress
    fi
    run_driver superuser pg_regress sql postgres "$@"
    report_results superuser "regress as superuser"
    run_driver member pg_regress sql regress_member "$@"
    report_results member "regress as member"
    run_driver trusted pg_regress sql postgres "$@"
    report_results trusted "regress, installed as trusted"
}

part_isolation() {
    if [[ ${1:-} == --accept ]]; then
        shift
        run_driver isolation tests/isolation spec postgres "$@" >/dev/null
        accept_results isolation tests/isolation
    fi
    run_driver isolation tests/isolation spec postgres "$@"
    report_results isolation "isolation"
}

# run_driver PASS SOURCE SUFFIX USER [TESTS]: leaves results, output and the list of tests in the directory of the
# pass. Whether tests failed is for report_results to say.
run_driver() {
    local pass=$1 source=$2 suffix=$3 user=$4 dir tests launcher=()
    shift 4
    dir=$(pass_dir "$pass")
    stage_tests "$dir" "$source" "$suffix" "$@"
    mapfile -t tests <"$dir/tests"
    ((${#tests[@]} > 0)) || return 0
    prepare_regress_database "$pass"
    [[ $suffix != sql ]] || launcher=("--launcher=$ROOT/pg_regress/psql.sh")
    (cd "$dir" && "$(driver_path "$suffix")" --bindir="$PG_BINDIR" --host="$SOCKET_DIR" --port="$PGPORT" \
        --use-existing --dbname=regress --user="$user" "${launcher[@]}" "${tests[@]}") 2>&1 | tee "$dir/output" || true
}

pass_dir() { echo "$STATE_DIR/regress/$1"; }

driver_path() {
    local tests
    tests=$(dirname "$("$PG_CONFIG" --pgxs)")/../test
    if [[ $1 == sql ]]; then echo "$tests/regress/pg_regress"; else echo "$tests/isolation/pg_isolation_regress"; fi
}

# stage_tests DIRECTORY SOURCE SUFFIX [TESTS]: the drivers read inputs and write results below the current directory;
# their options for other places differ between versions. So each pass gets a directory that looks like the source.
stage_tests() {
    local dir=$1 source=$2 folder=${3/spec/specs} name
    rm -rf "$dir"
    mkdir -p "$dir/expected"
    ln -s "$ROOT/$source/$folder" "$dir/$folder"
    [[ ! -d $source/expected ]] || cp -R "$source/expected/." "$dir/expected"
    list_tests "$dir/$folder" "$3" "${@:4}" >"$dir/tests"
    # At a missing file a driver gives up; an empty one makes a failed test with a diff, which --accept can take.
    while read -r name; do touch "$dir/expected/$name.out"; done <"$dir/tests"
}

# list_tests FOLDER SUFFIX [TESTS]: the given ones, else every file in the folder.
list_tests() {
    local folder=$1 suffix=$2 name
    shift 2
    (($# > 0)) || set -- "$folder"/*."$suffix"
    for name; do
        name=$(basename "$name" ".$suffix")
        [[ $name == '*' ]] || echo "$name"
    done | LC_ALL=C sort
}

# prepare_regress_database PASS: as superuser, who creates the extension and the roles; in the pass `trusted` the extension is
# created before, by somebody who is none.
prepare_regress_database() {
    reset_test_server
    if [[ $1 == trusted ]]; then
        install_as_trusted
    else
        sql postgres "CREATE DATABASE regress"
    fi
    "$PG_BINDIR/psql" -Xq -v ON_ERROR_STOP=1 -d regress -f pg_regress/setup.sql
}

# The owner of a database installs the extension where the control file says that it is trusted, and hands its group roles on.
install_as_trusted() {
    local control status=0
    control=$("$PG_CONFIG" --sharedir)/extension/quire.control
    sql postgres "CREATE ROLE regress_installer LOGIN"
    sql postgres "CREATE DATABASE regress OWNER regress_installer"
    edit_control "$control" 's/^trusted = false$/trusted = true/'
    PGUSER=regress_installer sql regress "CREATE EXTENSION quire" || status=$?
    edit_control "$control" 's/^trusted = true$/trusted = false/'
    ((status == 0)) || return "$status"
    sql postgres "CREATE ROLE regress_member LOGIN"
    PGUSER=regress_installer sql regress "GRANT quire_user TO regress_member"
    [[ $(PGUSER=regress_installer sql regress "SELECT quire.whoami() ->> 'is_admin'") == true ]] || die "the installer is no administrator"
}

# edit_control FILE SCRIPT
edit_control() { if [[ -w $1 ]]; then sed -i "$2" "$1"; else as_root sed -i "$2" "$1"; fi; }

# report_results PASS LABEL: also counts tests that never ran, for example because the server went away.
report_results() {
    local label=$2 dir missing
    dir=$(pass_dir "$1")
    [[ -s $dir/tests ]] || return 0
    driver_results <"$dir/output" >"$dir/summary"
    record_lines "$label" <"$dir/summary"
    missing=$(($(wc -l <"$dir/tests") - $(wc -l <"$dir/summary")))
    ((missing <= 0)) || record bad "$missing" "$label: $missing tests did not run"
    # The drivers compare the output of one that cannot be read, too, and it may be the expected one.
    if grep -q 'test process exited with exit code' "$dir/output"; then record bad 1 "$label: a test ended with an error"; fi
    [[ ! -s $dir/regression.diffs ]] || head -n 200 "$dir/regression.diffs"
}

# Up to version 15 "test NAME ... ok 12 ms"; later TAP, "ok 1 - NAME 12 ms".
driver_results() {
    awk '$1 == "test" && / \.\.\. ok / { print "ok", $2 }
         $1 == "test" && / \.\.\. FAILED / { print "not ok", $2 }
         $1 == "ok" && $3 == "-" { print "ok", $4 }
         $1 == "not" && $4 == "-" { print "not ok", $5 }'
}

# accept_results PASS SOURCE
accept_results() {
    local dir name
    dir=$(pass_dir "$1")
    mkdir -p "$2/expected"
    while read -r name; do cp "$dir/results/$name.out" "$2/expected/$name.out"; done <"$dir/tests"
    say "accepted $(wc -l <"$dir/tests") results: review them with git diff $2/expected"
}
