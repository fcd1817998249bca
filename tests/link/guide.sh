#!/bin/sh
# guide.sh NNC SOURCE_DIR: the linking guide's own lines, from an installed prefix, with each compiler that is here. (Its blocks run
# with the system's compiler among the documentation's tests too.)
set -eu
nnc=$1 source=$2
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
for pair in gcc:g++ clang:clang++ clang-19:clang++-19; do
  cc=$(command -v "${pair%:*}") && cxx=$(command -v "${pair#*:}") || continue
  ln -sf "$cc" "$tools/cc"
  ln -sf "$cxx" "$tools/c++"
  PATH=$tools:$PATH CC=$cc CXX=$cxx sh "$source/tests/docs/page.sh" "$nnc" "$source" docs/guide/linking.md || {
    echo "FAILED with $pair"
    exit 1
  }
done
