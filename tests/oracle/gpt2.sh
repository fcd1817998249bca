#!/bin/sh
# Ten steps of Adam of GPT-2, compared with what gpt2.py recorded: each step's loss and the norm of each parameter's gradient differ
# by at most 1e-4 of their value. Usage: gpt2.sh NNC SOURCE_DIR [FOLDER [-D NAME=VALUE...]]
# The 124M model: gpt2.py --large F, then gpt2.sh nnc . F -D layers=12 -D width=768 -D heads=12 -D vocab=50257 -D context=1024
set -eu
nnc=$1
source=$2
folder=${3-$source/tests/oracle/gpt2}
shift 2
[ $# = 0 ] || shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
"$nnc" "$@" "$source/tests/oracle/gpt2.nnet" -o "$work/gpt2"
"$work/gpt2" train --init "$folder/start.safetensors" --data "$folder/data.safetensors" --log "$work/log" --save "$work/end.safetensors"
awk '
  FNR == NR { expected[$1 " " $2] = $3; n++; next }
  /"epoch":/ {
    step = loss = $0
    sub(/.*"step":/, "", step); step += 0
    sub(/.*"loss":/, "", loss)
    ours[step " loss"] = loss + 0
    sub(/.*"gradient_norms":\{/, "")
    sub(/\}.*/, "")
    pairs = split($0, pair, ",")
    for (i = 1; i <= pairs; i++) {
      split(pair[i], cell, ":")
      gsub(/"/, "", cell[1])
      ours[step " " cell[1]] = cell[2] + 0
    }
  }
  END {
    for (key in expected) {
      if (!(key in ours)) { print "gpt2: no " key; bad++; continue }
      error = (ours[key] - expected[key]) / expected[key]
      if (error < 0) error = -error
      if (!(error <= 1e-4)) { print "gpt2: " key " is " ours[key] ", recorded " expected[key]; bad++ }
      if (key ~ / loss$/) { if (error > worst_loss) worst_loss = error }
      else if (error > worst) worst = error
    }
    if (!n) { print "gpt2: nothing recorded"; bad++ }
    printf "gpt2: %d values, %d off; worst relative error of the losses %.1e, of the gradient norms %.1e\n", n, bad, worst_loss, worst
    exit bad > 0
  }' "$folder/expected.txt" "$work/log"
