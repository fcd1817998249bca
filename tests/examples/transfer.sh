#!/bin/sh
# transfer.sh NNC FOLDER: the head, on convolutions that have learnt 0 to 4 (MNIST of ../shared/data, 900 steps), reads the test images of
# 5 to 9 better after five epochs than the whole network that learns from the same 1,000 images alone.
set -eu
nnc=$1 folder=$2 data=../shared/data/mnist
mkdir -p "$folder"
[ -d "$data" ] || { echo "skipped: no $data"; exit 77; }
sh tests/examples/few.sh "$data" "$folder"
for model in Source Head Scratch; do "$nnc" examples/transfer/transfer.nnet --model $model -o "$folder/$model"; done
"$folder/Source" train --data image=$data/train-images-idx3-ubyte.gz --data label=$data/train-labels-idx1-ubyte.gz --steps 900 --save "$folder/Source.safetensors" --quiet
accuracy() { # PROGRAM ARGS
    program=$1
    shift
    "$folder/$program" train --data image="$folder/few-images" --data label="$folder/few-labels" --val image="$folder/val-images" --val label="$folder/val-labels" \
        --test image=$data/t10k-images-idx3-ubyte.gz --test label=$data/t10k-labels-idx1-ubyte.gz --epochs 5 --save "$folder/$program.safetensors" "$@" |
        awk '/^test accuracy: / { print $3 }'
}
alone=$(accuracy Scratch)
kept=$(accuracy Head --init "$folder/Source.safetensors" --map 'head/*=')
echo "$alone from scratch, $kept on convolutions that know 0 to 4"
awk -v alone="$alone" -v kept="$kept" 'BEGIN { exit !(alone > 0.9 && kept > alone) }'
