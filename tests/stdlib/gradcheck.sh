#!/bin/sh
# The gradient of every layer, activation and loss of the library against slopes, in f64. The models are generated from the
# library's own list, so that an item that is new has its check or fails here. Usage: gradcheck.sh NNC TEST_DIR PREFIX [EXCEPT]
set -eu
nnc=$1
tests=$2
prefix=$3
except=${4-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
"$nnc" doc --std --format=json > "$work/items"
status=0
awk -v work="$work" -v prefix="$prefix" -v except="$except" -f "$tests/gradcheck.awk" "$tests/gradcheck.table" "$work/items" || status=1
checked=0
for model in "$work"/*.nnet; do
  checked=$((checked + 1))
  "$nnc" gradcheck "$model" > "$work/out" 2>&1 && continue
  echo "gradcheck of $(basename "$model" .nnet):"
  cat "$model" "$work/out"
  status=1
done
echo "$checked items of $prefix checked"
exit $status
