#!/bin/sh
# nnc train: compiles, trains, leaves the weights and nothing else; signals and exit codes pass through.
# Usage: train.sh NNC SOURCE_DIR
set -eu
nnc=$1
xor=$2/examples/xor
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/tmp" "$work/run"
cd "$work/run"
TMPDIR=$work/tmp
export TMPDIR
status=0
fail() {
  echo "$1"
  cat out
  status=1
}
left() { # nothing is left in the temporary folder
  [ -z "$(ls "$work/tmp")" ] || fail "$1: left behind: $(ls -R "$work/tmp")"
}

"$nnc" train -O1 "$xor/xor.nnet" --data "$xor/xor.csv" --epochs 300 > out 2>&1 || fail "training failed"
grep -q '^train binary_accuracy: 1.0000$' out || fail "xor is not learnt"
[ "$(ls)" = "$(printf 'out\nxor.safetensors')" ] || fail "beside the weights there are: $(ls)"
left "training"

# The program's own complaints and exit codes; diagnostics of the compiler.
code=0
"$nnc" train "$xor/xor.nnet" --data none.csv > out 2>&1 || code=$?
[ "$code" = 3 ] || fail "data that is missing: exit code $code, not 3"
code=0
"$nnc" train "$xor/xor.nnet" --epochz 3 > out 2>&1 || code=$?
[ "$code" = 2 ] || fail "an unknown option: exit code $code, not 2"
echo 'model M { dim batch; input x: f32[batch]; loss mean(y) }' > wrong.nnet
code=0
"$nnc" train wrong.nnet --data x.csv > out 2>&1 || code=$?
[ "$code" = 1 ] || fail "a model with an error: exit code $code, not 1"
grep -q "error\[E0101\]: unknown name 'y'" out || fail "the model's error is not reported"
"$nnc" train "$xor/xor.nnet" -- --help > out 2>&1 || fail "-- --help failed"
grep -q '^./xor train' out || fail "-- --help is not the program's"
left "errors"

# An interrupt that reaches nnc alone is passed on: the program saves and ends with 130.
"$nnc" train "$xor/xor.nnet" --data "$xor/xor.csv" --epochs 1000000000 --save stopped.safetensors > out 2>&1 &
pid=$!
tries=0
while ! grep -q '^epoch 1/' out && [ $tries -lt 100 ]; do
  tries=$((tries + 1))
  sleep 0.1
done
kill -TERM $pid
code=0
wait $pid || code=$?
[ "$code" = 130 ] || fail "interrupted: exit code $code, not 130"
[ -s stopped.safetensors ] || fail "interrupted: nothing was saved"
left "interrupted"
exit $status
