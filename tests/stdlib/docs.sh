#!/bin/sh
# The programs and declarations in the documentation compile, and the library's reference is current. Usage: docs.sh NNC SOURCE_DIR
# A page marked <!-- one program --> has its blocks checked together.
set -eu
nnc=$1
cd "$2"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0
for page in docs/language.md docs/guide/*.md; do
  rm -f "$work"/*.nnet
  # Each block of the page into a file of its own.
  awk -v work="$work" '/^```/ { inside = !inside; n += inside; next } inside { print > (work "/" n ".nnet") }' "$page"
  if grep -q '^<!-- one program -->$' "$page"; then
    for block in $(ls "$work"/*.nnet | sort -V); do
      if grep -qE '^(model|layer|fn|optimizer|schedule|metric|initialiser|test) ' "$block"; then cat "$block"; fi
      rm "$block"
    done > "$work/program"
    mv "$work/program" "$work/1.nnet"
  fi
  for block in "$work"/*.nnet; do
    grep -qE '^(model|layer|fn|optimizer|schedule|metric|initialiser|test) ' "$block" || continue
    if ! "$nnc" check "$block"; then
      echo "$page: block $(basename "$block" .nnet) does not compile"
      status=1
    elif grep -q '^test ' "$block" && ! "$nnc" test "$block" > "$work/tests" 2>&1; then
      echo "$page: the tests of block $(basename "$block" .nnet) fail"
      cat "$work/tests"
      status=1
    fi
  done
done
"$nnc" doc --std | diff - docs/reference/stdlib.md || {
  echo "docs/reference/stdlib.md is stale: nnc doc --std -o docs/reference/stdlib.md"
  status=1
}
exit $status
