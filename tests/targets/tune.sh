#!/bin/sh
# tune.sh NNC SOURCE_DIR RUNTIME_LIB: nnc --tune times a model's contractions and writes a file; --tuned reads it, or says why not; results stay
# what they were.
set -u
nnc=$1
. "$(dirname "$0")/../common.sh"
# refuses TEXT OPTION...: compiling with the options fails, saying so, and leaves nothing
refuses() {
    text=$1
    shift
    ! "$nnc" small.nnet -c -o no.o "$@" 2>said || fail "$* is taken"
    grep -qF -e "$text" said || fail "$* does not say '$text': $(cat said)"
    [ ! -e no.o ] || fail "an object is left"
}
cat >small.nnet <<'END'
import std.nn
model Small {
  dim batch
  input x: f32[batch, 40]
  target y: f32[batch, 3]
  let p = x |> dense(600, activation = tanh) |> dense(3)
  output p
  loss mse(p, y)
  train {
    optimizer = sgd(lr = 0.01)
    batch = 16
    steps = 20
  }
}
END
"$nnc" --tune small.nnet >said || fail "nnc --tune ends with an error"
tail -1 said | grep -Eq '^[0-9]+ of 5 contractions gain; together [0-9.]+ us instead of [0-9.]+ .*written to small.tune$' || fail "the last line: $(tail -1 said)"
grep -q 'f32 m=-1 n=600 k=40 a=40,1 b=600,1' said || fail "the first layer's product is not timed"
[ "$(head -1 small.tune)" = "nnc tuning 1" ] || fail "the file's first line"
sed -n 2p small.tune | grep -Eq '^target [a-z0-9-]+ [a-z0-9_-]+$' || fail "the file's second line"
[ "$(find . -name '*.tmp*')" = "" ] || fail "temporary files are left"
"$nnc" small.nnet --tuned=small.tune -c -o tuned.o || fail "--tuned is refused"

# Without it, and with a file that holds nothing, the code is the default's; entries of a file reach the code.
head -2 small.tune >none.tune
"$nnc" small.nnet -c -o default.o || exit 1
"$nnc" small.nnet --tuned=none.tune -c -o none.o || exit 1
cmp -s default.o none.o || fail "a file without entries changes the code"
changed=0
for blocking in narrow-b by-scratch few-parts rows-shared columns-shared tall-tiles wide-tiles plain-sums; do
    { cat none.tune; sed -n 's/^ *[0-9.]* us  *[a-z-]*  *\([0-9.]*x\( on threads\)\{0,1\}  *\)\{0,1\}\(f32 .*\)$/'$blocking' 1.5 \3/p' said; } >one.tune
    [ "$(wc -l <one.tune)" -eq 7 ] || fail "the lines of $blocking"
    "$nnc" small.nnet --tuned=one.tune -c -o one.o || fail "$blocking is refused"
    cmp -s default.o one.o || changed=$((changed + 1))
done
[ $changed -ge 4 ] || fail "blockings do not reach the code"

# What cannot be used is said.
refuses "error[E0732]: cannot read 'missing.tune'" --tuned=missing.tune
sed '2s/ [a-z0-9_-]*$/ i486/' small.tune >other.tune
refuses "line 2: tuned for" --tuned=other.tune
refuses "make it again on this machine" --tuned=other.tune
{ cat none.tune; echo "faster 1.5 f32 m=1 n=1 k=1 a=1,1 b=1,1 form=0"; } >bad.tune
refuses "line 3: there is no blocking 'faster'" --tuned=bad.tune
{ cat none.tune; printf 'narrow-b 1.5 f32 m=1 n='; } >bad.tune
refuses "line 3: damaged" --tuned=bad.tune
refuses "line 1: not a tuning file of this nnc" --tuned=small.nnet
: >empty.tune
refuses "line 1: not a tuning file of this nnc" --tuned=empty.tune
refuses "tuned for" --tuned=small.tune --target=aarch64
"$nnc" --tune small.nnet -o missing/x.tune >said 2>&1 && fail "a file is written to no folder"
grep -q "error\[E0743\]: cannot write 'missing/x.tune'" said || fail "where it cannot write: $(tail -1 said)"
finish
