# mixed.sh NNC: what has 16 bits in mixed precision, and that networks learn in it as they do in f32.
nnc=$1
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../run/data.sh"
cat > net.nnet << 'NNET'
import std.nn
model Net {
  dim batch
  input x: f32[batch, 64]
  target y: i32[batch]
  let image = reshape(x / 16.0, [batch, 8, 8, 1])
  let h = image |> conv2d(8, 3, padding = same, activation = relu) |> max_pool2d() |> flatten()
  let logits = h |> dense(32, activation = relu) |> layer_norm() |> dense(10)
  output p = softmax(logits)
  loss sparse_cross_entropy(logits, y)
  metric accuracy(logits, y)
  train { optimizer = adam(lr = 0.003); batch = 32; epochs = 6; seed = 1; test_split = 0.3 }
}
NNET
gzip -dc "$here/../../examples/digits/digits.csv.gz" > digits.csv || fail "no digits"

# ---- what is in memory: operands of contractions in 16 bits, parameters in 32
"$nnc" net.nnet --precision='mixed(bf16)' --emit=plan -o - | sed -n '/^fn train/,/^fn eval/p' > plan
grep -q 'buffer [0-9]*: bf16\[batch, 8, 8, 8\]' plan || fail "the convolution's result is not in bf16"
grep -q 'buffer [0-9]*: bf16\[batch, 4, 4, 8\]' plan || fail "the pooled values are not in bf16"
grep -q 'buffer [0-9]*: f32\[batch, 8, 8, 8\]' plan && fail "an image is in f32: $(cat plan)"
"$nnc" net.nnet --precision='mixed(bf16)' --emit=kernels -o - | grep -q "point f32\[128, 32\] -> slot 'dense/kernel'" || fail "a parameter is not updated in f32"
"$nnc" "$here/../plan/recurrent.nnet" --precision='mixed(bf16)' --emit=kernels -o - | sed -n '/steps of train/,/^fn eval/p' > steps
grep -q 'rows \[batch, 4\] inner \[32\], packed once, groups 4,' steps || fail "a loop rounds its weights at every step: $(cat steps)"
grep -q 'bf16\[32, 4, 32\] -> result' steps && fail "rounded weights are stacked"
"$nnc" net.nnet --precision=f32 --emit=plan -o - | grep -q 'bf16' && fail "bf16 in f32"

# ---- they learn, to the same bits with any number of threads
score() { sed -n 's/^test accuracy: //p' "$1"; }
for precision in 'f32' 'mixed(bf16)' 'mixed(f16)'; do
  name=$(echo "$precision" | tr -d '()')
  "$nnc" net.nnet --precision="$precision" -o "$name" || fail "$precision does not compile"
  ./"$name" info | grep -q "^precision $precision\$" || fail "info does not say $precision"
  ./"$name" info --json | grep -qF "\"precision\":\"$precision\"" || fail "info --json does not say $precision"
  ./"$name" train --data digits.csv --threads 1 --save "$name.safetensors" > "$name.out" || fail "$precision: train"
  ./"$name" train --data digits.csv --threads 2 --save two.safetensors > /dev/null
  cmp -s "$name.safetensors" two.safetensors || fail "$precision: other bits with two threads"
  echo "$(score f32.out) $(score "$name.out")" | awk '{ exit !($1 > 0.93 && $2 > $1 - 0.01) }' || fail "$precision: test accuracy $(score "$name.out"), f32 $(score f32.out)"
done

# ---- the same weights give the same predictions but for a few roundings: within 4 units of 2^-9, 2^-12 of values below 1
workspace() { ./"$1" info --memory --threads 1 --batch 256 | sed -n 's/.*workspace of train *//p' | awk '{ print $1 * ($2 == "KB" ? 1 : 1024) }'; }
echo "$(workspace f32) $(workspace mixedbf16)" | awk '{ exit !($2 < 0.75 * $1) }' || fail "the workspace is $(workspace f32) KB in f32, $(workspace mixedbf16) KB in bf16"
for name in f32 mixedbf16 mixedf16; do
  ./$name predict --weights mixedbf16.safetensors --data digits.csv --out $name.csv > /dev/null || fail "$name: predict"
done
differ() { # the largest difference of two tables of numbers
  paste -d, "$1" "$2" | awk -F, 'NR > 1 { for (i = 1; i <= NF / 2; i++) { d = $i - $(i + NF / 2); if (d < 0) d = -d; if (d > most) most = d } } END { print most }'
}
differ f32.csv mixedbf16.csv | awk '{ exit !($1 > 1e-5 && $1 < 4 / 512 * 4) }' || fail "bf16 predictions are $(differ f32.csv mixedbf16.csv) away"
differ f32.csv mixedf16.csv | awk '{ exit !($1 > 1e-6 && $1 < 4 / 4096 * 4) }' || fail "f16 predictions are $(differ f32.csv mixedf16.csv) away"
"$nnc" net.nnet --precision='mixed(bf16)' --only=predict -o alone || fail "--only=predict"
./alone predict --weights mixedbf16.safetensors --data digits.csv --out alone.csv > /dev/null || fail "alone: predict"
cmp -s alone.csv mixedbf16.csv || fail "a program of predictions alone predicts otherwise"

# ---- all targets
for target in x86-64-v2 x86-64-v3 x86-64-v4 aarch64; do
  for precision in 'mixed(bf16)' 'mixed(f16)'; do
    "$nnc" -c net.nnet --precision="$precision" --target=$target -o any.o || fail "$precision for $target"
  done
done
"$nnc" net.nnet --precision='mixed(f16)' --target=x86-64-v2 -o old || fail "x86-64-v2"
./old train --data digits.csv --epochs 2 --save old.safetensors --quiet | awk '/^test accuracy/ { exit !($3 > 0.8) }' || fail "x86-64-v2 does not learn"

# ---- checks are of f64, and what is no precision is refused
sed 's/train {/train { precision = mixed(bf16);/; s/epochs = 6/epochs = 1/' net.nnet > set.nnet
"$nnc" gradcheck set.nnet > out || fail "gradcheck: $(cat out)"
"$nnc" set.nnet -o set && ./set info | grep -q '^precision mixed(bf16)$' || fail "the setting"
for wrong in 'mixed' 'mixed(f64)' 'mixed(bf16, f16)' 'half' '16'; do
  sed "s/train {/train { precision = $wrong;/" net.nnet > wrong.nnet
  "$nnc" check wrong.nnet 2> err && fail "precision = $wrong is taken"
  grep -q "^error\[E0605\]: 'precision' is f32, f64, mixed(bf16) or mixed(f16)" err || fail "precision = $wrong: $(cat err)"
done
"$nnc" net.nnet --precision=bf16 2> err && fail "--precision=bf16 is taken"
grep -q -- "--precision is f32, f64, mixed(bf16) or mixed(f16), not 'bf16'" err || fail "--precision=bf16: $(cat err)"
"$nnc" test net.nnet --precision='mixed(bf16)' 2> err && fail "tests in mixed precision"
grep -q -- "--precision of tests is f32 or f64" err || fail "test: $(cat err)"
finish
