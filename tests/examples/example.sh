#!/bin/sh
# example.sh NNC MODEL.nnet FOLDER "RESULT >= VALUE" "SEEDS" TRAIN-ARGS...: for each of the seeds the last line of training must be
# `RESULT: NUMBER`, with a number that is so (`<=` likewise).
set -eu
nnc=$1 model=$2 folder=$3 check=$4 seeds=$5
shift 5
name=$(basename "$model" .nnet)
mkdir -p "$folder"
"$nnc" "$model" -o "$folder/$name"
for seed in $seeds; do
    "$folder/$name" train "$@" --seed "$seed" --save "$folder/$name.safetensors" >"$folder/$name.log"
    tail -n 1 "$folder/$name.log"
    test -s "$folder/$name.safetensors"
    tail -n 1 "$folder/$name.log" | awk -v check="$check" '{
        n = split(check, part, / (>=|<=) /)
        if (n != 2 || index($0, part[1] ": ") != 1 || $NF !~ /^[0-9.]+$/) { print "not the result `" part[1] "`: " $0; exit 1 }
        if (check ~ />=/ ? $NF + 0 < part[2] + 0 : $NF + 0 > part[2] + 0) { print "not as it should be: " check; exit 1 }
    }'
done
