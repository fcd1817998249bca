#!/bin/sh
# resnet.sh NNC FOLDER: a small residual network on some photographs of CIFAR-10 from ../shared/data learns them, with the same bytes at 1 and 2
# threads.
set -eu
nnc=$1 folder=$2 data=../shared/data/cifar10/data_batch_1.bin.gz
mkdir -p "$folder"
[ -f "$data" ] || { echo "skipped: no $data"; exit 77; }
gzip -dc "$data" 2> /dev/null | head -c $((3073 * 320)) > "$folder/part.bin"
"$nnc" examples/resnet/resnet.nnet -D blocks=1 -o "$folder/resnet"
"$folder/resnet" train --data "$folder/part.bin" --batch 64 --epochs 12 --save "$folder/resnet.safetensors" | tail -1 | tee "$folder/last"
awk '!/^train accuracy: / || $3 < 0.35 { print "below 0.35"; exit 1 }' "$folder/last"
for threads in 1 2; do
    "$folder/resnet" train --data "$folder/part.bin" --steps 3 --threads $threads --save "$folder/resnet.$threads" > /dev/null
done
cmp "$folder/resnet.1" "$folder/resnet.2"
