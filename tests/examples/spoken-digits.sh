#!/bin/sh
# spoken-digits.sh NNC FOLDER: a short training on the recordings of ../shared/data, to better than chance by far.
set -eu
nnc=$1 folder=$2 data=../shared/data/fsdd/recordings
mkdir -p "$folder"
[ -d "$data" ] || { echo "skipped: no $data"; exit 77; }
"$nnc" examples/spoken-digits/spoken-digits.nnet -o "$folder/spoken"
"$folder/spoken" train --data "$data"/*_[567].wav --test "$data"/*_[01].wav --epochs 12 --save "$folder/spoken.safetensors" | tail -1 | tee "$folder/last"
awk '!/^test accuracy: / || $3 < 0.45 { print "below 0.45"; exit 1 }' "$folder/last"
