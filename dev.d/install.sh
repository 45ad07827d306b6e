# Builds the extension and installs it into PostgreSQL. Sourced by ./dev.
# shellcheck shell=bash

# install_extension dev|release: skipped when the very same build is installed already.
install_extension() {
    local profile=$1 stamp=$STATE_DIR/installed-$PG_FEATURE sources
    sources="$(source_hash)${EXTENSION_FEATURES:+ with $EXTENSION_FEATURES}"
    if [[ -s $stamp && $(cat "$stamp") == "$profile $sources $(installed_hash)" ]]; then
        return
    fi
    say "building and installing quire for PostgreSQL $PG_MAJOR ($profile)"
    rm -f "$stamp"
    run_pgrx_install "$profile"
    mkdir -p "$STATE_DIR"
    echo "$profile $sources $(installed_hash)" >"$stamp"
}

run_pgrx_install() {
    local flags=(--pg-config "$PG_CONFIG" --no-default-features --features "$PG_FEATURE ${EXTENSION_FEATURES:-}")
    [[ $1 != release ]] || flags+=(--release)
    if [[ ! -w $("$PG_CONFIG" --pkglibdir) ]]; then
        flags+=(--sudo)
        # cargo pgrx then overwrites the library in place, under the feet of a server that has it loaded.
        as_root rm -f "$("$PG_CONFIG" --pkglibdir)/quire.so"
    fi
    # build.rs says how to link; cargo-pgrx would have all crates compiled with a flag that no other build of them has.
    local -x CARGO_PGRX_DISABLE_GC_SECTIONS_WORKAROUND=1
    if ((${#CARGO_QUIET[@]} == 0)); then
        cargo pgrx install "${flags[@]}"
    else
        quietly install cargo pgrx install "${flags[@]}"
    fi
}

# Everything the installed files are made from.
source_hash() {
    find src crates sql .cargo build.rs Cargo.toml Cargo.lock quire.control -type f | LC_ALL=C sort | hash_files
}

# What is installed, whoever installed it: a release build replaces a dev build, another checkout replaces both.
installed_hash() {
    local lib ext
    lib=$("$PG_CONFIG" --pkglibdir)
    ext=$("$PG_CONFIG" --sharedir)/extension
    find "$lib" "$ext" -maxdepth 1 \( -name 'quire.*' -o -name 'quire--*' \) | LC_ALL=C sort | hash_files
}

# File names from stdin to one digest of the names and contents. git is the one hashing tool that is always there.
hash_files() {
    local names
    names=$(cat)
    [[ -n $names ]] || { echo "no files" && return; }
    { echo "$names" && echo "$names" | git hash-object --no-filters --stdin-paths; } | git hash-object --stdin
}
