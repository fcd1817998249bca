#!/bin/sh
# Copies of the library's items under other names compile to the same kernels. Usage: equal_rank.sh NNC SOURCE_DIR
set -eu
nnc=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$2/tests/stdlib"
# own_items.nnet: softmax, layer_norm and adamw as the library has them, renamed.
stdlib=../../stdlib
item() { # file kind name: its text
  awk -v start="^$2 $3[(]" '$0 ~ start { on = 1 } on { print } on && /^}/ { exit }' "$stdlib/$1"
}
{
  item activations/softmax.nnet fn softmax
  item layers/normalization.nnet layer layer_norm
  item optimizers/adam.nnet optimizer adamw
} | sed 's/softmax/own_softmax/; s/layer_norm/own_norm/; s/adamw/own_optimizer/' > "$work/own_items.nnet"
test "$(grep -c '^}' "$work/own_items.nnet")" = 3

cp equal_rank.nnet "$work/library.nnet"
sed 's/softmax(/own_softmax(/; s/layer_norm(/own_norm(/; s/adamw(/own_optimizer(/' equal_rank.nnet > "$work/own.nnet"
sed 's/^import.*/&\nimport own_items/' "$work/own.nnet" > "$work/own_main.nnet"
! cmp -s "$work/library.nnet" "$work/own.nnet"
"$nnc" --emit=kernels "$work/library.nnet" -o - > "$work/library.txt"
"$nnc" --emit=kernels "$work/own_main.nnet" -o - > "$work/own.txt"
test -s "$work/library.txt"
diff "$work/library.txt" "$work/own.txt"

# An LSTM as a user writes it has as many kernels as the library's, in its loops too.
user=../syntax/programs/my_lstm.nnet
sed 's/let ys, last = /let last = /; s/my_lstm(32)/lstm(32)/' "$user" > "$work/lstm.nnet"
shape() { # how many kernels each function and each step of a loop has, but for init, which has one more for the bias
  "$nnc" --emit=kernels "$1" -o - | sed -n '/^fn init/,/^fn train/{/^fn train/!d}; s/^\(fn [a-z]*\): \(kernels=[0-9]*\).*/\1 \2/p; s/^ *steps of .*: \(kernels=[0-9]*\).*/  a step: \1/p'
}
shape "$work/lstm.nnet" > "$work/library.txt"
shape "$user" > "$work/own.txt"
grep -q 'a step: kernels=' "$work/library.txt"
diff "$work/library.txt" "$work/own.txt"
