#!/usr/bin/env bash
# Links in Markdown: files that relative ones name are there, and so are headings that they name, by the anchors that GitHub makes. Prints
# each broken one, then "ok CASE" or "not ok CASE"; ./dev test lint counts those lines.
set -euo pipefail
cd "$(dirname "$0")/.."

# facts FILES: "anchor FILE ANCHOR" of each heading, and "link FILE LINE TARGET" of each relative link; what stands in code is neither.
facts() {
    LC_ALL=C awk '
        FNR == 1 { fence = ""; split("", seen) }
        match($0, /^ *(```+|~~~+)/) {
            mark = substr($0, RSTART, RLENGTH)
            gsub(/ /, "", mark)
            if (fence == "") fence = mark
            else if (index(mark, fence) == 1) fence = ""
            next
        }
        fence != "" { next }
        /^#+ / {
            heading = $0
            sub(/^#+ +/, "", heading)
            sub(/ +#* *$/, "", heading)
            while (match(heading, /\[[^]]*\]\([^)]*\)/)) {
                text = substr(heading, RSTART + 1, RLENGTH - 1)
                sub(/\].*/, "", text)
                heading = substr(heading, 1, RSTART - 1) text substr(heading, RSTART + RLENGTH)
            }
            heading = tolower(heading)
            # Bytes of other scripts are letters.
            gsub(/[^a-z0-9_ \200-\377-]/, "", heading)
            gsub(/ /, "-", heading)
            times = seen[heading]++
            print "anchor", FILENAME, heading (times ? "-" times : "")
        }
        {
            line = $0
            gsub(/`[^`]*`/, "", line)
            while (match(line, /\]\([^() ]+( "[^"]*")?\)/)) {
                target = substr(line, RSTART + 2, RLENGTH - 3)
                line = substr(line, RSTART + RLENGTH)
                sub(/ .*/, "", target)
                if (target !~ /^[a-z]+:/) print "link", FILENAME, FNR, target
            }
            if (match($0, /^\[[^]]+\]: +[^ ]+/)) {
                target = substr($0, RSTART, RLENGTH)
                sub(/^[^:]*: +/, "", target)
                if (target !~ /^[a-z]+:/) print "link", FILENAME, FNR, target
            }
        }' "$@"
}

# broken: the broken links of the checkout in the current directory. What git does not have, or will not, is not there.
broken() {
    local -A there=([.]=1) anchors=()
    local pages kind page line target file
    mapfile -t pages < <(git ls-files --cached --others --exclude-standard -- '*.md')
    ((${#pages[@]} > 0)) || { echo "no Markdown" && return; }
    while read -r file; do
        while [[ $file != . && -z ${there[$file]:-} ]]; do
            there[$file]=1
            file=$(dirname "$file")
        done
    done < <(git ls-files --cached --others --exclude-standard)
    facts "${pages[@]}" >"$facts"
    while read -r kind page target; do
        [[ $kind != anchor ]] || anchors[$page#$target]=1
    done <"$facts"
    while read -r kind page line target; do
        [[ $kind == link ]] || continue
        file=${target%%#*}
        if [[ -z $file ]]; then file=$page; else file=$(realpath -ms --relative-to=. "$(dirname "$page")/$file"); fi
        if [[ -z ${there[$file]:-} ]]; then
            echo "$page:$line: no such file: $target"
        elif [[ $target == *'#'* && $file == *.md && -z ${anchors[$file#${target#*#}]:-} ]]; then
            echo "$page:$line: no such heading: $target"
        fi
    done <"$facts"
}

# expect NAME BROKEN: what is broken in $work.
expect() {
    local found
    found=$(cd "$work" && broken)
    if [[ $found == "$2" ]]; then echo "ok $1"; else printf 'found: %s\nnot ok %s\n' "$found" "$1"; fi
}

work=$(mktemp -d) facts=$(mktemp)
trap 'rm -rf "$work" "$facts"' EXIT

found=$(broken)
if [[ -z $found ]]; then echo "ok every link leads somewhere"; else printf '%s\nnot ok every link leads somewhere\n' "$found"; fi

git -C "$work" init -q
mkdir "$work/docs"
cat >"$work/README.md" <<'PAGE'
# The `first`, of [two](docs/page.md)
[page](docs/page.md) [folder](docs) [part](docs/page.md#a-part-its-own) [here](#the-first-of-two) [web](https://example.org/none)
`[code](none.md)`
```sh
# [code](none.md)
```
[by name]: docs/page.md#a-part-its-own-1
PAGE
printf '## A part: its own!\n## A part: its own!\n[up](../README.md "title")\n' >"$work/docs/page.md"
expect "links that lead somewhere are none of these" ""
printf '[a](none.md) [b](docs/page.md#none) [c](#none)\n[d](docs/page.md#code)\n' >>"$work/README.md"
expect "broken links are found" "README.md:8: no such file: none.md
README.md:8: no such heading: docs/page.md#none
README.md:8: no such heading: #none
README.md:9: no such heading: docs/page.md#code"
git -C "$work" clean -fqx docs
printf '[a](../outside.md) [b](docs/page.md)\n' >"$work/README.md"
expect "what is outside, or gone, is broken" "README.md:1: no such file: ../outside.md
README.md:1: no such file: docs/page.md"
