#!/bin/sh
# several.sh NNC SOURCE_DIR RUNTIME_LIB: several targets in one program: which one runs, that they compute the same, what is said where
# none can run.
set -u
nnc=$1
example=$2/examples/digits
. "$(dirname "$0")/../common.sh"
# says TEXT STATUS COMMAND...: the command ends so, with this among what it says
says() {
    text=$1 status=$2
    shift 2
    "$@" >said 2>&1
    was=$?
    [ $was -eq "$status" ] || fail "$* ended with $was instead of $status: $(head -3 said)"
    grep -qF -e "$text" said || fail "$* does not say '$text': $(head -3 said)"
}

[ "$(uname -m)" = x86_64 ] || { echo "skipped: this machine is no x86-64"; exit 77; }
all=x86-64-v2,x86-64-v3,x86-64-v4
"$nnc" "$example/digits.nnet" --target=x86-64-v4,x86-64-v2,x86-64-v3 -o digits || exit 1

# What nnc does not take.
says "error[E0731]: target 'x86-64-v2' is named twice" 1 "$nnc" "$example/digits.nnet" --target=x86-64-v2,x86-64-v2 -o no
says "error[E0731]: targets 'x86-64-v3' and 'aarch64' are of two" 1 "$nnc" "$example/digits.nnet" --target=x86-64-v3,aarch64 -c -o no
says "compile once for each" 1 "$nnc" "$example/digits.nnet" --target=x86-64-v3,aarch64 -c -o no
says "error[E0730]: unknown target 'x86-64-v9'" 1 "$nnc" "$example/digits.nnet" --target=x86-64-v2,x86-64-v9 -o no
says "error[E0731]: --emit=llvm and --emit=asm are for one target" 1 "$nnc" "$example/digits.nnet" --target=$all --emit=asm -o no
[ ! -e no ] || fail "a file is left"

# The strongest that the machine has; the one that is asked for; one that is not there.
runs=
for target in x86-64-v2 x86-64-v3 x86-64-v4; do
    if NNC_TARGET=$target ./digits info >said 2>&1; then
        runs="$runs $target" strongest=$target
        grep -qx "target $target, of x86-64-v2, x86-64-v3, x86-64-v4" said || fail "info does not name $target"
    else
        grep -q "this machine has no .*, which $target needs" said || fail "$target: $(cat said)"
    fi
done
./digits info | grep -qx "target $strongest, of x86-64-v2, x86-64-v3, x86-64-v4" || fail "$strongest is not chosen"
says "\"target\":\"$strongest\",\"targets\":[\"x86-64-v2\",\"x86-64-v3\",\"x86-64-v4\"]" 0 ./digits info --json
says "NNC_TARGET=x86-64-v9: model 'Digits' is compiled for x86-64-v2, x86-64-v3, x86-64-v4" 2 env NNC_TARGET=x86-64-v9 ./digits info

# Trained by each of them: the same losses within 1e-3, and the same bits at any number of threads.
loss() { sed -n 's/.*"test_loss":\([0-9.e-]*\).*/\1/p' "$1"; }
for target in $runs; do
    for threads in 1 2; do
        NNC_TARGET=$target ./digits train --data "$example/digits.csv.gz" --epochs 2 --threads $threads --log "log$threads" >/dev/null ||
            fail "training with $target"
    done
    [ "$(loss log1)" = "$(loss log2)" ] || fail "$target: $(loss log1) by one thread, $(loss log2) by two"
    [ -n "${first:-}" ] || first=$(loss log1)
    awk -v a="$first" -v b="$(loss log1)" 'BEGIN { d = a - b; exit !(a > 0.1 && d < 1e-3 * a && -d < 1e-3 * a) }' ||
        fail "$target: a loss of $(loss log1) instead of $first"
done

# A library of several targets, in an application.
cat >xor.nnet <<'END'
import std.nn
model Xor {
  dim batch
  input x: f32[batch, 2]
  output y = x |> dense(40, activation = tanh) |> dense(1)
}
END
cat >app.c <<'END'
#include <stdio.h>
#include "xor.h"
int main(void) {
    xor_error error;
    xor_model *model = xor_model_new(NULL, &error);
    if (!model) return printf("%s\n", error.message), 1;
    xor_ctx *ctx = xor_ctx_new(model, NULL, &error);
    float x[8] = {0, 0, 0, 1, 1, 0, 1, 1}, y[4];
    xor_inputs in = {.batch = 4, .x = x};
    xor_outputs out = {.y = y};
    if (!ctx || xor_predict(model, ctx, &in, &out, &error)) return printf("%s\n", error.message), 1;
    for (int i = 0; i < 4; i++) printf("%.4f ", y[i]);
    xor_ctx_free(ctx);
    xor_model_free(model);
    return 0;
}
END
"$nnc" xor.nnet --target=$all --emit=lib -o libxor.a && cc -std=gnu11 -I. app.c -L. -lxor -lm -lpthread -o app || exit 1
others=$(nm -g --defined-only libxor.a | sed -n 's/^[0-9a-f]* [A-Z] //p' | grep -Ev '^(xor|nnrt)_')
[ -z "$others" ] || fail "symbols of other names: $others"
expected=$(./app)
for target in $runs; do
    [ "$(NNC_TARGET=$target ./app)" = "$expected" ] || fail "the application with $target"
done
says "NNC_TARGET=mine: model 'Xor' is compiled for" 1 env NNC_TARGET=mine ./app

# Machines that have less, by an emulator.
command -v qemu-x86_64 >/dev/null || { echo "no qemu-x86_64: other machines are left out"; finish; }
qemu-x86_64 -cpu Nehalem ./digits info 2>/dev/null | grep -q '^target x86-64-v2,' || fail "a Nehalem does not run x86-64-v2"
qemu-x86_64 -cpu Haswell ./digits info 2>/dev/null | grep -q '^target x86-64-v3,' || fail "a Haswell does not run x86-64-v3"
[ "$(qemu-x86_64 -cpu Haswell ./app 2>/dev/null)" = "$expected" ] || fail "the application on a Haswell"
"$nnc" xor.nnet --target=x86-64-v3 -o xor || exit 1
says "model 'Xor' is compiled for x86-64-v3, and this machine has no avx2, fma, f16c, which x86-64-v3 needs" 1 \
    qemu-x86_64 -cpu Nehalem ./xor info
finish
