#!/bin/sh
# same.sh NNC SOURCE_DIR RUNTIME_DIR: a training through the C API ends in the bits of the program's: accumulation, averages, phases,
# schedules, statistics, dropout; lines that repeat.
set -eu
nnc=$1 source=$2/tests/link library=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
same() { # NAME MODEL STEPS AN EPOCH [PRECISION]
  "$nnc" "$source/same.nnet" --model="$2" --precision="${4-f32}" -o "$1"
  "$nnc" -c "$source/same.nnet" --model="$2" --precision="${4-f32}" -o "$1.o"
  cc -std=gnu11 -Wall -Wextra -Werror -O1 -I. -include "$1.h" -DM="$1" -DEPOCH_STEPS="$3" "$source/same.c" "$1.o" \
    "$library/libnnrt_extras.a" "$library/libnnrt.a" -lcjson -lminizip -lz -lm -lpthread -o app
  ./app csv > data.csv
  "./$1" train --data data.csv --quiet --save "$1.safetensors"
  ./app "$1.safetensors"
}
same steps Steps 3
same lines Lines 2
same steps Steps 3 'mixed(f16)'
same lines Lines 2 'mixed(bf16)'
