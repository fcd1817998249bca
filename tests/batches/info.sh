#!/bin/sh
# info.sh NNC: layers 4-8-6-1 have 101 parameters, and `info` says so.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/small.nnet" <<'END'
import std.nn

model Small {
  dim batch
  input x: f32[batch, 4]
  output p = x |> dense(8, activation = relu) |> dense(6, activation = relu) |> dense(1)
}
END
"$1" "$work/small.nnet" -o "$work/small" && "$work/small" info >"$work/info" || exit 1
grep -q '^total *101 ' "$work/info" || { cat "$work/info"; exit 1; }
