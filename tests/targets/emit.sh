#!/bin/sh
# emit.sh NNC SOURCE_DIR RUNTIME_LIB: what --emit=llvm, asm and obj write for each target, and what -g and -O add.
set -u
nnc=$1
model=$2/examples/iris/iris.nnet
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0

# emit FILE OPTION...
emit() {
    file=$1
    shift
    "$nnc" "$model" -o "$file" "$@" || { echo "FAILED: nnc $*"; exit 1; }
}
fail() {
    echo "FAILED: $*"
    failed=1
}
has() { grep -q -e "$2" "$1" || fail "$1 lacks $2"; }
lacks() { ! grep -q -e "$2" "$1" || fail "$1 has $2"; }

# The registers and instructions of a target, and no stronger one's.
emit v2.s --emit=asm --target=x86-64-v2
emit v3.s --emit=asm --target=x86-64-v3
emit v4.s --emit=asm --target=x86-64-v4
emit arm.s --emit=asm --target=aarch64
has v2.s '%xmm'
lacks v2.s '%ymm'
lacks v2.s 'vfmadd'
has v3.s '%ymm'
has v3.s 'vfmadd'
lacks v3.s '%zmm'
lacks v3.s '%k1'
has v4.s '%zmm'
has arm.s 'fmla'
lacks arm.s '%xmm'

# LLVM's text: of the target, with the model's one symbol, deterministic.
emit v3.ll --emit=llvm --target=x86-64-v3
emit again.ll --emit=llvm --target=x86-64-v3
emit arm.ll --emit=llvm --target=aarch64
has v3.ll '^target triple = "x86_64-unknown-linux-gnu"'
has arm.ll '^target triple = "aarch64-unknown-linux-gnu"'
has v3.ll '^@iris_nnrt_model = '
has v3.ll '^define internal '
cmp -s v3.ll again.ll || fail "two compilations differ"

# Places only with -g: the model's and the library's lines.
lacks v3.s '[.]loc'
emit g.s --emit=asm --target=x86-64-v3 -g
has g.s '[.]loc'
has g.s '[.]file.*iris.nnet'
has g.s '[.]file.*dense.nnet'
lacks v3.ll '!DILocation'
emit g.ll --emit=llvm -g
has g.ll '!DILocation'

# Minimal filtering of 3 x 3 convolutions in f32 alone, and only where it is not refused.
cat >filters.nnet <<'END'
import std.nn
model Filters {
  dim batch
  input x: f32[batch, 8, 8, 16]
  output y = x |> conv2d(16, 3, padding = same)
}
END
iris=$model
model=filters.nnet
emit on.ll --emit=llvm
emit off.ll --emit=llvm --winograd=off
emit f64.ll --emit=llvm --precision=f64
has on.ll '@nnc.winograd'
lacks off.ll '@nnc.winograd'
lacks f64.ll '@nnc.winograd'
"$nnc" "$model" -o x.ll --winograd=maybe 2>error && fail "--winograd=maybe is taken"
has error "--winograd is on or off, not 'maybe'"
lacks on.ll '@nnc.dots'

# Of a transposed convolution to one channel and a convolution to three, lanes run along k.
cat >columns.nnet <<'END'
import std.nn
model Columns {
  dim batch
  input x: f32[batch, 8, 8, 16]
  output y = x |> conv2d_transpose(1, 4, stride = 2, padding = 1)
  output z = x |> conv2d(3, 3, padding = same)
}
END
model=columns.nnet
emit columns.ll --emit=llvm --target=x86-64-v4
has columns.ll '@nnc.dots.v16f32.8x1'
has columns.ll '@nnc.dots.v16f32.8x3'
model=$iris
rm columns.nnet columns.ll
rm filters.nnet on.ll off.ll f64.ll error

# -c and --emit=obj are the same; nothing else is left beside them.
emit c.o -c
emit obj.o --emit=obj
cmp -s c.o obj.o || fail "-c and --emit=obj differ"
for level in 0 1 2 3; do emit "level$level.s" --emit=asm --target=x86-64-v3 "-O$level"; done
cmp -s level2.s v3.s || fail "-O2 is not the default"
! cmp -s level0.s v3.s || fail "-O0 changes nothing"
[ "$(find . -name '*.tmp*')" = "" ] || fail "temporary files are left"

# An executable is this machine's.
if [ "$(uname -m)" = x86_64 ]; then
    ! "$nnc" "$model" -o other --target=aarch64 2>message || fail "linked for another machine"
    has message 'with -c'
    [ ! -e other ] || fail "an executable is left"
fi
exit $failed
