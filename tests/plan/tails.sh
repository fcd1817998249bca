#!/bin/sh
# tails.sh NNC SOURCE_DIR RUNTIME_LIB: products call their tails, by whole images and by bands of them, where these hold all that a row of the tail is
# made of; what is passed takes a chunk of images in a worker's scratch and no place in the workspace.
nnc=$1 source=$2 runtime=$3
. "$(dirname "$0")/../common.sh"

# calls MODEL: "caller callee" of all calls of loops by products.
calls() {
  "$nnc" --emit=llvm "$source/tests/$1" -o out.ll || fail "$1"
  awk '/^define/ { match($0, /@[a-z_0-9]+/); fn = substr($0, RSTART + 1, RLENGTH - 1) }
       fn ~ /contract$/ && /call void @[a-z]+_[0-9]+_map\(/ { match($0, /@[a-z_0-9]+/); print fn, substr($0, RSTART + 1, RLENGTH - 1) }' out.ll
}
calls plan/pooled.nnet > whole
for pair in "train_1_contract train_2_map" "train_3_contract train_4_map" "train_8_contract train_9_map"; do
  grep -qx "$pair" whole || { cat whole; fail "no call: $pair"; }
done
calls batches/cases/pooled_bands.nnet > bands
for pair in "train_0_contract train_1_map" "train_4_contract train_5_map"; do
  grep -qx "$pair" bands || { cat bands; fail "no call: $pair"; }
done
grep -q "train_8_map" bands && fail "overlapping windows in bands of rows"

cat > size.c << 'END'
#include <stdio.h>
#include "nnrt.h"
extern const nnrt_model pooled_nnrt_model;
int main(void) {
  const nnrt_model *m = &pooled_nnrt_model;
  for (int i = 0; i < m->n_fns; i++) {
    int64_t few = 500, many = 1000;
    if (m->fns[i].kind == NNRT_FN_PREDICT)
      printf("%lld\n", (long long)((m->fns[i].workspace(&many, 1) - m->fns[i].workspace(&few, 1)) / 500));
  }
  return 0;
}
END
"$nnc" -c "$source/tests/plan/pooled.nnet" -o pooled.o && cc -I "$source/runtime" size.c pooled.o "$runtime" -lm -lpthread -o size || fail "no program"
image=$((12 * 12 * 8 * 4)) kept=$(((6 * 6 * 8 + 4 * 4 * 16) * 4)) each=$(./size)
[ "$each" -le "$kept" ] || fail "$each bytes an image: $image of the first convolution's result are in memory"
finish
