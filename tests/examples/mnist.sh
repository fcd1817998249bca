#!/bin/sh
# mnist.sh NNC FOLDER: MNIST from ../shared/data to >= 0.98, and the same bytes saved at 1, 2, 3 and 4 threads.
set -eu
nnc=$1 folder=$2 data=../shared/data/mnist
mkdir -p "$folder"
[ -d "$data" ] || { echo "skipped: no $data"; exit 77; }
"$nnc" examples/mnist/mnist.nnet -o "$folder/mnist"
files="--data image=$data/train-images-idx3-ubyte.gz --data label=$data/train-labels-idx1-ubyte.gz"
test="--test image=$data/t10k-images-idx3-ubyte.gz --test label=$data/t10k-labels-idx1-ubyte.gz"
"$folder/mnist" train $files $test --save "$folder/mnist.safetensors" | tail -1 | tee "$folder/mnist.last"
awk '!/^test accuracy: / || $3 < 0.98 { print "below 0.98"; exit 1 }' "$folder/mnist.last"
for threads in 1 2 3 4; do
    "$folder/mnist" train $files --steps 300 --threads $threads --save "$folder/mnist.$threads" >/dev/null
    cmp "$folder/mnist.1" "$folder/mnist.$threads"
done
