#!/bin/sh
# lenet.sh NNC FOLDER: a short training on MNIST from ../shared/data, to >= 0.95, and the same bytes at 1 and 2 threads.
set -eu
nnc=$1 folder=$2 data=../shared/data/mnist
mkdir -p "$folder"
[ -d "$data" ] || { echo "skipped: no $data"; exit 77; }
"$nnc" examples/lenet/lenet.nnet -o "$folder/lenet"
"$folder/lenet" info --params | grep -q "61,706\|61706" || { "$folder/lenet" info --params; echo "not 61,706 parameters"; exit 1; }
files="--data image=$data/train-images-idx3-ubyte.gz --data label=$data/train-labels-idx1-ubyte.gz"
test="--test image=$data/t10k-images-idx3-ubyte.gz --test label=$data/t10k-labels-idx1-ubyte.gz"
"$folder/lenet" train $files $test --steps 250 --save "$folder/lenet.safetensors" | tail -1 | tee "$folder/lenet.last"
awk '!/^test accuracy: / || $3 < 0.95 { print "below 0.95"; exit 1 }' "$folder/lenet.last"
for threads in 1 2; do
    "$folder/lenet" train $files --steps 20 --threads $threads --save "$folder/lenet.$threads" > /dev/null
done
cmp "$folder/lenet.1" "$folder/lenet.2"
