#!/bin/sh
# steps.sh BUILD [PYTHON [MODEL...]]: training steps of ours and (with a Python that has torch) of PyTorch, in separate processes, interleaved, three
# rounds; prints each side's median of medians in microseconds and the ratio.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$1 python=${2:-}
shift $(($# < 2 ? $# : 2))
only=" $* "
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
runtime=$here/../../runtime

median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

printf '%-10s %7s %8s %12s %12s %7s\n' model batch threads ours_us torch_us ratio
for case in "tiny 16 2 eager" "small 256 4 eager" "mlp_sgd 64 10 eager" "mlp_adam 64 10 eager" "lenet 64 10 nhwc" \
    "resnet20 32 10 nhwc" "lstm 32 10 eager"; do
    set -- $case
    case $only in "  " | *" $1 "*) ;; *) continue ;; esac
    "$build/nnc" -c "$here/models/$1.nnet" -o "$work/$1.o"
    symbol=$(nm "$work/$1.o" | sed -n 's/.* D \([a-z0-9_]*_nnrt_model\)$/\1/p')
    cc -O2 "-DMODEL=$symbol" -I"$runtime" "$here/step.c" "$work/$1.o" "$build/lib/libnnrt.a" -lm -lpthread -o "$work/$1"
    for threads in 1 2; do
        : >"$work/ours"
        : >"$work/torch"
        for round in 1 2 3; do
            "$work/$1" "$2" "$3" $threads 1 >>"$work/ours"
            [ -z "$python" ] || "$python" "$here/peer_torch.py" "$1" "$2" $threads 1 "$4" >>"$work/torch"
        done
        ours=$(median <"$work/ours") torch=$(median <"$work/torch")
        ratio=$([ -n "$torch" ] && echo "$ours $torch" | awk '{ printf "%.2f", $2 / $1 }' || echo -)
        printf '%-10s %7s %8s %12s %12s %7s\n' "$1" "$2" $threads "$ours" "${torch:--}" "$ratio"
    done
done
