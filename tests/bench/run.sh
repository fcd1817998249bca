#!/bin/sh
# run.sh BUILD [options] [CASE...]: builds and runs the benchmark of whole training steps; `run.sh BUILD --help` explains it.
set -eu
[ $# -ge 1 ] && [ -d "$1" ] || { echo "usage: run.sh BUILD [options] [CASE...]; BUILD is a folder that cmake has prepared" >&2; exit 2; }
build=$(cd "$1" && pwd) source=$(cd "$(dirname "$0")" && pwd)
shift
cmake --build "$build" --target nnc nnrt bench_worker bench_rows bench_steps >"$build/bench.log" 2>&1 || { cat "$build/bench.log" >&2; exit 1; }
# The graph of `gcn` is Cora's where it is at hand, else drawn.
edges=$source/../../../shared/data/cora/cora.edges.tsv
[ ! -f "$edges" ] || export BENCH_EDGES="$edges"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
"$build/tests/bench/bench_steps" --build "$build" --source "$source" --work "$work" "$@"
