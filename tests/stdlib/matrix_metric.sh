#!/bin/sh
# A metric whose value is a matrix is printed as a table, logged as nested lists, and is not the headline.
# Usage: matrix_metric.sh NNC SOURCE_DIR
set -eu
nnc=$1
data=$2/examples/iris/iris.csv
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
fail() {
  echo "$1"
  cat out log.jsonl
  exit 1
}
cat > table.nnet <<'MODEL'
import std.nn
model Table {
  dim batch
  input x: f32[batch, 4]
  target y: i32[batch]
  # The class by the length of the petal, which is x's third column: below 2.45, below 4.75, above.
  let long = x[:, 2]
  let logits = stack([2.45 - long, select(long < 2.45, -1.0, 4.75 - long), long - 4.75], axis = -1)
  output logits
  loss sparse_cross_entropy(x |> dense(3), y)
  metric confusion_matrix(logits, y)
  metric accuracy(logits, y)
  train { optimizer = muon(); group "*/bias" { optimizer = adam() }; batch = 7; epochs = 1 }
}
MODEL
"$nnc" table.nnet -o table
./table train --data "$data" --val "$data" --log log.jsonl > out
./table eval --data "$data" > out
grep -A 4 'confusion_matrix:$' out > matrix || fail "no table"
[ "$(sed -n 3p matrix | grep -o '[0-9]*' | tail -3 | tr '\n' ' ')" = '50 0 0 ' ] || fail "its first row"
[ "$(sed -n 4p matrix | grep -o '[0-9]*' | tail -3 | tr '\n' ' ')" = '0 44 6 ' ] || fail "its second row"
[ "$(sed -n 5p matrix | grep -o '[0-9]*' | tail -3 | tr '\n' ' ')" = '0 1 49 ' ] || fail "its third row"
tail -n 1 out | grep -q 'accuracy: 0.9533$' || fail "the last line states a single number"
grep -q '"val_confusion_matrix":\[\[50,0,0\],\[0,44,6\],\[0,1,49\]\]' log.jsonl || fail "the log"
