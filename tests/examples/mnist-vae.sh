#!/bin/sh
# mnist-vae.sh NNC FOLDER: a short training of the VAE on MNIST from ../shared/data, to a bound of <= 160 nats after 400 steps.
set -eu
nnc=$1 folder=$2 data=../shared/data/mnist
mkdir -p "$folder"
[ -d "$data" ] || { echo "skipped: no $data"; exit 77; }
"$nnc" examples/vae/vae-mnist.nnet -o "$folder/vae"
"$folder/vae" train --data image=$data/train-images-idx3-ubyte.gz --test image=$data/t10k-images-idx3-ubyte.gz --steps 400 \
    --save "$folder/vae.safetensors" | tail -1 | tee "$folder/vae.last"
awk '!/^test loss: / || $3 > 160 { print "above 160"; exit 1 }' "$folder/vae.last"
