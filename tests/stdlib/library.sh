#!/bin/sh
# The library's own tests hold, and each of its items has a doc comment and is used in a test beside it.
# Usage: library.sh NNC SOURCE_DIR
set -eu
nnc=$1
cd "$2"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0
"$nnc" test --stdlib=stdlib stdlib/*/*.nnet > "$work/out" 2>&1 || status=1
grep -v '^ok - ' "$work/out" || true

"$nnc" doc --std --format=json > "$work/items"
# What stands in test blocks, a file a line: PATH WORDS.
for file in stdlib/*/*.nnet; do
  awk -v file="$file" '
    /^test "/ { inside = 1 }
    inside { line = line " " $0 }
    /^}/ { inside = 0 }
    END { gsub(/[^A-Za-z0-9_]+/, " ", line); print file, line, "" }' "$file"
done > "$work/tests"
# Windows are refused until a later version.
sed 's/^{"kind":"\([a-z]*\)","name":"\([a-z_0-9]*\)","module":"std\.\([a-z_.]*\)","line":[0-9]*,.*"doc":"\(.*\)"}$/\1 \2 \3 \4/' "$work/items" |
  grep -v ' layers\.windows ' |
  while read -r kind name module doc; do
    file=stdlib/$(echo "$module" | tr . /).nnet
    [ -n "$doc" ] || echo "$file: '$name' has no doc comment"
    [ "$kind" = const ] || grep -q "^$file .* $name " "$work/tests" || echo "$file: no test uses '$name'"
  done > "$work/missing"
[ ! -s "$work/missing" ] || { cat "$work/missing"; status=1; }
exit $status
