#!/bin/sh
# aarch64.sh NNC SOURCE_DIR RUNTIME_LIB: models compiled for aarch64 and run by an emulator give what this machine computes.
set -u
nnc=$1
source=$2
library=$3
cross=aarch64-linux-gnu-gcc
for tool in $cross qemu-aarch64; do
    command -v $tool >/dev/null || { echo "skipped: $tool is not installed (sh examples/install.sh tests)"; exit 77; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

cc -std=gnu11 -O1 -I"$source/runtime" -c "$source/tests/targets/steps.c" -o "$work/native.o" || exit 1
mkdir "$work/core"
(cd "$work/core" && $cross -std=gnu11 -O2 -I"$source/runtime" -c "$source"/runtime/core/*.c &&
    $cross -std=gnu11 -O2 -I"$source/runtime" -c "$source/tests/targets/steps.c" -o test.o) || exit 1

# The linker's word that the model of an object is the program's.
only_model() {
    echo "-Wl,--defsym=nnrt_model_main=$(nm "$1" | sed -n 's/.* D \([a-z0-9_]*_nnrt_model\)$/\1/p')"
}

check() { # MODEL PRECISION TOLERANCE [BUT]
    "$nnc" -c "$1" -o "$work/native_model.o" --precision="$2" &&
        cc -o "$work/native" "$work/native.o" "$work/native_model.o" "$(only_model "$work/native_model.o")" "$library" -lm -lpthread &&
        "$work/native" "$work/record" &&
        "$nnc" -c "$1" -o "$work/model.o" --precision="$2" --target=aarch64 &&
        $cross -o "$work/steps" "$work"/core/*.o "$work/model.o" "$(only_model "$work/native_model.o")" -lm -lpthread || exit 1
    if ! said=$(qemu-aarch64 -L /usr/aarch64-linux-gnu "$work/steps" "$work/record" "$3" ${4:+"$4"}); then
        echo "FAILED: $(basename "$1") $2: $said"
        failed=1
    fi
}

for model in examples/xor/xor examples/iris/iris examples/digits/digits tests/oracle/cases/normed tests/oracle/cases/graph \
    tests/batches/cases/element_types; do
    check "$source/$model.nnet" f32 1e-5
    check "$source/$model.nnet" f64 1e-10
done
# The bias of the keys shifts all scores of a query alike, so that its gradient is zero.
check "$source/tests/oracle/cases/gpt.nnet" f64 1e-10 key/bias
exit $failed
