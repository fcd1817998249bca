#!/bin/sh
# shared-encoder.sh NNC FOLDER: the encoder that learnt without labels helps the classifier that has a hundred of them.
set -eu
nnc=$1 folder=$2 model=examples/shared-encoder/shared-encoder.nnet digits=examples/digits/digits.csv.gz
mkdir -p "$folder"
gzip -dc $digits | cut -d, -f1-64 >"$folder/pixels.csv"
gzip -dc $digits | head -n 100 >"$folder/few.csv"
gzip -dc $digits | tail -n +101 >"$folder/rest.csv"
"$nnc" $model --model Autoencoder -o "$folder/autoencoder"
"$nnc" $model --model Classifier -o "$folder/classifier"
"$folder/autoencoder" train --data "$folder/pixels.csv" --save "$folder/autoencoder.safetensors" --quiet
accuracy() {
    "$folder/classifier" train --data "$folder/few.csv" --test "$folder/rest.csv" --save "$folder/classifier.safetensors" "$@" |
        tee "$folder/log" | awk '/^test accuracy: / { print $3 }'
}
for seed in 1 2 3; do
    alone=$(accuracy --seed $seed)
    shared=$(accuracy --seed $seed --init "$folder/autoencoder.safetensors")
    grep -q 'autoencoder.safetensors: 4 of 6 weights taken' "$folder/log"
    echo "seed $seed: $alone from scratch, $shared with the shared encoder"
    awk -v alone="$alone" -v shared="$shared" 'BEGIN { exit !(shared >= 0.80 && shared >= alone + 0.01) }'
done
