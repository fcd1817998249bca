#!/bin/sh
# transfer.sh NNC FOLDER [SEEDS]: on the images of 5 to 9 among the first 2,027 of MNIST (from ../shared/data), 1,000, the head on convolutions that have
# learnt 0 to 4 reads the test images of 5 to 9 better than the whole network that learns from these alone.
set -eu
nnc=$1 folder=$2 seeds=${3:-1} data=../shared/data/mnist
mkdir -p "$folder"
[ -d "$data" ] || { echo "skipped: no $data"; exit 77; }
images=$data/train-images-idx3-ubyte.gz labels=$data/train-labels-idx1-ubyte.gz
{ printf '\0\0\010\003\0\0\007\353\0\0\0\034\0\0\0\034'; gzip -dc $images | tail -c +17 | head -c $((2027 * 784)); } >"$folder/few-images" 2>/dev/null
{ printf '\0\0\010\001\0\0\007\353'; gzip -dc $labels | tail -c +9 | head -c 2027; } >"$folder/few-labels" 2>/dev/null
[ "$(tail -c +9 "$folder/few-labels" | od -An -v -tu1 -w1 | awk '$1 >= 5' | wc -l)" -eq 1000 ]
for part in whole:Whole:0 five:Whole:5; do
    name=${part%%:*} first=${part##*:}
    "$nnc" examples/transfer/transfer.nnet --model Whole -D first="$first" -o "$folder/$name"
done
"$nnc" examples/transfer/transfer.nnet --model Head -o "$folder/head"
"$folder/whole" train --data image=$images --data label=$labels --save "$folder/whole.safetensors" --quiet
accuracy() { # PROGRAM SEED ARGS
    program=$1 seed=$2
    shift 2
    "$folder/$program" train --data image="$folder/few-images" --data label="$folder/few-labels" --test image=$data/t10k-images-idx3-ubyte.gz \
        --test label=$data/t10k-labels-idx1-ubyte.gz --epochs 5 --seed "$seed" --save "$folder/$program.safetensors" "$@" | awk '/^test accuracy: / { print $3 }'
}
for seed in $seeds; do
    alone=$(accuracy five "$seed")
    kept=$(accuracy head "$seed" --init "$folder/whole.safetensors" --map 'head/*=')
    echo "seed $seed: $alone from scratch, $kept on convolutions that know 0 to 4"
    awk -v alone="$alone" -v kept="$kept" 'BEGIN { exit !(alone > 0.9 && kept > alone) }'
done
