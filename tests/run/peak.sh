# peak.sh NNC EXAMPLES: the peak that `info --memory` states is the one that a training process takes, within 5 %, for networks whose buffers outweigh
# the program: 60 MB of images, 105 MB of text. What Linux counts (VmHWM) is in the log; elsewhere nothing is measured.
nnc=$1 examples=$2
. "$(dirname "$0")/../common.sh"
[ -r /proc/self/status ] || { echo "skipped: no /proc"; exit 77; }

# bytes FIGURE UNIT: as info writes sizes
bytes() {
  awk -v figure="$1" -v unit="$2" 'BEGIN { scale["bytes"] = 1; scale["KB"] = 1e3; scale["MB"] = 1e6; scale["GB"] = 1e9
    printf "%d", figure * scale[unit] }'
}

# close NAME DATA-BYTES: what `memory` states, and data beside it, against the peak in log.jsonl
close() {
  name=$1 data=$2
  set -- $(sed -n 's/^  training in all//p; s/^  with --log//p' memory | tail -1) # the latter where logging takes more
  stated=$(($(bytes "$1" "$2") + data))
  peak=$(sed -n 's/.*"peak_nbytes":\([0-9]*\).*/\1/p' log.jsonl)
  [ "${peak:-0}" -gt 40000000 ] || fail "$name: a peak of '$peak' bytes in $(cat log.jsonl)"
  echo "$name: stated $stated, measured $peak bytes"
  [ "$((100 * (stated > peak ? stated - peak : peak - stated)))" -le "$((5 * ${peak:-0}))" ] || fail "$name: not within 5 %: $(cat memory)"
}

# 2048 images of 28 x 28, all classes the first, in files as MNIST's.
{ printf '\000\000\010\003\000\000\010\000\000\000\000\034\000\000\000\034' && head -c 1605632 /dev/zero; } > images
{ printf '\000\000\010\001\000\000\010\000' && head -c 2048 /dev/zero; } > labels
"$nnc" "$examples/lenet/lenet.nnet" --batch 1024 -o lenet || exit 1
./lenet info --memory --batch 1024 --threads 1 > memory || fail "info of lenet"
./lenet train --data image=images --data label=labels --batch 1024 --epochs 1 --threads 1 --log log.jsonl > out 2>&1 || fail "lenet: $(cat out)"
close lenet $((1605632 + 2048))

# Text of which each sample is 64 letters.
for i in 1 2 3 4 5 6 7 8; do cat "$examples"/*/*.nnet; done | head -c 40000 > text
"$nnc" "$examples/gpt/gpt.nnet" --batch 24 -o gpt || exit 1
./gpt info --memory --batch 24 --threads 1 > memory || fail "info of gpt"
./gpt train --data tokens=text --data next=text --batch 24 --steps 2 --threads 1 --log log.jsonl > out 2>&1 || fail "gpt: $(cat out)"
close gpt 80000
finish
