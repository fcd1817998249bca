#!/bin/sh
# links.sh SOURCE_DIR: every relative link of the documentation leads to a file, and to a heading of it where it names one.
set -eu
cd "$1"
find . -name '*.md' -not -path './build*' -not -path './.*' | sort | while read -r page; do
    awk '/^```/ { code = !code } !code { while (match($0, /\]\([^)]*\)/)) { print substr($0, RSTART + 2, RLENGTH - 3); $0 = substr($0, RSTART + RLENGTH) } }' "$page" |
        while read -r link; do
            case $link in http*: | http*://* | mailto:*) continue ;; esac
            file=${link%%#*} heading=${link#"${link%%#*}"}
            target=$(dirname "$page")/$file
            [ -n "$file" ] || target=$page
            if [ ! -e "$target" ]; then
                echo "$page: no file for the link $link"
            elif [ -n "$heading" ] && ! awk -v want="$heading" '/^#/ {
                    gsub(/^#+ |[^A-Za-z0-9 _-]/, ""); gsub(/ /, "-"); if ("#" tolower($0) == want) found = 1
                } END { exit !found }' "$target"; then
                echo "$page: no heading for the link $link"
            fi
        done
done >"${TMPDIR:-/tmp}/links.$$"
cat "${TMPDIR:-/tmp}/links.$$"
if [ -s "${TMPDIR:-/tmp}/links.$$" ]; then status=1; else status=0; fi
rm -f "${TMPDIR:-/tmp}/links.$$"
exit $status
