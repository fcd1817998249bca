#!/bin/sh
# growth.sh BUILD OUT: how a training step's time and memory grow with batch, width, depth and sequence length, measured on one thread, beside
# nnc's counts of flops (over the peak of the run) and bytes (over what memory is copied with): OUT/growth-WHAT.svg and .tsv. Minutes.
set -eu
[ $# -eq 2 ] && [ -d "$1" ] || { echo "usage: growth.sh BUILD OUT" >&2; exit 2; }
mkdir -p "$2"
build=$(cd "$1" && pwd) out=$(cd "$2" && pwd) source=$(cd "$(dirname "$0")" && pwd)
cmake --build "$build" --target nnc nnrt bench_worker bench_rows >"$build/bench.log" 2>&1 || { cat "$build/bench.log" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# link MODEL SYMBOL WORKER [nnc's options]: $work/step
link() {
  file=$source/models/$1.nnet linked=$2 worker=$3
  shift 3
  "$build/nnc" -c "$@" "$file" -o "$work/model.o"
  cc -o "$work/step" "$build/tests/bench/lib$worker.a" "$work/model.o" "$build/lib/libnnrt.a" "-Wl,--defsym,bench_model=${linked}_nnrt_model" -lm -lpthread
}

# count WORD BATCH [nnc's options] MODEL: the sum of "WORD expression" over the training step's kernels; steps of a loop count in the loop.
count() {
  word=$1 batch=$2
  shift 2
  "$build/nnc" --emit=kernels "$@" | awk -v word="$word" '/^fn/ { train = $2 == "train:" } /^  kernel/ { top = $2 ~ /^train_[0-9]+_[a-z]+:$/ }
    train && top && /^    flops / { sub(/^    flops /, ""); split($0, part, ", bytes "); print word == "flops" ? part[1] : part[2] }' >"$work/sums"
  total=0
  while read -r sum; do total=$((total + ($sum))); done <"$work/sums"
  echo "$total"
}

# Megabytes a second of the loop that copies 64 MB arrays, from a kernel that is known to take as long as it or longer.
link rows relu bench_rows --model=Relu
copy=$("$work/step" predict 5 16777216 1:1 16384 | awk '{ printf "%.0f", 2 * 4 * 16777216 / ($2 * $3) }')

# point WHAT X MODEL SYMBOL BATCH LIMIT [nnc's options]: lines "panel, series, x, y" of one measurement.
point() {
  what=$1 x=$2 model=$3 symbol=$4 batch=$5 limit=$6
  shift 6
  link "$model" "$symbol" bench_worker --dim "batch=$batch" "$@"
  flops=$(count flops "$batch" "$@" "$source/models/$model.nnet") bytes=$(count bytes "$batch" "$@" "$source/models/$model.nnet")
  "$work/step" time 0.3 1 "$limit" "$batch" | awk -v x="$x" -v flops="$flops" -v bytes="$bytes" -v copy="$copy" '
    { value[$1] = $2; second[$1] = $3 }
    END {
      print "time\tmeasured\t" x "\t" second["step_us"]
      print "time\tflops at the peak\t" x "\t" flops / second["peak_gflops"] / 1000
      print "time\tbytes at the speed of a copy\t" x "\t" bytes / copy
      print "memory\tmeasured\t" x "\t" (value["peak_kb"] - value["start_kb"]) / 1024
      print "memory\tcounted: weights, state, workspace, data\t" x "\t" value["counted_kb"] / 1024
    }' >>"$out/growth-$what.tsv"
}

# draw WHAT TITLE X-AXIS
draw() { awk -v title="$2" -v xlabel="$3" -f "$source/plot.awk" "$out/growth-$1.tsv" >"$out/growth-$1.svg"; }

rm -f "$out"/growth-batch.tsv "$out"/growth-width.tsv "$out"/growth-depth.tsv "$out"/growth-length.tsv
for n in 1 2 4 8 16 32 64 128 256 512 1024; do point batch $n mlp_adam mlp $n 10; done
draw batch "784-512-10, Adam" "batch"
for n in 16 32 64 128 256 512 1024 2048; do point width $n growth growth 64 10 -D width=$n -D depth=2; done
draw width "two dense layers and a head of ten, Adam, batch 64" "width"
for n in 1 2 4 8 16 32 64; do point depth $n growth growth 64 10 -D width=256 -D depth=$n; done
draw depth "dense layers of 256 and a head of ten, Adam, batch 64" "layers"
for n in 32 64 128 256 512 1024 2048; do point length $n gpt gpt 1 256 -D context=$n -D positions=2048; done
draw length "GPT of 4 layers of 128, AdamW, batch 1" "tokens"
