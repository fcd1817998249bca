# scaling.sh NNC: loss scaling in mixed(f16): steps that are skipped, growth, resuming to the bit, and what no scale helps.
nnc=$1
. "$(dirname "$0")/../run/data.sh"
# value NAME FILE FORMAT SIZE: a scalar of a file of weights
value() {
  at=$(tr -d '\0' < "$2" | grep -ao "\"$1\":{[^}]*}" | grep -ao '\[[0-9]*,[0-9]*\]' | tail -n 1 | tr -d '[' | cut -d, -f1)
  length=$(od -An -t u8 -N 8 "$2" | tr -d ' ')
  od -An -t "$3" -j $((8 + length + at)) -N "$4" "$2" | tr -d ' '
}
state() { echo "$(value optimizer/loss_scale "$1" f4 4) $(value optimizer/good_steps "$1" d8 8) $(value optimizer/skipped_steps "$1" d8 8)"; }
# line LOSS SETTINGS: a regression on one number, in f16
line() {
  cat > line.nnet << NNET
import std.nn
model Line {
  dim batch
  input x: f32[batch, 1]
  target y: f32[batch, 1]
  let z = dense(1, kernel_init = zeros)(x)
  output z
  loss $1
  train { batch = 4; seed = 1; shuffle = false; precision = mixed(f16); $2 }
}
NNET
  "$nnc" line.nnet -o line || fail "line does not compile"
}
printf 'x,y\n1,10\n2,20\n3,30\n4,40\n' > line.csv

# The gradient of z is -20 at most: 65536 times that overflows, 2048 times does not.
line 'mse(z, y)' 'optimizer = adam(lr = 0.1); steps = 40'
./line train --data line.csv --save a.safetensors --steps 5 --quiet > /dev/null || fail "line"
[ "$(value dense/kernel a.safetensors f4 4)" = 0 ] || fail "a skipped step changes the parameter"
[ "$(value optimizer/m/dense/kernel a.safetensors f4 4)" = 0 ] || fail "a skipped step changes the optimizer's state"
[ "$(state a.safetensors)" = "2048 0 5" ] || fail "after 5 steps: $(state a.safetensors)"
./line train --data line.csv --save b.safetensors --quiet > /dev/null || fail "line, 40 steps"
[ "$(state b.safetensors)" = "2048 35 5" ] || fail "after 40 steps: $(state b.safetensors)"
# A skipped step does not count for Adam's bias correction: 35 steps in f32 come to the same but for roundings.
"$nnc" line.nnet --precision=f32 -o exact && ./exact train --data line.csv --steps 35 --save c.safetensors --quiet > /dev/null
echo "$(value dense/kernel b.safetensors f4 4) $(value dense/kernel c.safetensors f4 4)" |
  awk '{ d = $1 - $2; exit !(d < 0.01 && d > -0.01) }' || fail "35 steps in f32 give another weight"
./line train --data line.csv --resume a.safetensors --save d.safetensors --steps 40 --quiet > /dev/null || fail "resume"
cmp -s b.safetensors d.safetensors || fail "resumed in other bits"

# 2000 good steps double the scale.
line '0.001 * mse(z, y)' 'optimizer = sgd(lr = 0.01); steps = 2010'
./line train --data line.csv --save a.safetensors --quiet > /dev/null || fail "growth"
[ "$(state a.safetensors)" = "131072 10 0" ] || fail "after 2010 steps: $(state a.safetensors)"

# A loss that is not finite is reported at once; a gradient that is not, at any scale, in the end.
line 'mse(log(z - 100.0), y)' 'optimizer = sgd(lr = 0.01); steps = 50'
./line train --data line.csv 2> err && fail "log: trains"
grep -q "^error: loss is nan at step 1 (epoch 1): first in loss 'mse'" err || fail "log: $(cat err)"
line 'mse(sqrt(abs(0.0 * z)), y)' 'optimizer = sgd(lr = 0.01); steps = 50'
./line train --data line.csv > /dev/null 2> err && fail "sqrt: trains"
grep -q "^error: loss is nan at step 34 (epoch 34): first in parameter 'dense/kernel'" err || fail "sqrt: $(cat err)"

# ---- with all other settings, and several lines, each with a scale of its own
cat > net.nnet << 'NNET'
import std.nn
model Net {
  dim batch
  input x: f32[batch, 4]
  target y: i32[batch]
  part body = chain(dense(16, activation = tanh), dropout(0.2), batch_norm())
  part head = dense(3)
  let logits = x |> body |> head
  output p = softmax(logits)
  loss sparse_cross_entropy(logits, y)
  metric accuracy(logits, y)
  train {
    minimize sparse_cross_entropy(logits, y) over body with adam(lr = 0.02)
    minimize 100000.0 * sparse_cross_entropy(logits, y) over head with sgd(lr = 0.000001) times 2
    accumulate = 2
    ema = 0.9
    clip_norm = 1.0
    freeze "*/bias" until epoch(1)
    batch = 10
    epochs = 8
    seed = 4
    precision = mixed(f16)
  }
}
NNET
"$nnc" net.nnet -o net || fail "net does not compile"
./net train --data data.csv --save whole.safetensors --threads 1 > out || fail "net: $(cat out)"
./net train --data data.csv --save two.safetensors --threads 2 --quiet > /dev/null
cmp -s whole.safetensors two.safetensors || fail "other bits with two threads"
[ "$(value optimizer/skipped_steps whole.safetensors d8 8)" = 0 ] || fail "the first line skips"
[ "$(value optimizer_2/skipped_steps whole.safetensors d8 8)" -gt 0 ] || fail "the second line skips no step"
./net train --data data.csv --save part.safetensors --epochs 3 --quiet > /dev/null
./net train --data data.csv --resume part.safetensors --save part.safetensors --epochs 8 --quiet > /dev/null || fail "net: resume"
cmp -s whole.safetensors part.safetensors || fail "resumed in other bits"
finish
