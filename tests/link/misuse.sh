#!/bin/sh
# misuse.sh NNC SOURCE_DIR RUNTIME_DIR: misuse.c, under AddressSanitizer where the compiler has it.
set -eu
nnc=$1 source=$2/tests/link library=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for model in First Second; do
  name=$(echo $model | tr FS fs)
  "$nnc" -c "$source/models.nnet" --model=$model -o $name.o
done
cp "$source/misuse.c" .
for flags in -fsanitize=address,undefined ""; do
  cc -std=gnu11 -Wall -Wextra -Werror -O1 -g $flags -I. misuse.c first.o second.o "$library/libnnrt_extras.a" "$library/libnnrt.a" \
    -lcjson -lminizip -lz -lm -lpthread -o misuse 2> log && break
  [ -n "$flags" ] || { cat log; exit 1; }
done
./misuse
