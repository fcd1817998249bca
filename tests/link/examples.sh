#!/bin/sh
# examples.sh NNC SOURCE_DIR RUNTIME_DIR: examples/embed-* are built as their READMEs say, with gcc and clang, and reach what they
# should.
set -eu
nnc=$1 examples=$2/examples library=$3/libnnrt.a
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
fail() { echo "FAILED: $*"; exit 1; }
accurate() { # NAME: the last line of its output says at least 95 %
  said=$(sed -n 's/.*test accuracy: //p' out)
  awk -v a="$said" 'BEGIN { exit !(a >= 0.95) }' || fail "$1: $(cat out)"
}
"$nnc" -c "$examples/embed-c/circle.nnet"
for cc in gcc clang clang-19; do
  command -v $cc > /dev/null || continue
  $cc -std=c11 -pedantic -Wall -Wextra -Werror -O1 -D_DEFAULT_SOURCE -I. "$examples/embed-c/app.c" circle.o "$library" -lm -lpthread -o app
  ./app > out
  grep -q "served while training: yes" out || fail "$cc: $(cat out)"
  accurate "$cc"
done
for cxx in g++ clang++ clang++-19; do
  command -v $cxx > /dev/null || continue
  $cxx -std=c++11 -pedantic -Wall -Wextra -Werror -O1 -I. "$examples/embed-cpp/app.cpp" circle.o "$library" -lm -lpthread -o app
  ./app > out
  accurate "$cxx"
done
command -v python3 > /dev/null || { echo "embed-python skipped: there is no python3"; exit 0; }
"$nnc" --emit=shared "$examples/embed-c/circle.nnet"
python3 "$examples/embed-python/app.py" ./libcircle.so > out
accurate python
grep -q "the same: True" out || fail "python: $(cat out)"
