#!/bin/sh
# The options of nnc gradcheck. (What it finds: tests/stdlib/gradcheck*.) Usage: gradcheck.sh NNC SOURCE_DIR
set -eu
nnc=$1
cd "$2"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
dims=tests/commands/cases/dims.nnet
xor=examples/xor
status=0
fail() {
  echo "$1"
  cat "$work/out"
  status=1
}
run() { # run EXIT_CODE ARGUMENTS...
  wanted=$1
  shift
  code=0
  "$nnc" gradcheck "$@" > "$work/out" 2>&1 || code=$?
  [ "$code" = "$wanted" ] || fail "gradcheck $*: exit code $code, not $wanted"
}
says() {
  grep -q "$1" "$work/out" || fail "this is not printed: $1"
}

run 0 "$dims" --model=Dims
says '^gradcheck of Dims in f64, seed 0, inputs drawn at random$'
says '^  dense/kernel  *all 6  .* ok$'
says '^  input x  *all 36  .* ok$'      # batch 3, time 4, 3
says '^  input table  *all 10  .* ok$'  # nodes 5
says '^gradcheck: ok, worst [0-9.]*e-[01][0-9]$'
run 0 "$dims" --model=Dims --batch=1 --dim time=1 --dim nodes=1
says '^  input x  *all 3  '
says '^  input table  *all 2  '
run 0 "$dims" --model=Dims --elements=2
says '^  dense/kernel  *2 of 6  '

# Another seed draws other numbers; the same one the same.
run 0 "$xor/xor.nnet" --seed=1 && cp "$work/out" "$work/one"
run 0 "$xor/xor.nnet" --seed=1 && cmp "$work/out" "$work/one" || fail "the same seed prints something else"
run 0 "$xor/xor.nnet" --seed=2
cmp -s "$work/out" "$work/one" && fail "another seed prints the same"
run 0 "$xor/xor.nnet" --data "$xor/xor.csv" --batch=4
says ', the first samples of examples/xor/xor.csv$'
says '^  input x  *all 8  '

# Texts and missing numbers become what training on the same data makes of them.
cat > "$work/mixed.nnet" << 'END'
import std.nn

model Mixed {
  dim batch
  input x: f32[batch] from column("age", missing = mean)
  input job: i32[batch] from category("job", max = 4)
  target y: i32[batch] from category("paid", max = 2)
  let h = concat([unsqueeze(x / 50.0, axis = -1), embedding(4, 2)(job)], axis = 1)
  loss sparse_cross_entropy(h |> dense(2), y)
}
END
printf 'age,job,paid\n31,cook,yes\n?,sailor,no\n40,,yes\n' > "$work/mixed.csv"
run 0 "$work/mixed.nnet" --data "$work/mixed.csv"
says '^gradcheck: ok'

run 1 "$dims" --model=NoLoss
says "error\[E0606\]: model 'NoLoss' has no loss"
run 1 "$dims" --model=Dims --dim width=3
says "the model has no dim 'width'"
run 1 "$dims" --model=Dims --dim time=7
says 'the sizes chosen for the dims do not fit: .*7'
says 'help: give them: --dim NAME=N, --batch N'
run 1 "$xor/xor.nnet" --data none.csv
says 'none.csv'
run 1 "$dims"
says 'help: choose one with --model NAME: Dims, NoLoss'
run 1 "$dims" --model=Dim
says "it holds: Dims, NoLoss"
run 2 "$dims" --dim time
says '^nnc: --dim takes name=number'
exit $status
