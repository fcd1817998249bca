#!/bin/sh
# threads.sh NNC SOURCE_DIR: threads.c with the core runtime, both under ThreadSanitizer (the model's own code is not instrumented).
set -eu
nnc=$1 source=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"$nnc" -c "$source/tests/link/models.nnet" --model=First -o first.o
flags="-std=gnu11 -O1 -g -fsanitize=thread -I. -I$source/runtime"
cc $flags -o threads "$source/tests/link/threads.c" "$source"/runtime/core/*.c first.o -lm -lpthread 2> log || {
  grep -q "sanitize" log && { echo "skipped: cc has no ThreadSanitizer"; exit 77; }
  cat log
  exit 1
}
TSAN_OPTIONS=halt_on_error=1 timeout 100 ./threads
