# Installs what a build needs, and finds PostgreSQL. Sourced by ./dev.
# shellcheck shell=bash

# Versions that Cargo.toml has a feature for; the first one is preferred.
SUPPORTED_MAJORS=(15 16 17 18)

# Sets PG_CONFIG, PG_BINDIR, PG_MAJOR, PG_FEATURE and WORKSPACE. Does nothing that is already done.
ensure_tools() {
    ensure_rust
    find_pg_config || install_packages
    [[ -x ${PG_CONFIG:-} ]] || die "no pg_config found after the installation; set PG_CONFIG"
    describe_postgres
    ensure_cargo_pgrx
    ensure_pgrx_knows_postgres
}

ensure_rust() {
    command -v cargo >/dev/null || die "cargo is missing: install Rust from https://rustup.rs"
}

# True when nothing has to be installed from the distribution. Whoever sets PG_CONFIG brings a PostgreSQL and a
# compiler. It is never replaced by another one: that would install the extension where nobody wanted it.
find_pg_config() {
    if [[ -n ${PG_CONFIG:-} ]]; then
        PG_CONFIG=$(command -v "$PG_CONFIG") || die "PG_CONFIG does not name a program"
        return
    fi
    PG_CONFIG=$(packaged_pg_config || command -v pg_config || true)
    if has_apt; then
        [[ -n $PG_CONFIG && -z $(missing_packages) ]]
    else
        [[ -n $PG_CONFIG ]] || die_without_apt
    fi
}

# Debian keeps versions apart; its /usr/bin/pg_config answers for whichever version is newest.
packaged_pg_config() {
    local major
    for major in "${SUPPORTED_MAJORS[@]}"; do
        if [[ -x /usr/lib/postgresql/$major/bin/pg_config ]]; then
            echo "/usr/lib/postgresql/$major/bin/pg_config"
            return
        fi
    done
    return 1
}

has_apt() { command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; }

die_without_apt() {
    die "install PostgreSQL 15 to 18 with its server headers, a C compiler, clang with libclang and pkg-config;" \
        "then run again with PG_CONFIG=/path/to/pg_config"
}

# The version to install: the one that is partly there, else the first one that the distribution has.
wanted_major() {
    local major
    packaged_pg_config | grep -o '[0-9]\{2\}' && return
    for major in "${SUPPORTED_MAJORS[@]}"; do
        if is_installed "postgresql-$major" || apt-cache show "postgresql-server-dev-$major" >/dev/null 2>&1; then
            echo "$major"
            return
        fi
    done
    echo "${SUPPORTED_MAJORS[0]}"
}

is_installed() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'install ok installed'; }

missing_packages() {
    local major package
    major=$(wanted_major)
    for package in "postgresql-$major" "postgresql-server-dev-$major" \
        libclang-dev clang build-essential pkg-config \
        unzip python3 libarchive-tools zstd curl openssl ca-certificates pgbouncer shellcheck; do
        is_installed "$package" || echo "$package"
    done
}

install_packages() {
    local packages
    say "updating the package lists"
    quietly apt-update as_root apt-get update
    # Asked again: only now is it known which versions there are.
    mapfile -t packages < <(missing_packages)
    say "installing ${packages[*]}"
    without_main_cluster quietly apt-install \
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${packages[@]}"
    PG_CONFIG=$(packaged_pg_config || true)
}

# Debian's package would create a cluster named main and start it. ./dev has its own clusters, so tell the package
# not to, for the length of this installation only.
without_main_cluster() {
    local dir=/etc/postgresql-common/createcluster.d status=0
    as_root mkdir -p "$dir"
    echo 'create_main_cluster = false' | as_root tee "$dir/quire-dev.conf" >/dev/null
    "$@" || status=$?
    as_root rm -f "$dir/quire-dev.conf"
    as_root rmdir "$dir" 2>/dev/null || true
    return "$status"
}

as_root() {
    if ((EUID == 0)); then
        "$@"
    else
        command -v sudo >/dev/null || die "not root and no sudo: run as root: $*"
        sudo "$@"
    fi
}

describe_postgres() {
    PG_BINDIR=$("$PG_CONFIG" --bindir)
    # "PostgreSQL 15.9 (Debian 15.9-1)", "PostgreSQL 18beta1"
    PG_MAJOR=$("$PG_CONFIG" --version | sed 's/^PostgreSQL \([0-9]*\).*/\1/')
    PG_FEATURE=pg$PG_MAJOR
    # What all tests and clippy are built with: where packages and features are chosen otherwise, most crates are compiled once more.
    WORKSPACE=(--workspace --no-default-features --features "$PG_FEATURE")
    [[ " ${SUPPORTED_MAJORS[*]} " == *" $PG_MAJOR "* ]] ||
        die "PostgreSQL $PG_MAJOR is not supported (supported: ${SUPPORTED_MAJORS[*]}); set PG_CONFIG"
}

# cargo-pgrx and pgrx must be of the same version.
ensure_cargo_pgrx() {
    local wanted
    wanted=$(sed -n 's/^pgrx = .*"=\([0-9.]*\)".*/\1/p' Cargo.toml)
    [[ -n $wanted ]] || die "Cargo.toml does not pin pgrx (pgrx = { version = \"=X.Y.Z\", .. })"
    if [[ $(cargo pgrx --version 2>/dev/null) != "cargo-pgrx $wanted" ]]; then
        say "installing cargo-pgrx $wanted (some minutes)"
        cargo install cargo-pgrx --version "$wanted" --locked "${CARGO_QUIET[@]}"
    fi
}

ensure_pgrx_knows_postgres() {
    local config=${PGRX_HOME:-$HOME/.pgrx}/config.toml
    if ! grep -qs "^$PG_FEATURE *=" "$config"; then
        say "telling pgrx about $PG_CONFIG"
        quietly pgrx-init cargo pgrx init "--$PG_FEATURE" "$PG_CONFIG"
    fi
}

# A minimal rustup profile comes without the first two; the last one is among the packages above, which nobody installs where PG_CONFIG
# names a PostgreSQL.
ensure_lint_tools() {
    ensure_shellcheck
    if ! cargo fmt --version >/dev/null 2>&1 || ! cargo clippy --version >/dev/null 2>&1; then
        say "installing rustfmt and clippy"
        rustup component add rustfmt clippy
    fi
}

ensure_shellcheck() {
    command -v shellcheck >/dev/null && return
    # Who is not root may be asked for a password, and what has a time limit does not own the terminal.
    if has_apt && { ((EUID == 0)) || sudo -n true 2>/dev/null; }; then
        say "installing shellcheck"
        quietly apt-update as_root apt-get update
        quietly apt-install as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends shellcheck
    else
        die "shellcheck is missing: install it"
    fi
}
