#!/bin/sh
# What the language has and the compiler has not yet is refused by name, with code E0601. Usage: refused.sh NNC
set -eu
nnc=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0
refuse() { # a stage applied to x: f32[batch, 8, 8, 3]
  printf 'import std.nn\nmodel Refused {\n  dim batch\n  input x: f32[batch, 8, 8, 3]\n  output y = x |> %s\n}\n' "$1" > "$work/refused.nnet"
  if "$nnc" check "$work/refused.nnet" 2> "$work/errors" || ! grep -q 'E0601' "$work/errors"; then
    echo "not refused with E0601: $1"
    cat "$work/errors"
    status=1
  fi
}
refuse 'conv2d(16, 3)'
refuse 'conv2d(16, 3, stride = 2, padding = same)'
refuse 'max_pool2d()'
refuse 'avg_pool2d(3, stride = 2)'
refuse '(fn(v) => conv(v))'
exit $status
