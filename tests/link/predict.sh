#!/bin/sh
# predict.sh NNC SOURCE_DIR: what --only=predict and --weights make predicts as the program that was trained, with its averages, from
# a whole checkpoint or from weights compiled in.
set -eu
nnc=$1 source=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
fail() { echo "FAILED: $*"; exit 1; }
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo "$i,$((i * i % 7)),$((i % 3)),$((i % 5)),$((i % 2))"; done > data.csv
cut -d, -f1-3 data.csv > x.csv
"$nnc" "$source/tests/link/same.nnet" --model=Steps -o whole
./whole train --data data.csv --quiet --save w.safetensors > out
./whole predict --data x.csv --weights w.safetensors > want.csv
"$nnc" "$source/tests/link/same.nnet" --model=Steps --only=predict -o alone
./alone predict --data x.csv --weights w.safetensors > got.csv
cmp -s got.csv want.csv || fail "--only=predict with a file"
"$nnc" "$source/tests/link/same.nnet" --model=Steps --only=predict --weights=w.safetensors -o baked
"$nnc" "$source/tests/link/same.nnet" --model=Steps --weights=w.safetensors -o trainable
rm -f steps.safetensors
./baked predict --data x.csv > got.csv
cmp -s got.csv want.csv || fail "--only=predict --weights"
./trainable predict --data x.csv > got.csv
cmp -s got.csv want.csv || fail "--weights"
./trainable eval --data data.csv --all > got.txt
./whole eval --data data.csv --all --weights w.safetensors > want.txt
cmp -s got.txt want.txt || fail "--weights, eval"
"$nnc" "$source/tests/link/same.nnet" --model=Lines --weights=w.safetensors -o x 2> err && fail "another model's weights"
grep -q "E0745.*not model Lines's" err && grep -q "missing: maker/kernel f32\[3, 2\]" err || fail "$(cat err)"
head -c 100 w.safetensors > cut.safetensors
for file in cut.safetensors data.csv nowhere.safetensors /dev/null; do
  "$nnc" "$source/tests/link/same.nnet" --model=Steps --weights=$file -o x 2> err && fail "$file is taken for weights"
  grep -q "E0745.*$file" err || fail "$file: $(cat err)"
done
[ ! -e x ] || fail "x was written"
