#!/bin/sh
# sms-spam.sh NNC FOLDER: a short training on the messages of ../shared/data, for each kind of recurrent layer.
set -eu
nnc=$1 folder=$2 data=../shared/data/sms-spam/SMSSpamCollection
[ -f "$data" ] || { echo "skipped: no $data"; exit 77; }
mkdir -p "$folder"
for cell in lstm gru rnn; do
    "$nnc" examples/sms-spam/sms-spam.nnet -D cell=$cell -o "$folder/$cell"
    "$folder/$cell" train --data "$data" --epochs 3 --seed 5 --threads 1 --save "$folder/$cell.safetensors" > "$folder/log"
    tail -n 1 "$folder/log" | awk -v cell=$cell '{ print cell ": " $0 } !/^test f1: / || $3 < 0.94 { bad = 1 } END { exit bad || NR != 1 }'
done
