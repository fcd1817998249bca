#!/bin/sh
# pixels.sh NNC FOLDER: the examples that learn from the pixels of the digits alone: autoencoder, VAE and GAN.
set -eu
nnc=$1 folder=$2
mkdir -p "$folder"
gzip -dc examples/digits/digits.csv.gz | cut -d, -f1-64 >"$folder/pixels.csv"
example() { sh tests/examples/example.sh "$nnc" "examples/$1/$1.nnet" "$folder" "$2" "$3" --data "$folder/pixels.csv"; }

# Eight principal components leave an error of 0.155.
example autoencoder "test error <= 0.135" "1 2 3"

# Digits that the VAE and the GAN invent are digits to a classifier: it is sure of many of them, and finds every class but two at
# most. (It is sure of every fourth image if the pixels of real digits are shuffled.)
"$nnc" examples/digits/digits.nnet -o "$folder/digits"
"$folder/digits" train --data examples/digits/digits.csv.gz --save "$folder/digits.safetensors" --epochs 10 --quiet
judged() { # FLOOR <SAMPLES.csv
    tail -n +2 >"$folder/samples.csv"
    "$folder/digits" predict --data "$folder/samples.csv" --weights "$folder/digits.safetensors" --output p | tail -n +2 | awk -F, -v floor="$1" '{
        best = 1
        for (i = 2; i <= 10; i++) if ($i > $best) best = i
        if ($best > 0.5) { sure++; seen[best] = 1 }
    } END {
        for (i in seen) classes++
        printf "of %d samples %d are digits, of %d classes\n", NR, sure, classes
        exit !(sure >= floor * NR && classes >= 8)
    }'
}
example vae "test loss <= 26" "1 2 3"
"$folder/vae" predict --output invented --batch 500 --weights "$folder/vae.safetensors" |
    awk -F, -v OFS=, 'NR > 1 { for (i = 1; i <= NF; i++) $i *= 16 } 1' | judged 0.45
example gan "train d_loss >= 1.0" "1"
"$folder/gan" predict --batch 500 --weights "$folder/gan.safetensors" | judged 0.6
