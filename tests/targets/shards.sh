#!/bin/sh
# shards.sh NNC SOURCE_DIR RUNTIME_LIB: code generated in parts: the same bytes from any number of cores, no names that are not the model's,
# line tables that survive, and for another architecture too.
set -u
nnc=$1
model=$2/tests/oracle/cases/gpt.nnet
. "$(dirname "$0")/../common.sh"
"$nnc" "$model" -c -o all.o && "$nnc" "$model" -c -o again.o || exit 1
cmp all.o again.o || fail "two compilations differ"
if command -v taskset >/dev/null; then
    taskset -c 0 "$nnc" "$model" -c -o one.o || exit 1
    cmp all.o one.o || fail "one core makes another object"
fi
[ "$(readelf -SW all.o | grep -c '[.]text  *PROGBITS')" -gt 1 ] || fail "the code is in one part"
[ "$(readelf -SW all.o | grep -c 'note.GNU-stack')" -eq 1 ] || fail "the note on the stack"
others=$(nm -g --defined-only all.o | sed -n 's/^[0-9a-f]* [A-Z] //p' | grep -v '^oracle_')
[ -z "$others" ] || fail "symbols of other names: $others"
wanted=$(nm -u all.o | sed 's/^ *U //' | grep -Ev '^(nnrt_[a-z_]*|mem(set|cpy|move))$')
[ -z "$wanted" ] || fail "what the parts lack: $wanted"

"$nnc" "$model" -c -g -o debug.o || exit 1
readelf --debug-dump=decodedline debug.o 2>/dev/null | grep -q 'gpt.nnet' || fail "no lines with -g"

"$nnc" "$model" -c --target=aarch64 -o arm.o || exit 1
readelf -h arm.o | grep -q AArch64 || fail "not for AArch64"
if command -v aarch64-linux-gnu-ld >/dev/null; then
    aarch64-linux-gnu-ld -r arm.o -o arm2.o || fail "the AArch64 linker refuses it"
fi
ld -r all.o -o all2.o 2>said || fail "the linker refuses it: $(cat said)"

# Equal layers share their kernels, though each draws its own initial values and its own dropout.
cat >equal.nnet <<'END'
import std.nn
model Equal {
  dim batch
  input x: f32[batch, 64]
  target y: f32[batch, 64]
  let p = x |> chain(repeat 6 { chain(dense(64, activation = relu), dropout(0.5)) })
  output p
  loss mse(p, y)
  train {
    optimizer = sgd(lr = 0.1)
    batch = 8
  }
}
END
"$nnc" equal.nnet --emit=llvm -o equal.ll || exit 1
[ "$(grep -c '^define internal void @init_[0-9]*_map' equal.ll)" -le 2 ] || fail "$(grep -c '^define.*@init_[0-9]*_map' equal.ll) kernels for 6 equal initial values"
most=$(grep -c '^define internal void @train_[0-9]*_contract' equal.ll)
[ "$most" -le 9 ] || fail "$most products for 6 equal layers"
finish
