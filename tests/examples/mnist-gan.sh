#!/bin/sh
# mnist-gan.sh NNC FOLDER: a short training on MNIST from ../shared/data: both losses stay in their game, and the samples are pictures with at least
# twice the ink in the middle than at the border.
set -eu
nnc=$1 folder=$2 data=../shared/data/mnist
mkdir -p "$folder"
[ -d "$data" ] || { echo "skipped: no $data"; exit 77; }
"$nnc" examples/mnist-gan/mnist-gan.nnet -o "$folder/gan"
"$folder/gan" train --data image="$data/t10k-images-idx3-ubyte.gz" --steps 450 --save "$folder/gan.safetensors" | tee "$folder/log"
"$folder/gan" predict --weights "$folder/gan.safetensors" --batch 100 --output sample --out "$folder/samples.csv"
awk -F, 'NR > 1 { for (i = 1; i <= 28; i++) border += $i; for (i = 378; i <= 407; i++) middle += $i; n++ }
    END { if (n != 100 || 2 * border / 28 > middle / 30 || middle / n / 30 < 30) { print "border " border / n / 28 ", middle " middle / n / 30; exit 1 } }' "$folder/samples.csv"
"$folder/gan" predict --weights "$folder/gan.safetensors" --batch 100 --output picture --out "$folder/picture.png"
[ "$(od -An -tx1 -N4 "$folder/picture.png" | tr -d ' ')" = 89504e47 ] || { echo "no picture"; exit 1; }
