#!/bin/sh
# diffusion.sh NNC FOLDER: a short training tells picture from noise (the mean of all pictures has a loss of 0.29), and the loop draws
# pixels between 0 and 16, the same ones for the same seed.
set -eu
nnc=$1 folder=$2
mkdir -p "$folder"; rm -f "$folder/one.csv"
gzip -dc examples/digits/digits.csv.gz | cut -d, -f1-64 >"$folder/pixels.csv"
"$nnc" -D count=20 examples/diffusion/diffusion.nnet -o "$folder/diffusion"
"$folder/diffusion" train --data "$folder/pixels.csv" --epochs 15 --save "$folder/w" | tail -1 | tee "$folder/last"
awk '!/^train loss: / || $3 > 0.19 { print "above 0.19"; exit 1 }' "$folder/last"
for seed in 1 1 2; do
    "$folder/diffusion" predict --weights "$folder/w" --output sample --seed $seed >"$folder/new.csv"
    tail -n +2 "$folder/new.csv" | awk -F, '{ for (i = 1; i <= NF; i++) if ($i < -1 || $i > 17) bad = 1; if (NF != 64) bad = 1 } END { exit bad || NR != 20 }'
    case $seed in
    1) if [ -f "$folder/one.csv" ]; then cmp "$folder/one.csv" "$folder/new.csv"; fi && mv "$folder/new.csv" "$folder/one.csv" ;;
    2) if cmp -s "$folder/one.csv" "$folder/new.csv"; then echo "the seed changes nothing"; exit 1; fi ;;
    esac
done
