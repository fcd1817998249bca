#!/bin/sh
# vit.sh NNC FOLDER: a short training of the vision transformer on MNIST from ../shared/data, to >= 0.80 after 200 steps.
set -eu
nnc=$1 folder=$2 data=../shared/data/mnist
mkdir -p "$folder"
[ -d "$data" ] || { echo "skipped: no $data"; exit 77; }
"$nnc" examples/vit/vit.nnet -o "$folder/vit"
"$folder/vit" info --params | grep -q "139,018\|139018" || { echo "not 139,018 parameters"; exit 1; }
"$folder/vit" train --data image=$data/train-images-idx3-ubyte.gz --data label=$data/train-labels-idx1-ubyte.gz \
    --test image=$data/t10k-images-idx3-ubyte.gz --test label=$data/t10k-labels-idx1-ubyte.gz --steps 200 \
    --set optimizer.lr.warmup=30 --save "$folder/vit.safetensors" | tail -1 | tee "$folder/vit.last"
awk '!/^test accuracy: / || $3 < 0.80 { print "below 0.80"; exit 1 }' "$folder/vit.last"
