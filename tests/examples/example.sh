#!/bin/sh
# example.sh NNC MODEL.nnet FOLDER FLOOR TRAIN-ARGS...: the last line of training must be `<set> <metric>: VALUE` with VALUE >= FLOOR.
set -eu
nnc=$1 model=$2 folder=$3 floor=$4
shift 4
name=$(basename "$model" .nnet)
mkdir -p "$folder"
"$nnc" "$model" -o "$folder/$name"
"$folder/$name" train "$@" --save "$folder/$name.safetensors" | tee "$folder/$name.log" | tail -1
test -s "$folder/$name.safetensors"
tail -1 "$folder/$name.log" | awk -v floor="$floor" '
    !/^[a-z]+ [a-z_0-9]+: [0-9.]+$/ { print "not a result line: " $0; exit 1 }
    $3 < floor { print "below " floor; exit 1 }'
