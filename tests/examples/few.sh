#!/bin/sh
# few.sh MNIST FOLDER: what the example transfer learns from. few-images and few-labels: the first 2,027 of MNIST's training set, 1,000 of them of 5 to 9;
# val-images and val-labels: the next 4,000.
set -eu
mnist=$1 folder=$2
cut_out() { # NAME FIRST COUNT: with a header of their own
    count=$(printf '\\0\\0\\%03o\\%03o' $(($3 / 256)) $(($3 % 256)))
    { printf "\\0\\0\\010\\003$count\\0\\0\\0\\034\\0\\0\\0\\034"; gzip -dc "$mnist/train-images-idx3-ubyte.gz" | tail -c +$((17 + $2 * 784)) | head -c $(($3 * 784)); } >"$folder/$1-images" 2>/dev/null
    { printf "\\0\\0\\010\\001$count"; gzip -dc "$mnist/train-labels-idx1-ubyte.gz" | tail -c +$((9 + $2)) | head -c "$3"; } >"$folder/$1-labels" 2>/dev/null
}
cut_out few 0 2027
cut_out val 2027 4000
[ "$(tail -c +9 "$folder/few-labels" | od -An -v -tu1 -w1 | awk '$1 >= 5' | wc -l)" -eq 1000 ]
