# memory.sh NNC: --memory makes plans that fit, which compute the same; where none does, the smallest figure is said. The memory that
# info states is what training takes.
nnc=$1
. "$(dirname "$0")/../common.sh"

cat > deep.nnet << 'END'
import std.nn
layer unit()(x: real[n, 64]) -> real[n, 64] {
  return x + (x |> dense(64, tanh) |> dropout(0.1) |> layer_norm())
}
model Deep {
  dim batch
  input x: f32[batch, 64]
  target y: f32[batch, 64]
  let p = x |> repeat 16 { unit() }
  output p
  loss mse(p, y)
  train { optimizer = adam(lr = 0.01); batch = 1024; epochs = 3 }
}
END
awk 'BEGIN { srand(3); for (i = 0; i < 1024; i++) { line = ""; for (k = 0; k < 128; k++) line = line (k ? "," : "") sprintf("%.4f", rand() - 0.5); print line } }' > data.csv

# Bytes of buffers of the training function's plan.
planned() { "$nnc" deep.nnet --emit=plan "$@" -o - 2> err | sed -n 's/^fn train: .*bytes=//p'; }
all=$(planned)
some=$(planned --memory=20M)
least=$(planned --memory=1M)
[ "$some" -lt "$all" ] && [ "$least" -lt "$((all / 4))" ] || fail "plans take $all, $some, $least bytes"
[ "$(planned --memory=1G)" = "$all" ] || fail "recomputed without need"
[ "$(planned --memory=20M --batch 64)" = "$(planned --batch 64)" ] || fail "--batch does not say what is planned for"

"$nnc" deep.nnet --memory=1M -o small 2> err && fail "1 MB is enough"
grep -q '^error\[E0750\]: training takes [0-9.]* MB of memory at batch = 1024, --memory allows 1 MB$' err || fail "$(cat err)"
grep -q 'parameters and what the optimizer keeps of them$' err || fail "no note: $(cat err)"
least=$(sed -n 's/.*training takes \([0-9.]*\) MB.*/\1/p' err)
[ ! -e small ] || fail "a program in spite of the error"
for bad in x 0 -1 3T 1.5Q; do
  "$nnc" deep.nnet --memory=$bad -o small 2> err
  [ $? = 2 ] || fail "--memory=$bad"
  grep -q "takes a number of bytes such as 1.8G or 500M, not '$bad'" err || fail "$(cat err)"
done

# The same losses, in less memory: what it says beforehand is at most what was allowed, and what is taken is what it said.
"$nnc" deep.nnet -o all && "$nnc" deep.nnet --memory=20M -o some || fail "compiling"
for p in all some; do
  ./$p train --data data.csv --threads 1 --log $p.jsonl --quiet > out || fail "training"
  sed 's/.*"loss":\([0-9.]*\).*/\1/; s/.*train_loss":\([0-9.]*\).*/\1/' $p.jsonl > $p.loss
done
paste all.loss some.loss | awk '{ d = $1 - $2; if (d < 0) d = -d; if (!($1 > 0) || d > 1e-5 * $1) bad = 1 } END { exit bad || NR < 3 }' ||
  fail "other losses: $(paste all.loss some.loss)"
said() { ./$1 info --memory --json --threads 1 | sed 's/.*"training_nbytes":\([0-9]*\).*/\1/'; }
[ "$(said some)" -lt 20000000 ] && [ "$(said some)" -lt "$(said all)" ] || fail "said $(said some) and $(said all)"
finish
