# Same program, data and seed: the same bytes, whatever the number of threads, the path of the data and the time.
. "$(dirname "$0")/data.sh"
cp data.csv copy.csv
for threads in 1 2 3 4 7; do
  "$model" train --data data.csv --epochs 5 --threads $threads --save $threads.safetensors --quiet > $threads.out || fail "train"
  cmp -s 1.safetensors $threads.safetensors || fail "$threads threads save other bytes"
  cmp -s 1.out $threads.out || fail "$threads threads print another result"
done
gzip -k copy.csv
"$model" train --data copy.csv.gz --epochs 5 --save copy.safetensors --quiet > /dev/null
cmp -s 1.safetensors copy.safetensors || fail "the data's path changes the weights"
"$model" train --data data.csv --epochs 5 --seed 2 --save seed.safetensors --quiet > /dev/null
cmp -s 1.safetensors seed.safetensors && fail "the seed changes nothing"
finish
