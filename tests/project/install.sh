#!/bin/sh
# install.sh BUILD SOURCE_DIR: an installed nnc finds its runtime and makes a program that runs.
set -eu
build=$1 source=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --prefix "$work/prefix" > "$work/log" || { cat "$work/log"; exit 1; }
cd "$work"
prefix/bin/nnc "$source/examples/xor/xor.nnet"
./xor train --data "$source/examples/xor/xor.csv" --quiet
