#!/bin/sh
# results.sh NNC SOURCE_DIR RUNTIME_LIB: the same results from every target that this machine runs and from every level of optimisation.
set -u
nnc=$1
source=$2
library=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# The linker's word that the model of an object is the program's.
only_model() {
    echo "-Wl,--defsym=nnrt_model_main=$(nm "$1" | sed -n 's/.* D \([a-z0-9_]*_nnrt_model\)$/\1/p')"
}

# check MODEL PRECISION TOLERANCE OPTION...: what the options make of a model gives what the defaults gave.
check() {
    program=$1
    precision=$2
    tolerance=$3
    shift 3
    "$nnc" -c "$program" -o "$work/model.o" --precision="$precision" "$@" &&
        cc -o "$work/steps" "$work/steps.o" "$work/model.o" "$(only_model "$work/model.o")" "$library" -lm -lpthread || exit 1
    if [ "$tolerance" = record ]; then
        "$work/steps" "$work/record" || exit 1
    elif ! said=$("$work/steps" "$work/record" "$tolerance"); then
        echo "FAILED: $(basename "$program") $precision $*: $said"
        failed=1
    fi
}

# Does this machine have all of these features?
machine_has() {
    for feature; do
        grep -qw "$feature" /proc/cpuinfo || return 1
    done
}

[ "$(uname -m)" = x86_64 ] || { echo "skipped: this machine is no x86-64"; exit 77; }
targets=x86-64-v2
if machine_has avx2 fma bmi2; then targets="$targets x86-64-v3"; fi
if machine_has avx512f avx512bw avx512cd avx512dq avx512vl; then targets="$targets x86-64-v4"; fi
echo "targets: native $targets"

cc -std=gnu11 -O1 -I"$source/runtime" -c "$source/tests/targets/steps.c" -o "$work/steps.o" || exit 1
for precision in f32 f64; do
    tolerance=1e-5
    [ $precision = f32 ] || tolerance=1e-10
    for model in examples/iris/iris tests/oracle/cases/normed tests/oracle/cases/graph; do
        check "$source/$model.nnet" $precision record
        for target in $targets; do check "$source/$model.nnet" $precision $tolerance --target="$target"; done
        [ $model = tests/oracle/cases/normed ] || continue
        for level in -O0 -O1 -O3 -g; do check "$source/$model.nnet" $precision $tolerance $level; done
    done
done
exit $failed
