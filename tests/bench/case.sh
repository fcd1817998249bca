# case.sh: sourced by profile.sh and balance.sh. Of the case $case in the folder $build: its model, symbol, options and dims, its object in the
# temporary folder $work, which goes when the script ends; the edges of Cora's graph where they are there. Builds the targets first that it is given.
[ -n "${BENCH_BUILT-}" ] || cmake --build "$build" --target nnc nnrt bench_worker bench_steps "$@" >"$build/bench.log" 2>&1 || { cat "$build/bench.log" >&2; exit 1; }
edges=$source/../../../shared/data/cora/cora.edges.tsv
[ ! -f "$edges" ] || export BENCH_EDGES="$edges"
row=$("$build/tests/bench/bench_steps" --show "$case")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# MODEL|SYMBOL|-D NAME=VALUE ... --dim NAME=N ...|LIMIT DIM...
model=$source/models/$(echo "$row" | cut -d'|' -f1).nnet symbol=$(echo "$row" | cut -d'|' -f2) options=$(echo "$row" | cut -d'|' -f3)
dims=$(echo "$row" | cut -d'|' -f4)
"$build/nnc" -g -c $options "$model" -o "$work/model.o"
