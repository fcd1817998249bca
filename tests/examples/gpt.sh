#!/bin/sh
# gpt.sh NNC FOLDER: a short training on tinyshakespeare from ../shared/data, then a continued prompt: of the asked length, the same for the
# same seed, different for another.
set -eu
nnc=$1 folder=$2 data=../shared/data/tinyshakespeare/input.txt
mkdir -p "$folder"
[ -f "$data" ] || { echo "skipped: no $data"; exit 77; }
"$nnc" examples/gpt/gpt.nnet -D length=60 -o "$folder/gpt"
head -c 120000 "$data" > "$folder/part.txt"
"$folder/gpt" train --data "$folder/part.txt" --steps 120 --save "$folder/gpt.safetensors" | tee "$folder/log"
awk '/^val loss: / { seen = 1; if ($3 > 2.9) { print "val loss above 2.9"; exit 1 } } END { if (!seen) { print "no val loss"; exit 1 } }' "$folder/log"
printf 'ROMEO:\n' > "$folder/prompt.txt"
text() { # text FILE SEED
    "$folder/gpt" predict --weights "$folder/gpt.safetensors" --data prompt="$folder/prompt.txt" --output text --out "$folder/$1" --seed "$2"
}
text a.txt 1
text b.txt 1
text c.txt 2
[ "$(wc -c < "$folder/a.txt")" -eq 61 ] || { echo "not 60 characters and a line end"; exit 1; }
cmp "$folder/a.txt" "$folder/b.txt"
! cmp -s "$folder/a.txt" "$folder/c.txt" || { echo "two seeds, one text"; exit 1; }
"$folder/gpt" predict --weights "$folder/gpt.safetensors" --data prompt="$folder/prompt.txt" --output logits --out "$folder/l.txt" 2> "$folder/err" && exit 1
grep -q "a .txt file holds bytes, and output 'logits' is not of u8" "$folder/err" || grep -q "no data for input 'tokens'" "$folder/err" || { cat "$folder/err"; exit 1; }
