#!/bin/sh
# narrow.sh NNC MODEL NARROW_DATA: trains from f16 and bf16 files. What the object needs of others is nnrt_ functions alone, for every
# target: LLVM would call helpers of a compiler's library for f16, which compiled models are not linked with.
set -u
nnc=$1 model=$2 data=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0
fail() {
    echo "FAILED: $*"
    failed=1
}
"$data" || exit 1

for target in native x86-64-v2 x86-64-v3 x86-64-v4 aarch64; do
    for level in 0 2; do
        "$nnc" "$model" -c --target=$target -O $level -o model.o || fail "nnc --target=$target -O $level"
        nm -u model.o | grep -v ' nnrt_' && fail "$target at -O $level needs more than the runtime"
    done
done

# train NAME DATA...: the program NAME.nnet, its log without times in NAME.log
train() {
    name=$1
    shift
    "$nnc" "$name.nnet" -o "$name" || exit 1
    "./$name" train --save "$name.safetensors" "$@" > "$name.out" 2> "$name.err" || { cat "$name.err"; fail "$name train"; }
    tail -n 1 "$name.out" > "$name.log"
}
cp "$model" half.nnet
sed 's/x: f16/x: f32/' "$model" > single.nnet
sed 's/x: f16/x: bf16/' "$model" > brain.nnet
train half --data x=x.npy --data y=y.npy
train single --data x=x.npy --data y=y.npy
train brain --data data.safetensors
grep -Eq 'test accuracy: (0\.9|1)' half.log || { cat half.log; fail "the f16 model has not learnt"; }
grep -Eq 'test accuracy: (0\.9|1)' brain.log || { cat brain.log; fail "the bf16 model has not learnt"; }

# An f32 input takes the same file and gives the same parameters.
cmp -s half.safetensors single.safetensors || fail "f16 input and f32 input learn differently"

# CSV decimals round to f16 and print as they are; .npy has f16, and f32 for bf16.
printf '0.1,0.2,65504,1e-7\n' > one.csv
./half predict --weights half.safetensors --data one.csv > /dev/null || fail "predict from CSV"
printf '0.1,0.2,70000,1e-7\n' > large.csv
./half predict --weights half.safetensors --data large.csv 2> large.err && fail "70000 fits no f16"
grep -q "column 3 is inf, which input 'x' (f16\[batch, 4\]) cannot hold" large.err || { cat large.err; fail "message"; }
./half predict --weights half.safetensors --data x=x.npy --output half --out half.npy || fail "predict f16"
grep -aq "'<f2'" half.npy || fail "half.npy is no f16"
./half predict --weights half.safetensors --data x=x.npy --output brain --out brain.npy || fail "predict bf16"
grep -aq "'<f4'" brain.npy || fail "brain.npy is no f32"

[ $failed = 0 ] && echo "all as expected"
exit $failed
