# settings.sh NNC: the settings of `train` as a user of the compiled program meets them.
nnc=$1
. "$(dirname "$0")/../run/data.sh"
# model NAME BODY SETTINGS: compiled with inputs x and y
model() {
  cat > "$1.nnet" << END
layer burst(power: real = 300.0)(x: real[B, D]) -> real[B, D] {
  return exp(power * x)
}
model Net {
  dim batch
  input x: real[batch, 4]
  target y: i32[batch]
  $2
  train { $3 }
}
END
  "$nnc" "$1.nnet" -o "$1" || fail "$1 does not compile"
}
# says TEXT COMMAND...: fails and says so
says() {
  expected=$1
  shift
  if "$@" > out 2> err; then fail "$*: should fail"; fi
  [ "$(cat err)" = "$expected" ] || fail "$*: $(cat err)"
}
has() { # has TEXT FILE
  grep -qF -- "$1" "$2" || fail "$2 lacks '$1': $(cat "$2")"
}
advice='lower the learning rate (--set) or check the data'
plain='let p = x |> dense(8, activation = relu) |> dense(3)
  loss sparse_cross_entropy(p, y)
  output p
  metric accuracy(p, y)'

# ---- a loss that is not finite: what was first, however far the run is, and the last good file stays
model layer 'let p = x |> dense(8) |> burst |> dense(3)
  loss sparse_cross_entropy(p, y)
  output p' 'optimizer = sgd(lr = 0.1); batch = 10; epochs = 3'
printf 'good' > kept.safetensors
says "error: loss is nan at step 1 (epoch 1): first in layer 'burst' (its output); $advice" ./layer train --data data.csv --save kept.safetensors
[ "$(cat kept.safetensors)" = good ] || fail "the last good file is overwritten"
model update "$plain" 'optimizer = sgd(lr = 1e25); batch = 10; epochs = 3; accumulate = 2'
says "error: loss is nan at step 2 (epoch 1): first in layer 'dense_1' (its output); $advice" ./update train --data data.csv
model parameter "$plain" 'optimizer = sgd(lr = 1e39); batch = 10; epochs = 3'
says "error: loss is nan at step 2 (epoch 1): first in parameter 'dense/kernel'; $advice" ./parameter train --data data.csv
model loss 'let p = x |> dense(3) |> dropout(0.5)
  loss fit = sparse_cross_entropy(p, y)
  loss odd = mean(log(full([3], 0.0)))
  output p' 'batch = 10; epochs = 3'
says "error: loss is infinite at step 1 (epoch 1): first in loss 'odd'; $advice" ./loss train --data data.csv

# Growth until it bursts, many steps on: found by making the epoch again, with the same random draws.
model later 'param scale: real = 1.0
  let p = x |> dense(3) |> dropout(0.2)
  loss fit = sparse_cross_entropy(p, y)
  let grown = full([1, 2], 1.0) * scale |> burst(1.0) as second
  loss growth = -0.01 * mean(grown)
  output p' 'optimizer = sgd(lr = 0.1); batch = 10; epochs = 1000; ema = 0.9; accumulate = 2'
if ./later train --data data.csv --quiet > out 2> err; then fail "later: should fail"; fi
grep -Eq "^error: (loss|growth) is infinite at step [0-9]{3,} \(epoch [0-9]+\): first in layer 'second' \(its output\); lower" err || fail "later: $(cat err)"

# ---- early_stop
model stop "$plain" 'optimizer = adam(0.05); epochs = 60; validation_split = 0.2; early_stop(metric = "val_accuracy", patience = 3, mode = max)'
./stop train --data data.csv > out || fail "stop"
has 'stopped early: 3 epochs without a better val_accuracy' out
has 'best val_accuracy 1.0000 at epoch' out
has 'val accuracy: 1.0000' out
model unvalidated "$plain" 'early_stop(patience = 3)'
says "error: early_stop watches val_loss, and there is no validation set: give one with --val FILE, or validation_split in 'train'" ./unvalidated train --data data.csv
./unvalidated train --data data.csv --val test.csv --epochs 2 > out || fail "--val is a validation set"
has 'best val_loss' out
model untested "$plain" 'early_stop(metric = "loss", patience = 3)'
./untested train --data data.csv --epochs 2 > out || fail "a loss of the training needs no validation set"
has 'best loss' out

# ---- predictions use the averages
model averaged "$plain" 'optimizer = sgd(0.5); epochs = 3; ema = 0.999; seed = 1'
model current "$plain" 'optimizer = sgd(0.5); epochs = 3; seed = 1'
./averaged train --data data.csv --save a.safetensors --quiet > /dev/null || fail "averaged"
./current train --data data.csv --save c.safetensors --quiet > /dev/null || fail "current"
cut -d, -f1-4 test.csv > x.csv
./averaged predict --data x.csv --weights a.safetensors > a.csv || fail "predict with averages"
./current predict --data x.csv --weights c.safetensors > c.csv || fail "predict"
cmp -s a.csv c.csv && fail "predictions do not use the averages"
./averaged predict --data x.csv --weights c.safetensors > b.csv || fail "weights without averages"
cmp -s b.csv c.csv || fail "without averages in the file predictions are not the parameters'"

# ---- what is compiled in
model fixed "$plain" 'optimizer = sgd(lr = cosine(0.1), momentum = 0.9); epochs = 2'
says "error: --set: 'optimizer.momentum' is compiled in as 0.9, since it decides which code there is: change it in the model and compile again, or make it a parameter of the model, for nnc -D" \
  ./fixed train --data data.csv --set optimizer.momentum=0.5
./fixed info > out
has 'optimizer.momentum 0.9 (compiled in)' out

# ---- the log has the norms of the gradients, as the last batch of each epoch gives them, and the schedules' values
./fixed train --data data.csv --log log.jsonl --quiet > /dev/null || fail "log"
[ "$(grep -c '"gradient_norms":{"dense/kernel":[0-9.e-]*,"dense/bias":[0-9.e-]*,"dense_1/kernel":' log.jsonl)" = 2 ] || fail "no norms: $(cat log.jsonl)"
grep -q '"optimizer.lr":0.0[0-9]*' log.jsonl || fail "no value of the schedule: $(cat log.jsonl)"
./fixed train --data data.csv --save logged.safetensors --log log.jsonl --quiet > /dev/null
./fixed train --data data.csv --save unlogged.safetensors --quiet > /dev/null
cmp -s logged.safetensors unlogged.safetensors || fail "logging changes the weights"

# ---- frozen from the start to the end
model frozen 'part body = dense(8)
  let p = body(x) |> relu |> dense(3)
  loss sparse_cross_entropy(p, y)
  output p' 'freeze body; epochs = 2'
./frozen train --data data.csv > out || fail "frozen"
./frozen info > out
has 'frozen' out

# ---- what reports cost is not part of an object
"$nnc" -c fixed.nnet -o fixed.o --emit=llvm > fixed.ll 2> /dev/null || "$nnc" --emit=llvm fixed.nnet -o fixed.ll
grep -q probe fixed.ll && fail "an object has the PROBE function"
finish
