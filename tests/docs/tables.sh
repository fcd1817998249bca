#!/bin/sh
# tables.sh NNC TESTS_DOCS_DIR: what the tables for those who come from PyTorch and Keras name compiles, with each of their optimizers and schedules.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
while read -r optimizer; do
    sed "s/OPTIMIZER/$optimizer/" "$2/tables.nnet" >"$work/tables.nnet"
    "$1" check "$work/tables.nnet"
done <<'END'
sgd(lr = step_decay(0.1, every = epoch(10)), momentum = 0.9, nesterov = true)
sgd(lr = one_cycle(0.1), l2 = 2e-4)
adamw(lr = piecewise([0.1, 0.01], [1000]))
adam(lr = warmup(cosine(0.1), 500))
rmsprop(lr = exponential(0.1, every = 1000))
adagrad()
lion()
END
